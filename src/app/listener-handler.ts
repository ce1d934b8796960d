/**
 * What a listener thread decides about a datagram, put together from the same parts as the server in the main thread:
 * the gates, the byte path over the shared answers, and its own counters. What it cannot answer at once it hands over
 * unchecked, and the main thread repeats every decision.
 *
 * Invariant: a datagram is counted as a query by the thread that ends it, and by no other.
 */
import { AnswerReader, type AnswerCacheHandle } from '../cache/answer-cache.ts'
import type { IpAddress } from '../dns/address.ts'
import { ADDRESS_WORD, originPort } from '../net/linux/message-block.ts'
import { addressIn } from '../net/batch/peer-addresses.ts'
import { HAND_OVER, type DatagramHandler, type LoopSocket, type Loss } from '../net/batch/loop.ts'
import type { ThreadStart } from '../net/batch/thread.ts'
import { RateLimiter, type RateMemory, type RateSettings } from '../policy/limits/rate-limiter.ts'
import { BytePath, dropReason, type BytePathSettings } from '../server/byte-path.ts'
import { Counters, type CounterName, rcodeIndex } from '../server/counters.ts'
import { HIT_REPORT, PREFETCH_REPORT, reportValue } from '../server/hit-reports.ts'
import { gatesLookAtListeners, makeAdmission, type GateParts } from '../server/pipeline.ts'
import { QuickGate } from '../server/quick-gate.ts'

/** What may change while the thread runs. */
export interface ThreadSettings {
  readonly gate: GateParts
  /** Absent: there is no limit. */
  readonly rate?: { readonly settings: RateSettings; readonly memory: RateMemory } | null
  readonly bytePath: BytePathSettings
  /** Whether every answer is reported to the main thread, which logs it. */
  readonly reportsHits: boolean
  /** Is nothing answered here, since the octets of every answer are wanted over there? */
  readonly handsOver?: boolean
}

export interface ThreadProgram {
  readonly answers: AnswerCacheHandle
  /** See `counterMemory`. */
  readonly counters: SharedArrayBuffer
  readonly settings: ThreadSettings
}

export function makeListenerHandler({ program, now }: ThreadStart): DatagramHandler {
  if (!isProgram(program)) throw new TypeError('a listener thread without its program')
  return new ListenerHandler(program, now)
}

const LOSSES = {
  'too-large': 'droppedTooLarge',
  'no-room': 'droppedOverload',
  unsent: 'droppedUnsent',
  unreported: 'unreportedHits',
} as const satisfies Record<Loss, CounterName>

/** Of datagrams, here or in the main thread. */
export function countLoss(counters: Counters, why: Loss, count: number): void {
  // What was answered, and could not be sent or reported, has been counted as a query.
  if (why !== 'unsent' && why !== 'unreported') counters.addMany(counters.index('udpQueries'), count)
  counters.addMany(counters.index(LOSSES[why]), count)
}

class ListenerHandler implements DatagramHandler {
  readonly #reader: AnswerReader
  readonly #bytePath: BytePath
  readonly #counters: Counters
  readonly #now: () => number
  readonly #queries: number
  readonly #hits: number
  #gate: QuickGate
  /** By socket, where it matters which one it was; empty elsewhere. */
  #gates = new Map<number, QuickGate>()
  #gateParts: GateParts
  #rate: RateLimiter | null = null
  #looksAtSockets = false
  #reportsHits: boolean
  #handsOver: boolean
  #time = 0
  /** Seconds since 1970, where cookies are looked at. */
  #wall = 0
  /** Room for an address. */
  readonly #short = new Uint32Array(1)
  readonly #long = new Uint32Array(4)
  readonly #shortOctets = new Uint8Array(this.#short.buffer)
  readonly #longOctets = new Uint8Array(this.#long.buffer)
  note = 0
  reportValue = 0

