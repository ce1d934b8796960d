/**
 * The fields of each RDATA as data: one row a type. Decoding (decompression, length checks), canonical form and
 * presentation format are all driven by this table. A type without a row is opaque octets (RFC 3597).
 */
import { RrType } from './types.ts'

export type RareField = 'gateway' | 'relay' | 'prefixes' | 'identity' | 'services' | 'nxt-types' | 'a6' | 'nsap' | 'atm'

export type Field =
  | 'u8'
  | 'u16'
  | 'u32'
  | 'ttl' // u32 written with TTL units
  | 'time' // u32 written as YYYYMMDDHHMMSS (RFC 4034 section 3.2)
  | 'type' // u16 written as a type mnemonic
  | 'algorithm' // u8 written as a number, mnemonic accepted
  | 'key-flags' // u16 written as a number, mnemonics accepted (RFC 2535 section 7.1)
  | 'key-protocol' // u8 likewise
  | 'sync-scheme' // u8 written as a mnemonic (RFC 9859 section 2.1)
  | 'cert-type' // u16 written as mnemonic or number (RFC 4398 section 2.1)
  | 'name' // uncompressed on encode; a pointer is tolerated on decode
  | 'compressed-name' // RFC 1035 types only (RFC 3597 section 4)
  | 'ipv4'
  | 'ipv6'
  | 'string' // one character-string
  | 'last-string' // one, or none at the end
  | 'strings' // one or more character-strings to the end
  | 'text' // the rest, written as one quoted string (CAA value, URI target)
  | 'tag' // a character-string written without quotes (CAA tag)
  | 'hex'
  | 'base64' // the rest
  | 'key' // the rest in base64, which may be nothing
  | 'data' // the rest in base64, "-" for nothing (DOA)
  | 'salt' // length octet + octets, hex or "-" (RFC 5155 section 3.3)
  | 'hash' // length octet + octets, base32hex
  | 'bitmap' // type bit maps (RFC 4034 section 4.1.2)
  | 'svc-params' // RFC 9460 section 2.1
  | 'location' // LOC, RFC 1876: the whole RDATA
  | 'eui48'
  | 'eui64'
  | 'locator' // 8 octets as four groups of hex digits (RFC 6742 section 2.1.2)
  | RareField // the rest, see there

export interface RdataShape {
  readonly fields: readonly Field[]
  /** Names are lower-cased in canonical form (RFC 4034 section 6.2, RFC 6840 section 5.1). */
  readonly foldNames: boolean
}

const shape = (fields: readonly Field[], foldNames = false): RdataShape => ({ fields, foldNames })
const soa = shape(['compressed-name', 'compressed-name', 'u32', 'ttl', 'ttl', 'ttl', 'ttl'], true)
const oneName = shape(['compressed-name'], true)
const ds = shape(['u16', 'algorithm', 'u8', 'hex'])
const dnskey = shape(['key-flags', 'key-protocol', 'algorithm', 'base64'])
const rrsig = shape(['type', 'algorithm', 'u8', 'u32', 'time', 'time', 'u16', 'name', 'base64'], true)
const locator = shape(['u16', 'locator'])
const base64 = shape(['base64'])
const hex = shape(['hex'])
const tlsa = shape(['u8', 'u8', 'u8', 'hex'])
const svcb = shape(['u16', 'name', 'svc-params'])
const txt = shape(['strings'])

