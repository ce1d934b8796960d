/** What listeners over TLS show to their clients. The one place where settings of TLS are chosen. */
import { constants } from 'node:crypto'
import type { SecureContextOptions } from 'node:tls'
import type { TlsLimits } from '../../limits.ts'
import type { Cancel } from '../../ports.ts'

/** In PEM: the chain, and the private key of its first certificate. */
export interface TlsMaterial {
  readonly cert: string
  readonly key: string
  /** 48 octets, the same for all listeners, so that each resumes the sessions of the others. */
  readonly ticketKeys: Buffer
  /** DNS names of the certificate, lower case, as it has them: the first is the name of the server. */
  readonly names: readonly string[]
}

export interface TlsIdentity {
  current(): TlsMaterial
  /** Calls `apply` whenever the material changes, until it is cancelled. */
  follow(apply: (material: TlsMaterial) => void): Cancel
}

/**
 * For `createServer` and `setSecureContext` alike: what is not repeated to the latter is lost, and without the ticket
 * keys all sessions with it. Renegotiation (TLS 1.2) is work for the asking, and no client of DNS needs it.
 */
export const contextOptions = (
  { cert, key, ticketKeys }: TlsMaterial,
  { sessionSeconds }: TlsLimits,
): SecureContextOptions => ({
  cert,
  key,
  ticketKeys,
  minVersion: 'TLSv1.2',
  secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
  honorCipherOrder: true,
  sessionTimeout: sessionSeconds,
})
