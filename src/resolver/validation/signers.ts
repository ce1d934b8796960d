/**
 * Who may sign data at a name, and what it means when no such signature came: an unsigned zone, or a fault.
 */
import { isWithin, type Name } from '../../dns/name.ts'
import { EdeCode } from '../../dns/types.ts'
import type { Refusal } from '../../dnssec/rules.ts'
import { MAX_SIGNERS } from '../../dnssec/set-facts.ts'
import type { Security, SecurityNote, Steps } from '../../steps.ts'
import type { Subject } from '../trace.ts'
import { anchorOver, chainTo, findInsecureDelegation, type ChainEnd } from './chain.ts'
import { tell, type Unproven, type ValidationContext } from './context.ts'

/** A chain that ends without the keys of the name. */
export type ChainStop = Exclude<ChainEnd, { kind: 'secure' }>

/**
 * The signers that may speak of a name: at or above it, and not above the anchor that it stands under. Others prove
 * nothing of it, least of all that it is insecure. At most `MAX_SIGNERS`. When all are above the anchor it is found out
 * first whether its zone still exists.
 */
export function* eligibleSigners(
  context: ValidationContext,
  name: Name,
  signers: readonly Name[],
): Steps<readonly Name[]> {
  const eligible = signersUnderAnchor(context, name, signers)
  if (eligible.length > 0 || !signers.some(signer => isWithin(name, signer))) return eligible
  const anchor = anchorOver(context, name)
  if (anchor === undefined) return eligible
  yield* chainTo(context, anchor.name)
  return signersUnderAnchor(context, name, signers)
}

function signersUnderAnchor(context: ValidationContext, name: Name, signers: readonly Name[]): readonly Name[] {
  const anchor = anchorOver(context, name)
  const eligible: Name[] = []
  for (const signer of signers) {
    if (isWithin(name, signer) && (anchor === undefined || isWithin(signer, anchor.name)) && !eligible.includes(signer))
      eligible.push(signer)
    if (eligible.length === MAX_SIGNERS) break
  }
  return eligible
}

/** Why data at a name may come without signatures; null when there must be some. */
export function* reasonUnsigned(context: ValidationContext, name: Name): Steps<ChainStop | null> {
  const { zone } = context
  const anchor = anchorOver(context, name)
  const above = yield* chainTo(context, anchor !== undefined && isWithin(anchor.name, zone) ? anchor.name : zone)
  const end = above.kind === 'secure' ? yield* findInsecureDelegation(context, above.keys, name) : above
  if (end.kind === 'secure') return null
  // A zone that sends no signatures over its DS sets and their absence either: the data at hand says it best.
  const isMissing = end.kind === 'bogus' && (end.ede === EdeCode.RrsigsMissing || end.ede === EdeCode.NsecMissing)
  return isMissing ? null : end
}

/** No signature where there must be one. Another server may send it. */
export function missingSignature(context: ValidationContext, name: Name, subject: Subject, missing: Refusal): Unproven {
  tell(context, name, () => subject, 'bogus', missing)
  return { ...missing, chain: false }
}

/** What data without a signature that counts is, when the chain to it ends so. */
export function securityOf(stop: ChainStop): Exclude<Security, { kind: 'bogus' }> | Unproven {
  switch (stop.kind) {
    case 'insecure':
      return insecurity(stop.note)
    case 'indeterminate':
      return stop
    case 'bogus':
    case 'limit':
      return { ...stop, chain: true }
    default:
      return stop satisfies never
  }
}

type InsecureData = Extract<Security, { kind: 'insecure' }>

export const insecurity = (note: SecurityNote | null): InsecureData =>
  note === null ? plainInsecure : { kind: 'insecure', note }

const plainInsecure: InsecureData = Object.freeze({ kind: 'insecure' })
