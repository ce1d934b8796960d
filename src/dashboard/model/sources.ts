/** Where an answer came from: seven words with a colour each, which mean the same in every chart, tag and line. */

export const SOURCES = ['cache', 'recursion', 'forward', 'local', 'policy', 'stale', 'fail'] as const
export type Source = (typeof SOURCES)[number]

/** Of a query: `by` is what made the answer, as the query log has it. */
export function sourceOf(by: string, rcode: string): Source {
  if (rcode === 'SERVFAIL' || by.startsWith('failure')) return 'fail'
  if (by === 'cache' || by === 'local' || by === 'forward' || by === 'stale') return by
  if (by === 'shared') return 'cache'
  return by === 'recursion' || by === 'late' ? 'recursion' : 'policy'
}

/** What shows the queries of a source, in the language of filters. */
export function sourceFilter(source: Source): string {
  switch (source) {
    case 'fail':
      return 'rcode=SERVFAIL'
    case 'recursion':
      return 'source in (recursion, late) and rcode!=SERVFAIL'
    case 'policy':
      return 'record=query and not (source in (cache, recursion, late, local, forward, stale) or source~failure*)'
    default:
      return `source=${source} and rcode!=SERVFAIL`
  }
}
