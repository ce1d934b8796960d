/**
 * Files of secrets: a line for each. The first is the one to use; a second is accepted as well, so that a secret is
 * rolled over by writing the new one above the old one.
 */
import { readFileSync } from 'node:fs'
import { errorText, type Problem } from '../events.ts'

export type SecretsRead =
  | { readonly kind: 'secrets'; readonly secrets: readonly Uint8Array[] }
  | { readonly kind: 'invalid'; readonly problem: Problem }

/** What stands in such a file, and what is said where it does not. */
export interface SecretForm {
  readonly severity: Problem['severity']
  /** As in `holds no key`. */
  readonly noun: 'key' | 'secret'
  /** A line without what is no part of its secret; an empty one is passed over. */
  readonly textOf: (line: string) => string
  /** Null: it is none. */
  readonly read: (text: string) => Uint8Array | null
  /** Of a line with none. */
  readonly expected: string
  /** What comes of it that the file cannot be read, or what to do. */
  readonly unreadable: string
  readonly empty: string
}

/** One that makes, one that is rolled over. */
const MOST_SECRETS = 2

/** The first thing that is wrong, or all secrets: at least one. */
export function readSecretFile(file: string, form: SecretForm): SecretsRead {
  const { severity, noun, textOf, read, expected, unreadable, empty } = form
  const wrong = (line: number, message: string): SecretsRead => ({
    kind: 'invalid',
    problem: { file, line, column: line === 0 ? 0 : 1, severity, message },
  })
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    return wrong(0, `cannot be read: ${errorText(error)}; ${unreadable}`)
  }
  const secrets: Uint8Array[] = []
  for (const [index, line] of text.split('\n').entries()) {
    const written = textOf(line)
    if (written === '') continue
    const secret = read(written)
    if (secret === null) return wrong(index + 1, `expected ${expected}`)
    if (secrets.length === MOST_SECRETS)
      return wrong(index + 1, `expected at most ${MOST_SECRETS} ${noun}s, the new one first`)
    secrets.push(secret)
  }
  return secrets.length === 0 ? wrong(0, `holds no ${noun}: ${empty}`) : { kind: 'secrets', secrets }
}
