/**
 * Certificates of a stub that is reached over TLS: an authority of its own, made when it starts, and what a test wants
 * to be wrong with the certificate or the connection. Nothing of it outlives the stub.
 */
import { randomBytes } from 'node:crypto'
import type { TlsIdentity, TlsMaterial } from '../../net/listen/identity.ts'
import type { Cancel } from '../../ports.ts'
import { makeCertificate } from '../../system/self-signed.ts'
import { mistake } from '../../input/mistake.ts'
import { near } from '../../input/names.ts'
import { stubSettings } from './settings.ts'
import type { TlsFault } from './types.ts'

/** What `connectionFault` may be: the others are of the certificate. */
type ConnectionFault = Extract<TlsFault, 'closeAfterHandshake' | 'resetAfterHandshake'>

const DAY_SECONDS = 86_400
/** RFC 5077 section 4, in the form of OpenSSL. */
const TICKET_KEY_OCTETS = 48

const CERTIFICATE_FAULTS: readonly TlsFault[] = ['expired', 'otherName', 'otherAuthority']
export const CERTIFICATE_AND_CONNECTION_FAULTS: readonly TlsFault[] = [
  ...CERTIFICATE_FAULTS,
  'resetAfterHandshake',
  'closeAfterHandshake',
  'slowHandshake',
]

export const isTlsFault = (value: unknown): value is TlsFault =>
  CERTIFICATE_AND_CONNECTION_FAULTS.some(one => one === value)

export function tlsFaultOf(value: unknown): TlsFault | null {
  const all = CERTIFICATE_AND_CONNECTION_FAULTS
  if (value === null || isTlsFault(value)) return value
  return mistake(`expected one of ${all.join(', ')}, or null, found ${near(value, all)}`)
}

export type Authority = ReturnType<typeof makeCertificate>

/** One that a test trusts. */
export const makeAuthority = (): Authority => authorityCalled('Authority of a DNS stub')

export class StubIdentity implements TlsIdentity {
  /** Of the authority, in PEM. */
  readonly ca: string
  readonly name: string = stubSettings.tlsName
  readonly #address: string
  readonly #authority: Authority
  readonly #ticketKeys = randomBytes(TICKET_KEY_OCTETS)
  readonly #followers = new Set<(material: TlsMaterial) => void>()
  #fault: TlsFault | null = null
  #slowMs = 0
  #material: TlsMaterial

  constructor(address: string, authority: Authority) {
    this.#address = address
    this.#authority = authority
    this.ca = authority.cert
    this.#material = this.#made()
  }

  get connectionFault(): ConnectionFault | null {
    return this.#fault === 'closeAfterHandshake' || this.#fault === 'resetAfterHandshake' ? this.#fault : null
  }

  /** How late handshakes begin, in ms. */
  get handshakeDelayMs(): number {
    return this.#fault === 'slowHandshake' ? this.#slowMs : 0
  }

  current(): TlsMaterial {
    return this.#material
  }

  follow(apply: (material: TlsMaterial) => void): Cancel {
    this.#followers.add(apply)
    return () => this.#followers.delete(apply)
  }

  /** For connections from now on; null: nothing is wrong. */
  setFault(fault: TlsFault | null, slowMs: number): void {
    this.#slowMs = slowMs
    if (fault === this.#fault) return
    this.#fault = fault
    this.#material = this.#made()
    for (const apply of this.#followers) apply(this.#material)
  }

  #made(): TlsMaterial {
    const now = Math.floor(Date.now() / 1_000)
    const fault = this.#fault
    const expired = fault === 'expired'
    const other = fault === 'otherAuthority' ? authorityCalled('Another authority') : this.#authority
    const names = fault === 'otherName' ? [stubSettings.otherTlsName] : [this.name, this.#address]
    const { cert, key } = makeCertificate({
      commonName: names[0] ?? this.name,
      names,
      from: now - 2 * DAY_SECONDS,
      until: expired ? now - DAY_SECONDS : now + DAY_SECONDS,
      issuer: other.issuer,
    })
    // A session that was made with the right certificate would pass the wrong one by.
    const ticketKeys = fault === null ? this.#ticketKeys : randomBytes(TICKET_KEY_OCTETS)
    return { cert, key, ticketKeys, names: names.slice(0, 1) }
  }
}

function authorityCalled(commonName: string): Authority {
  const now = Math.floor(Date.now() / 1_000)
  return makeCertificate({
    commonName,
    names: [],
    from: now - 2 * DAY_SECONDS,
    until: now + DAY_SECONDS,
    authority: true,
  })
}
