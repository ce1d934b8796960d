/**
 * Names that are answered here and never asked of the Internet, each with the document that says so: special-use names
 * and the locally served zones of the IANA registries. Data and the making of zones from it; which of them are served
 * is for the configuration and `local-zones.ts`.
 *
 * Not in the table, on purpose: example., example.com. and the like (RFC 6761 section 6.5: resolvers treat them as any
 * name), ipv4only.arpa. (RFC 8880 section 7.1: only a resolver with DNS64 does), and the rest of the public tree.
 */
import { parseIpv4, parseIpv6 } from '../dns/address.ts'
import { foldName, type Name, trustWireName, wildcardOf } from '../dns/name.ts'
import { nameRdata, nsRdata, soaRdata } from '../dns/rdata.ts'
import { makeRRset, type RRset } from '../dns/rrset.ts'
import { parseName } from '../presentation/text.ts'
import { RrClass, RrType } from '../dns/types.ts'
import { Zone } from './zone.ts'

export interface SpecialUse {
  /** Without the last dot. */
  readonly text: string
  readonly name: Name
  readonly rfc: string
  readonly why: string
  readonly content: Content
}

/**
 * What is there besides SOA and NS: nothing; nothing, but every name exists; the loopback addresses at and below the
 * name; or `localhost.` as PTR target of the loopback address.
 */
type Content = 'empty' | 'all-nodata' | 'loopback-addresses' | 'loopback-pointer-v4' | 'loopback-pointer-v6'

type Row = readonly [text: string, rfc: string, why: string, content?: Content]

const nibbles = (...reversed: readonly string[]): string => `${reversed.join('.')}.ip6.arpa`
const ZEROS_31: readonly string[] = Array<string>(31).fill('0')

/** From `first` to `last`, both included. */
const range = (first: number, last: number, row: (octet: number) => Row): Row[] =>
  Array.from({ length: last - first + 1 }, (_, i) => row(first + i))

const rows: readonly Row[] = [
  ['localhost', 'RFC 6761 section 6.3', 'this machine', 'loopback-addresses'],
  ['test', 'RFC 6761 section 6.2', 'for testing; never in the public tree'],
  ['invalid', 'RFC 6761 section 6.4', 'never exists'],
  ['local', 'RFC 6762 section 22.1', 'multicast DNS'],
  ['onion', 'RFC 7686 section 2', 'Tor; a look-up would reveal which sites a user visits'],
  ['alt', 'RFC 9476 section 2', 'other name systems'],
  ['home.arpa', 'RFC 8375 section 4', 'home networks'],
  ['resolver.arpa', 'RFC 9462 section 6.4', 'discovery of designated resolvers, of which there are none', 'all-nodata'],
  ['service.arpa', 'RFC 9665 section 10', 'service registration in local networks'],
  ['10.in-addr.arpa', 'RFC 6303 section 4.1', 'private addresses (RFC 1918)'],
  ...range(16, 31, octet => [`${octet}.172.in-addr.arpa`, 'RFC 6303 section 4.1', 'private addresses (RFC 1918)']),
  ['168.192.in-addr.arpa', 'RFC 6303 section 4.1', 'private addresses (RFC 1918)'],
  ['0.in-addr.arpa', 'RFC 6303 section 4.2', '"this" network'],
  ['127.in-addr.arpa', 'RFC 6303 section 4.2', 'loopback', 'loopback-pointer-v4'],
  ['254.169.in-addr.arpa', 'RFC 6303 section 4.2 and RFC 6762 section 12', 'link-local addresses'],
  ['2.0.192.in-addr.arpa', 'RFC 6303 section 4.2', 'documentation (TEST-NET-1)'],
  ['100.51.198.in-addr.arpa', 'RFC 6303 section 4.2', 'documentation (TEST-NET-2)'],
  ['113.0.203.in-addr.arpa', 'RFC 6303 section 4.2', 'documentation (TEST-NET-3)'],
  ['255.255.255.255.in-addr.arpa', 'RFC 6303 section 4.2', 'limited broadcast'],
  ...range(64, 127, octet => [`${octet}.100.in-addr.arpa`, 'RFC 7793', 'shared address space (RFC 6598)']),
  [nibbles('0', ...ZEROS_31), 'RFC 6303 section 4.3', 'the unspecified address'],
  [nibbles('1', ...ZEROS_31), 'RFC 6303 section 4.3', 'loopback', 'loopback-pointer-v6'],
  [nibbles('d', 'f'), 'RFC 6303 section 4.4', 'unique local addresses (RFC 4193)'],
  ...['8', '9', 'a', 'b'].map(
    (nibble): Row => [
      nibbles(nibble, 'e', 'f'),
      'RFC 6303 section 4.5 and RFC 6762 section 12',
      'link-local addresses',
    ],
  ),
  [nibbles('8', 'b', 'd', '0', '1', '0', '0', '2'), 'RFC 6303 section 4.6', 'documentation (RFC 3849)'],
]

