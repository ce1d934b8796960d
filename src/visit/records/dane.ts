/**
 * What TLSA records say of the certificates that a server showed (DANE: RFC 6698, RFC 7671). Only signed records count;
 * browsers do not look at them, so the verdict is information and ends no visit.
 */
import { createHash, X509Certificate } from 'node:crypto'
import { sameBytes, type RRset } from '../../dns/rrset.ts'
import { RrType } from '../../dns/types.ts'

export type DaneVerdict =
  | { readonly kind: 'none' }
  /** There are records, and nothing proves that they are the zone's. */
  | { readonly kind: 'not-signed' }
  | { readonly kind: 'failed' }
  | { readonly kind: 'match' | 'no-match'; readonly record: TlsaFields }

/** The first three fields of a record. */
interface TlsaFields {
  readonly usage: number
  readonly selector: number
  readonly matching: number
}

interface Tlsa extends TlsaFields {
  readonly data: Uint8Array
}

/** RFC 7218. */
const Usage = { PkixTa: 0, PkixEe: 1, DaneTa: 2, DaneEe: 3 } as const
const HASHES: ReadonlyMap<number, string> = new Map([
  [1, 'sha256'],
  [2, 'sha512'],
])

/** `chain` is DER, the leaf first; `isPkix`: it leads to an authority that is trusted. Null: no record can be used. */
export function daneMatch(rrsets: readonly RRset[], chain: readonly Uint8Array[], isPkix: boolean): DaneVerdict {
  const records = rrsets.filter(({ type }) => type === RrType.TLSA).flatMap(({ rdatas }) => rdatas.flatMap(readTlsa))
  const [first] = records
  if (first === undefined) return { kind: 'none' }
  const certificates = verifiedChain(chain)
  const matched = records.find(record => matches(record, certificates, isPkix))
  const { usage, selector, matching } = matched ?? first
  return { kind: matched === undefined ? 'no-match' : 'match', record: { usage, selector, matching } }
}

function readTlsa(rdata: Uint8Array): Tlsa[] {
  const [usage, selector, matching] = rdata
  if (usage === undefined || selector === undefined || matching === undefined || rdata.length < 4) return []
  // Records of unknown fields are unusable (RFC 6698 section 4.1).
  if (usage > Usage.DaneEe || selector > 1 || matching > 2) return []
  return [{ usage, selector, matching, data: rdata.subarray(3) }]
}

/** As far up as each certificate is signed by the next. */
function verifiedChain(chain: readonly Uint8Array[]): readonly X509Certificate[] {
  const verified: X509Certificate[] = []
  for (const der of chain) {
    const certificate = new X509Certificate(der)
    const below = verified.at(-1)
    if (below !== undefined && !(below.checkIssued(certificate) && below.verify(certificate.publicKey))) break
    verified.push(certificate)
  }
  return verified
}

function matches(record: Tlsa, chain: readonly X509Certificate[], isPkix: boolean): boolean {
  const { usage } = record
  if ((usage === Usage.PkixTa || usage === Usage.PkixEe) && !isPkix) return false
  const isLeaf = usage === Usage.PkixEe || usage === Usage.DaneEe
  return (isLeaf ? chain.slice(0, 1) : chain.slice(1)).some(certificate => associates(record, certificate))
}

function associates({ selector, matching, data }: Tlsa, certificate: X509Certificate): boolean {
  const octets = selector === 0 ? certificate.raw : certificate.publicKey.export({ type: 'spki', format: 'der' })
  const hash = HASHES.get(matching)
  return sameBytes(data, hash === undefined ? octets : createHash(hash).update(octets).digest())
}
