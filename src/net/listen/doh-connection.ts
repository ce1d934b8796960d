/**
 * One client of DNS over HTTPS: its requests become queries in turns of the clients, and what it may have at once, in
 * its life and in time has its bounds here, for HTTP/2 and HTTP/1.1 alike. Which bytes mean what is the business of
 * `node:http`, `node:http2` and `net/doh/`.
 *
 * Invariants: nothing is begun for a request before all of it is there and the read that brought it has been taken in
 * to its end, so that a reset in the same read costs nothing; a request whose client has gone counts as in work until
 * its resolution ends, so that giving up and asking again gains nothing; every way to the end goes through `drop`.
 */
import type { Socket } from 'node:net'
import { inAnyPrefix, type IpAddress, parseIp, type Prefix } from '../../dns/address.ts'
import { MAX_MESSAGE_OCTETS } from '../../dns/message.ts'
import { linkOf, type Owner, ownerOf } from '../../fairness/owner.ts'
import type { DohLimits } from '../../limits.ts'
import type { Cancel, Client, Clock, EventSink, Serve, Want } from '../../ports.ts'
import { crossOrigin } from '../doh/cross-origin.ts'
import { forwardedFor } from '../doh/forwarded.ts'
import { answerReply, type HttpReply, laterReply, problemReply, withoutBody } from '../doh/reply.ts'
import { type PostRequest, type QueryRequest, readBody, readHead, tooLargeReply } from '../doh/request.ts'
import type { Exchange } from './doh-exchange.ts'
import type { TableEntry, TcpConnections } from './tcp-connections.ts'
import type { TcpTurns, TurnTaker } from './tcp-turns.ts'

export interface DohParts {
  /** Of queries, `/dns-query`. */
  readonly path: string
  /** Who may say in `X-Forwarded-For` for whom it asks. */
  readonly proxies: readonly Prefix[]
  /** Pages that may ask from a browser; `*`: all. */
  readonly origins: readonly string[]
  readonly clock: Clock
  readonly limits: DohLimits
  readonly table: TcpConnections
  readonly turns: TcpTurns
  readonly onMessage: Serve
  readonly events: EventSink
  /**
   * For a test that breaks answers on purpose: what is sent in the place of `reply` to `query`, the message as
   * `onMessage` got it; null when that is the business of who was asked.
   */
  readonly onAnswer?: ((query: Uint8Array, reply: HttpReply, exchange: Exchange) => HttpReply | null) | undefined
}

/** What the protocol of a connection does for it. */
export interface Carrier {
  /** Takes no further request; those that were taken are answered. */
  finish(): void
  /** Ends it at once. */
  destroy(): void
}

interface Post {
  readonly request: PostRequest
  readonly chunks: Uint8Array[]
  octets: number
  isComplete: boolean
}

export class DohConnection implements TableEntry, TurnTaker {
  readonly prefix: string
  readonly owner: Owner
  readonly #parts: DohParts
  readonly #socket: Socket
  readonly #client: Client
  readonly #speaksForOthers: boolean
  readonly #onGone: (connection: DohConnection) => void
  #carrier: Carrier
  /** Requests that are not over, and those of them that are not complete, since when. */
  #open = 0
  readonly #incomplete = new Map<Exchange, number>()
  /** Complete heads, and complete bodies, whose turn has not come. */
  #queue: Exchange[] = []
  readonly #posts = new Map<Exchange, Post>()
  #bodyOctets = 0
  /** Queries in work. */
  #inWork = 0
  #queries = 0
  /** Octets of answers that are under way, by their requests. */
  readonly #sent = new Map<Exchange, number>()
  #queuedBytes = 0
  #lastActive: number
  #stalledSince: number | null = null
  /** HTTP/1: octets that had come when the last request was over, and since when there are more. */
  readonly #hasHeads: boolean
  #seenOctets = 0
  #headSince: number | null = null
  #resets = 0
  #resetsAt: number
  #scheduled = false
  /** In its turn: what becomes ready meanwhile is taken up in it. */
  #isWorking = false
  #ending = false
  /** HTTP/1: after its answer nothing follows. */
  #final: Exchange | null = null
  #isGone = false
  #timerDue = Number.POSITIVE_INFINITY
  #cancelTimer: Cancel | null = null
  #cancelGoodbye: Cancel | null = null

