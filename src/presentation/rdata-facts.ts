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

/** RFC 2535 section 3.1.2 as BIND reads them: each name sets bits within a mask, and a mask is used once. */
const KEY_FLAGS: ReadonlyMap<string, readonly [bits: number, mask: number]> = new Map<
  string,
  readonly [number, number]
>([
  ['NOCONF', [0x4000, 0xc000]],
  ['NOAUTH', [0x8000, 0xc000]],
  ['NOKEY', [0xc000, 0xc000]],
  ['FLAG2', [0x2000, 0x2000]],
  ['EXTEND', [0x1000, 0x1000]],
  ['FLAG4', [0x0800, 0x0800]],
  ['FLAG5', [0x0400, 0x0400]],
  ['USER', [0, 0x0300]],
  ['ZONE', [0x0100, 0x0300]],
  ['HOST', [0x0200, 0x0300]],
  ['NTYP3', [0x0300, 0x0300]],
  ['REVOKE', [0x0080, 0x0080]],
  ['FLAG8', [0x0080, 0x0080]],
  ['FLAG9', [0x0040, 0x0040]],
  ['FLAG10', [0x0020, 0x0020]],
  ['FLAG11', [0x0010, 0x0010]],
  ['KSK', [0x0001, 0x0001]],
  ...Array.from({ length: 16 }, (_, i): [string, readonly [number, number]] => [`SIG${i}`, [i, 0x000f]]),
])
/** RFC 2535 section 3.1.3. */
const KEY_PROTOCOLS: Registry = [
  [0, 'NONE'],
  [1, 'TLS'],
  [2, 'EMAIL'],
  [3, 'DNSSEC'],
  [4, 'IPSEC'],
  [255, 'ALL'],
]
/** RFC 9859 section 6.2. */
const SYNC_SCHEMES: Registry = [[1, 'NOTIFY']]

export const algorithmText = (algorithm: number): string => algorithmNames.get(algorithm) ?? String(algorithm)
export const algorithmNumber = (text: string): number | null =>
  parseUnsigned(text, 0xff) ?? algorithmNumbers.get(text.toUpperCase()) ?? null
export const certTypeText = (type: number): string => certTypeNames.get(type) ?? String(type)
export const certTypeNumber = (text: string): number | null =>
  parseUnsigned(text, 0xffff) ?? certTypeNumbers.get(text.toUpperCase()) ?? null

/** Flags as a number, or as names joined by `|`; null when they are neither or contradict each other. */
export function keyFlags(text: string): number | null {
  const plain = parseUnsigned(text, 0xffff)
  if (plain !== null) return plain
  let flags = 0
  let used = 0
  for (const name of text.toUpperCase().split('|')) {
    const [bits, mask] = KEY_FLAGS.get(name) ?? [0, 0]
    if (mask === 0 || (used & mask) !== 0) return null
    flags |= bits
    used |= mask
  }
  return flags
}

const keyProtocols = byName(KEY_PROTOCOLS)
const syncSchemes = byName(SYNC_SCHEMES)
const syncSchemeNames = byNumber(SYNC_SCHEMES)

export const keyProtocol = (text: string): number | null =>
  parseUnsigned(text, 0xff) ?? keyProtocols.get(text.toUpperCase()) ?? null
export const syncScheme = (text: string): number | null =>
  parseUnsigned(text, 0xff) ?? syncSchemes.get(text.toUpperCase()) ?? null
export const syncSchemeText = (scheme: number): string => syncSchemeNames.get(scheme) ?? String(scheme)

/** RFC 2535 section 3.1.2: both top bits of the flags say that there is no key. */
const NO_KEY = 0xc0

/**
 * What the fields of a record contradict although each has its form; null when nothing does. No text is made for such
 * octets.
 */
export function contradiction(type: number, rdata: Uint8Array): string | null {
  if (type === RrType.KEY && rdata.length === 4 && ((rdata[0] ?? 0) & NO_KEY) !== NO_KEY)
    return 'the key is missing: it is left out only with flags that say NOKEY'
  // RFC 1183 section 3.1: a number of four digits or more.
  if (type === RrType.X25 && (rdata.length < 5 || rdata.some((octet, i) => i > 0 && (octet < 0x30 || octet > 0x39))))
    return 'an X.25 number has at least four digits and nothing else'
  return null
}

