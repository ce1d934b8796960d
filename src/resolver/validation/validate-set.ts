/**
 * Is one RRset secure, proven insecure, or neither (RFC 4035 section 5.3)? It finds out who may have signed it, takes
 * their keys from `chain.ts`, and wants a proof for what a wildcard made.
 *
 * Invariants: what is called secure was signed by keys that chain up to an anchor; what is neither secure nor proven
 * insecure is `Unproven`. A set that is called secure has no signature left but those that verified, and is secure
 * under the name it came under; what a wildcard's data is good for under other names stands in `wildcard`, made
 * from the signature that verified.
 */
import type { Name } from '../../dns/name.ts'
import type { RRset } from '../../dns/rrset.ts'
import { EdeCode, RrType } from '../../dns/types.ts'
import type { DenialClaim, WildcardSet, ZoneKeys } from '../../dnssec/rules.ts'
import { isExpanded, signersOf } from '../../dnssec/set-facts.ts'
import { unexpanded, verifiedSet } from '../../dnssec/signature.ts'
import { formatName } from '../../presentation/text.ts'
import { pause, type Security, type Steps } from '../../steps.ts'
import { indeterminate, secure } from '../outcome.ts'
import { chainTo, validationExemption } from './chain.ts'
import { bogus, bogusData, setText, shouldYield, subjectOf, tell, verifySet } from './context.ts'
import type { Unproven, ValidationContext } from './context.ts'
import { cacheDs } from './delegation-status.ts'
import { validateKeySet } from './key-set.ts'
import { checkProof } from './proof.ts'
import { eligibleSigners, insecurity, missingSignature, reasonUnsigned, securityOf, type ChainStop } from './signers.ts'

/** `proof` is what of the given one belongs to the set; `verified` when its signatures were. */
export interface ValidatedSet {
  readonly kind: 'set'
  readonly set: RRset
  readonly security: Security
  readonly proof: readonly RRset[]
  readonly verified: boolean
  /** The data of the wildcard that a secure set was expanded from. */
  readonly wildcard: WildcardSet | null
}

export type SetResult = ValidatedSet | Unproven

/** `place` is the name whose zone answers for the set; `proof` came with it. */
export function* validateSet(
  context: ValidationContext,
  set: RRset,
  place: Name,
  proof: readonly RRset[],
): Steps<SetResult> {
  // Signatures are not signed (RFC 4035 section 2.2): a question for them gets what there is.
  if (set.type === RrType.RRSIG) return setWith(set, indeterminate)
  const exemption = validationExemption(context, place)
  if (exemption !== null) return setWithoutKeys(context, set, exemption, proof)
  if (set.type === RrType.DNSKEY) {
    const keys = yield* validateKeySet(context, set)
    if (keys?.kind === 'secure') return setWith(keys.set, secure)
    if (keys?.kind === 'bogus' || keys?.kind === 'limit') return keys
    if (keys !== null) return setWithoutKeys(context, set, keys, proof)
  }
  let firstFault: Unproven | null = null
  for (const signer of yield* eligibleSigners(context, place, signersOf(set))) {
    const end = yield* chainTo(context, signer)
    if (end.kind === 'limit') return { ...end, chain: true }
    if (end.kind === 'bogus') {
      firstFault ??= { ...end, chain: true }
      continue
    }
    if (end.kind !== 'secure') return setWithoutKeys(context, set, end, proof)
    if (end.keys.zone !== signer) {
      const text = `${setText(set)} is signed by ${formatName(signer)}, which is no zone`
      firstFault ??= bogusData(EdeCode.DnskeyMissing, text)
      continue
    }
    const result = yield* validateSigned(context, set, end.keys, proof)
    if (result.kind === 'set' || result.kind === 'limit') return result
    firstFault ??= result
  }
  if (firstFault !== null) return firstFault
  const reason = yield* reasonUnsigned(context, place)
  if (reason !== null) return setWithoutKeys(context, set, reason, proof)
  return missingSignature(
    context,
    set.name,
    subjectOf(set),
    bogus(EdeCode.RrsigsMissing, `${setText(set)} is without a signature of its zone`),
  )
}

/** Against the keys of the zone that signed it. */
export function* validateSigned(
  context: ValidationContext,
  set: RRset,
  keys: ZoneKeys,
  proof: readonly RRset[],
): Steps<SetResult> {
  if (shouldYield(context)) yield* pause()
  const verdict = verifySet(context, set, keys)
  if (verdict.kind !== 'valid') return { ...verdict, chain: false }
  const valid = verifiedSet(set, verdict)
  const { expansion } = verdict
  if (expansion === null) {
    if (set.type === RrType.DS) cacheDs(context, set.name, valid, valid.ttl)
    return setWith(valid, secure)
  }
  // A wildcard vouches for no zone: delegations are not made by expansion (RFC 4592 section 4.2; Unbound, April 2026).
  if (set.type === RrType.DS || set.type === RrType.DNSKEY)
    return bogusData(EdeCode.NsecMissing, `${setText(set)} comes from a wildcard`)
  // RFC 4035 section 5.3.4: what a wildcard made needs a proof that the name itself does not exist.
  const claim: DenialClaim = { kind: 'expansion', name: set.name, wildcard: expansion.wildcard }
  const shown = yield* checkProof(context, keys, claim, proof)
  switch (shown.kind) {
    case 'proven':
      return {
        kind: 'set',
        set: valid,
        security: secure,
        proof: shown.sets,
        verified: true,
        wildcard: unexpanded(valid, expansion),
      }
    case 'insecure':
      return {
        kind: 'set',
        set: valid,
        security: insecurity(shown.note),
        proof: shown.sets,
        verified: true,
        wildcard: null,
      }
    case 'bogus':
    case 'limit':
      return { ...shown, chain: false }
    default:
      return shown satisfies never
  }
}

const setWith = (set: RRset, security: Security): SetResult => ({
  kind: 'set',
  set,
  security,
  proof: [],
  verified: true,
  wildcard: null,
})

/**
 * A set without a signature that counts, at the end of a chain. The proof of an expansion stays: a client with its own
 * anchor may need it.
 */
function setWithoutKeys(context: ValidationContext, set: RRset, stop: ChainStop, proof: readonly RRset[]): SetResult {
  const security = securityOf(stop)
  if (security.kind === 'bogus' || security.kind === 'limit') return security
  tell(context, set.name, () => subjectOf(set), security.kind, null)
  return { kind: 'set', set, security, proof: isExpanded(set) ? proof : [], verified: false, wildcard: null }
}
