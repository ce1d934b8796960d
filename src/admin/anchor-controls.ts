/** What the API asks of the trust anchors. Times in seconds since 1970 UTC. */
import type { Name } from '../dns/name.ts'
import type { OtherInstances } from './cache-controls.ts'

interface NegativeAnchorEntry {
  readonly name: string
  readonly until: number
  /** Those of the configuration are changed there. */
  readonly from: 'configuration' | 'api'
}

/** A name that is validated from, and its keys with their state (RFC 5011 section 4). */
export interface TrustPointEntry {
  readonly zone: string
  readonly keyTags: readonly number[]
  /** When its keys were validated last; null: not yet, or they are not followed. */
  readonly seenAt: number | null
  readonly keys: readonly {
    readonly keyTag: number
    readonly algorithm: string
    readonly state: string
    /** Since when it is in this state. */
    readonly since: number
  }[]
}

interface NegativeAnchorSet {
  readonly kind: 'added' | 'changed' | 'configured' | 'too-many'
  /** Null where they were not asked for, or nothing was done. */
  readonly instances: OtherInstances | null
}

export interface AnchorControls {
  negativeAnchors(): readonly NegativeAnchorEntry[]
  setNegativeAnchor(anchor: {
    readonly name: Name
    readonly until: number
    readonly dryRun: boolean
    readonly allInstances: boolean
  }): Promise<NegativeAnchorSet>
  removeNegativeAnchor(anchor: {
    readonly name: Name
    readonly dryRun: boolean
    readonly allInstances: boolean
  }): Promise<{
    readonly kind: 'removed' | 'absent' | 'configured'
    readonly instances: OtherInstances | null
  }>
  trustPoints(): readonly TrustPointEntry[]
}
