/** Look-ups by our own engine, each with its walk. */
import type { Clock } from '../ports.ts'
import type { Resolver } from '../resolver/resolver.ts'
import type { TraceStep } from '../resolver/trace.ts'
import type { Outcome } from '../steps.ts'
import type { LookUpAnswer, Names } from './types.ts'

export const namesByWalk = ({
  resolver,
  clock,
}: {
  readonly resolver: Pick<Resolver, 'resolve'>
  readonly clock: Clock
}): Names => ({
  lookUp: question =>
    new Promise(resolve => {
      const steps: TraceStep[] = []
      const startedAtMs = clock.now()
      resolver.resolve(
        question,
        { recursionDesired: true, because: 'client', trace: step => steps.push(step) },
        outcome => resolve({ answer: answerOf(outcome), source: { kind: 'walk', startedAtMs, steps } }),
      )
    }),
})

function answerOf(outcome: Outcome): LookUpAnswer {
  switch (outcome.kind) {
    case 'answer':
    case 'nodata':
    case 'nxdomain':
      return { kind: outcome.kind, rrsets: outcome.rrsets, security: outcome.security.kind }
    case 'failure':
      return { kind: 'failure', why: outcome.why, ede: outcome.ede, text: outcome.text }
    default:
      return outcome satisfies never
  }
}
