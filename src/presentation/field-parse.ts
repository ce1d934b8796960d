/**
 * The fields of RDATA from text: one row for each kind of field of `dns/rdata-shape.ts`. What a person wrote is
 * checked; an error says which token is wrong, and what was expected there.
 */
import { counted } from './counted.ts'
import { parseIpv4, parseIpv6 } from '../dns/address.ts'
import { parseBase32Hex, parseBase64, parseHex } from '../dns/encoding-text.ts'
import type { OctetWriter } from '../dns/rdata-io.ts'
import type { Field, RareField } from '../dns/rdata-shape.ts'
import { RrType, typeNumber } from '../dns/types.ts'
import { parseLocation } from './loc-text.ts'
import { parseRare } from './rare-text.ts'
import { algorithmNumber, certTypeNumber, keyFlags, keyProtocol, syncScheme } from './rdata-facts.ts'
import { suggest } from './suggest.ts'
import { parseSvcParams } from './svcb-text.ts'
import {
  type Origin,
  parseName,
  parseString,
  parseTtl,
  parseUnsigned,
  shown,
  type TextError,
  unescapeText,
} from './text.ts'
import { parseTime } from './time-text.ts'

/** A token of `tokens.ts`, or the like. */
export interface RdataToken {
  readonly text: string
  readonly quoted: boolean
  readonly joined?: boolean
}

export interface RdataError extends TextError {
  /** Index of the bad token; the number of tokens when one is missing at the end. */
  readonly index: number
  /** The record was complete before this token: what follows may belong to another. */
  readonly complete?: boolean
}

/** Walks over the tokens of one RDATA. */
export class TokenCursor {
  readonly tokens: readonly RdataToken[]
  readonly origin: Origin
  readonly type: number
  at: number

  constructor(type: number, tokens: readonly RdataToken[], at: number, origin: Origin) {
    this.type = type
    this.tokens = tokens
    this.at = at
    this.origin = origin
  }

  next(): RdataToken | null {
    const token = this.tokens[this.at]
    if (token === undefined) return null
    this.at++
    return token
  }

  rest(): readonly RdataToken[] {
    const rest = this.tokens.slice(this.at)
    this.at = this.tokens.length
    return rest
  }
}

export const found = (token: RdataToken | null | undefined): string =>
  token === null || token === undefined ? 'the end of the record' : shown(token.text)

/** Null when the field was written, else what is wrong (with the last token taken, unless an index is given). */
export const parseField = (field: Field, from: TokenCursor, out: OctetWriter): Wrong => READERS[field](from, out)

type Wrong = string | RdataError | null
type Reader = (from: TokenCursor, out: OctetWriter) => Wrong

/** One unquoted token through `read`; null from it means that it is not what was `wanted`. */
const word =
  <T>(wanted: string, read: (text: string) => T | null, write: (out: OctetWriter, value: T) => void): Reader =>
  (from, out) => {
    const token = from.next()
    const value = token === null || token.quoted ? null : read(token.text)
    if (value === null) return `expected ${wanted}, found ${found(token)}`
    write(out, value)
    return null
  }

const writeU8 = (out: OctetWriter, value: number): void => out.u8(value)
const writeU16 = (out: OctetWriter, value: number): void => out.u16(value)
const writeU32 = (out: OctetWriter, value: number): void => out.u32(value)
const writeOctets = (out: OctetWriter, octets: Uint8Array): void => out.bytes(octets)
const writeCounted = (out: OctetWriter, octets: Uint8Array): void => {
  out.u8(octets.length)
  out.bytes(octets)
}

const number = (max: number, write: (out: OctetWriter, value: number) => void): Reader =>
  word(`a number from 0 to ${max}`, text => parseUnsigned(text, max), write)

/** The rest of the tokens as one piece of encoded text, whose characters come in groups of `group`. */
const rest =
  (wanted: string, group: number, read: (text: string) => Uint8Array | null): Reader =>
  (from, out) =>
    parseRest(from, wanted, group, read, out)

const base64 = rest('base64 text', 4, parseBase64)
const rare =
  (field: RareField): Reader =>
  (from, out) =>
    parseRareField(field, from, out)
const eui = (wanted: string, octets: number): Reader => word(wanted, euiOf(octets), writeOctets)

