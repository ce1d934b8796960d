/**
 * What another configuration would answer, held against what this one does: which answers differ, for whom and by which
 * rules. Pure: who asks both is in `rehearsal.ts`, where questions come from in `questions.ts`.
 */
import type { PolicyTestTotals } from '../../admin/policy-tests/controls.ts'
import type { AskedQuestion } from './questions.ts'

export interface Rehearsed {
  /** `NOERROR`; null: nothing is answered. */
  readonly rcode: string | null
  /** Type and data, without TTL. */
  readonly records: readonly string[]
  /** What decided: `lists: ||ads.example^ (ads)`; null: no rule. */
  readonly rule: string | null
  /** Of the client; null: it is in none. */
  readonly view: string | null
  /** No server gave an answer, so that nothing is known of what would have been. */
  readonly isUnknown: boolean
}

export interface Change {
  readonly question: AskedQuestion
  readonly before: Rehearsed
  readonly after: Rehearsed
}

export type Compared =
  | { readonly kind: 'same' }
  | { readonly kind: 'changed' }
  /** One of them got no answer of servers. */
  | { readonly kind: 'unknown' }

/** The same is what a client sees no difference in: which rule made it does not matter, nor the order of records. */
export function compareAnswers(before: Rehearsed, after: Rehearsed): Compared {
  if (before.isUnknown && after.isUnknown) return { kind: 'unknown' }
  // What a rule makes without any server is not what servers would have said.
  if (before.isUnknown || after.isUnknown)
    return { kind: (before.isUnknown ? after : before).rule === null ? 'unknown' : 'changed' }
  const isSame = before.rcode === after.rcode && sorted(before.records) === sorted(after.records)
  return { kind: isSame ? 'same' : 'changed' }
}

const sorted = (records: readonly string[]): string => records.toSorted().join('\n')

/** So many pairs of rules are counted apart; of the others the answers are in the sums. */
const RULES_COUNTED = 10_000
const RULES_SHOWN = 20

/** Counts what was compared so far. */
export class Comparison {
  readonly #clients = new Set<string>()
  readonly #rules = new Map<
    string,
    { readonly before: string | null; readonly after: string | null; answers: number; readonly clients: Set<string> }
  >()
  readonly #sums = { compared: 0, changed: 0, queries: 0, unknown: 0 }

  add({ question, before, after }: Change): Compared {
    const compared = compareAnswers(before, after)
    this.#sums.compared += 1
    if (compared.kind === 'unknown') this.#sums.unknown += 1
    if (compared.kind !== 'changed') return compared
    this.#sums.changed += 1
    this.#sums.queries += question.times
    this.#clients.add(question.client)
    const key = JSON.stringify([before.rule, after.rule])
    const known = this.#rules.get(key)
    const rule = known ?? { before: before.rule, after: after.rule, answers: 0, clients: new Set<string>() }
    if (known === undefined && this.#rules.size < RULES_COUNTED) this.#rules.set(key, rule)
    rule.answers += 1
    rule.clients.add(question.client)
    return compared
  }

  totals(): PolicyTestTotals {
    const rules = [...this.#rules.values()].toSorted((a, b) => b.answers - a.answers).slice(0, RULES_SHOWN)
    return {
      ...this.#sums,
      clients: this.#clients.size,
      rules: rules.map(({ clients, ...rest }) => ({ ...rest, clients: clients.size })),
    }
  }
}
