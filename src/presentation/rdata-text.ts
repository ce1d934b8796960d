/**
 * RDATA in presentation format, both ways, driven by the table of `dns/rdata-shape.ts`. What does not fit its shape is
 * written in the form of RFC 3597 (`\# 4 0A000001`), so that every RDATA has a text, and text that is accepted is that
 * of its octets. Reading is stricter than writing: what a server sent is shown, what a person wrote is checked (digest
 * lengths, SVCB parameters that contradict each other).
 *
 * Tokens come from `tokens.ts`; errors say which token, what was expected there and how the type is written.
 */
import { counted } from './counted.ts'
import { formatHex, parseHex } from '../dns/encoding-text.ts'
import { OctetReader, OctetWriter } from '../dns/rdata-io.ts'
import { type RdataShape, shapeOf } from '../dns/rdata-shape.ts'
import { RrType, typeName } from '../dns/types.ts'
import { chunked, formatField } from './field-format.ts'
import { found, parseField, type RdataError, type RdataToken, TokenCursor } from './field-parse.ts'
import { contradiction, digestOctets, exampleOf, isUnassigned } from './rdata-facts.ts'
import { type Origin, parseUnsigned, shown } from './text.ts'
import { EntryReader } from './tokens.ts'

/** RFC 1035 section 3.2.1: RDLENGTH has 16 bits. */
const MAX_RDATA_OCTETS = 0xffff

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
      error:
        `${typeName(type)} has no text form here: write it as \\# followed by the length and the octets in hex, ` +
        'like \\# 4 0A000001',
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
      error: `expected ${counted(length, 'octet')} as pairs of hex digits after \\# ${length}`,
    }
  if (rdata.length !== length)
    return {
      index: at,
      error: `\\# announces ${counted(length, 'octet')}, but ${counted(rdata.length, 'follows', 'follow')}`,
    }
  if (shapeOf(type) === undefined) return rdata
  const text = formatKnown(type, rdata)
  if (text === null && isUnassigned(type, rdata)) return rdata
  if (text === null)
    return { index: at, error: `${counted(length, 'octet is', 'octets are')} no ${typeName(type)} record data` }
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
