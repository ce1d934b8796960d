/**
 * The Network port of simulations: datagrams that take time, get lost, arrive twice or out of order, all by seed. It
 * runs on whatever clock it is given, so the same class carries a simulation on virtual time and the demo on real time.
 *
 * What belongs to a query is judged by `net/upstream/match-reply.ts`, the same function that the sockets use: a
 * mismatching datagram never becomes a result. Each exchange is a fresh port, so a late reply to one never reaches
 * another.
 *
 * Invariant: `done` is called exactly once, never from within `exchange`, never after a cancel; afterwards nothing of
 * the exchange is left on the clock.
 */
import { type Judgement, judgeReply } from '../net/upstream/match-reply.ts'
import type { IpAddress } from '../dns/address.ts'
import type { UpstreamLimits } from '../limits.ts'
import { Rcode } from '../dns/types.ts'
import {
  type Cancel,
  type Clock,
  type ExchangeResult,
  isUnauthenticated,
  type Network,
  type Random,
  type ServerAddress,
  type Transport,
} from '../ports.ts'
import { simSettings } from './settings.ts'
import type { Reaction } from './server.ts'

/** Something at an address that can be asked: a `SimServer`, or a script. */
export interface Responder {
  readonly name: string
  react(query: Uint8Array, transport: Transport, at: IpAddress): Reaction
  /** How every exchange over TLS or HTTPS fails. Absent: it does not. */
  readonly secureFailure?: SecureFailure | undefined
}

/** Over TLS it does not prove who it is; over HTTPS it says that it cannot. */
export type SecureFailure = Extract<ExchangeResult, { kind: 'unverified' | 'http-status' }>

/**
 * What servers of zones do at the port of TLS: answer as over TCP, answer REFUSED to everything, or say nothing. Where
 * none of these is said of an address the port is closed.
 */
export type SimTls = 'answers' | 'refuses' | 'silent'

/** A server at one of its addresses. */
export interface Host {
  readonly ip: IpAddress
  /** Round trip in milliseconds. */
  readonly latencyMs: number
  readonly server: Responder
}

export interface Weather {
  /** Datagrams lost, each way, in 1/1000. Over TCP a loss costs a retransmission instead. */
  readonly lossPermille: number
  /** Replies that arrive twice, in 1/1000. */
  readonly duplicatePermille: number
  /** Largest addition to a round trip, in 1/1000 of it: enough jitter reorders. */
  readonly jitterPermille: number
  /** What happens to messages to addresses without a server. */
  readonly unrouted: 'silent' | 'unreachable'
  /** Families that the machine has no route for: the kernel says so at once. */
  readonly deadFamilies: readonly (4 | 6)[]
}

export const calm: Weather = Object.freeze({
  lossPermille: 0,
  duplicatePermille: 0,
  jitterPermille: 0,
  unrouted: 'silent',
  deadFamilies: [],
})

/** One exchange, reported when it ends. `result` is null when it was cancelled. */
export interface SimExchange {
  /** Milliseconds on the clock at which the query was sent. */
  readonly atMs: number
  readonly server: ServerAddress
  readonly transport: Transport
  readonly query: Uint8Array
  readonly result: ExchangeResult | null
}

export interface SimNetworkParts {
  readonly clock: Clock
  readonly random: Random
  readonly limits: UpstreamLimits
  /** The server at an address, looked up for each message. */
  readonly hostAt: (ip: IpAddress) => Host | undefined
  /** TLS without proof of who answers. Absent: no server speaks it. */
  readonly tlsAt?: ((ip: IpAddress) => SimTls | undefined) | undefined
  readonly weather: Weather
  readonly onExchange?: (exchange: SimExchange) => void
}

/** An exchange that has not ended. */
export interface OpenExchange {
  readonly server: ServerAddress
  readonly transport: Transport
  readonly query: Uint8Array
  /** Milliseconds on the clock. */
  readonly sentAt: number
}

interface InFlight extends OpenExchange {
  readonly finish: (result: ExchangeResult | null) => void
  readonly timers: Set<Cancel>
  mismatches: number
  spoofAttempts: number
  weak: Uint8Array | null
}

export class SimNetwork implements Network {
  readonly #parts: SimNetworkParts
  readonly #open = new Set<InFlight>()
  #started = 0

  constructor(parts: SimNetworkParts) {
    this.#parts = parts
  }

  /** Exchanges that have neither ended nor been cancelled. */
  get inFlight(): number {
    return this.#open.size
  }

