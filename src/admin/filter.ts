/**
 * The language that streams, the log search and `rootwalk tail` are filtered by: text to a predicate. Pure.
 *
 *     rcode=SERVFAIL and client in 10.0.0.0/8 and name under example.com
 *     not (source=cache or source=local) and ms >= 50
 *     event=servfail or type in (HTTPS, SVCB)
 *
 * `or` binds least, then `and`, then `not`. A comparison of a field that a record does not have is false: a filter on
 * `client` shows no events. Names are compared without regard to letter case, as DNS compares them.
 */
import { inPrefix, type IpAddress, parseIp, parsePrefix, type Prefix } from '../dns/address.ts'
import { ROOT } from '../dns/name.ts'
import { Rcode, rcodeName, typeName, typeNumber } from '../dns/types.ts'
import { formatName, parseName, shown } from '../presentation/text.ts'
import { suggest } from '../presentation/suggest.ts'
import { adminLimits } from './limits.ts'
import type { EventRecord, QueryRecord } from './live/records.ts'

/** What can be filtered. */
export type LiveRecord =
  | { readonly kind: 'query'; readonly query: QueryRecord }
  | { readonly kind: 'event'; readonly event: EventRecord }

/** A test of a record. */
type Test = (record: LiveRecord) => boolean

/** One comparison that holds for all that pass, so that a search can begin with what is rare. */
export interface Must {
  readonly field: string
  readonly operator: string
  /** Any of these. */
  readonly values: readonly string[]
  readonly passes: Test
}

/** `kinds`: what may pass at all, so that nothing else needs to be collected. `musts`: all of them hold. */
export interface Filter {
  readonly passes: Test
  readonly kinds: readonly LiveRecord['kind'][]
  readonly musts?: readonly Must[]
}

const BOTH: Filter['kinds'] = ['query', 'event']

/** Why a text is no filter. Columns count from 1. */
interface FilterError {
  readonly column: number
  readonly message: string
}

type ReadFilter = { readonly kind: 'filter'; readonly filter: Filter } | ({ readonly kind: 'error' } & FilterError)

/** An empty text is the filter that all pass. */
export function readFilter(text: string): ReadFilter {
  if (text.length > adminLimits.filterCharacters)
    return {
      kind: 'error',
      column: adminLimits.filterCharacters + 1,
      message: `expected a filter of at most ${adminLimits.filterCharacters} characters`,
    }
  try {
    return { kind: 'filter', filter: new Parser(tokensOf(text)).whole() }
  } catch (error) {
    if (!(error instanceof Wrong)) throw error
    return { kind: 'error', column: error.column, message: error.message }
  }
}

/** Ends the parsing from any depth; never leaves this file. */
class Wrong extends Error {
  readonly column: number

  constructor(column: number, message: string) {
    super(message)
    this.column = column
  }
}

interface Token {
  readonly kind: 'word' | 'quoted' | 'operator' | 'mark' | 'end'
  readonly text: string
  readonly column: number
}

/** Space, a quoted text, an operator, a bracket or comma, a word, whose backslashes take the next character along. */
const PIECE =
  /\s+|(?<quoted>"[^"]*")|(?<operator>!=|!~|<=|>=|[=<>~])|(?<mark>[(),])|(?<word>(?:\\.|[^\s"=<>~!(),\\])+)/y

function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = []
  const piece = new RegExp(PIECE)
  for (let at = 0; at < text.length; at = piece.lastIndex) {
    piece.lastIndex = at
    const found = piece.exec(text)?.groups
    const column = at + 1
    if (found === undefined) {
      const rest = text.charAt(at)
      const hint = rest === '"' ? 'expected a closing " for this one' : `expected a word, found ${shown(rest)}`
      throw new Wrong(column, hint)
    }
    const { quoted, operator, mark, word } = found
    if (quoted !== undefined) tokens.push({ kind: 'quoted', text: quoted.slice(1, -1), column })
    else if (operator !== undefined) tokens.push({ kind: 'operator', text: operator, column })
    else if (mark !== undefined) tokens.push({ kind: 'mark', text: mark, column })
    else if (word !== undefined) tokens.push({ kind: 'word', text: word, column })
  }
  return [...tokens, { kind: 'end', text: '', column: text.length + 1 }]
}

const foundText = ({ kind, text }: Token): string => (kind === 'end' ? 'the end' : shown(text))

