/**
 * The byte path: a plain query in, a finished answer out, nothing decoded and nothing made. It is the same code in the
 * main thread (`serve.ts`) and in the listener threads, so that what must hold before cached octets are sent is written
 * once. Deliberately without sockets, logs and counters, which differ between the two.
 *
 * Invariant: what it answers, any client that passed the gate may have; what needs a decision it leaves to the value
 * path.
 */
import type { WritesAnswers } from '../cache/answer-cache.ts'
import { OPT_FIXED_OCTETS } from '../dns/edns.ts'
import { MAX_MESSAGE_OCTETS } from '../dns/message.ts'
import { EdnsOptionCode } from '../dns/types.ts'
import { newPeek, peekQuery, type QueryPeek } from '../dns/wire.ts'
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
  readonly #answers: WritesAnswers
  #settings: BytePathSettings

  constructor(answers: WritesAnswers, settings: BytePathSettings) {
    this.#answers = answers
    this.#settings = settings
  }

  updateSettings(settings: BytePathSettings): void {
    this.#settings = settings
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
    const octets = this.#answers.write(peek, query, out, outAt, now, maxBytes, udpReplyBytes, view)
    if (wanted === 'nothing' || octets === 0) return octets
    return padReply(out, outAt, octets, OPT_FIXED_OCTETS, maxBytes, this.#settings.paddingBlock)
  }

  /** Writes a reply that has only TC; 0 when the query is none that can be read at a glance. */
  truncated(query: Uint8Array, length: number, out: Uint8Array, outAt: number): number {
    if (!peekQuery(query, length, this.peek)) return 0
    return writeTruncated(query, this.peek, out, outAt, this.#settings.udpReplyBytes)
  }

  /** Options that we answer (RFC 7828, RFC 5001) need the value path; padding is added to what is in the cache. */
  #wantedOption(query: Uint8Array, length: number, transport: Transport): 'nothing' | 'padding' | 'value-path' {
    let wanted: 'nothing' | 'padding' = 'nothing'
    for (let at = this.peek.questionEnd + OPT_FIXED_OCTETS; at + OPTION_FIXED_OCTETS <= length; ) {
      const code = ((query[at] ?? 0) << 8) | (query[at + 1] ?? 0)
      if (code === EdnsOptionCode.KEEPALIVE && (transport === 'tcp' || transport === 'tls')) return 'value-path'
      if (code === EdnsOptionCode.NSID && this.#settings.sendsNsid) return 'value-path'
      if (code === EdnsOptionCode.PADDING && padsOver(transport)) wanted = 'padding'
      at += OPTION_FIXED_OCTETS + (((query[at + 2] ?? 0) << 8) | (query[at + 3] ?? 0))
    }
    return wanted
  }
}
