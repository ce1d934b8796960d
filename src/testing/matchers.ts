/**
 * What a test says of a stub, for `expect.extend` of vitest and jest: what it was asked for, how often, and what a name
 * resolves to. Messages list what was asked instead. No test framework is imported here.
 */
import { times } from '../presentation/counted.ts'
import dns from 'node:dns'
import { isDeepStrictEqual } from 'node:util'
import { parseIp } from '../dns/address.ts'
import { suggest } from '../presentation/suggest.ts'
import { defaultLimits } from '../limits.ts'
import { errorCode } from '../system/system-error.ts'
import { described, listedName, patternOf, typeOf } from '../input/names.ts'
import type { DnsStub, RecordedQuery } from './stub/types.ts'

export interface MatcherResult {
  readonly pass: boolean
  message(): string
}

/** `(count)`, `(name, count)` or `(name, type, count)`. */
export type AskedTimes =
  | readonly [count: number]
  | readonly [name: string, count: number]
  | readonly [name: string, type: string, count: number]

/** Records as text (`'10 mail.a.test'`) or as `node:dns` gives them, or the code of the error (`'ENOTFOUND'`). */
export type ResolvesTo = string | object | readonly (string | object)[]

/**
 * Of a stub or a resolver: `(name, expected, type?)`; of a name: `(expected, type?)`. Without type: addresses of both
 * families.
 */
export type ResolveArguments =
  | readonly [name: string, expected: ResolvesTo, type?: string]
  | readonly [expected: ResolvesTo, type?: string]

/** What is in `expect(dns)` when the matchers are in. Names may be patterns: `*.cdn.test`, `*`. */
export interface DnsMatchers {
  toHaveBeenAskedFor(name: string, type?: string): void
  toHaveBeenAskedTimes(...expected: AskedTimes): void
  /** Sends queries, which the stub records as any others. */
  toResolveTo(...expected: ResolveArguments): Promise<void>
}

interface Wanted {
  /** For messages: `api.internal A`. */
  readonly text: string
  readonly queries: readonly RecordedQuery[]
}

export const dnsMatchers: {
  toHaveBeenAskedFor(received: unknown, name: string, type?: string): MatcherResult
  toHaveBeenAskedTimes(received: unknown, ...expected: AskedTimes): MatcherResult
  toResolveTo(received: unknown, ...expected: ResolveArguments): Promise<MatcherResult>
} = {
  toHaveBeenAskedFor(received, name, type) {
    const stub = stubIn(received, 'toHaveBeenAskedFor')
    const { text, queries } = wantedOf(stub, name, type)
    return {
      pass: queries.length > 0,
      message: () =>
        queries.length > 0
          ? `expected the stub not to have been asked for ${text}, it was asked:\n${listed(queries)}`
          : `expected the stub to have been asked for ${text}, ${askedInstead(stub, name)}`,
    }
  },

  toHaveBeenAskedTimes(received, ...expected) {
    const stub = stubIn(received, 'toHaveBeenAskedTimes')
    const { count, name, type } = askedTimes(expected)
    const { text, queries } = name === undefined ? { text: '', queries: stub.queries } : wantedOf(stub, name, type)
    const forText = text === '' ? '' : ` for ${text}`
    const pass = queries.length === count
    const found =
      queries.length === 0 && name !== undefined
        ? askedInstead(stub, name)
        : `it was asked ${times(queries.length)}${queries.length === 0 ? '' : `:\n${listed(queries)}`}`
    return {
      pass,
      message: () =>
        pass
          ? `expected the stub not to have been asked ${times(count)}${forText}:\n${listed(queries)}`
          : `expected the stub to have been asked ${times(count)}${forText}, ${found}`,
    }
  },

  async toResolveTo(received, ...args) {
    const { subject, name, expected, type } = resolution(received, args)
    const wanted = (Array.isArray(expected) ? expected : [expected]).map(recordText).toSorted()
    const got = (await resolved(subject, name, type)).map(recordText).toSorted()
    const pass = isDeepStrictEqual(got, wanted)
    const what = `${name}${type === undefined ? '' : ` ${type.toUpperCase()}`}`
    return {
      pass,
      message: () =>
        pass
          ? `expected ${what} not to resolve to ${wanted.join(', ')}`
          : `expected ${what} to resolve to ${wanted.join(', ') || 'nothing'}, it resolves to ` +
            `${got.join(', ') || 'nothing'}`,
    }
  },
}

function stubIn(received: unknown, matcher: string): DnsStub {
  if (isStub(received)) return received
  throw new TypeError(`${matcher}: expected a DNS stub, found ${described(received)}: expect(dns).${matcher}(…)`)
}

const isStub = (value: unknown): value is DnsStub =>
  typeof value === 'object' &&
  value !== null &&
  'queries' in value &&
  Array.isArray(value.queries) &&
  'lookup' in value &&
  typeof value.lookup === 'function'

function wantedOf(stub: DnsStub, name: string, type: string | undefined): Wanted {
  const pattern = patternOf(name)
  const number = type === undefined ? null : typeOf(type)
  const queries = stub.queries.filter(
    query => pattern.matches(listedName(query.name)) && (number === null || typeOf(query.type) === number),
  )
  return { text: type === undefined ? pattern.text : `${pattern.text} ${type.toUpperCase()}`, queries }
}

