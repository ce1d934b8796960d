/** What the engine validates, from trust anchors and settings as data. */
import type { DnssecRules } from '../dnssec/rules.ts'
import { makeTrustPoints, type NegativeAnchor, type TrustAnchor } from '../dnssec/trust-anchors.ts'
import type { DnssecLimits } from '../limits.ts'
import type { Validation } from '../resolver/env.ts'

export interface ValidationSettings {
  readonly validate: boolean
  readonly negative: readonly NegativeAnchor[]
  readonly rules: DnssecRules
  /** RFC 8198. */
  readonly aggressive: boolean
}

/** Without an anchor nothing is validated: everything is indeterminate (RFC 4033 section 5). */
export function makeValidation(
  anchors: readonly TrustAnchor[],
  { validate, negative, rules, aggressive }: ValidationSettings,
): Validation {
  const points = makeTrustPoints(anchors, negative)
  return { validate: validate && !points.isEmpty, points, rules, aggressive }
}

/** Every algorithm and digest type that can be checked is taken. */
export const usualRules = (limits: DnssecLimits): DnssecRules => ({
  limits,
  nsec3MaxIterations: limits.nsec3Iterations,
  disallowedAlgorithms: new Set(),
  disallowedDigests: new Set(),
})
