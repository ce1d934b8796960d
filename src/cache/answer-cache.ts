/**
 * Finished answers as wire bytes without OPT, with the places of their TTLs: a hit is a look-up, a copy and a few patches
 * (the byte path; no message is decoded and no object made). Deliberately ignorant of what an answer means: whoever puts it
 * in decides that it may be told to everybody who asks the same question with the same DO and CD.
 *
 * It does not use `lru-cache`, which the other stores do: `answer-table.ts` says what objects cost here.
 *
 * Invariants: bounded in bytes; an answer is never written at or after its end; the ID, RD, CD and the letters of the
 * question are always the asker's; nothing is written that exceeds what the caller allows; truncated answers are not kept.
 */
import { putU16, putU32, u16, u32 } from '../dns/bytes.ts'
import { OPT_FIXED_OCTETS } from '../dns/edns.ts'
import { HEADER_OCTETS } from '../dns/message.ts'
import { RrType } from '../dns/types.ts'
import { KEY_ROOM_OCTETS, type QueryPeek } from '../dns/wire.ts'
import type { CacheLimits } from '../limits.ts'
import { AnswerTable, ENTRY_HEADER } from './answer-table.ts'
import { elapsedSeconds, plainTtl } from './ttl.ts'

/** RFC 1035 section 4.1.1 and RFC 4035 section 3.2: bits of the third and fourth octet of the header. */
const QR = 0x80
const TC = 0x02
const RD = 0x01
const AD = 0x20
const CD = 0x10
/** RFC 6891 section 6.1.4. */
const DO = 0x80

/** DO and CD: answers to the same question with other bits are entries of their own. */
type Variant = 0 | 1 | 2 | 3
const VARIANTS: readonly Variant[] = [0, 1, 2, 3]
const variantOf = (dnssecOk: boolean, checkingDisabled: boolean): Variant => (dnssecOk ? (checkingDisabled ? 3 : 1) : checkingDisabled ? 2 : 0)

/** Type and class. */
const FIXED_OCTETS = 4

export class AnswerCache {
  readonly #limits: CacheLimits
  readonly #table: AnswerTable
  readonly #key = new Uint8Array(KEY_ROOM_OCTETS)
  readonly #keyWords: Int32Array
  /** The last buffer written to, and the same in units of four octets: null when it does not begin at such a unit. */
  #out: Uint8Array | null = null
  #outWords: Int32Array | null = null

  /** `budget` in bytes. */
  constructor(limits: CacheLimits, budget: number) {
    this.#limits = limits
    this.#table = new AnswerTable(budget)
    this.#keyWords = new Int32Array(this.#key.buffer)
  }

  get bytes(): number {
    return this.#table.bytes
  }

  /** Answers, those that differ in DO or CD counted apart. */
  get size(): number {
    return this.#table.size
  }

