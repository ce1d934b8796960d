/**
 * One hop: the way to a connection, TLS, one exchange. Whatever goes wrong is the end of the hop, with all that was
 * found out until then.
 */
import type { Socket } from 'node:net'
import type { SecureContext } from 'node:tls'
import { Approach } from './approach.ts'
import type { Channel, Exchanged, Request } from './http/exchange.ts'
import { openHttp1 } from './http/http1.ts'
import { openHttp2 } from './http/http2.ts'
import type { VisitOptions } from './options.ts'
import { redirectOf } from './http/redirect.ts'
import { secure } from './secure.ts'
import { securedUrl, type Target } from './target.ts'
import type { ConnectionFacts, Endpoint, Hop, HopEnd, Times, TlsFacts } from './types.ts'

/** A connection that is open, by the origin that it is good for. */
export interface OpenConnection {
  readonly channel: Channel
  readonly facts: ConnectionFacts
  readonly tls: TlsFacts | null
}

/** What hops of one visit share. */
export interface HopContext {
  readonly options: VisitOptions
  readonly secureContext: SecureContext
  readonly connections: Map<string, OpenConnection>
  /** TLS sessions to resume, by origin. */
  readonly sessions: Map<string, Uint8Array>
  /** DER of the certificates that came with a handshake, the leaf first. */
  readonly chains: Map<TlsFacts, readonly Uint8Array[]>
  readonly passStartedAtMs: number
  readonly signal: AbortSignal
}

export interface HopRequest {
  readonly target: Target
  readonly method: string
  readonly headers: Request['headers']
}

export const makeHop = (context: HopContext, request: HopRequest): Promise<Hop> =>
  new HopInTheMaking(context, request).make()

class HopInTheMaking {
  readonly #context: HopContext
  readonly #request: HopRequest
  readonly #approach: Approach
  readonly #startedAtMs: number
  #facts: ConnectionFacts | null = null
  /** Of a handshake that failed too. */
  #tls: TlsFacts | null = null
  #exchanged: Exchanged | null = null
  #connectedMs: number | null = null
  #securedMs: number | null = null

  constructor(context: HopContext, request: HopRequest) {
    const { options, signal } = context
    this.#context = context
    this.#request = request
    this.#startedAtMs = options.clock.now()
    this.#approach = new Approach(request.target, options, this.#startedAtMs, signal)
  }

  async make(): Promise<Hop> {
    const end = await this.#run()
    const { target, method } = this.#request
    const approach = this.#approach
    return {
      url: target.url,
      host: target.host.kind === 'name' ? target.host.name : null,
      isSecure: target.isSecure,
      method,
      atMs: this.#startedAtMs - this.#context.passStartedAtMs,
      lookUps: [...approach.lookUps],
      services: approach.services,
      attempts: approach.attempts,
      connection: this.#facts,
      tls: this.#tls,
      response: this.#exchanged?.response ?? null,
      times: this.#times(),
      end,
    }
  }

  #times(): Times {
    const since = (atMs: number | null): number | null => (atMs === null ? null : atMs - this.#startedAtMs)
    return {
      namesMs: this.#approach.namesMs,
      connectedMs: this.#connectedMs,
      securedMs: this.#securedMs,
      sentMs: since(this.#exchanged?.sentAtMs ?? null),
      firstOctetMs: since(this.#exchanged?.firstOctetAtMs ?? null),
      totalMs: (this.#exchanged?.endedAtMs ?? this.#context.options.clock.now()) - this.#startedAtMs,
    }
  }

  #since(): number {
    return this.#context.options.clock.now() - this.#startedAtMs
  }

  async #run(): Promise<HopEnd> {
    const { target } = this.#request
    const { connections } = this.#context
    const open = connections.get(target.origin)
    if (open?.channel.isOpen === true) {
      this.#facts = { ...open.facts, isReused: true }
      this.#tls = open.tls
      const end = await this.#ask(open.channel)
      // The server closed it while the request was on its way: that is no failure of its (RFC 9112 section 9.3.1).
      if (end.kind !== 'failed' || end.failure.kind !== 'empty-reply') return end
      this.#exchanged = null
    }
    connections.delete(target.origin)
    const approached = await this.#approach.run()
    switch (approached.kind) {
      case 'failed':
        return approached
      case 'upgrade':
        return { kind: 'redirect', by: 'service', to: securedUrl(target) }
      case 'connected': {
        const opened = await this.#open(approached.socket, approached.endpoint)
        if (!('channel' in opened)) return opened
        connections.set(target.origin, opened)
        return this.#ask(opened.channel)
      }
      default:
        return approached satisfies never
    }
  }

  async #open(socket: Socket, endpoint: Endpoint): Promise<OpenConnection | HopEnd> {
    this.#connectedMs = this.#since()
    const facts: ConnectionFacts = {
      isReused: false,
      local: socket.localAddress ?? '',
      remote: endpoint.ip.text,
      port: endpoint.port,
      family: endpoint.ip.family,
    }
    this.#facts = facts
    this.#context.options.report?.({ kind: 'connected', connection: facts, atMs: this.#connectedMs })
    if (!this.#request.target.isSecure) return { channel: await openHttp1(socket), facts, tls: null }
    return this.#secure(socket, endpoint, facts)
  }

  async #secure(socket: Socket, endpoint: Endpoint, facts: ConnectionFacts): Promise<OpenConnection | HopEnd> {
    const { options, sessions, chains, signal } = this.#context
    const { host, origin } = this.#request.target
    const secured = await secure(socket, {
      clock: options.clock,
      // Never with the last dot (RFC 6066 section 3).
      serverName: host.kind === 'name' ? host.text.replace(/\.$/, '') : null,
      address: endpoint.ip.text,
      alpn: endpoint.alpn,
      context: this.#context.secureContext,
      acceptsAny: options.insecure,
      offeredEch: this.#approach.services.some(({ hasEch }) => hasEch),
      session: sessions.get(origin) ?? null,
      onSession: session => sessions.set(origin, session),
      certificates: options.limits.certificates,
      signal,
    })
    this.#tls = secured.facts
    if (secured.kind === 'failed') return { kind: 'failed', failure: secured.failure }
    this.#securedMs = this.#since()
    const { socket: encrypted, facts: tls, chain } = secured
    chains.set(tls, chain)
    options.report?.({ kind: 'secured', tls, atMs: this.#securedMs })
    const channel =
      tls.alpn === 'h2' ? await openHttp2(encrypted, origin, options.limits.headerBytes) : await openHttp1(encrypted)
    return { channel, facts, tls }
  }

  async #ask(channel: Channel): Promise<HopEnd> {
    const { options, signal } = this.#context
    const { target, method, headers } = this.#request
    const exchanged = await channel.exchange(
      { method, path: target.path, authority: target.authority, isSecure: target.isSecure, headers },
      { clock: options.clock, limits: options.limits, contentBytes: options.contentBytes, signal },
    )
    this.#exchanged = exchanged
    const { response, content, failure } = exchanged
    if (failure !== null) return { kind: 'failed', failure }
    const location = response === null ? null : redirectOf(response)
    return location === null ? { kind: 'done', content } : { kind: 'redirect', by: 'status', to: location }
  }
}
