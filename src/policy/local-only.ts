/**
 * Clients of whom the access list says `local`: they get what local zones say, and REFUSED for all else. Neither the
 * caches nor any server is asked for them, so that they learn nothing of what others ask.
 */
import { EdeCode } from '../dns/types.ts'
import type { Query, Stage } from './handler.ts'

/** `isLocal`: does a local zone of the query's view answer it? */
export const makeLocalOnly = (isLocal: (query: Query) => boolean): Stage => ({
  name: 'local-only',
  after: ['chaos'],
  before: [],
  async handle(query, next) {
    if (query.localOnly !== true) return next(query)
    if (!isLocal(query))
      return {
        kind: 'refused',
        by: 'local-only',
        ede: EdeCode.Prohibited,
        text: 'this client may ask for names of local zones only',
      }
    const answer = await next({ ...query, recursionDesired: false })
    return answer.kind === 'resolved' ? { ...answer, shareable: false } : answer
  },
})
