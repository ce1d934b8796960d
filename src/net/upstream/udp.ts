/**
 * Queries to servers over UDP: connected sockets on random ports, one exchange at a time on each, judged replies only.
 * Not a place for retries or for opinions about servers: one call is one datagram out and at most one result back.
 *
 * Invariants: `done` is called exactly once, never from within `exchange`, and never after a cancel; a socket serves
 * one server and at most one exchange at a time; a socket whose exchange did not end with its reply is never used
 * again, so that its port need not be trusted twice; open sockets never exceed `limits.udpSockets`. The engine has no
 * more than these on their way, so that an exchange waits here only when the system has no descriptor left. Sockets of
 * which only a late reply is expected (`late-replies.ts`) give way to it.
 *
 * Queries leave together, at the end of the loop's turn (`outbox.ts` says why).
 */
import type { Decoded } from '../../dns/decode.ts'
import { idOf } from '../../dns/wire.ts'
import type { UpstreamLimits } from '../../limits.ts'
import type { Cancel, Clock, ExchangeResult, Random, ServerAddress } from '../../ports.ts'
import { Exchanges, NETWORK_CLOSED, noTimer, type OpenExchange } from './exchanges.ts'
import { type Late, LateReplies, questionKey } from './late-replies.ts'
import { Outbox } from './outbox.ts'
import { takeReply } from './match-reply.ts'
import { isExhaustion, refusal } from '../../system/system-error.ts'
import type { SocketUser, UpstreamSocket, UpstreamSockets } from './udp-sockets.ts'

export interface UpstreamParts {
  readonly clock: Clock
  readonly random: Random
  readonly limits: UpstreamLimits
  /** Called when the system has no descriptor or buffer left. */
  readonly exhausted: (code: string) => void
}

export interface UdpUpstreamParts extends UpstreamParts {
  readonly sockets: UpstreamSockets
}

/** One query to one server, from the call to its result. */
interface UdpExchange extends OpenExchange {
  readonly server: ServerAddress
  readonly query: Uint8Array
  readonly id: number
  readonly timeoutMs: number
  seat: Seat | null
  /** 0 before it is sent. */
  sentAt: number
  /** Datagrams discarded, and among them well-formed responses to something else. */
  mismatches: number
  spoofAttempts: number
  /** A reply without question, delivered when nothing better comes. */
  weak: QuestionlessReply | null
}

interface QuestionlessReply {
  readonly bytes: Uint8Array
  readonly decoded: Decoded
}

/** A connected socket and what it is doing. */
interface Seat {
  readonly server: ServerAddress
  readonly socket: UpstreamSocket
  readonly openedAt: number
  /** IDs of finished exchanges: a duplicate of their reply is no guess at the present one. */
  readonly pastIds: number[]
  exchange: UdpExchange | null
  /** When the time of its exchange is over. */
  late: Late | null
  closed: boolean
}

type Opened =
  | { readonly kind: 'seat'; readonly seat: Seat }
  | { readonly kind: 'full' }
  | { readonly kind: 'failed'; readonly code: string }

export class UdpUpstream {
  readonly #parts: UdpUpstreamParts
  readonly #seats = new Set<Seat>()
  /** Insertion order is age of idleness; the map finds those of one server. */
  readonly #idle = new Set<Seat>()
  readonly #idleOf = new Map<string, Seat[]>()
  readonly #exchanges: Exchanges<UdpExchange>
  readonly #outbox: Outbox<UdpExchange>
  readonly #late: LateReplies
  #cancelSweep: Cancel | null = null

