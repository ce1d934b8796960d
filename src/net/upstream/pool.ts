/**
 * Queries to servers over connections (RFC 7766): these are reused and carry many queries at the same time, over TCP,
 * TLS or HTTPS (`line.ts`). Not a place for retries beyond those that reuse makes necessary: a server may close an idle
 * connection in the moment it is used again, and one that is dead says nothing.
 *
 * Invariants: `done` is called exactly once, never from within `exchange`, and never after a cancel; a query is sent
 * once more at most after a connection failed it, and never given more time for it; a connection that spoke nonsense
 * takes no further query; open connections never exceed `rules.connections`; none is used for two servers whose `key`
 * is not equal.
 */
import type { Cancel, Clock, ExchangeResult, ServerAddress } from '../../ports.ts'
import { isExhaustion, refusal } from '../../system/system-error.ts'
import { Exchanges, NETWORK_CLOSED, noTimer, type OpenExchange } from './exchanges.ts'
import type { IdleTimes } from './idle-times.ts'
import type { Line, LineAnswer, LineEnd, LineUser, OpenLine } from './line.ts'

interface PoolRules {
  /** Open ones in all, and to one server: above it queries share those that there are. */
  readonly connections: number
  readonly connectionsPerServer: number
  /** Queries at the same time on one before another is opened. */
  readonly queries: number
  /** An idle one is asked whether it is still there after this, if it can be; 0: never. */
  readonly probeMs: number
  /** Time-outs in a row after which a connection counts as dead; before the last of them it may be left alone. */
  readonly timeoutsInARow: number
  /** It takes no further query after one time-out. */
  readonly leavesOnTimeout: boolean
  /** What is sent once more has a connection to itself: some servers answer one query on each. */
  readonly retriesAlone: boolean
  /** Servers that are known to do so, and for how long: each query to them has a connection to itself. 0: none are. */
  readonly lonersKnown: number
  readonly lonersMs: number
  /** Times that a query is sent elsewhere because a server did not look at it. */
  readonly replays: number
}

export interface PoolParts {
  readonly clock: Clock
  readonly limits: { readonly waitingExchanges: number; readonly socketWaitMs: number }
  readonly rules: PoolRules
  readonly idle: IdleTimes
  readonly open: OpenLine
  /** Called when the system has no descriptor or buffer left. */
  readonly exhausted: (code: string) => void
}

interface PooledExchange extends OpenExchange {
  readonly server: ServerAddress
  readonly query: Uint8Array
  readonly timeoutMs: number
  connection: Connection | null
  /** Takes it off the line. */
  forget: Cancel
  sentAt: number
  /** Sent once more after a connection failed, with the time that it had. */
  retried: boolean
  replays: number
  /** It only goes on connections opened after this one. */
  after: number
  /** Its time runs, and does not begin again when it is sent again. */
  isTimed: boolean
}

interface Connection {
  readonly server: ServerAddress
  readonly number: number
  readonly line: Line
  readonly pending: Set<PooledExchange>
  /** Has one exchange and takes no other at the same time. */
  exclusive: boolean
  /** It is set up: what happens to it then is the server's doing. */
  isReady: boolean
  wasIdle: boolean
  /** Replies delivered so far: a connection with some was good, and its end is no verdict on the server. */
  answered: number
  timeouts: number
  /** Takes no further exchange. */
  leaving: boolean
  closed: boolean
  /** As the server said; 0 when it did not. */
  keptForMs: number
  /** 0 while it is in use. */
  idleSince: number
  cancelIdle: Cancel
}

export class ConnectionPool {
  readonly #parts: PoolParts
  readonly #exchanges: Exchanges<PooledExchange>
  readonly #connections = new Set<Connection>()
  readonly #byServer = new Map<string, Set<Connection>>()
  /** Keys of servers that answer one query on a connection, and until when that holds; the oldest is first. */
  readonly #loners = new Map<string, number>()
  #opened = 0

