/**
 * `/records`, `/records/NAME` and `/records/NAME/TYPE` of the control API. One shape goes out, and comes in again
 * unchanged: `{ "data": ["192.0.2.1"], "ttl": 30 }` for the records of a type, these by type for a name, those by name
 * for all. What `set` takes in a program comes in as well.
 */
import { isObject } from '../../config/json.ts'
import { content, created, nothing, problem, type Answer, type Problem } from '../../http/json-api.ts'
import type { DnsStub, ListedRecord, NameRecords, StubRecords } from '../stub/types.ts'
import type { RecordData } from '../../input/packet-answer.ts'

interface TypeJson {
  readonly data: readonly string[]
  /** Seconds. */
  readonly ttl: number
}

type NameJson = Readonly<Record<string, TypeJson>>

/** By name, by type; a name that exists without records has none of either. */
export function recordsJson({
  names,
  records,
}: Pick<DnsStub, 'names' | 'records'>): Readonly<Record<string, NameJson>> {
  const byName = new Map<string, ListedRecord[]>(names.map(name => [name, []]))
  for (const record of records) byName.get(record.name)?.push(record)
  return Object.fromEntries(Array.from(byName, ([name, listed]) => [name, nameJson(listed)]))
}

function nameJson(listed: readonly ListedRecord[]): NameJson {
  const types = new Map<string, { readonly data: string[]; readonly ttl: number }>()
  for (const { type, ttl, data } of listed) {
    const known = types.get(type)
    if (known === undefined) types.set(type, { data: [data], ttl })
    else known.data.push(data)
  }
  return Object.fromEntries(types)
}

/** `place`: the name, or the name and the type. */
export function getRecords(stub: DnsStub, place: readonly string[]): Answer {
  const found = at(stub, place)
  return found.kind === 'none' ? noRecords(place, found.why) : content(shown(place, found.listed))
}

/** Nothing in `place`: all of them. */
export function deleteRecords(stub: DnsStub, place: readonly string[]): Answer {
  const [name, type] = place
  if (name === undefined) {
    stub.setAll({})
    return nothing
  }
  const found = at(stub, place)
  if (found.kind === 'none') return noRecords(place, found.why)
  return change('', () => (type === undefined ? stub.remove(name) : stub.remove(name, type))) ?? nothing
}

export function putRecords(stub: DnsStub, place: readonly string[], body: unknown): Answer {
  const [name, type] = place
  if (name === undefined) return putAll(stub, body)
  const existed = at(stub, place).kind === 'listed'
  const failure =
    (type === undefined ? null : conflict(stub, name, type)) ??
    change('', () => (type === undefined ? stub.set(name, checkedRecords(body)) : setType(stub, name, type, body)))
  if (failure !== null) return failure
  const now = at(stub, place)
  // An empty array of data: there are no records of the type any more.
  if (now.kind === 'none') return nothing
  const json = shown(place, now.listed)
  return existed ? content(json) : created(json, `/records/${place.map(encodeURIComponent).join('/')}`)
}

/** The listed records afterwards are those of the body and no others. */
function putAll(stub: DnsStub, body: unknown): Answer {
  if (!isObject(body)) {
    const like = '{"api.internal": {"A": ["192.0.2.1"]}}'
    return problem(422, `Expected names with their records, like ${like}, found ${kindOf(body)}.`)
  }
  return change('', () => stub.setAll(checkedNames(body))) ?? content(recordsJson(stub))
}

function checkedNames(body: Readonly<Record<string, unknown>>): StubRecords {
  const names = Object.entries(body).map(([name, records]): [string, NameRecords] => {
    try {
      return [name, checkedRecords(records)]
    } catch (error) {
      throw error instanceof TypeError
        ? Object.assign(error, { record: name, message: `${name}: ${error.message}` })
        : error
    }
  })
  return Object.fromEntries(names)
}

