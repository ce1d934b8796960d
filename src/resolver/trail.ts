/** The chain of aliases that led to the name in hand, and the outcome with it in front. Pure. */
import type { RRset } from '../dns/rrset.ts'
import { weaker } from '../dnssec/set-facts.ts'
import type { Outcome, Security } from '../steps.ts'
import { behindChain, secure, withoutRepeats } from './outcome.ts'

/** What led to the last name so far. */
export interface Trail {
  readonly rrsets: RRset[]
  readonly proof: RRset[]
  security: Security
  authoritative: boolean | null
}

export const newTrail = (): Trail => ({ rrsets: [], proof: [], security: secure, authoritative: null })

export function extend(trail: Trail, rrsets: readonly RRset[], proof: readonly RRset[], security: Security): void {
  trail.rrsets.push(...rrsets)
  trail.proof.push(...proof)
  trail.security = weaker(trail.security, security)
}

/**
 * The chain in front; AA says what the first record is (RFC 1034 section 6.2.7 by RFC 2181's reading: the owner asked
 * for).
 */
export function finish(trail: Trail, outcome: Outcome): Outcome {
  const whole = withoutRepeats(behindChain(trail.rrsets, outcome))
  if (whole.kind === 'failure') return whole
  const chained =
    trail.rrsets.length === 0
      ? whole
      : { ...whole, proof: [...trail.proof, ...whole.proof], security: weaker(trail.security, whole.security) }
  return trail.authoritative === null || trail.authoritative === chained.authoritative
    ? chained
    : { ...chained, authoritative: trail.authoritative }
}