const shapes: ReadonlyMap<number, RdataShape> = new Map<number, RdataShape>([
  [RrType.A, shape(['ipv4'])],
  [RrType.NS, oneName],
  [RrType.MD, oneName],
  [RrType.MF, oneName],
  [RrType.CNAME, oneName],
  [RrType.SOA, soa],
  [RrType.MB, oneName],
  [RrType.MG, oneName],
  [RrType.MR, oneName],
  [RrType.PTR, oneName],
  [RrType.HINFO, shape(['string', 'string'])],
  [RrType.MINFO, shape(['compressed-name', 'compressed-name'], true)],
  [RrType.MX, shape(['u16', 'compressed-name'], true)],
  [RrType.TXT, txt],
  [RrType.RP, shape(['name', 'name'], true)],
  [RrType.AFSDB, shape(['u16', 'name'], true)],
  [RrType.RT, shape(['u16', 'name'], true)],
  [RrType.PX, shape(['u16', 'name', 'name'], true)],
  [RrType.AAAA, shape(['ipv6'])],
  [RrType.LOC, shape(['location'])],
  [RrType.SRV, shape(['u16', 'u16', 'u16', 'name'], true)],
  [RrType.NAPTR, shape(['u16', 'u16', 'string', 'string', 'string', 'name'], true)],
  [RrType.KX, shape(['u16', 'name'], true)],
  [RrType.CERT, shape(['cert-type', 'u16', 'algorithm', 'base64'])],
  [RrType.DNAME, shape(['name'], true)],
  [RrType.DS, ds],
  [RrType.CDS, ds],
  [RrType.SSHFP, shape(['u8', 'u8', 'hex'])],
  [RrType.RRSIG, rrsig],
  [RrType.NSEC, shape(['name', 'bitmap'])],
  [RrType.DNSKEY, dnskey],
  [RrType.CDNSKEY, dnskey],
  [RrType.NSEC3, shape(['u8', 'u8', 'u16', 'salt', 'hash', 'bitmap'])],
  [RrType.NSEC3PARAM, shape(['u8', 'u8', 'u16', 'salt'])],
  [RrType.TLSA, tlsa],
  [RrType.SMIMEA, tlsa],
  [RrType.OPENPGPKEY, base64],
  [RrType.CSYNC, shape(['u32', 'u16', 'bitmap'])],
  [RrType.ZONEMD, shape(['u32', 'u8', 'u8', 'hex'])],
  [RrType.SVCB, svcb],
  [RrType.HTTPS, svcb],
  [RrType.SPF, txt],
  [RrType.EUI48, shape(['eui48'])],
  [RrType.EUI64, shape(['eui64'])],
  [RrType.URI, shape(['u16', 'u16', 'text'])],
  [RrType.CAA, shape(['u8', 'tag', 'text'])],
  [RrType.WKS, shape(['ipv4', 'services'])],
  [RrType.X25, shape(['string'])],
  [RrType.ISDN, shape(['string', 'last-string'])],
  [RrType.NSAP, shape(['nsap'])],
  [RrType['NSAP-PTR'], shape(['name'])],
  [RrType.SIG, rrsig],
  [RrType.KEY, shape(['key-flags', 'key-protocol', 'algorithm', 'key'])],
  [RrType.GPOS, shape(['string', 'string', 'string'])],
  [RrType.NXT, shape(['name', 'nxt-types'], true)],
  [RrType.EID, hex],
  [RrType.NIMLOC, hex],
  [RrType.ATMA, shape(['atm'])],
  // RFC 4034 section 6.2 would fold the name in it; nothing that is signed has had one since RFC 6563.
  [RrType.A6, shape(['a6'])],
  [RrType.SINK, shape(['u8', 'u8', 'u8', 'key'])],
  [RrType.APL, shape(['prefixes'])],
  [RrType.IPSECKEY, shape(['u8', 'gateway'])],
  [RrType.DHCID, base64],
  [RrType.HIP, shape(['identity'])],
  [RrType.NINFO, txt],
  [RrType.RKEY, dnskey],
  [RrType.TALINK, shape(['name', 'name'])],
  [RrType.DSYNC, shape(['type', 'sync-scheme', 'u16', 'name'])],
  [RrType.HHIT, base64],
  [RrType.BRID, base64],
  [RrType.NID, locator],
  [RrType.L32, shape(['u16', 'ipv4'])],
  [RrType.L64, locator],
  [RrType.LP, shape(['u16', 'name'])],
  [RrType.AVC, txt],
  [RrType.DOA, shape(['u32', 'u32', 'u8', 'string', 'data'])],
  [RrType.AMTRELAY, shape(['u8', 'relay'])],
  [RrType.RESINFO, txt],
  [RrType.WALLET, txt],
  [RrType.TA, ds],
  [RrType.DLV, ds],
])

/** The fields of a type's RDATA, undefined for an opaque type. */
export const shapeOf = (type: number): RdataShape | undefined => shapes.get(type)