function setType(stub: DnsStub, name: string, type: string, given: unknown): void {
  if (!isObject(given) || !('data' in given)) {
    stub.set(name, type, checkedData(given))
    return
  }
  const { data, ttl, ...unknown } = given
  const [first] = Object.keys(unknown)
  if (first !== undefined) throw new TypeError(`unknown member "${first}"; expected "data" and "ttl"`)
  if (ttl !== undefined && typeof ttl !== 'number')
    throw new TypeError(`ttl: expected a number of seconds, found ${kindOf(ttl)}`)
  stub.set(name, type, checkedData(data), ttl === undefined ? {} : { ttl })
}

/** An alias stands alone (RFC 1034 section 3.6.2): what is there must go first. */
function conflict(stub: DnsStub, name: string, type: string): Problem | null {
  const found = at(stub, [name])
  const listed = found.kind === 'none' ? [] : found.listed
  const there = [...new Set(listed.map(record => record.type))].filter(other => other !== type.toUpperCase())
  const [other] = type.toUpperCase() === 'CNAME' ? there : there.filter(one => one === 'CNAME')
  if (other === undefined) return null
  const advice = `DELETE /records/${name}/${other} first, or PUT /records/${name} to replace all of it`
  return problem(409, `${name} has ${there.join(', ')}, and a CNAME stands alone: ${advice}.`)
}

/** The stub says what is wrong in a TypeError, of which of many names in its `record`, and has changed nothing then. */
function change(pointer: string, call: () => unknown): Problem | null {
  try {
    call()
    return null
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    const place = 'record' in error && typeof error.record === 'string' ? `/${escaped(error.record)}` : pointer
    const detail = `${error.message}.`.replace(/([.!?])\.$/, '$1')
    return { ...problem(422, detail), errors: [{ pointer: place, detail: error.message }] }
  }
}

type Found =
  | { readonly kind: 'listed'; readonly listed: readonly ListedRecord[] }
  | { readonly kind: 'none'; readonly why: string | null }

/**
 * What is listed at a name, or of a type there. A name or type that cannot be is not listed either, and `why` says so.
 */
function at(stub: DnsStub, [name = '', type]: readonly string[]): Found {
  try {
    const listed = stub.recordsFor(name, type)
    return listed === null || (type !== undefined && listed.length === 0)
      ? { kind: 'none', why: null }
      : { kind: 'listed', listed }
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    return { kind: 'none', why: error.message }
  }
}

function shown(place: readonly string[], listed: readonly ListedRecord[]): NameJson | TypeJson {
  const json = nameJson(listed)
  const [only] = Object.values(json)
  return place.length === 2 && only !== undefined ? only : json
}

function noRecords([name, type]: readonly string[], why: string | null): Problem {
  const what = `${type === undefined ? '' : `${type} `}records of ${name}`
  return problem(404, `There are no ${what}${why === null ? '' : ` (${why})`}. GET /records lists those there are.`)
}

/** The stub checks; this is for the compiler and for what JSON cannot be. */
function checkedRecords(value: unknown): NameRecords {
  if (isRecords(value)) return value
  throw new TypeError(
    `expected an address, an array of addresses or types like {"A": ["192.0.2.1"]}, found ${kindOf(value)}`,
  )
}

const isRecords = (value: unknown): value is NameRecords =>
  typeof value === 'string' || isObject(value) || (Array.isArray(value) && value.every(one => typeof one === 'string'))

function checkedData(value: unknown): RecordData | readonly RecordData[] {
  if (isData(value)) return value
  throw new TypeError(`expected data as text, or an array of it, found ${kindOf(value)}`)
}

const isData = (value: unknown): value is RecordData | readonly RecordData[] =>
  typeof value === 'string' ||
  typeof value === 'number' ||
  isObject(value) ||
  (Array.isArray(value) && value.every(isData))

const kindOf = (value: unknown): string => (value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 40))

/** RFC 6901 section 3. */
const escaped = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1')
