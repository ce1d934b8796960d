/**
 * Builders for outcomes, and the one table of what each reason to fail means: its Extended DNS Error (RFC 8914),
 * whether it speaks of the asker, and whether it is remembered and for whom (RFC 9520).
 */
import type { RRset } from '../dns/rrset.ts'
import { EdeCode } from '../dns/types.ts'
import type { FailureReason, Outcome, Security } from '../steps.ts'

export type Failure = Extract<Outcome, { kind: 'failure' }>

/** No validator has looked at it (RFC 4035 section 4.3). */
export const indeterminate: Security = Object.freeze({ kind: 'indeterminate' })

export const secure: Security = Object.freeze({ kind: 'secure' })

/** Data that exists and must not be trusted; `ede` says why. */
export const bogusFailure = (ede: EdeCode, text: string): Failure => ({
  kind: 'failure',
  rrsets: [],
  why: 'bogus',
  ede,
  text,
})

export function failure(why: FailureReason, text: string, rrsets: readonly RRset[] = []): Failure {
  return { kind: 'failure', rrsets, why, ede: failureFacts[why].ede, text }
}

/** What is to be known of a failure by its reason alone. */
export interface FailureFacts {
  /** RFC 8914. */
  readonly ede: EdeCode
  /**
   * Does it speak of the asker (its budget, its place in a cycle, its deadline) or of ourselves, and not of the
   * question? A resolution that another has joined and that ends so is restarted for that other.
   */
  readonly relative: boolean
  /**
   * When it is remembered as the failure of its question (RFC 9520). `at-top`: only of a question that nothing else
   * asked for. There the budget and the time were its own, so the next that asks would get no further.
   */
  readonly remembered: 'always' | 'at-top' | 'never'
  /** Who is given a remembered one: everyone, or those who validate (CD=1 gets the data, RFC 4035 section 3.2.2). */
  readonly heldAgainst: 'everyone' | 'validating' | 'nobody'
  /**
   * Did no usable answer come, for whatever reason? Then an expired one is given in its place (RFC 8767), and DNS64
   * takes it for an empty one (RFC 6147 section 5.1.2). Not where one came that must not be used, nor where the
   * question itself is at fault.
   */
  readonly unanswered: boolean
}

const ofZone = (ede: EdeCode): FailureFacts => ({
  ede,
  relative: false,
  remembered: 'always',
  heldAgainst: 'everyone',
  unanswered: true,
})

const ofAsker = (ede: EdeCode): FailureFacts => ({
  ede,
  relative: true,
  remembered: 'at-top',
  heldAgainst: 'everyone',
  unanswered: true,
})

const once = (ede: EdeCode, relative: boolean): FailureFacts => ({
  ede,
  relative,
  remembered: 'never',
  heldAgainst: 'nobody',
  unanswered: false,
})

/** The one table of failure reasons: whoever decides by a reason reads it here. */
export const failureFacts: Readonly<Record<FailureReason, FailureFacts>> = Object.freeze({
  // No server of the zone gave a usable answer in time.
  unreachable: ofZone(EdeCode.NoReachableAuthority),
  // Servers answered, none of them for this zone.
  'all-servers-lame': ofZone(EdeCode.NoReachableAuthority),
  // All that answered said REFUSED, SERVFAIL, FORMERR or NOTIMP.
  'refused-by-servers': ofZone(EdeCode.NetworkError),
  // No server that is forwarded to gave a reply: true of all names at once, and over when one of them is back.
  'upstreams-unreachable': ofZone(EdeCode.NetworkError),
  // The data is there and does not validate.
  bogus: { ...ofZone(EdeCode.DnssecBogus), heldAgainst: 'validating', unanswered: false },
  // The aliases are too many or lead back to where they began.
  'alias-chain': { ...ofZone(EdeCode.Other), unanswered: false },
  // The question is needed to find itself. Within another's walk that may be the way that was taken; at the top it is
  // how the zones are set up (TsuNAME).
  cycle: ofAsker(EdeCode.Other),
  // The client's query has caused as much work as one may.
  budget: ofAsker(EdeCode.Other),
  // The time of the client's query is over.
  deadline: ofAsker(EdeCode.NoReachableAuthority),
  // Our own want of sockets, of resolutions or of places to wait: nothing of it is the zone's fault.
  overload: { ...once(EdeCode.Other, true), unanswered: true },
  // A DNAME makes a name of more than 255 octets: YXDOMAIN (RFC 6672 section 2.2), made again from the DNAME.
  'name-too-long': once(EdeCode.Other, false),
  // Ours to answer, and over as soon as a primary answers.
  'zone-not-loaded': once(EdeCode.NotReady, false),
  'zone-expired': once(EdeCode.InvalidData, false),
  // RD=0 and nothing here: the next may ask with RD=1.
  'not-recursive': once(EdeCode.NotAuthoritative, false),
  // Itself a memory, which would else never end.
  cached: { ...once(EdeCode.CachedError, false), unanswered: true },
  bug: once(EdeCode.Other, false),
})

export const isRelative = (outcome: Outcome): boolean =>
  outcome.kind === 'failure' && failureFacts[outcome.why].relative

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
