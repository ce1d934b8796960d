/**
 * HTTPS and SVCB records as values (RFC 9460): what a client has to know to connect. Records that use what is unknown
 * here are unusable, and one malformed record spoils its set (section 2.2).
 */
import { type IpAddress, ipFromBytes } from '../../dns/address.ts'
import { latin1 } from '../../dns/bytes.ts'
import { foldName, type Name, ROOT } from '../../dns/name.ts'
import { OctetReader } from '../../dns/rdata-io.ts'
import type { RRset } from '../../dns/rrset.ts'

export interface ServiceRecord {
  /** 0 is AliasMode. */
  readonly priority: number
  /** The owner when the record says `.` in ServiceMode; in AliasMode `.` is: no service here. */
  readonly target: Name
  readonly ttl: number
  /** As listed, without what is the default. */
  readonly alpn: readonly string[]
  readonly hasDefaultAlpn: boolean
  readonly port: number | null
  readonly hints: readonly IpAddress[]
  /** It has a configuration for encrypted client hello, which is not used here. */
  readonly hasEch: boolean
}

/** RFC 9460 section 14.3.2. */
const Key = { mandatory: 0, alpn: 1, noDefaultAlpn: 2, port: 3, ipv4hint: 4, ech: 5, ipv6hint: 6 } as const
const KNOWN: ReadonlySet<number> = new Set(Object.values(Key))

/** Records of a set: aliases alone when there is one (section 2.4.1), else services that can be used, best first. */
export function serviceRecords(rrset: RRset): readonly ServiceRecord[] {
  const read = rrset.rdatas.map(rdata => readService(rdata, rrset))
  if (read.includes('malformed')) return []
  const usable = read.flatMap(record => (typeof record === 'string' ? [] : [record]))
  const aliases = usable.filter(({ priority }) => priority === 0)
  return aliases.length > 0 ? aliases.slice(0, 1) : usable.sort((a, b) => a.priority - b.priority)
}

function readService(rdata: Uint8Array, { name, ttl }: RRset): ServiceRecord | 'malformed' | 'unusable' {
  const from = new OctetReader(rdata)
  const priority = from.u16()
  const target = from.name()
  if (target === null) return 'malformed'
  const values = new Map<number, Uint8Array>()
  let last = -1
  while (from.left > 0) {
    const key = from.u16()
    const value = from.take(from.u16())
    if (from.failed || key <= last) return 'malformed'
    last = key
    values.set(key, value)
  }
  const folded = foldName(target)
  const plain = { priority, ttl, alpn: [], hasDefaultAlpn: true, port: null, hints: [], hasEch: false }
  // Parameters of an alias are ignored (section 2.4.2).
  if (priority === 0) return { ...plain, target: folded }
  const alpn = protocolsIn(values.get(Key.alpn))
  const port = values.get(Key.port)
  const v4 = addressesIn(values.get(Key.ipv4hint), 4)
  const v6 = addressesIn(values.get(Key.ipv6hint), 16)
  if (alpn === null || v4 === null || v6 === null || (port !== undefined && port.length !== 2)) return 'malformed'
  if (values.has(Key.noDefaultAlpn) && alpn.length === 0) return 'malformed'
  const needed = numbersIn(values.get(Key.mandatory))
  if (needed === null || needed.some(key => !values.has(key))) return 'malformed'
  if (needed.some(key => !KNOWN.has(key))) return 'unusable'
  return {
    ...plain,
    target: folded === ROOT ? name : folded,
    alpn,
    hasDefaultAlpn: !values.has(Key.noDefaultAlpn),
    port: port === undefined ? null : ((port[0] ?? 0) << 8) | (port[1] ?? 0),
    hints: [...v6, ...v4],
    hasEch: values.has(Key.ech),
  }
}

function protocolsIn(value: Uint8Array | undefined): readonly string[] | null {
  if (value === undefined) return []
  const from = new OctetReader(value)
  const protocols: string[] = []
  while (from.left > 0) {
    const octets = from.counted()
    if (from.failed || octets.length === 0) return null
    protocols.push(latin1(octets, 0, octets.length))
  }
  return protocols.length === 0 ? null : protocols
}

function addressesIn(value: Uint8Array | undefined, octets: 4 | 16): readonly IpAddress[] | null {
  if (value === undefined) return []
  if (value.length === 0 || value.length % octets !== 0) return null
  return Array.from({ length: value.length / octets }, (_, i) => ipFromBytes(value.slice(i * octets, (i + 1) * octets)))
}

function numbersIn(value: Uint8Array | undefined): readonly number[] | null {
  if (value === undefined) return []
  if (value.length === 0 || value.length % 2 !== 0) return null
  const from = new OctetReader(value)
  return Array.from({ length: value.length / 2 }, () => from.u16())
}
