/**
 * A TLS connection to a server that proves who it is: by the name in its certificate, by its public key, or both (RFC
 * 8310). Not a place for what is said over it, nor for falling back to anything: what does not prove itself hears
 * nothing.
 *
 * Invariants: TLS 1.2 at least; `ended` is called at most once, and not after `close` or `handOver`; before `verified`
 * nothing may be written.
 */
import { constants, type X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import {
  checkServerIdentity,
  connect,
  type ConnectionOptions,
  createSecureContext,
  type SecureContext,
  type TLSSocket,
} from 'node:tls'
import type { IpAddress } from '../dns/address.ts'
import { defaultLimits } from '../limits.ts'
import { systemAuthorities } from '../system/authorities.ts'
import { CLOSED_EARLY, doubtOf, type ExpectedPeer, tlsErrorText } from './tls-trust.ts'

export interface TlsTerms extends ExpectedPeer {
  readonly ip: IpAddress
  readonly port: number
  /** Where it comes from; absent: the system chooses. */
  readonly from?: { readonly address: string; readonly port: number } | undefined
  readonly alpn: readonly string[]
  /** The name to send (SNI) when it is not `name`; an address is never sent (RFC 6066 section 3). */
  readonly serverName?: string | undefined
  /** A ticket of an earlier connection on equal terms. */
  readonly session?: Buffer | undefined
}

export interface TlsEnd {
  /** 'unverified': it is not the one that is meant, or does not prove it. */
  readonly kind: 'failed' | 'unverified'
  /** The code of a system error or a text. */
  readonly reason: string
}

export interface TlsUser {
  /** Over TCP; the handshake begins. */
  connected?(): void
  /** A server that resumes a session shows no certificate. */
  verified(socket: TLSSocket, certificate: X509Certificate | undefined): void
  /** For one later connection (RFC 8446 appendix C.4). */
  ticket(session: Buffer): void
  ended(end: TlsEnd): void
}

/** What is trusted, in the form that OpenSSL keeps: reading the system's list takes 30 ms. */
export class TrustStore {
  readonly #contexts = new Map<string, SecureContext>()

  /** `authorities`: certificates in PEM; empty: the system's; null: none is trusted, and that does not matter. */
  contextFor(authorities: readonly string[] | null): SecureContext {
    const key = authorities === null ? 'none' : authorities.join('\n')
    const known = this.#contexts.get(key)
    if (known !== undefined) return known
    const made = createSecureContext({
      ca: [...(authorities?.length === 0 ? systemAuthorities() : (authorities ?? []))],
      minVersion: 'TLSv1.2',
      // A server has no reason for it, and each is a handshake (TLS 1.2).
      secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    })
    this.#contexts.set(key, made)
    return made
  }
}

export interface TlsConnection {
  /** With a goodbye (close_notify) when nothing is left to be written, else at once. */
  close(): void
  /** What becomes of the socket is the caller's business from now on. */
  handOver(): void
}

export function openTls(terms: TlsTerms, secureContext: SecureContext, user: TlsUser): TlsConnection {
  const socket = connect(optionsOf(terms, secureContext))
  const state: { phase: 'opening' | 'verified' | 'over'; ticket: Buffer | null } = { phase: 'opening', ticket: null }
  const end = (kind: TlsEnd['kind'], reason: string): void => {
    if (state.phase === 'over') return
    state.phase = 'over'
    socket.destroy()
    user.ended({ kind, reason })
  }
  const closed = (): void => end('failed', state.phase === 'opening' ? CLOSED_EARLY : 'closed by the server')
  socket.setNoDelay(true)
  socket.on('connect', () => user.connected?.())
  socket.on('secureConnect', () => {
    if (state.phase === 'over') return
    // Given once (seen with Node.js 20): who asks again gets nothing.
    const certificate = socket.getPeerX509Certificate()
    const doubt = doubtOf(socket, certificate, terms)
    if (doubt !== null) return end('unverified', doubt)
    state.phase = 'verified'
    if (state.ticket !== null) user.ticket(state.ticket)
    user.verified(socket, certificate)
  })
  // With TLS 1.2 it comes before the server is known.
  socket.on('session', ticket => {
    if (state.phase === 'opening') state.ticket = ticket
    else user.ticket(ticket)
  })
  socket.on('error', error => end('failed', tlsErrorText(error)))
  socket.on('end', closed)
  socket.on('close', closed)
  return {
    close() {
      const isQuiet = state.phase === 'verified' && socket.writableLength === 0
      state.phase = 'over'
      if (!isQuiet) return void socket.destroy()
      socket.destroySoon()
      // Where the goodbye cannot leave.
      setTimeout(() => socket.destroy(), defaultLimits.tcp.goodbyeMs).unref()
    },
    handOver() {
      state.phase = 'over'
      socket.off('end', closed)
      socket.off('close', closed)
    },
  }
}

function optionsOf(terms: TlsTerms, secureContext: SecureContext): ConnectionOptions {
  const { ip, port, from, alpn, name, session } = terms
  const serverName = terms.serverName ?? name ?? ''
  return {
    host: ip.text,
    port,
    ...(from === undefined ? {} : { localAddress: from.address, localPort: from.port }),
    secureContext,
    ALPNProtocols: [...alpn],
    ...(serverName === '' || isIP(serverName) !== 0 ? {} : { servername: serverName }),
    ...(session === undefined ? {} : { session }),
    // Judged by `doubtOf`, which can say what is wrong.
    rejectUnauthorized: false,
    checkServerIdentity: (_host, certificate) => (name === null ? undefined : checkServerIdentity(name, certificate)),
  }
}
