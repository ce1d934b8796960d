/**
 * The chain of trust (RFC 4035 section 5): from a trust anchor down to the keys of a zone, by DS and DNSKEY sets. What
 * is found is kept in `cache/zone-states`; what is missing is looked up, DS sets first in the referrals that the walk
 * has seen. It judges with the pure functions of `dnssec/` and asks only by `lookup`.
 *
 * For example, to the keys of `example.com`: the anchor names a key of the root; the root's keys sign the DS set of
 * `com`, which names a key of `com`; those keys sign the DS set of `example.com`, which names a key of its DNSKEY set.
 *
 * Invariant: nothing is called insecure that is not proven so by the zone above it, whose keys are trusted.
 */
import type { Question } from '../../dns/message.ts'
import { isStrictlyWithin, isWithin, labelCount, parentOf, ROOT, suffixOf, type Name } from '../../dns/name.ts'
import { EdeCode, RrClass, RrType } from '../../dns/types.ts'
import type { Refusal, ZoneKeys } from '../../dnssec/rules.ts'
import { signersOf } from '../../dnssec/set-facts.ts'
import { insecureBy, readKeys } from '../../dnssec/signature.ts'
import type { TrustAnchor } from '../../dnssec/trust-anchors.ts'
import { formatName } from '../../presentation/text.ts'
import { lookup, type Steps } from '../../steps.ts'
import { bogus, insecure, refusalOf, type Insecure, type ReferralEvidence, type ValidationContext } from './context.ts'
import { lookUpStatus, statusFromDs, statusFromProof, type DelegationResult } from './delegation-status.ts'

/** Where the chain ends on its way to a name. */
export type ChainEnd =
  /** The keys of the deepest zone at or above the name. */
  | { readonly kind: 'secure'; readonly keys: ZoneKeys }
  | Insecure
  /** No trust anchor at or above it. */
  | { readonly kind: 'indeterminate' }
  | Refusal

/** `keys` are those of the zone that said it. */
interface StatusOfZone {
  readonly status: DelegationResult
  readonly keys: ZoneKeys
}

/** The chain as far as `target`, which something says is a zone. */
export function* chainTo(context: ValidationContext, target: Name): Steps<ChainEnd> {
  const start = startOf(context, target)
  const first = start.kind === 'anchor' ? yield* keysOf(context, start.name) : start
  if (start.kind === 'anchor' && isStale(context, start.name)) return yield* chainTo(context, target)
  if (first.kind !== 'secure') return first
  let { keys } = first
  for (const name of namesBetween(keys.zone, target)) {
    // A zone on the way may have been passed already, by way of the signer of a DS set below it.
    if (!isStrictlyWithin(name, keys.zone)) continue
    const found = yield* findStatus(context, keys, name, name === target)
    if (found === null) continue
    keys = found.keys
    const { status } = found
    if (status.kind === 'no-cut') continue
    if (status.kind !== 'ds') return status
    const end = yield* keysOf(context, name)
    if (end.kind !== 'secure') return end
    keys = end.keys
  }
  return { kind: 'secure', keys }
}

/** What the parent says of `zone`, from the chain down to it. */
export function* delegationStatus(context: ValidationContext, zone: Name): Steps<DelegationResult> {
  const known = context.env.caches.zoneStates.delegationStatus(zone, context.now)
  if (known !== undefined) return known
  if (zone === ROOT) return { kind: 'indeterminate' }
  const above = yield* chainTo(context, parentOf(zone))
  if (above.kind !== 'secure') return above
  return (yield* findStatus(context, above.keys, zone, true))?.status ?? { kind: 'no-cut' }
}

/**
 * Why a set at `name` may be without signatures although the zone above is signed: an insecure delegation between them
 * that no referral showed (RFC 4035 section 5.2, parent and child on one server). Secure when there is none.
 */
export function* findInsecureDelegation(context: ValidationContext, from: ZoneKeys, name: Name): Steps<ChainEnd> {
  let keys = from
  let asked = 0
  for (const at of namesBetween(from.zone, name)) {
    if (++asked > context.validation.rules.limits.dsWalk) break
    const found = yield* findStatus(context, keys, at, true)
    const status = found?.status ?? { kind: 'no-cut' as const }
    if (status.kind === 'no-cut') continue
    if (status.kind !== 'ds') return status
    const end = yield* keysOf(context, at)
    if (end.kind !== 'secure') return end
    keys = end.keys
  }
  return { kind: 'secure', keys }
}

/**
 * Names that are not validated whatever their data says: none of our anchors, a negative one, or local zones. Null for
 * all others.
 */
export function validationExemption(
  { env, validation, wall }: Pick<ValidationContext, 'env' | 'validation' | 'wall'>,
  name: Name,
): Insecure | { readonly kind: 'indeterminate' } | null {
  const anchor = validation.points.closest(name)
  if (anchor === undefined) return { kind: 'indeterminate' }
  if (validation.points.negative(name, wall) !== undefined) return insecure(null)
  // What a local zone delegates is outside the public chain, unless an anchor stands inside.
  const question: Question = { name, type: RrType.NS, class: RrClass.IN }
  const local = env.localZones().find(question)
  if (local === undefined || local.recordsOnly || isWithin(anchor.name, local.origin)) return null
  return local.answer(question).kind === 'not-here' ? null : insecure(null)
}

