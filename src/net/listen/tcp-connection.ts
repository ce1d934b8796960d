/**
 * One TCP client (RFC 7766): queries are taken as they come and answered as they are ready, in any order. It reads no
 * further than it can answer: not beyond `pipelined` queries in work, and not while replies wait that the client does
 * not take. Not a place for limits across connections; that is the table's.
 *
 * Invariants: what it holds is bounded by two chunks of input, one batch, `pipelined` replies and `queuedBytes`; every
 * way to its end goes through `drop`, which runs once and takes it out of the table; junk and errors end it and nothing
 * else.
 */
import type { Socket } from 'node:net'
import { frame, FrameBatch, Framing } from '../../dns/framing.ts'
import { HEADER_OCTETS } from '../../dns/message.ts'
import { isResponse } from '../../dns/wire.ts'
import type { TcpLimits } from '../../limits.ts'
import type { Cancel, Client, Clock, EventSink, Serve } from '../../ports.ts'
import { linkOf, ownerOf, type Owner } from '../../fairness/owner.ts'
import type { TableEntry, TcpConnections } from './tcp-connections.ts'
import type { TcpTurns, TurnTaker } from './tcp-turns.ts'

export interface ConnectionParts {
  readonly clock: Clock
  readonly table: TcpConnections
  readonly turns: TcpTurns
  readonly onMessage: Serve
  readonly events: EventSink
  readonly onGone: (connection: TcpConnection) => void
}

const NOTHING = new Uint8Array(0)
/** Cut at once: some fifty queries. */
const CUT_OCTETS = 2_048

export class TcpConnection implements TableEntry, TurnTaker {
  readonly prefix: string
  readonly owner: Owner
  readonly #parts: ConnectionParts
  readonly #limits: TcpLimits
  readonly #socket: Socket
  readonly #client: Client
  readonly #framing = new Framing()
  /** Replies that were ready at once, while more messages of the same chunk are looked at: they leave in one write. */
  readonly #batch = new FrameBatch()
  readonly #onFlushed = (): void => this.#flushed()
  /** Octets read and not yet cut into messages, from `#rawAt` on. */
  #raw: Uint8Array = NOTHING
  #rawAt = 0
  /** Messages cut out and not yet taken up; `#next` is the first of them. */
  #backlog: readonly Uint8Array[] = []
  #next = 0
  /** Queries in work. */
  #pending = 0
  #queuedBytes = 0
  #lastActive: number
  /** When the unfinished message began, and when the client last took something; null when neither matters. */
  #halfSince: number | null = null
  #stalledSince: number | null = null
  #timerDue = Number.POSITIVE_INFINITY
  #cancelTimer: Cancel | null = null
  #working = false
  /** No further query comes: the client finished sending, or we are stopping. */
  #ending = false
  #cancelGoodbye: Cancel | null = null
  #gone = false

  constructor(socket: Socket, client: Client, parts: ConnectionParts) {
    this.#socket = socket
    this.#client = client
    this.#parts = parts
    this.#limits = parts.table.limits
    this.#lastActive = parts.clock.now()
    this.prefix = linkOf(client.ip)
    this.owner = ownerOf(client.ip)
  }

  get idle(): boolean {
    return this.#pending === 0 && this.#queuedBytes === 0
  }

  get lastActive(): number {
    return this.#lastActive
  }

  get queuedBytes(): number {
    return this.#queuedBytes
  }

