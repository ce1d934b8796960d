/**
 * IP addresses and prefixes as bytes. Parsing is strict: the octal, hexadecimal and short forms that `inet_aton` takes
 * are refused, since they have bypassed access lists elsewhere. IPv4-mapped IPv6 addresses are the IPv4 address.
 */

export interface IpAddress {
  readonly family: 4 | 6
  /** 4 or 16 octets. */
  readonly bytes: Uint8Array
  /** Canonical text (RFC 5952 for IPv6). */
  readonly text: string
}

/** An address block; `bytes` has zeros after `length` bits. */
export interface Prefix {
  readonly family: 4 | 6
  readonly bytes: Uint8Array
  /** Bits. */
  readonly length: number
}

const LOOPBACK_NET = 127

/** 127.0.0.0/8 or ::1 (RFC 1122 section 3.2.1.3, RFC 4291 section 2.5.3); of a block its first address. */
export function isLoopback(at: IpAddress | Prefix | null): boolean {
  if (at === null) return false
  if (at.family === 4) return at.bytes[0] === LOOPBACK_NET
  return at.bytes.every((octet, index) => octet === (index === at.bytes.length - 1 ? 1 : 0))
}

/** `::ffff:0:0/96` (RFC 4291 section 2.5.5.2). */
const MAPPED_BITS = 96

/** Canonical text of 4 or 16 octets (RFC 5952 section 4). */
export function formatIp(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.')
  const groups: number[] = []
  for (let i = 0; i < 16; i += 2) groups.push(((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0))
  if (isMapped(bytes)) return `::ffff:${bytes.subarray(12).join('.')}`
  let best = 0
  let bestLength = 1
  for (let i = 0; i < 8; i++) {
    let length = 0
    while (i + length < 8 && groups[i + length] === 0) length++
    if (length > bestLength) [best, bestLength] = [i, length]
  }
  const hex = (part: readonly number[]): string => part.map(g => g.toString(16)).join(':')
  return bestLength < 2 ? hex(groups) : `${hex(groups.slice(0, best))}::${hex(groups.slice(best + bestLength))}`
}

/** Octets of a dotted quad, or null. */
export function parseIpv4(text: string): Uint8Array | null {
  const octets = new Uint8Array(4)
  let part = 0
  let digits = 0
  let value = 0
  // By hand: a large zone has a million of them.
  for (let i = 0; i <= text.length; i++) {
    const code = i === text.length ? DOT : text.charCodeAt(i)
    if (code >= ZERO && code <= ZERO + 9) {
      if (digits > 0 && value === 0) return null
      value = value * 10 + code - ZERO
      if (++digits > 3) return null
      continue
    }
    if (code !== DOT || digits === 0 || value > 255 || part === 4) return null
    octets[part++] = value
    digits = 0
    value = 0
  }
  return part === 4 ? octets : null
}

const DOT = 0x2e
const ZERO = 0x30

/** Octets of an IPv6 address (RFC 4291 section 2.2, without zone identifier), or null. */
export function parseIpv6(text: string): Uint8Array | null {
  const quad = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text)
  let source = text
  if (quad !== null) {
    const v4 = parseIpv4(quad[2] ?? '')
    if (v4 === null) return null
    const pair = (i: number): string => (((v4[i] ?? 0) << 8) | (v4[i + 1] ?? 0)).toString(16)
    source = `${quad[1]}${pair(0)}:${pair(2)}`
  }
  const halves = source.split('::')
  if (halves.length > 2) return null
  const groupsOf = (half: string | undefined): string[] => (half === undefined || half === '' ? [] : half.split(':'))
  const head = groupsOf(halves[0])
  const tail = groupsOf(halves[1])
  if ([...head, ...tail].some(g => !/^[0-9a-fA-F]{1,4}$/.test(g))) return null
  const missing = 8 - head.length - tail.length
  if (halves.length === 2 ? missing < 1 : missing !== 0) return null
  const groups = [...head, ...Array<string>(halves.length === 2 ? missing : 0).fill('0'), ...tail].map(g =>
    Number.parseInt(g, 16),
  )
  return Uint8Array.from(groups.flatMap(g => [g >> 8, g & 0xff]))
}

const isMapped = (bytes: Uint8Array): boolean =>
  bytes.length === 16 && bytes.subarray(0, 10).every(b => b === 0) && bytes[10] === 0xff && bytes[11] === 0xff

/** An address from 4 or 16 octets; IPv4-mapped ones become IPv4. */
export function ipFromBytes(bytes: Uint8Array): IpAddress {
  const plain = isMapped(bytes) ? bytes.slice(12) : bytes
  return { family: plain.length === 4 ? 4 : 6, bytes: plain, text: formatIp(plain) }
}

/** An address from text; null when it is not one. A zone identifier (`%eth0`) is dropped. */
export function parseIp(text: string): IpAddress | null {
  const bytes = parseIpv4(text) ?? parseIpv6(text.replace(/%[\w.-]+$/, ''))
  return bytes === null ? null : ipFromBytes(bytes)
}

/** `192.0.2.0/24`, `2001:db8::/32` or a single address; null when it is neither or has bits set after the prefix. */
export function parsePrefix(text: string): Prefix | null {
  const match = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text)
  if (match === null) return null
  const bytes = parseIpv4(match[1] ?? '') ?? parseIpv6(match[1] ?? '')
  if (bytes === null) return null
  const length = match[2] === undefined ? bytes.length * 8 : Number(match[2])
  if (length > bytes.length * 8) return null
  for (let bit = length; bit < bytes.length * 8; bit++) if (((bytes[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1) return null
  // Addresses are never IPv4-mapped here, so a block of mapped addresses must be the IPv4 block to match anything.
  if (isMapped(bytes) && length >= MAPPED_BITS)
    return { family: 4, bytes: bytes.slice(MAPPED_BITS / 8), length: length - MAPPED_BITS }
  return { family: bytes.length === 4 ? 4 : 6, bytes, length }
}

/** Is the address in the block? */
export function inPrefix(address: IpAddress, prefix: Prefix): boolean {
  if (address.family !== prefix.family) return false
  const whole = prefix.length >> 3
  for (let i = 0; i < whole; i++) if (address.bytes[i] !== prefix.bytes[i]) return false
  const rest = prefix.length & 7
  return rest === 0 || ((address.bytes[whole] ?? 0) ^ (prefix.bytes[whole] ?? 0)) >> (8 - rest) === 0
}

/** `192.0.2.1:53` or `[2001:db8::1]:53` (RFC 3986 section 3.2.2) of an address as text. */
export const formatEndpoint = (address: string, port: number): string =>
  `${address.includes(':') ? `[${address}]` : address}:${port}`

export const inAnyPrefix = (address: IpAddress, prefixes: readonly Prefix[]): boolean =>
  prefixes.some(p => inPrefix(address, p))
