/**
 * Block and allow lists in the chain: `lists` decides on the name of the question, before anything is asked; on the
 * answer, `lists-answer` looks at the names that it is an alias of, at services (SVCB, HTTPS) and, where a list has
 * addresses, at those.
 *
 * Invariants: a name that is allowed is not looked at again in its answer; bogus data stays what it is; what a rule for
 * some clients was looked at for is not shared.
 */
import { foldName, type Name, ROOT } from '../../dns/name.ts'
import { ipOf, readService, targetOf } from '../../dns/rdata.ts'
import type { RRset } from '../../dns/rrset.ts'
import { RrClass, RrType } from '../../dns/types.ts'
import type { Answer, Query, Stage } from '../handler.ts'
import { blockedAnswer, decisionOf } from './answer.ts'
import type { Judgement, ListQuery, RuleSet, Verdict } from './rule-set.ts'

export interface ListsInForce {
  /** Those of the moment; null: none. */
  readonly current: () => RuleSet | null
  /** Which of them are for the clients of a view, by their place; null: all. */
  readonly enabled: (view: number) => Uint8Array | null
}

const QUESTION = 'lists'
const ANSWER = 'lists-answer'

export const makeLists = (lists: ListsInForce): Stage => ({
  name: QUESTION,
  after: ['local-data'],
  before: [],
  handle(query, next) {
    const set = lists.current()
    if (set === null || query.question.class !== RrClass.IN) return next(query)
    const { name, type } = query.question
    const { verdict, isForClient } = set.ofName(name, listQuery(query, lists))
    if (verdict === null) return isForClient ? next(query).then(unshared) : next(query)
    if (verdict.action === 'block')
      return Promise.resolve(blockedAnswer({ by: QUESTION, verdict, owner: name, type, chain: [] }))
    return next({ ...query, exempt: [...(query.exempt ?? []), ANSWER] }).then(answer => {
      const decided = { ...answer, decisions: [decisionOf(QUESTION, verdict), ...(answer.decisions ?? [])] }
      return isForClient ? unshared(decided) : decided
    })
  },
})

export const makeListsAnswer = (lists: ListsInForce): Stage => ({
  name: ANSWER,
  after: [QUESTION],
  before: [],
  handle(query, next) {
    const set = lists.current()
    return set === null || query.question.class !== RrClass.IN
      ? next(query)
      : next(query).then(answer => new AnswerCheck(set, query, listQuery(query, lists)).of(answer))
  },
})

/** Does a rule of the operator's own give an address to the name? Nothing is counted. */
export function givesOwnAddress(lists: ListsInForce, query: Query): boolean {
  const { question } = query
  const set = question.class === RrClass.IN ? lists.current() : null
  const verdict = set?.ofName(question.name, listQuery({ ...query, dry: true }, lists)).verdict ?? null
  return verdict?.action === 'block' && verdict.traits.layer === 'own' && verdict.answer.kind === 'addresses'
}

const listQuery = ({ question, client, view, dry }: Query, { enabled }: ListsInForce): ListQuery => ({
  type: question.type,
  client,
  enabled: enabled(view),
  dry,
})

const unshared = (answer: Answer): Answer =>
  answer.kind === 'resolved' && answer.shareable ? { ...answer, shareable: false } : answer

/** One answer, held against the lists. */
class AnswerCheck {
  readonly #set: RuleSet
  readonly #query: Query
  readonly #listQuery: ListQuery
  #isForClient = false

  constructor(set: RuleSet, query: Query, listQuery: ListQuery) {
    this.#set = set
    this.#query = query
    this.#listQuery = listQuery
  }

  of(answer: Answer): Answer {
    if (answer.kind !== 'resolved' || answer.outcome.kind === 'failure') return answer
    if (answer.outcome.security.kind === 'bogus') return answer
    const found = this.#firstBlocked(answer.outcome.rrsets)
    if (found === null) return this.#isForClient ? unshared(answer) : answer
    const { verdict, owner, links } = found
    const chain = answer.outcome.rrsets.slice(0, links)
    return blockedAnswer({ by: ANSWER, verdict, owner, type: this.#query.question.type, chain })
  }

  /** The first in the order of the chain decides. `links`: the RRsets that led to it. */
  #firstBlocked(sets: readonly RRset[]): { verdict: Verdict; owner: Name; links: number } | null {
    const { type } = this.#query.question
    let owner = this.#query.question.name
    let links = 0
    for (const [index, set] of sets.entries()) {
      // Who asks for the alias itself gets it: it leads nowhere yet.
      if (set.type === RrType.CNAME && type !== RrType.CNAME && type !== RrType.ANY) {
        const target = set.rdatas[0] === undefined ? null : targetOf(set.rdatas[0])
        if (target === null) continue
        owner = foldName(target)
        links = index + 1
        const verdict = this.#blocking(this.#set.ofName(owner, this.#listQuery))
        if (verdict !== null) return { verdict, owner, links }
      } else {
        const verdict = this.#inData(set)
        if (verdict !== null) return { verdict, owner, links }
      }
    }
    return null
  }

  /** What is blocked is not the owner but what its data lead to: of it only these types are denied. */
  #inData({ type, rdatas }: RRset): Verdict | null {
    const isService = type === RrType.SVCB || type === RrType.HTTPS
    if (!isService && !this.#set.hasAddresses) return null
    for (const rdata of rdatas) {
      const service = isService ? readService(rdata) : null
      const address = ipOf(type, rdata)
      const addresses = service?.hints ?? (address === null ? [] : [address])
      const target = service === null || service.target === ROOT ? null : foldName(service.target)
      const verdict =
        (target === null ? null : this.#blocking(this.#set.ofName(target, this.#listQuery))) ??
        addresses.reduce<Verdict | null>(
          (before, one) => before ?? this.#blocking(this.#set.ofAddress(one, this.#listQuery)),
          null,
        )
      if (verdict !== null) return { ...verdict, zone: null, isForAllTypes: false }
    }
    return null
  }

  #blocking({ verdict, isForClient }: Judgement): Verdict | null {
    if (isForClient) this.#isForClient = true
    return verdict !== null && verdict.action === 'block' ? verdict : null
  }
}
