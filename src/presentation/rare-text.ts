/**
 * Fields that only one or two rarely used types have, in presentation format, both ways: gateways and relays, address
 * prefixes, host identities, the bit maps of WKS and NXT, and the addresses of networks that are no more. The forms
 * written are those of BIND 9.18. Each reader takes all tokens that are left and each writer all octets, since these
 * fields end their records; octets that do not fit give null, and the caller falls back to the form of RFC 3597.
 */
import type { RareField } from '../dns/rdata-shape.ts'
import { formatIp, parseIpv4, parseIpv6 } from '../dns/address.ts'
import { formatBase64, formatHex, parseBase64, parseHex } from '../dns/encoding-text.ts'
import type { OctetReader, OctetWriter } from '../dns/rdata-io.ts'
import { formatName, type Origin, parseName, parseUnsigned, shown, type TextError } from './text.ts'
import { typeName, typeNumber } from '../dns/types.ts'

export interface RareToken {
  readonly text: string
  readonly quoted: boolean
}

export interface RareError extends TextError {
  /** Index of the bad token among those given; their number when one is missing. */
  readonly index: number
}

/** The text of the octets that are left; null when they are not what the field says. */
export function formatRare(field: RareField, from: OctetReader): string | null {
  switch (field) {
    case 'gateway':
      return formatGateway(from)
    case 'relay':
      return formatRelay(from)
    case 'prefixes':
      return formatPrefixes(from)
    case 'identity':
      return formatIdentity(from)
    case 'services':
      return formatServices(from)
    case 'nxt-types':
      return formatNxtTypes(from)
    case 'a6':
      return formatA6(from)
    case 'nsap':
      return from.left === 0 ? null : `0x${formatHex(from.rest()).toLowerCase()}`
    case 'atm':
      return formatAtm(from)
    default:
      return field satisfies never
  }
}

/** Writes the octets that all of `tokens` mean; null when that is done. */
export function parseRare(
  field: RareField,
  tokens: readonly RareToken[],
  origin: Origin,
  out: OctetWriter,
): RareError | null {
  const words = new Words(tokens, origin, out)
  READERS[field](words)
  if (words.error === null && words.left > 0) words.fail('the record was complete before')
  return words.error
}

const READERS: Readonly<Record<RareField, (words: Words) => void>> = {
  gateway: readGateway,
  relay: readRelay,
  prefixes: readPrefixes,
  identity: readIdentity,
  services: readServices,
  'nxt-types': readNxtTypes,
  a6: readA6,
  nsap: readNsap,
  atm: readAtm,
}

/** Goes over the tokens; after the first error nothing more is read. */
class Words {
  readonly out: OctetWriter
  readonly #tokens: readonly RareToken[]
  readonly #origin: Origin
  #at = 0
  error: RareError | null = null

  constructor(tokens: readonly RareToken[], origin: Origin, out: OctetWriter) {
    this.#tokens = tokens
    this.#origin = origin
    this.out = out
  }

  get left(): number {
    return this.error === null ? this.#tokens.length - this.#at : 0
  }

  /** At the next token. */
  fail(wanted: string): void {
    const token = this.#tokens[this.#at]
    this.error ??= {
      index: this.#at,
      error: `${wanted}, found ${token === undefined ? 'the end of the record' : shown(token.text)}`,
    }
  }

  /** The next token through `read`; null after an error, and when it is not what was `wanted`. */
  word<T>(wanted: string, read: (text: string) => T | null): T | null {
    const token = this.error === null ? this.#tokens[this.#at] : undefined
    const value = token === undefined || token.quoted ? null : read(token.text)
    if (value === null) this.fail(`expected ${wanted}`)
    else this.#at++
    return value
  }

  number(what: string, max: number): number | null {
    return this.word(`${what} from 0 to ${max}`, text => parseUnsigned(text, max))
  }

