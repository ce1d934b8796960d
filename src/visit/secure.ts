/**
 * The TLS handshake on a connection, and what it shows. The certificate is judged by the library and looked at here, so
 * that a bad one can be shown; nothing is sent over a connection whose certificate was not accepted.
 */
import type { Socket } from 'node:net'
import type { ConnectionOptions, SecureContext, TLSSocket } from 'node:tls'
import type { Clock } from '../ports.ts'
import { errorCode } from '../system/system-error.ts'
import { certificateFacts, chainOf } from './certificate.ts'
import type { Alpn, CertificateVerdict, Failure, TlsFacts } from './types.ts'

export interface SecureOptions {
  readonly clock: Clock
  /** Null for an address: there is no SNI then, and the certificate has to have the address. */
  readonly serverName: string | null
  readonly address: string
  readonly alpn: readonly Alpn[]
  readonly context: SecureContext
  readonly acceptsAny: boolean
  readonly offeredEch: boolean
  /** From a connection before. */
  readonly session: Uint8Array | null
  readonly onSession: (session: Uint8Array) => void
  readonly certificates: number
  readonly signal: AbortSignal
}

export type Secured =
  | {
      readonly kind: 'secured'
      readonly socket: TLSSocket
      readonly facts: TlsFacts
      readonly chain: readonly Uint8Array[]
    }
  /** `facts` when there was a certificate to look at. */
  | { readonly kind: 'failed'; readonly failure: Failure; readonly facts: TlsFacts | null }

/** What is trusted: certificates in PEM, or those built in, of which reading takes its time. */
export async function secureContext(authorities: readonly string[]): Promise<SecureContext> {
  const { createSecureContext } = await import('node:tls')
  return createSecureContext(authorities.length === 0 ? {} : { ca: [...authorities] })
}

export async function secure(socket: Socket, options: SecureOptions): Promise<Secured> {
  const { connect } = await import('node:tls')
  const { serverName, address, alpn, context, session, signal, onSession } = options
  const settings: ConnectionOptions = {
    socket,
    // Without a name the library judges the certificate by `host`.
    ...(serverName === null ? { host: address } : { servername: serverName }),
    ALPNProtocols: [...alpn],
    // Judged below, after the facts have been taken.
    rejectUnauthorized: false,
    secureContext: context,
    ...(session === null ? {} : { session: Buffer.from(session) }),
  }
  return new Promise(resolve => {
    const secured = connect(settings)
    const end = (result: Secured): void => {
      signal.removeEventListener('abort', abort)
      secured.removeListener('error', fail).removeListener('close', closed)
      secured.on('error', () => {})
      if (result.kind === 'failed') secured.destroy()
      resolve(result)
    }
    const fail = (error: Error): void =>
      end({ kind: 'failed', failure: { kind: 'tls', reason: errorCode(error) || error.message }, facts: null })
    const closed = (): void => end({ kind: 'failed', failure: { kind: 'tls', reason: 'ECONNRESET' }, facts: null })
    const abort = (): void => end({ kind: 'failed', failure: { kind: 'time-out', during: 'tls' }, facts: null })
    signal.addEventListener('abort', abort)
    secured.on('session', onSession)
    secured.on('error', fail).on('close', closed)
    secured.once('secureConnect', () => {
      const chain = chainOf(secured.getPeerCertificate(true), options.certificates)
      const facts = factsOf(secured, chain, options)
      const { verdict } = facts
      if (verdict.kind === 'verified' || verdict.wasAccepted) end({ kind: 'secured', socket: secured, facts, chain })
      else end({ kind: 'failed', failure: { kind: 'certificate', reason: verdict.reason }, facts })
    })
    if (signal.aborted) abort()
  })
}

function factsOf(socket: TLSSocket, chain: readonly Uint8Array[], options: SecureOptions): TlsFacts {
  const { clock, serverName, acceptsAny, offeredEch } = options
  const wall = clock.wall()
  const key = socket.getEphemeralKeyInfo()
  const verdict: CertificateVerdict = socket.authorized
    ? { kind: 'verified' }
    : { kind: 'not-verified', reason: reasonOf(socket.authorizationError), wasAccepted: acceptsAny }
  return {
    version: socket.getProtocol() ?? '',
    cipher: socket.getCipher().standardName,
    group: key !== null && 'name' in key && typeof key.name === 'string' ? key.name : null,
    alpn: typeof socket.alpnProtocol === 'string' ? socket.alpnProtocol : null,
    serverName,
    isResumed: socket.isSessionReused(),
    offeredEch,
    chain: chain.map(der => certificateFacts(der, wall)),
    verdict,
  }
}

/** Declared as an Error, and the code of one as text in fact. */
const reasonOf = (error: unknown): string =>
  typeof error === 'string' ? error : errorCode(error) || (error instanceof Error ? error.message : 'unknown')