const READERS: Readonly<Record<Field, Reader>> = {
  u8: number(0xff, writeU8),
  u16: number(0xffff, writeU16),
  u32: number(0xffff_ffff, writeU32),
  'key-flags': word('a number from 0 to 65535 as flags', keyFlags, writeU16),
  'key-protocol': word('a number from 0 to 255 as protocol', keyProtocol, writeU8),
  'sync-scheme': word('a scheme: NOTIFY or a number from 0 to 255', syncScheme, writeU8),
  ttl: word('a time in seconds (or like 1h30m)', parseTtl, writeU32),
  time: word('a time as YYYYMMDDHHmmSS (UTC)', parseTime, writeU32),
  // BIND reads a bare number as well, which old signers wrote.
  type: word('a type', text => typeNumber(text) ?? parseUnsigned(text, 0xffff), writeU16),
  algorithm: word('an algorithm number from 0 to 255', algorithmNumber, writeU8),
  'cert-type': word('a certificate type like PKIX, or a number from 0 to 65535', certTypeNumber, writeU16),
  name: parseNameField,
  'compressed-name': parseNameField,
  ipv4: (from, out) => parseAddress('ipv4', from, out),
  ipv6: (from, out) => parseAddress('ipv6', from, out),
  string: parseStringField,
  'last-string': (from, out) => (from.at === from.tokens.length ? null : parseStringField(from, out)),
  strings: parseStrings,
  text: parseText,
  tag: word('a tag of letters and digits, like issue', tagOf, writeCounted),
  hex: rest('hex digits in pairs', 2, parseHex),
  base64,
  key: (from, out) => (from.at === from.tokens.length ? null : base64(from, out)),
  data: rest('base64 text, or - for nothing', 4, text => (text === '-' ? new Uint8Array(0) : parseBase64(text))),
  locator: word('four groups of hex digits like 2001:db8:1140:1000', locatorOf, writeOctets),
  salt: word('a salt as up to 255 octets in hex, or - for none', parseSalt, writeCounted),
  hash: word('a hash in base32 (0-9, A-V)', parseHash, writeCounted),
  bitmap: parseBitmap,
  'svc-params': parseSvcField,
  location: parseLocationField,
  eui48: eui('six pairs of hex digits like 00-00-5e-00-53-2a', 6),
  eui64: eui('eight pairs of hex digits like 00-00-5e-ef-10-00-00-2a', 8),
  gateway: rare('gateway'),
  relay: rare('relay'),
  prefixes: rare('prefixes'),
  identity: rare('identity'),
  services: rare('services'),
  'nxt-types': rare('nxt-types'),
  a6: rare('a6'),
  nsap: rare('nsap'),
  atm: rare('atm'),
}

function parseNameField(from: TokenCursor, out: OctetWriter): string | null {
  const token = from.next()
  if (token === null) return 'expected a name, found the end of the record'
  if (token.quoted)
    return `expected a name, found the quoted string "${shown(token.text).slice(1, -1)}": remove the quotes`
  const name = parseName(token.text, from.origin)
  if (typeof name !== 'string') return name.error
  out.text(name)
  return null
}

function parseAddress(family: 'ipv4' | 'ipv6', from: TokenCursor, out: OctetWriter): string | null {
  const token = from.next()
  const text = token === null || token.quoted ? '' : token.text
  const bytes = family === 'ipv4' ? parseIpv4(text) : parseIpv6(text)
  if (bytes !== null) {
    out.bytes(bytes)
    return null
  }
  if (family === 'ipv4') {
    const hint =
      parseIpv6(text) === null
        ? ': four numbers from 0 to 255 without leading zeros'
        : ', which is an IPv6 address: use type AAAA'
    return `expected an IPv4 address, found ${found(token)}${hint}`
  }
  return (
    'expected an IPv6 address, found ' +
    `${found(token)}${parseIpv4(text) === null ? '' : ', which is an IPv4 address: use type A'}`
  )
}

function parseStringField(from: TokenCursor, out: OctetWriter): string | null {
  const token = from.next()
  if (token === null) return 'expected a string, found the end of the record'
  const octets = parseString(token.text)
  if (typeof octets !== 'string') return octets.error
  out.u8(octets.length)
  out.text(octets)
  return null
}

function parseStrings(from: TokenCursor, out: OctetWriter): string | null {
  do {
    const error = parseStringField(from, out)
    if (error !== null) return error
  } while (from.at < from.tokens.length)
  return null
}

