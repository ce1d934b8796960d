/**
 * RDATA in presentation format, both ways, driven by the table of `dns/rdata-shape.ts`. What does not fit its shape is
 * written in the form of RFC 3597 (`\# 4 0A000001`), so that every RDATA has a text, and text that is accepted is that
 * of its octets. Reading is stricter than writing: what a server sent is shown, what a person wrote is checked (digest
 * lengths, SVCB parameters that contradict each other).
 *
 * Tokens come from `tokens.ts`; errors say which token, what was expected there and how the type is written.
 */
import { formatIp, parseIpv4, parseIpv6 } from '../dns/address.ts'
import {
  formatBase32Hex,
  formatBase64,
  formatHex,
  parseBase32Hex,
  parseBase64,
  parseHex,
} from '../dns/encoding-text.ts'
import { formatLocation, parseLocation } from './loc-text.ts'
import { OctetReader, OctetWriter } from '../dns/rdata-io.ts'
import {
  algorithmNumber,
  algorithmText,
  certTypeNumber,
  certTypeText,
  contradiction,
  digestOctets,
  exampleOf,
  isUnassigned,
  keyFlags,
  keyProtocol,
  syncScheme,
  syncSchemeText,
} from './rdata-facts.ts'
import { formatRare, parseRare } from './rare-text.ts'
import type { RareField } from '../dns/rdata-shape.ts'
import { type Field, type RdataShape, shapeOf } from '../dns/rdata-shape.ts'
import { formatSvcParams, parseSvcParams } from './svcb-text.ts'
import { suggest } from './suggest.ts'
import {
  formatName,
  formatString,
  type Origin,
  parseName,
  parseString,
  parseTtl,
  parseUnsigned,
  shown,
  type TextError,
  unescapeText,
} from './text.ts'
import { formatTime, parseTime } from './time-text.ts'
import { EntryReader } from './tokens.ts'
import { RrType, typeName, typeNumber } from '../dns/types.ts'

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

/** RFC 1035 section 3.2.1: RDLENGTH has 16 bits. */
const MAX_RDATA_OCTETS = 0xffff
/** Long hex and base64 is cut into pieces of this many characters, as BIND and dig do. */
const CHUNK_CHARACTERS = 56

/** The text of RDATA; in the form of RFC 3597 section 5 for a type without a shape or octets that don't fit it. */
export function formatRdata(type: number, rdata: Uint8Array): string {
  return formatKnown(type, rdata) ?? formatGeneric(rdata)
}

export const formatGeneric = (rdata: Uint8Array): string =>
  `\\# ${rdata.length}${rdata.length === 0 ? '' : ` ${chunked(formatHex(rdata))}`}`

function formatKnown(type: number, rdata: Uint8Array): string | null {
  const shape = shapeOf(type)
  // Only a list of address prefixes may be empty (RFC 3123 section 4).
  if (shape === undefined || (rdata.length === 0 && type !== RrType.APL) || contradiction(type, rdata) !== null)
    return null
  const from = new OctetReader(rdata)
  const texts: string[] = []
  for (const field of shape.fields) {
    const text = formatField(field, from, type)
    if (text === null || from.failed) return null
    if (text !== '') texts.push(text)
  }
  return from.left === 0 ? texts.join(' ') : null
}

const chunked = (text: string): string =>
  text.length <= CHUNK_CHARACTERS ? text : (text.match(new RegExp(`.{1,${CHUNK_CHARACTERS}}`, 'g')) ?? []).join(' ')

