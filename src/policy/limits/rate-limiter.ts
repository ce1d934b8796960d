/**
 * How much a network of clients may ask: a rate and a burst for each prefix, in memory that all threads share, so that
 * counts are exact whatever thread a client's queries reach. Clients that are known to be where they seem to be (over a
 * connection, or with a cookie) have a rate of their own: only datagrams can be sent in the name of others.
 *
 * The algorithm is GCRA (ITU-T I.371): one number for each prefix, the time at which its burst will be whole again. A
 * query adds its share to it, and is over the limit when that is too far ahead.
 *
 * Invariants: the table never grows; whoever does not know the seed cannot choose prefixes that meet in one bucket; a
 * flood of prefixes only makes it forget some, which then begin with a whole burst, so that nobody pays for others.
 */
import { inAnyPrefix, type IpAddress, type Prefix } from '../../dns/address.ts'
import { limitedMemory, type LimitedNetwork, LimitedNetworks } from './limited-networks.ts'

/** Queries per second, and how many may come at once. */
interface Rate {
  readonly perSecond: number
  readonly burst: number
}

/** Can be sent to listener threads. */
export interface RateSettings {
  /** Of datagrams without a cookie. */
  readonly unverified: Rate
  readonly verified: Rate
  /** Of one answer (name and type) to datagrams without a cookie of one network. Absent: as many as of all. */
  readonly answers?: Rate | null | undefined
  /** Only answers are limited, not queries. */
  readonly answersOnly?: boolean | undefined
  /** Bits of addresses that count as one client. */
  readonly prefix4: number
  readonly prefix6: number
  readonly exempt: readonly Prefix[]
  /** Each how many of the datagrams above the limit is answered with TC; the others get nothing. 0: none is. */
  readonly slip: number
  /** Counted only. */
  readonly dryRun: boolean
}

/** The memory with the seeds of its hash: shared by all threads. */
export interface RateMemory {
  readonly buffer: SharedArrayBuffer
  /** Of the networks above a limit. */
  readonly limited: SharedArrayBuffer
  readonly seeds: readonly [number, number]
}

/** What becomes of a query that is above the limit, or null: it is not. */
export type OverLimit = 'truncate' | 'drop'

/** Entries of a bucket, and words of an entry: a tag (0: free), and the time when its burst is whole. */
const WAYS = 4
const ENTRY = 2
/** 20 us: times repeat after 24 hours, and rates of up to 10,000 a second are met within a fifth. */
const UNITS_PER_MS = 50
/** Tries of an exchange that another thread comes before in. Then the query passes. */
const TRIES = 8

/** `entries` is a power of two. */
export const rateMemory = (entries: number, seeds: RateMemory['seeds']): RateMemory => ({
  buffer: new SharedArrayBuffer(entries * ENTRY * Int32Array.BYTES_PER_ELEMENT),
  limited: limitedMemory(),
  seeds,
})

export class RateLimiter {
  readonly settings: RateSettings
  readonly #table: Int32Array
  readonly #seeds: RateMemory['seeds']
  readonly #masks: Readonly<Record<4 | 6, Int32Array>>
  /** An address in the order of octets of this machine, as listener threads have it. */
  readonly #octets = new Uint8Array(16)
  readonly #words = new Int32Array(this.#octets.buffer)
  readonly #unverified: Steps
  readonly #verified: Steps
  readonly #answers: Steps | null
  readonly #limited: LimitedNetworks
  #slipped = 0
  /** Of the network that was located last: its tag, and where its bucket begins. */
  #tag = 0
  #first = 0
  /** How long the last query above the limit would have had to wait, ms. */
  waitMs = 0

  constructor(settings: RateSettings, memory: RateMemory) {
    this.settings = settings
    this.#table = new Int32Array(memory.buffer)
    this.#seeds = memory.seeds
    this.#limited = new LimitedNetworks(memory.limited)
    this.#masks = { 4: maskOf(settings.prefix4), 6: maskOf(settings.prefix6) }
    this.#unverified = stepsOf(settings.unverified)
    this.#verified = stepsOf(settings.verified)
    this.#answers = settings.answers === undefined || settings.answers === null ? null : stepsOf(settings.answers)
  }

  /** The networks above a limit within the last minute, the busiest first: those that all threads saw. */
  limited(now: number): readonly LimitedNetwork[] {
    return this.#limited.list(now)
  }

