/** Words of the help of `rootwalk serve`, made from the schema of the settings. */
import type { Setting } from '../config/schema/json-schema.ts'

/** What a setting may be, when that is a list of words. */
export const choicesOf = ({ enum: words, anyOf = [] }: Setting['schema']): readonly string[] =>
  words !== undefined
    ? words.map(String)
    : anyOf.flatMap(branch =>
        branch.type === 'boolean'
          ? ['true', 'false']
          : (branch.enum ?? (branch.const === undefined ? [] : [branch.const])).map(String),
      )

const HEADINGS: Readonly<Record<string, string>> = { tcp: 'TCP', dnssec: 'DNSSEC', log: 'Log' }

/** `queryLog` is "Query log". */
export const heading = (word: string): string =>
  HEADINGS[word] ?? word.charAt(0).toUpperCase() + word.slice(1).replace(/[A-Z]/g, c => ` ${c.toLowerCase()}`)
