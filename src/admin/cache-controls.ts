/** What the API asks of the caches and of the resolver. Names in presentation format but where they are asked for. */
import type { IpAddress } from '../dns/address.ts'
import type { Name } from '../dns/name.ts'
import type { CacheKind } from './cache-kinds.ts'

interface CachedRecord {
  readonly name: string
  readonly ttl: number
  readonly class: string
  readonly type: string
  readonly data: string
}

/** An entry of any of the stores. What does not apply is null or empty. */
export interface CacheEntry {
  readonly kind: CacheKind | 'nodata' | 'nxdomain'
  readonly name: string
  /** `*` for all types. */
  readonly type: string
  readonly class: string
  /** Seconds until it ends; null: it does not. */
  readonly ttlLeft: number | null
  /** Seconds that it was stored with. */
  readonly ttl: number | null
  /** Which rule gave it this TTL. */
  readonly ttlOrigin: string
  /** Seconds since 1970; null where it is not known. */
  readonly storedAt: number | null
  readonly trust: string | null
  readonly security: string | null
  /** What is wrong with it, or notable. */
  readonly note: string | null
  readonly records: readonly CachedRecord[]
  readonly signatures: readonly CachedRecord[]
  /** Of a delegation. */
  readonly servers: readonly { readonly name: string; readonly addresses: readonly string[] }[]
}

/** All that is known of a name. */
export interface CacheView {
  readonly name: string
  readonly entries: readonly CacheEntry[]
  /** The zone here that answers instead of the cache. */
  readonly localZone: string | null
  /** Where a walk for it begins. */
  readonly closestDelegation: CacheEntry | null
}

export interface CachePageRequest {
  readonly kind: CacheKind
  /** See `InView`. */
  readonly view: string | null
  readonly under: Name
  /** What the page before ended with; null: from the start. */
  readonly after: string | null
  readonly limit: number
}

export interface Flush {
  /** Null: everything. */
  readonly name: Name | null
  readonly below: boolean
  /** What is known of servers as well; only with everything. */
  readonly servers: boolean
  readonly dryRun: boolean
}

/** What became of a change on the other instances. */
export type OtherInstances =
  /** Those that were there. `ms` until each confirmed it; null: not in time. */
  | { readonly kind: 'published'; readonly others: readonly { readonly name: string; readonly ms: number | null }[] }
  /** The shared cache does not answer: they hear of it when it does. */
  | { readonly kind: 'unreachable' }
  /** There is no shared cache in the configuration. */
  | { readonly kind: 'none' }

/** How many entries went. Finished answers are made from the others and go together. */
export interface Flushed {
  readonly rrsets: number
  readonly negatives: number
  readonly failures: number
  readonly delegations: number
  readonly zoneStates: number
  readonly denials: number
  readonly answers: number
  readonly servers: number
}

export interface ServerEntry {
  readonly server: string
  readonly srttMs: number | null
  readonly rttVarMs: number
  readonly timeoutMs: number
  readonly timeoutsInRow: number
  readonly edns: string
  readonly caseSafe: string
  readonly cookies: string
  /** It answers nothing of these zones and is asked only now and then: since when, until the next query. */
  readonly throttled: readonly {
    readonly zone: string
    readonly sinceS: number
    readonly timeouts: number
    readonly nextQueryS: number
    readonly why: string
  }[]
  readonly lame: readonly { readonly zone: string; readonly kind: string; readonly untilS: number }[]
}

interface ExplainRequest {
  /** In whose view; null: that of the client. */
  readonly view: string | null
  readonly client: IpAddress
  readonly name: Name
  readonly type: number
  readonly checkingDisabled: boolean
  /** With empty caches: the whole walk from the root on, of which nothing is kept. */
  readonly fromRoot: boolean
  readonly deadlineMs: number
}

/** `result` is plain data: its schema is that of `forms/explanation.ts`. */
type Explained =
  | { readonly kind: 'explained'; readonly report: Readonly<Record<string, unknown>> }
  | { readonly kind: 'deadline'; readonly steps: number; readonly last: string }
  /** As many walks from the root as are allowed are under way. */
  | { readonly kind: 'busy' }
  | { readonly kind: 'no-view' }

/** A view by its name; null: what is there for all (of a flush: and for all views). */
interface InView {
  readonly view: string | null
}

/** What is null is asked of a view that there is not. */
export interface CacheControls {
  cacheOf(name: Name, view: string | null): CacheView | null
  cachePage(request: CachePageRequest): {
    readonly entries: readonly CacheEntry[]
    readonly next: string | null
  } | null
  /** `instances`: null where they were not asked for. */
  flush(flush: Flush & InView & { readonly allInstances: boolean }): Promise<{
    readonly removed: Flushed
    readonly instances: OtherInstances | null
  } | null>
  servers(request: InView & { readonly after: string | null; readonly limit: number; readonly troubled: boolean }): {
    readonly servers: readonly ServerEntry[]
    readonly next: string | null
  } | null
  resolutions(): readonly string[]
  explain(request: ExplainRequest): Promise<Explained>
}
