/**
 * Numbers and mnemonics of the DNS parameters registries (IANA). `RrType` and its companions are for code that reasons
 * about a value; the tables cover every mnemonic that presentation format accepts. Types, classes and codes are plain
 * numbers: an unknown one is ordinary data (RFC 3597).
 */

export const RrType = {
  A: 1,
  NS: 2,
  MD: 3,
  MF: 4,
  CNAME: 5,
  SOA: 6,
  MB: 7,
  MG: 8,
  MR: 9,
  NULL: 10,
  WKS: 11,
  PTR: 12,
  HINFO: 13,
  MINFO: 14,
  MX: 15,
  TXT: 16,
  RP: 17,
  AFSDB: 18,
  X25: 19,
  ISDN: 20,
  RT: 21,
  NSAP: 22,
  'NSAP-PTR': 23,
  SIG: 24,
  KEY: 25,
  PX: 26,
  GPOS: 27,
  AAAA: 28,
  LOC: 29,
  NXT: 30,
  EID: 31,
  NIMLOC: 32,
  SRV: 33,
  ATMA: 34,
  NAPTR: 35,
  KX: 36,
  CERT: 37,
  A6: 38,
  DNAME: 39,
  SINK: 40,
  OPT: 41,
  APL: 42,
  DS: 43,
  SSHFP: 44,
  IPSECKEY: 45,
  RRSIG: 46,
  NSEC: 47,
  DNSKEY: 48,
  DHCID: 49,
  NSEC3: 50,
  NSEC3PARAM: 51,
  TLSA: 52,
  SMIMEA: 53,
  HIP: 55,
  NINFO: 56,
  RKEY: 57,
  TALINK: 58,
  CDS: 59,
  CDNSKEY: 60,
  OPENPGPKEY: 61,
  CSYNC: 62,
  ZONEMD: 63,
  SVCB: 64,
  HTTPS: 65,
  DSYNC: 66,
  HHIT: 67,
  BRID: 68,
  SPF: 99,
  NID: 104,
  L32: 105,
  L64: 106,
  LP: 107,
  EUI48: 108,
  EUI64: 109,
  NXNAME: 128,
  TKEY: 249,
  TSIG: 250,
  IXFR: 251,
  AXFR: 252,
  MAILB: 253,
  MAILA: 254,
  ANY: 255,
  URI: 256,
  CAA: 257,
  AVC: 258,
  DOA: 259,
  AMTRELAY: 260,
  RESINFO: 261,
  WALLET: 262,
  TA: 32768,
  DLV: 32769,
} as const

/** RFC 6895 section 3.2. */
export const RrClass = { IN: 1, CH: 3, HS: 4, NONE: 254, ANY: 255 } as const

/** RFC 6895 section 2.3. */
export const Rcode = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  YXDOMAIN: 6,
  YXRRSET: 7,
  NXRRSET: 8,
  NOTAUTH: 9,
  NOTZONE: 10,
  DSOTYPENI: 11,
  BADVERS: 16,
  BADKEY: 17,
  BADTIME: 18,
  BADMODE: 19,
  BADNAME: 20,
  BADALG: 21,
  BADTRUNC: 22,
  BADCOOKIE: 23,
} as const

export const Opcode = { QUERY: 0, IQUERY: 1, STATUS: 2, NOTIFY: 4, UPDATE: 5, DSO: 6 } as const

/** EDNS option codes. */
export const EdnsOptionCode = {
  LLQ: 1,
  UL: 2,
  NSID: 3,
  DAU: 5,
  DHU: 6,
  N3U: 7,
  ECS: 8,
  EXPIRE: 9,
  COOKIE: 10,
  KEEPALIVE: 11,
  PADDING: 12,
  CHAIN: 13,
  KEYTAG: 14,
  EDE: 15,
} as const