/**
 * The trust anchor that a name stands under: the closest one whose zone there is. An anchor is stale when the zone
 * above it, which has an anchor or is under one, proves that it has no keys; then that zone speaks of what is below.
 */
export function anchorOver(context: ValidationContext, name: Name): TrustAnchor | undefined {
  const { points } = context.validation
  let anchor = points.closest(name)
  while (anchor !== undefined && anchor.name !== ROOT && isStale(context, anchor.name))
    anchor = points.closest(parentOf(anchor.name))
  return anchor
}

const isStale = ({ env }: ValidationContext, name: Name): boolean =>
  env.caches.zoneStates.isKeyless(name, env.clock.now())

function startOf(
  context: ValidationContext,
  target: Name,
): ChainEnd | { readonly kind: 'anchor'; readonly name: Name } {
  const exemption = validationExemption(context, target)
  if (exemption !== null) return exemption
  const { zoneStates } = context.env.caches
  const anchor = anchorOver(context, target)
  if (anchor === undefined) return { kind: 'indeterminate' }
  for (let name = target; ; name = parentOf(name)) {
    const keys = zoneStates.keysOf(name, context.now)
    if (keys !== undefined) return { kind: 'secure', keys }
    if (name === anchor.name) {
      const note = insecureBy(anchor, context.validation.rules)
      return note === null ? { kind: 'anchor', name } : insecure(note)
    }
    const status = zoneStates.delegationStatus(name, context.now)
    if (status?.kind === 'insecure') return status
  }
}

/** The names below `above` down to `below`, from the top. */
function namesBetween(above: Name, below: Name): Name[] {
  const names: Name[] = []
  for (let count = labelCount(above) + 1; count <= labelCount(below); count++) names.push(suffixOf(below, count))
  return names
}

/**
 * What is proven of a name below the zone of `keys`. From the cache, else from a referral, else asked for when `needed`
 * or when a delegation is known there; null when nothing is known and nothing was asked.
 */
function* findStatus(
  context: ValidationContext,
  keys: ZoneKeys,
  name: Name,
  needed: boolean,
): Steps<StatusOfZone | null> {
  const { env, evidence, now } = context
  const known = env.caches.zoneStates.delegationStatus(name, now)
  if (known !== undefined) return { status: known, keys }
  const delegation = env.caches.delegations.get(name, now)
  const shown = evidence.get(name) ?? (delegation === undefined ? undefined : { ds: delegation.ds, proof: [] })
  if (shown !== undefined) {
    const found = yield* statusFromReferral(context, keys, name, shown)
    if (found !== null) return found
  }
  if (!needed && shown === undefined) return null
  return { status: yield* lookUpStatus(context, name), keys }
}

/** From what came with a referral; null when that does not convince, and is to be asked for. */
function* statusFromReferral(
  context: ValidationContext,
  keys: ZoneKeys,
  name: Name,
  { ds, proof }: ReferralEvidence,
): Steps<StatusOfZone | null> {
  const [head] = ds === null ? proof : [ds]
  const signer = head === undefined ? undefined : signersOf(head)[0]
  if (signer === undefined || !isStrictlyWithin(name, signer)) return null
  let own = keys
  if (signer !== keys.zone) {
    // The referral came from a zone between the two, which its parent's servers serve as well.
    if (!isStrictlyWithin(signer, keys.zone)) return null
    const end = yield* chainTo(context, signer)
    if (end.kind !== 'secure') return { status: end, keys }
    if (end.keys.zone !== signer) return null
    own = end.keys
  }
  const status = ds === null ? yield* statusFromProof(context, own, name, proof) : statusFromDs(context, own, name, ds)
  return status === null ? null : { status, keys: own }
}

/** The keys of a zone of which DS or anchors are known. The resolution of the DNSKEY question validates them. */
function* keysOf(context: ValidationContext, zone: Name): Steps<ChainEnd> {
  const { env, validation } = context
  const known = env.caches.zoneStates.keysOf(zone, context.now)
  if (known !== undefined) return { kind: 'secure', keys: known }
  const outcome = yield* lookup({ name: zone, type: RrType.DNSKEY, class: RrClass.IN }, 'dnskey')
  if (outcome.kind === 'failure') return refusalOf(outcome, `the keys of ${formatName(zone)} cannot be fetched`)
  const { security } = outcome
  switch (security.kind) {
    case 'secure': {
      const kept = env.caches.zoneStates.keysOf(zone, env.clock.now())
      if (kept !== undefined) return { kind: 'secure', keys: kept }
      // An alias at the name of a zone, which that look-up does not follow, is no key set either.
      const set =
        outcome.kind === 'answer'
          ? outcome.rrsets.find(rrset => rrset.type === RrType.DNSKEY && rrset.name === zone)
          : undefined
      if (outcome.kind !== 'answer' && zone !== ROOT && validation.points.at(zone) !== undefined)
        env.caches.zoneStates.putKeyless(zone, outcome.soa?.ttl ?? 0, env.clock.now())
      if (set === undefined) return bogus(EdeCode.DnskeyMissing, `${formatName(zone)} has a DS but no DNSKEY set`)
      const keys = readKeys(set, validation.rules.limits)
      env.caches.zoneStates.putKeys(keys, set.ttl, context.now)
      return { kind: 'secure', keys }
    }
    case 'insecure':
      return insecure(security.note ?? null)
    case 'indeterminate':
      return { kind: 'indeterminate' }
    case 'bogus':
      return bogus(security.ede, security.text)
    default:
      return security satisfies never
  }
}