  constructor({ answers, counters, settings }: ThreadProgram, now: () => number) {
    const reader = new AnswerReader(answers)
    this.#reader = reader
    this.#bytePath = new BytePath(reader, settings.bytePath)
    this.#counters = new Counters(counters)
    this.#queries = this.#counters.index('udpQueries')
    this.#hits = this.#counters.index('answeredFromCache')
    this.#now = now
    this.#gateParts = settings.gate
    this.#gate = this.#take(settings)
    this.#reportsHits = settings.reportsHits
    this.#handsOver = settings.handsOver === true
  }

  updateSettings(settings: unknown): void {
    if (!isSettings(settings)) throw new TypeError('settings that are none')
    this.#gate = this.#take(settings)
    this.#bytePath.updateSettings(settings.bytePath)
    this.#reportsHits = settings.reportsHits
    this.#handsOver = settings.handsOver === true
  }

  #take({ gate, rate }: ThreadSettings): QuickGate {
    this.#gates.clear()
    this.#gateParts = gate
    this.#looksAtSockets = gatesLookAtListeners(gate)
    this.#rate = rate === undefined || rate === null ? null : new RateLimiter(rate.settings, rate.memory)
    return this.#newGate(undefined)
  }

  #newGate(listener: LoopSocket['at'] | undefined): QuickGate {
    const rate = this.#rate
    const isExempt = rate === null ? undefined : (ip: IpAddress): boolean => rate.isExempt(ip)
    return new QuickGate({ ...makeAdmission(this.#gateParts), isExempt, listener })
  }

  begin(socket: Pick<LoopSocket, 'id' | 'at'>): void {
    this.#time = this.#now()
    if (this.#bytePath.looksAtCookies) this.#wall = Math.floor(Date.now() / 1_000)
    if (this.#looksAtSockets) this.#gate = this.#gateOf(socket)
  }

  #gateOf({ id, at }: Pick<LoopSocket, 'id' | 'at'>): QuickGate {
    const known = this.#gates.get(id)
    if (known !== undefined) return known
    const gate = this.#newGate(at)
    this.#gates.set(id, gate)
    return gate
  }

  take(
    query: Uint8Array,
    length: number,
    peers: Uint32Array,
    peerAt: number,
    family: 4 | 6,
    out: Uint8Array,
    outAt: number,
  ): number {
    this.note = 0
    const counters = this.#counters
    const port = originPort(peers, peerAt)
    const verdict = this.#gate.verdict(peers, peerAt + ADDRESS_WORD[family], family, port, addressAt)
    const dropped = dropReason(port, verdict)
    if (dropped !== null) {
      counters.add(this.#queries)
      counters.request('udp', family, null)
      counters.add(counters.index(dropped))
      return 0
    }
    // REFUSED needs a real response, and local data is not looked up here: the value path does both.
    if (verdict !== 'pass' || this.#handsOver) return HAND_OVER
    if (this.#bytePath.looksAtCookies) this.#bytePath.from(this.#addressOf(peers, peerAt, family), this.#wall)
    const octets = this.#bytePath.answer(query, length, 'udp', out, outAt, this.#time, this.#gate.view)
    // What is handed over is counted against the limit over there.
    if (octets === 0) return HAND_OVER
    if (
      this.#rate !== null &&
      !this.#gate.isExempt &&
      !this.#isWithin(this.#rate, query, length, peers, peerAt, family)
    )
      return this.#aboveRate(this.#rate, query, length, family, out, outAt, ABOVE_RATE)
    if (
      this.#rate?.limitsAnswers === true &&
      !this.#gate.isExempt &&
      !this.#isAnswerWithin(this.#rate, query, length, peers, peerAt, family)
    )
      return this.#aboveRate(this.#rate, query, length, family, out, outAt, ABOVE_ANSWER_RATE)
    counters.add(this.#queries)
    counters.add(this.#hits)
    counters.request('udp', family, this.#bytePath.peek.type)
    counters.add(rcodeIndex(out[outAt + 3] ?? 0))
    counters.hit(out[outAt + 3] ?? 0)
    if (this.#reportsHits) this.note = HIT_REPORT
    if (this.#reader.lastWantsPrefetch) this.note |= PREFETCH_REPORT
    if (this.note !== 0) this.reportValue = reportValue(octets, (out[outAt + 3] ?? 0) & 0xf)
    return octets
  }

  /** Its octets as they lie in memory, which is where they came from. */
  #addressOf(peers: Uint32Array, peerAt: number, family: 4 | 6): Uint8Array {
    const words = family === 4 ? this.#short : this.#long
    const at = peerAt + ADDRESS_WORD[family]
    for (let i = 0; i < words.length; i++) words[i] = peers[at + i] ?? 0
    return family === 4 ? this.#shortOctets : this.#longOctets
  }

  #isWithin(
    rate: RateLimiter,
    query: Uint8Array,
    length: number,
    peers: Uint32Array,
    peerAt: number,
    family: 4 | 6,
  ): boolean {
    const at = peerAt + ADDRESS_WORD[family]
    const isLong = family === 6
    const [b, c, d] = isLong ? [peers[at + 1] ?? 0, peers[at + 2] ?? 0, peers[at + 3] ?? 0] : NO_WORDS
    const a = peers[at] ?? 0
    if (rate.takesWords(a, b, c, d, family, false, this.#time)) return true
    if (
      this.#bytePath.looksAtCookies &&
      this.#bytePath.hasGoodCookie(query, length, 'udp') &&
      rate.takesWords(a, b, c, d, family, true, this.#time)
    )
      return true
    this.#counters.add(this.#counters.index('aboveRate'))
    return rate.settings.dryRun
  }

  #isAnswerWithin(
    rate: RateLimiter,
    query: Uint8Array,
    length: number,
    peers: Uint32Array,
    peerAt: number,
    family: 4 | 6,
  ): boolean {
    const at = peerAt + ADDRESS_WORD[family]
    const [b, c, d] = family === 6 ? [peers[at + 1] ?? 0, peers[at + 2] ?? 0, peers[at + 3] ?? 0] : NO_WORDS
    const { keyWords, keyLength } = this.#bytePath.peek
    if (rate.takesAnswerWords(peers[at] ?? 0, b, c, d, family, keyWords, keyLength, this.#time)) return true
    if (this.#bytePath.looksAtCookies && this.#bytePath.hasGoodCookie(query, length, 'udp')) return true
    this.#counters.add(this.#counters.index('aboveAnswerRate'))
    return rate.settings.dryRun
  }

  /** TC, or nothing. */
  #aboveRate(
    rate: RateLimiter,
    query: Uint8Array,
    length: number,
    family: 4 | 6,
    out: Uint8Array,
    outAt: number,
    { dropped, truncated }: OverCounters,
  ): number {
    const counters = this.#counters
    counters.add(this.#queries)
    counters.request('udp', family, this.#bytePath.peek.type)
    const octets = rate.slip() === 'truncate' ? this.#bytePath.truncated(query, length, out, outAt) : 0
    counters.add(counters.index(octets === 0 ? dropped : truncated))
    return octets
  }

  lost(why: Loss, count: number): void {
    countLoss(this.#counters, why, count)
  }
}

/** What is counted of datagrams above a limit. */
interface OverCounters {
  readonly dropped: CounterName
  readonly truncated: CounterName
}
const ABOVE_RATE: OverCounters = { dropped: 'droppedByRate', truncated: 'truncatedByRate' }
const ABOVE_ANSWER_RATE: OverCounters = { dropped: 'droppedByAnswerRate', truncated: 'truncatedByAnswerRate' }

const NO_WORDS = [0, 0, 0] as const

/** `words[at]` is where the address itself begins. */
const addressAt = (words: Uint32Array, at: number, family: 4 | 6): ReturnType<typeof addressIn> =>
  addressIn(words, at - ADDRESS_WORD[family], family)

const isSettings = (value: unknown): value is ThreadSettings =>
  typeof value === 'object' && value !== null && 'gate' in value && 'bytePath' in value && 'reportsHits' in value

const isProgram = (value: unknown): value is ThreadProgram =>
  typeof value === 'object' &&
  value !== null &&
  'answers' in value &&
  'counters' in value &&
  'settings' in value &&
  isSettings(value.settings)
