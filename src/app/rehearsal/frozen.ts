/**
 * What a running server has besides its configuration, as a value that is handed to the thread of a rehearsal: zones
 * changed through the API, lists as they are loaded, zones that other servers sent, anchors. Tables are in shared
 * memory where they are large, and are not copied.
 */
import type { Delegation } from '../../cache/delegations.ts'
import type { Name } from '../../dns/name.ts'
import type { NegativeAnchor, TrustAnchor } from '../../dnssec/trust-anchors.ts'
import type { ZoneLimits } from '../../limits.ts'
import type { Zone } from '../../zone/zone.ts'
import type { HeldLists } from '../lists/list-store.ts'
import { zoneFromText, zoneWithEdits } from '../revisions/zone-plan.ts'
import type { ZoneValue } from '../revisions/zone-value.ts'
import type { HeldZones } from '../transfer/transfers.ts'
import type { ZoneLayer } from '../zone-store.ts'

export interface Frozen {
  /** Instead of those of the configuration. */
  readonly hints: Delegation | undefined
  readonly anchors: readonly TrustAnchor[] | undefined
  /** Those that came through the API. */
  readonly negatives: readonly NegativeAnchor[]
  /** What was changed through the API. */
  readonly zones: readonly (readonly [Name, ZoneValue])[]
  readonly lists: HeldLists
  /** Null: no zone is sent, and none has rules. */
  readonly transfers: HeldZones | null
}

/** The changes of the API, as `ZoneChanges` lays them over the zones of files; what does not fit is left out. */
export function layerOf({ zones }: Frozen, limits: ZoneLimits): ZoneLayer {
  const values = new Map(zones)
  const own = zones.flatMap(([origin, value]): Zone[] => {
    const made = value.kind === 'text' ? zoneFromText(value.text, origin, limits) : null
    return made?.kind === 'wanted' ? [made.zone] : []
  })
  return {
    over(zone) {
      const value = values.get(zone.origin)
      const made = value?.kind === 'edits' ? zoneWithEdits(zone, value.edits, limits) : null
      return made?.kind === 'wanted' ? made.zone : zone
    },
    others: taken => own.filter(({ origin }) => !taken.has(origin)),
  }
}