  constructor(parts: PoolParts) {
    this.#parts = parts
    const { clock, limits } = parts
    this.#exchanges = new Exchanges({
      clock,
      limits,
      what: 'a connection',
      start: exchange => this.#start(exchange),
      expire: exchange => this.#expire(exchange),
    })
  }

  get openConnections(): number {
    return this.#connections.size
  }

  get waiting(): number {
    return this.#exchanges.waiting
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
    const exchange: PooledExchange = {
      server,
      query,
      done,
      timeoutMs,
      connection: null,
      forget: noTimer,
      sentAt: 0,
      retried: false,
      replays: 0,
      after: 0,
      isTimed: false,
      over: false,
      cancelTimer: noTimer,
    }
    this.#exchanges.begin(exchange)
    return () => {
      if (this.#exchanges.end(exchange)) this.#leave(exchange)
    }
  }

  /** Ends every exchange as not sent and closes every connection. */
  close(): void {
    this.#exchanges.close()
    for (const connection of this.#connections) {
      for (const exchange of connection.pending) this.#exchanges.finishLater(exchange, NETWORK_CLOSED)
      this.#drop(connection)
    }
  }

  // --- exchanges

  #start(exchange: PooledExchange): boolean {
    const isLoner = this.#isLoner(exchange.server)
    const alone = isLoner || (exchange.retried && this.#parts.rules.retriesAlone)
    const connection = (alone ? null : this.#usable(exchange)) ?? this.#open(exchange.server, alone)
    if (connection === null) return false
    if (isLoner) connection.leaving = true
    this.#send(exchange, connection)
    return true
  }

  #send(exchange: PooledExchange, connection: Connection): void {
    exchange.connection = connection
    exchange.sentAt = this.#parts.clock.now()
    if (!exchange.isTimed) {
      exchange.isTimed = true
      exchange.cancelTimer()
      exchange.cancelTimer = this.#parts.clock.after(exchange.timeoutMs, () => this.#expire(exchange))
    }
    connection.pending.add(exchange)
    connection.cancelIdle()
    connection.cancelIdle = noTimer
    connection.idleSince = 0
    exchange.forget = connection.line.ask(exchange.query, answer => this.#heard(exchange, connection, answer))
  }

  #expire(exchange: PooledExchange): void {
    const { connection } = exchange
    if (!this.#exchanges.end(exchange)) return
    if (connection === null) {
      exchange.done({ kind: 'not-sent', reason: 'no connection became free in time' })
      return
    }
    connection.timeouts++
    if (connection.answered > 0) this.#noteLoner(connection.server)
    if (this.#parts.rules.leavesOnTimeout) connection.leaving = true
    this.#leave(exchange)
    // A network that changed, or a server that restarted, leaves connections on which nothing comes and nothing fails.
    if (connection.timeouts >= this.#parts.rules.timeoutsInARow) this.#abandon(connection)
    exchange.done({ kind: 'timeout', mismatches: 0 })
  }

  #heard(exchange: PooledExchange, connection: Connection, answer: LineAnswer): void {
    connection.pending.delete(exchange)
    connection.timeouts = 0
    exchange.connection = null
    if (answer.kind === 'not-processed') {
      if (exchange.replays < this.#parts.rules.replays) {
        exchange.replays++
        this.#sendAgain(exchange)
      } else this.#finish(exchange, refusal(answer.reason))
    } else {
      connection.answered++
      this.#finish(exchange, this.#resultOf(exchange, answer), connection)
      return
    }
    this.#settle(connection)
  }

  #resultOf(exchange: PooledExchange, answer: Exclude<LineAnswer, { kind: 'not-processed' }>): ExchangeResult {
    switch (answer.kind) {
      case 'reply': {
        const { bytes, decoded, caseEchoed } = answer
        return { kind: 'reply', bytes, decoded, rttMs: this.#rtt(exchange), caseEchoed, mismatches: 0 }
      }
      case 'http-status':
        return answer
      case 'unusable':
        return refusal(answer.reason)
      default:
        return answer satisfies never
    }
  }

  #rtt = (exchange: PooledExchange): number => this.#parts.clock.now() - exchange.sentAt

  #finish(exchange: PooledExchange, result: ExchangeResult, left?: Connection): void {
    if (!this.#exchanges.end(exchange)) return
    if (left !== undefined) this.#settle(left)
    exchange.done(result)
  }

  #sendAgain(exchange: PooledExchange): void {
    if (!this.#start(exchange)) this.#exchanges.wait(exchange, false)
  }

  /** Gives up the place on the connection. */
  #leave(exchange: PooledExchange): void {
    const { connection } = exchange
    if (connection === null || connection.closed) return
    exchange.connection = null
    connection.pending.delete(exchange)
    exchange.forget()
    this.#settle(connection)
  }

  // --- connections

  /** After an exchange left: is the connection idle, done, or free for one that waits? */
  #settle(connection: Connection): void {
    if (connection.pending.size === 0 && !connection.closed) {
      connection.exclusive = false
      if (connection.leaving) this.#drop(connection)
      else if (connection.idleSince === 0) {
        connection.idleSince = this.#parts.clock.now()
        connection.wasIdle = true
        this.#rest(connection)
      }
    }
    if (this.#exchanges.waiting > 0) this.#exchanges.startWaiting()
  }

  /** Until it has been idle for too long, asking now and then whether the server is there. */
  #rest(connection: Connection): void {
    const { clock, idle, rules } = this.#parts
    const { server, line, idleSince, keptForMs } = connection
    const left = idleSince + idle.limitOf(server.key, keptForMs) - clock.now()
    const probe = rules.probeMs > 0 && rules.probeMs < left ? line.probe : undefined
    connection.cancelIdle = clock.after(probe === undefined ? left : rules.probeMs, () => {
      if (probe === undefined) {
        idle.lasted(server.key)
        this.#drop(connection)
      } else {
        probe()
        if (!connection.closed) this.#rest(connection)
      }
    })
  }

  /** The oldest with room; when the server has as many as it may have, the one with the fewest queries. */
  #usable({ server, after }: PooledExchange): Connection | null {
    const { queries, connectionsPerServer } = this.#parts.rules
    const all = this.#byServer.get(server.key)
    if (all === undefined) return null
    let least: Connection | null = null
    for (const connection of all) {
      if (connection.leaving || connection.exclusive || connection.number <= after) continue
      const taken = connection.pending.size
      if (taken < queries && taken < connection.line.capacity) return connection
      if (least === null || taken < least.pending.size) least = connection
    }
    return all.size < connectionsPerServer ? null : least
  }

  /** A new connection, making room by closing the one that has been idle longest; null when none is idle. */
  #open(server: ServerAddress, exclusive: boolean): Connection | null {
    if (this.#connections.size >= this.#parts.rules.connections) {
      const idle = [...this.#connections].find(c => c.pending.size === 0)
      if (idle === undefined) return null
      this.#drop(idle)
    }
    const user: LineUser = {
      ready: () => {
        // What was asked before has waited for the connection, which is no matter of how far away the server is.
        connection.isReady = true
        for (const exchange of connection.pending) exchange.sentAt = this.#parts.clock.now()
      },
      leaving: () => {
        connection.leaving = true
        if (connection.pending.size === 0) this.#drop(connection)
      },
      keptFor: idleMs => {
        connection.keptForMs = idleMs
      },
      ended: end => this.#ended(connection, end),
    }
    const connection: Connection = {
      server,
      number: ++this.#opened,
      line: this.#parts.open(server, user),
      pending: new Set(),
      exclusive,
      isReady: false,
      wasIdle: false,
      answered: 0,
      timeouts: 0,
      leaving: false,
      closed: false,
      keptForMs: 0,
      idleSince: 0,
      cancelIdle: noTimer,
    }
    this.#connections.add(connection)
    const others = this.#byServer.get(server.key)
    if (others === undefined) this.#byServer.set(server.key, new Set([connection]))
    else others.add(connection)
    return connection
  }

  #isLoner({ key }: ServerAddress): boolean {
    const until = this.#loners.get(key)
    if (until === undefined) return false
    if (until > this.#parts.clock.now()) return true
    this.#loners.delete(key)
    return false
  }

  #noteLoner({ key }: ServerAddress): void {
    const { lonersKnown, lonersMs } = this.#parts.rules
    if (lonersKnown === 0) return
    this.#loners.delete(key)
    this.#loners.set(key, this.#parts.clock.now() + lonersMs)
    const [oldest] = this.#loners.keys()
    if (oldest !== undefined && this.#loners.size > lonersKnown) this.#loners.delete(oldest)
  }

  /**
   * Open queries are sent once more, on another connection, if this one had been good before, or had several: some
   * servers look at one alone, and some end a connection that has a second.
   */
  #ended(connection: Connection, { kind, reason }: LineEnd): void {
    if (connection.closed) return
    if (isExhaustion(reason)) this.#parts.exhausted(reason)
    if (connection.idleSince > 0)
      this.#parts.idle.closed(connection.server.key, this.#parts.clock.now() - connection.idleSince)
    const owed = [...connection.pending]
    this.#drop(connection)
    const result: ExchangeResult = kind === 'failed' ? refusal(reason) : { kind, reason }
    const wasGood = connection.answered > 0 || (connection.isReady && owed.length > 1 && kind === 'failed')
    // One that has been idle may have been given up by the server in the moment in which it was used again.
    if (wasGood && owed.length > 0 && !connection.wasIdle) this.#noteLoner(connection.server)
    for (const exchange of owed) {
      exchange.connection = null
      if (wasGood && !exchange.retried) {
        exchange.retried = true
        exchange.after = connection.number
        this.#sendAgain(exchange)
      } else {
        this.#finish(exchange, result)
      }
    }
    this.#exchanges.startWaiting()
  }

  /** It is dead: what is open on it is sent again, on a new one, in what is left of its time. */
  #abandon(connection: Connection): void {
    const owed = [...connection.pending]
    this.#drop(connection)
    for (const exchange of owed) {
      exchange.connection = null
      exchange.retried = true
      exchange.after = connection.number
      this.#sendAgain(exchange)
    }
    this.#exchanges.startWaiting()
  }

  #drop(connection: Connection): void {
    if (connection.closed) return
    connection.closed = true
    connection.cancelIdle()
    this.#connections.delete(connection)
    const others = this.#byServer.get(connection.server.key)
    others?.delete(connection)
    if (others?.size === 0) this.#byServer.delete(connection.server.key)
    connection.line.close()
  }
}
