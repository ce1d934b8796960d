/**
 * What listeners over TLS show, for as long as the server runs: the certificate as its files have it, and one key for
 * the tickets of all listeners. Loaded only where something is encrypted.
 *
 * Invariants: a certificate that is in use stays until one that can be used is there; a change of the certificate
 * changes no ticket key, so that sessions go on.
 */
import { hostname } from 'node:os'
import type { Config } from '../config/types.ts'
import type { Problem } from '../events.ts'
import type { TlsLimits } from '../limits.ts'
import type { TlsIdentity, TlsMaterial } from '../net/listen/identity.ts'
import { localAddresses, wildcardFamily } from '../net/local-addresses.ts'
import type { Binding, Cancel, Clock, EventSink, Random } from '../ports.ts'
import {
  type Certificate,
  type CertificateFiles,
  type CertificateRead,
  describeCertificate,
  fileStamp,
  readCertificate,
} from '../system/certificates.ts'
import { makeCertificate } from '../system/self-signed.ts'

export interface ServerIdentity extends TlsIdentity {
  readonly certificate: Certificate
  /** Made here: no client trusts it unless it is configured to. */
  readonly isSelfSigned: boolean
  /** Looks at the files now, which happens every `tls.certificateCheckMs` by itself. */
  check(): void
  close(): void
}

export interface IdentityParts {
  readonly clock: Clock
  readonly random: Pick<Random, 'bytes'>
  readonly limits: TlsLimits
  readonly events: EventSink
}

export type OpenedIdentity =
  | { readonly kind: 'identity'; readonly identity: ServerIdentity }
  | { readonly kind: 'invalid'; readonly problems: readonly Problem[] }

/** From what the configuration names; it must name a certificate. */
export function openIdentity(config: Pick<Config, 'file' | 'tls' | 'listen'>, parts: IdentityParts): OpenedIdentity {
  const { clock, limits, events } = parts
  const { tls, file } = config
  if (tls === null || tls.kind === 'self-signed') {
    const certificate = selfSigned(config.listen, clock.wall())
    return { kind: 'identity', identity: new Identity(null, certificate, parts) }
  }
  const read = readCertificate(tls, clock.wall(), limits.certificateBytes)
  if (read.kind === 'invalid') return { kind: 'invalid', problems: certificateReport(file, read) }
  if (read.warnings.length > 0)
    events({ kind: 'config-warnings', file: file ?? '', problems: certificateReport(file, read) })
  return { kind: 'identity', identity: new Identity(tls, read.certificate, parts) }
}

/** What is wrong with the certificate that a configuration names, or worth a warning. */
export function checkCertificate({ file, tls, limits }: Config, wall: number): readonly Problem[] {
  return tls === null || tls.kind === 'self-signed'
    ? []
    : certificateReport(file, readCertificate(tls, wall, limits.tls.certificateBytes))
}

function certificateReport(file: string | null, read: CertificateRead): readonly Problem[] {
  const [severity, texts] =
    read.kind === 'invalid' ? (['error', read.problems] as const) : (['warning', read.warnings] as const)
  return texts.map(text => ({ file: file ?? '', line: 0, column: 0, severity, message: `tls: ${text}` }))
}

/** Long enough for trials, and short enough not to be forgotten somewhere. */
const SELF_SIGNED_SECONDS = 90 * 86_400
const HOUR_SECONDS = 3_600

/** For the host's name, and the addresses at which clients that were given none reach it. */
function selfSigned(bindings: readonly Binding[], wall: number): Certificate {
  const addresses = bindings
    .filter(({ service }) => service?.transport === 'tls' || service?.transport === 'https')
    .flatMap(({ address }) => {
      const family = wildcardFamily(address)
      return family === null ? [address] : localAddresses().filter(local => local.includes(':') === (family === 6))
    })
    .map(address => address.replace(/%.*$/, ''))
  const host = /^[A-Za-z0-9.-]+$/.test(hostname()) ? hostname().toLowerCase() : 'localhost'
  const names = [...new Set([host, 'localhost', ...addresses])]
  const made = makeCertificate({
    commonName: host,
    names,
    from: wall - HOUR_SECONDS,
    until: wall + SELF_SIGNED_SECONDS,
  })
  return describeCertificate(made.cert, made.key)
}

/** RFC 5077 section 4 as OpenSSL has it: 16 octets of name, 16 of HMAC key, 16 of AES key. */
const TICKET_KEY_OCTETS = 48
const DAY_SECONDS = 86_400

