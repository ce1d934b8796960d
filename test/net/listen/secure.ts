/** Certificates made for a test, and clients over TLS. Everything opened here is closed by `cleanUp`. */
import { randomBytes } from 'node:crypto'
import { connect as connectTcp, type Socket } from 'node:net'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { frame, Framing } from '../../../src/dns/framing.ts'
import type { TlsIdentity, TlsMaterial } from '../../../src/net/listen/identity.ts'
import { makeCertificate, type MadeCertificate } from '../../../src/system/self-signed.ts'
import { atEnd } from '../support.ts'

const DAY = 86_400
const now = Math.floor(Date.now() / 1_000)

export const authority: MadeCertificate = makeCertificate({
  commonName: 'Authority of a test',
  names: [],
  from: now - DAY,
  until: now + DAY,
  authority: true,
})

export const certificateFor = (...names: readonly string[]): MadeCertificate =>
  makeCertificate({
    commonName: names[0] ?? '',
    names,
    from: now - DAY,
    until: now + DAY,
    issuer: authority.issuer,
  })

export interface ChangingIdentity extends TlsIdentity {
  change(to: Partial<TlsMaterial>): void
}

/** One that changes when a test wants it. */
export function identityOf(...names: readonly string[]): ChangingIdentity {
  const { cert, key } = certificateFor(...names)
  let material: TlsMaterial = { cert, key, ticketKeys: randomBytes(48), names: names.filter(n => !/^[\d:]/.test(n)) }
  const followers = new Set<(material: TlsMaterial) => void>()
  return {
    current: () => material,
    follow(apply) {
      followers.add(apply)
      return () => followers.delete(apply)
    },
    change(to) {
      material = { ...material, ...to }
      for (const apply of followers) apply(material)
    },
  }
}

export interface TlsClient {
  readonly socket: TLSSocket
  /** Underneath. */
  readonly raw: Socket
  readonly messages: Uint8Array[]
  readonly state: { secure: boolean; ended: boolean; closed: boolean; error: string }
  readonly sessions: Buffer[]
  send(...messages: readonly Uint8Array[]): void
}

interface TlsClientOptions extends ConnectionOptions {
  readonly reads?: boolean
  /** Sent before the handshake. */
  readonly before?: Uint8Array
}

/** Resolves when the handshake is over, or the connection is. */
export async function tlsClient(port: number, options: TlsClientOptions = {}): Promise<TlsClient> {
  const { reads = true, before, ...more } = options
  const raw: Socket = connectTcp({ host: '127.0.0.1', port, noDelay: true })
  raw.on('error', () => {})
  atEnd(() => raw.destroy())
  if (before !== undefined) raw.write(before)
  const socket = connect({
    socket: raw,
    host: '127.0.0.1',
    ca: authority.cert,
    ALPNProtocols: ['dot'],
    servername: 'dns.example',
    ...more,
  })
  const framing = new Framing()
  const messages: Uint8Array[] = []
  const sessions: Buffer[] = []
  const state = { secure: false, ended: false, closed: false, error: '' }
  socket.on('session', session => sessions.push(session))
  socket.on('end', () => {
    state.ended = true
  })
  if (reads) socket.on('data', chunk => messages.push(...framing.push(chunk)))
  await new Promise<void>(resolve => {
    socket.on('secureConnect', () => {
      state.secure = true
      resolve()
    })
    socket.on('error', error => {
      state.error = 'code' in error ? String(error.code) : error.message
    })
    socket.on('close', () => {
      state.closed = true
      resolve()
    })
  })
  return {
    socket,
    raw,
    messages,
    state,
    sessions,
    send: (...all) => socket.write(Buffer.concat(all.map(m => frame(m)))),
  }
}
