/**
 * A line of requests over HTTPS (RFC 8484), in the version of HTTP that the handshake brought: what is asked before
 * waits. Queries have the ID 0, are padded, and go by POST: GET costs as much, and its names end up in logs.
 */
import type { TLSSocket } from 'node:tls'
import { padQuery } from '../../dns/padding.ts'
import { setId } from '../../dns/wire.ts'
import type { SecureUpstreamLimits } from '../../limits.ts'
import type { Cancel, Clock, SecureService, ServerAddress } from '../../ports.ts'
import type { HttpRequest, HttpSpeaker } from './doh.ts'
import { Http1Speaker } from './http1-speaker.ts'
import { Http2Speaker } from './http2-speaker.ts'
import type { Line, LineAnswer, LineEnd, LineUser } from './line.ts'

/** Asked before the handshake was over. */
interface Early {
  readonly request: HttpRequest
  cancel: Cancel | null
}

export interface HttpsLineParts {
  readonly clock: Clock
  readonly limits: SecureUpstreamLimits
  readonly server: ServerAddress
  readonly service: SecureService
  readonly user: LineUser
  /** Servers that speak HTTP/1.1 only, by their key. */
  readonly onlyHttp1: Set<string>
  /** Ends what carries it while there is no speaker. */
  readonly close: () => void
}

/** RFC 8484 section 5.2 recommends HTTP/2; HTTP/1.1 where the server has no other. */
export const HTTPS_ALPN: readonly string[] = ['h2', 'http/1.1']

const HTTPS_PORT = 443

export class HttpsLine implements Line {
  readonly #parts: HttpsLineParts
  readonly #authority: string
  readonly #path: string
  readonly #early = new Set<Early>()
  #speaker: HttpSpeaker | null = null
  #over = false

  constructor(parts: HttpsLineParts) {
    const { server, service } = parts
    this.#parts = parts
    const host = service.name ?? server.ip.text
    this.#authority = `${host.includes(':') ? `[${host}]` : host}${server.port === HTTPS_PORT ? '' : `:${server.port}`}`
    // What stands in front of `dns=` in a GET is not wanted in a POST.
    this.#path = service.path.replace(/[?&]$/, '')
  }

  get capacity(): number {
    const { limits, onlyHttp1, server } = this.#parts
    return this.#speaker?.capacity ?? (onlyHttp1.has(server.key) ? 1 : limits.httpStreams)
  }

  get probe(): (() => void) | undefined {
    const speaker = this.#speaker
    return speaker?.probe === undefined ? undefined : () => speaker.probe?.()
  }

  ask(query: Uint8Array, heard: (answer: LineAnswer) => void): Cancel {
    const padded = padQuery(query)
    const body = padded === query ? Uint8Array.from(query) : padded
    setId(body, 0)
    const request: HttpRequest = {
      path: this.#path,
      authority: this.#authority,
      body,
      query,
      heard,
    }
    if (this.#speaker !== null) return this.#speaker.ask(request)
    const early: Early = { request, cancel: null }
    this.#early.add(early)
    return () => {
      this.#early.delete(early)
      early.cancel?.()
    }
  }

  close(): void {
    this.#over = true
    this.#early.clear()
    if (this.#speaker === null) this.#parts.close()
    else this.#speaker.close()
  }

  /** The server has proved itself; the socket is ours. */
  verified(socket: TLSSocket): void {
    const { clock, limits, user, onlyHttp1, server } = this.#parts
    const isHttp2 = socket.alpnProtocol === 'h2'
    const common = { clock, limits, socket, user: { leaving: () => user.leaving(), ended: this.ended } }
    this.#speaker = isHttp2 ? new Http2Speaker({ ...common, scheme: 'https' }) : new Http1Speaker(common)
    if (isHttp2) onlyHttp1.delete(server.key)
    else onlyHttp1.add(server.key)
    user.ready()
    const all = [...this.#early]
    this.#early.clear()
    // One at a time on HTTP/1.1: the others get connections of their own.
    const { capacity } = this.#speaker
    for (const early of all.slice(0, capacity)) early.cancel = this.#speaker.ask(early.request)
    for (const { request } of all.slice(capacity))
      request.heard({ kind: 'not-processed', reason: 'it takes one request at a time' })
  }

  readonly ended = (end: LineEnd): void => {
    if (this.#over) return
    this.#over = true
    this.#parts.user.ended(end)
  }
}
