/**
 * The keys of the server's cookies, from their file: 32 hexadecimal digits a line, and what comes after # is a comment.
 * RFC 9018 section 5: the first makes cookies, a second is accepted as well.
 */
import type { Problem } from '../../events.ts'
import { readSecretFile, type SecretForm } from '../../system/secret-file.ts'

export type CookieKeys =
  | { readonly kind: 'keys'; readonly keys: readonly Uint8Array[] }
  | { readonly kind: 'invalid'; readonly problem: Problem }

const FORM: SecretForm = {
  severity: 'warning',
  noun: 'key',
  textOf: line => line.replace(/#.*/, '').trim(),
  read: digits => (/^[0-9a-fA-F]{32}$/.test(digits) ? Uint8Array.from(Buffer.from(digits, 'hex')) : null),
  expected: '32 hexadecimal digits, as `openssl rand -hex 16` prints them',
  unreadable: 'a random key is used until the end of the process',
  empty: 'write 32 hexadecimal digits into it',
}

export function readCookieKeys(file: string): CookieKeys {
  const read = readSecretFile(file, FORM)
  return read.kind === 'invalid' ? read : { kind: 'keys', keys: read.secrets }
}
