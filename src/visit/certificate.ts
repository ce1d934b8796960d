/** Certificates as facts: who, by whom, for which names, until when. */
import { X509Certificate } from 'node:crypto'
import type { DetailedPeerCertificate } from 'node:tls'
import type { CertificateFacts } from './types.ts'

const DAY_S = 86_400

/** DER of the certificates that the peer sent, the leaf first, as far up as the library followed them. */
export function chainOf(leaf: DetailedPeerCertificate, most: number): readonly Uint8Array[] {
  const chain: Uint8Array[] = []
  const seen = new Set<string>()
  // Without a certificate the object is empty; at the root it is its own issuer.
  let next: DetailedPeerCertificate | undefined = leaf
  while (next?.raw !== undefined && !seen.has(next.fingerprint256) && chain.length < most) {
    seen.add(next.fingerprint256)
    chain.push(next.raw)
    next = next.issuerCertificate
  }
  return chain
}

/** `wall` is seconds since 1970. */
export function certificateFacts(der: Uint8Array, wall: number): CertificateFacts {
  const certificate = new X509Certificate(der)
  const notAfter = secondsOf(certificate.validTo)
  return {
    subject: oneLine(certificate.subject),
    issuer: oneLine(certificate.issuer),
    names: namesIn(certificate.subjectAltName),
    notBefore: secondsOf(certificate.validFrom),
    notAfter,
    daysLeft: Math.floor((notAfter - wall) / DAY_S),
    key: keyText(certificate),
    fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
  }
}

/** `Nov 29 21:00:00 2026 GMT`. */
const secondsOf = (text: string): number => Math.floor(Date.parse(text) / 1_000)

/** The library writes one attribute a line; a certificate without a subject has none. */
const oneLine = (distinguishedName: string | undefined): string => (distinguishedName ?? '').split('\n').join(', ')

/** `DNS:www.example.com, IP Address:192.0.2.1`; a name with a comma in it is quoted (CVE-2021-44532). */
const namesIn = (subjectAltName: string | undefined): readonly string[] =>
  [...(subjectAltName ?? '').matchAll(/(?:DNS|IP Address):("(?:[^"\\]|\\.)*"|[^,]*)/g)].map(([, name = '']) => name)

function keyText({ publicKey }: X509Certificate): string {
  const { asymmetricKeyType = 'unknown', asymmetricKeyDetails } = publicKey
  const size = asymmetricKeyDetails?.namedCurve ?? asymmetricKeyDetails?.modulusLength
  return size === undefined ? asymmetricKeyType : `${asymmetricKeyType} ${size}`
}
