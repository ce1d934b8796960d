/**
 * What the zone above says of a name, given its keys: a DS set, that there is none, or that the name is no zone (RFC
 * 4035 section 5.2). From a referral, else from a look-up of the DS set; what is proven is kept in `cache/zone-states`.
 * Which keys to use is the business of `chain.ts`.
 *
 * For example: the referral to `example.com` has no DS but an NSEC record of `com` whose types are NS, RRSIG and NSEC,
 * signed by the keys of `com`: insecure.
 */
import type { DelegationStatus } from '../../cache/zone-states.ts'
import { boundedTtl } from '../../cache/ttl.ts'
import type { Name } from '../../dns/name.ts'
import type { RRset } from '../../dns/rrset.ts'
import { RrClass, RrType } from '../../dns/types.ts'
import { judgeDenial } from '../../dnssec/denial.ts'
import type { Refusal, ZoneKeys } from '../../dnssec/rules.ts'
import { signersOf } from '../../dnssec/set-facts.ts'
import { insecureBy } from '../../dnssec/signature.ts'
import { formatName } from '../../presentation/text.ts'
import { lookup, type Outcome, type Steps } from '../../steps.ts'
import { bogus, insecure, refusalOf, tell, verifySet, type ValidationContext } from './context.ts'

/** What is proven of a name, or why nothing is. `indeterminate`: no trust anchor at or above it. */
export type DelegationResult = DelegationStatus | Refusal | { readonly kind: 'indeterminate' }

/** From a DS set that came with a referral; null when its signature does not hold, and it is to be asked for. */
export function statusFromDs(
  context: ValidationContext,
  keys: ZoneKeys,
  name: Name,
  ds: RRset,
): DelegationResult | null {
  const verdict = verifySet(context, ds, keys)
  if (verdict.kind === 'limit') return verdict
  if (verdict.kind !== 'valid' || verdict.expansion !== null) return null
  return cacheDs(context, name, ds, verdict.ttl)
}

/** From the NSEC or NSEC3 sets that came with a referral without DS; null when they do not prove that. */
export function* statusFromProof(
  context: ValidationContext,
  keys: ZoneKeys,
  name: Name,
  proof: readonly RRset[],
): Steps<DelegationResult | null> {
  const { rules } = context.validation
  const valid: RRset[] = []
  let ttl = Number.POSITIVE_INFINITY
  for (const set of proof.slice(0, rules.limits.denialRecords)) {
    const verdict = verifySet(context, set, keys)
    if (verdict.kind === 'limit') return verdict
    if (verdict.kind !== 'valid' || verdict.expansion !== null) continue
    valid.push({ ...set, ttl: verdict.ttl })
    ttl = Math.min(ttl, verdict.ttl)
  }
  const denial = yield* judgeDenial({ kind: 'no-ds', name }, keys.zone, valid, rules, context.task.budget)
  switch (denial.kind) {
    case 'proven':
      // A referral to what its own zone says is no delegation proves nothing but that somebody errs.
      if (!denial.delegation) return null
      keepProof(context, keys.zone, valid)
      return cacheDelegationStatus(context, name, insecure(null), ttl)
    case 'insecure':
      return cacheDelegationStatus(context, name, insecure(denial.note), ttl)
    case 'limit':
      return denial
    case 'bogus':
      return null
    default:
      return denial satisfies never
  }
}

/** For those who ask for the DS set itself, and for names next to this one (RFC 8198). */
function keepProof({ env, now }: ValidationContext, zone: Name, proof: readonly RRset[]): void {
  const { denials } = env.caches
  for (const set of proof)
    if (set.type === RrType.NSEC) denials.putNsec(zone, set, now)
    else if (set.type === RrType.NSEC3) denials.putNsec3(zone, set, now)
}

/**
 * Asks for the DS set; the resolution of that question validates it, with tries at other servers, and keeps what it
 * found. It follows no alias: where one stands, the parent side has shown that the name is no delegation (RFC 1034
 * section 3.6.2), and what the alias leads to says nothing of it.
 */
export function* lookUpStatus(context: ValidationContext, name: Name): Steps<DelegationResult> {
  const { env } = context
  const outcome = yield* lookup({ name, type: RrType.DS, class: RrClass.IN }, 'ds')
  const known = env.caches.zoneStates.delegationStatus(name, env.clock.now())
  if (known !== undefined) return known
  if (outcome.kind === 'failure') return refusalOf(outcome, `the DS set of ${formatName(name)} cannot be fetched`)
  switch (outcome.security.kind) {
    case 'insecure':
      return insecure(outcome.security.note ?? null)
    case 'indeterminate':
      return { kind: 'indeterminate' }
    case 'bogus':
      return bogus(outcome.security.ede, outcome.security.text)
    case 'secure':
      return yield* statusFromOutcome(context, name, outcome)
    default:
      return outcome.security satisfies never
  }
}

/** From the secure outcome of a DS question. */
function* statusFromOutcome(
  context: ValidationContext,
  name: Name,
  outcome: Exclude<Outcome, { kind: 'failure' }>,
): Steps<DelegationResult> {
  const { env, task, validation, now } = context
  if (outcome.kind === 'answer') {
    const ds = outcome.rrsets.find(set => set.type === RrType.DS && set.name === name)
    if (ds !== undefined) return cacheDs(context, name, ds, ds.ttl)
    const ttl = Math.min(...outcome.rrsets.map(set => set.ttl))
    return cacheDelegationStatus(context, name, { kind: 'no-cut' }, ttl)
  }
  if (outcome.kind === 'nxdomain')
    return cacheDelegationStatus(context, name, { kind: 'no-cut' }, outcome.soa?.ttl ?? 0)
  const signer = outcome.proof[0] === undefined ? undefined : signersOf(outcome.proof[0])[0]
  if (signer === undefined) return { kind: 'no-cut' }
  // Validated before and remembered: what it says is read again, its signatures need no second look.
  const denial = yield* judgeDenial({ kind: 'no-ds', name }, signer, outcome.proof, validation.rules, task.budget)
  if (denial.kind === 'limit' || denial.kind === 'bogus') return denial
  const status: DelegationStatus =
    denial.kind === 'insecure' ? insecure(denial.note) : denial.delegation ? insecure(null) : { kind: 'no-cut' }
  env.caches.zoneStates.putDelegationStatus(name, status, outcome.soa?.ttl ?? 0, now)
  return status
}

/**
 * Keeps what a validated DS set says of its zone: that alone decides whether the zone is signed in a way that is known
 * here (RFC 4035 section 5.2, RFC 6840 section 5.2). Its keys are not even asked for when it is not, so that their lack
 * cannot matter.
 */
export function cacheDs(context: ValidationContext, name: Name, ds: RRset, ttl: number): DelegationStatus {
  const note = insecureBy({ ds: ds.rdatas, keys: [] }, context.validation.rules)
  return cacheDelegationStatus(context, name, note === null ? { kind: 'ds', ds: ds.rdatas } : insecure(note), ttl)
}

/** Keeps what is proven of a name for `ttl` seconds. */
export function cacheDelegationStatus(
  context: ValidationContext,
  name: Name,
  status: DelegationStatus,
  ttl: number,
): DelegationStatus {
  const { env, now } = context
  const bounded = boundedTtl(Number.isFinite(ttl) ? ttl : 0, env.limits.cache)
  env.caches.zoneStates.putDelegationStatus(name, status, bounded, now)
  if (status.kind === 'insecure')
    tell(
      context,
      name,
      () => ({ kind: 'delegation', name }),
      'insecure',
      status.note ?? { text: 'proven to have no DS' },
    )
  return status
}
