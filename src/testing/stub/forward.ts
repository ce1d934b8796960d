/**
 * Asks another server in the place of the stub, with the sockets and the checks that production uses for its servers:
 * random ports, judged replies, TCP after a truncated one. Nothing is asked unless a rule or an option of the stub says
 * so.
 *
 * Invariant: the same question is asked once at a time, so that two stubs that forward to each other end in a time-out
 * instead of a storm.
 */
import { Resolver } from 'node:dns'
import { formatEndpoint } from '../../dns/address.ts'
import { decodeMessage } from '../../dns/decode.ts'
import { encodeQuery } from '../../dns/encode.ts'
import { type Message, type Question, questionKey } from '../../dns/message.ts'
import { isTruncated } from '../../dns/wire.ts'
import { defaultLimits } from '../../limits.ts'
import { systemClock, systemRandom } from '../../system/system.ts'
import { createNetwork, type SystemNetwork } from '../../net/upstream/network.ts'
import { type ExchangeResult, serverAddress, type ServerAddress, type Transport } from '../../ports.ts'
import { Mistake } from '../../input/mistake.ts'
import { serverOf } from '../../input/names.ts'
import { stubSettings } from './settings.ts'

export interface ForwardFlags {
  readonly recursionDesired: boolean
  readonly checkingDisabled: boolean
  readonly dnssecOk: boolean
  /** Whether the query has an OPT record. */
  readonly edns: boolean
}

/** `error` is for a person. */
export type Forwarded = Message | { readonly error: string }

/** The servers that this system is configured with, whatever `dns.setServers` was told in this process. */
export function systemServers(): ServerAddress[] {
  return new Resolver().getServers().flatMap(text => {
    try {
      const { ip, port } = serverOf(text)
      return [serverAddress(ip, port)]
    } catch (error) {
      // A scoped IPv6 address, which cannot be asked here.
      if (error instanceof Mistake) return []
      throw error
    }
  })
}

export class Forwarder {
  readonly #clock = systemClock()
  readonly #random = systemRandom()
  readonly #inFlight = new Map<string, Promise<Forwarded>>()
  #network: SystemNetwork | null = null

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

  close(): void {
    this.#network?.close()
  }

  async #ask(servers: readonly ServerAddress[], question: Question, flags: ForwardFlags): Promise<Forwarded> {
    if (servers.length === 0) return { error: 'this system has no DNS server configured' }
    const failures: string[] = []
    for (const server of servers) {
      const reply = await this.#askOne(server, question, flags)
      if (!('error' in reply)) return reply
      failures.push(`${formatEndpoint(server.ip.text, server.port)} ${reply.error}`)
    }
    return { error: failures.join('; ') }
  }

  async #askOne(server: ServerAddress, question: Question, flags: ForwardFlags): Promise<Forwarded> {
    let result: ExchangeResult = { kind: 'timeout', mismatches: 0 }
    for (let tries = 0; tries < stubSettings.forwardTries && result.kind === 'timeout'; tries++) {
      result = await this.#exchange(server, 'udp', question, flags, stubSettings.forwardMs)
    }
    if (result.kind === 'spoofing-suspected' || (result.kind === 'reply' && isTruncated(result.bytes))) {
      result = await this.#exchange(server, 'tcp', question, flags, stubSettings.forwardTcpMs)
    }
    if (result.kind !== 'reply') return { error: 'reason' in result ? result.reason : 'did not answer' }
    const decoded = decodeMessage(result.bytes)
    return decoded.kind === 'message' ? decoded.message : { error: `sent a reply that cannot be read: ${decoded.why}` }
  }

  #exchange(
    server: ServerAddress,
    transport: Transport,
    question: Question,
    flags: ForwardFlags,
    timeoutMs: number,
  ): Promise<ExchangeResult> {
    this.#network ??= createNetwork({
      clock: this.#clock,
      random: this.#random,
      limits: defaultLimits,
      events: () => {},
    })
    const network = this.#network
    const { dnssecOk, edns, recursionDesired, checkingDisabled } = flags
    const payloadSize = defaultLimits.upstream.ednsPayloadBytes
    const query = encodeQuery({
      id: this.#random.below(0x1_0000),
      question,
      recursionDesired,
      checkingDisabled,
      edns: edns ? { payloadSize, version: 0, dnssecOk, flags: 0, options: [] } : null,
    })
    return new Promise(resolve => network.exchange(server, transport, query, timeoutMs, resolve))
  }
}
