/**
 * Local data comes before rules: what a local zone answers is what its operator wrote, and no list and no policy zone
 * takes it away. Such a query goes on at once with the stages that shape answers. In the chain only where there are
 * rules to pass by.
 *
 * Special-use zones that are built in are nobody's own: an address that an own rule gives to a name of theirs, such as
 * `192.168.1.10 nas.home.arpa`, counts.
 */
import type { Handler, Query, Stage } from './handler.ts'

/** `isLocal`: does a local zone of the query's view answer it? `past` is what comes after the rules. */
export const makeLocalData = (isLocal: (query: Query) => boolean, past: Handler): Stage => ({
  name: 'local-data',
  after: ['chaos'],
  before: [],
  handle: (query, next) => (isLocal(query) ? past(query) : next(query)),
})