const known = (text: string): Name => {
  const name = parseName(text, null)
  if (typeof name !== 'string') throw new TypeError(`${text}: ${name.error}`)
  return foldName(name)
}

export const specialUses: readonly SpecialUse[] = rows.map(([text, rfc, why, content = 'empty']) => ({
  text,
  name: known(text),
  rfc,
  why,
  content,
}))

/** RFC 6303 section 3: the numbers of the SOA that it recommends. Seconds. */
const SOA = { serial: 1, refresh: 3_600, retry: 1_200, expire: 604_800, minimum: 10_800 } as const
const TTL = 10_800

/** The zones to serve, without those at the names in `off`. */
export function builtInZones(off: 'all' | readonly Name[]): Zone[] {
  if (off === 'all') return []
  return specialUses.filter(({ name }) => !off.includes(name)).map(zoneOf)
}

function zoneOf({ name, content }: SpecialUse): Zone {
  const wildcard = content === 'all-nodata' ? wildcardOf(name) : null
  return new Zone(name, () => [...apexOf(name), ...contentOf(name, content)], {
    recordsOnly: false,
    emptyNames: wildcard === null ? [] : [wildcard],
  })
}

/** RFC 6303 section 3: `@ SOA @ nobody.invalid.` and `@ NS @`, without an address. */
function apexOf(name: Name): RRset[] {
  return [
    makeRRset(name, RrType.SOA, RrClass.IN, TTL, [soaRdata({ mname: name, rname: known('nobody.invalid'), ...SOA })]),
    makeRRset(name, RrType.NS, RrClass.IN, TTL, [nsRdata(name)]),
  ]
}

function contentOf(name: Name, content: Content): RRset[] {
  const pointer = (owner: Name): RRset[] => [
    makeRRset(owner, RrType.PTR, RrClass.IN, TTL, [nameRdata(known('localhost'))]),
  ]
  switch (content) {
    case 'empty':
    case 'all-nodata':
      return []
    case 'loopback-addresses':
      return [name, wildcardOf(name)].flatMap(owner => (owner === null ? [] : loopbackAddresses(owner)))
    case 'loopback-pointer-v4':
      return pointer(foldName(trustWireName(`\x011\x010\x010${name}`)))
    case 'loopback-pointer-v6':
      return pointer(name)
    default:
      return content satisfies never
  }
}

function loopbackAddresses(owner: Name): RRset[] {
  const v4 = parseIpv4('127.0.0.1')
  const v6 = parseIpv6('::1')
  return [
    ...(v4 === null ? [] : [makeRRset(owner, RrType.A, RrClass.IN, TTL, [v4])]),
    ...(v6 === null ? [] : [makeRRset(owner, RrType.AAAA, RrClass.IN, TTL, [v6])]),
  ]
}
