/**
 * Queries to servers over TCP (RFC 7766): connections are reused and pipelined, each with its own IDs, so that two
 * resolutions may share a connection and answers may come in any order. Not a place for retries beyond the one that
 * reuse makes necessary: a server may close an idle connection in the moment it is used again.
 *
 * Invariants: `done` is called exactly once, never from within `exchange`, and never after a cancel; a connection that
 * spoke nonsense or let a query time out takes no further query; open connections never exceed `limits.tcpConnections`.
 */
import { connect, type Socket } from 'node:net'
import { frame, Framing } from '../../dns/framing.ts'
import { idOf, setId } from '../../dns/wire.ts'
import type { Cancel, ExchangeResult, ServerAddress } from '../../ports.ts'
import { takeReply } from './match-reply.ts'
import { errorCode, isExhaustion, refusal } from '../../system/system-error.ts'
import type { UpstreamParts } from './udp.ts'

interface TcpExchange {
  readonly server: ServerAddress
  readonly query: Uint8Array
  readonly done: (result: ExchangeResult) => void
  readonly timeoutMs: number
  connection: Connection | null
  /** The query with the connection's ID. */
  sent: Uint8Array
  sentAt: number
  retried: boolean
  cancelTimer: Cancel
  over: boolean
}

interface Connection {
  readonly server: ServerAddress
  readonly socket: Socket
  readonly framing: Framing
  readonly pending: Map<number, TcpExchange>
  /** IDs whose exchange was cancelled or timed out: their replies are late, not nonsense. */
  readonly forgotten: Set<number>
  /** Replies delivered so far: a connection with some was good, and its end is no verdict on the server. */
  answered: number
  /** Takes no further exchange. */
  leaving: boolean
  /** Has one exchange and takes no other at the same time. */
  exclusive: boolean
  closed: boolean
  cancelIdle: Cancel | null
}

const ID_VALUES = 65_536
const noTimer: Cancel = () => {}

export class TcpUpstream {
  readonly #parts: UpstreamParts
  readonly #connections = new Set<Connection>()
  readonly #byServer = new Map<string, Set<Connection>>()
  readonly #waiting = new Set<TcpExchange>()
  #closed = false

  constructor(parts: UpstreamParts) {
    this.#parts = parts
  }

  get openConnections(): number {
    return this.#connections.size
  }

  get waiting(): number {
    return this.#waiting.size
  }

