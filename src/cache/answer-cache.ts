/**
 * Finished answers as wire bytes without OPT, with the places of their TTLs: a hit is a look-up, a copy and a few
 * patches (the byte path; no message is decoded and no object made). They lie in shared memory: one thread puts them
 * in, any number read them without asking or waiting. Deliberately ignorant of what an answer means: whoever puts it in
 * decides that it may answer any client of the same view with the same question, DO and CD.
 *
 * It does not use `lru-cache`, which the other stores do: under traffic every object of a look-up is a miss of the
 * processor's caches and of its address translation.
 *
 * Invariants: bounded in bytes; an answer is never written at or after its end, nor when it was being overwritten while
 * it was read; the ID, RD, CD and the letters of the question are always the asker's; nothing is written that exceeds
 * what the caller allows; truncated answers are not kept.
 *
 * Limitations: of the orders that can be set (`rotate`) only A and AAAA sets take notice, whose records are alike in
 * length and hold no names; the value path answers in the order that the servers gave.
 */
import { putU16 } from '../dns/bytes.ts'
import { OPT_FIXED_OCTETS } from '../dns/edns.ts'
import { HEADER_OCTETS } from '../dns/message.ts'
import { KEY_ROOM_OCTETS, type QueryPeek } from '../dns/wire.ts'
import type { CacheLimits, RrOrder } from '../limits.ts'
import {
  BUCKET_WORDS,
  BUCKETS_IN_USE,
  bucketOf,
  ENTRY_HEADER,
  FIRST_BUCKETS,
  GENERATIONS,
  HASH,
  HASH_WORDS,
  hashOf,
  hasKey,
  LENGTHS,
  LIFE,
  MARKS,
  POLICY_GENERATION,
  PREFETCHED,
  REFERENCES,
  SEGMENT_UNITS,
  SEGMENT_UNIT_SHIFT,
  SIZE_AND_TAG,
  TAG_MASK,
  TIME,
  UNIT_SHIFT,
  USED,
  viewAnswers,
} from './answer-memory.ts'
import {
  countDown,
  isCacheable,
  writePatchInfo,
  patchInfoOctets,
  patchHeader,
  rotateRun,
  writeOpt,
} from './answer-patch.ts'
import { AnswerTable } from './answer-table.ts'
import { elapsedSeconds, plainTtl } from './ttl.ts'

/** What a reader in another thread needs: structured-cloneable, the buffers are shared. */
export interface AnswerCacheHandle {
  /** Control words, buckets, then the segments of the entries. */
  readonly buffers: readonly SharedArrayBuffer[]
  /** log2 of a block's octets. */
  readonly blockShift: number
  readonly seed: number
  readonly rotate: RrOrder
  /** Seconds a TTL must have had to be worth a prefetch, and the last part of it, in 1/100, in which one is due. */
  readonly prefetchMinTtl: number
  readonly prefetchPercent: number
}

export interface AnswerCacheOptions {
  /** Seed of the hash, so that clients cannot choose names that collide in one bucket. A 32-bit integer. */
  readonly seed?: number
}

/** An answer for everybody of a view who asks `key` with these bits. */
export interface FinishedAnswer {
  /** `questionKey` of the question. */
  readonly key: string
  readonly dnssecOk: boolean
  readonly checkingDisabled: boolean
  /** A complete reply without OPT to exactly one question, which stands uncompressed after the header. */
  readonly wire: Uint8Array
  /** As `encodeMessage` gives them. */
  readonly ttlOffsets: Uint16Array
  /** How long it is kept; 0: not at all. */
  readonly ttlSeconds: number
}

/** DO and CD: answers to the same question with other bits are separate entries. */
const VARIANTS = [0, 1, 2, 3] as const
const variantOf = (dnssecOk: boolean, checkingDisabled: boolean): number =>
  dnssecOk ? (checkingDisabled ? 3 : 1) : checkingDisabled ? 2 : 0