class Identity implements ServerIdentity {
  readonly #files: CertificateFiles | null
  readonly #parts: IdentityParts
  readonly #followers = new Set<(material: TlsMaterial) => void>()
  #certificate: Certificate
  #ticketKeys: Buffer
  #stamp: string
  /** What was wrong with the files when they were looked at last; a change of two files is seen half-way at times. */
  #trouble = ''
  #reported = ''
  /** Of this certificate, the fewest days that a warning was about. */
  #warnedDays = Number.POSITIVE_INFINITY
  #cancelCheck: Cancel = () => {}
  #cancelRotation: Cancel = () => {}

  constructor(files: CertificateFiles | null, certificate: Certificate, parts: IdentityParts) {
    this.#files = files
    this.#parts = parts
    this.#certificate = certificate
    this.#ticketKeys = this.#newKeys()
    this.#stamp = this.#stampNow()
    this.#report()
    this.#schedule()
    this.#rotateLater()
  }

  get certificate(): Certificate {
    return this.#certificate
  }

  get isSelfSigned(): boolean {
    return this.#files === null
  }

  current(): TlsMaterial {
    const { cert, key, names } = this.#certificate
    return { cert, key, names, ticketKeys: this.#ticketKeys }
  }

  follow(apply: (material: TlsMaterial) => void): Cancel {
    this.#followers.add(apply)
    return () => this.#followers.delete(apply)
  }

  check(): void {
    this.#warnOfEnd()
    if (this.#files === null) return
    const stamp = this.#stampNow()
    if (stamp === this.#stamp && this.#trouble === '') return
    this.#stamp = stamp
    const { clock, limits, events } = this.#parts
    const read = readCertificate(this.#files, clock.wall(), limits.certificateBytes)
    const trouble = this.#troubleWith(read)
    if (trouble === '' && read.kind === 'certificate') {
      this.#trouble = ''
      this.#reported = ''
      if (read.certificate.fingerprint !== this.#certificate.fingerprint) this.#adopt(read.certificate)
      return
    }
    // Reported when it is still so at the next look: files are seldom replaced in one moment.
    if (trouble === this.#trouble && trouble !== this.#reported) {
      this.#reported = trouble
      events({ kind: 'certificate-rejected', file: this.#files.certificate, reason: trouble })
    }
    this.#trouble = trouble
  }

  close(): void {
    this.#cancelCheck()
    this.#cancelRotation()
    this.#followers.clear()
  }

  #adopt(certificate: Certificate): void {
    this.#certificate = certificate
    this.#warnedDays = Number.POSITIVE_INFINITY
    this.#report()
    this.#changed()
  }

  #changed(): void {
    for (const apply of this.#followers) apply(this.current())
  }

  /** Empty when it can be used. What has expired is no better than what is in use. */
  #troubleWith(read: CertificateRead): string {
    if (read.kind === 'invalid') return read.problems.join('; ')
    const wall = this.#parts.clock.wall()
    return read.certificate.until <= wall && this.#certificate.until > wall ? 'it has expired' : ''
  }

  #stampNow(): string {
    const files = this.#files
    return files === null ? '' : `${fileStamp(files.certificate) ?? ''} ${fileStamp(files.key) ?? ''}`
  }

  #report(): void {
    const { names, until, fingerprint, pin } = this.#certificate
    const file = this.#files?.certificate ?? null
    this.#parts.events({ kind: 'certificate', file, names, until, fingerprint, pin })
    this.#warnOfEnd()
  }

  /** At the last of the days that it is below, once for each. */
  #warnOfEnd(): void {
    const { clock, limits, events } = this.#parts
    const left = this.#certificate.until - clock.wall()
    const days = limits.expiryWarningDays.filter(most => left <= most * DAY_SECONDS)
    const least = left <= 0 ? 0 : Math.min(...days)
    if (!Number.isFinite(least) || least >= this.#warnedDays) return
    this.#warnedDays = least
    const file = this.#files?.certificate ?? null
    events({ kind: 'certificate-expires', file, until: this.#certificate.until, expired: left <= 0 })
  }

  #schedule(): void {
    const { clock, limits } = this.#parts
    this.#cancelCheck = clock.after(limits.certificateCheckMs, () => {
      this.check()
      this.#schedule()
    })
  }

  #rotateLater(): void {
    const { clock, limits } = this.#parts
    this.#cancelRotation = clock.after(limits.ticketKeyMs, () => {
      this.#ticketKeys = this.#newKeys()
      this.#changed()
      this.#rotateLater()
    })
  }

  #newKeys(): Buffer {
    const keys = Buffer.alloc(TICKET_KEY_OCTETS)
    this.#parts.random.bytes(keys)
    return keys
  }
}