  /**
   * See `Network.exchange`. `timeoutMs` includes making a connection; waiting for a place for one has a bound of its
   * own (`socketWaitMs`).
   */
  exchange(
    server: ServerAddress,
    query: Uint8Array,
    timeoutMs: number,
    done: (result: ExchangeResult) => void,
  ): Cancel {
    const exchange: TcpExchange = {
      server,
      query,
      done,
      timeoutMs,
      connection: null,
      sent: query,
      sentAt: this.#parts.clock.now(),
      retried: false,
      over: false,
      cancelTimer: noTimer,
    }
    if (this.#closed) this.#finishLater(exchange, { kind: 'not-sent', reason: 'the network is closed' })
    else if (!this.#start(exchange)) this.#wait(exchange)
    return () => {
      if (this.#end(exchange)) this.#leave(exchange)
    }
  }

  /** Ends every exchange as not sent and closes every connection. */
  close(): void {
    this.#closed = true
    const result: ExchangeResult = { kind: 'not-sent', reason: 'the network is closed' }
    for (const exchange of this.#waiting) this.#finishLater(exchange, result)
    for (const connection of this.#connections) {
      for (const exchange of connection.pending.values()) this.#finishLater(exchange, result)
      this.#drop(connection)
    }
  }

  // --- exchanges

  #start(exchange: TcpExchange): boolean {
    const connection =
      (exchange.retried ? null : this.#usable(exchange.server)) ?? this.#open(exchange.server, exchange.retried)
    if (connection === null) return false
    this.#send(exchange, connection)
    return true
  }

  #send(exchange: TcpExchange, connection: Connection): void {
    const id = this.#freeId(connection)
    exchange.sent = Uint8Array.from(exchange.query)
    setId(exchange.sent, id)
    exchange.connection = connection
    exchange.sentAt = this.#parts.clock.now()
    // One that is asked once more has no more time than it had.
    if (!exchange.retried) {
      exchange.cancelTimer()
      exchange.cancelTimer = this.#parts.clock.after(exchange.timeoutMs, () => this.#expire(exchange))
    }
    connection.pending.set(id, exchange)
    connection.cancelIdle?.()
    connection.cancelIdle = null
    connection.socket.write(frame(exchange.sent))
  }

  #freeId(connection: Connection): number {
    for (;;) {
      const id = this.#parts.random.below(ID_VALUES)
      if (!connection.pending.has(id) && !connection.forgotten.has(id)) return id
    }
  }

  #wait(exchange: TcpExchange): void {
    const { clock, limits } = this.#parts
    this.#waiting.add(exchange)
    if (!exchange.retried) exchange.cancelTimer = clock.after(limits.socketWaitMs, () => this.#expire(exchange))
    if (this.#waiting.size <= limits.waitingExchanges) return
    const [oldest] = this.#waiting
    if (oldest !== undefined)
      this.#finishLater(oldest, { kind: 'not-sent', reason: 'too many exchanges wait for a connection' })
  }

  #startWaiting(): void {
    for (const exchange of this.#waiting) {
      if (!this.#start(exchange)) return
      this.#waiting.delete(exchange)
    }
  }

  #expire(exchange: TcpExchange): void {
    const { connection } = exchange
    if (connection === null) {
      this.#finish(exchange, { kind: 'not-sent', reason: 'no connection became free in time' })
    } else {
      connection.leaving = true
      this.#finish(exchange, { kind: 'timeout', mismatches: 0 })
    }
  }

  #end(exchange: TcpExchange): boolean {
    if (exchange.over) return false
    exchange.over = true
    exchange.cancelTimer()
    this.#waiting.delete(exchange)
    return true
  }

  #finish(exchange: TcpExchange, result: ExchangeResult): void {
    if (!this.#end(exchange)) return
    this.#leave(exchange)
    exchange.done(result)
  }

  #finishLater(exchange: TcpExchange, result: ExchangeResult): void {
    if (this.#end(exchange)) queueMicrotask(() => exchange.done(result))
  }

  /** Gives up the place on the connection; the last one out starts its idle time or closes it. */
  #leave(exchange: TcpExchange): void {
    const { connection } = exchange
    if (connection === null || connection.closed) return
    exchange.connection = null
    const id = idOf(exchange.sent)
    if (connection.pending.delete(id)) connection.forgotten.add(id)
    if (connection.forgotten.size > this.#parts.limits.tcpPipelined) connection.leaving = true
    this.#settle(connection)
  }

  // --- connections

  /** After an exchange left: is the connection idle, done, or free for one that waits? */
  #settle(connection: Connection): void {
    if (connection.pending.size === 0) {
      connection.exclusive = false
      if (connection.leaving) this.#drop(connection)
      else connection.cancelIdle ??= this.#parts.clock.after(this.#parts.limits.tcpIdleMs, () => this.#drop(connection))
    }
    if (this.#waiting.size > 0) this.#startWaiting()
  }

  #usable(server: ServerAddress): Connection | null {
    for (const connection of this.#byServer.get(server.key) ?? []) {
      if (!connection.leaving && !connection.exclusive && connection.pending.size < this.#parts.limits.tcpPipelined)
        return connection
    }
    return null
  }

  /** A new connection, making room by closing the one that has been idle longest; null when none is idle. */
  #open(server: ServerAddress, exclusive: boolean): Connection | null {
    if (this.#connections.size >= this.#parts.limits.tcpConnections) {
      const idle = [...this.#connections].find(c => c.pending.size === 0)
      if (idle === undefined) return null
      this.#drop(idle)
    }
    const socket = connect({ host: server.ip.text, port: server.port, noDelay: true, autoSelectFamily: false })
    const connection: Connection = {
      server,
      socket,
      framing: new Framing(),
      pending: new Map(),
      forgotten: new Set(),
      answered: 0,
      leaving: false,
      exclusive,
      closed: false,
      cancelIdle: null,
    }
    socket.on('data', chunk => this.#received(connection, chunk))
    socket.on('error', error => this.#failed(connection, errorCode(error)))
    socket.on('close', () => this.#failed(connection, 'closed by the server'))
    socket.on('end', () => this.#failed(connection, 'closed by the server'))
    this.#connections.add(connection)
    const others = this.#byServer.get(server.key)
    if (others === undefined) this.#byServer.set(server.key, new Set([connection]))
    else others.add(connection)
    return connection
  }

  #received(connection: Connection, chunk: Uint8Array): void {
    for (const message of connection.framing.push(chunk)) {
      if (connection.closed) return
      const problem = this.#deliver(connection, message)
      if (problem !== null) this.#failed(connection, problem)
    }
  }

  /** Hands a message to its exchange; a text when the connection is not worth keeping. */
  #deliver(connection: Connection, message: Uint8Array): string | null {
    const id = idOf(message)
    const exchange = connection.pending.get(id)
    if (exchange === undefined) return connection.forgotten.delete(id) ? null : 'a message without a query'
    const { judgement } = takeReply(exchange.sent, message)
    switch (judgement) {
      case 'noise':
        return 'a malformed message'
      case 'guess':
        return 'a reply to another question'
      case 'reply':
      case 'reply-wrong-case':
      case 'questionless':
      case 'unreadable': {
        // An off-path attacker cannot write into the stream, so an error without question is accepted.
        setId(message, idOf(exchange.query))
        connection.answered++
        connection.pending.delete(id)
        const rttMs = this.#parts.clock.now() - exchange.sentAt
        this.#finish(exchange, {
          kind: 'reply',
          bytes: message,
          rttMs,
          caseEchoed: judgement !== 'reply-wrong-case',
          mismatches: 0,
        })
        return null
      }
      default:
        return judgement satisfies never
    }
  }

  /**
   * The connection is over. Open queries are sent once more, each on a separate connection, if it had been good before.
   */
  #failed(connection: Connection, reason: string): void {
    if (connection.closed) return
    if (isExhaustion(reason)) this.#parts.exhausted(reason)
    const owed = [...connection.pending.values()]
    this.#drop(connection)
    for (const exchange of owed) {
      exchange.connection = null
      if (connection.answered > 0 && !exchange.retried) {
        exchange.retried = true
        if (!this.#start(exchange)) this.#wait(exchange)
      } else {
        this.#finish(exchange, refusal(reason))
      }
    }
    this.#startWaiting()
  }

  #drop(connection: Connection): void {
    if (connection.closed) return
    connection.closed = true
    connection.cancelIdle?.()
    this.#connections.delete(connection)
    const others = this.#byServer.get(connection.server.key)
    others?.delete(connection)
    if (others?.size === 0) this.#byServer.delete(connection.server.key)
    connection.socket.destroy()
  }
}