/**
 * What an entry is tagged with: the low bits of the generation, view (0 to 255) and variant. The hash is made with the
 * whole generation, so that an entry of another one is found only when a multiple of 64 changes and 32 bits of the hash
 * agree.
 */
const tagOf = (variant: number, view: number, generation: number): number =>
  ((generation & GENERATION_MASK) << 10) | (view << 2) | variant
const GENERATION_MASK = 0x3f
const seedOf = (seed: number, tag: number, generation: number): number =>
  seed ^ Math.imul(tag, 0x9e37_79b1) ^ Math.imul(generation, 0x85eb_ca77)

/** Type and class. */
const FIXED_OCTETS = 4
const DEFAULT_SEED = 0x811c_9dc5 | 0
/** Of an entry's data, in words after the start of the entry: where the question is in the stored message. */
const KEY_WORD = (ENTRY_HEADER + HEADER_OCTETS) / 4
/** Longest answer that is copied unit by unit: from there on the native call is quicker, which makes a view first. */
const LONG_OCTETS = 512

/** The side that writes. */
export class AnswerCache {
  readonly #limits: CacheLimits
  readonly #table: AnswerTable
  readonly #views = new Set([0])
  #generation = 0
  readonly #key = new Uint8Array(KEY_ROOM_OCTETS)
  readonly #keyWords: Int32Array
  /** New entries are built here: the answer, followed by its patch information. */
  readonly #octets: Uint8Array
  readonly #words: Int32Array
  readonly handle: AnswerCacheHandle
  /** For the thread that writes, which no one disturbs. */
  readonly reader: AnswerReader

  /** `budget` in bytes. */
  constructor(limits: CacheLimits, budget: number, options: AnswerCacheOptions = {}) {
    this.#limits = limits
    this.#table = new AnswerTable(budget)
    this.#keyWords = new Int32Array(this.#key.buffer)
    this.#words = new Int32Array(Math.ceil((limits.entryBytes + patchInfoOctets(limits.entryBytes)) / 4))
    this.#octets = new Uint8Array(this.#words.buffer)
    const { buffers, blockShift } = this.#table.memory
    const { rotate, prefetchMinTtl, prefetchPercent } = limits
    this.handle = { buffers, blockShift, seed: options.seed ?? DEFAULT_SEED, rotate, prefetchMinTtl, prefetchPercent }
    this.reader = new AnswerReader(this.handle, true)
  }

  get bytes(): number {
    return this.#table.bytes
  }

  /** Answers, those that differ in DO, CD or view counted apart. */
  get size(): number {
    return this.#table.size
  }

  /** Which rules the answers were made under: a number that changes with `newGeneration`. */
  get generation(): number {
    return this.#generation
  }