/** Null when the octets don't fit; '' for a field that has no text (no SVCB parameters, an empty bit map). */
function formatField(field: Field, from: OctetReader, type: number): string | null {
  switch (field) {
    case 'u8':
    case 'key-protocol':
      return String(from.u8())
    case 'u16':
    case 'key-flags':
      return String(from.u16())
    case 'sync-scheme':
      return syncSchemeText(from.u8())
    case 'u32':
    case 'ttl':
      return String(from.u32())
    case 'time':
      return formatTime(from.u32())
    case 'type':
      return typeName(from.u16())
    case 'algorithm':
      // CERT alone is customarily shown with the mnemonic (RFC 4398 section 2.2).
      return type === RrType.CERT ? algorithmText(from.u8()) : String(from.u8())
    case 'cert-type':
      return certTypeText(from.u16())
    case 'name':
    case 'compressed-name': {
      const name = from.name()
      return name === null ? null : formatName(name)
    }
    case 'ipv4':
      return formatIp(from.take(4))
    case 'ipv6':
      return from.left < 16 ? null : formatIp(from.take(16))
    case 'string':
      return formatString(from.counted())
    case 'last-string':
      return from.left === 0 ? '' : formatString(from.counted())
    case 'strings':
      return formatStrings(from)
    case 'text':
      return formatString(from.rest())
    case 'tag':
      return formatTag(from.counted())
    case 'hex':
      return from.left === 0 ? null : chunked(formatHex(from.rest()))
    case 'base64':
      return from.left === 0 ? null : chunked(formatBase64(from.rest()))
    case 'key':
      return chunked(formatBase64(from.rest()))
    case 'data':
      return from.left === 0 ? '-' : chunked(formatBase64(from.rest()))
    case 'locator':
      return formatLocator(from.take(8))
    case 'gateway':
    case 'relay':
    case 'prefixes':
    case 'identity':
    case 'services':
    case 'nxt-types':
    case 'a6':
    case 'nsap':
    case 'atm':
      return formatRare(field, from)
    case 'salt': {
      const salt = from.counted()
      return salt.length === 0 ? '-' : formatHex(salt)
    }
    case 'hash': {
      const hash = from.counted()
      return hash.length === 0 ? null : formatBase32Hex(hash)
    }
    case 'bitmap':
      return formatBitmap(from)
    case 'svc-params':
      return formatSvcParams(from)
    case 'location':
      return formatLocation(from.rest())
    case 'eui48':
      return formatEui(from.take(6))
    case 'eui64':
      return formatEui(from.take(8))
    default:
      return field satisfies never
  }
}

function formatStrings(from: OctetReader): string | null {
  const strings: string[] = []
  while (from.left > 0) strings.push(formatString(from.counted()))
  return strings.length === 0 || from.failed ? null : strings.join(' ')
}

function formatTag(octets: Uint8Array): string | null {
  const tag = String.fromCharCode(...octets)
  return /^[A-Za-z0-9]+$/.test(tag) ? tag : null
}

const formatEui = (octets: Uint8Array): string =>
  Array.from(octets, octet => octet.toString(16).padStart(2, '0')).join('-')

/** RFC 6742 section 2.1.2: leading zeros of a group are left out, as BIND writes it. */
function formatLocator(octets: Uint8Array): string {
  const groups: string[] = []
  for (let at = 0; at < octets.length; at += 2)
    groups.push((((octets[at] ?? 0) << 8) | (octets[at + 1] ?? 0)).toString(16))
  return groups.join(':')
}

/** RFC 4034 section 4.1.2: window number, length 1 to 32, bits; windows ascend. */
function formatBitmap(from: OctetReader): string | null {
  const types: string[] = []
  let last = -1
  while (from.left > 0) {
    const window = from.u8()
    const bits = from.counted()
    if (from.failed || window <= last || bits.length === 0 || bits.length > 32 || bits[bits.length - 1] === 0)
      return null
    last = window
    for (const [i, octet] of bits.entries())
      for (let bit = 0; bit < 8; bit++) if (octet & (0x80 >> bit)) types.push(typeName((window << 8) | (i << 3) | bit))
  }
  return types.join(' ')
}