  /**
   * Keeps a copy for `ttlSeconds` (0: not at all). `wire` is a complete reply without OPT to exactly one question, which
   * stands uncompressed behind the header; `ttlOffsets` as `encodeMessage` gives them; `key` is `questionKey` of the
   * question. False when it was not kept: no time, too large, truncated or not such a reply.
   */
  put(
    key: string, dnssecOk: boolean, checkingDisabled: boolean, wire: Uint8Array, ttlOffsets: Uint16Array, ttlSeconds: number, now: number,
  ): boolean {
    const life = Math.min(plainTtl(ttlSeconds), this.#limits.maxTtl)
    if (life === 0 || wire.length > this.#limits.entryBytes || !isCacheable(key, wire)) return false
    const variant = variantOf(dnssecOk, checkingDisabled)
    const length = this.#spell(key)
    const hash = hashOf(this.#keyWords, length)
    this.#forget(hash, variant, length)
    const kept = Uint8Array.from(wire)
    // The letters of the question are compared in lower case, and the asker's are put in their place.
    kept.set(this.#key.subarray(0, length), HEADER_OCTETS)
    return this.#table.insert(hash, variant, now, life, kept, offsetsAsOctets(ttlOffsets))
  }

  /**
   * Writes the answer to a peeked query into `out` and returns its length in octets; 0 when there is none or when it would
   * exceed `maxBytes` (the caller's: for UDP the smaller of the client's payload size and our bound, for TCP 65,535) or
   * `out`, so that the value path can truncate. TTLs are counted down by whole seconds. An OPT record that offers
   * `ourPayloadBytes` and echoes DO follows if and only if the query had one (RFC 6891 section 6.1.1). What `out` holds
   * behind the returned length is undefined.
   */
  write(peek: QueryPeek, query: Uint8Array, out: Uint8Array, now: number, maxBytes: number, ourPayloadBytes: number): number {
    const table = this.#table
    const variant = variantOf(peek.dnssecOk, peek.checkingDisabled)
    const at = table.find(hashOf(peek.keyWords, peek.keyLength), variant, peek.keyWords, peek.keyLength, HEADER_OCTETS)
    if (at < 0) return 0
    const elapsed = elapsedSeconds(table.timeAt(at), now)
    const length = table.lengthAt(at)
    const total = peek.edns ? length + OPT_FIXED_OCTETS : length
    if (elapsed >= table.lifeAt(at) || total > maxBytes || total > out.length) return 0
    table.markUsed(at)
    const from = at + ENTRY_HEADER
    this.#copy(out, from, length)
    // 0x20: the letters of the question are the asker's. The stored one is in lower case and has the same length, since its key is the same.
    if (peek.mixedCase) for (let i = HEADER_OCTETS; i < peek.questionEnd; i++) out[i] = query[i] ?? 0
    patchHeader(out, query, peek)
    if (elapsed > 0) countDown(out, table.octets, from + length, table.tailLengthAt(at), elapsed)
    if (peek.edns) writeOpt(out, length, ourPayloadBytes, peek.dnssecOk)
    return total
  }

  remove(key: string): void {
    const length = this.#spell(key)
    for (const variant of VARIANTS) this.#forget(hashOf(this.#keyWords, length), variant, length)
  }

  clear(): void {
    this.#table.clear()
  }

  #forget(hash: number, variant: Variant, length: number): void {
    const at = this.#table.find(hash, variant, this.#keyWords, length, HEADER_OCTETS)
    if (at >= 0) this.#table.remove(at)
  }

  /** The key as it stands in a message; returns its length. */
  #spell(key: string): number {
    const name = key.length - 2
    for (let i = 0; i < name; i++) this.#key[i] = key.charCodeAt(i)
    putU16(this.#key, name, key.charCodeAt(name))
    putU16(this.#key, name + 2, key.charCodeAt(name + 1))
    const length = name + FIXED_OCTETS
    for (let i = length; (i & 3) !== 0; i++) this.#key[i] = 0
    return length
  }

  /** Up to three octets more than asked for are written where there is room: four at a time is a quarter of the work. */
  #copy(out: Uint8Array, from: number, length: number): void {
    if (out !== this.#out) {
      this.#out = out
      this.#outWords = (out.byteOffset & 3) === 0 ? new Int32Array(out.buffer, out.byteOffset, out.length >> 2) : null
    }
    const target = this.#outWords
    const count = (length + 3) >> 2
    const { words, octets } = this.#table
    if (target === null || count > target.length) {
      for (let i = 0; i < length; i++) out[i] = octets[from + i] ?? 0
    } else if (length > LONG_OCTETS) {
      out.set(octets.subarray(from, from + length))
    } else {
      const first = from >> 2
      for (let i = 0; i < count; i++) target[i] = words[first + i] ?? 0
    }
  }
}

/** FNV-1a over units of four octets, then the end of MurmurHash3, so that all bits depend on all. */
function hashOf(words: Int32Array, length: number): number {
  let hash = 0x811c9dc5 | 0
  const count = (length + 3) >> 2
  for (let i = 0; i < count; i++) {
    hash = Math.imul(hash ^ (words[i] ?? 0), 0x01000193)
    hash ^= hash >>> 15
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}

/** Longest answer that is copied unit by unit: from there on the native call is quicker, which makes a view first. */
const LONG_OCTETS = 512

function offsetsAsOctets(ttlOffsets: Uint16Array): Uint8Array {
  const octets = new Uint8Array(2 * ttlOffsets.length)
  for (const [i, offset] of ttlOffsets.entries()) putU16(octets, 2 * i, offset)
  return octets
}

/** Takes `elapsed` seconds off the TTLs whose offsets are the `count` octets at `from`, never below 0. */
function countDown(out: Uint8Array, octets: Uint8Array, from: number, count: number, elapsed: number): void {
  for (let i = from; i < from + count; i += 2) {
    const at = u16(octets, i)
    putU32(out, at, Math.max(u32(out, at) - elapsed, 0))
  }
}

/**
 * ID, RD and CD from the query (RFC 1035 section 4.1.1, RFC 4035 section 3.2.2). AD stays as stored, which is set for
 * validated answers only, and is told to those alone who asked for it with AD or DO (RFC 6840 section 5.8).
 */
function patchHeader(out: Uint8Array, query: Uint8Array, peek: QueryPeek): void {
  out[0] = query[0] ?? 0
  out[1] = query[1] ?? 0
  out[2] = ((out[2] ?? 0) & ~RD) | ((query[2] ?? 0) & RD)
  const withoutAd = peek.authenticData || peek.dnssecOk ? 0 : AD
  out[3] = ((out[3] ?? 0) & ~(CD | withoutAd)) | ((query[3] ?? 0) & CD)
}

/** Appends OPT at `at`: root owner, our payload size, no extended RCODE, version 0, DO as asked, no options; counts it in ARCOUNT. */
function writeOpt(out: Uint8Array, at: number, ourPayloadBytes: number, dnssecOk: boolean): void {
  out[at] = 0
  putU16(out, at + 1, RrType.OPT)
  putU16(out, at + 3, ourPayloadBytes)
  out[at + 5] = 0
  out[at + 6] = 0
  out[at + 7] = dnssecOk ? DO : 0
  out[at + 8] = 0
  out[at + 9] = 0
  out[at + 10] = 0
  putU16(out, 10, u16(out, 10) + 1)
}

/** A whole reply to one question whose name is as long as the key says (the key is the name, type and class). */
function isCacheable(key: string, wire: Uint8Array): boolean {
  const questionEnd = HEADER_OCTETS + key.length + 2
  const flags = wire[2] ?? 0
  return wire.length >= questionEnd && (flags & QR) !== 0 && (flags & TC) === 0 && u16(wire, 4) === 1
    && u16(wire, questionEnd - 4) === key.charCodeAt(key.length - 2) && u16(wire, questionEnd - 2) === key.charCodeAt(key.length - 1)
}
