/**
 * How single values of a configuration are written: octets, algorithms, times; and the addresses that are never asked
 * by default. Text in, value or null out; what is wrong is said by the schema.
 */
import { algorithmOf, digestOf } from '../dnssec/algorithms.ts'

/**
 * Addresses that no name server on the Internet has. IPv4-mapped IPv6 addresses are the IPv4 addresses in them before
 * they get here. Private addresses are not among these: servers inside a network are ordinary.
 */
export const neverAsked: readonly string[] = [
  // This host on this network (RFC 1122 section 3.2.1.3); many systems deliver it to themselves.
  '0.0.0.0/8',
  // Loopback: a zone could make us ask our own services, or ourselves.
  '127.0.0.0/8',
  // Link-local (RFC 3927): metadata services of clouds.
  '169.254.0.0/16',
  // Documentation (RFC 5737).
  '192.0.2.0/24',
  '198.51.100.0/24',
  '203.0.113.0/24',
  // Multicast: one question would reach many.
  '224.0.0.0/4',
  // Reserved, with the broadcast address (RFC 1112 section 4, RFC 919 section 7).
  '240.0.0.0/4',
  // Unspecified (many systems deliver it to themselves), and loopback.
  '::/128',
  '::1/128',
  // Discard-only (RFC 6666).
  '100::/64',
  // Documentation (RFC 3849, RFC 9637).
  '2001:db8::/32',
  '3fff::/20',
  // Link-local, and multicast.
  'fe80::/10',
  'ff00::/8',
]

export const MAX_PORT = 0xffff
/** RFC 8767 section 4 suggests one to three days; Unbound's users keep a week. */
export const MAX_STALE_S: number = 7 * 86_400
export const MEBIBYTE: number = 1024 * 1024
const UNITS: ReadonlyMap<string, number> = new Map([
  ['KiB', 1024],
  ['MiB', MEBIBYTE],
  ['GiB', 1024 * MEBIBYTE],
])

/** Octets from a number or from text such as `64MiB`; null when it is neither. */
export function parseBytes(value: number | string): number | null {
  if (typeof value === 'number') return value
  const match = /^(\d{1,6})\s*(KiB|MiB|GiB)$/.exec(value)
  return match === null ? null : Number(match[1]) * (UNITS.get(match[2] ?? '') ?? 1)
}

export type DnstapTarget =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'file'; readonly path: string }

/** `unix:PATH`, `file:PATH`, `tcp:HOST:PORT` with an address of IPv6 in brackets; null: none of them. */
export function parseDnstap(text: string): DnstapTarget | null {
  const { kind, rest = '' } = /^(?<kind>unix|file|tcp):(?<rest>.+)$/.exec(text)?.groups ?? {}
  if (kind === 'unix' || kind === 'file') return { kind, path: rest }
  const form = /^(?<host>\[(?<inner>[\da-fA-F:.]+)\]|[\w.-]+):(?<port>\d{1,5})$/
  const { host, inner, port } = form.exec(rest)?.groups ?? {}
  const number = Number(port)
  if (kind !== 'tcp' || host === undefined || number < 1 || number > MAX_PORT) return null
  return { kind, host: inner ?? host, port: number }
}

/** What is not trusted: a DNSKEY algorithm or a DS digest type. */
export interface Disallowed {
  readonly what: 'algorithm' | 'digest'
  readonly number: number
}

/**
 * A mnemonic, or a number. Numbers up to 4 are digest types and greater ones algorithms: no validator trusts an
 * algorithm up to 4 or a digest type above 4, so no number is ambiguous. Null when it is neither.
 */
export function parseDisallowed(entry: string | number): Disallowed | null {
  const digest = digestOf(String(entry))
  if (digest !== null) return { what: 'digest', number: digest }
  const number = typeof entry === 'number' ? entry : algorithmOf(entry)
  if (number === null || !Number.isInteger(number) || number < 1 || number > 0xff) return null
  return { what: number <= GREATEST_DIGEST && /^\d+$/.test(String(entry)) ? 'digest' : 'algorithm', number }
}

const GREATEST_DIGEST = 4

/**
 * Seconds since 1970 of a date such as `2026-12-31` or a time such as `2026-12-31T12:00:00Z`; null when it is neither.
 */
export function parseInstant(text: string): number | null {
  if (!/^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d))?$/.test(text)) return null
  const instant = Date.parse(text)
  // 2026-02-30 is taken for March 2 by some readers of dates.
  return Number.isNaN(instant) ||
    new Date(`${text.slice(0, 10)}T00:00:00Z`).toISOString().slice(0, 10) !== text.slice(0, 10)
    ? null
    : Math.floor(instant / 1_000)
}

/** In the list of `dnssec.trustAnchors`: those that hold when it is not given. */
export const BUILT_IN = 'built-in'

/** For `tls.certificate`: one that is made here. */
export const SELF_SIGNED = 'self-signed'