  /** `isH1`: one request at a time, whose head may come slowly. */
  constructor(
    socket: Socket,
    client: Client,
    isH1: boolean,
    parts: DohParts,
    onGone: (connection: DohConnection) => void,
  ) {
    this.#socket = socket
    this.#client = client
    this.#parts = parts
    this.#onGone = onGone
    this.#hasHeads = isH1
    this.#speaksForOthers = inAnyPrefix(client.ip, parts.proxies)
    this.#lastActive = parts.clock.now()
    this.#resetsAt = this.#lastActive
    this.prefix = linkOf(client.ip)
    this.owner = ownerOf(client.ip)
    this.#carrier = { finish: () => socket.destroy(), destroy: () => socket.destroy() }
  }

  get idle(): boolean {
    return this.#open === 0
  }

  get lastActive(): number {
    return this.#lastActive
  }

  get queuedBytes(): number {
    return this.#queuedBytes
  }

  /** Called once the table has admitted it. */
  start(carrier: Carrier): void {
    this.#carrier = carrier
    this.#socket.on('close', () => this.drop())
    this.#watch()
  }

  finish(): void {
    if (this.#ending || this.#isGone) return
    this.#ending = true
    this.#carrier.finish()
  }

  drop(): void {
    if (this.#isGone) return
    this.#isGone = true
    this.#cancelTimer?.()
    this.#cancelGoodbye?.()
    this.#queue = []
    this.#posts.clear()
    this.#incomplete.clear()
    this.#sent.clear()
    this.#parts.turns.withdraw(this)
    this.#carrier.destroy()
    this.#parts.table.remove(this)
    this.#account(-this.#queuedBytes)
    this.#onGone(this)
  }

  wake(): void {
    this.#offer()
  }

  // --- in

  /** The head of a request came. */
  arrived(exchange: Exchange): void {
    this.#open++
    this.#headSince = null
    if (exchange.hasBody) this.#incomplete.set(exchange, this.#parts.clock.now())
    if (this.#final === null) this.#queue.push(exchange)
    // Node.js reads on whatever a client of HTTP/1.1 has pipelined.
    if (this.#hasHeads && this.#open >= this.#parts.limits.streams) this.#socket.pause()
    this.#watch()
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#offer()
    })
  }

  /** A request is over, answered or not. `wasReset`: by the client, or by what it did. */
  left(exchange: Exchange, wasReset: boolean): void {
    this.#open--
    if (this.#isGone) return
    this.#incomplete.delete(exchange)
    this.#forgetPost(exchange)
    const octets = this.#sent.get(exchange)
    if (octets !== undefined) {
      this.#sent.delete(exchange)
      this.#stalledSince = null
      this.#account(-octets)
    }
    this.#seenOctets = this.#socket.bytesRead
    if (wasReset) this.#countReset()
    if (this.#hasHeads && this.#open < this.#parts.limits.streams) this.#socket.resume()
    if (this.#hasHeads && this.#open === 0 && this.#ending) this.#end()
    this.#offer()
    this.#watch()
  }

  /** As over TCP: the client has a moment to end as well. */
  #end(): void {
    const { clock, table } = this.#parts
    this.#socket.end(() => {
      if (!this.#isGone) this.#cancelGoodbye ??= clock.after(table.limits.goodbyeMs, () => this.drop())
    })
  }

  /**
   * RFC 9113 section 10.5. The count of nghttp2 looks at what was read at once and not at each frame, and before
   * Node.js 24 nothing follows from it.
   */
  #countReset(): void {
    const { clock, limits } = this.#parts
    const now = clock.now()
    const forgiven = ((now - this.#resetsAt) * limits.resets) / limits.resetsMs
    this.#resets = Math.max(0, this.#resets - forgiven) + 1
    this.#resetsAt = now
    if (this.#resets > limits.resets) this.drop()
  }

  #offer(): void {
    if (this.#isWorking || this.#isGone || this.#queue.length === 0 || !this.#mayTake()) return
    this.#parts.turns.offer(this)
  }

  #mayTake(): boolean {
    const { limits, table } = this.#parts
    return this.#inWork < limits.streams && this.#queuedBytes < table.limits.queuedBytes && !table.isStalled(this)
  }

  takeUp(takesOne: () => boolean): boolean {
    this.#isWorking = true
    this.#lastActive = this.#parts.clock.now()
    while (this.#queue.length > 0 && !this.#isGone && this.#mayTake()) {
      const [exchange] = this.#queue
      const isOver = exchange === undefined || exchange.isOver
      if (!isOver && !takesOne()) break
      this.#queue.shift()
      if (isOver) continue
      try {
        this.#take(exchange)
      } catch (error) {
        this.#parts.events({ kind: 'bug', where: 'doh-listener', error, question: null })
        exchange.reset()
      }
    }
    this.#isWorking = false
    this.#watch()
    return !this.#isGone && this.#queue.length > 0 && this.#mayTake()
  }

  #take(exchange: Exchange): void {
    if (this.#posts.get(exchange)?.isComplete === true) {
      this.#takeBody(exchange)
      return
    }
    if (this.#isHeadTooLarge(exchange)) {
      this.#send(exchange, problemReply(431, 'The header fields are too many or too long.'))
      return
    }
    const asked = readHead(exchange, this.#parts.path)
    switch (asked.kind) {
      case 'reply':
        this.#send(exchange, asked.reply)
        return
      case 'post':
        this.#collect(exchange, asked)
        return
      case 'query':
        this.#ask(exchange, asked)
        return
      default:
        asked satisfies never
    }
  }

  /** RFC 9113 section 6.5.2: names, values and 32 octets for each field. */
  #isHeadTooLarge({ rawHeaders }: Exchange): boolean {
    const { headerFields, headerOctets } = this.#parts.limits
    if (rawHeaders.length > 2 * headerFields) return true
    let octets = rawHeaders.length * FIELD_OVERHEAD_OCTETS
    for (const text of rawHeaders) octets += text.length
    return octets > headerOctets
  }

  #collect(exchange: Exchange, request: PostRequest): void {
    // An empty one that was complete with its head.
    if (!exchange.hasBody) {
      this.#takeMessage(exchange, readBody(NO_OCTETS, request))
      return
    }
    const post: Post = { request, chunks: [], octets: 0, isComplete: false }
    this.#posts.set(exchange, post)
    exchange.readBody(chunk => this.#takeChunk(exchange, post, chunk))
  }

  #takeChunk(exchange: Exchange, post: Post, chunk: Uint8Array | null): boolean {
    if (this.#isGone || exchange.isOver) return false
    if (chunk === null) {
      post.isComplete = true
      this.#incomplete.delete(exchange)
      this.#queue.push(exchange)
      this.#offer()
      return false
    }
    const { bodiesOctets, retryAfterSeconds } = this.#parts.limits
    post.octets += chunk.length
    this.#bodyOctets += chunk.length
    const refusal =
      post.octets > MAX_MESSAGE_OCTETS
        ? tooLargeReply()
        : this.#bodyOctets > bodiesOctets
          ? laterReply(429, 'Too many bodies at once.', retryAfterSeconds)
          : null
    if (refusal === null) {
      post.chunks.push(chunk)
      return true
    }
    this.#forgetPost(exchange)
    this.#send(exchange, refusal)
    return false
  }

  #takeBody(exchange: Exchange): void {
    const post = this.#posts.get(exchange)
    if (post === undefined) return
    const [first] = post.chunks
    const body = post.chunks.length === 1 && first !== undefined ? first : Buffer.concat(post.chunks)
    this.#forgetPost(exchange)
    this.#takeMessage(exchange, readBody(body, post.request))
  }

  #takeMessage(exchange: Exchange, asked: ReturnType<typeof readBody>): void {
    if (asked.kind === 'reply') this.#send(exchange, asked.reply)
    else this.#ask(exchange, asked)
  }

  #forgetPost(exchange: Exchange): void {
    const post = this.#posts.get(exchange)
    if (post === undefined) return
    this.#posts.delete(exchange)
    this.#bodyOctets -= post.octets
  }

