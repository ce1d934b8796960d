/** The last handler: asks the resolver, which consults local zones, the cache and then the world. */
import type { Question } from '../dns/message.ts'
import type { Because, Outcome } from '../steps.ts'
import type { Cancel } from '../ports.ts'
import type { Handler } from './handler.ts'

/** The part of the resolver that a handler needs. */
export interface Resolves {
  resolve(question: Question, options: { readonly recursionDesired: boolean; readonly because: Because }, done: (outcome: Outcome) => void): Cancel
}

export const recursion = (resolver: Resolves): Handler => query =>
  new Promise(settle => {
    const options = { recursionDesired: query.recursionDesired, because: 'client' } as const
    resolver.resolve(query.question, options, outcome => settle({ kind: 'resolved', outcome, by: sourceOf(outcome), shareable: true }))
  })

function sourceOf(outcome: Outcome): string {
  if (outcome.kind === 'failure') return `failure:${outcome.why}`
  return outcome.authoritative ? 'local' : 'recursion'
}
