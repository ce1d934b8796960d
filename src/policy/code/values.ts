/** Between the values of the engine and those of a policy: what a hook sees of a query, and what its answer makes. */
import { parseIp } from '../../dns/address.ts'
import { foldName, type Name } from '../../dns/name.ts'
import { nameRdata } from '../../dns/rdata.ts'
import { makeRRset, recordsOf, type RRset, withTtl } from '../../dns/rrset.ts'
import { EdeCode, RrClass, RrType, typeName } from '../../dns/types.ts'
import type { Client } from '../../ports.ts'
import { formatRdata } from '../../presentation/rdata-text.ts'
import { parseRr } from '../../presentation/rr-text.ts'
import { formatName, parseName } from '../../presentation/text.ts'
import type { Outcome, Security } from '../../steps.ts'
import type { Answer, Query } from '../handler.ts'
import { madeUpSoa } from '../made-up.ts'
import type { AnswerOptions, PolicyAnswer, PolicyClient, PolicyQuestion, PolicyResult } from './language.ts'

export const clientFor = ({ ip, port, transport, serverName, clientId }: Client): PolicyClient => ({
  address: ip.text,
  port,
  transport,
  tlsName: serverName ?? null,
  id: clientId ?? null,
})

export const questionFor = (query: Query, view: string | null): PolicyQuestion => ({
  name: plain(query.question.name),
  type: typeName(query.question.type),
  view,
  recursionDesired: query.recursionDesired,
  checkingDisabled: query.checkingDisabled,
  dnssecOk: query.dnssecOk,
})

const plain = (name: Name): string => {
  const text = formatName(name)
  return text === '.' ? text : text.slice(0, -1)
}

export function resultFor(answer: Answer): PolicyResult {
  const none = { records: [], secure: false }
  if (answer.kind === 'given') {
    const { rcode, answer: sets } = answer.content
    if (rcode !== 0) return { kind: rcode === 3 ? 'nxdomain' : 'failure', ...none }
    return { kind: sets.length === 0 ? 'nodata' : 'answer', records: sets.flatMap(recordsFor), secure: false }
  }
  if (answer.kind !== 'resolved' || answer.outcome.kind === 'failure') return { kind: 'failure', ...none }
  const { kind, rrsets, security } = answer.outcome
  return { kind, records: rrsets.flatMap(recordsFor), secure: security.kind === 'secure' }
}

const recordsFor = (set: RRset): PolicyResult['records'] =>
  recordsOf(set).map(({ type, ttl, rdata }) => ({
    name: plain(set.name),
    type: typeName(type),
    ttl,
    data: formatRdata(type, rdata),
  }))

/** An answer that needs nothing more than itself. */
export type Settled = Exclude<PolicyAnswer, { kind: 'pass' | 'allow' | 'cname' | 'ttl' }>

export interface Making {
  /** The stage. */
  readonly by: string
  readonly name: Name
  readonly type: number
  /** The name of the policy. */
  readonly policy: string
  /** Seconds, where the answer has none. */
  readonly ttl: number
}

/** The answer, or what is wrong with its data. */
export function answerFor(answer: Settled, making: Making): Answer | string {
  const { by, name, type } = making
  switch (answer.kind) {
    case 'drop':
      return { kind: 'dropped', by }
    case 'refuse': {
      const note = noteOf(answer, making.policy)
      return { kind: 'refused', by, ede: note?.ede ?? null, text: note?.text ?? '' }
    }
    case 'nxdomain':
    case 'nodata':
      return resolved(by, denial(answer.kind, answer, making))
    case 'address': {
      const ips = answer.addresses.flatMap(text => parseIp(text) ?? [])
      // RFC 8482 section 4.1: to ANY one of them.
      const family = type === RrType.A ? 4 : type === RrType.AAAA ? 6 : type === RrType.ANY ? (ips[0]?.family ?? 4) : 0
      const rdatas = ips.flatMap(ip => (ip.family === family ? [ip.bytes] : []))
      if (rdatas.length === 0) return resolved(by, denial('nodata', answer, making))
      const of = family === 4 ? RrType.A : RrType.AAAA
      return resolved(by, data([makeRRset(name, of, RrClass.IN, answer.ttl ?? making.ttl, rdatas)], answer, making))
    }
    case 'records': {
      const rdatas: Uint8Array[] = []
      for (const text of answer.data) {
        const read = parseRr(`${formatName(name)} 0 IN ${typeName(type)} ${text}`)
        if ('error' in read)
          return `records: ${JSON.stringify(text)} is no data of type ${typeName(type)}: ${read.error}`
        rdatas.push(read.rdata)
      }
      return resolved(by, data([makeRRset(name, type, RrClass.IN, answer.ttl ?? making.ttl, rdatas)], answer, making))
    }
    default:
      return answer satisfies never
  }
}

