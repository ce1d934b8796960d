/**
 * The byte path: a plain query in, a finished answer out, nothing decoded and nothing made. It is the same code in the
 * main thread (`serve.ts`) and in the listener threads, so that what must hold before cached octets are sent is written
 * once. Deliberately without sockets, logs and counters, which differ between the two.
 *
 * Invariant: what it answers, any client that passed the gate may have; what needs a decision it leaves to the value
 * path.
 */
import type { AnswerReader } from '../cache/answer-cache.ts'
import { putU16 } from '../dns/bytes.ts'
import { OPT_FIXED_OCTETS } from '../dns/edns.ts'
import { MAX_MESSAGE_OCTETS } from '../dns/message.ts'
import { EdnsOptionCode } from '../dns/types.ts'
import { newPeek, peekQuery, type QueryPeek } from '../dns/wire.ts'
import {
  COOKIE_OCTETS,
  type CookieSettings,
  type CookieVerdict,
  ServerCookies,
} from '../policy/cookies/server-cookies.ts'
import type { GateVerdict } from '../policy/handler.ts'
import type { Transport } from '../ports.ts'
import type { CounterName } from './counters.ts'
import { padReply, padsOver } from './padding.ts'
import { udpLimit } from './respond.ts'
import { writeTruncated } from './truncated.ts'

export interface BytePathSettings {
  readonly udpReplyBytes: number
  /** See `RespondSettings`. */
  readonly paddingBlock: number
  /** Whether we say who we are to those who ask by NSID (RFC 5001). */
  readonly sendsNsid: boolean
  /** Absent: cookies are neither made nor looked at. */
  readonly cookies?: CookieSettings | null
}

/** RFC 6891 section 6.1.2: code and length of an option. */
const OPTION_FIXED_OCTETS = 4

/** Why a client gets nothing at all; null when the query goes on, to be answered or refused. */
export function dropReason(port: number, verdict: GateVerdict): CounterName | null {
  // A reply to port 0 goes nowhere, and no honest client sends from it.
  if (port === 0) return 'droppedPortZero'
  return verdict === 'drop' ? 'droppedByGate' : null
}

export class BytePath {
  /** The query that `answer` saw last, when it understood it. */
  readonly peek: QueryPeek = newPeek()
  readonly #answers: AnswerReader
  #settings: BytePathSettings
  #cookies: ServerCookies | null
  /** Where the data of the first COOKIE option is, and how long it is; 0: there is none. */
  #cookieAt = 0
  #cookieOctets = 0
  /** Of whom the query in hand is, where cookies are looked at. */
  #address: Uint8Array = new Uint8Array(0)
  #wall = 0

  constructor(answers: AnswerReader, settings: BytePathSettings) {
    this.#answers = answers
    this.#settings = settings
    this.#cookies = cookiesOf(settings)
  }

  updateSettings(settings: BytePathSettings): void {
    this.#settings = settings
    this.#cookies = cookiesOf(settings)
  }

  /** Are cookies looked at? Then `from` has to be called before `answer`. */
  get looksAtCookies(): boolean {
    return this.#cookies !== null
  }

  /** Who sends the next query: 4 or 16 octets; `wall` in seconds since 1970. */
  from(address: Uint8Array, wall: number): void {
    this.#address = address
    this.#wall = wall
  }