  constructor(parts: UdpUpstreamParts) {
    this.#parts = parts
    const { clock, limits } = parts
    this.#late = new LateReplies(clock, limits)
    this.#exchanges = new Exchanges({
      clock,
      limits,
      what: 'a socket',
      start: exchange => this.#start(exchange),
      expire: exchange => this.#expire(exchange),
    })
    this.#outbox = new Outbox(parts.limits.sentTogether, exchange => this.#sendNow(exchange))
  }

  get openSockets(): number {
    return this.#seats.size
  }

  get idleSockets(): number {
    return this.#idle.size
  }

  get waiting(): number {
    return this.#exchanges.waiting
  }

  /**
   * See `Network.exchange`. The time of the server begins when the query leaves; waiting for a socket has a bound of
   * its own (`socketWaitMs`).
   */
  exchange(
    server: ServerAddress,
    query: Uint8Array,
    timeoutMs: number,
    done: (result: ExchangeResult) => void,
  ): Cancel {
    const exchange: UdpExchange = {
      server,
      query,
      id: idOf(query),
      done,
      timeoutMs,
      seat: null,
      sentAt: 0,
      mismatches: 0,
      spoofAttempts: 0,
      weak: null,
      over: false,
      cancelTimer: noTimer,
    }
    const late = this.#askLate(exchange)
    if (late === null) this.#exchanges.begin(exchange)
    else this.#exchanges.finishLater(exchange, late)
    return () => {
      if (this.#exchanges.end(exchange)) this.#leaveSeat(exchange, false)
    }
  }

  /** Closes the descriptors that are idle. */
  closeIdle(): void {
    this.#late.dropAll()
    for (const seat of this.#idle) this.#closeSeat(seat)
  }

  /** Ends every exchange as not sent and closes every socket. */
  close(): void {
    this.#late.dropAll()
    this.#cancelSweep?.()
    this.#cancelSweep = null
    this.#exchanges.close()
    for (const seat of this.#seats) {
      if (seat.exchange !== null) this.#exchanges.finishLater(seat.exchange, NETWORK_CLOSED)
      this.#closeSeat(seat)
    }
    this.#parts.sockets.close()
  }

  // --- exchanges

  /** Finds a socket and sends; false when the exchange has to wait. */
  #start(exchange: UdpExchange): boolean {
    const opened = this.#takeIdle(exchange.server) ?? this.#openSeat(exchange.server)
    switch (opened.kind) {
      case 'full':
        return false
      case 'failed':
        this.#exchanges.finishLater(exchange, refusal(opened.code))
        return true
      case 'seat':
        this.#send(exchange, opened.seat)
        return true
      default:
        return opened satisfies never
    }
  }

  /** Takes the seat; the datagram leaves at the end of this turn. */
  #send(exchange: UdpExchange, seat: Seat): void {
    exchange.seat = seat
    seat.exchange = exchange
    exchange.cancelTimer()
    exchange.cancelTimer = this.#parts.clock.after(exchange.timeoutMs, () => this.#expire(exchange))
    this.#outbox.add(exchange)
  }

  #sendNow(exchange: UdpExchange): void {
    const { seat } = exchange
    // Ended in the meantime.
    if (seat === null || exchange.over) return
    exchange.sentAt = this.#parts.clock.now()
    seat.socket.send(exchange.query)
  }

  #expire(exchange: UdpExchange, looked = false): void {
    const { weak, seat } = exchange
    // The server's time runs from when the query left, which a busy turn of the loop may hold back for longer than all
    // of it.
    const now = this.#parts.clock.now()
    const left =
      seat === null || weak !== null ? 0 : (exchange.sentAt === 0 ? now : exchange.sentAt) + exchange.timeoutMs - now
    if (left > 0) {
      exchange.cancelTimer = this.#parts.clock.after(left, () => this.#expire(exchange))
      return
    }
    // Timers come first in a turn of the loop: the reply may lie in the socket since before its time was up.
    if (seat !== null && weak === null && !looked) {
      exchange.cancelTimer = this.#parts.clock.after(0, () => this.#expire(exchange, true))
      return
    }
    if (weak !== null) this.#finish(exchange, this.#replyOf(exchange, weak.bytes, weak.decoded, true), false)
    else if (seat === null) this.#finish(exchange, { kind: 'not-sent', reason: 'no socket became free in time' }, false)
    else this.#timedOut(exchange, seat)
  }

  /** The socket is listened on for a while: the same question is likely to be put to the server again. */
  #timedOut(exchange: UdpExchange, seat: Seat): void {
    const { mismatches } = exchange
    if (!this.#exchanges.end(exchange)) return
    const close = (): void => {
      seat.late = null
      this.#leaveSeat(exchange, false)
    }
    if (this.#exchanges.waiting === 0) seat.late = this.#late.add(questionKey(exchange.server, exchange.query), close)
    if (seat.late === null) close()
    exchange.done({ kind: 'timeout', mismatches })
  }

  /** What has come since the question was put before; null: it is taken when it comes. */
  #askLate(exchange: UdpExchange): ExchangeResult | null {
    if (this.#late.size === 0) return null
    return this.#late.ask(questionKey(exchange.server, exchange.query), {
      isOver: () => exchange.over,
      take: reply => this.#finish(exchange, reply, false),
    })
  }

  #received(seat: Seat, bytes: Uint8Array): void {
    const exchange = seat.exchange
    if (exchange === null) return
    const id = idOf(bytes)
    if (id !== exchange.id && seat.pastIds.includes(id)) return
    const { judgement, decoded } = takeReply(exchange.query, bytes)
    // What is no response counts like any other noise.
    if (decoded === null) {
      exchange.mismatches++
      return
    }
    if (seat.late !== null) {
      if (judgement === 'reply') this.#late.came(seat.late, this.#replyOf(exchange, bytes, decoded, true))
      else if (judgement === 'guess' || judgement === 'wrong-cookie') this.#late.drop(seat.late)
      return
    }
    switch (judgement) {
      case 'reply':
      case 'reply-wrong-case':
        this.#finish(exchange, this.#replyOf(exchange, bytes, decoded, judgement === 'reply'), true)
        return
      case 'questionless':
      case 'unreadable':
        if (judgement === 'unreadable') exchange.mismatches++
        if (exchange.weak !== null) return
        exchange.weak = { bytes, decoded }
        this.#awaitBetter(exchange)
        return
      case 'noise':
        exchange.mismatches++
        return
      case 'guess':
        exchange.mismatches++
        exchange.spoofAttempts++
        if (exchange.spoofAttempts < this.#parts.limits.mismatchesBeforeTcp) return
        this.#finish(exchange, { kind: 'spoofing-suspected', mismatches: exchange.mismatches }, false)
        return
      case 'wrong-cookie':
        this.#finish(exchange, { kind: 'spoofing-suspected', mismatches: exchange.mismatches + 1 }, false)
        return
      default:
        judgement satisfies never
    }
  }

  #replyOf(exchange: UdpExchange, bytes: Uint8Array, decoded: Decoded, caseEchoed: boolean): ExchangeResult {
    return {
      kind: 'reply',
      bytes,
      decoded,
      rttMs: this.#parts.clock.now() - exchange.sentAt,
      caseEchoed,
      mismatches: exchange.mismatches,
    }
  }

  /** It ends after a short time for a better reply, if not before. */
  #awaitBetter(exchange: UdpExchange): void {
    const { clock, limits } = this.#parts
    const cancelOwn = exchange.cancelTimer
    const cancelGrace = clock.after(limits.questionlessGraceMs, () => this.#expire(exchange))
    exchange.cancelTimer = () => {
      cancelOwn()
      cancelGrace()
    }
  }

  #finish(exchange: UdpExchange, result: ExchangeResult, reuse: boolean): void {
    if (!this.#exchanges.end(exchange)) return
    this.#leaveSeat(exchange, reuse)
    if (this.#late.size > 0 && reuse) this.#late.dropAll(questionKey(exchange.server, exchange.query))
    exchange.done(result)
  }

  // --- sockets

  #leaveSeat(exchange: UdpExchange, reuse: boolean): void {
    const seat = exchange.seat
    if (seat === null) return
    exchange.seat = null
    seat.exchange = null
    seat.pastIds.push(exchange.id)
    const { limits } = this.#parts
    const idle = this.#idleOf.get(seat.server.key)
    if (!reuse || seat.closed || this.#shouldRetire(seat) || (idle?.length ?? 0) >= limits.idleSocketsPerServer) {
      this.#closeSeat(seat)
    } else {
      this.#idle.add(seat)
      if (idle === undefined) this.#idleOf.set(seat.server.key, [seat])
      else idle.push(seat)
      this.#cancelSweep ??= this.#parts.clock.after(limits.socketAgeMs, () => this.#sweep())
    }
    if (this.#exchanges.waiting > 0) this.#exchanges.startWaiting()
  }

  /** Has this port been used long or often enough? */
  #shouldRetire(seat: Seat): boolean {
    const { clock, limits } = this.#parts
    return seat.pastIds.length >= limits.exchangesPerSocket || clock.now() - seat.openedAt >= limits.socketAgeMs
  }

  /** A random idle socket of the server, so that which port comes next stays unknown. */
  #takeIdle(server: ServerAddress): Opened | null {
    for (;;) {
      const idle = this.#idleOf.get(server.key)
      const seat = idle?.[this.#parts.random.below(idle.length)]
      if (seat === undefined) return null
      this.#removeIdle(seat)
      if (!this.#shouldRetire(seat)) return { kind: 'seat', seat }
      this.#closeSeat(seat)
    }
  }

  #removeIdle(seat: Seat): void {
    if (!this.#idle.delete(seat)) return
    const idle = this.#idleOf.get(seat.server.key)
    if (idle === undefined) return
    const last = idle.pop()
    if (last !== undefined && last !== seat) idle[idle.indexOf(seat)] = last
    if (idle.length === 0) this.#idleOf.delete(seat.server.key)
  }

  #closeSeat(seat: Seat): void {
    if (seat.closed) return
    seat.closed = true
    this.#removeIdle(seat)
    this.#seats.delete(seat)
    seat.socket.close()
  }

  #sweep(): void {
    this.#cancelSweep = null
    for (const seat of this.#idle) if (this.#shouldRetire(seat)) this.#closeSeat(seat)
    if (this.#idle.size > 0)
      this.#cancelSweep = this.#parts.clock.after(this.#parts.limits.socketAgeMs, () => this.#sweep())
  }

  /** A new socket, making room among the idle ones of other servers when the number or the descriptors are used up. */
  #openSeat(server: ServerAddress): Opened {
    for (;;) {
      const full = this.#seats.size >= this.#parts.limits.udpSockets
      const opened: Opened = full ? { kind: 'full' } : this.#connect(server)
      if (opened.kind === 'seat' || (opened.kind === 'failed' && !isExhaustion(opened.code))) return opened
      if (opened.kind === 'failed') this.#parts.exhausted(opened.code)
      const [oldest] = this.#idle
      if (oldest !== undefined) this.#closeSeat(oldest)
      else if (!this.#late.dropOldest()) return full || this.#seats.size > 0 ? { kind: 'full' } : opened
    }
  }

  #connect(server: ServerAddress): Opened {
    const { clock, sockets } = this.#parts
    const user: SocketUser = {
      received: bytes => {
        this.#received(seat, bytes)
        return seat.exchange !== null
      },
      failed: code => this.#failed(seat, code),
    }
    const opened = sockets.open(server, user)
    if (opened.kind === 'failed') return opened
    // Nothing is heard before this turn is over.
    const seat: Seat = {
      server,
      socket: opened.socket,
      openedAt: clock.now(),
      pastIds: [],
      exchange: null,
      late: null,
      closed: false,
    }
    this.#seats.add(seat)
    return { kind: 'seat', seat }
  }

  #failed(seat: Seat, code: string): void {
    const exchange = seat.exchange
    this.#closeSeat(seat)
    if (seat.late !== null) this.#late.drop(seat.late)
    else if (exchange === null) this.#exchanges.startWaiting()
    else if (exchange.weak !== null)
      this.#finish(exchange, this.#replyOf(exchange, exchange.weak.bytes, exchange.weak.decoded, true), false)
    else this.#finish(exchange, refusal(code), false)
  }
}
