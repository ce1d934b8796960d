/**
 * A record as a line, or over lines with comments, in the ways that dig's options name: `+multiline`, `+ttlunits`,
 * `+unknownformat`, `+nocrypto` and so on. Texts only; `presentation/rdata-text.ts` knows what RDATA says.
 */
import { counted } from '../presentation/counted.ts'
import { algorithmText } from '../presentation/rdata-facts.ts'
import { keyTagOf } from '../dns/rdata-dnssec.ts'
import { formatGeneric, formatRdata } from '../presentation/rdata-text.ts'
import { formatRr } from '../presentation/rr-text.ts'
import type { Rr } from '../dns/rrset.ts'
import { formatName } from '../presentation/text.ts'
import { className, RrType, typeName } from '../dns/types.ts'

export interface RecordStyle {
  readonly multiline: boolean
  /** `1h30m` for 5400. */
  readonly ttlUnits: boolean
  readonly ttl: boolean
  readonly class: boolean
  /** Every type in the form of RFC 3597. */
  readonly generic: boolean
  /** Keys, digests and signatures; without it something short stands for them. */
  readonly crypto: boolean
  /** Characters in a piece of hex or base64; 0: one piece; null: as ever. */
  readonly split: number | null
  /** What a key or a number means, as a comment. */
  readonly comments: boolean
  /** All 32 digits of IPv6 addresses. */
  readonly fullAddresses: boolean
}

export const plainStyle: RecordStyle = {
  multiline: false,
  ttlUnits: false,
  ttl: true,
  class: true,
  generic: false,
  crypto: true,
  split: null,
  comments: false,
  fullAddresses: false,
}

/** Columns of dig: what continues a record stands below its RDATA. */
const INDENT = '\t\t\t\t'
/** Long text within parentheses is cut into pieces of this many characters, as dig does. */
const MULTILINE_PIECE = 44
const PIECE = 56

/** Lines without the last newline. */
export function styledRr(rr: Rr, style: RecordStyle): string {
  if (style === plainStyle) return formatRr(rr)
  const head = [
    formatName(rr.owner),
    ...(style.ttl ? [style.ttlUnits ? ttlUnits(rr.ttl) : String(rr.ttl)] : []),
    ...(style.class ? [style.generic ? `CLASS${rr.class}` : className(rr.class)] : []),
    style.generic ? `TYPE${rr.type}` : typeName(rr.type),
  ]
  return `${head.join('\t')}\t${styledRdata(rr, style)}`
}

export function styledRdata({ type, rdata }: Pick<Rr, 'type' | 'rdata'>, style: RecordStyle): string {
  if (style.generic) return genericText(formatGeneric(rdata), style)
  if (type === RrType.AAAA && style.fullAddresses && rdata.length === ADDRESS_OCTETS) return fullAddress(rdata)
  const text = formatRdata(type, rdata)
  if (text.startsWith('\\#')) return genericText(text, style)
  const parts = text.split(' ')
  if (type === RrType.SOA && style.multiline) return soaLines(parts, style.comments)
  if (type === RrType.NSEC3 && style.multiline) return nsec3Lines(parts)
  const heads = HEADS.get(type)
  return heads === undefined ? text : longText(heads, parts, { type, rdata }, style)
}

const ADDRESS_OCTETS = 16
const fullAddress = (rdata: Uint8Array): string => (Buffer.from(rdata).toString('hex').match(/.{4}/g) ?? []).join(':')

/** Words before the long part, a number for each line they take in `+multiline`. */
const HEADS: ReadonlyMap<number, readonly number[]> = new Map([
  [RrType.RRSIG, [4, 4]],
  [RrType.SIG, [4, 4]],
  [RrType.DNSKEY, [3]],
  [RrType.CDNSKEY, [3]],
  [RrType.DS, [3]],
  [RrType.CDS, [3]],
  [RrType.TLSA, [3]],
  [RrType.SMIMEA, [3]],
  [RrType.CERT, [3]],
  [RrType.SSHFP, [2]],
  [RrType.OPENPGPKEY, [0]],
])
const KEYS: ReadonlySet<number> = new Set([RrType.DNSKEY, RrType.CDNSKEY])
/** What is not shown without `crypto`, as dig decided. */
const CRYPTO: ReadonlySet<number> = new Set([
  ...KEYS,
  RrType.RRSIG,
  RrType.SIG,
  RrType.DS,
  RrType.CDS,
  RrType.OPENPGPKEY,
])

