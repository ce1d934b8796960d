/**
 * The certificate of this server, from files: read, judged, and read again when they change. What is wrong is said with
 * the way to mend it, and a certificate that works is never given up for one that does not.
 */
import { createHash, createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { createSecureContext } from 'node:tls'
import { errorText } from '../events.ts'
import { errorCode } from './system-error.ts'

/** Absolute paths of PEM files. */
export interface CertificateFiles {
  readonly certificate: string
  readonly key: string
}

export interface Certificate {
  /** PEM, the server's own certificate first. */
  readonly cert: string
  /** PEM. */
  readonly key: string
  /** DNS names that it is valid for, lower case, in its order. */
  readonly names: readonly string[]
  /** Seconds since 1970. */
  readonly until: number
  /** SHA-256 of it, as `openssl x509 -fingerprint -sha256` prints it. */
  readonly fingerprint: string
  /** SHA-256 of its public key in base64 (RFC 7858 section 4.2). */
  readonly pin: string
}

export type CertificateRead =
  | { readonly kind: 'certificate'; readonly certificate: Certificate; readonly warnings: readonly string[] }
  | { readonly kind: 'invalid'; readonly problems: readonly string[] }

/** `wall` in seconds since 1970. */
export function readCertificate(files: CertificateFiles, wall: number, maxBytes: number): CertificateRead {
  const cert = readPem(files.certificate, maxBytes)
  const key = readPem(files.key, maxBytes)
  const problems = [
    ...(cert.kind === 'text' ? certificateProblems(files.certificate, cert.text) : [cert.problem]),
    ...(key.kind === 'text' ? keyProblems(files.key, key.text) : [key.problem]),
  ]
  if (problems.length > 0 || cert.kind !== 'text' || key.kind !== 'text') return { kind: 'invalid', problems }
  const mismatch = pairProblem(files, cert.text, key.text)
  if (mismatch !== null) return { kind: 'invalid', problems: [mismatch] }
  const certificate = describeCertificate(cert.text, key.text)
  return {
    kind: 'certificate',
    certificate,
    warnings: warningsOf(files, certificate, new X509Certificate(cert.text), wall),
  }
}

/** Of a chain and a key that are known to be right. */
export function describeCertificate(cert: string, key: string): Certificate {
  const own = new X509Certificate(cert)
  const publicKey = own.publicKey.export({ type: 'spki', format: 'der' })
  return {
    cert,
    key,
    names: namesOf(own),
    until: Math.floor(Date.parse(own.validTo) / 1_000),
    fingerprint: own.fingerprint256,
    pin: createHash('sha256').update(publicKey).digest('base64'),
  }
}

/** What changes when a file does, whatever is on the way to it; null when it cannot be looked at. */
export function fileStamp(path: string): string | null {
  try {
    const { ino, size, mtimeMs, ctimeMs } = statSync(path)
    return `${ino} ${size} ${mtimeMs} ${ctimeMs}`
  } catch {
    return null
  }
}

type PemRead = { readonly kind: 'text'; readonly text: string } | { readonly kind: 'problem'; readonly problem: string }

function readPem(path: string, maxBytes: number): PemRead {
  const problem = (text: string): PemRead => ({ kind: 'problem', problem: `${path} ${text}` })
  try {
    const stat = statSync(path)
    if (!stat.isFile()) return problem('is no file')
    if (stat.size > maxBytes) return problem(`has ${stat.size} octets, more than a certificate or key has`)
    return { kind: 'text', text: readFileSync(path, 'latin1') }
  } catch (error) {
    switch (errorCode(error)) {
      case 'ENOENT':
      case 'ENOTDIR':
        return problem('does not exist')
      case 'EACCES':
      case 'EPERM':
        return problem('cannot be read by this user: give the group of rootwalk the right to read it and its directory')
      default:
        return problem(`cannot be read: ${errorText(error)}`)
    }
  }
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g

function certificateProblems(path: string, text: string): readonly string[] {
  const blocks = text.match(CERTIFICATE) ?? []
  if (blocks.length === 0) {
    if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text))
      return [`${path} holds a key and no certificate: are "certificate" and "key" mixed up?`]
    if (text.charCodeAt(0) === DER_SEQUENCE)
      return [`${path} is not PEM but DER: openssl x509 -inform der -in ${path} -out cert.pem`]
    return [`${path} holds no certificate in PEM ("-----BEGIN CERTIFICATE-----")`]
  }
  return blocks.flatMap((block, index) => {
    try {
      new X509Certificate(block)
      return []
    } catch (error) {
      return [`${path}: certificate ${index + 1} cannot be read: ${errorText(error)}`]
    }
  })
}