function parseText(from: TokenCursor, out: OctetWriter): string | null {
  const token = from.next()
  if (token === null) return 'expected a quoted string, found the end of the record'
  const octets = unescapeText(token.text)
  if (typeof octets !== 'string') return octets.error
  out.text(octets)
  return null
}

function parseRest(
  from: TokenCursor,
  wanted: string,
  group: number,
  read: (text: string) => Uint8Array | null,
  out: OctetWriter,
): string | RdataError | null {
  const first = from.at
  const rest = from.rest()
  const text = rest.some(token => token.quoted) ? '' : rest.map(token => token.text).join('')
  const bytes = text === '' ? null : read(text)
  if (bytes === null) {
    const cut =
      text.length % group === 0
        ? ''
        : ` with ${counted(text.length, 'character')}: their number must be a multiple of ${group}`
    return { index: first, error: `expected ${wanted}, found ${found(rest[0])}${cut}` }
  }
  out.bytes(bytes)
  return null
}

function parseSalt(text: string): Uint8Array | null {
  if (text === '-') return new Uint8Array(0)
  const salt = parseHex(text)
  return salt === null || salt.length === 0 || salt.length > 255 ? null : salt
}

function parseHash(text: string): Uint8Array | null {
  const hash = parseBase32Hex(text)
  return hash === null || hash.length === 0 || hash.length > 255 ? null : hash
}

function euiOf(octets: number): (text: string) => Uint8Array | null {
  const form = new RegExp(`^[0-9a-fA-F]{2}(?:-[0-9a-fA-F]{2}){${octets - 1}}$`)
  return text => (form.test(text) ? parseHex(text.replaceAll('-', '')) : null)
}

/** RFC 8659 section 4.1: ASCII letters and digits. */
function tagOf(text: string): Uint8Array | null {
  return /^[A-Za-z0-9]{1,255}$/.test(text) ? Uint8Array.from(text, c => c.charCodeAt(0)) : null
}

/** The parameters after priority and target; the priority decides what they may be. */
function parseSvcField(from: TokenCursor, out: OctetWriter): RdataError | null {
  const base = from.at
  const [high = 0, low = 0] = out.finish()
  const error = parseSvcParams(from.rest(), (high << 8) | low, out)
  return error === null ? null : { index: base + error.index, error: error.error }
}

function parseLocationField(from: TokenCursor, out: OctetWriter): RdataError | null {
  const base = from.at
  const texts = from.rest().map(token => token.text)
  const error = parseLocation(texts, out)
  return error === null ? null : { index: base + error.index, error: error.error }
}

function parseRareField(field: RareField, from: TokenCursor, out: OctetWriter): RdataError | null {
  const base = from.at
  const error = parseRare(field, from.rest(), from.origin, out)
  return error === null ? null : { index: base + error.index, error: error.error }
}

function locatorOf(text: string): Uint8Array | null {
  if (!/^[0-9a-f]{1,4}(?::[0-9a-f]{1,4}){3}$/i.test(text)) return null
  return Uint8Array.from(
    text.split(':').flatMap(group => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff]),
  )
}

/**
 * RFC 4034 section 4.1.2 keeps pseudo-types out of the map and has whoever reads it pass over them: as BIND does, any
 * type is taken.
 */
function parseBitmap(from: TokenCursor, out: OctetWriter): string | null {
  const windows = new Map<number, Uint8Array>()
  for (let token = from.next(); token !== null; token = from.next()) {
    const type = token.quoted ? null : typeNumber(token.text)
    if (type === null) return `expected the types that the name has, found ${unknownType(token.text)}`
    const bits = windows.get(type >> 8) ?? new Uint8Array(32)
    windows.set(type >> 8, bits)
    const octet = (type & 0xff) >> 3
    bits[octet] = (bits[octet] ?? 0) | (0x80 >> (type & 7))
  }
  for (const [window, bits] of [...windows].sort(([a], [b]) => a - b)) {
    out.u8(window)
    writeCounted(out, bits.subarray(0, bits.findLastIndex(octet => octet !== 0) + 1))
  }
  return null
}

/** The text of an unknown type with the known type that it resembles. */
export function unknownType(text: string): string {
  const close = suggest(text.toUpperCase(), Object.keys(RrType))
  return close === null ? shown(text) : `${shown(text)} (did you mean ${close}?)`
}