const resolved = (by: string, outcome: Outcome): Answer => ({ kind: 'resolved', by, outcome, shareable: true })

const denial = (kind: 'nxdomain' | 'nodata', options: AnswerOptions, making: Making): Outcome => ({
  kind,
  rrsets: [],
  soa: madeUpSoa(making.name, options.ttl ?? making.ttl),
  proof: [],
  security: securityOf(options, making.policy),
  authoritative: false,
})

const data = (rrsets: readonly RRset[], options: AnswerOptions, { policy }: Making): Outcome => ({
  kind: 'answer',
  rrsets,
  proof: [],
  additional: [],
  security: securityOf(options, policy),
  authoritative: false,
})

/** Never AD: no one has signed it. */
function securityOf(options: AnswerOptions, policy: string): Security {
  const note = noteOf(options, policy)
  return note === null ? { kind: 'insecure' } : { kind: 'insecure', note }
}

const edes = {
  blocked: EdeCode.Blocked,
  censored: EdeCode.Censored,
  filtered: EdeCode.Filtered,
  forged: EdeCode.ForgedAnswer,
} as const

const noteOf = ({ ede, text }: AnswerOptions, policy: string): { ede: EdeCode; text: string } | null =>
  ede === undefined && text === undefined
    ? null
    : { ede: edes[ede ?? 'blocked'], text: text ?? `by the policy "${policy}"` }

/** The alias in front of what came for its target. A failure stays what it is. */
export function aliased(answer: Extract<PolicyAnswer, { kind: 'cname' }>, making: Making, found: Answer): Answer {
  const target = parseName(answer.target, null)
  if (typeof target !== 'string' || found.kind !== 'resolved' || found.outcome.kind === 'failure') return found
  const set = makeRRset(making.name, RrType.CNAME, RrClass.IN, answer.ttl ?? making.ttl, [nameRdata(target)])
  const security = securityOf(answer, making.policy)
  const outcome = { ...found.outcome, rrsets: [set, ...found.outcome.rrsets], security, authoritative: false }
  return { ...found, by: making.by, outcome }
}

export function targetName({ target }: Extract<PolicyAnswer, { kind: 'cname' }>): Name | null {
  const parsed = parseName(target, null)
  return typeof parsed === 'string' ? foldName(parsed) : null
}

/** The least TTL of an outcome in seconds; null: it has none. */
export function leastTtl(outcome: Outcome): number | null {
  if (outcome.kind === 'failure') return null
  const ttls = outcome.rrsets.map(set => set.ttl)
  if (outcome.kind !== 'answer' && outcome.soa !== null) ttls.push(outcome.soa.ttl)
  return ttls.length === 0 ? null : Math.min(...ttls)
}

/** TTLs (s) inside of bounds. What is validated is never raised: clients hold it to the TTL that was signed. */
export function bounded(
  outcome: Outcome,
  { min = 0, max = Number.POSITIVE_INFINITY }: { min?: number; max?: number },
): Outcome {
  if (outcome.kind === 'failure') return outcome
  const least = outcome.security.kind === 'secure' ? 0 : min
  const bound = (set: RRset): RRset => withTtl(set, Math.min(Math.max(set.ttl, least), max))
  const sets = { rrsets: outcome.rrsets.map(bound), proof: outcome.proof.map(bound) }
  return outcome.kind === 'answer'
    ? { ...outcome, ...sets, additional: outcome.additional.map(bound) }
    : { ...outcome, ...sets, soa: outcome.soa === null ? null : bound(outcome.soa) }
}
