/** The shaping stages that a configuration asks for. Their order is that of `server/pipeline.ts`. */
import type { Stage } from '../handler.ts'
import type { AnsweredLocally } from '../minimal-any.ts'
import { makeCanary, type Canaries } from './canary.ts'
import { makeDns64, type Dns64 } from './dns64.ts'
import { makeRebinding, type ConfiguredZone, type Rebinding } from './rebinding.ts'

/** Null: not wanted. */
export interface Shaping {
  readonly canaries: Canaries | null
  readonly dns64: Dns64 | null
  readonly rebinding: Rebinding | null
}

export interface ShapingParts {
  readonly settings: Shaping
  readonly configuredZone: ConfiguredZone
  /**
   * Zones and records of the user. What is built in does not count: a prefix for NAT64 may be among the unique local
   * addresses, whose reverse zones are empty here (RFC 6303).
   */
  readonly answeredByOwn: AnsweredLocally
  readonly limits: { readonly synthesisTtl: number; readonly blockedTtl: number }
}

/** Before resolution. */
export const gatesOfNames = (parts: ShapingParts | undefined): readonly Stage[] =>
  parts === undefined || parts.settings.canaries === null
    ? []
    : [makeCanary(parts.settings.canaries, parts.answeredByOwn, parts.limits)]

/** What looks at answers, the last to look first: what DNS64 makes is made of what the guard lets through. */
export function answerShapers(parts: ShapingParts | undefined, answeredLocally: AnsweredLocally): readonly Stage[] {
  if (parts === undefined) return []
  const { settings, configuredZone, answeredByOwn, limits } = parts
  return [
    ...(settings.dns64 === null ? [] : [makeDns64(settings.dns64, answeredByOwn, limits)]),
    ...(settings.rebinding === null
      ? []
      : [makeRebinding(settings.rebinding, answeredLocally, configuredZone, limits)]),
  ]
}
