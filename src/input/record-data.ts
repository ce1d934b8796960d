/**
 * Records as a test writes them, made into RDATA: presentation text, octets, arrays of TXT strings, objects, and the
 * shorthand of plain addresses. Deliberately without opinions on how records go together; that is
 * `testing/stub/record-store.ts`.
 *
 * Invariant: what is returned fits its type; anything else is a `Mistake` that says what was expected.
 */
import { counted } from '../presentation/counted.ts'
import { parseRr } from '../presentation/rr-text.ts'
import type { WireName } from '../dns/name.ts'
import { fitsPlan, planOf } from '../dns/rdata-wire.ts'
import { MAX_STRING_OCTETS } from '../presentation/text.ts'
import { RrClass, RrType, typeName } from '../dns/types.ts'
import { Mistake, mistake } from './mistake.ts'
import { addressIn, dataTypeOf, described, knownFields, plainName, ttlOf } from './names.ts'
import { hasPacketField, likeExample, rdataOfObject } from './packet-data.ts'

/** Records of one type; `ttl` in seconds, null when none was given. */
export interface DataSet {
  readonly type: number
  readonly ttl: number | null
  readonly rdatas: readonly Uint8Array[]
}

/** What a test says about one name. A type with an empty array has no records: the name exists. */
export function setsOf(name: WireName, given: unknown): DataSet[] {
  return within(`${plainName(name)}: `, () => {
    if (typeof given === 'string') return addressSets([given])
    if (isTextArray(given)) {
      if (given.length === 0) mistake('expected at least one address; a name that exists without records is { A: [] }')
      return addressSets(given)
    }
    if (typeof given !== 'object' || given === null || Array.isArray(given) || given instanceof Uint8Array) {
      return mistake(
        `expected an address, an array of addresses or types like { A: "192.0.2.1" }, found ${described(given)}`,
      )
    }
    const ttl = 'ttl' in given && given.ttl !== undefined ? ttlOf(given.ttl) : null
    const sets: DataSet[] = []
    for (const [word, data] of Object.entries(given)) {
      if (word === 'ttl' || data === undefined) continue
      const type = dataTypeOf(word)
      if (sets.some(set => set.type === type)) mistake(`${typeName(type)} stands there twice`)
      sets.push(isDataWithTtl(type, data) ? dataWithTtl(type, data, ttl) : dataSet(type, data, ttl))
    }
    return sets
  })
}

/** `{ data, ttl }`, and no data of the type itself: TLSA has a field of that name in `node:dns`. */
function isDataWithTtl(type: number, value: unknown): value is { readonly data: unknown; readonly ttl?: unknown } {
  if (typeof value !== 'object' || value === null || !('data' in value)) return false
  return !hasPacketField(type, 'data') || Object.keys(value).every(field => field === 'data' || field === 'ttl')
}

const dataWithTtl = (
  type: number,
  given: { readonly data: unknown; readonly ttl?: unknown },
  ttl: number | null,
): DataSet =>
  within(`${typeName(type)}: `, () => {
    knownFields(given, ['data', 'ttl'], 'data with its TTL')
    return dataSet(type, given.data, given.ttl === undefined ? ttl : ttlOf(given.ttl))
  })

/** Data of one type: one record or an array of them. */
export function dataSet(type: number, data: unknown, ttl: number | null): DataSet {
  return within(`${typeName(type)}: `, () => ({
    type,
    ttl,
    rdatas: Array.isArray(data) ? data.map(one => rdataOf(type, one)) : [rdataOf(type, data)],
  }))
}

/** One record's data. */
export function rdataOf(type: number, data: unknown): Uint8Array {
  if (isText(type)) {
    if (data instanceof Uint8Array) return textRdata([data])
    if (Array.isArray(data)) return textRdata(data.map(octetsOf))
    if (typeof data === 'string' && !data.trimStart().startsWith('"')) return textRdata([octetsOf(data)])
  }
  if (data instanceof Uint8Array) return checkedOctets(type, data)
  if (typeof data === 'string' || typeof data === 'number') return parsed(type, String(data))
  if (typeof data === 'object' && data !== null && !Array.isArray(data)) return rdataOfObject(type, data)
  return mistake(`expected ${typeName(type)} data as text${likeExample(type)}, found ${described(data)}`)
}

/** Addresses in one go, A and AAAA apart. */
export function addressSets(addresses: readonly string[]): DataSet[] {
  const sets = new Map<number, Uint8Array[]>()
  for (const text of addresses) {
    const found =
      addressIn(text) ??
      mistake(
        `expected an address like "192.0.2.1" or "2001:db8::1", found ${described(text)}; other data needs ` +
          'its type, as in { CNAME: "other.test" }',
      )
    const rdatas = sets.get(found.type)
    if (rdatas === undefined) sets.set(found.type, [found.ip.bytes])
    else rdatas.push(found.ip.bytes)
  }
  return [...sets].map(([type, rdatas]) => ({ type, ttl: null, rdatas }))
}

export const isTextArray = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every(one => typeof one === 'string')

const isText = (type: number): boolean => type === RrType.TXT || type === RrType.SPF

function octetsOf(text: unknown): Uint8Array {
  if (text instanceof Uint8Array) return text
  return typeof text === 'string' || typeof text === 'number'
    ? new TextEncoder().encode(String(text))
    : mistake(`expected text, found ${described(text)}`)
}

/** Character-strings (RFC 1035 section 3.3.14). A longer text is cut into several, as everybody does with keys. */
function textRdata(texts: readonly Uint8Array[]): Uint8Array {
  const octets: number[] = []
  for (const text of texts) {
    for (let at = 0; at === 0 || at < text.length; at += MAX_STRING_OCTETS) {
      const part = text.subarray(at, at + MAX_STRING_OCTETS)
      octets.push(part.length, ...part)
    }
  }
  if (texts.length === 0) mistake('expected at least one text')
  return checkedLength(Uint8Array.from(octets))
}

function checkedOctets(type: number, octets: Uint8Array): Uint8Array {
  const plan = planOf(type, RrClass.IN)
  if (plan !== undefined && !fitsPlan(plan, octets, 0, octets.length))
    mistake(`${counted(octets.length, 'octet that is', 'octets that are')} no ${typeName(type)} data`)
  return checkedLength(octets.slice())
}

/** RFC 1035 section 3.2.1: RDLENGTH has 16 bits, and a message must hold it. */
function checkedLength(octets: Uint8Array): Uint8Array {
  const most = 65_000
  return octets.length > most ? mistake(`${octets.length} octets of data, a message holds at most ${most}`) : octets
}

function parsed(type: number, text: string): Uint8Array {
  const rr = parseRr(`. 0 IN ${typeName(type)} ${text}`)
  return 'error' in rr ? mistake(rr.error) : checkedLength(rr.rdata)
}

/** Puts in front of a mistake found by `work` where it is. */
export function within<T>(where: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (error instanceof Mistake) error.message = where + error.message
    throw error
  }
}
