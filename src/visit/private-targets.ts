/**
 * Addresses that a visit made for somebody else must not reach (server-side request forgery): those of this machine, of
 * its networks, and of what clouds offer to their machines. Judged is the address that will be connected to, after
 * every look-up and every redirect, so that neither a name nor an answer that changes gets around it. Pure.
 *
 * Forms that carry an IPv4 address (mapped, NAT64, 6to4, Teredo, ISATAP) are judged by it too.
 */
import { inPrefix, type IpAddress, ipFromBytes, parseIp, parsePrefix, type Prefix } from '../dns/address.ts'

export type PrivateKind =
  /** Of an interface of this machine, whatever else it is. */
  | 'own'
  | 'unspecified'
  | 'loopback'
  | 'private'
  | 'shared'
  | 'link-local'
  | 'metadata'
  | 'multicast'
  | 'broadcast'
  | 'documentation'
  | 'benchmark'
  | 'reserved'

/** The IANA registries of special-purpose addresses (RFC 6890), the most special first. */
const BLOCKS: readonly (readonly [block: string, kind: PrivateKind])[] = [
  // What cloud providers answer on: credentials can be read there.
  ['169.254.169.254/32', 'metadata'],
  ['169.254.170.2/32', 'metadata'],
  ['100.100.100.200/32', 'metadata'],
  ['168.63.129.16/32', 'metadata'],
  ['192.0.0.192/32', 'metadata'],
  ['fd00:ec2::/32', 'metadata'],
  ['fd20:ce::254/128', 'metadata'],
  ['0.0.0.0/8', 'unspecified'],
  ['::/128', 'unspecified'],
  ['127.0.0.0/8', 'loopback'],
  ['::1/128', 'loopback'],
  ['10.0.0.0/8', 'private'],
  ['172.16.0.0/12', 'private'],
  ['192.168.0.0/16', 'private'],
  ['fc00::/7', 'private'],
  ['fec0::/10', 'private'],
  ['100.64.0.0/10', 'shared'],
  ['169.254.0.0/16', 'link-local'],
  ['fe80::/10', 'link-local'],
  ['192.0.2.0/24', 'documentation'],
  ['198.51.100.0/24', 'documentation'],
  ['203.0.113.0/24', 'documentation'],
  ['2001:db8::/32', 'documentation'],
  ['3fff::/20', 'documentation'],
  ['198.18.0.0/15', 'benchmark'],
  ['2001:2::/48', 'benchmark'],
  ['255.255.255.255/32', 'broadcast'],
  ['224.0.0.0/4', 'multicast'],
  ['ff00::/8', 'multicast'],
  ['192.0.0.0/24', 'reserved'],
  ['192.88.99.0/24', 'reserved'],
  ['240.0.0.0/4', 'reserved'],
  // Where a network's own translator leads is its own business (RFC 8215).
  ['64:ff9b:1::/48', 'private'],
  ['100::/64', 'reserved'],
  ['5f00::/16', 'reserved'],
]

const blocks = BLOCKS.map(([text, kind]) => ({ prefix: prefixOf(text), kind }))

/** Prefixes with an IPv4 address inside, and the octet where it begins. Teredo (RFC 4380) has all its bits turned. */
const CARRIERS: readonly { readonly prefix: Prefix; readonly at: number; readonly isTurned: boolean }[] = [
  { prefix: prefixOf('::/96'), at: 12, isTurned: false },
  { prefix: prefixOf('::ffff:0:0:0/96'), at: 12, isTurned: false },
  { prefix: prefixOf('64:ff9b::/96'), at: 12, isTurned: false },
  { prefix: prefixOf('2002::/16'), at: 2, isTurned: false },
  { prefix: prefixOf('2001::/32'), at: 12, isTurned: true },
]

/**
 * Which addresses a visit may connect to. `allowed` are networks whose addresses may be reached whatever they are;
 * `own` are those of this machine, where services may listen that trust it.
 */
export type Reach = 'any' | { readonly allowed: readonly Prefix[]; readonly own: readonly IpAddress[] }

/** Why the address must not be connected to; null: it may. */
export function refusedKind(address: IpAddress, reach: Reach): PrivateKind | null {
  if (reach === 'any') return null
  const ip = ipFromBytes(address.bytes)
  // The address itself: who allows 10.0.0.0/8 did not speak of translators that lead there.
  if (reach.allowed.some(prefix => inPrefix(ip, prefix))) return null
  return privateKind(ip) ?? (reach.own.some(({ text }) => text === ip.text) ? 'own' : null)
}

/** What is special about the address; null: it is one of the public internet. */
function privateKind(address: IpAddress): PrivateKind | null {
  // An address may come with the octets of the mapped form.
  const ip = ipFromBytes(address.bytes)
  const own = blocks.find(({ prefix }) => inPrefix(ip, prefix))
  if (own !== undefined) return own.kind
  const inside = carried(ip)
  return inside === null ? null : privateKind(inside)
}

function carried(ip: IpAddress): IpAddress | null {
  if (ip.family === 4) return null
  const carrier = CARRIERS.find(({ prefix }) => inPrefix(ip, prefix))
  if (carrier !== undefined) {
    const octets = ip.bytes.slice(carrier.at, carrier.at + 4)
    return ipFromBytes(carrier.isTurned ? octets.map(octet => octet ^ 0xff) : octets)
  }
  return isIsatap(ip.bytes) ? ipFromBytes(ip.bytes.slice(12)) : null
}

/** RFC 5214 section 6.1: an interface identifier `[02]00:5efe:` and an IPv4 address, in any prefix. */
const isIsatap = (bytes: Uint8Array): boolean =>
  ((bytes[8] ?? 0) & 0xfd) === 0 && bytes[9] === 0 && bytes[10] === 0x5e && bytes[11] === 0xfe

function prefixOf(text: string): Prefix {
  const prefix = parsePrefix(text)
  if (prefix === null) throw new Error(`${text} is no prefix`)
  return prefix
}

/** The same for text; null also for what is no address. */
export function privateKindOf(text: string): PrivateKind | null {
  const ip = parseIp(text)
  return ip === null ? null : privateKind(ip)
}