function askedTimes(expected: AskedTimes): { readonly count: number; readonly name?: string; readonly type?: string } {
  const count = expected.at(-1)
  const [name, type] = expected.slice(0, -1)
  if (typeof count !== 'number')
    throw new TypeError(`toHaveBeenAskedTimes: expected a count as the last argument, found ${described(count)}`)
  return { count, ...(typeof name === 'string' ? { name } : {}), ...(typeof type === 'string' ? { type } : {}) }
}

/** What the stub was asked, for the case that nothing asked for the name. */
function askedInstead(stub: DnsStub, name: string): string {
  if (stub.queries.length === 0) return 'it was asked for nothing'
  const near = suggest(patternOf(name).text, new Set(stub.queries.map(query => query.name)))
  return `it was asked:\n${listed(stub.queries)}${near === null ? '' : `\nDid you mean ${near}?`}`
}

/** A line for each kind of query, in the order in which they first came. */
function listed(queries: readonly RecordedQuery[]): string {
  const kinds = new Map<string, number>()
  for (const { name, type, transport, answeredWith, matched } of queries) {
    const kind = `  ${name} ${type} (${transport}, ${answeredWith}${matched ? '' : ', unlisted'})`
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
  }
  const { queriesShown } = defaultLimits.kit
  const lines = [...kinds]
    .slice(0, queriesShown)
    .map(([kind, count]) => (count === 1 ? kind : `${kind}, ${times(count)}`))
  return [...lines, ...(kinds.size > queriesShown ? [`  … and ${kinds.size - queriesShown} more`] : [])].join('\n')
}

/** Who is asked: a stub, a resolver of `node:dns/promises`, or this process. */
type Subject = DnsStub | dns.promises.Resolver | 'process'

function resolution(
  received: unknown,
  args: ResolveArguments,
): {
  readonly subject: Subject
  readonly name: string
  readonly expected: ResolvesTo
  readonly type: string | undefined
} {
  const ofName = typeof received === 'string'
  const [name, expected, type] = ofName ? [received, ...args] : args
  const subject = ofName ? 'process' : isStub(received) || isResolver(received) ? received : null
  if (subject === null)
    throw new TypeError(
      `toResolveTo: expected a DNS stub, a resolver of node:dns/promises or a name, found ${described(received)}`,
    )
  if (typeof name !== 'string' || expected === undefined || (type !== undefined && typeof type !== 'string')) {
    throw new TypeError(`toResolveTo: expected ${ofName ? '(records, type?)' : '(name, records, type?)'}`)
  }
  return { subject, name, expected, type }
}

/** By its methods: while a stub is installed the class is another one. */
const isResolver = (value: unknown): value is dns.promises.Resolver =>
  typeof value === 'object' &&
  value !== null &&
  'resolve4' in value &&
  typeof value.resolve4 === 'function' &&
  'getServers' in value

/** The records found, or the code of the error. */
async function resolved(subject: Subject, name: string, type: string | undefined): Promise<readonly unknown[]> {
  try {
    if (type !== undefined)
      return many(
        await (isStub(subject) ? subject.resolver() : subject === 'process' ? dns.promises : subject).resolve(
          name,
          type.toUpperCase(),
        ),
      )
    if (subject === 'process') return addressesIn(await dns.promises.lookup(name, { all: true }))
    if (isStub(subject)) return addressesIn(await subject.lookup.__promisify__(name, { all: true }))
    const [ipv4, ipv6] = await Promise.allSettled([subject.resolve4(name), subject.resolve6(name)])
    if (ipv4.status === 'rejected' && ipv6.status === 'rejected') throw ipv4.reason
    return [ipv4, ipv6].flatMap(found => (found.status === 'fulfilled' ? found.value : []))
  } catch (error) {
    const code = errorCode(error)
    if (code === '') throw error
    return [code]
  }
}

const addressesIn = (found: readonly { readonly address: string }[]): string[] => found.map(({ address }) => address)
const many = (found: unknown): readonly unknown[] => (Array.isArray(found) ? found : [found])

/** Records in one form, to compare: text as in a zone without trailing dots, a TXT record as its text. */
function recordText(value: unknown): string {
  if (typeof value === 'string') return parseIp(value)?.text ?? value.replace(/(?<=[^.])\.$/, '')
  if (Array.isArray(value)) return value.join('')
  if (typeof value !== 'object' || value === null) return String(value)
  const field = (name: string): string => String(Reflect.get(value, name))
  if ('exchange' in value) return `${field('priority')} ${field('exchange')}`
  if ('port' in value && 'weight' in value)
    return `${field('priority')} ${field('weight')} ${field('port')} ${field('name')}`
  // Newer Nodes add the type to the fields.
  const fields = Object.entries(value).filter(([key]) => key !== 'type')
  return JSON.stringify(Object.fromEntries(fields.toSorted(([a], [b]) => (a < b ? -1 : 1))))
}
