/**
 * Shared keys of signed messages (TSIG, RFC 8945), as they are written: `[algorithm:]name:secret`, or a file as
 * tsig-keygen and nsd write it. Secrets stay here and in `tsig.ts`: no text of either file shows one.
 */
import { parseBase64 } from '../dns/encoding-text.ts'
import { foldName, type Name } from '../dns/name.ts'
import { parseName } from '../presentation/text.ts'

export interface TsigKey {
  readonly name: Name
  readonly algorithm: Name
  /** As `node:crypto` calls it. */
  readonly hash: string
  readonly secret: Uint8Array
}

/** RFC 8945 section 6. */
const ALGORITHMS: ReadonlyMap<string, { readonly hash: string; readonly name: string }> = new Map([
  ['hmac-md5', { hash: 'md5', name: 'hmac-md5.sig-alg.reg.int.' }],
  ['hmac-sha1', { hash: 'sha1', name: 'hmac-sha1.' }],
  ['hmac-sha224', { hash: 'sha224', name: 'hmac-sha224.' }],
  ['hmac-sha256', { hash: 'sha256', name: 'hmac-sha256.' }],
  ['hmac-sha384', { hash: 'sha384', name: 'hmac-sha384.' }],
  ['hmac-sha512', { hash: 'sha512', name: 'hmac-sha512.' }],
])
const DEFAULT_ALGORITHM = 'hmac-sha256'
type Read<T> = T | { readonly error: string }

/** `[algorithm:]name:secret`, the secret in base64. */
export function readKey(text: string): Read<TsigKey> {
  const parts = text.split(':')
  const [algorithm = '', name = '', secret = ''] = parts.length === 3 ? parts : [DEFAULT_ALGORITHM, ...parts]
  if (parts.length < 2 || parts.length > 3) return { error: '-y takes [algorithm:]name:secret' }
  return makeKey(algorithm, name, secret)
}

/** A file with `key "name" { algorithm …; secret "…"; };`, as tsig-keygen writes it. */
export function readKeyFile(text: string): Read<TsigKey> {
  const bare = text.replaceAll(/\/\/.*|#.*/g, '')
  const name = /\bkey\s+"?([^\s"{]+)"?\s*\{/.exec(bare)?.[1]
  const algorithm = /\balgorithm\s+"?([\w-]+)"?\s*;/.exec(bare)?.[1]
  const secret = /\bsecret\s+"?([A-Za-z0-9+/=]+)"?\s*;/.exec(bare)?.[1]
  if (name === undefined || secret === undefined)
    return { error: 'expected key "name" { algorithm hmac-sha256; secret "…"; };' }
  return makeKey(algorithm ?? DEFAULT_ALGORITHM, name, secret)
}

function makeKey(algorithm: string, name: string, secret: string): Read<TsigKey> {
  const known = ALGORITHMS.get(algorithm.toLowerCase())
  if (known === undefined)
    return { error: `"${algorithm}" is no algorithm of keys; known are ${[...ALGORITHMS.keys()].join(', ')}` }
  const owner = parseName(name, null)
  if (typeof owner !== 'string') return { error: `the name of the key: ${owner.error}` }
  const octets = parseBase64(secret)
  if (octets === null || octets.length === 0) return { error: 'the secret of the key is no base64' }
  const algorithmName = parseName(known.name, null)
  if (typeof algorithmName !== 'string') return algorithmName
  return { name: foldName(owner), algorithm: foldName(algorithmName), hash: known.hash, secret: octets }
}
