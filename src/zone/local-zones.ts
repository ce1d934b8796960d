/**
 * All zones that are answered from here, as one immutable set: those of the user, and the built-in ones (special-use
 * names) that no user zone takes over. A reload makes a new set; nothing changes in an old one.
 *
 * Invariant: the longest configured name wins, so that neither a cached cut nor a cached NXDOMAIN above a local zone
 * can shadow it (CVE-2026-44687): callers look here before they look into any cache.
 */
import type { Question } from '../dns/message.ts'
import { type Name, parentOf, ROOT, suffixOf } from '../dns/name.ts'
import { RrClass, RrType } from '../dns/types.ts'
import type { Zone } from './zone.ts'

export class LocalZones {
  /** In the order given, without those that another one took the place of. */
  readonly zones: readonly Zone[]
  readonly #whole = new Map<Name, Zone>()
  readonly #records = new Map<Name, Zone[]>()
  readonly #builtIn: ReadonlySet<Zone>
  /**
   * Top-level names with a zone at or below them; null when there is one of the root. Most questions are below none of
   * these.
   */
  readonly #tops: ReadonlySet<Name> | null

  /**
   * The first of several whole zones with the same origin counts. `builtIn`: those among `zones` that the user did not
   * write.
   */
  constructor(zones: readonly Zone[], builtIn: ReadonlySet<Zone>) {
    this.#builtIn = builtIn
    const kept: Zone[] = []
    for (const zone of zones) {
      if (zone.recordsOnly) this.#records.set(zone.origin, [...(this.#records.get(zone.origin) ?? []), zone])
      else if (this.#whole.has(zone.origin)) continue
      else this.#whole.set(zone.origin, zone)
      kept.push(zone)
    }
    this.zones = kept
    this.#tops = kept.some(({ origin }) => origin === ROOT)
      ? null
      : new Set(kept.map(({ origin }) => suffixOf(origin, 1)))
  }

  /**
   * The zone that answers a question: a record-only zone with something for the name, else the deepest zone at or above
   * it. Undefined: ask the Internet. A record-only zone wins even when its origin is shallower, for it was made to
   * override.
   */
  find(question: Question): Zone | undefined {
    if (question.class !== RrClass.IN || this.#tops?.has(suffixOf(question.name, 1)) === false) return undefined
    let whole: Zone | undefined
    for (let name = question.name; ; name = parentOf(name)) {
      const records = this.#records.get(name)?.find(zone => zone.covers(question))
      if (records !== undefined) return records
      const zone = this.#whole.get(name)
      if (zone !== undefined && whole === undefined && this.#speaksFor(zone, question)) whole = zone
      if (name === ROOT) return whole
    }
  }

  /** Is it one that the user did not write? */
  isBuiltIn(zone: Zone): boolean {
    return this.#builtIn.has(zone)
  }

  /**
   * RFC 4035 section 3.1.4.1: DS at the apex of a zone is the business of its parent. But a top-level name that is
   * special has no parent that may be asked about it (RFC 6761, RFC 7686 section 2: must not be looked up).
   */
  #speaksFor(zone: Zone, question: Question): boolean {
    if (question.type !== RrType.DS || question.name !== zone.origin || zone.origin === ROOT) return true
    return this.#builtIn.has(zone) && parentOf(zone.origin) === ROOT
  }
}

/**
 * The set to serve. A user zone takes a built-in one's place when it has the same origin, or stands above and says
 * something about that name itself (data, an empty non-terminal or a delegation there): a local copy of the root does
 * not switch off `localhost`. A user zone below a built-in one answers its own part, being the longer name; record-only
 * zones override single names only.
 */
export function makeLocalZones(zones: readonly Zone[], builtIn: readonly Zone[]): LocalZones {
  const whole = zones.filter(zone => !zone.recordsOnly)
  const kept = builtIn.filter(({ origin }) => !whole.some(zone => zone.has(origin)))
  return new LocalZones([...zones, ...kept], new Set(kept))
}
