/** Builders for outcomes, and the one place that says which failure carries which Extended DNS Error (RFC 8914). */
import type { RRset } from '../dns/rrset.ts'
import { EdeCode } from '../dns/types.ts'
import type { FailureReason, Outcome, Security } from '../steps.ts'

export type Failure = Extract<Outcome, { kind: 'failure' }>

/** No validator has looked at it (RFC 4035 section 4.3). */
export const indeterminate: Security = Object.freeze({ kind: 'indeterminate' })

export const secure: Security = Object.freeze({ kind: 'secure' })

/** Data that is there and must not be believed; `ede` says why. */
export const bogusFailure = (ede: EdeCode, text: string): Failure => ({
  kind: 'failure',
  rrsets: [],
  why: 'bogus',
  ede,
  text,
})

export function failure(why: FailureReason, text: string, rrsets: readonly RRset[] = []): Failure {
  return { kind: 'failure', rrsets, why, ede: edeOf(why), text }
}

function edeOf(why: FailureReason): EdeCode {
  switch (why) {
    case 'unreachable':
    case 'all-servers-lame':
    case 'deadline':
      return EdeCode.NoReachableAuthority
    case 'refused-by-servers':
      return EdeCode.NetworkError
    case 'bogus':
      return EdeCode.DnssecBogus
    case 'cached':
      return EdeCode.CachedError
    case 'not-recursive':
      return EdeCode.NotAuthoritative
    case 'cycle':
    case 'budget':
    case 'overload':
    case 'alias-chain':
    case 'name-too-long':
    case 'bug':
      return EdeCode.Other
    default:
      return why satisfies never
  }
}

/**
 * Does the failure say something about the asker (its budget, its place in a cycle, its deadline) rather than about the
 * question? Such a failure is never remembered for others and a joined resolution that ends so is started anew.
 */
export const isRelative = (outcome: Outcome): boolean =>
  outcome.kind === 'failure' &&
  (outcome.why === 'cycle' || outcome.why === 'budget' || outcome.why === 'deadline' || outcome.why === 'overload')

/** Each RRset once: a chain may pass the same DNAME several times, a message must not (RFC 2181 section 5). */
export function withoutRepeats(outcome: Outcome): Outcome {
  const { rrsets } = outcome
  if (rrsets.length < 3) return outcome
  const distinct = rrsets.filter(
    (set, index) => rrsets.findIndex(other => other.name === set.name && other.type === set.type) === index,
  )
  return distinct.length === rrsets.length ? outcome : { ...outcome, rrsets: distinct }
}

/** Puts the alias chain that led here in front. */
export function behindChain(chain: readonly RRset[], outcome: Outcome): Outcome {
  return chain.length === 0 ? outcome : { ...outcome, rrsets: [...chain, ...outcome.rrsets] }
}
