/**
 * The arguments of `rootwalk serve`, read without the parser of the other commands, whose loading is a third of the
 * time to the first answer. It takes what is plainly right and leaves everything else (help, slips, odd spellings) to
 * that parser, so that there is one voice for complaints. Invariant: what it takes means the same to both.
 */
import { parseArgs } from 'node:util'
import { flagName, overridable, takesList } from '../config/sources.ts'
import type { Override } from '../config/types.ts'

export interface ServeWords {
  /** Of `--config`. */
  readonly file: string | undefined
  readonly flags: readonly Override[]
}

/** Null: help is wanted, or something is wrong or unusual. */
export function readServeWords(words: readonly string[]): ServeWords | null {
  // The other parser takes the quotes off a value that begins and ends with them.
  if (words.some(word => word === '' || /['"]/.test(word))) return null
  const settings = words.every((word, index) => isConfig(word) || isConfig(words[index - 1] ?? '')) ? [] : overridable()
  const text = { type: 'string', multiple: true } as const
  try {
    const { values } = parseArgs({
      args: [...words],
      options: {
        config: { ...text, short: 'c' },
        ...Object.fromEntries(settings.map(setting => [flagName(setting.path), text])),
      },
    })
    const given: Readonly<Record<string, unknown>> = values
    if (Object.values(given).flat().includes('')) return null
    // Given twice, the last one counts; lists may be given with commas or by repeating the flag.
    const flags = settings.flatMap((setting): Override[] => {
      const name = flagName(setting.path)
      const texts = textsOf(given[name])
      const last = texts.at(-1)
      if (last === undefined) return []
      return [{ label: `--${name}`, path: setting.path, value: takesList(setting) ? texts.flatMap(items) : last }]
    })
    return { file: textsOf(given.config).at(-1), flags }
  } catch {
    return null
  }
}

/** `--config`, or `-c`, alone: without other flags the list of settings, which takes time to make, is not needed. */
const isConfig = (word: string): boolean => word === '--config' || word === '-c' || word.startsWith('--config=')

const textsOf = (value: unknown): readonly string[] => (Array.isArray(value) ? value.map(String) : [])

/** The items of a list with commas. */
export const items = (text: string): readonly string[] =>
  text
    .split(',')
    .map(item => item.trim())
    .filter(item => item !== '')
