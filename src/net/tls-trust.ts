/** Whether the other end of a TLS connection is the one that is meant, and what is wrong in words when it is not. */
import { createHash, type X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import { errorCode } from '../system/system-error.ts'

export interface ExpectedPeer {
  /** What the certificate has to be valid for, a DNS name or an address; null: that is not asked. */
  readonly name: string | null
  /** SHA-256 of acceptable public keys in base64; empty: that is not asked. With `name` both have to hold. */
  readonly pins: readonly string[]
  /** Its chain has to end at one that is trusted, whatever the certificate is for. */
  readonly trusted?: boolean | undefined
}

/** SHA-256 of the public key (SPKI) in base64 (RFC 7858 section 4.2, RFC 7469 section 2.4). */
export const pinOf = (certificate: X509Certificate): string =>
  createHash('sha256')
    .update(certificate.publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64')

/**
 * What speaks against the peer of a finished handshake that was given `name` to check; null when nothing does. Who
 * resumes a session sends no certificate: it is the one that gave the ticket after it had proved itself on equal
 * terms.
 */
export function doubtOf(
  socket: TLSSocket,
  certificate: X509Certificate | undefined,
  { name, pins, trusted }: ExpectedPeer,
): string | null {
  if (socket.isSessionReused()) return null
  if (certificate === undefined) return 'it sent no certificate'
  if ((name !== null || trusted === true) && !socket.authorized)
    return verificationText(String(socket.authorizationError), certificate, name)
  if (pins.length === 0) return null
  const pin = pinOf(certificate)
  return pins.includes(pin) ? null : `its public key has the pin ${pin}, which is none of those given`
}

/** `code` is one of OpenSSL's verification errors as Node.js names them. */
function verificationText(code: string, certificate: X509Certificate, name: string | null): string {
  switch (code) {
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return `its certificate is for ${namesIn(certificate).join(', ') || 'no name'}, not for ${name}`
    case 'CERT_HAS_EXPIRED':
      return `its certificate, or one that it depends on, has expired; its own is valid until ${certificate.validTo}`
    case 'CERT_NOT_YET_VALID':
      return `its certificate, or one that it depends on, is not yet valid; its own is from ${certificate.validFrom}`
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
      return 'its certificate is signed by itself and is not one of the trusted authorities'
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'CERT_UNTRUSTED':
      return `its certificate is signed by "${commonName(certificate.issuer)}", which leads to no trusted authority`
    default:
      return `its certificate does not verify: ${code}`
  }
}

/** The names and addresses that a certificate is valid for. */
export const namesIn = ({ subjectAltName = '' }: X509Certificate): readonly string[] =>
  subjectAltName
    .split(', ')
    .map(entry => entry.replace(/^(?:DNS|IP Address):/, ''))
    .filter(entry => entry !== '')

/** One line for what is written `CN=…` and so on, a line each. */
const commonName = (distinguished: string): string =>
  /^CN=(.*)$/m.exec(distinguished)?.[1] ?? distinguished.replaceAll('\n', ', ')

/** The code of a system error; for what OpenSSL found in the handshake, its words. */
export function tlsErrorText(error: Error): string {
  const code = errorCode(error)
  if ('reason' in error && typeof error.reason === 'string') {
    return error.reason === 'wrong version number' || error.reason === 'packet length too long'
      ? 'it speaks no TLS'
      : `TLS: ${error.reason}`
  }
  if (code === 'ECONNRESET' && error.message.includes('before secure TLS connection')) return CLOSED_EARLY
  return code === '' ? error.message : code
}

export const CLOSED_EARLY = 'closed by the server during the TLS handshake'
