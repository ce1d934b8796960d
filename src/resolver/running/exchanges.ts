/**
 * Queries to servers on behalf of resolutions, made and sent. What is scarce for them is shared out among those they
 * are for (`fairness/`): sockets and connections, and the time in which resolutions go on with what came. Not a place
 * for what a reply means.
 */
import { encodeQuery } from '../../dns/encode.ts'
import type { Edns } from '../../dns/message.ts'
import { EdnsOptionCode } from '../../dns/types.ts'
import type { Owner } from '../../fairness/owner.ts'
import type { Place } from '../../fairness/share-tree.ts'
import { Turns } from '../../fairness/turns.ts'
import { Turnstile, type Visit } from '../../fairness/turnstile.ts'
import type { Cancel, ExchangeResult, Network, Transport } from '../../ports.ts'
import type { ExchangeSpec } from '../../steps.ts'
import type { Budget } from '../budget.ts'
import type { Env } from '../env.ts'

/** For whom, at whose expense, and what is known while it waits (`not-yet.ts`): of one query, where there are more. */
export interface ExchangeAsker {
  readonly owner: Owner
  readonly budget: Budget
  awaited: ExchangeSpec | null
  visit: Visit | null
  lastRcode: number | null
}

/** Octets of random case bits: one bit for each octet of the longest name. */
const CASE_BITS_OCTETS = 32
const ID_VALUES = 0x1_0000
/** RFC 1035 section 4.1.1. */
const RCODE_OFFSET = 3
const RCODE_BITS = 0xf

export class Exchanges {
  readonly #random: Env['random']
  readonly #network: Network
  readonly #edns: Edns
  readonly #places: Readonly<Record<Transport, Turnstile>>
  /**
   * Results that resolutions have yet to go on with. A flood of replies, or of time-outs at one moment, is thousands of
   * them: those for others need not wait for all.
   */
  readonly #results: Turns<() => void>
  /** Refilled for each query. */
  readonly #caseBits = new Uint8Array(CASE_BITS_OCTETS)

  constructor({ clock, limits, random }: Pick<Env, 'clock' | 'limits' | 'random'>, network: Network) {
    this.#random = random
    this.#network = network
    this.#edns = { payloadSize: limits.upstream.ednsPayloadBytes, version: 0, dnssecOk: true, flags: 0, options: [] }
    const { udpSockets, tcpConnections, waitingExchanges: waiting, socketWaitMs: waitMs } = limits.upstream
    const { jostleMs, resultTurnMs: turnMs, resultLeastTaken: leastTaken } = limits.engine
    const common = { waiting, waitMs, jostleMs }
    const connections = new Turnstile('connection', { ...common, places: tcpConnections }, clock)
    const secure = new Turnstile('place on a connection', { ...common, places: limits.secure.exchanges }, clock)
    this.#places = {
      udp: new Turnstile('socket', { ...common, places: udpSockets }, clock),
      tcp: connections,
      tls: secure,
      https: secure,
      http: connections,
    }
    this.#results = new Turns({ turnMs, leastTaken }, clock, goOn => goOn())
  }

  /** `resume` is called once, unless it is cancelled. */
  start(
    asker: ExchangeAsker,
    spec: ExchangeSpec,
    resume: (result: ExchangeResult) => void,
    onBug: (error: unknown) => void,
  ): Cancel {
    const { owner, budget } = asker
    const places = this.#places[spec.transport]
    let waiting: Place<() => void> | null = null
    const ended = (result: ExchangeResult): void => {
      if (asker.visit === visit) asker.awaited = null
      asker.lastRcode = result.kind === 'reply' ? (result.bytes[RCODE_OFFSET] ?? 0) & RCODE_BITS : null
      if (this.#results.takesNow()) {
        resume(result)
        return
      }
      budget.heldUp = true
      waiting = this.#results.wait(owner, () => resume(result))
    }
    const visit = places.come(
      owner,
      () => {
        try {
          return this.#send(spec, result => {
            visit.done()
            ended(result)
          })
        } catch (error) {
          onBug(error)
          return nothingToCancel
        }
      },
      reason => ended({ kind: 'not-sent', reason }),
    )
    asker.visit = visit
    asker.awaited = spec
    if (places.waiting > 0) budget.heldUp = true
    return () => {
      if (asker.visit === visit) asker.awaited = null
      visit.cancel()
      if (waiting !== null) this.#results.withdraw(waiting)
    }
  }

  #ednsFor({ cookie, dnssecOk = true }: ExchangeSpec): Edns {
    if (cookie === undefined && dnssecOk) return this.#edns
    const options = cookie === undefined ? [] : [{ code: EdnsOptionCode.COOKIE, data: cookie }]
    return { payloadSize: this.#edns.payloadSize, version: 0, dnssecOk, flags: 0, options }
  }

  #send(spec: ExchangeSpec, done: (result: ExchangeResult) => void): Cancel {
    const random = this.#random
    const caseBits = this.#caseBits
    if (spec.mixCase) random.bytes(caseBits)
    const query = encodeQuery({
      id: random.below(ID_VALUES),
      question: spec.question,
      caseBits: spec.mixCase ? caseBits : undefined,
      recursionDesired: spec.recursionDesired,
      checkingDisabled: spec.checkingDisabled,
      edns: spec.edns ? this.#ednsFor(spec) : null,
    })
    return this.#network.exchange(spec.server, spec.transport, query, spec.timeoutMs, done)
  }
}

const nothingToCancel: Cancel = () => {}