/**
 * May octets that have no text be given in generic form all the same? RFC 8777 section 4.2.3 leaves types of relay to
 * be defined.
 */
export const isUnassigned = (type: number, rdata: Uint8Array): boolean =>
  type === RrType.AMTRELAY && ((rdata[1] ?? 0) & 0x7f) > 3

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
  if (type === RrType.DS || type === RrType.CDS || type === RrType.DLV || type === RrType.TA) {
    from.take(3)
    digest = DS_DIGESTS.get(from.u8())
  } else if (type === RrType.SSHFP) {
    from.u8()
    digest = SSHFP_DIGESTS.get(from.u8())
  } else if (type === RrType.ZONEMD) {
    from.take(5)
    digest = ZONEMD_DIGESTS.get(from.u8())
  } else if (type === RrType.NSEC3) {
    // RFC 5155 section 11: 1 is SHA-1, and no other was ever defined. The hash is counted and not the last field.
    digest = from.u8() === 1 ? SHA1 : undefined
    from.take(3)
    from.counted()
    const hash = from.counted()
    return digest === undefined || from.failed ? null : { kind: digest.kind, wanted: digest.octets, got: hash.length }
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
  [RrType.WKS, '192.0.2.1 TCP smtp 80'],
  [RrType.X25, '"311061700956"'],
  [RrType.ISDN, '"150862028003217" "004"'],
  [RrType.NSAP, '0x47.0005.80.005a00.0000.0001.e133.ffffff000161.00'],
  [RrType['NSAP-PTR'], 'host.example.com.'],
  [RrType.SIG, 'A 5 3 3600 20300101000000 20290101000000 12345 example.com. then the signature in base64'],
  [RrType.KEY, '512 3 5 then the key in base64, or NOKEY 3 5'],
  [RrType.GPOS, '"-32.6882" "116.8652" "10.0"'],
  [RrType.NXT, 'next.example.com. A MX NXT'],
  [RrType.EID, 'the identifier in hex'],
  [RrType.NIMLOC, 'the locator in hex'],
  [RrType.ATMA, '+61200000000'],
  [RrType.A6, '64 ::1 prefix.example.com.'],
  [RrType.SINK, '1 0 0 then the data in base64'],
  [RrType.APL, '1:192.0.2.0/24 !1:192.0.2.64/28 2:2001:db8::/32'],
  [RrType.IPSECKEY, '10 1 2 192.0.2.1 then the key in base64'],
  [RrType.DHCID, 'the identifier in base64'],
  [RrType.HIP, '2 then the tag in hex, the key in base64, rvs.example.com.'],
  [RrType.NINFO, '"some text"'],
  [RrType.RKEY, '0 3 8 then the key in base64'],
  [RrType.TALINK, 'previous.example.com. next.example.com.'],
  [RrType.DSYNC, 'CDS NOTIFY 5300 notify.example.com.'],
  [RrType.HHIT, 'the data in base64'],
  [RrType.BRID, 'the data in base64'],
  [RrType.NID, '10 14:4fff:ff20:ee64'],
  [RrType.L32, '10 192.0.2.0'],
  [RrType.L64, '10 2001:db8:1140:1000'],
  [RrType.LP, '10 l64.example.com.'],
  [RrType.AVC, '"app-name:WOLFGANG|app-class:OAM"'],
  [RrType.DOA, '0 1 2 "text/plain" then the data in base64, or -'],
  [RrType.AMTRELAY, '10 0 1 192.0.2.1'],
  [RrType.RESINFO, '"qnamemin" "exterr=15-17"'],
  [RrType.WALLET, '"BTC" "address"'],
  [RrType.TA, '60485 13 2 then the digest in hex'],
  [RrType.DLV, '60485 13 2 then the digest in hex'],
])

/** How the RDATA of a type is written, for messages; null when there is no example. */
export const exampleOf = (type: number): string | null => EXAMPLES.get(type) ?? null
