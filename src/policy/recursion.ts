/** The last handler: asks the resolver of the query's view, which looks into local zones, the cache and the world. */
import { ownerOf } from '../fairness/owner.ts'
import type { QueryOptions, Resolves } from '../resolver/resolver.ts'
import type { Outcome } from '../steps.ts'
import type { TraceSink } from '../resolver/trace.ts'
import type { Handler, Query } from './handler.ts'

/** The observer of a query's resolution; null when there is none. */
export type Watch = (query: Query) => TraceSink | null

export const recursion =
  (resolverOf: (view: number) => Resolves, watch: Watch = () => null): Handler =>
  query =>
    new Promise(settle => {
      const trace = watch(query)
      const plain = {
        recursionDesired: query.recursionDesired,
        checkingDisabled: query.checkingDisabled,
        because: 'client',
        owner: ownerOf(query.client.ip),
      } as const
      const options: QueryOptions = trace === null ? plain : { ...plain, trace }
      // An outcome that comes before `resolve` returns needed no query to a server.
      let asked = false
      resolverOf(query.view).resolve(query.question, options, outcome =>
        settle({ kind: 'resolved', outcome, by: sourceOf(outcome, asked), shareable: !isStale(outcome) }),
      )
      asked = true
    })

function sourceOf(outcome: Outcome, asked: boolean): string {
  if (outcome.kind === 'failure') return `failure:${outcome.why}`
  if (isStale(outcome)) return 'stale'
  if (outcome.authoritative) return 'local'
  if (outcome.shared === true) return 'shared'
  return asked ? 'recursion' : 'cache'
}

/** For this moment only: the next client may get what its servers say. */
const isStale = (outcome: Outcome): boolean => outcome.kind !== 'failure' && outcome.stale !== undefined
