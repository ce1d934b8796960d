/**
 * Whole records as dns-packet decodes them, or as a person writes them in that form, read into our own. Its
 * pseudo-records for OPT are left out: they are no records.
 */
import type { WireName } from '../dns/name.ts'
import { formatRr } from '../presentation/rr-text.ts'
import type { Rr } from '../dns/rrset.ts'
import { classNumber, RrClass } from '../dns/types.ts'
import { rdataOf, within } from './record-data.ts'
import { mistake } from './mistake.ts'
import { dataTypeOf, described, knownFields, ttlOf, wireName } from './names.ts'

/**
 * The data of one record: presentation text (`'192.0.2.1'`, `'10 mail.a.test'`), the RDATA octets, or an object with
 * the fields that dns-packet or `node:dns` give it (`{ preference: 10, exchange: 'mail.a.test' }`). The text of a TXT
 * record is the text itself, without quotes; an array of texts within the array of records is one TXT record of
 * several strings.
 */
export type RecordData = string | number | Uint8Array | readonly (string | Uint8Array)[] | object

/** A record in the form of dns-packet's answers, handed on as they were decoded. An array as data is one TXT record. */
export interface PacketAnswer {
  readonly name: string
  readonly type: string
  readonly class?: string | undefined
  readonly ttl?: number | undefined
  readonly data?: RecordData
}

/** Records of an array. One without a name is of `named`; one without a TTL has `defaultTtl` seconds. */
export function answersOf(value: readonly unknown[], named: WireName | null, defaultTtl: number): readonly Rr[] {
  return value.flatMap((one, at) =>
    isOpt(one) ? [] : [within(`record ${at + 1}: `, () => answerRr(one, named, defaultTtl))],
  )
}

/** Seconds, of a record without a TTL: long enough to be cached, short enough for a test that changes it. */
const DEFAULT_TTL = 60

/** A record as a line of a zone file. Throws a TypeError that says what is wrong with it. */
export const answerLine = (answer: PacketAnswer, at: number): string =>
  within(`record ${at + 1}: `, () => formatRr(answerRr(answer, null, DEFAULT_TTL)))

const isOpt = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && 'type' in value && value.type === 'OPT'

const PACKET_FIELDS = ['name', 'type', 'class', 'ttl', 'data', 'flush'] as const

function answerRr(value: unknown, named: WireName | null, defaultTtl: number): Rr {
  knownFields(value, PACKET_FIELDS, 'the record')
  const given: { readonly [Field in (typeof PACKET_FIELDS)[number]]?: unknown } =
    typeof value === 'object' && value !== null ? value : {}
  const type = dataTypeOf(given.type)
  const klass =
    given.class === undefined ? RrClass.IN : typeof given.class === 'string' ? classNumber(given.class) : null
  if (klass === null) return mistake(`expected a class like "IN", found ${described(given.class)}`)
  const owner = given.name === undefined && named !== null ? named : wireName(given.name)
  return {
    owner,
    type,
    class: klass,
    ttl: given.ttl === undefined ? defaultTtl : ttlOf(given.ttl),
    rdata: rdataOf(type, given.data),
  }
}
