/** Servers over TLS on loopback, with certificates that are made for the test. Closed by `cleanUp`. */
import { createServer, type TlsOptions, type TLSSocket } from 'node:tls'
import { frame, Framing } from '../../src/dns/framing.ts'
import { type SecureService, secureServerAddress, type ServerAddress } from '../../src/ports.ts'
import { type CertificateWish, makeCertificate } from './certificate.ts'
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
