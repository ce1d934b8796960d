/**
 * Asks a server that resolves for others, with the checks that hold for every server: several tries over UDP, TCP
 * after a truncated reply or forged ones, and only a reply that can be read counts. Who is asked, and over what
 * network, comes in from outside.
 *
 * Invariant: the same question is asked once at a time, so that two that forward to each other end in a time-out
 * instead of a storm.
 */
import { decodeMessage } from '../dns/decode.ts'
import { encodeQuery } from '../dns/encode.ts'
import { type Message, type Question, questionKey } from '../dns/message.ts'
import { isTruncated } from '../dns/wire.ts'
import type { ExchangeResult, Network, Random, ServerAddress, Transport } from '../ports.ts'

export interface ForwardFlags {
  readonly recursionDesired: boolean
  readonly checkingDisabled: boolean
  readonly dnssecOk: boolean
  /** Whether the query has an OPT record. */
  readonly edns: boolean
}

/** `error` is for a person. */
export type Forwarded = Message | { readonly error: string }

export interface ForwardParts {
  readonly random: Random
  readonly network: Network
  readonly limits: {
    /** Over UDP, for each server. */
    readonly tries: number
    readonly udpMs: number
    readonly tcpMs: number
    readonly payloadBytes: number
  }
}

export class Forwarder {
  readonly #parts: ForwardParts
  readonly #inFlight = new Map<string, Promise<Forwarded>>()

  constructor(parts: ForwardParts) {
    this.#parts = parts
  }

  /** The reply of the first server that gives one. */
  ask(servers: readonly ServerAddress[], question: Question, flags: ForwardFlags): Promise<Forwarded> {
    const { dnssecOk, checkingDisabled, recursionDesired, edns } = flags
    const key = [
      ...servers.map(server => server.key),
      questionKey(question),
      dnssecOk,
      checkingDisabled,
      recursionDesired,
      edns,
    ].join(' ')
    const known = this.#inFlight.get(key)
    if (known !== undefined) return known
    const asked = this.#ask(servers, question, flags).finally(() => this.#inFlight.delete(key))
    this.#inFlight.set(key, asked)
    return asked
  }

  async #ask(servers: readonly ServerAddress[], question: Question, flags: ForwardFlags): Promise<Forwarded> {
    if (servers.length === 0) return { error: 'this system has no DNS server configured' }
    const failures: string[] = []
    for (const server of servers) {
      const reply = await this.#askOne(server, question, flags)
      if (!('error' in reply)) return reply
      failures.push(`${server.ip.family === 6 ? `[${server.ip.text}]` : server.ip.text}:${server.port} ${reply.error}`)
    }
    return { error: failures.join('; ') }
  }

  async #askOne(server: ServerAddress, question: Question, flags: ForwardFlags): Promise<Forwarded> {
    const { limits } = this.#parts
    let result: ExchangeResult = { kind: 'timeout', mismatches: 0 }
    for (let tries = 0; tries < limits.tries && result.kind === 'timeout'; tries++) {
      result = await this.#exchange(server, 'udp', question, flags, limits.udpMs)
    }
    if (result.kind === 'spoofing-suspected' || (result.kind === 'reply' && isTruncated(result.bytes))) {
      result = await this.#exchange(server, 'tcp', question, flags, limits.tcpMs)
    }
    if (result.kind !== 'reply') return { error: 'reason' in result ? result.reason : 'did not answer' }
    const decoded = decodeMessage(result.bytes)
    return decoded.kind === 'message' ? decoded.message : { error: `sent a reply that cannot be read: ${decoded.why}` }
  }

  #exchange(
    server: ServerAddress,
    transport: Transport,
    question: Question,
    { dnssecOk, edns, recursionDesired, checkingDisabled }: ForwardFlags,
    timeoutMs: number,
  ): Promise<ExchangeResult> {
    const { network, random, limits } = this.#parts
    const query = encodeQuery({
      id: random.below(0x1_0000),
      question,
      recursionDesired,
      checkingDisabled,
      edns: edns ? { payloadSize: limits.payloadBytes, version: 0, dnssecOk, flags: 0, options: [] } : null,
    })
    return new Promise(resolve => network.exchange(server, transport, query, timeoutMs, resolve))
  }
}
