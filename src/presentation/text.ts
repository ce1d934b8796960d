/**
 * Names, character-strings, numbers and TTLs in presentation format (RFC 1035 section 5.1), both ways. Deliberately not
 * a tokenizer (`tokens.ts`) and ignorant of record types (`rdata-text.ts`). What is written here reads back to the same
 * octets, and never contains an octet that a terminal, a log or a zone file would take for something else.
 */
import { MAX_LABEL_OCTETS, MAX_NAME_OCTETS, ROOT, trustWireName, type WireName } from '../dns/name.ts'

/** Why a text can't be read, as a sentence part for a person: what was found, what was expected. */
export interface TextError {
  readonly error: string
}

/** RFC 1035 section 3.3: a character-string has one length octet. */
export const MAX_STRING_OCTETS = 255
const MAX_U32 = 0xffff_ffff
/** Characters of foreign text repeated in a message: more would drown the message. */
const SHOWN_CHARACTERS = 64

const BACKSLASH = 0x5c
const DOT = 0x2e

const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39
const decimalEscape = (octet: number): string => `\\${octet.toString().padStart(3, '0')}`

/** Characters that mean something else to a zone file when they stand bare in a name. */
const NAME_SPECIALS = '"().;\\@$'
const PLAIN_LABEL = /^[\w*/+=:,!#%&'<>?[\]^`{|}~-]+$/

/** A name with a trailing dot; the root is `.`. Octets that aren't plain are written `\X` or `\DDD`. */
export function formatName(name: WireName): string {
  if (name.length === 1) return '.'
  let text = ''
  for (let at = 0; name.charCodeAt(at) !== 0; at += name.charCodeAt(at) + 1)
    text += `${formatLabel(name.slice(at + 1, at + 1 + name.charCodeAt(at)))}.`
  return text
}

/** One label (octets as latin-1 text) as `formatName` writes it, without a dot. */
function formatLabel(label: string): string {
  if (PLAIN_LABEL.test(label)) return label
  let text = ''
  for (let i = 0; i < label.length; i++) {
    const code = label.charCodeAt(i)
    const character = label.charAt(i)
    if (code <= 0x20 || code >= 0x7f) text += decimalEscape(code)
    else text += NAME_SPECIALS.includes(character) ? `\\${character}` : character
  }
  return text
}

/** Octets as one quoted character-string; any length (the limit of 255 belongs to the reader of the octets). */
export function formatString(octets: Uint8Array): string {
  let text = '"'
  for (const code of octets) {
    if (code < 0x20 || code >= 0x7f) text += decimalEscape(code)
    else text += code === 0x22 || code === BACKSLASH ? `\\${String.fromCharCode(code)}` : String.fromCharCode(code)
  }
  return `${text}"`
}

/**
 * Foreign text between quotes as it may stand in a message: cut when long, without control characters, bidirectional
 * overrides or other invisible characters that would forge lines of a log or a terminal.
 */
export function shown(text: string): string {
  let out = ''
  for (const character of text.length > SHOWN_CHARACTERS ? text.slice(0, SHOWN_CHARACTERS) : text) {
    const code = character.codePointAt(0) ?? 0
    if (code < 0x20 || (code >= 0x7f && code <= 0xa0)) out += decimalEscape(code)
    else if (isRawOctet(code)) out += decimalEscape(code - RAW_OCTET_BASE)
    else out += /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/u.test(character) ? `\\u{${code.toString(16)}}` : character
  }
  return `"${out}${text.length > SHOWN_CHARACTERS ? '…' : ''}"`
}

/**
 * An octet of a file that is not UTF-8 there stands in its text as the code unit U+DC00 plus the octet, which no proper
 * text has (the "surrogateescape" of Python, PEP 383): such a text keeps every octet, and a name or string made from it
 * has it as it was.
 */
export const rawOctetUnit = (octet: number): string => String.fromCharCode(RAW_OCTET_BASE + octet)
const RAW_OCTET_BASE = 0xdc00
const isRawOctet = (code: number): boolean => code >= RAW_OCTET_BASE + 0x80 && code <= RAW_OCTET_BASE + 0xff

const utf8 = new TextEncoder()
const latin1Utf8 = (character: string): string => String.fromCharCode(...utf8.encode(character))

interface Piece {
  /** Octets as latin-1 text. */
  readonly octets: string
  readonly next: number
}

/** The character or escape at `at`. A bare character beyond ASCII is its UTF-8 octets. */
function readPiece(text: string, at: number): Piece | TextError {
  const code = text.charCodeAt(at)
  if (code !== BACKSLASH) {
    if (code < 0x80) return { octets: text.charAt(at), next: at + 1 }
    if (isRawOctet(code)) return { octets: String.fromCharCode(code - RAW_OCTET_BASE), next: at + 1 }
    const character = String.fromCodePoint(text.codePointAt(at) ?? 0xfffd)
    return { octets: latin1Utf8(character), next: at + character.length }
  }
  const following = text.charCodeAt(at + 1)
  if (Number.isNaN(following)) return { error: 'a backslash at the end escapes nothing (write \\\\ for a backslash)' }
  if (!isDigit(following)) return following === BACKSLASH ? { octets: '\\', next: at + 2 } : readPiece(text, at + 1)
  const digits = text.slice(at + 1, at + 4)
  const octet = Number(digits)
  if (!/^\d{3}$/.test(digits) || octet > 255)
    return {
      error:
        `${shown(text.slice(at, at + 4))} is not an escape: after a backslash come three digits from 000 to ` +
        '255, or one character',
    }
  return { octets: String.fromCharCode(octet), next: at + 4 }
}

const PLAIN_TEXT = /^[ -[\]-~]*$/
const isPlain = (text: string): boolean => PLAIN_TEXT.test(text)

/** The octets (latin-1 text) that a token's text stands for. */
export function unescapeText(text: string): string | TextError {
  if (isPlain(text)) return text
  let octets = ''
  for (let at = 0; at < text.length; ) {
    const piece = readPiece(text, at)
    if ('error' in piece) return piece
    octets += piece.octets
    at = piece.next
  }
  return octets
}

/** The octets (latin-1 text) of one character-string. */
export function parseString(text: string): string | TextError {
  const octets = unescapeText(text)
  if (typeof octets === 'string' && octets.length > MAX_STRING_OCTETS) {
    return {
      error:
        `this string has ${octets.length} octets, a character-string holds at most ${MAX_STRING_OCTETS}: split ` +
        'it into several quoted strings',
    }
  }
  return octets
}

/** Labels as octets; the last is empty when the text ends in an unescaped dot. */
function splitLabels(text: string): string[] | TextError {
  if (isPlain(text)) return text.split('.')
  const labels: string[] = []
  let label = ''
  for (let at = 0; at < text.length; ) {
    if (text.charCodeAt(at) === DOT) {
      labels.push(label)
      label = ''
      at++
      continue
    }
    const piece = readPiece(text, at)
    if ('error' in piece) return piece
    label += piece.octets
    at = piece.next
  }
  labels.push(label)
  return labels
}

/** What completes a relative name: a name; null takes every name as absolute; 'none' refuses relative names. */
export type Origin = WireName | 'none' | null

/** A name from text. Relative names (no trailing dot) and `@` are completed with `origin`. */
export function parseName(text: string, origin: Origin): WireName | TextError {
  if (text === '@')
    return origin === null || origin === 'none'
      ? { error: '"@" stands for the origin, and no origin is known here' }
      : origin
  if (text === '.') return ROOT
  if (text === '') return { error: 'a name is missing' }
  const labels = splitLabels(text)
  if ('error' in labels) return labels
  const absolute = labels.at(-1) === ''
  if (absolute) labels.pop()
  let octets = ''
  for (const label of labels) {
    if (label.length === 0) return { error: `${shown(text)} has an empty label: two dots in a row, or a dot in front` }
    if (label.length > MAX_LABEL_OCTETS)
      return { error: `${shown(text)} has a label of ${label.length} octets, at most ${MAX_LABEL_OCTETS} are possible` }
    octets += String.fromCharCode(label.length) + label
  }
  if (!absolute && origin === 'none')
    return { error: `${shown(text)} is relative, but no origin is known: end it with a dot or put $ORIGIN above` }
  octets += absolute || origin === null ? '\0' : origin
  if (octets.length > MAX_NAME_OCTETS) {
    const hint = absolute ? '' : ' (is a dot missing at its end?)'
    return {
      error: `${shown(text)} makes a name of ${octets.length} octets, at most ${MAX_NAME_OCTETS} are possible${hint}`,
    }
  }
  return trustWireName(octets)
}

/** A decimal number from 0 to `max`, null when the text is anything else. */
export function parseUnsigned(text: string, max: number): number | null {
  if (!/^\d{1,10}$/.test(text)) return null
  const value = Number(text)
  return value <= max ? value : null
}

const SECONDS_OF_UNIT: ReadonlyMap<string, number> = new Map([
  ['w', 604_800],
  ['d', 86_400],
  ['h', 3_600],
  ['m', 60],
  ['s', 1],
])

/**
 * A TTL in seconds: `3600`, or with BIND's units `1h30m` (w d h m s, any case). Null when it is neither or beyond 32
 * bits.
 */
export function parseTtl(text: string): number | null {
  if (!isDigit(text.charCodeAt(0))) return null
  const plain = parseUnsigned(text, MAX_U32)
  if (plain !== null) return plain
  if (!/^(?:\d{1,10}[wdhms])+$/i.test(text)) return null
  let seconds = 0
  for (const [, count, unit] of text.toLowerCase().matchAll(/(\d+)([wdhms])/g))
    seconds += Number(count) * (SECONDS_OF_UNIT.get(unit ?? '') ?? 0)
  return seconds <= MAX_U32 ? seconds : null
}