  name(): void {
    let why: string | null = null
    const name = this.word('a name', text => {
      const parsed = parseName(text, this.#origin)
      if (typeof parsed === 'string') return parsed
      why = parsed.error
      return null
    })
    if (name !== null) this.out.text(name)
    else if (why !== null && this.error !== null) this.error = { index: this.error.index, error: why }
  }

  bytes(wanted: string, read: (text: string) => Uint8Array | null): void {
    const bytes = this.word(wanted, read)
    if (bytes !== null) this.out.bytes(bytes)
  }

  /** The tokens that are left as one piece of encoded text. */
  rest(wanted: string, read: (text: string) => Uint8Array | null): void {
    const tokens = this.error === null ? this.#tokens.slice(this.#at) : []
    const bytes =
      tokens.length === 0 || tokens.some(token => token.quoted) ? null : read(tokens.map(token => token.text).join(''))
    if (bytes === null) {
      this.fail(`expected ${wanted}`)
      return
    }
    this.out.bytes(bytes)
    this.#at = this.#tokens.length
  }
}

const IPV4_OCTETS = 4
const IPV6_OCTETS = 16

/**
 * A relay or gateway: none, an IPv4 address, an IPv6 address or a name (RFC 4025 section 2.3, RFC 8777 section 4.2.3).
 */
const HOST_NONE = 0
const HOST_IPV4 = 1
const HOST_IPV6 = 2
const HOST_NAME = 3

function formatHost(kind: number, from: OctetReader): string | null {
  switch (kind) {
    case HOST_NONE:
      return '.'
    case HOST_IPV4:
      return from.left < IPV4_OCTETS ? null : formatIp(from.take(IPV4_OCTETS))
    case HOST_IPV6:
      return from.left < IPV6_OCTETS ? null : formatIp(from.take(IPV6_OCTETS))
    case HOST_NAME: {
      const name = from.name()
      return name === null ? null : formatName(name)
    }
    default:
      return null
  }
}

function readHost(kind: number, words: Words): void {
  if (kind === HOST_NONE) words.word('"." where there is none', text => (text === '.' ? text : null))
  else if (kind === HOST_IPV4) words.bytes('an IPv4 address', parseIpv4)
  else if (kind === HOST_IPV6) words.bytes('an IPv6 address', parseIpv6)
  else words.name()
}

/** IPSECKEY after the precedence: type of gateway, algorithm, gateway, key (RFC 4025 section 3). */
function formatGateway(from: OctetReader): string | null {
  const kind = from.u8()
  const algorithm = from.u8()
  const host = formatHost(kind, from)
  // Section 2.4: algorithm 0 means that there is no key.
  if (host === null || (from.left === 0) !== (algorithm === 0)) return null
  return `${kind} ${algorithm} ${host}${from.left === 0 ? '' : ` ${formatBase64(from.rest())}`}`
}

function readGateway(words: Words): void {
  const kind = words.number('the kind of gateway', HOST_NAME)
  const algorithm = words.number('an algorithm number', 0xff)
  if (kind === null || algorithm === null) return
  words.out.u8(kind)
  words.out.u8(algorithm)
  readHost(kind, words)
  if (algorithm !== 0) words.rest('the key in base64', parseKey)
}

const parseKey = (text: string): Uint8Array | null => (text === '' ? null : parseBase64(text))

/** AMTRELAY after the precedence: discovery optional (the top bit), type, relay (RFC 8777 section 4.3.1). */
function formatRelay(from: OctetReader): string | null {
  const octet = from.u8()
  const host = formatHost(octet & 0x7f, from)
  return host === null ? null : `${octet >> 7} ${octet & 0x7f} ${host}`
}

function readRelay(words: Words): void {
  const optional = words.number('the D bit', 1)
  const kind = words.number('the type of relay', HOST_NAME)
  if (optional === null || kind === null) return
  words.out.u8((optional << 7) | kind)
  readHost(kind, words)
}

/** Address families of APL (RFC 3123 section 4) and the length of their addresses. */
const FAMILIES: ReadonlyMap<number, number> = new Map([
  [1, IPV4_OCTETS],
  [2, IPV6_OCTETS],
])

function formatPrefixes(from: OctetReader): string | null {
  const items: string[] = []
  while (from.left > 0) {
    const family = from.u16()
    const bits = from.u8()
    const octet = from.u8()
    const part = from.take(octet & 0x7f)
    const octets = FAMILIES.get(family)
    // Section 4: trailing zero octets are left out.
    if (from.failed || octets === undefined || bits > octets * 8 || part.length > octets || part[part.length - 1] === 0)
      return null
    const address = new Uint8Array(octets)
    address.set(part)
    items.push(`${octet >> 7 === 1 ? '!' : ''}${family}:${formatIp(address)}/${bits}`)
  }
  return items.join(' ')
}

interface PrefixItem {
  readonly family: number
  readonly negated: boolean
  readonly bits: number
  readonly part: Uint8Array
}

function readPrefixes(words: Words): void {
  while (words.left > 0) {
    const item = words.word('prefixes like 1:192.0.2.0/24, 2:2001:db8::/32 or !1:192.0.2.64/28', parsePrefixItem)
    if (item === null) return
    words.out.u16(item.family)
    words.out.u8(item.bits)
    words.out.u8((item.negated ? 0x80 : 0) | item.part.length)
    words.out.bytes(item.part)
  }
}

function parsePrefixItem(text: string): PrefixItem | null {
  const [, negation, familyText = '', addressText = '', bitsText = ''] =
    /^(!?)([12]):([^/]+)\/(\d{1,3})$/.exec(text) ?? []
  const family = Number(familyText)
  const address = family === 1 ? parseIpv4(addressText) : family === 2 ? parseIpv6(addressText) : null
  const bits = address === null ? null : parseUnsigned(bitsText, address.length * 8)
  if (address === null || bits === null) return null
  return {
    family,
    negated: negation === '!',
    bits,
    part: address.subarray(0, address.findLastIndex(octet => octet !== 0) + 1),
  }
}

/** HIP (RFC 8005 section 5): algorithm, identity tag in hex, key in base64, rendezvous servers. */
function formatIdentity(from: OctetReader): string | null {
  const tagOctets = from.u8()
  const algorithm = from.u8()
  const keyOctets = from.u16()
  const tag = from.take(tagOctets)
  const key = from.take(keyOctets)
  if (from.failed || tagOctets === 0 || keyOctets === 0) return null
  const texts = [String(algorithm), formatHex(tag), formatBase64(key)]
  while (from.left > 0) {
    const server = from.name()
    if (server === null) return null
    texts.push(formatName(server))
  }
  return texts.join(' ')
}

function readIdentity(words: Words): void {
  const algorithm = words.number('an algorithm number', 0xff)
  const tag = words.word('the host identity tag: 1 to 255 octets in hex', text => lengthIn(parseHex(text), 0xff))
  const key = words.word('the host identity: a key in base64, without spaces', text =>
    lengthIn(parseBase64(text), 0xffff),
  )
  if (algorithm === null || tag === null || key === null) return
  words.out.u8(tag.length)
  words.out.u8(algorithm)
  words.out.u16(key.length)
  words.out.bytes(tag)
  words.out.bytes(key)
  while (words.left > 0) words.name()
}

const lengthIn = (bytes: Uint8Array | null, max: number): Uint8Array | null =>
  bytes === null || bytes.length === 0 || bytes.length > max ? null : bytes

/** RFC 1010's names of what a WKS record names; all others are written as numbers. */
const PROTOCOLS: ReadonlyMap<string, number> = new Map([
  ['icmp', 1],
  ['tcp', 6],
  ['udp', 17],
])
const SERVICES: ReadonlyMap<string, number> = new Map([
  ['echo', 7],
  ['discard', 9],
  ['daytime', 13],
  ['chargen', 19],
  ['ftp-data', 20],
  ['ftp', 21],
  ['ssh', 22],
  ['telnet', 23],
  ['smtp', 25],
  ['time', 37],
  ['domain', 53],
  ['tftp', 69],
  ['gopher', 70],
  ['finger', 79],
  ['http', 80],
  ['www', 80],
  ['kerberos', 88],
  ['pop2', 109],
  ['pop3', 110],
  ['sunrpc', 111],
  ['nntp', 119],
  ['ntp', 123],
  ['imap', 143],
  ['imap2', 143],
  ['snmp', 161],
  ['irc', 194],
  ['ldap', 389],
  ['https', 443],
  ['syslog', 514],
  ['imaps', 993],
  ['pop3s', 995],
])

/** WKS after the address: protocol, then a bit for each port (RFC 1035 section 3.4.2). */
function formatServices(from: OctetReader): string | null {
  if (from.left === 0) return null
  const texts = [String(from.u8())]
  const bits = from.rest()
  if (bits.length > 0x2000 || bits[bits.length - 1] === 0) return null
  for (const [i, octet] of bits.entries())
    for (let bit = 0; bit < 8; bit++) if (octet & (0x80 >> bit)) texts.push(String(i * 8 + bit))
  return texts.join(' ')
}

function readServices(words: Words): void {
  const protocol = words.word(
    'a protocol like TCP or UDP, or its number',
    text => PROTOCOLS.get(text.toLowerCase()) ?? parseUnsigned(text, 0xff),
  )
  if (protocol === null) return
  words.out.u8(protocol)
  const ports: number[] = []
  while (words.left > 0) {
    const port = words.word(
      'ports by number or a service like smtp',
      text => SERVICES.get(text.toLowerCase()) ?? parseUnsigned(text, 0xffff),
    )
    if (port === null) return
    ports.push(port)
  }
  words.out.bytes(bitsOf(ports))
}

function bitsOf(numbers: readonly number[]): Uint8Array {
  const bits = new Uint8Array(numbers.reduce((most, number) => Math.max(most, (number >> 3) + 1), 0))
  for (const number of numbers) bits[number >> 3] = (bits[number >> 3] ?? 0) | (0x80 >> (number & 7))
  return bits
}

/** RFC 2535 section 5.2: one bit for each type from 1 to 127; bit 0 would announce another format. */
const NXT_TYPES = 128

function formatNxtTypes(from: OctetReader): string | null {
  const bits = from.rest()
  if (bits.length > NXT_TYPES / 8 || bits[bits.length - 1] === 0 || ((bits[0] ?? 0) & 0x80) !== 0) return null
  const types: string[] = []
  for (const [i, octet] of bits.entries())
    for (let bit = 0; bit < 8; bit++) if (octet & (0x80 >> bit)) types.push(typeName(i * 8 + bit))
  return types.join(' ')
}

function readNxtTypes(words: Words): void {
  const types: number[] = []
  while (words.left > 0) {
    const type = words.word('the types that the name has, with numbers from 1 to 127', text => {
      const number = typeNumber(text)
      return number === null || number === 0 || number >= NXT_TYPES ? null : number
    })
    if (type === null) return
    types.push(type)
  }
  words.out.bytes(bitsOf(types))
}

/** RFC 2874 section 3.1: prefix length, the rest of the address, and the name of the prefix when there is one. */
function formatA6(from: OctetReader): string | null {
  const bits = from.u8()
  if (from.failed || bits > 128) return null
  const suffix = from.take(IPV6_OCTETS - (bits >> 3))
  const address = new Uint8Array(IPV6_OCTETS)
  address.set(suffix, IPV6_OCTETS - suffix.length)
  // The bits before the length are padding.
  if (from.failed || (bits % 8 !== 0 && (suffix[0] ?? 0) >> (8 - (bits % 8)) !== 0)) return null
  const texts = bits === 128 ? [String(bits)] : [String(bits), formatIp(address)]
  if (bits === 0) return texts.join(' ')
  const name = from.name()
  return name === null ? null : [...texts, formatName(name)].join(' ')
}

function readA6(words: Words): void {
  const bits = words.number('a prefix length', 128)
  if (bits === null) return
  words.out.u8(bits)
  const address = bits === 128 ? new Uint8Array(IPV6_OCTETS) : words.word('an IPv6 address', parseIpv6)
  if (address === null) return
  const suffix = address.slice(bits >> 3)
  if (suffix.length > 0) suffix[0] = (suffix[0] ?? 0) & (0xff >> (bits % 8))
  words.out.bytes(suffix)
  if (bits !== 0) words.name()
}

/** RFC 1706 section 7: 0x and hex digits, dots where the writer likes them. */
function readNsap(words: Words): void {
  words.bytes('an NSAP address like 0x47.0005.80', text =>
    /^0x/i.test(text) ? lengthIn(parseHex(text.slice(2).replaceAll('.', '')), 0xffff) : null,
  )
}

/** ATM Forum af-dans-0152: format 0 is an NSAP address in hex, format 1 a telephone number with a plus. */
const ATM_NSAP = 0
const ATM_E164 = 1
const ATM_NSAP_OCTETS = 20

function formatAtm(from: OctetReader): string | null {
  const format = from.u8()
  const octets = from.rest()
  if (format === ATM_NSAP) return octets.length === 0 ? null : formatHex(octets).toLowerCase()
  const digits = String.fromCharCode(...octets)
  return format === ATM_E164 && /^\d+$/.test(digits) ? `+${digits}` : null
}

function readAtm(words: Words): void {
  const address = words.word(`an ATM address: a plus and digits, or ${ATM_NSAP_OCTETS} octets in hex`, text => {
    if (!text.startsWith('+')) return lengthIn(parseHex(text.replaceAll('.', '')), 0xffff)
    const digits = text.slice(1).replaceAll('.', '')
    return /^\d+$/.test(digits) ? digits : null
  })
  if (address === null) return
  words.out.u8(typeof address === 'string' ? ATM_E164 : ATM_NSAP)
  if (typeof address === 'string') words.out.text(address)
  else words.out.bytes(address)
}
