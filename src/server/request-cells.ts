/**
 * Where in the memory of the counters a query and its answer are counted, by what charts ask for: protocol, family and
 * type; source and rcode; time by source. Closed sets all: nothing that a client sends makes a new one.
 */
import { RrType, typeName } from '../dns/types.ts'
import type { Transport } from '../ports.ts'

export const PROTOCOLS: readonly Transport[] = ['udp', 'tcp', 'tls', 'https', 'http']
const PROTOCOL: Readonly<Record<Transport, number>> = { udp: 0, tcp: 1, tls: 2, https: 3, http: 4 }
export const FAMILIES = [4, 6] as const

/** Those that make up nearly all queries. */
const KNOWN: readonly number[] = [
  RrType.A,
  RrType.AAAA,
  RrType.HTTPS,
  RrType.PTR,
  RrType.SRV,
  RrType.TXT,
  RrType.MX,
  RrType.NS,
  RrType.SOA,
  RrType.CNAME,
  RrType.DS,
  RrType.DNSKEY,
  RrType.SVCB,
  RrType.TLSA,
  RrType.NAPTR,
  RrType.CAA,
]
/** `none`: dropped, or answered, before a question was read. */
export const TYPES: readonly string[] = [...KNOWN.map(typeName), 'other', 'none']
const OTHER_TYPE = KNOWN.length
const NO_TYPE = KNOWN.length + 1
/** Types below this have their place in a table; above are none of those known. */
const TYPE_TABLE = 258
const typePlaces = Uint8Array.from({ length: TYPE_TABLE }, (_, type) => {
  const place = KNOWN.indexOf(type)
  return place < 0 ? OTHER_TYPE : place
})

/** Who made an answer. */
export const SOURCES = ['cache', 'local', 'policy', 'recursion'] as const
export type Source = (typeof SOURCES)[number]
const SOURCE: Readonly<Record<Source, number>> = { cache: 0, local: 1, policy: 2, recursion: 3 }

/** Of the header's four bits; `BADVERS` and above are together. */
export const RCODES = 17
export const WIDE_RCODE = 16

/** Upper bounds in ms: 50 us and 100 us for what the cache answers, then 0.25 ms x 2^n, up to 16 s. */
export const BUCKETS_MS: readonly number[] = [0.05, 0.1, ...Array.from({ length: 17 }, (_, n) => 0.25 * 2 ** n)]
/** One more for what took longer, and the sum of all times in ms. */
const DURATION_CELLS = BUCKETS_MS.length + 2

const REQUESTS = PROTOCOLS.length * FAMILIES.length * TYPES.length
const RESPONSES = SOURCES.length * RCODES
const VALIDATIONS_AT = REQUESTS + RESPONSES + SOURCES.length * DURATION_CELLS
export const VALIDATION_RESULTS = ['secure', 'insecure', 'bogus', 'indeterminate'] as const
type ValidationResult = (typeof VALIDATION_RESULTS)[number]
const VALIDATION: Readonly<Record<ValidationResult, number>> = { secure: 0, insecure: 1, bogus: 2, indeterminate: 3 }

/** All of them. */
export const REQUEST_CELLS: number = VALIDATIONS_AT + VALIDATION_RESULTS.length

/** By the place of the type in `TYPES`. */
export const requestCellAt = (transport: Transport, family: 4 | 6, place: number): number =>
  (PROTOCOL[transport] * FAMILIES.length + (family === 6 ? 1 : 0)) * TYPES.length + place

/** `type` null: no question was read. */
export function requestCell(transport: Transport, family: 4 | 6, type: number | null): number {
  const place = type === null ? NO_TYPE : type < TYPE_TABLE ? (typePlaces[type] ?? OTHER_TYPE) : OTHER_TYPE
  return requestCellAt(transport, family, place)
}

export const responseCell = (source: Source, rcode: number): number =>
  REQUESTS + SOURCE[source] * RCODES + Math.min(rcode, WIDE_RCODE)

/** Of what took `ms`. */
export function durationCell(source: Source, ms: number): number {
  let bucket = 0
  while (bucket < BUCKETS_MS.length && ms > (BUCKETS_MS[bucket] ?? 0)) bucket++
  return REQUESTS + RESPONSES + SOURCE[source] * DURATION_CELLS + bucket
}

export const durationSumCell = (source: Source): number =>
  REQUESTS + RESPONSES + SOURCE[source] * DURATION_CELLS + BUCKETS_MS.length + 1

export const validationCell = (result: ValidationResult): number => VALIDATIONS_AT + VALIDATION[result]

/**
 * From what an answer says of itself (`by` of the query log). A failure remembered is an answer from the cache, and so
 * is what another instance has found out; any
 * other is what became of a recursion.
 */
export function sourceOf(by: string): Source {
  if (by === 'cache' || by === 'shared' || by === 'stale' || by === 'failure:cached') return 'cache'
  if (by === 'local') return 'local'
  if (by === 'recursion' || by === 'late' || by.startsWith('failure:')) return 'recursion'
  return 'policy'
}
