/**
 * The rebinding guard: an answer from outside that names an address inside makes a browser take a page of a stranger
 * for one of a machine of this network. Such an answer becomes NODATA with Extended DNS Error 15. It looks at what
 * comes back after validation, at A, AAAA and the hints of SVCB and HTTPS, in all sections.
 *
 * Exempt by the name that was asked for, never by where an alias leads: names of `allow`, of zones that are forwarded
 * or have servers named by the operator (not the root, which is all names), and of local data as far as it is local.
 *
 * Invariant: what is given in place of an answer is never AD and never kept for others.
 */
import type { Question } from '../../dns/message.ts'
import { isWithin, type Name, ROOT } from '../../dns/name.ts'
import type { RRset } from '../../dns/rrset.ts'
import { EdeCode, Rcode, RrClass } from '../../dns/types.ts'
import { formatName } from '../../presentation/text.ts'
import type { Answer, Decision, Stage } from '../handler.ts'
import type { AnsweredLocally } from '../minimal-any.ts'
import { addressesOf } from './addresses-of.ts'
import { madeUpSoa } from '../made-up.ts'
import { rangeFinding, type AddressRanges } from './private-addresses.ts'

export interface Rebinding {
  readonly ranges: AddressRanges
  /** These names and those below. */
  readonly allow: readonly Name[]
}

/** The name of the forward or stub zone that a question belongs to in a view; null: none. */
export type ConfiguredZone = (question: Question, view: number) => Name | null

export function makeRebinding(
  { ranges, allow }: Rebinding,
  answeredLocally: AnsweredLocally,
  configuredZone: ConfiguredZone,
  limits: { readonly blockedTtl: number },
): Stage {
  const finding = (set: RRset): string | null => {
    for (const address of addressesOf(set)) {
      const found = rangeFinding(ranges, address)
      if (found !== null) return found
    }
    return null
  }
  const isExempt = (question: Question, view: number): boolean =>
    question.class !== RrClass.IN ||
    (configuredZone(question, view) ?? ROOT) !== ROOT ||
    allow.some(zone => isWithin(question.name, zone))
  return {
    name: 'rebinding',
    after: ['chaos'],
    before: ['dns64'],
    async handle(query, next) {
      const answer = await next(query)
      if (answer.kind !== 'resolved' || answer.outcome.kind === 'failure' || isExempt(query.question, query.view))
        return answer
      const { outcome } = answer
      // Data of our own is exempt for names of our own: a stranger's alias to it is the attack itself.
      const isOurs = ({ name, type, class: klass }: RRset): boolean =>
        outcome.authoritative &&
        (answeredLocally({ name, type, class: klass }, query.view) ||
          isExempt({ name, type, class: klass }, query.view))
      const found = (set: RRset): string | null => (isOurs(set) ? null : finding(set))
      for (const set of [...outcome.rrsets, ...outcome.proof]) {
        const address = found(set)
        if (address !== null) return blocked(query.question.name, set.name, address, limits.blockedTtl)
      }
      if (outcome.kind !== 'answer' || outcome.additional.length === 0) return answer
      const additional = outcome.additional.filter(set => found(set) === null)
      return additional.length === outcome.additional.length
        ? answer
        : {
            ...answer,
            outcome: { ...outcome, additional },
            by: 'rebinding',
            decisions: [decided('additional records')],
          }
    },
  }
}

const decided = (rule: string): Decision => ({ stage: 'rebinding', rule, source: null, lost: [] })

const blocked = (asked: Name, owner: Name, address: string, ttl: number): Answer => ({
  kind: 'given',
  by: 'rebinding',
  decisions: [decided(address)],
  content: {
    rcode: Rcode.NOERROR,
    authoritative: false,
    secure: false,
    answer: [],
    authority: [madeUpSoa(asked, ttl)],
    additional: [],
    ede: { code: EdeCode.Blocked, text: `rebinding: ${formatName(owner)} has the private address ${address}` },
  },
})
