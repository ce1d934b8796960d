/** What is wrong with a setting, and where: the words and places that all readers of a configuration share. */
import type { Problem } from '../events.ts'
import { suggest } from '../presentation/suggest.ts'
import type { JsonPath, Place } from './json.ts'

/** Where a complaint about the setting at a path belongs. `key`: it is about the key there, not about its value. */
export type Locate = (path: JsonPath, message: string, key?: boolean) => Problem

export const problem = (file: string, place: Place | null, message: string): Problem => ({
  file,
  line: place?.line ?? 0,
  column: place?.column ?? 0,
  severity: 'error',
  message,
})

/** `dnssec.negativeTrustAnchors[1].until`. */
export const pathText = (path: JsonPath): string =>
  path.reduce<string>(
    (text, step) => (typeof step === 'number' ? `${text}[${step}]` : `${text}${text === '' ? '' : '.'}${step}`),
    '',
  ) || 'the configuration'

export function didYouMean(word: string, known: Iterable<string>): string {
  const near = suggest(word, known)
  return near === null ? '' : ` (did you mean "${near}"?)`
}