  #ask(exchange: Exchange, { message, form, clientId }: QueryRequest): void {
    const { limits, onMessage, onAnswer } = this.#parts
    const client = this.#clientOf(exchange, clientId)
    if (client === null) {
      this.#send(exchange, problemReply(400, 'The last address in X-Forwarded-For is none.'))
      return
    }
    this.#inWork++
    this.#queries++
    if (this.#queries >= limits.queriesOfConnection) this.#endWith(exchange)
    let replied = false
    onMessage(message, message.length, client, (bytes, length, want) => {
      if (replied) return
      replied = true
      this.#inWork--
      if (this.#isGone) return
      if (!exchange.isOver) {
        if (want !== undefined) this.#send(exchange, this.#wanting(want))
        else if (length === 0) exchange.reset()
        else {
          const answer = answerReply(bytes, length, form)
          const sent = onAnswer === undefined ? answer : onAnswer(message, answer, exchange)
          if (sent !== null) this.#send(exchange, sent)
        }
      }
      this.#offer()
    })
  }

  /** HTTP/1.1 answers in order, so that the last answer ends the connection; HTTP/2 says which request was the last. */
  #endWith(exchange: Exchange): void {
    if (!this.#hasHeads) {
      this.finish()
      return
    }
    this.#ending = true
    this.#final = exchange
    this.#queue = []
  }

