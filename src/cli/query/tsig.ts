/**
 * Signed questions and replies (TSIG, RFC 8945) for `rootwalk query -y`: a key from text, a message with its signature,
 * and what the signature of a reply is worth. Secrets stay here: no text of this file shows one.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { copyOf, putU16, putU32, u16, u32 } from '../../dns/bytes.ts'
import { readName } from '../../dns/decode.ts'
import { parseBase64 } from '../../dns/encoding-text.ts'
import { HEADER_OCTETS } from '../../dns/message.ts'
import { foldName, type Name, nameBytes } from '../../dns/name.ts'
import { formatName, parseName } from '../../presentation/text.ts'
import { RrClass, RrType } from '../../dns/types.ts'

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
/** RFC 8945 section 10: the seconds that clocks may differ. */
const FUDGE_S = 300

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

export interface Signed {
  readonly bytes: Uint8Array
  /** What the reply's signature is made over as well. */
  readonly mac: Uint8Array
}

/** A complete query with its signature as the last record. `wall` in seconds since 1970. */
export function signQuery(query: Uint8Array, key: TsigKey, wall: number): Signed {
  const mac = macOf(key, [query, variables(key, wall, FUDGE_S, 0, NOTHING)])
  const record = tsigRecord(key, u16(query, 0), wall, mac)
  const bytes = new Uint8Array(query.length + record.length)
  bytes.set(query)
  bytes.set(record, query.length)
  putU16(bytes, 10, u16(query, 10) + 1)
  return { bytes, mac }
}

const NOTHING = new Uint8Array(0)
const macOf = (key: TsigKey, parts: readonly Uint8Array[]): Uint8Array =>
  Uint8Array.from(parts.reduce((hmac, part) => hmac.update(part), createHmac(key.hash, key.secret)).digest())

/** RFC 8945 section 4.3.3. */
function variables(key: TsigKey, time: number, fudge: number, error: number, other: Uint8Array): Uint8Array {
  const klass = Uint8Array.of(0, RrClass.ANY, 0, 0, 0, 0)
  const tail = new Uint8Array(4 + other.length)
  putU16(tail, 0, error)
  putU16(tail, 2, other.length)
  tail.set(other, 4)
  return Buffer.concat([nameBytes(key.name), klass, nameBytes(key.algorithm), timers(time, fudge), tail])
}

function timers(time: number, fudge: number): Uint8Array {
  const octets = new Uint8Array(8)
  putU16(octets, 0, Math.floor(time / 0x1_0000_0000))
  putU32(octets, 2, time % 0x1_0000_0000)
  putU16(octets, 6, fudge)
  return octets
}

function tsigRecord(key: TsigKey, id: number, wall: number, mac: Uint8Array): Uint8Array {
  const lengths = new Uint8Array(2)
  putU16(lengths, 0, mac.length)
  const tail = new Uint8Array(6)
  putU16(tail, 0, id)
  const rdata = Buffer.concat([nameBytes(key.algorithm), timers(wall, FUDGE_S), lengths, mac, tail])
  const head = new Uint8Array(10)
  putU16(head, 0, RrType.TSIG)
  putU16(head, 2, RrClass.ANY)
  putU16(head, 8, rdata.length)
  return Buffer.concat([nameBytes(key.name), head, rdata])
}

/** What the signatures of the messages of one reply are worth. */
export class TsigVerifier {
  readonly #key: TsigKey
  #mac: Uint8Array
  #first = true
  /** Messages without a signature since the last one that had one. */
  #unsigned: Uint8Array[] = []

  constructor(key: TsigKey, mac: Uint8Array) {
    this.#key = key
    this.#mac = mac
  }

