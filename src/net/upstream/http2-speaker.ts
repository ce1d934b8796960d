/**
 * HTTP/2 (RFC 9113) on a connection that is there: a stream for each query. Invariant: each query that was asked is
 * answered, cancelled, or left to `ended`.
 */
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2'
import type { Duplex } from 'node:stream'
import type { SecureUpstreamLimits } from '../../limits.ts'
import type { Cancel, Clock } from '../../ports.ts'
import { DohReply, type HttpRequest, type HttpSpeaker, messageHeaders, type SpeakerUser } from './doh.ts'

const { NGHTTP2_CANCEL, NGHTTP2_REFUSED_STREAM, NGHTTP2_NO_ERROR } = constants

interface Http2Parts {
  readonly scheme: 'https' | 'http'
  readonly clock: Clock
  readonly limits: SecureUpstreamLimits
  readonly socket: Duplex
  readonly user: SpeakerUser
}

interface OpenStream {
  readonly request: HttpRequest
  readonly stream: ClientHttp2Stream
}

interface UnsentRequest {
  readonly request: HttpRequest
  /** Once it is sent. */
  cancel: Cancel
}

export class Http2Speaker implements HttpSpeaker {
  readonly #parts: Http2Parts
  readonly #session: ClientHttp2Session
  readonly #open = new Set<OpenStream>()
  /** By GOAWAY: later streams were not looked at. */
  #lastProcessed = Number.POSITIVE_INFINITY
  #reason = 'closed by the server'
  #over = false
  /**
   * Once the server has refused a stream, the next one begins when the body of the one before is sent. Node.js sends
   * the heads of what is asked at once before all bodies, and Knot Resolver 5 refuses a head between another and its
   * body.
   */
  #inSequence = false
  #isSending = false
  readonly #unsent = new Set<UnsentRequest>()

  constructor(parts: Http2Parts) {
    const { socket, limits, user } = parts
    this.#parts = parts
    this.#session = connect(`${parts.scheme}://upstream`, {
      createConnection: () => socket,
      settings: { enablePush: false, maxHeaderListSize: limits.httpHeaderBytes },
      maxHeaderListPairs: limits.httpHeaderLines,
    })
    this.#session.on('goaway', (code, last) => {
      this.#lastProcessed = last
      if (code !== NGHTTP2_NO_ERROR) this.#reason = `closed by the server (GOAWAY ${code})`
      user.leaving()
    })
    this.#session.on('error', error => {
      this.#reason = error.message
    })
    this.#session.on('close', () => this.#end())
  }

  get capacity(): number {
    return Math.min(this.#parts.limits.httpStreams, this.#session.remoteSettings?.maxConcurrentStreams ?? 100)
  }

  ask(request: HttpRequest): Cancel {
    if (!this.#inSequence || !this.#isSending) return this.#send(request)
    const unsent: UnsentRequest = { request, cancel: () => {} }
    this.#unsent.add(unsent)
    return () => {
      if (!this.#unsent.delete(unsent)) unsent.cancel()
    }
  }

  #send(request: HttpRequest): Cancel {
    const { path, authority, body } = request
    let stream: ClientHttp2Stream
    try {
      stream = this.#session.request({
        ':method': body === null ? 'GET' : 'POST',
        ':path': path,
        ':authority': authority,
        ':scheme': this.#parts.scheme,
        ...messageHeaders(body),
      })
    } catch {
      // ERR_HTTP2_GOAWAY_SESSION and its like: the server wants no more streams here.
      queueMicrotask(() => {
        request.heard({ kind: 'not-processed', reason: this.#reason })
        this.#parts.user.leaving()
      })
      return () => {}
    }
    const open: OpenStream = { request, stream }
    this.#open.add(open)
    this.#listen(open)
    stream.end(body ?? undefined)
    if (this.#inSequence) this.#sendNextAfter(stream)
    return () => {
      if (this.#open.delete(open)) stream.close(NGHTTP2_CANCEL)
    }
  }

  #sendNextAfter(stream: ClientHttp2Stream): void {
    this.#isSending = true
    let isOver = false
    const next = (): void => {
      if (isOver) return
      isOver = true
      this.#isSending = false
      const [unsent] = this.#unsent
      if (unsent === undefined) return
      this.#unsent.delete(unsent)
      unsent.cancel = this.#send(unsent.request)
    }
    stream.on('finish', next).on('close', next)
  }

  probe(): void {
    const { clock, limits } = this.#parts
    const silent = clock.after(limits.pingAnswerMs, () => {
      this.#reason = `no answer to a PING within ${limits.pingAnswerMs} ms`
      this.#session.destroy()
    })
    this.#session.ping(() => silent())
  }

  close(): void {
    this.#over = true
    this.#open.clear()
    this.#unsent.clear()
    // A goodbye; what the server then does with its half does not matter.
    this.#session.destroy()
  }

  #listen(open: OpenStream): void {
    const { request, stream } = open
    const { clock, limits } = this.#parts
    const reply = new DohReply(request.query, clock.wall(), limits.httpHeaderBytes)
    const finish = (answer: ReturnType<DohReply['head']>): void => {
      if (answer === null || !this.#open.delete(open)) return
      request.heard(answer)
      stream.close(NGHTTP2_CANCEL)
    }
    stream.on('response', headers => finish(reply.head(Number(headers[':status'] ?? 0), headers)))
    stream.on('data', (chunk: Uint8Array) => finish(reply.body(chunk)))
    stream.on('end', () => {
      if (!stream.aborted && stream.rstCode === NGHTTP2_NO_ERROR && !this.#session.destroyed) finish(reply.end())
    })
    stream.on('error', () => {})
    stream.on('close', () => {
      const { rstCode } = stream
      if (rstCode === NGHTTP2_REFUSED_STREAM) {
        this.#inSequence = true
        finish({ kind: 'not-processed', reason: 'the server refused the stream' })
      }
      // Of a session that ends, `#end` says what becomes of its streams.
      else if (!this.#session.destroyed)
        finish({ kind: 'unusable', reason: `the server reset the stream (${rstCode})` })
    })
  }

  #end(): void {
    if (this.#over) return
    this.#over = true
    const open = [...this.#open]
    const unsent = [...this.#unsent]
    this.#open.clear()
    this.#unsent.clear()
    for (const { request } of unsent) request.heard({ kind: 'not-processed', reason: this.#reason })
    for (const { request, stream } of open)
      if ((stream.id ?? Number.POSITIVE_INFINITY) > this.#lastProcessed)
        request.heard({ kind: 'not-processed', reason: this.#reason })
    this.#parts.user.ended({ kind: 'failed', reason: this.#reason })
  }
}
