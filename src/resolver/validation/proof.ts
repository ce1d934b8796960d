/**
 * Does a proof (NSEC or NSEC3 sets) show what it should, given the keys of its zone? The sets are verified here; what
 * they say is judged by `dnssec/denial.ts`.
 */
import type { RRset } from '../../dns/rrset.ts'
import { judgeDenial } from '../../dnssec/denial.ts'
import type { DenialClaim, Refusal, ZoneKeys } from '../../dnssec/rules.ts'
import { signersOf } from '../../dnssec/set-facts.ts'
import { verifiedSet } from '../../dnssec/signature.ts'
import { pause, type SecurityNote, type Steps } from '../../steps.ts'
import { shouldYield, tell, verifySet, type ValidationContext } from './context.ts'

/** `ttl` in seconds: how long the sets that verified hold. `delegation` as in `DenialVerdict`. */
export type ProofResult =
  | { readonly kind: 'proven'; readonly sets: readonly RRset[]; readonly delegation: boolean; readonly ttl: number }
  | {
      readonly kind: 'insecure'
      readonly sets: readonly RRset[]
      readonly note: SecurityNote | null
      readonly ttl: number
    }
  | Refusal

/**
 * Verifies the sets of a proof, those of this zone and not made by a wildcard (CVE-2026-19941, CVE-2017-15105), and
 * judges what they say of `claim`.
 */
export function* checkProof(
  context: ValidationContext,
  keys: ZoneKeys,
  claim: DenialClaim,
  proof: readonly RRset[],
): Steps<ProofResult> {
  const { task, validation } = context
  const { rules } = validation
  const valid: RRset[] = []
  let firstFault: Refusal | null = null
  for (const set of proof.slice(0, rules.limits.denialRecords)) {
    if (!signersOf(set).includes(keys.zone)) continue
    if (shouldYield(context)) yield* pause()
    const verdict = verifySet(context, set, keys)
    if (verdict.kind === 'limit') return verdict
    if (verdict.kind === 'bogus') firstFault ??= verdict
    else if (verdict.expansion === null) valid.push(verifiedSet(set, verdict))
  }
  const ttl = valid.reduce((least, set) => Math.min(least, set.ttl), Number.POSITIVE_INFINITY)
  const verdict = yield* judgeDenial(claim, keys.zone, valid, rules, task.budget)
  switch (verdict.kind) {
    case 'proven':
      tell(context, keys.zone, () => ({ kind: 'proof', claim }), 'secure', null)
      return { ...verdict, ttl }
    case 'insecure':
      tell(context, keys.zone, () => ({ kind: 'proof', claim }), 'insecure', verdict.note ?? { text: 'opt-out' })
      return { ...verdict, sets: valid, ttl }
    case 'bogus':
      tell(context, keys.zone, () => ({ kind: 'proof', claim }), 'bogus', { text: (firstFault ?? verdict).text })
      // What made the proof fall short says more than that it does.
      return firstFault ?? verdict
    case 'limit':
      return verdict
    default:
      return verdict satisfies never
  }
}
