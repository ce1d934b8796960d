/** The stores whose entries can be listed. */
export const CACHE_KINDS = ['rrsets', 'negatives', 'failures', 'delegations'] as const
export type CacheKind = (typeof CACHE_KINDS)[number]