  #wanting(want: Want): HttpReply {
    const { retryAfterSeconds } = this.#parts.limits
    switch (want) {
      case 'client-limit':
        return laterReply(429, 'Too many queries of this client wait for an answer.', retryAfterSeconds)
      case 'rate-limit':
        return laterReply(429, 'This network of clients asks more in a second than it may.', retryAfterSeconds, {
          // draft-ietf-httpapi-ratelimit-headers: nothing remains, for so many seconds.
          ratelimit: `"queries";r=0;t=${retryAfterSeconds}`,
        })
      case 'overload':
        return laterReply(503, 'Too many queries are being resolved.', retryAfterSeconds)
      default:
        return want satisfies never
    }
  }

  /** Null when a proxy names no client. */
  #clientOf(exchange: Exchange, clientId: string | undefined): Client | null {
    const client = this.#client
    const text = this.#speaksForOthers ? forwardedFor(exchange.headers['x-forwarded-for']) : undefined
    if (text === undefined) return clientId === undefined ? client : { ...client, clientId }
    const ip: IpAddress | null = parseIp(text)
    if (ip === null) return null
    return { ...client, ip, proxy: client.ip, ...(clientId === undefined ? {} : { clientId }) }
  }

  // --- out

  #send(exchange: Exchange, reply: HttpReply): void {
    if (exchange.isOver) return
    this.#lastActive = this.#parts.clock.now()
    const shared = crossOrigin(exchange, reply, this.#parts.origins)
    const sent = exchange.method === 'HEAD' ? withoutBody(shared) : shared
    const octets = sent.body?.length ?? 0
    this.#sent.set(exchange, octets)
    this.#account(octets)
    this.#stalledSince ??= this.#lastActive
    exchange.send(sent, this.#ending && (this.#final === null ? this.#open === 1 : this.#final === exchange))
  }

  #account(change: number): void {
    if (change === 0) return
    this.#queuedBytes += change
    this.#parts.table.queued(this, change)
  }

  // --- time

  /** One timer for each connection, at the nearest of its limits; it is set again only when that comes nearer. */
  #watch(): void {
    if (this.#isGone) return
    const { clock } = this.#parts
    const due = this.#due()
    if (due >= this.#timerDue) return
    this.#cancelTimer?.()
    this.#timerDue = due
    this.#cancelTimer = clock.after(Math.max(due - clock.now(), 0), () => {
      this.#timerDue = Number.POSITIVE_INFINITY
      this.#look()
      this.#watch()
    })
  }

  #look(): void {
    const { clock, limits, table } = this.#parts
    const now = clock.now()
    for (const [exchange, since] of this.#incomplete) {
      if (since + limits.requestMs > now) break
      this.#incomplete.delete(exchange)
      this.#forgetPost(exchange)
      // HTTP/1 cannot go on after half a request, and one that was answered is not answered again.
      if (this.#hasHeads && this.#sent.has(exchange)) this.drop()
      else if (this.#sent.has(exchange)) exchange.reset()
      else this.#giveUp(exchange)
    }
    if (this.#hasHeads && this.#open === 0 && this.#socket.bytesRead > this.#seenOctets) this.#headSince ??= now
    const late = this.#headSince !== null && this.#headSince + limits.headMs <= now
    const stalled = this.#sent.size > 0 && (this.#stalledSince ?? now) + table.limits.writeStallMs <= now
    const idle = this.#open === 0 && this.#lastActive + limits.idleMs <= now
    if (late || stalled || idle) this.drop()
  }

  #giveUp(exchange: Exchange): void {
    if (this.#hasHeads) this.#ending = true
    this.#send(exchange, problemReply(408, 'The body did not come in time.'))
  }

  #due(): number {
    const { clock, limits, table } = this.#parts
    const [oldest] = this.#incomplete.values()
    const body = oldest === undefined ? Number.POSITIVE_INFINITY : oldest + limits.requestMs
    const stall =
      this.#stalledSince === null || this.#sent.size === 0
        ? Number.POSITIVE_INFINITY
        : this.#stalledSince + table.limits.writeStallMs
    if (this.#open > 0) return Math.min(body, stall)
    const idle = this.#lastActive + limits.idleMs
    if (!this.#hasHeads) return idle
    // Octets that are no request yet are seen by looking.
    return Math.min(idle, this.#headSince === null ? clock.now() + limits.headMs : this.#headSince + limits.headMs)
  }
}

const NO_OCTETS = new Uint8Array(0)
/** Of the 32 of a field, for its name and its value. */
const FIELD_OVERHEAD_OCTETS = 16
