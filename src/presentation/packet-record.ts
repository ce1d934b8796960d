/**
 * Records in the shape in which dns-packet gives decoded answers: for programs that are written for that shape. Made
 * from our own reading of the RDATA; that package itself is not used, and sees nothing of the network.
 *
 *     { name: 'a.test', type: 'MX', class: 'IN', ttl: 300, flush: false, data: { preference: 10, exchange: 'b.test' } }
 *
 * Differences: a name with octets that a dot or a space could be mistaken for is in presentation format (`a\.b.test`),
 * since without escapes it would be another name. A type that dns-packet does not decode has its RDATA as octets, as it
 * does there.
 */
import { formatIp } from '../dns/address.ts'
import { bufferOf } from '../dns/bytes.ts'
import { formatHex } from '../dns/encoding-text.ts'
import type { WireName } from '../dns/name.ts'
import { OctetReader } from '../dns/rdata-io.ts'
import { type Field, shapeOf } from '../dns/rdata-shape.ts'
import type { Rr } from '../dns/rrset.ts'
import { formatName } from './text.ts'
import { className, RrClass, RrType, typeName } from '../dns/types.ts'

interface PacketHead<T extends string, D> {
  /** In the case of the reply, without trailing dot; the root is `.`. */
  readonly name: string
  readonly type: T
  readonly class: string
  /** Seconds. */
  readonly ttl: number
  /** Of multicast DNS; always false. */
  readonly flush: boolean
  readonly data: D
}

/** The data of each type that dns-packet decodes. */
export interface PacketData {
  readonly A: string
  readonly AAAA: string
  readonly NS: string
  readonly CNAME: string
  readonly DNAME: string
  readonly PTR: string
  readonly TXT: readonly Buffer[]
  readonly NULL: Buffer
  readonly SOA: {
    readonly mname: string
    readonly rname: string
    readonly serial: number
    readonly refresh: number
    readonly retry: number
    readonly expire: number
    readonly minimum: number
  }
  readonly MX: { readonly preference: number; readonly exchange: string }
  readonly SRV: { readonly priority: number; readonly weight: number; readonly port: number; readonly target: string }
  readonly CAA: {
    readonly issuerCritical: boolean
    readonly flags: number
    readonly tag: string
    readonly value: string
  }
  readonly HINFO: { readonly cpu: string; readonly os: string }
  readonly NAPTR: {
    readonly order: number
    readonly preference: number
    readonly flags: string
    readonly services: string
    readonly regexp: string
    readonly replacement: string
  }
  readonly RP: { readonly mbox: string; readonly txt: string }
  readonly SSHFP: { readonly algorithm: number; readonly hash: number; readonly fingerprint: string }
  readonly TLSA: {
    readonly usage: number
    readonly selector: number
    readonly matchingType: number
    readonly certificate: Buffer
  }
  readonly DS: {
    readonly keyTag: number
    readonly algorithm: number
    readonly digestType: number
    readonly digest: Buffer
  }
  readonly DNSKEY: { readonly flags: number; readonly algorithm: number; readonly key: Buffer }
  readonly RRSIG: {
    readonly typeCovered: string
    readonly algorithm: number
    readonly labels: number
    readonly originalTTL: number
    readonly expiration: number
    readonly inception: number
    readonly keyTag: number
    readonly signersName: string
    readonly signature: Buffer
  }
  readonly NSEC: { readonly nextDomain: string; readonly rrtypes: readonly string[] }
  readonly NSEC3: {
    readonly algorithm: number
    readonly flags: number
    readonly iterations: number
    readonly salt: Buffer
    readonly nextDomain: Buffer
    readonly rrtypes: readonly string[]
  }
}

/** A record of a type that `type` decides: `if (record.type === 'MX') record.data.exchange`. */
export type PacketRecord =
  | { readonly [T in keyof PacketData]: PacketHead<T, PacketData[T]> }[keyof PacketData]
  | OpaquePacketRecord

/** Types that dns-packet has no data for are octets; those that it has no name for are called as it calls them. */
type OpaquePacketRecord = PacketHead<OpaqueType, Buffer>
type OpaqueType =
  | 'AFSDB'
  | 'APL'
  | 'CDNSKEY'
  | 'CDS'
  | 'CERT'
  | 'DHCID'
  | 'HIP'
  | 'IPSECKEY'
  | 'KEY'
  | 'KX'
  | 'LOC'
  | 'NSEC3PARAM'
  | 'SIG'
  | 'SPF'
  | `UNKNOWN_${number}`

