/**
 * IPv4 addresses inside of IPv6 addresses (RFC 6052 section 2.2), and names of the reverse tree that stand for them.
 * Pure; which addresses are given to whom is the business of `dns64.ts` and `rebinding.ts`.
 *
 * For example with the prefix 64:ff9b::/96: 192.0.2.33 is 64:ff9b::192.0.2.33; with 2001:db8:122::/48 it is
 * 2001:db8:122:c000:2:2100::, since octet 8 stays zero.
 */
import type { Prefix } from '../../dns/address.ts'
import { parseIpv6 } from '../../dns/address.ts'
import { labelsOf, type Name } from '../../dns/name.ts'

/** RFC 6052 section 2.1. */
export const WELL_KNOWN_PREFIX: Prefix = prefix6('64:ff9b::', 96)
/** RFC 8215: for use inside of a network. */
export const LOCAL_USE_PREFIX: Prefix = prefix6('64:ff9b:1::', 48)

/** RFC 6052 section 2.2: bits that a prefix may have. */
const LENGTHS: readonly number[] = [32, 40, 48, 56, 64, 96]
/** RFC 6052 section 2.2: the octet of bits 64 to 71, always zero. */
const ZERO_OCTET = 8
const IPV6_OCTETS = 16
const IPV4_OCTETS = 4
/** Labels of an address in `ip6.arpa.`: a nibble each, and two. */
const REVERSE_LABELS = 34

/** An IPv6 block as it is written: `::ffff:0:0/96` is one of IPv6 here, where `parsePrefix` makes it IPv4. */
export function parseIpv6Block(text: string): Prefix | null {
  const [address = '', bits = String(IPV6_OCTETS * 8), ...rest] = text.split('/')
  const bytes = parseIpv6(address)
  const length = /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN
  if (bytes === null || rest.length > 0 || !(length <= IPV6_OCTETS * 8)) return null
  return bytes.every((octet, at) => (octet & (0xff >> Math.min(8, Math.max(0, length - at * 8)))) === 0)
    ? { family: 6, bytes, length }
    : null
}

/** A prefix for translated addresses, or what is wrong with it. */
export function parseNat64Prefix(text: string): Prefix | { readonly error: string } {
  const prefix = parseIpv6Block(text)
  if (prefix === null || !text.includes('/'))
    return { error: 'expected an IPv6 prefix such as 64:ff9b::/96, without bits after it' }
  if (!LENGTHS.includes(prefix.length))
    return { error: `has ${prefix.length} bits; expected one of ${LENGTHS.join(', ')} (RFC 6052 section 2.2)` }
  return prefix.bytes[ZERO_OCTET] === 0 ? prefix : { error: 'bits 64 to 71 must be zero (RFC 6052 section 2.2)' }
}

/** The 16 octets of an IPv4 address under a prefix. */
export function embed(prefix: Prefix, ipv4: Uint8Array): Uint8Array {
  const bytes = Uint8Array.from(prefix.bytes)
  placesOf(prefix).forEach((at, i) => {
    bytes[at] = ipv4[i] ?? 0
  })
  return bytes
}

/** The four octets inside of an address under a prefix; null when it is none of these. */
export function extract(prefix: Prefix, ipv6: Uint8Array): Uint8Array | null {
  if (!isUnder(prefix, ipv6) || ipv6[ZERO_OCTET] !== 0) return null
  return Uint8Array.from(placesOf(prefix), at => ipv6[at] ?? 0)
}

/** By octets alone: addresses that are IPv4-mapped stay IPv6. */
export function isUnder(prefix: Prefix, bytes: Uint8Array): boolean {
  const whole = prefix.length >> 3
  for (let i = 0; i < whole; i++) if (bytes[i] !== prefix.bytes[i]) return false
  const rest = prefix.length & 7
  return rest === 0 || ((bytes[whole] ?? 0) ^ (prefix.bytes[whole] ?? 0)) >> (8 - rest) === 0
}

/** The address that a name below `ip6.arpa.` stands for: 16 octets, null when it is no whole one. */
export function reversedIpv6(name: Name): Uint8Array | null {
  const labels = labelsOf(name)
  if (labels.length !== REVERSE_LABELS || labels[REVERSE_LABELS - 2] !== 'ip6' || labels.at(-1) !== 'arpa') return null
  const bytes = new Uint8Array(IPV6_OCTETS)
  for (let i = 0; i < IPV6_OCTETS * 2; i++) {
    const label = labels[i] ?? ''
    if (!/^[0-9a-f]$/.test(label)) return null
    const at = IPV6_OCTETS - 1 - (i >> 1)
    bytes[at] = (bytes[at] ?? 0) | (Number.parseInt(label, 16) << (4 * (i & 1)))
  }
  return bytes
}

/** Where the four octets stand. */
function placesOf({ length }: Prefix): readonly number[] {
  const places: number[] = []
  for (let at = length >> 3; places.length < IPV4_OCTETS; at++) if (at !== ZERO_OCTET) places.push(at)
  return places
}

function prefix6(text: string, length: number): Prefix {
  return { family: 6, bytes: parseIpv6(text) ?? new Uint8Array(IPV6_OCTETS), length }
}
