/**
 * What is answered in the place of what a list blocks: of one kind for all types of a name, so that no cache is told
 * that a name does not exist and that it has an address. Never authoritative, never validated; denials have an SOA, or
 * clients would ask again at once (RFC 2308 section 5).
 */
import type { Name } from '../../dns/name.ts'
import { makeRRset, type RRset } from '../../dns/rrset.ts'
import { type EdeCode, Rcode, RrClass, RrType } from '../../dns/types.ts'
import type { Answer, Content, Decision, Rule } from '../handler.ts'
import { madeUpSoa } from '../made-up.ts'
import { OWN_RULES } from './rule.ts'
import type { MatchedRule, Verdict } from './rule-set.ts'

export interface Blocked {
  /** The stage that says so. */
  readonly by: string
  readonly verdict: Verdict
  /** What is blocked: the name of the question, or one that it is an alias of. */
  readonly owner: Name
  readonly type: number
  /** The aliases that led to `owner`. */
  readonly chain: readonly RRset[]
}

export function blockedAnswer({ by, verdict, owner, type, chain }: Blocked): Answer {
  const { traits, answer } = verdict
  const { winner } = verdict
  // Not the whole place: where an operator keeps files is not for clients.
  const rule = winner.list === OWN_RULES ? winner.at : `the list "${winner.list}", line ${winner.line}`
  const ede = { code: traits.ede, text: `${edeWords[traits.ede] ?? 'blocked'} by ${rule}` }
  const decisions = [decisionOf(by, verdict)]
  // A stub resolver asks its next server then: nothing of what was found is shown.
  if (answer.kind === 'refused') return { kind: 'refused', by, ede: traits.ede, text: ede.text, decisions }
  const records = recordsFor(verdict, owner, type)
  const isDenial = records.length === 0
  const content: Content = {
    // A rule for some types, or for an address, says nothing of the name as a whole (RFC 8020).
    rcode: answer.kind === 'nxdomain' && verdict.isForAllTypes ? Rcode.NXDOMAIN : Rcode.NOERROR,
    authoritative: false,
    secure: false,
    answer: [...chain.map(unsigned), ...records],
    authority: isDenial ? [madeUpSoa(verdict.zone ?? owner, traits.ttl)] : [],
    additional: [],
    ede,
  }
  return { kind: 'given', by, content, decisions }
}

const edeWords: Readonly<Partial<Record<EdeCode, string>>> = { 15: 'blocked', 16: 'censored', 17: 'filtered' }

/** Which rule decided, for `explain`, the query log and the streams. */
export const decisionOf = (stage: string, { winner, lost }: Verdict): Decision => ({
  stage,
  ...ruleOf(winner),
  lost: lost.map(ruleOf),
})

const ruleOf = ({ rule, list, at }: MatchedRule): Rule => ({
  rule,
  source: list === OWN_RULES ? null : list,
  at,
})

const NULL_IPV4 = [new Uint8Array(4)]
const NULL_IPV6 = [new Uint8Array(16)]
const NONE: readonly Uint8Array[] = []

function recordsFor({ answer, traits }: Verdict, owner: Name, type: number): readonly RRset[] {
  const { ipv4, ipv6 } =
    answer.kind === 'addresses' ? answer : answer.kind === 'null' ? { ipv4: NULL_IPV4, ipv6: NULL_IPV6 } : NO_ADDRESSES
  const set = (of: number, rdatas: readonly Uint8Array[]): readonly RRset[] =>
    rdatas.length === 0 ? [] : [makeRRset(owner, of, RrClass.IN, traits.ttl, [...rdatas])]
  switch (type) {
    case RrType.A:
      return set(RrType.A, ipv4)
    case RrType.AAAA:
      return set(RrType.AAAA, ipv6)
    case RrType.ANY:
      // RFC 8482 section 4.1: one of them.
      return ipv4.length > 0 ? set(RrType.A, ipv4) : set(RrType.AAAA, ipv6)
    default:
      return []
  }
}

const NO_ADDRESSES = { ipv4: NONE, ipv6: NONE }

/** Signatures would say that the zone's owner said all of this. */
const unsigned = (set: RRset): RRset => (set.signatures.length === 0 ? set : { ...set, signatures: [] })
