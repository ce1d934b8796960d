/**
 * `/records`, `/records/NAME` and `/records/NAME/TYPE` of the control API. One shape goes out, and comes in again
 * unchanged: `{ "data": ["192.0.2.1"], "ttl": 30 }` for the records of a type, these by type for a name, those by name
 * for all. What `set` takes in a program comes in as well.
 */
import { content, created, nothing, problem, type Answer, type Problem } from '../../http/json-api.ts'
import type { DnsStub, ListedRecord, NameRecords, RecordData } from '../stub/types.ts'

interface TypeJson {
  readonly data: readonly string[]
  /** Seconds. */
  readonly ttl: number
}

type NameJson = Readonly<Record<string, TypeJson>>

/** By name, by type. */
export function recordsJson({ records }: Pick<DnsStub, 'records'>): Readonly<Record<string, NameJson>> {
  const names = new Map<string, ListedRecord[]>()
  for (const record of records) names.set(record.name, [...(names.get(record.name) ?? []), record])
  return Object.fromEntries(Array.from(names, ([name, listed]) => [name, nameJson(listed)]))
}

function nameJson(listed: readonly ListedRecord[]): NameJson {
  const types = new Map<string, TypeJson>()
  for (const { type, ttl, data } of listed) types.set(type, { data: [...(types.get(type)?.data ?? []), data], ttl })
  return Object.fromEntries(types)
}

/** `place`: the name, or the name and the type. */
export function getRecords(stub: DnsStub, place: readonly string[]): Answer {
  const listed = at(stub, place)
  if (listed.length === 0) return noRecords(place)
  const json = nameJson(listed)
  const [only] = Object.values(json)
  return content(place.length === 2 && only !== undefined ? only : json)
}

/** Nothing in `place`: all of them. */
export function deleteRecords(stub: DnsStub, place: readonly string[]): Answer {
  const [name, type] = place
  if (name === undefined) {
    for (const one of namesOf(stub.records)) stub.remove(one)
    return nothing
  }
  if (at(stub, place).length === 0) return noRecords(place)
  return change('', () => (type === undefined ? stub.remove(name) : stub.remove(name, type))) ?? nothing
}

export function putRecords(stub: DnsStub, place: readonly string[], body: unknown): Answer {
  const [name, type] = place
  if (name === undefined) return putAll(stub, body)
  const existed = at(stub, place).length > 0
  const failure =
    (type === undefined ? null : conflict(stub, name, type)) ??
    change('', () => (type === undefined ? setName(stub, name, body) : setType(stub, name, type, body)))
  if (failure !== null) return failure
  const now = at(stub, place)
  const json = nameJson(now)
  const [only] = Object.values(json)
  const shown = place.length === 2 && only !== undefined ? only : json
  return existed || now.length === 0
    ? content(shown)
    : created(shown, `/records/${place.map(encodeURIComponent).join('/')}`)
}

/** The listed records afterwards are those of the body and no others. */
function putAll(stub: DnsStub, body: unknown): Answer {
  if (!isObject(body))
    return problem(
      422,
      `Expected names with their records, like {"api.internal": {"A": ["192.0.2.1"]}}, found ${kindOf(body)}.`,
    )
  const before = stub.records
  for (const name of namesOf(before)) stub.remove(name)
  for (const [name, records] of Object.entries(body)) {
    const failure = change(`/${escaped(name)}`, () => setName(stub, name, records))
    if (failure === null) continue
    restore(stub, before)
    return failure
  }
  return content(recordsJson(stub))
}

/** Everything as it was. Nobody asks in between: it all happens in one turn. */
function restore(stub: DnsStub, before: readonly ListedRecord[]): void {
  for (const name of namesOf(stub.records)) stub.remove(name)
  for (const [name, types] of Object.entries(recordsJson({ records: before }))) setName(stub, name, types)
}

/** `{"A": {"data": …, "ttl": …}}` by types, or what `set` takes. */
function setName(stub: DnsStub, name: string, given: unknown): void {
  const sets = isObject(given)
    ? Object.entries(given).filter(([type, value]) => type !== 'ttl' && isDataAndTtl(value))
    : []
  if (sets.length === 0) {
    stub.set(name, checkedRecords(given))
    return
  }
  // A name's records are of one call, so that what is wrong with one type leaves the others as they were.
  const before = stub.records
  const plain = Object.fromEntries(
    Object.entries(isObject(given) ? given : {}).map(([type, value]) => [
      type,
      isDataAndTtl(value) ? value.data : value,
    ]),
  )
  stub.set(name, checkedRecords(plain))
  try {
    for (const [type, value] of sets)
      if (isDataAndTtl(value) && value.ttl !== undefined) setType(stub, name, type, value)
  } catch (error) {
    restore(stub, before)
    throw error
  }
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
  const there = [...new Set(at(stub, [name]).map(record => record.type))].filter(other => other !== type.toUpperCase())
  const [other] = type.toUpperCase() === 'CNAME' ? there : there.filter(one => one === 'CNAME')
  if (other === undefined) return null
  return problem(
    409,
    `${name} has ${there.join(', ')}, and a CNAME stands alone: DELETE /records/${name}/${other} first, or PUT /records/${name} to replace all of it.`,
  )
}

/** The stub says what is wrong in a TypeError, and has changed nothing then. */
function change(pointer: string, call: () => unknown): Problem | null {
  try {
    call()
    return null
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    return {
      ...problem(422, `${error.message}.`.replace(/([.!?])\.$/, '$1')),
      errors: [{ pointer, detail: error.message }],
    }
  }
}

function at(stub: DnsStub, [name = '', type]: readonly string[]): readonly ListedRecord[] {
  const wanted = plain(name)
  return stub.records.filter(
    record => record.name === wanted && (type === undefined || record.type === type.toUpperCase()),
  )
}

const noRecords = ([name, type]: readonly string[]): Problem =>
  problem(
    404,
    `There are no ${type === undefined ? '' : `${type} `}records of ${name}. GET /records lists those there are.`,
  )

/** As the stub lists names. */
const plain = (name: string): string => (name === '.' ? name : name.replace(/\.$/, '')).toLowerCase()

const namesOf = (records: readonly ListedRecord[]): readonly string[] => [...new Set(records.map(({ name }) => name))]

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isDataAndTtl = (value: unknown): value is { readonly data: unknown; readonly ttl?: unknown } =>
  isObject(value) && 'data' in value

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
