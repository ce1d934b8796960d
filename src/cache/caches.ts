/**
 * All that is remembered, in one hand, each store with its share of one budget. The stores don't know each other; the
 * one thing that ties two of them is made here: data that was stored ends the denials that it contradicts.
 */
import type { RRset } from '../dns/rrset.ts'
import { defaultLimits, type CacheLimits } from '../limits.ts'
import { AnswerCache, type AnswerCacheOptions } from './answer-cache.ts'
import { DelegationCache } from './delegations.ts'
import { DenialStore } from './nsec-cache.ts'
import { FailureCache } from './failure-cache.ts'
import { NegativeCache } from './negative-cache.ts'
import { RRsetCache, type StoredListener } from './rrset-cache.ts'
import { ServerStats, type ServerStatsLimits } from './server-stats.ts'
import { mayAnswer } from './trust.ts'
import { TtlBounds, type ZoneTtl } from './ttl.ts'
import { ZoneStates } from './zone-states.ts'

export interface Caches {
  readonly rrsets: RRsetCache
  readonly negatives: NegativeCache
  readonly failures: FailureCache
  readonly delegations: DelegationCache
  readonly servers: ServerStats
  readonly answers: AnswerCache
  readonly zoneStates: ZoneStates
  /** Validated denials that serve for other names. */
  readonly denials: DenialStore
  /** The bounds of TTLs by name. */
  readonly ttls: TtlBounds
  /** ms that data and denials are kept after their TTL (RFC 8767). */
  readonly staleMs: number
  /** Bytes in use by all of them. */
  readonly bytes: number
  /** Hears of every set that is stored from now on; null: no one does. */
  followStored(listener: ((rrset: RRset) => void) | null): void
  clear(): void
}

/**
 * Empty stores; finished answers may be shared with others, where each has its own view. `timing` bounds the time-outs
 * that server statistics compute; `options.seed` is drawn at random where
 * strangers choose the names.
 */
export function createCaches(
  limits: CacheLimits,
  timing: ServerStatsLimits = defaultLimits.upstream,
  options: AnswerCacheOptions & {
    readonly answers?: AnswerCache | undefined
    readonly ttls?: readonly ZoneTtl[] | undefined
  } = {},
): Caches {
  const share = (permille: number): number => (limits.totalBytes * permille) / 1000
  /** What a store on the heap may count: its share is of resident memory, which includes garbage. */
  const heapShare = (permille: number): number => (share(permille) * 100) / limits.heapResidentPercent
  const ttls = new TtlBounds(limits, options.ttls)
  const negatives = new NegativeCache(limits, heapShare(limits.negativePermille), ttls)
  let follower: ((rrset: RRset) => void) | null = null
  const contradicts: StoredListener = (rrset, trust, security) => {
    follower?.(rrset)
    if (mayAnswer(trust)) negatives.contradict(rrset.name, rrset.type, rrset.class, security)
  }
  const rrsets = new RRsetCache(limits, heapShare(limits.rrsetPermille), contradicts, ttls)
  const failures = new FailureCache(limits, heapShare(limits.failurePermille))
  const delegations = new DelegationCache(limits, heapShare(limits.delegationPermille))
  const servers = new ServerStats(limits, timing, heapShare(limits.infraPermille), heapShare(limits.lamePermille))
  const answers = options.answers ?? new AnswerCache(limits, share(limits.answerPermille), options)
  const zoneStates = new ZoneStates(limits, heapShare(limits.zoneStatePermille))
  const denials = new DenialStore(limits, heapShare(limits.denialPermille), ttls)
  const stores = [rrsets, negatives, failures, delegations, servers, answers, zoneStates, denials]
  return {
    rrsets,
    negatives,
    failures,
    delegations,
    servers,
    answers,
    zoneStates,
    denials,
    ttls,
    staleMs: limits.staleMs,
    get bytes() {
      return stores.reduce((sum, store) => sum + store.bytes, 0)
    },
    followStored(listener) {
      follower = listener
    },
    clear() {
      for (const store of stores) store.clear()
    },
  }
}
