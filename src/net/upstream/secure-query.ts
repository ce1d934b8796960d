/**
 * One query over TLS, HTTPS or HTTP for an interactive user, with what the handshake showed: next to
 * `net/query-client.ts`, in the same words. Loaded when it is asked for.
 *
 * Invariants: promises never reject; when they resolve the connection is closed.
 */
import type { X509Certificate } from 'node:crypto'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { defaultLimits } from '../../limits.ts'
import type { Clock } from '../../ports.ts'
import type { Heard, QueryPath, StreamDial } from '../query-client.ts'
import { openTls, type TlsTerms, TrustStore } from '../tls.ts'
import { namesIn, pinOf } from '../tls-trust.ts'
import type { HttpRequest, HttpSpeaker } from './doh.ts'
import { Http1Speaker } from './http1-speaker.ts'
import { Http2Speaker } from './http2-speaker.ts'
import type { LineAnswer } from './line.ts'

/** What a handshake showed. Times in ms. */
export interface TlsJourney {
  readonly connectMs: number
  readonly handshakeMs: number
  readonly protocol: string
  readonly cipher: string
  readonly alpn: string
  /** Its chain leads to one of the trusted, whatever its name. */
  readonly trusted: boolean
  readonly certificate: {
    readonly subject: string
    readonly issuer: string
    /** ISO 8601. */
    readonly validFrom: string
    readonly validTo: string
    readonly names: readonly string[]
    /** SHA-256 of the certificate, as OpenSSL writes it. */
    readonly fingerprint: string
    readonly pin: string
  } | null
}

export interface SecureTerms extends Omit<TlsTerms, 'ip' | 'port' | 'from' | 'alpn' | 'session'> {
  /** Certificates in PEM; empty: the system's. */
  readonly authorities: readonly string[]
}

/** Dials over TLS for `askByStream`; `onJourney` hears what the handshake showed, before anything is sent. */
export const tlsDial =
  (terms: SecureTerms, alpn: readonly string[], onJourney: (journey: TlsJourney) => void): StreamDial =>
  ({ server: { ip, port }, from }, user) => {
    const context = new TrustStore().contextFor(terms.authorities)
    const startedAt = performance.now()
    let connectedAt = startedAt
    return openTls({ ...terms, ip, port, from: from ?? undefined, alpn }, context, {
      connected: () => {
        connectedAt = performance.now()
      },
      verified: (socket, certificate) => {
        onJourney(journeyOf(socket, certificate, connectedAt - startedAt, performance.now() - connectedAt))
        user.ready(socket)
      },
      ticket: () => {},
      ended: ({ kind, reason }) => user.failed(kind === 'unverified' ? `${reason}; nothing was sent` : reason),
    })
  }

function journeyOf(
  socket: TLSSocket,
  shown: X509Certificate | undefined,
  connectMs: number,
  handshakeMs: number,
): TlsJourney {
  return {
    connectMs,
    handshakeMs,
    protocol: socket.getProtocol() ?? '',
    cipher: socket.getCipher().standardName,
    alpn: typeof socket.alpnProtocol === 'string' ? socket.alpnProtocol : '',
    trusted: socket.authorized,
    certificate:
      shown === undefined
        ? null
        : {
            subject: oneLine(shown.subject),
            issuer: oneLine(shown.issuer),
            validFrom: isoTime(shown.validFrom),
            validTo: isoTime(shown.validTo),
            names: namesIn(shown),
            fingerprint: shown.fingerprint256,
            pin: pinOf(shown),
          },
  }
}

/** Of a certificate without a subject Node.js has none. */
const oneLine = (distinguished: string | undefined): string => (distinguished ?? '').split('\n').join(', ')

export interface HttpTerms {
  readonly dial: StreamDial
  readonly scheme: 'https' | 'http'
  /** For HTTP without TLS, of which no handshake speaks. */
  readonly version: 1 | 2
  readonly authority: string
  readonly path: string
  readonly get: boolean
}

/** RFC 8484: ID 0 makes a GET cacheable; the ID of the query is in the reply again. */
export function askByHttp(path: QueryPath, terms: HttpTerms, query: Uint8Array, clock: Clock): Promise<Heard> {
  return new Promise(resolve => {
    let speaker: HttpSpeaker | null = null
    let isOver = false
    const end = (heard: Heard): void => {
      if (isOver) return
      isOver = true
      clearTimeout(timer)
      if (speaker === null) connection.close()
      else speaker.close()
      resolve(heard)
    }
    const timer = setTimeout(() => end({ kind: 'timeout' }), path.timeoutMs)
    const connection = terms.dial(path, {
      ready(socket) {
        if (isOver) return
        connection.handOver()
        const startedAt = performance.now()
        const user = { leaving() {}, ended: ({ reason }: { reason: string }) => end({ kind: 'refused', reason }) }
        const common = { clock, limits: defaultLimits.secure, socket, user }
        const isHttp2 = terms.scheme === 'http' ? terms.version === 2 : alpnOf(socket) === 'h2'
        speaker = isHttp2 ? new Http2Speaker({ ...common, scheme: terms.scheme }) : new Http1Speaker(common)
        speaker.ask(requestOf(terms, query, answer => end(heardOf(answer, performance.now() - startedAt))))
      },
      failed: reason => end({ kind: 'refused', reason }),
    })
  })
}

const alpnOf = (socket: Socket): unknown => ('alpnProtocol' in socket ? socket.alpnProtocol : false)

function requestOf(terms: HttpTerms, query: Uint8Array, heard: HttpRequest['heard']): HttpRequest {
  const { authority, path, get } = terms
  const asked = Uint8Array.from(query)
  asked.fill(0, 0, 2)
  if (!get) return { authority, path, body: asked, query, heard }
  const parameter = `dns=${Buffer.from(asked).toString('base64url')}`
  return { authority, path: `${path}${path.includes('?') ? '&' : '?'}${parameter}`, body: null, query, heard }
}

function heardOf(answer: LineAnswer, tookMs: number): Heard {
  switch (answer.kind) {
    case 'reply':
      return { kind: 'reply', bytes: answer.bytes, tookMs }
    case 'http-status': {
      const { status, retryAfterMs } = answer
      const wait = retryAfterMs === null ? '' : `, and to ask again in ${Math.ceil(retryAfterMs / 1_000)} s`
      return { kind: 'refused', reason: `it says HTTP status ${status}${wait}` }
    }
    case 'unusable':
    case 'not-processed':
      return { kind: 'refused', reason: answer.reason }
    default:
      return answer satisfies never
  }
}

/** Node.js has the time as OpenSSL prints it: `Feb 27 23:32:33 2027 GMT`. */
const isoTime = (text: string): string => new Date(text).toISOString().replace('.000Z', 'Z')
