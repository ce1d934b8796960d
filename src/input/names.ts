/**
 * Names, patterns, types and addresses as a test writes them, and names as the stub reports them: lower case, no
 * trailing dot. A pattern is a name, `*.name` (everything below it) or `*`. What cannot be read is a `Mistake` of the
 * caller.
 */
import { counted } from '../presentation/counted.ts'
import { domainToASCII } from 'node:url'
import { inPrefix, type IpAddress, parseIp, parsePrefix } from '../dns/address.ts'
import { foldName, isStrictlyWithin, type Name, type WireName } from '../dns/name.ts'
import { unknownType } from '../presentation/field-parse.ts'
import { suggest } from '../presentation/suggest.ts'
import { formatName, parseName, shown } from '../presentation/text.ts'
import { isMetaType, Rcode, RrType, typeNumber } from '../dns/types.ts'
import { DNS_PORT } from '../ports.ts'
import { whyNotAName } from './not-a-name.ts'
import { mistake } from './mistake.ts'

const BEYOND_ASCII = /[^\0-\x7f]/

/** A name of a test in the case it is written in. Unicode names become what a client sends (UTS 46). */
export function wireName(text: unknown, what = 'a name'): WireName {
  if (typeof text !== 'string') return mistake(`expected ${what} as text, found ${described(text)}`)
  const other = whyNotAName(text)
  if (other !== null) mistake(`expected ${what}${other}`)
  const ascii = BEYOND_ASCII.test(text)
    ? text
        .split('.')
        .map(label => (BEYOND_ASCII.test(label) ? domainToASCII(label) || label : label))
        .join('.')
    : text
  const name = parseName(ascii, null)
  return typeof name === 'string' ? name : mistake(`expected ${what} like "api.test": ${name.error}`)
}

export const foldedName = (text: unknown, what?: string): Name => foldName(wireName(text, what))

/** A name that `plainName` wrote, whatever octets a client put into it. */
export function listedName(text: string): Name {
  const name = parseName(text, null)
  if (typeof name !== 'string') throw new Error(`${shown(text)} is no name of ours: ${name.error}`)
  return foldName(name)
}

/** Names as the stub reports them. */
export function plainName(name: WireName): string {
  const text = formatName(foldName(name))
  return text === '.' ? text : text.slice(0, -1)
}

/** A value in a message: its text, or what it is. */
export function described(value: unknown): string {
  if (typeof value === 'string') return shown(value)
  if (
    value === null ||
    value === undefined ||
    typeof value === 'number' ||
    typeof value === 'boolean' ||
    typeof value === 'bigint'
  )
    return String(value)
  if (Array.isArray(value)) return 'an array'
  if (value instanceof Uint8Array) return counted(value.length, 'octet')
  if (typeof value === 'object') {
    const fields = Object.keys(value)
    return fields.length === 0 ? 'an empty object' : `an object with ${fields.slice(0, 6).join(', ')}`
  }
  return `a ${typeof value}`
}

export interface Pattern {
  readonly text: string
  matches(name: Name): boolean
}

export function patternOf(text: unknown): Pattern {
  if (text === '*' || text === '*.') return { text: '*', matches: () => true }
  const name = foldedName(text, 'a name, "*.name" or "*"')
  const plain = plainName(name)
  if (plain.startsWith('*.')) {
    const above = foldedName(plain.slice(2))
    return { text: plain, matches: asked => isStrictlyWithin(asked, above) }
  }
  if (plain.split('.').includes('*'))
    mistake(`expected a name, "*.name" or "*", found ${shown(plain)}: an asterisk stands in front`)
  return { text: plain, matches: asked => asked === name }
}

/** The number of a type that is asked for or that a record has. */
export function typeOf(text: unknown): number {
  if (typeof text !== 'string') return mistake(`expected a type like "A" or "MX", found ${described(text)}`)
  return (
    typeNumber(text) ??
    mistake(
      'expected a type like A or MX, found ' +
        `${text.toUpperCase() === 'TTL' ? '"TTL" (did you mean ttl?)' : unknownType(text)}`,
    )
  )
}

export function dataTypeOf(text: unknown): number {
  const type = typeOf(text)
  return isMetaType(type) || type === 0
    ? mistake(`${described(text)} is asked for or signals something, it can not be a record`)
    : type
}

export function rcodeOf(value: unknown): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 0xfff) return value
  const known =
    typeof value === 'string' ? Object.entries(Rcode).find(([name]) => name === value.toUpperCase()) : undefined
  return (
    known?.[1] ??
    mistake(`expected an rcode like "SERVFAIL" or a number up to 4095, found ${near(value, Object.keys(Rcode))}`)
  )
}

/** A word in a message with the known one that it resembles. */
export function near(value: unknown, known: readonly string[]): string {
  if (typeof value !== 'string') return described(value)
  const lower = new Map(known.map(word => [word.toLowerCase(), word]))
  const close = suggest(value.toLowerCase(), lower.keys())
  return close === null ? shown(value) : `${shown(value)} (did you mean ${JSON.stringify(lower.get(close))}?)`
}

/** An address of one or the other family; null when the text is something else. */
export const addressIn = (text: string): { readonly type: number; readonly ip: IpAddress } | null => {
  const ip = text.includes('%') ? null : parseIp(text)
  return ip === null ? null : { type: ip.family === 4 ? RrType.A : RrType.AAAA, ip }
}

/** Who a rule is for: an address or a prefix. */
export function clientsOf(text: unknown): (ip: IpAddress) => boolean {
  const prefix = typeof text === 'string' ? parsePrefix(text) : null
  if (prefix === null) return mistake(`expected an address or a prefix like "127.0.0.0/8", found ${described(text)}`)
  return ip => inPrefix(ip, prefix)
}

/** `192.0.2.53`, `192.0.2.53:5353`, `[2001:db8::53]:53`, `2001:db8::53`. */
export function serverOf(text: unknown): { readonly ip: IpAddress; readonly port: number } {
  const wanted = 'expected a server like "192.0.2.53:53" or "[2001:db8::53]:53"'
  if (typeof text !== 'string') return mistake(`${wanted}, found ${described(text)}`)
  const parts = /^(?:\[(?<v6>[^\]]+)\]|(?<v4>[\d.]+))(?::(?<port>\d{1,5}))?$/.exec(text)?.groups
  const ip = parseIp(parts?.v6 ?? parts?.v4 ?? text)
  const port = parts?.port === undefined ? DNS_PORT : Number(parts.port)
  if (ip === null || port < 1 || port > 0xffff) return mistake(`${wanted}, found ${described(text)}`)
  return { ip, port }
}

/** A whole number of seconds for a TTL (RFC 2181 section 8: 31 bits). */
export const ttlOf = (value: unknown): number => wholeNumber(value, 'ttl', 0x7fff_ffff, 'seconds')

export function wholeNumber(value: unknown, what: string, max: number, unit = ''): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= max) return value
  return mistake(
    `expected ${what} to be a whole number${unit === '' ? '' : ` of ${unit}`} from 0 to ${max}, found ` +
      `${described(value)}`,
  )
}

/** Milliseconds, fractions allowed. */
export function duration(value: unknown, what: string): number {
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return value
  return mistake(`expected ${what} in milliseconds, found ${described(value)}`)
}

/** The options of a call: every field must be known. */
export function knownFields(value: unknown, fields: readonly string[], what: string): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    mistake(`expected ${what} as an object, found ${described(value)}`)
  for (const field of Object.keys(value))
    if (!fields.includes(field))
      mistake(`${what}: unknown field ${near(field, fields)}; known are ${fields.join(', ')}`)
}
