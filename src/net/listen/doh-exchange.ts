/**
 * One request over HTTP/2 or HTTP/1.1 and the way back to who sent it: the only place that knows how the two differ in
 * Node.js. HTTP/2 by the `stream` event and not by the layer in front of it that looks like HTTP/1.1, which costs a
 * third more.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import type { Readable, Writable } from 'node:stream'
import type { HttpHeaders } from '../doh/media-types.ts'
import type { HttpReply } from '../doh/reply.ts'
import type { HttpRequest } from '../doh/request.ts'

export interface Exchange extends HttpRequest {
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[]
  readonly hasBody: boolean
  /** Over: answered and taken, or given up by the client. */
  readonly isOver: boolean
  /** Hands over the body in pieces, then null. `take` gives false when it wants no more. */
  readBody(take: (chunk: Uint8Array | null) => boolean): void
  /** To be called once. `last`: no further request is taken on this connection. */
  send(reply: HttpReply, last: boolean): void
  /** The same for the head alone; the body goes where it says. */
  sendHead(reply: Pick<HttpReply, 'status' | 'headers'>, last: boolean): Writable
  /** Ends it without an answer. */
  reset(): void
  /** Ends it and the connection; to HTTP/2 it says that nothing was done for it, so that it may be asked elsewhere. */
  leave(): void
}

/** Calls `take` as `Exchange.readBody` says; what comes after the last piece taken stays unread. */
function readFrom(body: Readable, take: (chunk: Uint8Array | null) => boolean): void {
  // An empty body has ended before anybody reads it.
  if (body.readableEnded) {
    take(null)
    return
  }
  body.on('data', (chunk: Uint8Array) => {
    if (take(chunk)) return
    body.removeAllListeners('data')
    body.removeAllListeners('end')
    body.pause()
  })
  body.on('end', () => take(null))
}

function endWith(output: Writable, { body }: HttpReply): void {
  if (body === null) output.end()
  else output.end(body)
}

export class H2Exchange implements Exchange {
  readonly method: string
  readonly target: string
  readonly headers: HttpHeaders
  readonly rawHeaders: readonly string[]
  readonly hasBody: boolean
  readonly #stream: ServerHttp2Stream
  /** We ended it before the client had sent everything. */
  #refused = false

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, rawHeaders: readonly string[]) {
    this.#stream = stream
    this.method = headers[':method'] ?? ''
    this.target = headers[':path'] ?? ''
    this.headers = headers
    this.rawHeaders = rawHeaders
    this.hasBody = !stream.endAfterHeaders
  }

  get isOver(): boolean {
    return this.#stream.destroyed || this.#stream.closed
  }

  /** Given up by the client, or broken by it: what rapid reset (CVE-2023-44487) does. */
  get wasReset(): boolean {
    return !this.#refused && this.#stream.rstCode !== constants.NGHTTP2_NO_ERROR
  }

  readBody(take: (chunk: Uint8Array | null) => boolean): void {
    readFrom(this.#stream, take)
  }

  send(reply: HttpReply): void {
    endWith(this.sendHead(reply), reply)
  }

  sendHead({ status, headers }: Pick<HttpReply, 'status' | 'headers'>): ServerHttp2Stream {
    const stream = this.#stream
    // What the client has yet to send of its body is not waited for (RFC 9113 section 8.1).
    if (this.hasBody && !stream.readableEnded) {
      this.#refused = true
      stream.once('finish', () => stream.close(constants.NGHTTP2_NO_ERROR))
    }
    stream.respond({ ':status': status, ...headers })
    return stream
  }

  reset(): void {
    this.#refused = true
    this.#stream.close(constants.NGHTTP2_CANCEL)
  }

  leave(): void {
    const stream = this.#stream
    const { session, id = 0 } = stream
    this.#refused = true
    // Streams of clients are odd. Of the first, GOAWAY cannot say that it was not looked at: Node.js takes 0 for "all".
    session?.goaway(constants.NGHTTP2_NO_ERROR, Math.max(id - 2, 0))
    stream.close(constants.NGHTTP2_REFUSED_STREAM)
    session?.close()
  }
}

export class H1Exchange implements Exchange {
  readonly method: string
  readonly target: string
  readonly hasBody: boolean
  readonly #request: IncomingMessage
  readonly #response: ServerResponse

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.#request = request
    this.#response = response
    this.method = request.method ?? ''
    this.target = request.url ?? ''
    // RFC 9112 section 6.3: one of the two says that there is a body.
    const { headers } = request
    this.hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
  }

  get headers(): HttpHeaders {
    return this.#request.headers
  }

  get rawHeaders(): readonly string[] {
    return this.#request.rawHeaders
  }

  get isOver(): boolean {
    return this.#response.destroyed || this.#response.closed
  }

  readBody(take: (chunk: Uint8Array | null) => boolean): void {
    readFrom(this.#request, take)
  }

  /** What is left of a body is read and forgotten by Node.js, so that the answer is not lost with a reset. */
  send(reply: HttpReply, last: boolean): void {
    endWith(this.sendHead(reply, last), reply)
  }

  sendHead({ status, headers }: Pick<HttpReply, 'status' | 'headers'>, last: boolean): ServerResponse {
    const response = this.#response
    if (last) response.shouldKeepAlive = false
    response.writeHead(status, headers)
    return response
  }

  reset(): void {
    this.#request.socket.destroy()
  }

  leave(): void {
    this.reset()
  }
}
