/**
 * What is kept of what servers say: of a verdict the question's own chain and denial, never other authority or
 * additional records; of a referral the delegation. How it is found again is the business of `recall.ts`.
 */
import { boundedTtl } from '../cache/ttl.ts'
import { Trust } from '../cache/trust.ts'
import { questionKey, type Question } from '../dns/message.ts'
import type { RRset } from '../dns/rrset.ts'
import { RrType } from '../dns/types.ts'
import { isExpanded, isSynthesised, signersOf } from '../dnssec/set-facts.ts'
import type { Referral } from './classify.ts'
import type { Env, ZoneCut } from './env.ts'
import { firstStep } from './hints.ts'
import type { FinalVerdict, Judged, JudgedSet } from './validation/judged.ts'

type Store = Pick<Env, 'caches' | 'limits'> & { readonly clock: Pick<Env['clock'], 'now'> }

/**
 * Keeps what a verdict teaches, each set with what validation found of it. `leaseEndsAt` (ms) is when the delegation
 * ends of the servers that said it: what is kept for longer than its TTL never outlives that (ghost domains, 2012).
 */
export function remember(env: Store, question: Question, judged: Judged, leaseEndsAt: number): void {
  const now = env.clock.now()
  const { verdict, aliases, end, denials } = judged
  switch (verdict.kind) {
    case 'answer':
      // Nearly all answers are one set that no wildcard made.
      if (aliases.length === 0 && verdict.rest === undefined && !isExpanded(verdict.rrset))
        env.caches.rrsets.put(verdict.rrset, trustIn(verdict), end, now, undefined, leaseEndsAt)
      else {
        const found = [verdict.rrset, ...(verdict.rest ?? [])].map(set => ({ set, security: end }))
        keepSets(env, [...aliases, ...found], verdict, judged, now, leaseEndsAt)
      }
      return
    case 'alias':
      keepSets(env, aliases, verdict, judged, now, leaseEndsAt)
      return
    case 'nodata':
    case 'nxdomain': {
      keepSets(env, aliases, verdict, judged, now, leaseEndsAt)
      // One without SOA (RFC 2308 section 5) is remembered for a moment: `bareDenialTtl`.
      const { negatives } = env.caches
      const isProven = end.kind === 'secure'
      if (isProven && verdict.soa !== null) keepDenials(env, denials, verdict.soa, now)
      const proof = isProven ? denials : verdict.proof
      if (verdict.kind === 'nodata')
        negatives.putNodata({ ...question, name: verdict.name }, verdict.soa, proof, end, now, leaseEndsAt)
      else negatives.putNxdomain(verdict.name, question.class, verdict.soa, proof, end, now, leaseEndsAt)
      return
    }
    case 'alias-trouble':
      // RFC 6672 section 2.2: the DNAME is data whether the name fits or not.
      if (verdict.error === 'name-too-long') keepSets(env, aliases, verdict, judged, now, leaseEndsAt)
      return
    default:
      verdict satisfies never
  }
}

const trustIn = ({ authoritative }: { readonly authoritative: boolean }): Trust =>
  authoritative ? Trust.AuthoritativeAnswer : Trust.NonAuthoritativeAnswer

/**
 * What follows the first alias is at names that the server may have given away, and has less trust. A set that a
 * wildcard made is kept with what proves that it applies: the verified sets, or those that came.
 */
function keepSets(
  env: Store,
  sets: readonly JudgedSet[],
  verdict: { readonly authoritative: boolean; readonly proof: readonly RRset[] },
  { aliases, denials, wildcards }: Judged,
  now: number,
  leaseEndsAt: number,
): void {
  const { rrsets } = env.caches
  const first = trustIn(verdict)
  // Without an alias all are at the name that was asked for.
  const own = aliases[0] === undefined ? sets.length : firstStep(aliases[0].set)
  let before: RRset | undefined
  for (const [index, { set, security }] of sets.entries()) {
    const isMadeHere = isSynthesised(set, before)
    before = set
    if (isMadeHere) continue
    const trust = index < own ? first : Trust.NonAuthoritativeAnswer
    const proof = !isExpanded(set) ? undefined : security.kind === 'secure' ? denials : verdict.proof
    rrsets.put(set, trust, security, now, proof, leaseEndsAt)
  }
  if (wildcards.length === 0) return
  for (const wildcard of wildcards) rrsets.putWildcard(wildcard, first, now, leaseEndsAt)
  keepDenials(env, denials, null, now)
}

/** `proof` are sets whose signatures were verified. */
function keepDenials(env: Store, proof: readonly RRset[], soa: RRset | null, now: number): void {
  const { denials } = env.caches
  for (const set of proof) {
    const [zone] = signersOf(set)
    if (zone === undefined) continue
    if (soa !== null && soa.name === zone) denials.putSoa(zone, soa, now)
    if (set.type === RrType.NSEC) denials.putNsec(zone, set, now)
    else if (set.type === RrType.NSEC3) denials.putNsec3(zone, set, now)
  }
}

/**
 * Keeps a referral from the servers of `parent` as a delegation and gives the child's cut. It ends with the delegation
 * that it was reached through, if not before (ghost domains 2012, Phoenix 2023): a referral of a day from a zone whose
 * own delegation has an hour left is good for that hour.
 */
export function rememberReferral(env: Store, parent: ZoneCut, { zone, servers, ds, ttl }: Referral): ZoneCut {
  const now = env.clock.now()
  const expiresAt = Math.min(now + boundedTtl(ttl, env.limits.cache) * 1_000, parent.expiresAt)
  const cut: ZoneCut = { zone, servers, ds, expiresAt, from: 'referral' }
  env.caches.delegations.put(cut, parent.expiresAt, now)
  return cut
}

/**
 * Forgets cached data that turned out not to validate, so that its servers are asked again, and the finished answer for
 * those who validate it themselves (RFC 4035 section 4.7, RFC 6840 appendix B).
 */
export function forget(env: Store, question: Question, verdict: FinalVerdict): void {
  env.caches.answers.remove(questionKey(question))
  for (const set of verdict.chain.aliases) env.caches.rrsets.remove(set.name, set.type, set.class)
  if (verdict.kind === 'answer') env.caches.rrsets.remove(verdict.rrset.name, verdict.rrset.type, verdict.rrset.class)
  if (verdict.kind === 'nodata' || verdict.kind === 'nxdomain') env.caches.negatives.remove(question, verdict.name)
}
