/**
 * How much a piece of data is trusted (RFC 2181 section 5.4.1) and which of two pieces stays in the cache. Trust says
 * where it came from; `Security` (RFC 4035 section 4.3) says who signed it. Deliberately no store: one pure function
 * and its ranks.
 *
 * Invariant: as long as an entry lives, nothing less trusted replaces it.
 */
import type { Security } from '../steps.ts'

/**
 * Lowest first: the whole ladder of the RFC. It includes ranks that nothing here has yet, so that what gets one later
 * finds its place.
 */
export const Trust = {
  /** The additional section, and the authority section of a reply without AA (referrals included). */
  Additional: 1,
  /**
   * The answer section of a reply without AA, and what follows the first alias in one with AA (RFC 2181 section 5.4.1).
   */
  NonAuthoritativeAnswer: 2,
  /** Glue from a zone we hold or that was transferred to us. */
  ZoneGlue: 3,
  /** The authority section of a reply with AA. */
  AuthorityOfAuthoritative: 4,
  /** The answer section of a reply with AA. */
  AuthoritativeAnswer: 5,
  ZoneTransfer: 6,
  ZoneFile: 7,
} as const
export type Trust = (typeof Trust)[keyof typeof Trust]

/** What `mayReplace` looks at. `expiresAt` in ms. */
export interface Standing {
  readonly trust: Trust
  readonly security: Security
  readonly expiresAt: number
}

/**
 * May `fresh` take the place of `old` at `now` (ms)? What has expired protects nothing. Then the signature decides:
 * validated data is only replaced by validated data, bogus data replaces nothing and protects nothing. Among equals the
 * ladder decides, and equal trust replaces: the newer statement of an equal source is the better one.
 */
export function mayReplace(old: Standing, fresh: Standing, now: number): boolean {
  if (old.expiresAt <= now) return true
  const before = securityRank(old.security)
  const after = securityRank(fresh.security)
  return before === after ? fresh.trust >= old.trust : after > before
}

/**
 * May data of this trust be sent to a client? RFC 2181 section 5.4.1: additional data and glue must never be returned
 * as answers.
 */
export function mayAnswer(trust: Trust): boolean {
  switch (trust) {
    case Trust.Additional:
    case Trust.ZoneGlue:
      return false
    case Trust.NonAuthoritativeAnswer:
    case Trust.AuthorityOfAuthoritative:
    case Trust.AuthoritativeAnswer:
    case Trust.ZoneTransfer:
    case Trust.ZoneFile:
      return true
    default:
      return trust satisfies never
  }
}

/** Insecure and not yet judged weigh the same: neither has a signature to show. */
function securityRank(security: Security): number {
  switch (security.kind) {
    case 'bogus':
      return 0
    case 'indeterminate':
      return 1
    case 'insecure':
      return 1
    case 'secure':
      return 2
    default:
      return security satisfies never
  }
}