/** X.690: what a certificate or key in DER begins with. */
const DER_SEQUENCE = 0x30

function keyProblems(path: string, text: string): readonly string[] {
  if (text.includes('-----BEGIN ENCRYPTED PRIVATE KEY-----') || text.includes('Proc-Type: 4,ENCRYPTED'))
    return [`${path} has a passphrase, which no one could type at a start: openssl pkey -in ${path} -out key.pem`]
  if (/-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----/.test(text)) {
    const key = privateKeyOf(text)
    return key.kind === 'key' ? [] : [`${path} cannot be read as a private key: ${key.why}`]
  }
  if (text.includes('-----BEGIN CERTIFICATE-----'))
    return [`${path} holds a certificate and no key: are "certificate" and "key" mixed up?`]
  return [`${path} holds no private key in PEM ("-----BEGIN PRIVATE KEY-----")`]
}

function privateKeyOf(
  text: string,
): { readonly kind: 'key'; readonly key: KeyObject } | { readonly kind: 'none'; readonly why: string } {
  try {
    return { kind: 'key', key: createPrivateKey(text) }
  } catch (error) {
    return { kind: 'none', why: errorText(error) }
  }
}

/** What is wrong with the two together; null when they fit. */
function pairProblem(files: CertificateFiles, cert: string, keyText: string): string | null {
  const read = privateKeyOf(keyText)
  if (read.kind === 'none') return read.why
  const chain = (cert.match(CERTIFICATE) ?? []).map(block => new X509Certificate(block))
  const fits = chain.findIndex(one => one.checkPrivateKey(read.key))
  if (fits < 0) return `${files.key} is not the key of the certificate in ${files.certificate}`
  if (fits > 0)
    return `${files.certificate}: the certificate of this server is number ${fits + 1} in it and must be the first`
  try {
    createSecureContext({ cert, key: keyText, minVersion: 'TLSv1.2' })
    return null
  } catch (error) {
    return `${files.certificate} cannot be used: ${errorText(error)}`
  }
}

function warningsOf(
  files: CertificateFiles,
  { until, names }: Certificate,
  own: X509Certificate,
  wall: number,
): string[] {
  const warnings: string[] = []
  const from = Math.floor(Date.parse(own.validFrom) / 1_000)
  if (until <= wall) warnings.push(`${files.certificate} expired on ${day(until)}: clients refuse it; renew it`)
  if (from > wall) warnings.push(`${files.certificate} is valid from ${day(from)} on, until then clients refuse it`)
  if (names.length === 0 && !/IP Address:/.test(own.subjectAltName ?? ''))
    warnings.push(`${files.certificate} names neither a host nor an address (subjectAltName): clients refuse it`)
  const full = join(dirname(files.certificate), 'fullchain.pem')
  if (basename(files.certificate) === 'cert.pem' && existsSync(full))
    warnings.push(`${files.certificate} is without the certificates it was signed by: clients may want ${full}`)
  return warnings
}

const day = (seconds: number): string => new Date(seconds * 1_000).toISOString().slice(0, 10)

/** Node quotes what it finds odd (CVE-2021-44532); names with anything odd are none that a client asks for. */
const namesOf = (own: X509Certificate): readonly string[] =>
  (own.subjectAltName ?? '').split(', ').flatMap(entry => {
    const [, name] = /^DNS:([A-Za-z0-9*._-]+)$/.exec(entry) ?? []
    return name === undefined ? [] : [name.toLowerCase()]
  })
