/**
 * The keys of the server's cookies, from their file: a line of 32 hexadecimal digits each, the first makes cookies, a
 * second is accepted as well, so that a key is rolled over by writing the new one above the old one.
 */
import { readFileSync } from 'node:fs'
import { errorText, type Problem } from '../../events.ts'

export type CookieKeys =
  | { readonly kind: 'keys'; readonly keys: readonly Uint8Array[] }
  | { readonly kind: 'invalid'; readonly problem: Problem }

/** RFC 9018 section 5: one that makes, one that is rolled over. */
const MOST_KEYS = 2

export function readCookieKeys(file: string): CookieKeys {
  const wrong = (line: number, message: string): CookieKeys => ({
    kind: 'invalid',
    problem: { file, line, column: line === 0 ? 0 : 1, severity: 'warning', message },
  })
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    return wrong(0, `cannot be read: ${errorText(error)}; a random key is used until the end of the process`)
  }
  const keys: Uint8Array[] = []
  for (const [index, line] of text.split('\n').entries()) {
    const digits = line.replace(/#.*/, '').trim()
    if (digits === '') continue
    if (!/^[0-9a-fA-F]{32}$/.test(digits))
      return wrong(index + 1, 'expected 32 hexadecimal digits, as `openssl rand -hex 16` prints them')
    if (keys.length === MOST_KEYS) return wrong(index + 1, `expected at most ${MOST_KEYS} keys, the new one first`)
    keys.push(Uint8Array.from(Buffer.from(digits, 'hex')))
  }
  return keys.length === 0 ? wrong(0, 'holds no key: write 32 hexadecimal digits into it') : { kind: 'keys', keys }
}