/** Walks over the tokens of one RDATA. */
class TokenCursor {
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

/**
 * RDATA from tokens, from index `first` on. `origin` completes relative names. Any type may be written in the form of
 * RFC 3597 (`\# length hex`), which must then fit the type. `out` is a writer to be used again by who reads many;
 * nothing of it is kept.
 */
export function parseRdata(
  type: number,
  tokens: readonly RdataToken[],
  origin: Origin,
  first = 0,
  out: OctetWriter = new OctetWriter(),
): Uint8Array | RdataError {
  const marker = tokens[first]
  const shape = shapeOf(type)
  if (marker !== undefined && !marker.quoted && marker.text === '\\#' && !isHashText(shape, tokens[first + 1]))
    return parseGeneric(type, tokens, first + 1)
  if (shape === undefined) {
    return {
      index: first,
      error: `${typeName(type)} has no text form here: write it as \\# followed by the length and the octets in hex, like \\# 4 0A000001`,
    }
  }
  out.reset()
  const from = new TokenCursor(type, tokens, first, origin)
  for (const field of shape.fields) {
    const start = from.at
    const error = parseField(field, from, out)
    if (error === null) continue
    if (typeof error !== 'string') return { index: error.index, error: withExample(type, error.error) }
    // A field that took nothing misses its token: the error is where it should stand.
    return { index: from.at > start ? from.at - 1 : start, error: withExample(type, error) }
  }
  const extra = tokens[from.at]
  if (extra !== undefined)
    return {
      index: from.at,
      complete: true,
      error: withExample(type, `${shown(extra.text)} is too much: the ${typeName(type)} record was complete before it`),
    }
  const rdata = out.finish()
  const wrong = wrongDigest(type, rdata) ?? contradiction(type, rdata)
  if (wrong !== null) return { index: tokens.length - 1, error: wrong }
  return rdata.length <= MAX_RDATA_OCTETS
    ? rdata
    : { index: first, error: `the record data has ${rdata.length} octets, at most ${MAX_RDATA_OCTETS} are possible` }
}

/**
 * A text that begins with an escaped hash, like `TXT \# text`, is no generic form as long as no number follows: BIND
 * and NSD read it so, and no text in generic form can be without its length (RFC 3597 section 5).
 */
const isHashText = (shape: RdataShape | undefined, following: RdataToken | undefined): boolean =>
  shape?.fields[0] === 'strings' &&
  (following === undefined || following.quoted || parseUnsigned(following.text, MAX_RDATA_OCTETS) === null)

function withExample(type: number, error: string): string {
  const example = exampleOf(type)
  return example === null ? error : `${error} (${typeName(type)} is written like: ${example})`
}

function parseGeneric(type: number, tokens: readonly RdataToken[], at: number): Uint8Array | RdataError {
  const length = parseUnsigned(tokens[at]?.text ?? '', MAX_RDATA_OCTETS)
  if (length === null)
    return { index: at, error: `expected the number of octets after \\#, found ${found(tokens[at])}` }
  const rdata = parseHex(
    tokens
      .slice(at + 1)
      .map(token => token.text)
      .join(''),
  )
  if (rdata === null)
    return {
      index: Math.min(at + 1, tokens.length),
      error: `expected ${length} octets as pairs of hex digits after \\# ${length}`,
    }
  if (rdata.length !== length) return { index: at, error: `\\# announces ${length} octets, but ${rdata.length} follow` }
  if (shapeOf(type) === undefined) return rdata
  const text = formatKnown(type, rdata)
  if (text === null && isUnassigned(type, rdata)) return rdata
  if (text === null) return { index: at, error: `these ${length} octets are no ${typeName(type)} record data` }
  // What the type's own text may not say is not let in by the back door.
  const read = parseRdata(type, new EntryReader(text).next()?.tokens ?? [], null)
  return 'error' in read ? { index: at, error: `these octets mean ${shown(text)}: ${read.error}` } : rdata
}

/** Digests of a known kind have one length; a cut or mistyped one can never match. */
function wrongDigest(type: number, rdata: Uint8Array): string | null {
  const expected = digestOctets(type, rdata)
  if (expected === null || expected.wanted === expected.got) return null
  return `this digest has ${expected.got} octets, one of ${expected.kind} has ${expected.wanted}`
}

const found = (token: RdataToken | null | undefined): string =>
  token === null || token === undefined ? 'the end of the record' : shown(token.text)
const article = (field: 'number' | 'type'): string => (field === 'number' ? 'a number from 0 to' : 'a type')

/** Null when the field was written, else what is wrong (with the last token taken, unless an index is given). */
function parseField(field: Field, from: TokenCursor, out: OctetWriter): string | RdataError | null {
  switch (field) {
    case 'u8':
      return parseNumber(from, 0xff, value => out.u8(value))
    case 'u16':
      return parseNumber(from, 0xffff, value => out.u16(value))
    case 'key-flags':
      return parseWord(from, `${article('number')} 65535 as flags`, keyFlags, value => out.u16(value))
    case 'key-protocol':
      return parseWord(from, `${article('number')} 255 as protocol`, keyProtocol, value => out.u8(value))
    case 'sync-scheme':
      return parseWord(from, 'a scheme: NOTIFY or a number from 0 to 255', syncScheme, value => out.u8(value))
    case 'u32':
      return parseNumber(from, 0xffff_ffff, value => out.u32(value))
    case 'ttl':
      return parseWord(from, 'a time in seconds (or like 1h30m)', parseTtl, value => out.u32(value))
    case 'time':
      return parseWord(from, 'a time as YYYYMMDDHHmmSS (UTC)', parseTime, value => out.u32(value))
    case 'type':
      // BIND reads a bare number as well, which old signers wrote.
      return parseWord(
        from,
        article('type'),
        text => typeNumber(text) ?? parseUnsigned(text, 0xffff),
        value => out.u16(value),
      )
    case 'algorithm':
      return parseWord(from, 'an algorithm number from 0 to 255', algorithmNumber, value => out.u8(value))
    case 'cert-type':
      return parseWord(from, 'a certificate type like PKIX, or a number from 0 to 65535', certTypeNumber, value =>
        out.u16(value),
      )
    case 'name':
    case 'compressed-name':
      return parseNameField(from, out)
    case 'ipv4':
    case 'ipv6':
      return parseAddress(field, from, out)
    case 'string':
      return parseStringField(from, out)
    case 'last-string':
      return from.at === from.tokens.length ? null : parseStringField(from, out)
    case 'strings':
      return parseStrings(from, out)
    case 'text':
      return parseText(from, out)
    case 'tag':
      return parseWord(from, 'a tag of letters and digits, like issue', tagOf, tag => writeCounted(out, tag))
    case 'hex':
      return parseRest(from, 'hex digits in pairs', 2, parseHex, out)
    case 'base64':
      return parseRest(from, 'base64 text', 4, parseBase64, out)
    case 'key':
      return from.at === from.tokens.length ? null : parseRest(from, 'base64 text', 4, parseBase64, out)
    case 'data':
      return parseRest(
        from,
        'base64 text, or - for nothing',
        4,
        text => (text === '-' ? new Uint8Array(0) : parseBase64(text)),
        out,
      )
    case 'locator':
      return parseWord(from, 'four groups of hex digits like 2001:db8:1140:1000', locatorOf, value => out.bytes(value))
    case 'gateway':
    case 'relay':
    case 'prefixes':
    case 'identity':
    case 'services':
    case 'nxt-types':
    case 'a6':
    case 'nsap':
    case 'atm':
      return parseRareField(field, from, out)
    case 'salt':
      return parseWord(from, 'a salt as up to 255 octets in hex, or - for none', parseSalt, value =>
        writeCounted(out, value),
      )
    case 'hash':
      return parseWord(from, 'a hash in base32 (0-9, A-V)', parseHash, value => writeCounted(out, value))
    case 'bitmap':
      return parseBitmap(from, out)
    case 'svc-params':
      return parseSvcField(from, out)
    case 'location':
      return parseLocationField(from, out)
    case 'eui48':
      return parseWord(from, 'six pairs of hex digits like 00-00-5e-00-53-2a', euiOf(6), value => out.bytes(value))
    case 'eui64':
      return parseWord(from, 'eight pairs of hex digits like 00-00-5e-ef-10-00-00-2a', euiOf(8), value =>
        out.bytes(value),
      )
    default:
      return field satisfies never
  }
}

/** One unquoted token through `read`; null from it means that it is not what was `wanted`. */
function parseWord<T>(
  from: TokenCursor,
  wanted: string,
  read: (text: string) => T | null,
  write: (value: T) => void,
): string | null {
  const token = from.next()
  const value = token === null || token.quoted ? null : read(token.text)
  if (value === null) return `expected ${wanted}, found ${found(token)}`
  write(value)
  return null
}

const parseNumber = (from: TokenCursor, max: number, write: (value: number) => void): string | null =>
  parseWord(from, `${article('number')} ${max}`, text => parseUnsigned(text, max), write)

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
  return `expected an IPv6 address, found ${found(token)}${parseIpv4(text) === null ? '' : ', which is an IPv4 address: use type A'}`
}

const writeCounted = (out: OctetWriter, octets: Uint8Array): void => {
  out.u8(octets.length)
  out.bytes(octets)
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

/** The rest of the tokens as one piece of encoded text, whose characters come in groups of `group`. */
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
      text.length % group === 0 ? '' : ` with ${text.length} characters: their number must be a multiple of ${group}`
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

const euiOf =
  (octets: number) =>
  (text: string): Uint8Array | null =>
    new RegExp(`^[0-9a-fA-F]{2}(?:-[0-9a-fA-F]{2}){${octets - 1}}$`).test(text)
      ? parseHex(text.replaceAll('-', ''))
      : null

/** RFC 8659 section 4.1: ASCII letters and digits. */
const tagOf = (text: string): Uint8Array | null =>
  /^[A-Za-z0-9]{1,255}$/.test(text) ? Uint8Array.from(text, c => c.charCodeAt(0)) : null

/** The parameters behind priority and target; the priority decides what they may be. */
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