  isExempt(ip: IpAddress): boolean {
    return inAnyPrefix(ip, this.settings.exempt)
  }

  /**
   * One query of `ip` at `now`, ms. True: it is within the limit. Else `waitMs` says when it would be; if that is
   * within `reserveMs`, its share is taken already, for a query that waits so long.
   */
  takes(ip: IpAddress, verified: boolean, now: number, reserveMs = 0): boolean {
    this.#octets.fill(0)
    this.#octets.set(ip.bytes)
    const [a = 0, b = 0, c = 0, d = 0] = this.#words
    return this.takesWords(a, b, c, d, ip.family, verified, now, reserveMs)
  }

  /** Do answers have a limit of their own? */
  get limitsAnswers(): boolean {
    return this.#answers !== null
  }

  /**
   * One answer to a datagram of `ip`; `question` as a peek has it: its octets in words, the last one filled with zeros.
   * True: it is within the limit. A flood in the name of a victim asks for the same large answer again and again
   * (BIND's response rate limiting), and an honest client has it in its cache.
   */
  takesAnswer(ip: IpAddress, question: Int32Array, octets: number, now: number): boolean {
    this.#octets.fill(0)
    this.#octets.set(ip.bytes)
    const [a = 0, b = 0, c = 0, d = 0] = this.#words
    return this.takesAnswerWords(a, b, c, d, ip.family, question, octets, now)
  }