/** What a field of ours is called there; null: it is left out. */
const FIELDS: ReadonlyMap<number, readonly (string | null)[]> = new Map<number, readonly (string | null)[]>([
  [RrType.SOA, ['mname', 'rname', 'serial', 'refresh', 'retry', 'expire', 'minimum']],
  [RrType.MX, ['preference', 'exchange']],
  [RrType.SRV, ['priority', 'weight', 'port', 'target']],
  [RrType.CAA, ['flags', 'tag', 'value']],
  [RrType.HINFO, ['cpu', 'os']],
  [RrType.NAPTR, ['order', 'preference', 'flags', 'services', 'regexp', 'replacement']],
  [RrType.RP, ['mbox', 'txt']],
  [RrType.SSHFP, ['algorithm', 'hash', 'fingerprint']],
  [RrType.TLSA, ['usage', 'selector', 'matchingType', 'certificate']],
  [RrType.DS, ['keyTag', 'algorithm', 'digestType', 'digest']],
  [RrType.DNSKEY, ['flags', null, 'algorithm', 'key']],
  [
    RrType.RRSIG,
    [
      'typeCovered',
      'algorithm',
      'labels',
      'originalTTL',
      'expiration',
      'inception',
      'keyTag',
      'signersName',
      'signature',
    ],
  ],
  [RrType.NSEC, ['nextDomain', 'rrtypes']],
  [RrType.NSEC3, ['algorithm', 'flags', 'iterations', 'salt', 'nextDomain', 'rrtypes']],
])
/** Their data is the one field. */
const SINGLE: ReadonlySet<number> = new Set<number>([
  RrType.A,
  RrType.AAAA,
  RrType.NS,
  RrType.CNAME,
  RrType.DNAME,
  RrType.PTR,
  RrType.TXT,
  RrType.NULL,
])
/** IANA numbers of types that dns-packet has a name but no data for. */
const NAMED: ReadonlyMap<number, string> = new Map([
  [18, 'AFSDB'],
  [24, 'SIG'],
  [25, 'KEY'],
  [29, 'LOC'],
  [36, 'KX'],
  [37, 'CERT'],
  [42, 'APL'],
  [45, 'IPSECKEY'],
  [49, 'DHCID'],
  [51, 'NSEC3PARAM'],
  [55, 'HIP'],
  [59, 'CDS'],
  [60, 'CDNSKEY'],
  [99, 'SPF'],
])
/** CAA: the highest bit of the flags (RFC 8659 section 4.1). */
const CRITICAL = 0x80

export function packetRecord(rr: Rr): PacketRecord {
  const head = { name: packetName(rr.owner), class: className(rr.class), ttl: rr.ttl, flush: false }
  const data = rr.class === RrClass.IN ? dataOf(rr) : null
  const record =
    data === null
      ? { ...head, type: opaqueName(rr.type), data: ownOctets(rr.rdata) }
      : { ...head, type: typeName(rr.type), data }
  return isPacketRecord(record) ? record : { ...head, type: `UNKNOWN_${rr.type}`, data: ownOctets(rr.rdata) }
}

/** The tables above have the fields of `PacketData`; the tests hold that. */
const isPacketRecord = (record: { readonly type: string; readonly data: unknown }): record is PacketRecord =>
  record.data !== null

const opaqueName = (type: number): string => NAMED.get(type) ?? `UNKNOWN_${type}`

/** Null: octets. */
function dataOf({ type, rdata }: Rr): unknown {
  if (type === RrType.NULL) return ownOctets(rdata)
  const from = new OctetReader(rdata)
  const fields = shapeOf(type)?.fields ?? []
  const names = FIELDS.get(type)
  if (names === undefined) return SINGLE.has(type) && fields[0] !== undefined ? readField(fields[0], from) : null
  const entries = fields.map((field, at) => [names[at] ?? null, readField(field, from)] as const)
  const data = Object.fromEntries(entries.filter(([name]) => name !== null))
  if (type === RrType.CAA) return { issuerCritical: ((rdata[0] ?? 0) & CRITICAL) !== 0, ...data }
  if (type === RrType.SSHFP) return { ...data, fingerprint: formatHex(rdata.subarray(2)) }
  return data
}

function readField(field: Field, from: OctetReader): unknown {
  switch (field) {
    case 'u8':
    case 'key-protocol':
    case 'sync-scheme':
    case 'algorithm':
      return from.u8()
    case 'u16':
    case 'key-flags':
    case 'cert-type':
      return from.u16()
    case 'u32':
    case 'ttl':
    case 'time':
      return from.u32()
    case 'type':
      return packetType(from.u16())
    case 'name':
    case 'compressed-name': {
      const name = from.name()
      return name === null ? '' : packetName(name)
    }
    case 'ipv4':
      return formatIp(from.take(4))
    case 'ipv6':
      return formatIp(from.take(16))
    case 'string':
    case 'tag':
      return textOf(from.counted())
    case 'text':
      return textOf(from.rest())
    case 'strings':
      return stringsOf(from)
    case 'salt':
    case 'hash':
      return ownOctets(from.counted())
    case 'bitmap':
      return typesOf(from)
    case 'hex':
    case 'base64':
    case 'svc-params':
    case 'location':
    case 'eui48':
    case 'eui64':
    case 'data':
    case 'key':
    case 'last-string':
    case 'locator':
    case 'gateway':
    case 'relay':
    case 'prefixes':
    case 'identity':
    case 'services':
    case 'nxt-types':
    case 'a6':
    case 'nsap':
    case 'atm':
      return ownOctets(from.rest())
    default:
      return field satisfies never
  }
}

function stringsOf(from: OctetReader): Buffer[] {
  const strings: Buffer[] = []
  while (from.left > 0) strings.push(ownOctets(from.counted()))
  return strings
}

/** RFC 4034 section 4.1.2. */
function typesOf(from: OctetReader): string[] {
  const types: string[] = []
  while (from.left > 0) {
    const window = from.u8() << 8
    for (const [at, octet] of from.counted().entries())
      for (let bit = 0; bit < 8; bit++)
        if ((octet & (0x80 >> bit)) !== 0) types.push(packetType(window | (at << 3) | bit))
  }
  return types
}

const packetType = (type: number): string => {
  const name = typeName(type)
  return FIELDS.has(type) || SINGLE.has(type) ? name : opaqueName(type)
}

function packetName(name: WireName): string {
  const text = formatName(name)
  return text === '.' ? text : text.slice(0, -1)
}

const textOf = (octets: Uint8Array): string => bufferOf(octets).toString('utf8')

/** A copy: what was read from a message must not keep it alive, nor be changed by who gets it. */
const ownOctets = (octets: Uint8Array): Buffer => Buffer.from(octets)