/** `\\# length hex` (RFC 3597 section 5). */
function genericText(text: string, style: RecordStyle): string {
  const [mark = '', length = '', ...hex] = text.split(' ')
  const long = pieces(hex.join(''), style)
  if (!style.multiline || hex.length === 0) return [mark, length, ...long].join(' ').trimEnd()
  return `${mark} ${length} ( ${long.join(`\n${INDENT}`)} )`
}

function longText(
  heads: readonly number[],
  parts: readonly string[],
  rr: Pick<Rr, 'type' | 'rdata'>,
  style: RecordStyle,
): string {
  const count = heads.reduce((sum, words) => sum + words, 0)
  const lines = heads.map((words, index) => {
    const from = heads.slice(0, index).reduce((sum, before) => sum + before, 0)
    return parts.slice(from, from + words).join(' ')
  })
  const long = parts.slice(count).join('')
  const isKey = KEYS.has(rr.type)
  const shown =
    style.crypto || !CRYPTO.has(rr.type)
      ? pieces(long, style)
      : [isKey ? `[key id = ${keyTagOf(rr.rdata)}]` : '[omitted]']
  const comment = isKey && style.comments ? ` ; ${keyText(rr.rdata)}` : ''
  if (!style.multiline) return `${[...lines, ...shown].filter(part => part !== '').join(' ')}${comment}`
  const [first = '', ...others] = lines
  const body = [...others, ...shown]
  const end = comment === '' ? ' )' : `\n${INDENT})`
  return `${first === '' ? '' : `${first} `}(\n${body.map(line => `${INDENT}${line}`).join('\n')}${end}${comment}`
}

function pieces(text: string, { multiline, split }: RecordStyle): readonly string[] {
  if (split === 0) return [text]
  const length = split ?? (multiline ? MULTILINE_PIECE : PIECE)
  return text.match(new RegExp(`.{1,${length}}`, 'g')) ?? [text]
}

/** RFC 4034 section 2.1.1: zone key and secure entry point; RFC 5011 section 3: revoked. */
const ZONE_KEY = 0x01
const ENTRY_POINT = 0x01
const REVOKED = 0x80

function keyText(rdata: Uint8Array): string {
  const [high = 0, low = 0, , algorithm = 0] = rdata
  const role = (low & ENTRY_POINT) !== 0 ? 'KSK' : (high & ZONE_KEY) !== 0 ? 'ZSK' : 'no zone key'
  return (
    `${(low & REVOKED) !== 0 ? 'revoked ' : ''}${role}; alg = ${algorithmText(algorithm)} ; key id = ` +
    `${keyTagOf(rdata)}`
  )
}

const SOA_NUMBERS = ['serial', 'refresh', 'retry', 'expire', 'minimum'] as const
/** The longest number of 32 bits. */
const NUMBER_WIDTH = 10

function soaLines(parts: readonly string[], comments: boolean): string {
  const numbers = SOA_NUMBERS.map((what, index) => {
    const value = parts[index + 2] ?? ''
    if (!comments) return `${INDENT}${value}`
    return `${INDENT}${value.padEnd(NUMBER_WIDTH)} ; ${what}${what === 'serial' ? '' : ` (${ttlWords(Number(value))})`}`
  })
  return `${parts[0]} ${parts[1]} (\n${numbers.join('\n')}${comments ? `\n${INDENT}` : ''})`
}

const NSEC3_HEAD = 4

const nsec3Lines = (parts: readonly string[]): string =>
  (
    `${parts.slice(0, NSEC3_HEAD).join(' ')} ` +
    `(\n${parts.slice(NSEC3_HEAD, NSEC3_HEAD + 1).join('')}\n${parts.slice(NSEC3_HEAD + 1).join(' ')} )`
  ).replaceAll('\n', `\n${INDENT}`)

const UNITS = [
  ['week', 604_800],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
] as const

function inUnits(seconds: number): { readonly unit: string; readonly count: number }[] {
  let left = seconds
  const units = UNITS.map(([unit, length]) => {
    const count = Math.floor(left / length)
    left -= count * length
    return { unit, count }
  }).filter(({ count }) => count > 0)
  return units.length === 0 ? [{ unit: 'second', count: 0 }] : units
}

/** `1w2d3h4m5s`. */
export const ttlUnits = (seconds: number): string =>
  inUnits(seconds)
    .map(({ unit, count }) => `${count}${unit.charAt(0)}`)
    .join('')

/** `1 week 2 days`. */
const ttlWords = (seconds: number): string =>
  inUnits(seconds)
    .map(({ unit, count }) => counted(count, unit))
    .join(' ')
