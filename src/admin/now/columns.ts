/** What is kept of every moment, by name: data that the API and its pages share. */

/** Queries in the step by where the answer came from; those that ended in SERVFAIL are in `fail` and nowhere else. */
export const SOURCE_COLUMNS = ['cache', 'recursion', 'local', 'policy', 'fail'] as const

export const COLUMNS = [
  'cache',
  'recursion',
  'local',
  'policy',
  'fail',
  /** The same queries by rcode. */
  'noerror',
  'nxdomain',
  'servfail',
  'refused',
  'otherRcode',
  /** Ms that half, and 99 of 100, of the answers took at most; 0: there were none. */
  'p50Ms',
  'p99Ms',
  /** Queries without a response. */
  'dropped',
  /** Messages to servers, those without a reply in time, and the mean round trip in ms. */
  'upstream',
  'timeouts',
  'upstreamMs',
  /** At the end of the step: octets that the caches count, octets of the process, queries that wait. */
  'cacheBytes',
  'memoryBytes',
  'waiting',
] as const
export type Column = (typeof COLUMNS)[number]
