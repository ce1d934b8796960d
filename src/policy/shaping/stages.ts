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

/** What a view can have otherwise than all. */
export type ViewShaping = Pick<Shaping, 'dns64' | 'rebinding'>

export interface ShapingParts {
  readonly settings: Shaping
  /** Of view 1, 2 and so on; null: as for all. Absent: no view has its own. */
  readonly views?: readonly (ViewShaping | null)[] | undefined
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
  const { settings, views = [], configuredZone, answeredByOwn, limits } = parts
  const dns64 = ({ dns64: own }: ViewShaping): Stage | null =>
    own === null ? null : makeDns64(own, answeredByOwn, limits)
  const rebinding = ({ rebinding: own }: ViewShaping): Stage | null =>
    own === null ? null : makeRebinding(own, answeredLocally, configuredZone, limits)
  return [dns64, rebinding].flatMap(make =>
    byView(
      make(settings),
      views.map(own => (own === null ? 'as-all' : make(own))),
    ),
  )
}

/** One stage of those of the views, which may be absent (null) in some; none where it is in none. */
function byView(ofAll: Stage | null, ofViews: readonly (Stage | null | 'as-all')[]): readonly Stage[] {
  const stages = [ofAll, ...ofViews.map(own => (own === 'as-all' ? ofAll : own))]
  const [one] = stages.filter(stage => stage !== null)
  if (one === undefined) return []
  if (stages.every(stage => stage === one)) return [one]
  return [
    {
      ...one,
      handle(query, next) {
        const stage = stages[query.view] ?? null
        return stage === null ? next(query) : stage.handle(query, next)
      },
    },
  ]
}
