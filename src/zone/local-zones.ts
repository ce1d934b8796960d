/**
 * All zones that we answer from ourselves, as one immutable set: those of the user, and the built-in ones (special-use
 * names) that no user zone overrides. A reload makes a new set; nothing changes in an old one.
 */
import type { Question } from '../dns/message.ts'
import { isWithin, type Name, parentOf, ROOT } from '../dns/name.ts'
import { RrType } from '../dns/types.ts'
import type { Zone } from './zone.ts'

export class LocalZones {
  readonly #byOrigin = new Map<Name, Zone[]>()
  readonly zones: readonly Zone[]

  constructor(zones: readonly Zone[]) {
    this.zones = zones
    for (const zone of zones) {
      const here = this.#byOrigin.get(zone.origin) ?? []
      // Single records come first: they are made to override a zone.
      this.#byOrigin.set(zone.origin, zone.recordsOnly ? [zone, ...here] : [...here, zone])
    }
  }

  /**
   * The deepest zone that speaks for the name. Single records go before any zone, however shallow their common origin is.
   * DS at the top of a zone is data of its parent (RFC 4035 section 2.4).
   */
  find(question: Question): Zone | undefined {
    const { name } = question
    let deepest: Zone | undefined
    for (let at = name; ; at = parentOf(at)) {
      for (const zone of this.#byOrigin.get(at) ?? []) {
        if (question.type === RrType.DS && zone.origin === name && !zone.recordsOnly) continue
        if (zone.recordsOnly) {
          if (zone.claims(name)) return zone
        } else deepest ??= zone
      }
      if (at === ROOT) return deepest
    }
  }
}

/**
 * The set to serve. A user zone at, above or below a built-in name overrides that built-in zone: above, because the user
 * has said what is there; below, because a cut for it would be missing in ours and only the rest stays built in.
 */
export function makeLocalZones(zones: readonly Zone[], builtIn: readonly Zone[]): LocalZones {
  const own = zones.filter(zone => !zone.recordsOnly)
  const kept = builtIn.filter(ours => !own.some(zone => isWithin(ours.origin, zone.origin)))
  return new LocalZones([...zones, ...kept])
}
