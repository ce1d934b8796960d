/**
 * Is a DNSKEY set that of its zone (RFC 4035 section 5.2)? A DS set of the zone above or a trust anchor decides. The
 * keys of a set that is secure are kept in `cache/zone-states`, where `chain.ts` finds them.
 */
import { boundedTtl } from '../../cache/ttl.ts'
import type { RRset } from '../../dns/rrset.ts'
import { verifiedSet, verifyKeys } from '../../dnssec/signature.ts'
import { pause, type Steps } from '../../steps.ts'
import { delegationStatus } from './chain.ts'
import {
  insecure,
  shouldYield,
  subjectOf,
  tell,
  type Insecure,
  type Unproven,
  type ValidationContext,
} from './context.ts'
import { cacheDelegationStatus, type DelegationResult } from './delegation-status.ts'

/** `set` has the signatures that verified. */
export type KeySetResult =
  | { readonly kind: 'secure'; readonly set: RRset }
  | Insecure
  | { readonly kind: 'indeterminate' }
  | Unproven

/** A DNSKEY set against what is trusted of its zone; null when its name is proven to be no zone. */
export function* validateKeySet(context: ValidationContext, set: RRset): Steps<KeySetResult | null> {
  const { env, task, validation, wall, now } = context
  const anchor = validation.points.at(set.name)
  const status: DelegationResult =
    anchor === undefined ? yield* delegationStatus(context, set.name) : { kind: 'ds', ds: anchor.ds }
  if (status.kind === 'no-cut') return null
  if (status.kind === 'bogus' || status.kind === 'limit') return { ...status, chain: true }
  if (status.kind !== 'ds') return status
  if (shouldYield(context)) yield* pause()
  const verdict = verifyKeys(set, { ds: status.ds, keys: anchor?.keys ?? [] }, validation.rules, wall, task.budget)
  switch (verdict.kind) {
    case 'secure':
      env.caches.zoneStates.putKeys(verdict.keys, boundedTtl(Math.min(set.ttl, verdict.ttl), env.limits.cache), now)
      tell(context, set.name, () => subjectOf(set), 'secure', verdict)
      return { kind: 'secure', set: verifiedSet(set, verdict) }
    case 'insecure':
      if (anchor === undefined) cacheDelegationStatus(context, set.name, insecure(verdict.note), set.ttl)
      tell(context, set.name, () => subjectOf(set), 'insecure', verdict.note)
      return insecure(verdict.note)
    case 'bogus':
    case 'limit':
      tell(context, set.name, () => subjectOf(set), 'bogus', verdict)
      return { ...verdict, chain: false }
    default:
      return verdict satisfies never
  }
}