  /** Is it a query with a good cookie? Only after `from`. */
  hasGoodCookie(query: Uint8Array, length: number, transport: Transport): boolean {
    const { peek } = this
    if (this.#cookies === null || !peekQuery(query, length, peek)) return false
    if (length <= peek.questionEnd + OPT_FIXED_OCTETS) return false
    this.#wantedOption(query, length, transport)
    return this.#judge(query) === 'good'
  }

  /** What the COOKIE option that was found says; null: there is none. */
  #judge(query: Uint8Array): CookieVerdict | null {
    if (this.#cookies === null || this.#cookieAt === 0) return null
    return this.#cookies.judge(query, this.#cookieAt, this.#cookieOctets, this.#address, this.#wall)
  }

  /**
   * Writes the reply to the first `length` octets of `query` into `out` from `outAt` on, which must not overlap, and
   * gives its octets; 0 when the value path has to answer. `now` in milliseconds, `view` the client's.
   */
  answer(
    query: Uint8Array,
    length: number,
    transport: Transport,
    out: Uint8Array,
    outAt: number,
    now: number,
    view = 0,
  ): number {
    const { peek } = this
    const { udpReplyBytes } = this.#settings
    if (!peekQuery(query, length, peek)) return 0
    // Most queries have no options at all.
    const wanted =
      length > peek.questionEnd + OPT_FIXED_OCTETS ? this.#wantedOption(query, length, transport) : 'nothing'
    if (wanted === 'value-path') return 0
    const maxBytes = transport === 'udp' ? udpLimit(peek.payloadSize, this.#settings) : MAX_MESSAGE_OCTETS
    if (wanted === 'nothing') return this.#answers.write(peek, query, out, outAt, now, maxBytes, udpReplyBytes, view)
    return this.#withOptions(query, transport, out, outAt, now, maxBytes, view, wanted)
  }

  /** A cookie, padding, or both after the finished answer. */
  #withOptions(
    query: Uint8Array,
    transport: Transport,
    out: Uint8Array,
    outAt: number,
    now: number,
    maxBytes: number,
    view: number,
    wanted: 'cookie' | 'padding',
  ): number {
    const { peek } = this
    const cookies = this.#cookies
    const verdict = this.#judge(query)
    const isRefused = verdict === 'new' && transport === 'udp' && cookies?.require === true
    if (verdict === 'malformed' || isRefused) return 0
    const ofCookie = verdict === null || cookies === null ? 0 : OPTION_FIXED_OCTETS + COOKIE_OCTETS
    const { udpReplyBytes, paddingBlock } = this.#settings
    const octets = this.#answers.write(peek, query, out, outAt, now, maxBytes - ofCookie, udpReplyBytes, view)
    if (octets === 0 || octets + ofCookie > out.length - outAt) return 0
    if (ofCookie > 0 && cookies !== null) writeCookie(out, outAt, octets, cookies.reply)
    const total = octets + ofCookie
    if (wanted !== 'padding') return total
    return padReply(out, outAt, total, OPT_FIXED_OCTETS + ofCookie, maxBytes, paddingBlock)
  }

  /** Writes a reply that has only TC; 0 when the query is none that can be read at a glance. */
  truncated(query: Uint8Array, length: number, out: Uint8Array, outAt: number): number {
    if (!peekQuery(query, length, this.peek)) return 0
    return writeTruncated(query, this.peek, out, outAt, this.#settings.udpReplyBytes)
  }

  /** Options that we answer (RFC 7828, RFC 5001) need the value path; padding is added to what is in the cache. */
  #wantedOption(query: Uint8Array, length: number, transport: Transport): Wanted {
    let wanted: 'nothing' | 'cookie' | 'padding' = 'nothing'
    this.#cookieAt = 0
    for (let at = this.peek.questionEnd + OPT_FIXED_OCTETS; at + OPTION_FIXED_OCTETS <= length; ) {
      const code = ((query[at] ?? 0) << 8) | (query[at + 1] ?? 0)
      if (code === EdnsOptionCode.KEEPALIVE && (transport === 'tcp' || transport === 'tls')) return 'value-path'
      if (code === EdnsOptionCode.NSID && this.#settings.sendsNsid) return 'value-path'
      const octets = ((query[at + 2] ?? 0) << 8) | (query[at + 3] ?? 0)
      if (code === EdnsOptionCode.PADDING && padsOver(transport)) wanted = 'padding'
      if (code === EdnsOptionCode.COOKIE && this.#cookies !== null && this.#cookieAt === 0) {
        this.#cookieAt = at + OPTION_FIXED_OCTETS
        this.#cookieOctets = octets
        if (wanted === 'nothing') wanted = 'cookie'
      }
      at += OPTION_FIXED_OCTETS + octets
    }
    return wanted
  }
}

type Wanted = 'nothing' | 'cookie' | 'padding' | 'value-path'

const cookiesOf = ({ cookies }: BytePathSettings): ServerCookies | null =>
  cookies === undefined || cookies === null ? null : new ServerCookies(cookies)

/** RDLENGTH within an OPT record without options (RFC 6891 section 6.1.2). */
const RDLENGTH_OFFSET = 9

/** After the message of `octets` octets at `at`, which ends with an OPT record without options. */
function writeCookie(out: Uint8Array, at: number, octets: number, cookie: Uint8Array): void {
  const end = at + octets
  putU16(out, end, EdnsOptionCode.COOKIE)
  putU16(out, end + 2, COOKIE_OCTETS)
  for (let i = 0; i < COOKIE_OCTETS; i++) out[end + OPTION_FIXED_OCTETS + i] = cookie[i] ?? 0
  putU16(out, end - OPT_FIXED_OCTETS + RDLENGTH_OFFSET, OPTION_FIXED_OCTETS + COOKIE_OCTETS)
}