  /**
   * Other rules hold: no answer that was made before is given from now on, in whatever thread. Costs the same however
   * many there are; their memory is taken up by those that come.
   */
  newGeneration(): void {
    this.#generation = (this.#generation + 1) | 0
    Atomics.store(this.#table.memory.control, POLICY_GENERATION, this.#generation)
  }

  /**
   * Keeps a copy. `generation` is that of the time at which the making began. False when it was not kept: no time, too
   * large, truncated, made under rules that no longer hold, or no such reply as it has to be.
   */
  put(answer: FinishedAnswer, now: number, view = 0, generation: number = this.#generation): boolean {
    if (generation !== this.#generation) return false
    const { key, dnssecOk, checkingDisabled, wire, ttlOffsets, ttlSeconds } = answer
    const { entryBytes, maxTtl, rotate } = this.#limits
    const life = Math.min(Math.floor(plainTtl(ttlSeconds)), maxTtl)
    if (life <= 0 || wire.length > entryBytes || !isCacheable(key, wire)) return false
    const length = this.#spell(key)
    const tag = tagOf(variantOf(dnssecOk, checkingDisabled), view, generation)
    this.#views.add(view)
    const octets = this.#octets
    const first = wire.length
    if (first > LONG_OCTETS) octets.set(wire)
    else for (let i = 0; i < first; i++) octets[i] = wire[i] ?? 0
    // The letters of the question are compared in lower case, and the asker's are put in their place.
    for (let i = 0; i < length; i++) octets[HEADER_OCTETS + i] = this.#key[i] ?? 0
    const second = writePatchInfo(octets, first, HEADER_OCTETS + length, ttlOffsets, rotate !== 'fixed', octets, first)
    const hash = hashOf(this.#keyWords, length, seedOf(this.handle.seed, tag, generation))
    return this.#table.put(
      { hash, tag, time: now, life, words: this.#words, first, second },
      this.#keyWords,
      length,
      HEADER_OCTETS,
    )
  }

  /** In every variant and every view. Whoever asks from now on, in whatever thread, does not get it. */
  remove(key: string): void {
    const length = this.#spell(key)
    for (const view of this.#views) {
      for (const variant of VARIANTS) {
        const tag = tagOf(variant, view, this.#generation)
        this.#table.remove(
          hashOf(this.#keyWords, length, seedOf(this.handle.seed, tag, this.#generation)),
          tag,
          this.#keyWords,
          length,
          HEADER_OCTETS,
        )
      }
    }
  }

  /** As `remove`, for all. */
  clear(): void {
    this.#table.clear()
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
}

/** `#attempt` gives this for an entry that was being written. */
const DISTURBED = -1
/** `#find` gives this when there is none. */
const NONE = -2
/**
 * Looks at one answer: a write takes 0.2 us, in which about three of them fit. A writer that was put to sleep makes a
 * miss.
 */
const ATTEMPTS = 30

/**
 * The side that reads, one for each thread. All times are the writer's: `now` is what the writer's `Clock.now()` would
 * give, in milliseconds.
 *
 * How a copy is known to be whole (a sequence lock): the generation of the entry's block is read before and after and
 * must be even and unchanged; the reference that led to the entry must still be there after the copy.
 */
export class AnswerReader {
  readonly #alone: boolean
  readonly #control: Int32Array
  readonly #buckets: Int32Array
  readonly #octets: readonly Uint8Array[]
  readonly #words: readonly Int32Array[]
  readonly #times: readonly Float64Array[]
  readonly #blockUnitShift: number
  readonly #seed: number
  readonly #rotate: RrOrder
  readonly #prefetchMinTtl: number
  readonly #prefetchAfter: number
  /** Never read by others: the store into it keeps the reads before it from being reordered after it. */
  readonly #fence = new Int32Array(1)
  /** What else `#find` found. */
  #unit = 0
  #generation = 0
  /** Which address comes first. */
  #turn: number
  /** The last buffer written to, and the same in units of four octets: null when it does not begin at such a unit. */
  #out: Uint8Array | null = null
  #outWords: Int32Array | null = null
  /**
   * True when the last answer written should be prefetched. That happens once per answer: for the first query in the
   * last part of its TTL, if the answer was queried before.
   */
  lastWantsPrefetch = false

  /** `alone`: in the thread that writes, where nothing is written meanwhile. */
  constructor(handle: AnswerCacheHandle, alone = false) {
    const { control, buckets, octets, words, times } = viewAnswers(handle.buffers)
    this.#alone = alone
    this.#control = control
    this.#buckets = buckets
    this.#octets = octets
    this.#words = words
    this.#times = times
    this.#blockUnitShift = handle.blockShift - UNIT_SHIFT
    this.#seed = handle.seed
    this.#rotate = handle.rotate
    this.#turn = handle.seed
    this.#prefetchMinTtl = handle.prefetchMinTtl
    this.#prefetchAfter = 100 - handle.prefetchPercent
  }

  /**
   * Writes the answer to a peeked query into `out` from `outAt` on and returns its length in octets; 0 when there is
   * none or when it would exceed `maxBytes` (the caller's: for UDP the smaller of the client's payload size and our
   * bound, for TCP 65,535) or `out`, so that the value path can truncate. TTLs are counted down by whole seconds. An
   * OPT record that offers `ourPayloadBytes` and echoes DO follows if and only if the query had one (RFC 6891 section
   * 6.1.1).
   *
   * `query` is what was peeked, from its first octet on; it must not overlap what is written, also when 0 is returned:
   * up to `maxBytes` octets, rounded up to four. Quickest with one large `out` for all calls and `outAt` a multiple of
   * four.
   */
  write(
    peek: QueryPeek,
    query: Uint8Array,
    out: Uint8Array,
    outAt: number,
    now: number,
    maxBytes: number,
    ourPayloadBytes: number,
    view = 0,
  ): number {
    this.lastWantsPrefetch = false
    const generation = this.#control[POLICY_GENERATION] ?? 0
    const tag = tagOf(variantOf(peek.dnssecOk, peek.checkingDisabled), view, generation)
    const hash = hashOf(peek.keyWords, peek.keyLength, seedOf(this.#seed, tag, generation))
    const room = Math.min(maxBytes, out.length - outAt)
    for (let i = 0; i < ATTEMPTS; i++) {
      const length = this.#attempt(hash, tag, peek, query, out, outAt, now, room, ourPayloadBytes)
      if (length !== DISTURBED) return length
    }
    return 0
  }

  #attempt(
    hash: number,
    tag: number,
    peek: QueryPeek,
    query: Uint8Array,
    out: Uint8Array,
    outAt: number,
    now: number,
    room: number,
    ours: number,
  ): number {
    const buckets = this.#buckets
    const way = this.#find(hash, tag, peek)
    if (way < 0) return way === DISTURBED ? DISTURBED : 0
    const unit = this.#unit
    const generation = this.#generation
    const first = (unit & (SEGMENT_UNITS - 1)) * 2
    const words = this.#words[unit >>> SEGMENT_UNIT_SHIFT]
    const octets = this.#octets[unit >>> SEGMENT_UNIT_SHIFT]
    const times = this.#times[unit >>> SEGMENT_UNIT_SHIFT]
    if (words === undefined || octets === undefined || times === undefined) return 0
    const elapsed = elapsedSeconds(times[(first >> 1) + TIME] ?? 0, now)
    const life = words[first + LIFE] ?? 0
    const lengths = words[first + LENGTHS] ?? 0
    const length = lengths >>> 16
    const note = lengths & 0xffff
    const total = peek.edns ? length + OPT_FIXED_OCTETS : length
    if (elapsed < life && total <= room) {
      const from = first * 4 + ENTRY_HEADER
      this.#copy(out, outAt, words, octets, from, length)
      // 0x20: the letters of the question are the asker's. The stored one is in lower case and has the same length,
      // since its key is the same.
      if (peek.mixedCase) for (let i = HEADER_OCTETS; i < peek.questionEnd; i++) out[outAt + i] = query[i] ?? 0
      if ((note & 1) !== 0) rotateRun(out, outAt, octets, from, length, from + length + note, this.#nextTurn())
      patchHeader(out, outAt, query, peek)
      if (elapsed > 0) countDown(out, outAt, length, octets, from + length, note, elapsed)
      if (peek.edns) writeOpt(out, outAt, length, ours, peek.dnssecOk)
    }
    if (!this.#alone && !this.#isWhole(way, unit, generation)) return DISTURBED
    if (elapsed >= life || total > room) return 0
    const number = (way % BUCKET_WORDS) - REFERENCES
    const marks = buckets[way - REFERENCES - number + MARKS] ?? 0
    if ((marks & (USED << number)) === 0) Atomics.or(buckets, way - REFERENCES - number + MARKS, USED << number)
    else if (elapsed * 100 >= life * this.#prefetchAfter && life >= this.#prefetchMinTtl) this.#tellOnce(way, number)
    return total
  }

  /**
   * The word of the reference to the entry, whose unit and generation are noted; -1 (`DISTURBED`) when it is being
   * written, below that when there is none.
   */
  #find(hash: number, tag: number, peek: QueryPeek): number {
    const buckets = this.#buckets
    const control = this.#control
    const bucket = bucketOf(hash, control[BUCKETS_IN_USE] ?? FIRST_BUCKETS)
    const half = hash >>> 16
    for (let i = 0; i < HASH_WORDS; i++) {
      const both = buckets[bucket + i] ?? 0
      if ((both & 0xffff) === half) {
        const found = this.#check(bucket + REFERENCES + 2 * i, hash, tag, peek)
        if (found !== NONE) return found
      }
      if (both >>> 16 === half) {
        const found = this.#check(bucket + REFERENCES + 2 * i + 1, hash, tag, peek)
        if (found !== NONE) return found
      }
    }
    return NONE
  }

  #check(way: number, hash: number, tag: number, peek: QueryPeek): number {
    const unit = (this.#buckets[way] ?? 0) - 1
    if (unit < 0) return NONE
    const block = GENERATIONS + (unit >>> this.#blockUnitShift)
    const generation = this.#alone ? 0 : Atomics.load(this.#control, block)
    if ((generation & 1) !== 0) return DISTURBED
    const words = this.#words[unit >>> SEGMENT_UNIT_SHIFT]
    const first = (unit & (SEGMENT_UNITS - 1)) * 2
    if (words === undefined || words[first + HASH] !== hash || ((words[first + SIZE_AND_TAG] ?? 0) & TAG_MASK) !== tag)
      return NONE
    if (!hasKey(words, first + KEY_WORD, peek.keyWords, peek.keyLength)) return NONE
    this.#unit = unit
    this.#generation = generation
    return way
  }

  /**
   * Was the entry that was copied this way's all the while? Between the two loads of the generation nothing was written
   * in its block, and at a moment between them the reference was there: so what was read is what the reference stood
   * for. The store keeps all that was read before it from being read after the last load, also on ARM, where a load
   * alone does not.
   */
  #isWhole(way: number, unit: number, generation: number): boolean {
    if (this.#buckets[way] !== unit + 1) return false
    Atomics.store(this.#fence, 0, 0)
    return Atomics.load(this.#control, GENERATIONS + (unit >>> this.#blockUnitShift)) === generation
  }

  #tellOnce(way: number, number: number): void {
    const marks = way - REFERENCES - number + MARKS
    const bit = PREFETCHED << number
    if (((this.#buckets[marks] ?? 0) & bit) !== 0) return
    this.lastWantsPrefetch = (Atomics.or(this.#buckets, marks, bit) & bit) === 0
  }

  /** Xorshift: good enough to spread load, and guessing it gains an attacker nothing. */
  #nextTurn(): number {
    if (this.#rotate === 'cyclic') this.#turn = (this.#turn + 1) | 0
    else {
      this.#turn ^= this.#turn << 13
      this.#turn ^= this.#turn >>> 17
      this.#turn ^= this.#turn << 5
    }
    return this.#turn
  }

  /**
   * Up to three octets more than asked for are written where there is room: four at a time is a quarter of the work.
   */
  #copy(out: Uint8Array, outAt: number, words: Int32Array, octets: Uint8Array, from: number, length: number): void {
    if (out !== this.#out) {
      this.#out = out
      this.#outWords = (out.byteOffset & 3) === 0 ? new Int32Array(out.buffer, out.byteOffset, out.length >> 2) : null
    }
    const target = this.#outWords
    const count = (length + 3) >> 2
    if (length > LONG_OCTETS) {
      out.set(octets.subarray(from, from + length), outAt)
    } else if (target === null || (outAt & 3) !== 0 || (outAt >> 2) + count > target.length) {
      for (let i = 0; i < length; i++) out[outAt + i] = octets[from + i] ?? 0
    } else {
      const source = from >> 2
      const to = outAt >> 2
      for (let i = 0; i < count; i++) target[to + i] = words[source + i] ?? 0
    }
  }
}
