/**
 * Finished answers as wire bytes without OPT, with the places of their TTLs: a hit is a look-up, a copy and a few patches
 * (the byte path; no message is decoded and no object made). Deliberately ignorant of what an answer means: whoever puts it
 * in decides that it may be told to everybody who asks the same question with the same DO and CD.
 *
 * Invariants: bounded in bytes; an answer is never written at or after its end; the ID, RD, CD and the letters of the
 * question are always the asker's; nothing is written that exceeds what the caller allows; truncated answers are not kept.
 */
import { putU16, putU32, u16, u32 } from '../dns/bytes.ts'
import { OPT_FIXED_OCTETS } from '../dns/edns.ts'
import { HEADER_OCTETS } from '../dns/message.ts'
import { RrType } from '../dns/types.ts'
import type { QueryPeek } from '../dns/wire.ts'
import type { CacheLimits } from '../limits.ts'
import { flat } from './packed.ts'
import { ByteStore } from './store.ts'
import { elapsedSeconds, plainTtl } from './ttl.ts'

/** RFC 1035 section 4.1.1 and RFC 4035 section 3.2: bits of the third and fourth octet of the header. */
const QR = 0x80
const TC = 0x02
const RD = 0x01
const AD = 0x20
const CD = 0x10
/** RFC 6891 section 6.1.4. */
const DO = 0x80

/**
 * One answer, and the others to the same question with other DO and CD bits behind it. Laid out for the processor's caches:
 * with 20,000 answers every object on the way is a miss of some 80 ns, so the octets of answer and TTL offsets are one
 * array, and the times are small integers, which need no object of their own.
 */
interface Finished {
  readonly variant: Variant
  /** The answer, and behind it two octets for the offset of each TTL. */
  readonly octets: Uint8Array
  readonly length: number
  /** Whole ms, rounded down. */
  readonly storedAt: number
  readonly lifeSeconds: number
  /** Second of its life in which it last counted as used. */
  usedAt: number
  readonly next: Finished | null
}

/** DO and CD. */
type Variant = 0 | 1 | 2 | 3
const variantOf = (dnssecOk: boolean, checkingDisabled: boolean): Variant => (dnssecOk ? (checkingDisabled ? 3 : 1) : checkingDisabled ? 2 : 0)

export class AnswerCache {
  readonly #limits: CacheLimits
  readonly #store: ByteStore<Finished>

  /** `budget` in bytes. */
  constructor(limits: CacheLimits, budget: number) {
    this.#limits = limits
    this.#store = new ByteStore<Finished>(budget, (first, key) => {
      let bytes = limits.entryOverheadBytes + key.length
      for (let finished: Finished | null = first; finished !== null; finished = finished.next) {
        bytes += limits.arrayOverheadBytes + finished.octets.length
      }
      return bytes
    })
  }

  get bytes(): number {
    return this.#store.bytes
  }

  /** Questions with an answer. */
  get size(): number {
    return this.#store.size
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
    let next: Finished | null = null
    for (let old = this.#store.peek(key) ?? null; old !== null; old = old.next) {
      if (old.variant !== variant && elapsedSeconds(old.storedAt, now) < old.lifeSeconds) next = { ...old, next }
    }
    return this.#store.set(flat(key), {
      variant, octets: joined(wire, ttlOffsets), length: wire.length, storedAt: Math.floor(now), lifeSeconds: life, usedAt: 0, next,
    })
  }

  /**
   * Writes the answer to a peeked query into `out` and returns its length in octets; 0 when there is none or when it would
   * exceed `maxBytes` (the caller's: for UDP the smaller of the client's payload size and our bound, for TCP 65,535) or
   * `out`, so that the value path can truncate. TTLs are counted down by whole seconds. An OPT record that offers
   * `ourPayloadBytes` and echoes DO follows if and only if the query had one (RFC 6891 section 6.1.1). What `out` holds
   * behind the returned length is undefined.
   */
  write(peek: QueryPeek, query: Uint8Array, out: Uint8Array, now: number, maxBytes: number, ourPayloadBytes: number): number {
    const variant = variantOf(peek.dnssecOk, peek.checkingDisabled)
    let finished = this.#store.peek(peek.key) ?? null
    while (finished !== null && finished.variant !== variant) finished = finished.next
    if (finished === null) return 0
    const elapsed = elapsedSeconds(finished.storedAt, now)
    const { octets, length } = finished
    const total = peek.edns ? length + OPT_FIXED_OCTETS : length
    if (elapsed >= finished.lifeSeconds || total > maxBytes || total > out.length) return 0
    // Once a second is use enough: moving an entry to the front for every hit writes to five places of memory.
    if (elapsed !== finished.usedAt) {
      finished.usedAt = elapsed
      this.#store.get(peek.key)
    }
    copyInto(out, octets, length, query, peek.questionEnd)
    patchHeader(out, query, peek)
    if (elapsed > 0) countDown(out, octets, length, elapsed)
    if (peek.edns) writeOpt(out, length, ourPayloadBytes, peek.dnssecOk)
    return total
  }

  remove(key: string): void {
    this.#store.delete(key)
  }

  clear(): void {
    this.#store.clear()
  }
}

/** Longest answer that is copied octet by octet: measured on Node 20, from there on the native call is quicker. */
const SHORT_OCTETS = 96

/** 0x20: the letters of the question are the asker's. The stored one has the same length, since its key is the same. */
function copyInto(out: Uint8Array, octets: Uint8Array, length: number, query: Uint8Array, questionEnd: number): void {
  if (octets.length > SHORT_OCTETS && octets.length <= out.length) out.set(octets)
  else {
    for (let at = 0; at < HEADER_OCTETS; at++) out[at] = octets[at] ?? 0
    for (let at = questionEnd; at < length; at++) out[at] = octets[at] ?? 0
  }
  for (let at = HEADER_OCTETS; at < questionEnd; at++) out[at] = query[at] ?? 0
}

function joined(wire: Uint8Array, ttlOffsets: Uint16Array): Uint8Array {
  const octets = new Uint8Array(wire.length + 2 * ttlOffsets.length)
  octets.set(wire)
  for (const [i, offset] of ttlOffsets.entries()) putU16(octets, wire.length + 2 * i, offset)
  return octets
}

/** Takes `elapsed` seconds off the TTLs whose offsets stand behind the first `length` octets, never below 0. */
function countDown(out: Uint8Array, octets: Uint8Array, length: number, elapsed: number): void {
  for (let i = length; i < octets.length; i += 2) {
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