/** Extended DNS Errors (RFC 8914 section 4 and the IANA registry). */
export const EdeCode = {
  Other: 0,
  UnsupportedDnskeyAlgorithm: 1,
  UnsupportedDsDigestType: 2,
  StaleAnswer: 3,
  ForgedAnswer: 4,
  DnssecIndeterminate: 5,
  DnssecBogus: 6,
  SignatureExpired: 7,
  SignatureNotYetValid: 8,
  DnskeyMissing: 9,
  RrsigsMissing: 10,
  NoZoneKeyBitSet: 11,
  NsecMissing: 12,
  CachedError: 13,
  NotReady: 14,
  Blocked: 15,
  Censored: 16,
  Filtered: 17,
  Prohibited: 18,
  StaleNxdomainAnswer: 19,
  NotAuthoritative: 20,
  NotSupported: 21,
  NoReachableAuthority: 22,
  NetworkError: 23,
  InvalidData: 24,
  SignatureExpiredBeforeValid: 25,
  TooEarly: 26,
  UnsupportedNsec3Iterations: 27,
  UnableToConformToPolicy: 28,
  Synthesized: 29,
  InvalidQueryType: 30,
} as const
export type EdeCode = (typeof EdeCode)[keyof typeof EdeCode]

const invert = (table: Readonly<Record<string, number>>): ReadonlyMap<number, string> =>
  new Map(Object.entries(table).map(([name, value]) => [value, name]))
const forward = (table: Readonly<Record<string, number>>): ReadonlyMap<string, number> => new Map(Object.entries(table))

const typeNames = invert(RrType)
const typeNumbers = forward(RrType)
const classNames = invert(RrClass)
const classNumbers = forward(RrClass)
const rcodeNames = invert(Rcode)
const opcodeNames = invert(Opcode)
const edeNames = invert(EdeCode)

/** `A`, or `TYPE65280` for a type without mnemonic (RFC 3597 section 5). */
export const typeName = (type: number): string => typeNames.get(type) ?? `TYPE${type}`
export const className = (klass: number): string => classNames.get(klass) ?? `CLASS${klass}`
export const rcodeName = (rcode: number): string => rcodeNames.get(rcode) ?? `RCODE${rcode}`
export const opcodeName = (opcode: number): string => opcodeNames.get(opcode) ?? `OPCODE${opcode}`
/** "No Reachable Authority" for 22: the registry's words, spaced. */
export const edeName = (code: number): string =>
  (edeNames.get(code) ?? `Code ${code}`).replace(/(?<=[a-z0-9])(?=[A-Z])/g, ' ')

const generic = (text: string, prefix: string): number | null => {
  if (!text.startsWith(prefix) || !/^\d{1,5}$/.test(text.slice(prefix.length))) return null
  const value = Number(text.slice(prefix.length))
  return value <= 0xffff ? value : null
}

/** The number of a type mnemonic or `TYPEnnn`, any case; null when unknown. */
export function typeNumber(text: string): number | null {
  const upper = text.toUpperCase()
  return typeNumbers.get(upper) ?? generic(upper, 'TYPE')
}

/** The number of a class mnemonic or `CLASSnnn`, any case; null when unknown. */
export function classNumber(text: string): number | null {
  const upper = text.toUpperCase()
  return classNumbers.get(upper) ?? generic(upper, 'CLASS')
}

/** RFC 6895 section 3.1: QTYPEs and meta-TYPEs, which are asked or signal something but are never stored as data. */
export const isMetaType = (type: number): boolean =>
  type === RrType.OPT || type === RrType.NXNAME || (type >= RrType.TKEY && type <= RrType.ANY)

/**
 * Types that may be found at a name although there is a CNAME: those that speak of the name and not for it (RFC 4035
 * section 2.5, RFC 2181 section 10.1, RFC 3007 section 4.3), and DS, which is the parent's; and ANY, which the CNAME
 * itself matches (RFC 1034 section 4.3.2, 3a). Asked for, they are not looked for at the alias's end.
 */
export const livesBesideCname = (type: number): boolean => BESIDE_CNAME.has(type)

const BESIDE_CNAME: ReadonlySet<number> = new Set<number>([
  RrType.CNAME,
  RrType.RRSIG,
  RrType.NSEC,
  RrType.DNSKEY,
  RrType.DS,
  RrType.KEY,
  RrType.SIG,
  RrType.NXT,
  RrType.ANY,
])
