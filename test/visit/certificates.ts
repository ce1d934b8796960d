/** Certificates for servers of tests: an authority, and leaves signed by it, for any names and times. */
import { createHash, X509Certificate } from 'node:crypto'
import { type CertificateWish, type MadeCertificate, makeCertificate } from '../../src/system/self-signed.ts'

export interface Certified {
  readonly key: string
  readonly cert: string
  readonly der: Uint8Array
  /** SubjectPublicKeyInfo in DER. */
  readonly spki: Uint8Array
}

export interface Authority extends Certified {
  readonly issuer: MadeCertificate['issuer']
}

export interface LeafOptions {
  readonly names: readonly string[]
  /** Days from now. */
  readonly from?: number
  readonly to?: number
}

const DAY_SECONDS = 86_400

function made(wish: Omit<CertificateWish, 'from' | 'until'>, from: number, to: number): Authority {
  const now = Math.floor(Date.now() / 1_000)
  const { key, cert, issuer } = makeCertificate({
    ...wish,
    from: now + from * DAY_SECONDS,
    until: now + to * DAY_SECONDS,
  })
  const { raw, publicKey } = new X509Certificate(cert)
  return { key, cert, der: raw, spki: publicKey.export({ type: 'spki', format: 'der' }), issuer }
}

export const authority = (name = 'Test Authority'): Authority =>
  made({ commonName: name, names: [], authority: true }, -1, 3650)

/** `cert` has the authority's certificate after its own. */
export function leaf(by: Authority, { names, from = -1, to = 90 }: LeafOptions): Certified {
  const own = made({ commonName: names[0] ?? '', names, issuer: by.issuer }, from, to)
  return { ...own, cert: `${own.cert}${by.cert}` }
}

export const sha256 = (octets: Uint8Array): string => createHash('sha256').update(octets).digest('hex')
