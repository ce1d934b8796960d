/**
 * The record of a signature (TSIG, RFC 8945 section 4): made, found, and what its MAC is over. What a signature is
 * worth is judged in `tsig.ts`. No text of this file shows a secret.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { copyOf, putU16, putU48, u16, u48 } from '../dns/bytes.ts'
import { readName } from '../dns/decode.ts'
import { HEADER_OCTETS } from '../dns/message.ts'
import { foldName, type Name, nameBytes } from '../dns/name.ts'
import { RrClass, RrType } from '../dns/types.ts'
import type { TsigKey } from './key.ts'

/** RFC 8945 section 10: the seconds that clocks may differ. */
export const FUDGE_S = 300

/** What a signature says besides its key. */
interface Signature {
  readonly time: number
  readonly mac: Uint8Array
  readonly error: number
  readonly other: Uint8Array
}

/** The message with its signature as the last record. */
export function withRecord(
  message: Uint8Array,
  key: Pick<TsigKey, 'name' | 'algorithm'>,
  signature: Signature,
): Uint8Array {
  const record = tsigRecord(key, u16(message, 0), signature)
  const bytes = new Uint8Array(message.length + record.length)
  bytes.set(message)
  bytes.set(record, message.length)
  putU16(bytes, 10, u16(message, 10) + 1)
  return bytes
}

export const NOTHING: Uint8Array = new Uint8Array(0)
export const macOf = (key: TsigKey, parts: readonly Uint8Array[]): Uint8Array =>
  Uint8Array.from(parts.reduce((hmac, part) => hmac.update(part), createHmac(key.hash, key.secret)).digest())

/** RFC 8945 section 4.3.3. */
export function variables(key: TsigKey, time: number, fudge: number, error: number, other: Uint8Array): Uint8Array {
  const klass = Uint8Array.of(0, RrClass.ANY, 0, 0, 0, 0)
  const tail = new Uint8Array(4 + other.length)
  putU16(tail, 0, error)
  putU16(tail, 2, other.length)
  tail.set(other, 4)
  return Buffer.concat([nameBytes(key.name), klass, nameBytes(key.algorithm), timers(time, fudge), tail])
}

export function timers(time: number, fudge: number): Uint8Array {
  const octets = new Uint8Array(8)
  putU48(octets, 0, time)
  putU16(octets, 6, fudge)
  return octets
}

function tsigRecord(
  key: Pick<TsigKey, 'name' | 'algorithm'>,
  id: number,
  { time, mac, error, other }: Signature,
): Uint8Array {
  const tail = new Uint8Array(6)
  putU16(tail, 0, id)
  putU16(tail, 2, error)
  putU16(tail, 4, other.length)
  const rdata = Buffer.concat([nameBytes(key.algorithm), timers(time, FUDGE_S), sized(mac), tail, other])
  const head = new Uint8Array(10)
  putU16(head, 0, RrType.TSIG)
  putU16(head, 2, RrClass.ANY)
  putU16(head, 8, rdata.length)
  return Buffer.concat([nameBytes(key.name), head, rdata])
}

/** The message as it was before it was signed. */
export function bareOf(message: Uint8Array, { at, originalId }: FoundTsig): Uint8Array {
  const bare = copyOf(message, 0, at)
  putU16(bare, 0, originalId)
  putU16(bare, 10, u16(message, 10) - 1)
  return bare
}

export const isSame = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && timingSafeEqual(a, b)

/** After its length, as the MAC of a request goes into that of the reply (RFC 8945 section 4.3.1). */
export function sized(mac: Uint8Array): Uint8Array {
  const octets = new Uint8Array(2 + mac.length)
  putU16(octets, 0, mac.length)
  octets.set(mac, 2)
  return octets
}

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
export function findTsig(message: Uint8Array): FoundTsig | null {
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
  const time = u48(message, algorithm.next)
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