  /** Exchanges begun so far. */
  get started(): number {
    return this.#started
  }

  /** Those in flight, the oldest first. */
  get open(): readonly OpenExchange[] {
    return [...this.#open]
  }

  /** A message reaches an open exchange, from wherever a script sends it. */
  deliver(open: OpenExchange, bytes: Uint8Array): void {
    for (const exchange of this.#open) if (exchange === open) this.#received(exchange, bytes)
  }

  /** The time of an open exchange is up now. */
  expire(open: OpenExchange): void {
    for (const exchange of this.#open) if (exchange === open) this.#expire(exchange)
  }

  exchange(
    server: ServerAddress,
    transport: Transport,
    query: Uint8Array,
    timeoutMs: number,
    done: (result: ExchangeResult) => void,
  ): Cancel {
    const { clock, onExchange } = this.#parts
    const sentAt = clock.now()
    this.#started++
    const exchange: InFlight = {
      server,
      query: query.slice(),
      transport,
      sentAt,
      timers: new Set(),
      mismatches: 0,
      spoofAttempts: 0,
      weak: null,
      finish: result => {
        if (!this.#open.delete(exchange)) return
        for (const cancel of exchange.timers) cancel()
        exchange.timers.clear()
        onExchange?.({ atMs: sentAt, server, transport, query: exchange.query, result })
        if (result !== null) done(result)
      },
    }
    this.#open.add(exchange)
    this.#after(exchange, timeoutMs, () => this.#expire(exchange))
    this.#send(exchange, server)
    return () => exchange.finish(null)
  }

  #after(exchange: InFlight, delayMs: number, fire: () => void): void {
    const cancel = this.#parts.clock.after(delayMs, () => {
      exchange.timers.delete(cancel)
      fire()
    })
    exchange.timers.add(cancel)
  }

  /**
   * Plans what will arrive. Every number is drawn here, whatever happens later, so that one fault does not shift the
   * rest.
   */
  #send(exchange: InFlight, server: ServerAddress): void {
    const { random, hostAt, weather } = this.#parts
    const jitter = random.below(1_000_000) / 1_000_000
    const lostOut = random.below(1_000) < weather.lossPermille
    const lostBack = random.below(1_000) < weather.lossPermille
    const twice = random.below(1_000) < weather.duplicatePermille
    if (weather.deadFamilies.includes(server.ip.family)) {
      this.#after(exchange, 0, () => exchange.finish({ kind: 'unreachable', reason: 'ENETUNREACH', family: true }))
      return
    }
    const isOpen = server.port === simSettings.serverPort || server.secure !== undefined
    const host = isOpen ? hostAt(server.ip) : undefined
    const trip = (host?.latencyMs ?? simSettings.latencyMs) * (1 + (jitter * weather.jitterPermille) / 1_000)
    if (host === undefined) {
      if (weather.unrouted === 'unreachable')
        this.#after(exchange, trip, () =>
          exchange.finish({ kind: 'unreachable', reason: 'EHOSTUNREACH', family: false }),
        )
      return
    }
    const tcp = exchange.transport !== 'udp'
    if (lostOut && !tcp) return
    // A TCP exchange needs a round trip for the handshake; what is lost is sent again.
    const setUp = tcp ? trip + (lostOut || lostBack ? simSettings.tcpRetransmitMs : 0) : 0
    this.#after(exchange, setUp + trip / 2, () =>
      this.#reach(exchange, host, trip / 2, lostBack && !tcp, twice && !tcp),
    )
  }

  /** The query is at the server. */
  #reach(exchange: InFlight, host: Host, backMs: number, lost: boolean, twice: boolean): void {
    const { secureFailure } = host.server
    if (secureFailure !== undefined && exchange.server.secure !== undefined) {
      this.#after(exchange, backMs, () => exchange.finish(secureFailure))
      return
    }
    const reaction = this.#reaction(exchange, host)
    switch (reaction.kind) {
      case 'closed':
        this.#after(exchange, backMs, () =>
          exchange.finish({ kind: 'unreachable', reason: 'ECONNREFUSED', family: false }),
        )
        return
      case 'arrivals': {
        const arrivals = lost ? [] : reaction.arrivals
        for (const { bytes, afterMs } of arrivals) {
          this.#after(exchange, backMs + afterMs, () => this.#received(exchange, bytes))
          if (twice) this.#after(exchange, backMs + afterMs, () => this.#received(exchange, bytes))
        }
        return
      }
      default:
        reaction satisfies never
    }
  }

  #reaction({ server: { secure }, query, transport }: InFlight, { ip, server }: Host): Reaction {
    if (secure === undefined || !isUnauthenticated(secure)) return server.react(query, transport, ip)
    const tls = this.#parts.tlsAt?.(ip)
    switch (tls) {
      case undefined:
        return { kind: 'closed' }
      case 'silent':
        return { kind: 'arrivals', arrivals: [] }
      case 'answers':
        return server.react(query, transport, ip)
      case 'refuses': {
        const reaction = server.react(query, transport, ip)
        if (reaction.kind === 'closed') return reaction
        return { kind: 'arrivals', arrivals: reaction.arrivals.map(one => ({ ...one, bytes: refused(one.bytes) })) }
      }
      default:
        return tls satisfies never
    }
  }

  #received(exchange: InFlight, bytes: Uint8Array): void {
    const judgement = judgeReply(exchange.query, bytes)
    if (exchange.transport !== 'udp') this.#receivedTcp(exchange, bytes, judgement)
    else this.#receivedUdp(exchange, bytes, judgement)
  }

  /** The rules of `net/upstream/udp.ts`. */
  #receivedUdp(exchange: InFlight, bytes: Uint8Array, judgement: Judgement): void {
    const { limits } = this.#parts
    switch (judgement) {
      case 'reply':
      case 'reply-wrong-case':
        this.#reply(exchange, bytes, judgement === 'reply')
        return
      case 'questionless':
      case 'unreadable':
        if (judgement === 'unreadable') exchange.mismatches++
        if (exchange.weak !== null) return
        exchange.weak = bytes
        this.#after(exchange, limits.questionlessGraceMs, () => this.#expire(exchange))
        return
      case 'noise':
        exchange.mismatches++
        return
      case 'guess':
        exchange.mismatches++
        exchange.spoofAttempts++
        if (exchange.spoofAttempts >= limits.mismatchesBeforeTcp)
          exchange.finish({ kind: 'spoofing-suspected', mismatches: exchange.mismatches })
        return
      case 'wrong-cookie':
        exchange.finish({ kind: 'spoofing-suspected', mismatches: exchange.mismatches + 1 })
        return
      default:
        judgement satisfies never
    }
  }

  /**
   * The rules of `net/upstream/tcp.ts`: an off-path attacker cannot write into the stream, and the connection to a
   * server that sends nonsense is closed.
   */
  #receivedTcp(exchange: InFlight, bytes: Uint8Array, judgement: Judgement): void {
    switch (judgement) {
      case 'reply':
      case 'reply-wrong-case':
      case 'questionless':
      case 'unreadable':
      case 'wrong-cookie':
        this.#reply(exchange, bytes, judgement !== 'reply-wrong-case')
        return
      case 'noise':
      case 'guess':
        exchange.finish({
          kind: 'unreachable',
          reason: judgement === 'noise' ? 'a malformed message' : 'a reply to another question',
          family: false,
        })
        return
      default:
        judgement satisfies never
    }
  }

  #reply(exchange: InFlight, bytes: Uint8Array, caseEchoed: boolean): void {
    const rttMs = this.#parts.clock.now() - exchange.sentAt
    exchange.finish({ kind: 'reply', bytes: bytes.slice(), rttMs, caseEchoed, mismatches: exchange.mismatches })
  }

  #expire(exchange: InFlight): void {
    if (exchange.weak === null) exchange.finish({ kind: 'timeout', mismatches: exchange.mismatches })
    else this.#reply(exchange, exchange.weak, true)
  }
}

/** RFC 1035 section 4.1.1: RCODE is the lower half of the fourth octet. */
function refused(message: Uint8Array): Uint8Array {
  const changed = message.slice()
  changed[RCODE_AT] = ((changed[RCODE_AT] ?? 0) & 0xf0) | Rcode.REFUSED
  return changed
}

const RCODE_AT = 3

/** The same servers reached through a real clock: an internet inside the process, without a socket. */
export function embeddedNetwork(
  clock: Clock,
  random: Random,
  limits: UpstreamLimits,
  hosts: ReadonlyMap<string, Host>,
): SimNetwork {
  return new SimNetwork({
    clock,
    random,
    limits,
    hostAt: ip => hosts.get(ip.text),
    weather: { ...calm, jitterPermille: simSettings.jitterPermille },
  })
}
