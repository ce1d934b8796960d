/**
 * Small registries that presentation format needs: DNSSEC algorithms, certificate types, digest lengths, and an example
 * of each type for messages. Data, with the few lines that look it up.
 */
import { OctetReader } from '../dns/rdata-io.ts'
import { parseUnsigned } from './text.ts'
import { RrType } from '../dns/types.ts'

type Registry = readonly (readonly [number, string])[]

/** IANA "DNS Security Algorithm Numbers" in the spelling of BIND; the second list is only read. */
const ALGORITHMS: Registry = [
  [1, 'RSAMD5'],
  [2, 'DH'],
  [3, 'DSA'],
  [5, 'RSASHA1'],
  [6, 'NSEC3DSA'],
  [7, 'NSEC3RSASHA1'],
  [8, 'RSASHA256'],
  [10, 'RSASHA512'],
  [12, 'ECCGOST'],
  [13, 'ECDSAP256SHA256'],
  [14, 'ECDSAP384SHA384'],
  [15, 'ED25519'],
  [16, 'ED448'],
  [252, 'INDIRECT'],
  [253, 'PRIVATEDNS'],
  [254, 'PRIVATEOID'],
]
const ALGORITHM_ALIASES: Registry = [
  [6, 'DSA-NSEC3-SHA1'],
  [7, 'RSASHA1-NSEC3-SHA1'],
  [12, 'ECC-GOST'],
  [0, 'DELETE'],
]

/** RFC 4398 section 2.1. */
const CERT_TYPES: Registry = [
  [1, 'PKIX'],
  [2, 'SPKI'],
  [3, 'PGP'],
  [4, 'IPKIX'],
  [5, 'ISPKI'],
  [6, 'IPGP'],
  [7, 'ACPKIX'],
  [8, 'IACPKIX'],
  [253, 'URI'],
  [254, 'OID'],
]

const byNumber = (registry: Registry): ReadonlyMap<number, string> => new Map(registry)
const byName = (...registries: readonly Registry[]): ReadonlyMap<string, number> =>
  new Map(registries.flat().map(([number, name]) => [name, number]))

const algorithmNames = byNumber(ALGORITHMS)
const algorithmNumbers = byName(ALGORITHMS, ALGORITHM_ALIASES)
const certTypeNames = byNumber(CERT_TYPES)
const certTypeNumbers = byName(CERT_TYPES)

export const algorithmText = (algorithm: number): string => algorithmNames.get(algorithm) ?? String(algorithm)
export const algorithmNumber = (text: string): number | null =>
  parseUnsigned(text, 0xff) ?? algorithmNumbers.get(text.toUpperCase()) ?? null
export const certTypeText = (type: number): string => certTypeNames.get(type) ?? String(type)
export const certTypeNumber = (text: string): number | null =>
  parseUnsigned(text, 0xffff) ?? certTypeNumbers.get(text.toUpperCase()) ?? null

interface Digest {
  readonly kind: string
  readonly octets: number
}
const SHA1: Digest = { kind: 'SHA-1', octets: 20 }
const SHA256: Digest = { kind: 'SHA-256', octets: 32 }
const SHA384: Digest = { kind: 'SHA-384', octets: 48 }
const SHA512: Digest = { kind: 'SHA-512', octets: 64 }
const GOST: Digest = { kind: 'GOST R 34.11-94', octets: 32 }

const DS_DIGESTS: ReadonlyMap<number, Digest> = new Map([
  [1, SHA1],
  [2, SHA256],
  [3, GOST],
  [4, SHA384],
])
const SSHFP_DIGESTS: ReadonlyMap<number, Digest> = new Map([
  [1, SHA1],
  [2, SHA256],
])
const ZONEMD_DIGESTS: ReadonlyMap<number, Digest> = new Map([
  [1, SHA384],
  [2, SHA512],
])

/**
 * Length of the digest in the RDATA and the length that its kind has; null when the type has none or the kind is
 * unknown.
 */
export function digestOctets(type: number, rdata: Uint8Array): { kind: string; wanted: number; got: number } | null {
  const from = new OctetReader(rdata)
  let digest: Digest | undefined
  if (type === RrType.DS || type === RrType.CDS) {
    from.take(3)
    digest = DS_DIGESTS.get(from.u8())
  } else if (type === RrType.SSHFP) {
    from.u8()
    digest = SSHFP_DIGESTS.get(from.u8())
  } else if (type === RrType.ZONEMD) {
    from.take(5)
    digest = ZONEMD_DIGESTS.get(from.u8())
  }
  return digest === undefined || from.failed ? null : { kind: digest.kind, wanted: digest.octets, got: from.left }
}

const EXAMPLES: ReadonlyMap<number, string> = new Map<number, string>([
  [RrType.A, '192.0.2.1'],
  [RrType.NS, 'ns1.example.com.'],
  [RrType.CNAME, 'www.example.com.'],
  [RrType.SOA, 'ns1.example.com. hostmaster.example.com. 2026010101 1d 2h 4w 1h'],
  [RrType.PTR, 'host.example.com.'],
  [RrType.HINFO, '"PC" "Linux"'],
  [RrType.MX, '10 mail.example.com.'],
  [RrType.TXT, '"some text"'],
  [RrType.SPF, '"v=spf1 -all"'],
  [RrType.RP, 'admin.example.com. text.example.com.'],
  [RrType.AFSDB, '1 afs.example.com.'],
  [RrType.AAAA, '2001:db8::1'],
  [RrType.LOC, '42 21 54 N 71 6 18 W 24m 30m'],
  [RrType.SRV, '10 5 5060 sip.example.com.'],
  [RrType.NAPTR, '100 10 "u" "E2U+sip" "!^.*$!sip:info@example.com!" .'],
  [RrType.CERT, 'PKIX 12345 8 AQIDBA=='],
  [RrType.DNAME, 'other.example.com.'],
  [RrType.DS, '60485 13 2 then the digest in hex'],
  [RrType.CDS, '60485 13 2 then the digest in hex'],
  [RrType.SSHFP, '4 2 then the fingerprint in hex'],
  [RrType.RRSIG, 'A 13 2 3600 20300101000000 20290101000000 12345 example.com. then the signature in base64'],
  [RrType.NSEC, 'next.example.com. A MX RRSIG NSEC'],
  [RrType.DNSKEY, '257 3 13 then the key in base64'],
  [RrType.CDNSKEY, '257 3 13 then the key in base64'],
  [RrType.NSEC3, '1 0 0 - then the next hash in base32, then its types'],
  [RrType.NSEC3PARAM, '1 0 0 -'],
  [RrType.TLSA, '3 1 1 then the data in hex'],
  [RrType.SMIMEA, '3 1 1 then the data in hex'],
  [RrType.OPENPGPKEY, 'the key in base64'],
  [RrType.CSYNC, '66 3 A NS AAAA'],
  [RrType.ZONEMD, '2026010101 1 1 then the digest in hex'],
  [RrType.SVCB, '1 svc.example.com. alpn="h2,h3" port=8443'],
  [RrType.HTTPS, '1 . alpn="h2,h3"'],
  [RrType.EUI48, '00-00-5e-00-53-2a'],
  [RrType.EUI64, '00-00-5e-ef-10-00-00-2a'],
  [RrType.URI, '10 1 "https://www.example.com/"'],
  [RrType.CAA, '0 issue "ca.example.net"'],
])

/** How the RDATA of a type is written, for messages; null when there is no example. */
export const exampleOf = (type: number): string | null => EXAMPLES.get(type) ?? null