  /** The same for the words of an address as they lie in memory. */
  takesAnswerWords(
    a: number,
    b: number,
    c: number,
    d: number,
    family: 4 | 6,
    question: Int32Array,
    octets: number,
    now: number,
  ): boolean {
    if (this.#answers === null) return true
    let salt = this.#seeds[1]
    for (let word = 0; word * Int32Array.BYTES_PER_ELEMENT < octets; word++) salt = mix(salt, question[word] ?? 0)
    this.#locate(a, b, c, d, family, false, salt)
    const at = Math.floor(now * UNITS_PER_MS) | 0
    const { step, tolerance } = this.#answers
    const isWithin = this.#step(this.#placeOf(this.#first, this.#tag, at) + 1, at, step, tolerance, 0)
    if (!isWithin) this.#note(a, b, c, d, family, now)
    return isWithin
  }

  /** How many queries of `ip` would be within the limit now, all at once. Nothing is counted. */
  left(ip: IpAddress, verified: boolean, now: number): number {
    this.#octets.fill(0)
    this.#octets.set(ip.bytes)
    const [a = 0, b = 0, c = 0, d = 0] = this.#words
    this.#locate(a, b, c, d, ip.family, verified)
    const { step, tolerance } = verified ? this.#verified : this.#unverified
    const at = Math.floor(now * UNITS_PER_MS) | 0
    for (let way = this.#first; way < this.#first + WAYS * ENTRY; way += ENTRY) {
      if (Atomics.load(this.#table, way) !== this.#tag) continue
      const ahead = aheadOf(Atomics.load(this.#table, way + 1), at, tolerance + step)
      return Math.max(0, Math.floor((tolerance - ahead) / step) + 1)
    }
    return Math.floor(tolerance / step) + 1
  }

  /** The same for the words of an address as they lie in memory; zeros after the first for IPv4. */
  takesWords(
    a: number,
    b: number,
    c: number,
    d: number,
    family: 4 | 6,
    verified: boolean,
    now: number,
    reserveMs = 0,
  ): boolean {
    if (this.settings.answersOnly === true) return true
    const { step, tolerance } = verified ? this.#verified : this.#unverified
    this.#locate(a, b, c, d, family, verified)
    const at = Math.floor(now * UNITS_PER_MS) | 0
    const place = this.#placeOf(this.#first, this.#tag, at)
    const isWithin = this.#step(place + 1, at, step, tolerance, reserveMs * UNITS_PER_MS)
    if (!isWithin) this.#note(a, b, c, d, family, now)
    return isWithin
  }

  #note(a: number, b: number, c: number, d: number, family: 4 | 6, now: number): void {
    const mask = this.#masks[family]
    const [w0, w1, w2, w3] = [a & (mask[0] ?? 0), b & (mask[1] ?? 0), c & (mask[2] ?? 0), d & (mask[3] ?? 0)]
    const bits = family === 4 ? this.settings.prefix4 : this.settings.prefix6
    this.#limited.note(hash(this.#seeds[1], family, w0, w1, w2, w3) | 1, family, bits, w0, w1, w2, w3, now)
  }

  /** Sets the bucket and the tag of a network, and of a question where `salt` is its hash. */
  #locate(a: number, b: number, c: number, d: number, family: 4 | 6, verified: boolean, salt = 0): void {
    const mask = this.#masks[family]
    const [seed, other] = this.#seeds
    const kind = (family | (verified ? 8 : 0)) ^ salt
    const w0 = a & (mask[0] ?? 0)
    const w1 = b & (mask[1] ?? 0)
    const w2 = c & (mask[2] ?? 0)
    const w3 = d & (mask[3] ?? 0)
    this.#tag = hash(other, kind, w0, w1, w2, w3) | 1
    const buckets = this.#table.length / (WAYS * ENTRY)
    this.#first = ((hash(seed, kind, w0, w1, w2, w3) >>> 0) % buckets) * WAYS * ENTRY
  }

  /** What to do with a datagram that is above the limit. */
  slip(): OverLimit {
    const { slip } = this.settings
    if (slip === 0) return 'drop'
    this.#slipped = (this.#slipped + 1) % slip
    return this.#slipped === 0 ? 'truncate' : 'drop'
  }

  #step(word: number, at: number, step: number, tolerance: number, reserve: number): boolean {
    const table = this.#table
    for (let i = 0; i < TRIES; i++) {
      const whole = Atomics.load(table, word)
      const ahead = aheadOf(whole, at, tolerance + step)
      const over = ahead - tolerance
      this.waitMs = over > 0 ? over / UNITS_PER_MS : 0
      if (over > reserve) return false
      if (Atomics.compareExchange(table, word, whole, (at + ahead + step) | 0) === whole) return over <= 0
    }
    return true
  }

  /** The entry with the tag; else one that is free, or the one whose burst is, or will be, whole first. */
  #placeOf(first: number, tag: number, at: number): number {
    const table = this.#table
    let place = first
    let least = Number.POSITIVE_INFINITY
    for (let way = first; way < first + WAYS * ENTRY; way += ENTRY) {
      const found = Atomics.load(table, way)
      if (found === tag) return way
      const ahead = found === 0 ? Number.NEGATIVE_INFINITY : ((table[way + 1] ?? 0) - at) | 0
      if (ahead < least) [place, least] = [way, ahead]
    }
    Atomics.store(table, place, tag)
    Atomics.store(table, place + 1, at)
    return place
  }
}

interface Steps {
  readonly step: number
  readonly tolerance: number
}

function stepsOf({ perSecond, burst }: Rate): Steps {
  const step = Math.max(1, Math.round((1000 * UNITS_PER_MS) / perSecond))
  return { step, tolerance: (burst - 1) * step }
}

/** How long from `at` the burst will be whole; 0 for what is further than a query can bring it: left of a day ago. */
function aheadOf(whole: number, at: number, most: number): number {
  const found = (whole - at) | 0
  return found < 0 || found > most + MAX_RESERVE_UNITS ? 0 : found
}

/** Longer no query is made to wait: `rateDelayMs` of the limits is below. */
const MAX_RESERVE_UNITS = 10_000 * UNITS_PER_MS

/** Bits of a prefix in words as they lie in memory. */
function maskOf(bits: number): Int32Array {
  const octets = new Uint8Array(16)
  for (let bit = 0; bit < bits; bit++) octets[bit >> 3] = (octets[bit >> 3] ?? 0) | (0x80 >> (bit & 7))
  return new Int32Array(octets.buffer)
}

/** MurmurHash3 of five words. */
function hash(seed: number, kind: number, a: number, b: number, c: number, d: number): number {
  let h = mix(mix(mix(mix(mix(seed, kind), a), b), c), d)
  h = Math.imul(h ^ (h >>> 16), 0x85eb_ca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2_ae35)
  return h ^ (h >>> 16)
}

function mix(h: number, word: number): number {
  let k = Math.imul(word, 0xcc9e_2d51)
  k = Math.imul((k << 15) | (k >>> 17), 0x1b87_3593)
  const m = h ^ k
  return (Math.imul((m << 13) | (m >>> 19), 5) + 0xe654_6b64) | 0
}
