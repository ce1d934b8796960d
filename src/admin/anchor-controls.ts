/** What the API asks of the trust anchors. Times in seconds since 1970 UTC. */
import type { Name } from '../dns/name.ts'

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

type NegativeAnchorSet = { readonly kind: 'added' | 'changed' } | { readonly kind: 'configured' | 'too-many' }

export interface AnchorControls {
  negativeAnchors(): readonly NegativeAnchorEntry[]
  setNegativeAnchor(anchor: {
    readonly name: Name
    readonly until: number
    readonly dryRun: boolean
  }): NegativeAnchorSet
  removeNegativeAnchor(anchor: { readonly name: Name; readonly dryRun: boolean }): {
    readonly kind: 'removed' | 'absent' | 'configured'
  }
  trustPoints(): readonly TrustPointEntry[]
}
