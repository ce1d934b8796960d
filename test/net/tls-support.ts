/** Servers over TLS on loopback, with certificates that are made for the test. Closed by `cleanUp`. */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import {
  constants,
  createSecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type SecureServerOptions,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import { createServer, type TlsOptions, type TLSSocket } from 'node:tls'
import { frame, Framing } from '../../src/dns/framing.ts'
import { type SecureService, secureServerAddress, type ServerAddress } from '../../src/ports.ts'
import { type CertificateWish, makeCertificate } from '../../src/system/self-signed.ts'
import { addressOf, answer, atEnd } from './support.ts'

const HOUR_S = 3_600
const now = Math.floor(Date.now() / 1_000)

export const testAuthority = makeCertificate({
  commonName: 'Test Authority',
  names: [],
  from: now - HOUR_S,
  until: now + HOUR_S,
  authority: true,
})

export const certificateFor = (names: readonly string[], changes: Partial<CertificateWish> = {}) =>
  makeCertificate({
    commonName: 'server',
    names,
    from: now - HOUR_S,
    until: now + HOUR_S,
    issuer: testAuthority.issuer,
    ...changes,
  })

export const testCertificate = certificateFor(['dns.test', '127.0.0.1'])

export const serviceWith = (changes: Partial<SecureService> = {}): SecureService => ({
  transport: 'tls',
  name: 'dns.test',
  pins: [],
  path: '',
  authorities: [testAuthority.cert],
  ...changes,
})

export const secureAddress = ({ ip, port }: ServerAddress, changes: Partial<SecureService> = {}): ServerAddress =>
  secureServerAddress(ip, port, serviceWith(changes))

export interface TlsServer {
  readonly server: ServerAddress
  readonly connections: TLSSocket[]
  readonly seen: Uint8Array[]
  /** Of each connection, whether it was resumed. */
  readonly resumed: boolean[]
  /** Address of it under other terms. */
  as(changes: Partial<SecureService>): ServerAddress
}

type Handler = (query: Uint8Array, socket: TLSSocket, index: number) => void

export const echoTls: Handler = (q, socket) => {
  socket.write(frame(answer(q)))
}

/** As `tcpServer`, with ALPN `dot`. */
export async function tlsServer(handle: Handler = echoTls, options: TlsOptions = {}): Promise<TlsServer> {
  const connections: TLSSocket[] = []
  const seen: Uint8Array[] = []
  const resumed: boolean[] = []
  const { cert, key } = testCertificate
  const listening = createServer({ cert, key, ALPNProtocols: ['dot'], ...options }, socket => {
    connections.push(socket)
    resumed.push(socket.isSessionReused())
    const framing = new Framing()
    let index = 0
    socket.on('error', () => {})
    socket.on('data', chunk => {
      for (const message of framing.push(chunk)) {
        seen.push(message)
        handle(message, socket, index++)
      }
    })
  })
  listening.on('tlsClientError', () => {})
  await new Promise<void>(resolve => {
    listening.listen(0, '127.0.0.1', resolve)
  })
  atEnd(() => {
    for (const socket of connections) socket.destroy()
    return new Promise<void>(resolve => listening.close(() => resolve()))
  })
  const bound = listening.address()
  const plain = addressOf(typeof bound === 'object' && bound !== null ? bound.port : 0)
  return { server: secureAddress(plain), connections, seen, resumed, as: changes => secureAddress(plain, changes) }
}

export interface HttpsServer {
  readonly server: ServerAddress
  readonly seen: { readonly headers: IncomingHttpHeaders; readonly body: Buffer; readonly version: string }[]
  readonly sessions: ServerHttp2Session[]
  readonly sockets: TLSSocket[]
  as(changes: Partial<SecureService>): ServerAddress
}

export type HttpsResponse = Pick<Http2ServerResponse, 'stream'> & ServerResponse
export type HttpsHandler = (body: Buffer, response: HttpsResponse, index: number) => void

/** RFC 8484 with what is the same over HTTP/1.1 and HTTP/2 in Node.js. */
export const echoHttps: HttpsHandler = (body, response) => {
  response.writeHead(200, { 'content-type': 'application/dns-message' })
  response.end(answer(body))
}

export async function httpsServer(
  handle: HttpsHandler = echoHttps,
  options: SecureServerOptions & {
    readonly http1?: boolean
    /** As Knot Resolver 5 does: a request that begins before the one before is complete. */
    readonly refusesInterleaved?: boolean
  } = {},
): Promise<HttpsServer> {
  const seen: { headers: IncomingHttpHeaders; body: Buffer; version: string }[] = []
  const sessions: ServerHttp2Session[] = []
  const sockets: TLSSocket[] = []
  const { cert, key } = testCertificate
  const { http1 = false, refusesInterleaved = false, ...others } = options
  const listening = http1
    ? createHttpsServer({ cert, key, ALPNProtocols: ['http/1.1'] })
    : createSecureServer({ cert, key, ...others })
  listening.on('session', session => sessions.push(session))
  listening.on('sessionError', () => {})
  listening.on('secureConnection', socket => {
    sockets.push(socket)
    socket.on('error', () => {})
  })
  if (refusesInterleaved) {
    let incomplete: ServerHttp2Stream | null = null
    listening.prependListener('stream', (stream: ServerHttp2Stream) => {
      const over = (): void => {
        if (incomplete === stream) incomplete = null
      }
      if (incomplete !== null) stream.close(constants.NGHTTP2_REFUSED_STREAM)
      else incomplete = stream.on('end', over).on('close', over)
    })
  }
  listening.on('request', (request: IncomingMessage | Http2ServerRequest, response: HttpsResponse) => {
    request.on('error', () => {})
    response.on('error', () => {})
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks)
      seen.push({ headers: request.headers, body, version: request.httpVersion })
      handle(body, response, seen.length - 1)
    })
  })
  await new Promise<void>(resolve => {
    listening.listen(0, '127.0.0.1', () => resolve())
  })
  atEnd(() => {
    for (const session of sessions) session.destroy()
    for (const socket of sockets) socket.destroy()
    return new Promise<void>(resolve => listening.close(() => resolve()))
  })
  const bound = listening.address()
  const plain = addressOf(typeof bound === 'object' && bound !== null ? bound.port : 0)
  const https: Partial<SecureService> = { transport: 'https', path: '/dns-query' }
  const as = (changes: Partial<SecureService>): ServerAddress => secureAddress(plain, { ...https, ...changes })
  return { server: as({}), seen, sessions, sockets, as }
}
