/**
 * The internet that the engine is warmed up with: the servers of `servers.ts` reached through the same code that talks
 * to real ones over UDP. There is no socket in it; what a server says is worked out when it is asked and delivered in
 * the next turn of the loop.
 *
 * Invariants: nothing leaves the process; every question of `questions.ts` has the answer that it expects.
 */
import type { Limits } from '../limits.ts'
import { takeReply } from '../net/upstream/match-reply.ts'
import type { OpenedSocket, SocketUser, UpstreamSockets } from '../net/upstream/udp-sockets.ts'
import { UdpUpstream, type UpstreamParts } from '../net/upstream/udp.ts'
import type { Cancel, Clock, ExchangeResult, Network, Random, ServerAddress, Transport } from '../ports.ts'
import { isSilent, WarmUpServers } from './servers.ts'
import type { WarmUpSigner } from './signer.ts'

export interface WarmUpInternetParts {
  readonly clock: Clock
  readonly random: Random
  readonly limits: Limits
  /** Null when nothing is to be validated. */
  readonly signer: WarmUpSigner | null
  /** Called with what was thrown here. */
  readonly onBug: (error: unknown) => void
}

export class WarmUpInternet {
  readonly #parts: WarmUpInternetParts
  readonly #servers: WarmUpServers
  readonly #sockets: MadeUpSockets
  readonly #udp: UdpUpstream
  #closed = false

  constructor(parts: WarmUpInternetParts) {
    const { clock, random, limits, signer, onBug: broke } = parts
    this.#parts = parts
    this.#servers = new WarmUpServers(signer)
    this.#sockets = new MadeUpSockets(this.#servers, broke)
    // As `createNetwork` makes them: V8 distinguishes objects by how they were made.
    const upstream: UpstreamParts = { clock, random, limits: limits.upstream, exhausted: () => {} }
    this.#udp = new UdpUpstream({ ...upstream, sockets: this.#sockets })
  }

  /**
   * The port of the engine, in the form of the real one. `other` is the same by another function: what has been seen
   * calling two is compiled for calling any, the real one too.
   */
  port(other: boolean): Network {
    const usage = (): null => null
    const close = (): void => this.close()
    const one = {
      exchange: (...asked: Parameters<Network['exchange']>): Cancel => this.#exchange(...asked),
      usage,
      close,
    }
    const two = {
      exchange: (
        server: ServerAddress,
        transport: Transport,
        query: Uint8Array,
        timeoutMs: number,
        done: (result: ExchangeResult) => void,
      ): Cancel => this.#exchange(server, transport, query, timeoutMs, done),
      usage,
      close,
    }
    return other ? two : one
  }

  #exchange(
    server: ServerAddress,
    transport: Transport,
    query: Uint8Array,
    timeoutMs: number,
    done: (result: ExchangeResult) => void,
  ): Cancel {
    // Its time is not waited for.
    if (isSilent(server.ip)) return this.#soon(() => done({ kind: 'timeout', mismatches: 0 }))
    if (transport === 'udp') return this.#udp.exchange(server, query, timeoutMs, done)
    const asked = Uint8Array.from(query)
    return this.#soon(() => {
      const bytes = this.#servers.reply(server.ip, asked, 'tcp')
      const { judgement } = takeReply(asked, bytes)
      done({ kind: 'reply', bytes, rttMs: 1, caseEchoed: judgement !== 'reply-wrong-case', mismatches: 0 })
    })
  }

  close(): void {
    this.#closed = true
    this.#udp.close()
  }

  #soon(then: () => void): Cancel {
    const later = setImmediate(() => {
      if (this.#closed) return
      try {
        then()
      } catch (error) {
        this.#parts.onBug(error)
      }
    })
    return () => clearImmediate(later)
  }
}

interface Datagram {
  readonly server: ServerAddress
  readonly user: SocketUser
  readonly query: Uint8Array
}

/** Sockets that hear an answer in the turn after they sent, many in one turn like those of a busy server. */
class MadeUpSockets implements UpstreamSockets {
  readonly #servers: WarmUpServers
  readonly #onBug: (error: unknown) => void
  #sent: Datagram[] = []
  #closed = false

  constructor(servers: WarmUpServers, onBug: (error: unknown) => void) {
    this.#servers = servers
    this.#onBug = onBug
  }

  open(server: ServerAddress, user: SocketUser): OpenedSocket {
    return {
      kind: 'socket',
      socket: { send: query => this.#send({ server, user, query: Uint8Array.from(query) }), close: () => {} },
    }
  }

  close(): void {
    this.#closed = true
  }

  #send(datagram: Datagram): void {
    if (this.#sent.push(datagram) === 1) setImmediate(() => this.#deliver())
  }

  #deliver(): void {
    const sent = this.#sent
    this.#sent = []
    try {
      // A socket that was closed meanwhile has no exchange any more, and does not listen.
      for (const { server, user, query } of sent)
        if (!this.#closed) user.received(this.#servers.reply(server.ip, query, 'udp'))
    } catch (error) {
      this.#onBug(error)
    }
  }
}
