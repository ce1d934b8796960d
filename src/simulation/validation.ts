/**
 * What a resolver in front of a simulated internet validates, and against what: the keys of its signed root by default.
 */
import { type Name, ROOT } from '../dns/name.ts'
import type { DnssecRules } from '../dnssec/rules.ts'
import type { NegativeAnchor, TrustAnchor } from '../dnssec/trust-anchors.ts'
import { makeValidation, usualRules } from '../engine/validation.ts'
import type { DnssecLimits } from '../limits.ts'
import type { Validation } from '../resolver/env.ts'
import { nameOf } from './records.ts'

/** Changes to what happens by itself. */
export interface SimValidation {
  /** Default: when there is an anchor. */
  readonly validate?: boolean
  /** Names of zones whose keys are trust anchors: islands of security. Default the root, when it is signed. */
  readonly at?: readonly string[]
  /** Additional anchors, next to the zones' own keys. */
  readonly anchors?: readonly TrustAnchor[]
  readonly negative?: readonly NegativeAnchor[]
  readonly rules?: Partial<Omit<DnssecRules, 'limits'>>
  /** RFC 8198. Default true. */
  readonly aggressive?: boolean
}

/**
 * `own`: the anchor that each signed zone would have. Throws for a zone in `at` that is not signed: it is a test's
 * mistake.
 */
export function validationOf(
  own: ReadonlyMap<Name, TrustAnchor>,
  limits: DnssecLimits,
  changes: SimValidation = {},
): Validation {
  const root = own.get(ROOT)
  const chosen =
    changes.at?.map(text => own.get(nameOf(text)) ?? `the zone ${text} is not signed`) ??
    (root === undefined ? [] : [root])
  const anchors = [...chosen, ...(changes.anchors ?? [])].map(anchor => {
    if (typeof anchor === 'string') throw new Error(anchor)
    return anchor
  })
  return makeValidation(anchors, {
    validate: changes.validate ?? true,
    negative: changes.negative ?? [],
    rules: { ...usualRules(limits), ...changes.rules },
    aggressive: changes.aggressive ?? true,
  })
}