  /**
   * The message without its signature, or what is wrong. Between two signed messages of a transfer some may be
   * unsigned.
   */
  take(
    message: Uint8Array,
    wall: number,
  ): { readonly bytes: Uint8Array; readonly signed: boolean } | { readonly error: string } {
    const found = findTsig(message)
    if (found === null) {
      if (this.#first) return { error: 'the reply has no signature' }
      if (this.#unsigned.length >= MAX_UNSIGNED) return { error: 'too many messages without a signature' }
      this.#unsigned.push(message)
      return { bytes: message, signed: false }
    }
    if (found.error !== 0) return { error: `the server says ${TSIG_ERRORS.get(found.error) ?? `error ${found.error}`}` }
    if (found.name !== this.#key.name || found.algorithm !== this.#key.algorithm)
      return { error: `the reply is signed with another key: ${formatName(found.name)}` }
    const bare = copyOf(message, 0, found.at)
    putU16(bare, 0, found.originalId)
    putU16(bare, 10, u16(message, 10) - 1)
    const length = new Uint8Array(2)
    putU16(length, 0, this.#mac.length)
    const { time, fudge, error, other } = found
    const over = this.#first ? variables(this.#key, time, fudge, error, other) : timers(time, fudge)
    const wanted = macOf(this.#key, [length, this.#mac, ...this.#unsigned, bare, over])
    if (wanted.length !== found.mac.length || !timingSafeEqual(wanted, found.mac))
      return { error: 'the signature does not fit' }
    if (Math.abs(wall - time) > fudge)
      return { error: `signed ${Math.abs(wall - time)} s from now: one of the clocks is wrong` }
    this.#mac = wanted
    this.#first = false
    this.#unsigned = []
    return { bytes: bare, signed: true }
  }

  /** All that came was signed in the end. */
  get complete(): boolean {
    return !this.#first && this.#unsigned.length === 0
  }
}

/** RFC 8945 section 5.3.1: at least every hundredth message is signed. */
const MAX_UNSIGNED = 99
const TSIG_ERRORS: ReadonlyMap<number, string> = new Map([
  [16, 'BADSIG: the key has another secret there'],
  [17, 'BADKEY: it does not know this key'],
  [18, 'BADTIME: one of the clocks is wrong'],
  [22, 'BADTRUNC'],
])

interface FoundTsig {
  readonly at: number
  readonly name: Name
  readonly algorithm: Name
  readonly time: number
  readonly fudge: number
  readonly mac: Uint8Array
  readonly originalId: number
  readonly error: number
  readonly other: Uint8Array
}

/** The last record of a message when it is a TSIG, the records before it passed over; null when there is none. */
function findTsig(message: Uint8Array): FoundTsig | null {
  if (message.length < HEADER_OCTETS || u16(message, 10) === 0) return null
  let at = HEADER_OCTETS
  for (let left = u16(message, 4); left > 0; left--) {
    const name = readName(message, at, message.length)
    if (name === null) return null
    at = name.next + 4
  }
  for (let left = u16(message, 6) + u16(message, 8) + u16(message, 10); left > 1; left--) {
    const next = recordEnd(message, at)
    if (next === null) return null
    at = next
  }
  const owner = readName(message, at, message.length)
  const end = recordEnd(message, at)
  if (owner === null || end !== message.length || u16(message, owner.next) !== RrType.TSIG) return null
  return readTsig(message, at, foldName(owner.name), owner.next + 10, end)
}

function recordEnd(message: Uint8Array, at: number): number | null {
  const owner = readName(message, at, message.length)
  if (owner === null || owner.next + 10 > message.length) return null
  const end = owner.next + 10 + u16(message, owner.next + 8)
  return end > message.length ? null : end
}

function readTsig(message: Uint8Array, at: number, name: Name, from: number, end: number): FoundTsig | null {
  const algorithm = readName(message, from, end)
  if (algorithm === null || algorithm.next + 10 > end) return null
  const time = u16(message, algorithm.next) * 0x1_0000_0000 + u32(message, algorithm.next + 2)
  const macAt = algorithm.next + 10
  const macEnd = macAt + u16(message, macAt - 2)
  if (macEnd + 6 > end || macEnd + 6 + u16(message, macEnd + 4) !== end) return null
  return {
    at,
    name,
    algorithm: foldName(algorithm.name),
    time,
    fudge: u16(message, algorithm.next + 6),
    mac: copyOf(message, macAt, macEnd),
    originalId: u16(message, macEnd),
    error: u16(message, macEnd + 2),
    other: copyOf(message, macEnd + 6, end),
  }
}