class Parser {
  readonly #tokens: readonly Token[]
  #at = 0
  #depth = 0

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens
  }

  whole(): Filter {
    if (this.#token.kind === 'end') return { passes: () => true, kinds: BOTH }
    const filter = this.#either()
    const rest = this.#token
    if (rest.kind !== 'end') throw new Wrong(rest.column, `expected "and", "or" or the end, found ${foundText(rest)}`)
    return filter
  }

  get #token(): Token {
    return this.#tokens[this.#at] ?? { kind: 'end', text: '', column: 1 }
  }

  #take(): Token {
    const token = this.#token
    this.#at++
    return token
  }

  /** Is this the next word? Then it is taken. */
  #isNext(kind: Token['kind'], text: string): boolean {
    const token = this.#token
    if (token.kind !== kind || token.text.toLowerCase() !== text) return false
    this.#at++
    return true
  }

  #either(): Filter {
    const parts = [this.#both()]
    while (this.#isNext('word', 'or')) parts.push(this.#both())
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : any(parts)
  }

  #both(): Filter {
    const parts = [this.#one()]
    while (this.#isNext('word', 'and')) parts.push(this.#one())
    return parts.length === 1 && parts[0] !== undefined
      ? parts[0]
      : {
          passes: record => parts.every(({ passes }) => passes(record)),
          kinds: BOTH.filter(kind => parts.every(({ kinds }) => kinds.includes(kind))),
          musts: parts.flatMap(({ musts = [] }) => musts),
        }
  }

  #one(): Filter {
    const { column } = this.#token
    if (++this.#depth > adminLimits.filterDepth)
      throw new Wrong(column, `expected at most ${adminLimits.filterDepth} brackets and "not" inside of each other`)
    try {
      if (this.#isNext('word', 'not')) {
        const inner = this.#one()
        return { passes: record => !inner.passes(record), kinds: BOTH }
      }
      if (!this.#isNext('mark', '(')) return this.#comparison()
      const inner = this.#either()
      const end = this.#take()
      if (end.text !== ')' || end.kind !== 'mark')
        throw new Wrong(end.column, `expected "and", "or" or ")", found ${foundText(end)}`)
      return inner
    } finally {
      this.#depth--
    }
  }

  #comparison(): Filter {
    const name = this.#take()
    const field = name.kind === 'word' ? FIELDS.get(name.text.toLowerCase()) : undefined
    if (field === undefined) throw new Wrong(name.column, unknownField(name))
    const operator = this.#take()
    const word = operator.text.toLowerCase()
    const make = operator.kind === 'quoted' ? undefined : operatorsOf(field)[word]
    if (make === undefined) {
      const expected = Object.keys(operatorsOf(field)).join(' ')
      throw new Wrong(
        operator.column,
        `expected one of ${expected} after ${shown(name.text)}, found ${foundText(operator)}`,
      )
    }
    const as = { field: name.text.toLowerCase(), operator: word }
    if (word !== 'in' || !this.#isNext('mark', '(')) {
      const value = this.#value(field)
      return comparison(make(value), field, { ...as, values: [value.text] })
    }
    const values = [this.#value(field)]
    const members = values.map(make)
    while (this.#isNext('mark', ',')) {
      const value = this.#value(field)
      values.push(value)
      members.push(make(value))
    }
    const end = this.#take()
    if (end.text !== ')' || end.kind !== 'mark')
      throw new Wrong(end.column, `expected "," or ")", found ${foundText(end)}`)
    return comparison(record => members.some(member => member(record)), field, {
      ...as,
      values: values.map(({ text }) => text),
    })
  }

  #value(field: Field): Token {
    const token = this.#take()
    if (token.kind === 'word' || token.kind === 'quoted') return token
    throw new Wrong(token.column, `expected ${field.expected}, found ${foundText(token)}`)
  }
}

const any = (parts: readonly Filter[]): Filter => ({
  passes: record => parts.some(({ passes }) => passes(record)),
  kinds: BOTH.filter(kind => parts.some(({ kinds }) => kinds.includes(kind))),
})

/** A record without the field passes no comparison of it; `record` itself says what passes. */
const comparison = (passes: Test, field: Field, as: Omit<Must, 'passes'>): Filter => ({
  passes,
  musts: [{ ...as, passes }],
  kinds: Object.values(SAMPLES).flatMap(sample => {
    const isThere = field.of(sample) !== undefined && (field !== FIELDS.get('record') || passes(sample))
    return isThere ? [sample.kind] : []
  }),
})

/** With none of the fields that not every query has. */
export const EMPTY_QUERY: QueryRecord = {
  at: 0,
  client: '',
  transport: '',
  name: '.',
  type: '',
  class: '',
  rcode: '',
  octets: 0,
  ms: 0,
  by: '',
}

/** One of each, empty. */
const SAMPLES: Readonly<Record<LiveRecord['kind'], LiveRecord>> = {
  query: {
    kind: 'query',
    query: EMPTY_QUERY,
  },
  event: { kind: 'event', event: { at: 0, kind: '', level: 'info', text: '' } },
}

interface Field {
  /** What a value looks like. */
  readonly expected: string
  readonly kind: 'word' | 'number' | 'client' | 'name' | 'level'
  /** Undefined: the record has no such field. */
  readonly of: (record: LiveRecord) => string | number | undefined
  /** What is wrong with a value; null for nothing. */
  readonly check?: (value: string) => string | null
}

const ofQuery =
  (take: (query: QueryRecord) => string | number) =>
  (record: LiveRecord): string | number | undefined =>
    record.kind === 'query' ? take(record.query) : undefined
const ofEvent =
  (take: (event: EventRecord) => string) =>
  (record: LiveRecord): string | undefined =>
    record.kind === 'event' ? take(record.event) : undefined

const LEVELS = ['debug', 'info', 'warn', 'error']
const TRANSPORTS = ['udp', 'tcp', 'tls', 'https', 'http']
const RCODES = [...new Set([...Object.values(Rcode).map(rcodeName), 'none'])]

const oneOf =
  (words: readonly string[]) =>
  (value: string): string | null => {
    if (words.some(word => word.toLowerCase() === value.toLowerCase())) return null
    const near = suggest(value.toLowerCase(), new Set(words.map(word => word.toLowerCase())))
    return near === null ? words.join(', ') : `${words.find(word => word.toLowerCase() === near)}`
  }

const rcodeCheck = (value: string): string | null => (/^rcode\d{1,4}$/i.test(value) ? null : oneOf(RCODES)(value))
const typeCheck = (value: string): string | null =>
  typeNumber(value) === null ? 'a type such as A, HTTPS or TYPE65' : null

const FIELDS: ReadonlyMap<string, Field> = new Map<string, Field>([
  ['record', { kind: 'word', expected: 'query or event', of: record => record.kind, check: oneOf(['query', 'event']) }],
  ['client', { kind: 'client', expected: 'an address or prefix such as 10.0.0.0/8', of: ofQuery(q => q.client) }],
  [
    'transport',
    {
      kind: 'word',
      expected: 'udp, tcp, tls, https or http',
      of: ofQuery(q => q.transport),
      check: oneOf(TRANSPORTS),
    },
  ],
  ['name', { kind: 'name', expected: 'a name such as www.example.com', of: ofQuery(q => q.name) }],
  ['type', { kind: 'word', expected: 'a type such as A, HTTPS or TYPE65', of: ofQuery(q => q.type), check: typeCheck }],
  ['class', { kind: 'word', expected: 'a class such as IN', of: ofQuery(q => q.class) }],
  ['rcode', { kind: 'word', expected: 'an rcode such as SERVFAIL', of: ofQuery(q => q.rcode), check: rcodeCheck }],
  ['octets', { kind: 'number', expected: 'a number of octets', of: ofQuery(q => q.octets) }],
  ['ms', { kind: 'number', expected: 'a number of milliseconds', of: ofQuery(q => q.ms) }],
  ['source', { kind: 'word', expected: 'a source such as cache or recursion', of: ofQuery(q => q.by) }],
  ['event', { kind: 'word', expected: 'a kind of event such as servfail', of: ofEvent(e => e.kind) }],
  ['level', { kind: 'level', expected: 'debug, info, warn or error', of: ofEvent(e => e.level), check: oneOf(LEVELS) }],
  ['text', { kind: 'word', expected: 'a text', of: ofEvent(e => e.text) }],
])

function unknownField(token: Token): string {
  const names = [...FIELDS.keys()]
  const near = token.kind === 'word' ? suggest(token.text.toLowerCase(), names) : null
  const hint = near === null ? names.join(', ') : `did you mean ${near}?`
  return `expected a field, "not" or "(", found ${foundText(token)} (${hint})`
}

type Make = (value: Token) => Test

function operatorsOf(field: Field): Readonly<Record<string, Make>> {
  switch (field.kind) {
    case 'word':
      return wordOperators(field)
    case 'number':
      return orderOperators(field, numberOf)
    case 'level':
      return orderOperators(field, value => LEVELS.indexOf(value.toLowerCase()))
    case 'client':
      return clientOperators(field)
    case 'name':
      return nameOperators(field)
    default:
      return field.kind satisfies never
  }
}

/** As one test of a text, with what the opposite operator makes of it: neither is true where there is no field. */
function textTests(field: Field, fold: (value: string) => string): { readonly equal: Make; readonly like: Make } {
  const folded = (record: LiveRecord): string | undefined => {
    const value = field.of(record)
    return value === undefined ? undefined : fold(String(value))
  }
  return {
    equal: token => {
      const wanted = fold(token.text)
      return record => folded(record) === wanted
    },
    like: token => {
      const glob = globOf(fold(token.text))
      return record => {
        const value = folded(record)
        return value !== undefined && glob(value)
      }
    },
  }
}

/** True where the field is there and `make`'s filter is not. */
const otherThan =
  (field: Field, make: Make): Make =>
  token => {
    const inner = make(token)
    return record => field.of(record) !== undefined && !inner(record)
  }

function wordOperators(field: Field): Readonly<Record<string, Make>> {
  const { equal, like } = textTests(field, value => value.toLowerCase())
  const checked: Make = token => {
    const wrong = field.check?.(token.text) ?? null
    if (wrong !== null) throw new Wrong(token.column, `expected ${wrong}, found ${foundText(token)}`)
    return equal(token)
  }
  const isType = field.check === typeCheck
  // TYPE65 and HTTPS are the same.
  const same: Make = isType
    ? token => {
        const number = typeNumber(token.text)
        return checked(number === null ? token : { ...token, text: typeName(number) })
      }
    : checked
  return { '=': same, '!=': otherThan(field, same), '~': like, '!~': otherThan(field, like), in: same }
}

function nameOperators(field: Field): Readonly<Record<string, Make>> {
  const { equal, like } = textTests(field, value => value.toLowerCase())
  const whole = (token: Token): Token => {
    const name = parseName(token.text, ROOT)
    if (typeof name !== 'string') throw new Wrong(token.column, `expected ${field.expected}: ${name.error}`)
    return { ...token, text: formatName(name) }
  }
  const same: Make = token => equal(whole(token))
  const under: Make = token => {
    const zone = whole(token).text.toLowerCase()
    return record => {
      const name = field.of(record)
      return typeof name === 'string' && isUnder(name.toLowerCase(), zone)
    }
  }
  // With or without the dot at the end: people write both.
  const alike: Make = token => like(/[.*]$/.test(token.text) ? token : { ...token, text: `${token.text}.` })
  return { '=': same, '!=': otherThan(field, same), under, '~': alike, '!~': otherThan(field, alike), in: same }
}

/** Both as `formatName` writes them. A dot in a label has a backslash in front of it, and is no boundary. */
function isUnder(name: string, zone: string): boolean {
  if (zone === '.' || name === zone) return true
  if (!name.endsWith(`.${zone}`)) return false
  const before = name.slice(0, name.length - zone.length - 1)
  return (/\\*$/.exec(before)?.[0].length ?? 0) % 2 === 0
}

function clientOperators(field: Field): Readonly<Record<string, Make>> {
  const inside: Make = token => {
    const prefix = parsePrefix(token.text)
    if (prefix === null) throw new Wrong(token.column, `expected ${field.expected}, found ${foundText(token)}`)
    return record => {
      const client = field.of(record)
      return typeof client === 'string' && isWithin(client, prefix)
    }
  }
  return { '=': inside, '!=': otherThan(field, inside), in: inside }
}

/** Where clients are masked, a record has a prefix, or nothing: it is in what holds the whole of it. */
function isWithin(client: string, prefix: Prefix): boolean {
  const slash = client.indexOf('/')
  if (slash < 0) {
    const ip: IpAddress | null = parseIp(client)
    return ip !== null && inPrefix(ip, prefix)
  }
  const ip = parseIp(client.slice(0, slash))
  return ip !== null && Number(client.slice(slash + 1)) >= prefix.length && inPrefix(ip, prefix)
}

function numberOf(text: string): number {
  return /^\d{1,15}(?:\.\d{1,9})?$/.test(text) ? Number(text) : Number.NaN
}

function orderOperators(field: Field, read: (text: string) => number): Readonly<Record<string, Make>> {
  const compare =
    (holds: (value: number, wanted: number) => boolean): Make =>
    token => {
      const wanted = read(token.text)
      if (Number.isNaN(wanted) || wanted < 0)
        throw new Wrong(token.column, `expected ${field.expected}, found ${foundText(token)}`)
      return record => {
        const value = field.of(record)
        if (value === undefined) return false
        return holds(typeof value === 'number' ? value : read(value), wanted)
      }
    }
  return {
    '=': compare((value, wanted) => value === wanted),
    '!=': compare((value, wanted) => value !== wanted),
    '<': compare((value, wanted) => value < wanted),
    '<=': compare((value, wanted) => value <= wanted),
    '>': compare((value, wanted) => value > wanted),
    '>=': compare((value, wanted) => value >= wanted),
  }
}

/** `*` is any text, `?` any character. In time of the product of both lengths at worst, never more. */
function globOf(glob: string): (text: string) => boolean {
  return text => {
    let at = 0
    let of = 0
    let star = -1
    let from = 0
    while (at < text.length) {
      const wanted = glob[of]
      if (wanted === '*') {
        star = of++
        from = at
      } else if (wanted === '?' || wanted === text[at]) {
        of++
        at++
      } else if (star >= 0) {
        of = star + 1
        at = ++from
      } else return false
    }
    while (glob[of] === '*') of++
    return of === glob.length
  }
}
