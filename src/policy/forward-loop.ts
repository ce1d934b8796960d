/**
 * Answers the probes by which we find out that what we forward comes back to us. No one else knows their names, so that
 * no client sees it.
 */
import type { Name } from '../dns/name.ts'
import { EdeCode } from '../dns/types.ts'
import type { Stage } from './handler.ts'

/** Is it the name of a probe? */
export type CameBack = (name: Name) => boolean

export const makeForwardLoop = (cameBack: CameBack): Stage => ({
  name: 'forward-loop',
  after: [],
  before: ['chaos', 'minimal-any'],
  handle: (query, next) =>
    cameBack(query.question.name)
      ? Promise.resolve({
          kind: 'resolved',
          outcome: {
            kind: 'failure',
            rrsets: [],
            why: 'cycle',
            ede: EdeCode.Other,
            text: 'a forwarding loop: this question was sent from here',
          },
          by: 'forward-loop',
          shareable: false,
        })
      : next(query),
})
