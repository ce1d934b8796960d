/**
 * HTTP/1.1 (RFC 9112) on a connection that is there: one request after the other. Pipelining is left alone, since few
 * servers bear it. Invariant: at most one request is under way; what waits was not sent.
 */
import { Agent, type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Socket } from 'node:net'
import type { SecureUpstreamLimits } from '../../limits.ts'
import type { Cancel, Clock } from '../../ports.ts'
import { DohReply, type HttpRequest, type HttpSpeaker, messageHeaders, type SpeakerUser } from './doh.ts'

interface Http1Parts {
  readonly clock: Clock
  readonly limits: SecureUpstreamLimits
  readonly socket: Socket
  readonly user: SpeakerUser
}

export class Http1Speaker implements HttpSpeaker {
  readonly capacity = 1
  readonly #parts: Http1Parts
  readonly #agent: Agent
  readonly #waiting = new Set<HttpRequest>()
  #current: HttpRequest | null = null
  #isAnswered = false
  #over = false

  constructor(parts: Http1Parts) {
    this.#parts = parts
    this.#agent = new OneSocket(parts.socket)
    parts.socket.on('error', () => {})
    parts.socket.on('close', () => this.#end('closed by the server'))
  }

  ask(request: HttpRequest): Cancel {
    this.#waiting.add(request)
    this.#next()
    return () => {
      if (this.#waiting.delete(request) || this.#current !== request) return
      // The rest of its response stands in the way of the next.
      this.#current = null
      this.#parts.user.leaving()
      this.#end('a reply did not come in time')
    }
  }

  close(): void {
    this.#over = true
    this.#waiting.clear()
    this.#current = null
    this.#agent.destroy()
    this.#parts.socket.destroy()
  }

  #next(): void {
    if (this.#current !== null || this.#over) return
    for (const request of this.#waiting) {
      this.#waiting.delete(request)
      this.#current = request
      this.#isAnswered = false
      this.#send(request)
      return
    }
  }

  #send(request: HttpRequest): void {
    const { path, authority, body } = request
    const sent: ClientRequest = httpRequest({
      agent: this.#agent,
      method: body === null ? 'GET' : 'POST',
      path,
      maxHeaderSize: this.#parts.limits.httpHeaderBytes,
      headers: { host: authority, ...messageHeaders(body) },
    })
    sent.on('error', error => this.#end(error.message))
    sent.on('response', response => this.#read(request, response))
    sent.end(body ?? undefined)
  }

  #read(request: HttpRequest, response: IncomingMessage): void {
    const { clock, limits } = this.#parts
    const reply = new DohReply(request.query, clock.wall(), limits.httpHeaderBytes)
    let octets = 0
    const answer = (given: ReturnType<DohReply['head']>): void => {
      if (given === null || this.#current !== request || this.#isAnswered) return
      this.#isAnswered = true
      request.heard(given)
    }
    answer(reply.head(response.statusCode ?? 0, response.headers))
    response.on('data', (chunk: Uint8Array) => {
      octets += chunk.length
      answer(reply.body(chunk))
      // What is not wanted is read for the sake of the connection, up to a bound.
      if (octets > limits.httpDiscardedBytes) this.#end('a body without end')
    })
    response.on('end', () => {
      if (!response.complete) return
      answer(reply.end())
      if (this.#current === request) this.#current = null
      // The socket is free again only after this event.
      setImmediate(() => this.#next())
    })
    response.on('error', () => {})
  }

  #end(reason: string): void {
    if (this.#over) return
    this.#over = true
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    this.#agent.destroy()
    this.#parts.socket.destroy()
    for (const request of waiting) request.heard({ kind: 'not-processed', reason })
    this.#parts.user.ended({ kind: 'failed', reason })
  }
}

/** The one connection that there is; there is never another. */
class OneSocket extends Agent {
  #socket: Socket | null

  constructor(socket: Socket) {
    super({ keepAlive: true, maxSockets: 1, maxFreeSockets: 1 })
    this.#socket = socket
  }

  override createConnection(_options: unknown, done?: (error: Error | null, stream: Duplex) => void): Duplex {
    const socket = this.#socket
    this.#socket = null
    if (socket === null) throw new Error('closed by the server')
    void done
    return socket
  }
}