  /** Begins reading; called once the table has admitted it. */
  start(): void {
    const socket = this.#socket
    socket.on('data', chunk => this.#received(chunk))
    socket.on('end', () => this.finish())
    // Resets are how clients hang up; the close that follows says all we need.
    socket.on('error', () => this.drop())
    socket.on('close', () => this.drop())
    this.#watch()
  }

  /** Takes no further query, answers what it has, and ends. */
  finish(): void {
    this.#ending = true
    this.#work()
  }

  drop(): void {
    if (this.#gone) return
    this.#gone = true
    this.#cancelTimer?.()
    this.#cancelGoodbye?.()
    this.#backlog = []
    this.#next = 0
    this.#raw = NOTHING
    this.#rawAt = 0
    this.#parts.turns.withdraw(this)
    this.#socket.destroy()
    this.#parts.table.remove(this)
    this.#account(0)
    this.#parts.onGone(this)
  }

  wake(): void {
    this.#work()
  }

  // --- in

  #received(chunk: Uint8Array): void {
    if (this.#gone || this.#ending) return
    const left = this.#raw.subarray(this.#rawAt)
    this.#raw = left.length === 0 ? chunk : Buffer.concat([left, chunk])
    this.#rawAt = 0
    this.#cut()
    this.#work()
    this.#watch()
  }

  /**
   * Makes messages of the next octets when those before are taken up. A few at a time: a thousand messages of a client
   * that takes no reply would be held for as long, in several times the memory of their octets.
   */
  #cut(): void {
    while (this.#next === this.#backlog.length && this.#rawAt < this.#raw.length) {
      const until = Math.min(this.#rawAt + CUT_OCTETS, this.#raw.length)
      this.#backlog = this.#framing.push(this.#raw.subarray(this.#rawAt, until))
      this.#next = 0
      this.#rawAt = until
      if (this.#backlog.length > 0 || !this.#framing.halfRead) this.#halfSince = null
    }
    if (this.#rawAt === this.#raw.length) this.#raw = NOTHING
    if (this.#raw.length === 0) this.#rawAt = 0
  }

  /** Offers what was read to be taken up; then reads on, waits, or ends. */
  #work(): void {
    if (this.#working || this.#gone) return
    if (this.#next < this.#backlog.length && this.#mayTake()) this.#parts.turns.offer(this)
    if (this.#gone) return
    if (this.#next < this.#backlog.length || !this.#mayTake()) this.#pause()
    else if (!this.#ending) this.#resume()
    else if (this.#pending === 0) this.#end()
  }

  /** In its turn: takes up what was read as far as the bounds allow. */
  takeUp(takesOne: () => boolean): boolean {
    this.#working = true
    this.#lastActive = this.#parts.clock.now()
    while (!this.#gone && this.#next < this.#backlog.length && this.#mayTake() && takesOne()) {
      const message = this.#backlog[this.#next++]
      if (message !== undefined) this.#take(message)
    }
    this.#flush()
    this.#working = false
    if (this.#gone) return false
    this.#cut()
    const more = this.#next < this.#backlog.length && this.#mayTake()
    if (!more) this.#work()
    this.#watch()
    return more
  }

  /** What we do not read cannot be late: the time for the rest of a message stops. */
  #pause(): void {
    this.#halfSince = null
    this.#socket.pause()
  }

  #resume(): void {
    if (this.#framing.halfRead) this.#halfSince ??= this.#parts.clock.now()
    this.#socket.resume()
  }

  #mayTake(): boolean {
    return (
      this.#pending < this.#limits.pipelined &&
      this.#queuedBytes < this.#limits.queuedBytes &&
      !this.#parts.table.isStalled(this)
    )
  }

  #take(message: Uint8Array): void {
    // Junk: too short for a header, or a response. The stream cannot be trusted to be in step any more.
    if (message.length < HEADER_OCTETS || isResponse(message, message.length)) {
      this.#flush()
      this.drop()
      return
    }
    this.#pending++
    let replied = false
    const reply = (bytes: Uint8Array, length: number): void => {
      if (replied) return
      replied = true
      this.#reply(bytes, length)
    }
    try {
      this.#parts.onMessage(message, message.length, this.#client, reply)
    } catch (error) {
      this.#parts.events({ kind: 'bug', where: 'tcp-listener', error, question: null })
      reply(message, 0)
    }
  }

  // --- out

  #reply(bytes: Uint8Array, length: number): void {
    this.#pending--
    if (this.#gone) return
    if (this.#working) {
      if (length > 0) this.#collect(bytes, length)
      return
    }
    this.#lastActive = this.#parts.clock.now()
    if (length > 0) this.#write(frame(bytes.subarray(0, length)))
    this.#work()
    this.#watch()
  }

  #collect(bytes: Uint8Array, length: number): void {
    if (this.#batch.add(bytes, length)) return
    this.#flush()
    if (!this.#batch.add(bytes, length)) this.#write(frame(bytes.subarray(0, length)))
  }

  #flush(): void {
    if (!this.#gone && this.#batch.size > 0) this.#write(this.#batch.take())
  }

  #write(framed: Uint8Array): void {
    this.#socket.write(framed, this.#onFlushed)
    this.#account(this.#socket.writableLength)
  }

  #flushed(): void {
    if (this.#gone) return
    this.#stalledSince = null
    this.#account(this.#socket.writableLength)
    this.#work()
    this.#watch()
  }

  /** The client takes nothing while octets wait: remembered from when that began. */
  #account(waitingBytes: number): void {
    const change = waitingBytes - this.#queuedBytes
    this.#queuedBytes = waitingBytes
    if (waitingBytes === 0) this.#stalledSince = null
    else this.#stalledSince ??= this.#parts.clock.now()
    if (change !== 0) this.#parts.table.queued(this, change)
  }

  /**
   * Says that we are done. What the client still sends is read and forgotten, so that closing does not reset what it
   * has yet to read; one that does not end as well is closed after a moment.
   */
  #end(): void {
    const { clock } = this.#parts
    this.#socket.end(() => {
      if (!this.#gone) this.#cancelGoodbye ??= clock.after(this.#limits.goodbyeMs, () => this.drop())
    })
    this.#socket.resume()
  }

  // --- time

  /** One timer for each connection, at the nearest of its limits; it is set again only when that comes nearer. */
  #watch(): void {
    if (this.#gone) return
    const due = this.#due()
    if (due >= this.#timerDue) return
    this.#cancelTimer?.()
    this.#timerDue = due
    this.#cancelTimer = this.#parts.clock.after(due - this.#parts.clock.now(), () => {
      this.#timerDue = Number.POSITIVE_INFINITY
      if (this.#due() <= this.#parts.clock.now()) this.drop()
      else this.#watch()
    })
  }

  #due(): number {
    const { idleMs, messageMs, writeStallMs } = this.#limits
    const half = this.#halfSince === null ? Number.POSITIVE_INFINITY : this.#halfSince + messageMs
    const stall = this.#stalledSince === null ? Number.POSITIVE_INFINITY : this.#stalledSince + writeStallMs
    return Math.min(this.#lastActive + idleMs, half, stall)
  }
}
