/**
 * A resolver in the simulated internet that others forward to: the real engine once more, in a world of its own over
 * the same servers, so that it has a cache and opinions of signatures. It answers when its own walk has ended; the time
 * that took is not added. It misbehaves in the ways of `SimServer`.
 *
 * It refuses what is asked without RD, as a resolver should that serves only its clients.
 */
import type { Message, Question } from '../dns/message.ts'
import { recordsOf, type RRset } from '../dns/rrset.ts'
import { Rcode, RrClass } from '../dns/types.ts'
import type { Random } from '../ports.ts'
import type { Outcome } from '../steps.ts'
import { parseMisbehaviour } from './misbehaviour.ts'
import type { SecureFailure } from './network.ts'
import { SimServer } from './server.ts'

export interface ForwarderSource {
  readonly at: readonly string[]
  /** Round trip in milliseconds. */
  readonly latencyMs?: number | undefined
  /** Misbehaviours in the text form of `misbehaviour.ts`. */
  readonly does?: readonly string[] | undefined
  /** Does it validate? Default: when the root of the internet is signed. */
  readonly validates?: boolean | undefined
  /** How every exchange over TLS or HTTPS fails. */
  readonly secureFailure?: SecureFailure | undefined
  /** Does it resolve without RD too, as what intercepts the queries of others must? Default false. */
  readonly ignoresRd?: boolean | undefined
  /** Zones that it holds itself, as master-file text with absolute names. */
  readonly localZones?: readonly { readonly origin: string; readonly text: string }[] | undefined
}

/** The engine of a forwarder. */
export type Resolves = (question: Question, checkingDisabled: boolean) => Outcome

export class SimForwarder extends SimServer {
  readonly #resolve: Resolves
  readonly #ignoresRd: boolean
  readonly secureFailure: SecureFailure | undefined

  constructor({ at, does, ignoresRd = false, secureFailure }: ForwarderSource, resolve: Resolves, random: Random) {
    super({ name: `resolver ${at.join(' ')}`, zones: [], does: (does ?? []).map(parseMisbehaviour) }, random)
    this.#resolve = resolve
    this.#ignoresRd = ignoresRd
    this.secureFailure = secureFailure
  }

  override honestReply(asked: Message): Message {
    const { question } = asked
    const dnssecOk = asked.edns?.dnssecOk ?? false
    const records = (sets: readonly RRset[]): Message['answer'] => sets.flatMap(set => recordsOf(set, dnssecOk))
    const reply: Message = {
      ...asked,
      response: true,
      authoritative: false,
      recursionAvailable: true,
      authenticData: false,
      rcode: Rcode.REFUSED,
      answer: [],
      authority: [],
      additional: [],
      edns: asked.edns === null ? null : { ...asked.edns, options: [] },
    }
    if (question === null || question.class !== RrClass.IN || !(asked.recursionDesired || this.#ignoresRd)) return reply
    const outcome = this.#resolve(question, asked.checkingDisabled)
    const authenticData = outcome.kind !== 'failure' && outcome.security.kind === 'secure'
    const common = { ...reply, authenticData, answer: records(outcome.rrsets) }
    switch (outcome.kind) {
      case 'answer':
        return { ...common, rcode: Rcode.NOERROR, authority: dnssecOk ? records(outcome.proof) : [] }
      case 'nodata':
      case 'nxdomain':
        return {
          ...common,
          rcode: outcome.kind === 'nodata' ? Rcode.NOERROR : Rcode.NXDOMAIN,
          authority: records([...(outcome.soa === null ? [] : [outcome.soa]), ...(dnssecOk ? outcome.proof : [])]),
        }
      case 'failure':
        return { ...common, rcode: Rcode.SERVFAIL }
      default:
        return outcome satisfies never
    }
  }
}
