/**
 * What a handler or a step of a sequence said, as content of a reply. Everything that a person may write in the place
 * of a reply is read here; `undefined` means "as listed", and parts without records and rcode change what is listed.
 */
import type { Message, Question } from '../../dns/message.ts'
import { groupRRsets, makeRRset, type RRset } from '../../dns/rrset.ts'
import { readExtendedErrors } from '../../dns/edns.ts'
import { Rcode, RrClass, RrType } from '../../dns/types.ts'
import type { Content } from '../../policy/handler.ts'
import { answersOf } from '../../input/packet-answer.ts'
import { type DataSet, addressSets, isTextArray, setsOf } from '../../input/record-data.ts'
import { edeOf, faultNamed, type PlainFault } from './rules.ts'
import { mistake } from '../../input/mistake.ts'
import { described, duration, knownFields, rcodeOf, ttlOf } from '../../input/names.ts'
import { emptyContent } from './record-store.ts'

/** What a reply means to one question. */
export type Meaning =
  | { readonly kind: 'as-listed' }
  | { readonly kind: 'fault'; readonly fault: PlainFault }
  | { readonly kind: 'drop' }
  | { readonly kind: 'content'; readonly content: Content; readonly delayMs: number }
  /** The listed answer with changes. */
  | { readonly kind: 'changed'; readonly change: (listed: Content) => Content; readonly delayMs: number }

const PARTS = ['records', 'rcode', 'authority', 'additional', 'ttl', 'authoritative', 'ede', 'delayMs', 'drop'] as const
type Parts = { readonly [Part in (typeof PARTS)[number]]?: unknown }

const isParts = (value: object): value is Parts => !Array.isArray(value)

/**
 * The meaning of anything but a function. `ttl` in seconds is for records that have none. Names of faults count when
 * `faults`.
 */
export function meaningOf(reply: unknown, question: Question, ttl: number, faults: boolean): Meaning {
  if (reply === undefined) return { kind: 'as-listed' }
  if (typeof reply === 'string') {
    const fault = faults ? faultNamed(reply) : null
    return fault === null ? content(found(addressSets([reply]), question, ttl)) : { kind: 'fault', fault }
  }
  if (Array.isArray(reply))
    return content(isTextArray(reply) ? found(addressSets(reply), question, ttl) : packetRecords(reply, question, ttl))
  if (typeof reply !== 'object' || reply === null) {
    return mistake(
      'expected a reply: an address, an array of addresses or answers, { records, rcode, … } or undefined, ' +
        `found ${described(reply)}`,
    )
  }
  knownFields(reply, PARTS, 'the reply')
  return isParts(reply) ? partsMeaning(reply, question, ttl) : { kind: 'as-listed' }
}

const content = (answer: readonly RRset[]): Meaning => ({
  kind: 'content',
  content: { ...emptyContent(Rcode.NOERROR), answer },
  delayMs: 0,
})

function partsMeaning(parts: Parts, question: Question, defaultTtl: number): Meaning {
  const delayMs = parts.delayMs === undefined ? 0 : duration(parts.delayMs, 'delayMs')
  if (flag(parts.drop, 'drop') === true) return { kind: 'drop' }
  const given = parts.ttl === undefined ? null : ttlOf(parts.ttl)
  const ttl = given ?? defaultTtl
  const rcode = parts.rcode === undefined ? null : rcodeOf(parts.rcode)
  const answer = parts.records === undefined ? null : recordsOfParts(parts.records, question, ttl)
  const authority = parts.authority === undefined ? null : packetRecords(parts.authority, question, ttl)
  const additional = parts.additional === undefined ? null : packetRecords(parts.additional, question, ttl)
  const authoritative = flag(parts.authoritative, 'authoritative')
  const ede = edeOf(parts.ede)
  const change = (base: Content): Content => ({
    ...base,
    rcode: rcode ?? base.rcode,
    answer: answer ?? (given === null ? base.answer : base.answer.map(set => ({ ...set, ttl: given }))),
    authority: authority ?? base.authority,
    additional: additional ?? base.additional,
    authoritative: authoritative ?? base.authoritative,
    ede: ede === null ? base.ede : { code: ede.code, text: ede.text ?? '' },
  })
  if (answer === null && rcode === null && authority === null) return { kind: 'changed', change, delayMs }
  return { kind: 'content', content: change(emptyContent(Rcode.NOERROR)), delayMs }
}

function flag(value: unknown, what: string): boolean | null {
  if (value === undefined) return null
  return typeof value === 'boolean' ? value : mistake(`expected ${what} to be true or false, found ${described(value)}`)
}

function recordsOfParts(records: unknown, question: Question, ttl: number): readonly RRset[] {
  if (Array.isArray(records) && !isTextArray(records)) return packetRecords(records, question, ttl)
  return found(setsOf(question.name, records), question, ttl)
}

/** Of a name's records those that answer the question: its type, all for ANY, else its alias. */
function found(sets: readonly DataSet[], question: Question, ttl: number): readonly RRset[] {
  const wanted = sets.filter(set => set.type === question.type || question.type === RrType.ANY)
  const chosen = wanted.length > 0 ? wanted : sets.filter(set => set.type === RrType.CNAME)
  return chosen
    .filter(set => set.rdatas.length > 0)
    .map(set => makeRRset(question.name, set.type, RrClass.IN, set.ttl ?? ttl, set.rdatas))
}

/** Records in the form of dns-packet's answers. Its OPT pseudo-records are left out: the stub makes its own. */
function packetRecords(value: unknown, question: Question, ttl: number): readonly RRset[] {
  if (!Array.isArray(value))
    return mistake(`expected an array of records like { name, type, ttl, data }, found ${described(value)}`)
  return groupRRsets(answersOf(value, question.name, ttl))
}

/** What another server said, as our own words. */
export function contentOfMessage(message: Message, chain: readonly RRset[] = []): Content {
  const [error] = message.edns === null ? [] : readExtendedErrors(message.edns)
  return {
    rcode: message.rcode,
    authoritative: message.authoritative,
    secure: message.authenticData,
    answer: [...chain, ...groupRRsets(message.answer)],
    authority: groupRRsets(message.authority),
    additional: groupRRsets(message.additional),
    ede: error === undefined ? null : { code: error.code, text: error.text },
  }
}
