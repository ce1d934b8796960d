/**
 * Is it proven that a name does not exist, or has no data of a type (RFC 4035 section 5.4)? It finds out which zone may
 * deny it, takes the keys from `chain.ts`, and looks at the proof and the SOA. That a name has no DS is kept as what
 * the zone above says of it.
 *
 * Invariant: a denial that is called secure was proven by sets that verified, and lives no longer than they do.
 */
import { labelCount, parentOf, ROOT, type Name } from '../../dns/name.ts'
import { withTtl, type RRset } from '../../dns/rrset.ts'
import { EdeCode, RrType } from '../../dns/types.ts'
import type { DenialClaim, ZoneKeys } from '../../dnssec/rules.ts'
import { signersOf } from '../../dnssec/set-facts.ts'
import { insecureBy } from '../../dnssec/signature.ts'
import { formatName } from '../../presentation/text.ts'
import type { Security, Steps } from '../../steps.ts'
import { secure } from '../outcome.ts'
import { chainTo, delegationStatus, validationExemption } from './chain.ts'
import { bogus, bogusData, insecure, tell, type Unproven, type ValidationContext } from './context.ts'
import { cacheDelegationStatus } from './delegation-status.ts'
import type { FinalVerdict } from './judged.ts'
import { checkProof } from './proof.ts'
import { eligibleSigners, insecurity, missingSignature, reasonUnsigned, securityOf, type ChainStop } from './signers.ts'
import { validateSigned, type SetResult } from './validate-set.ts'

type Denial = Extract<FinalVerdict, { kind: 'nodata' | 'nxdomain' }>

/** `proof` holds the sets that were needed. */
interface ValidatedDenial {
  readonly kind: 'denial'
  readonly soa: RRset | null
  readonly proof: readonly RRset[]
  readonly security: Security
}

export type DenialResult = ValidatedDenial | Unproven

export function* validateDenial(context: ValidationContext, denial: Denial): Steps<DenialResult> {
  const { name, soa, proof } = denial
  const { type } = context.question
  // RFC 4035 section 3.1.4.1: DS, and that there is none, is the business of the zone above.
  const place = type === RrType.DS && labelCount(name) > 0 ? parentOf(name) : name
  const exemption = validationExemption(context, place)
  if (exemption !== null) return denialWithoutKeys(context, denial, exemption)
  const allSigners = [...proof, ...(soa === null ? [] : [soa])].flatMap(signersOf)
  if (type === RrType.DNSKEY) {
    const keyless = yield* validateKeyless(context, denial, allSigners)
    if (keyless !== null) return keyless
  }
  const signers = yield* eligibleSigners(context, place, allSigners)
  if (signers.length === 0) {
    const reason = yield* reasonUnsigned(context, place)
    if (reason !== null) return denialWithoutKeys(context, denial, reason)
    const missing = bogus(
      proof.length === 0 ? EdeCode.NsecMissing : EdeCode.RrsigsMissing,
      `the denial of ${formatName(name)} comes without a signed proof`,
    )
    return missingSignature(context, name, { kind: 'denial', name }, missing)
  }
  let firstFault: Unproven | null = null
  for (const signer of signers) {
    const result = yield* validateDenialOf(context, signer, denial)
    if (result.kind === 'denial' || result.kind === 'limit') return result
    firstFault ??= result
  }
  return firstFault ?? bogusData(EdeCode.NsecMissing, `the denial of ${formatName(name)} is not signed`)
}

/** As said by the zone `signer`. */
function* validateDenialOf(context: ValidationContext, signer: Name, denial: Denial): Steps<DenialResult> {
  const { name, soa, proof } = denial
  const end = yield* chainTo(context, signer)
  if (end.kind !== 'secure') return denialWithoutKeys(context, denial, end)
  if (end.keys.zone !== signer)
    return bogusData(
      EdeCode.DnskeyMissing,
      `the denial of ${formatName(name)} is signed by ${formatName(signer)}, which is no zone`,
    )
  const claim = claimOf(denial, context.question.type)
  const shown = yield* checkProof(context, end.keys, claim, proof)
  if (shown.kind === 'bogus' || shown.kind === 'limit') return { ...shown, chain: false }
  // The proof alone says whether there is a cut; the SOA, which may be wrong, is about the answer.
  if (claim.kind === 'no-ds')
    cacheDelegationStatus(
      context,
      name,
      shown.kind === 'insecure' ? insecure(shown.note) : shown.delegation ? insecure(null) : { kind: 'no-cut' },
      shown.ttl,
    )
  const vouched = soa === null ? null : yield* validateSoa(context, end.keys, soa)
  if (vouched !== null && vouched.kind !== 'set') return vouched
  return {
    kind: 'denial',
    // It lives no longer than what proves it.
    soa: vouched === null ? null : withTtl(vouched.set, Math.min(vouched.set.ttl, shown.ttl)),
    proof: shown.sets,
    security: shown.kind === 'insecure' ? insecurity(shown.note) : secure,
  }
}

function claimOf({ kind, name }: Denial, type: number): DenialClaim {
  if (kind === 'nxdomain') return { kind: 'nxdomain', name }
  return type === RrType.DS && labelCount(name) > 0 ? { kind: 'no-ds', name } : { kind: 'nodata', name, type }
}

/**
 * No DNSKEY set: whether there has to be one is said above the zone, whose own proofs need the keys. Null when the name
 * is no zone.
 */
function* validateKeyless(
  context: ValidationContext,
  denial: Denial,
  signers: readonly Name[],
): Steps<DenialResult | null> {
  const { name } = denial
  const anchor = context.validation.points.at(name)
  if (anchor === undefined && denial.kind === 'nxdomain') return null
  if (anchor !== undefined) {
    const note = insecureBy(anchor, context.validation.rules)
    if (note !== null) return denialWithoutKeys(context, denial, insecure(note))
    const stale = yield* validateStaleAnchor(context, denial, signers)
    if (stale !== null) return stale
  }
  const status = anchor === undefined ? yield* delegationStatus(context, name) : null
  if (status === null || status.kind === 'ds')
    return bogusData(EdeCode.DnskeyMissing, `${formatName(name)} has a DS or a trust anchor, but no DNSKEY set`)
  return status.kind === 'no-cut' ? null : denialWithoutKeys(context, denial, status)
}

/**
 * A trust anchor for a zone that is gone: what denies its keys is data of the zone above, and is not validated by the
 * keys that it denies. Null when that zone proves nothing of the kind.
 */
function* validateStaleAnchor(
  context: ValidationContext,
  denial: Denial,
  signers: readonly Name[],
): Steps<DenialResult | null> {
  if (denial.name === ROOT) return null
  for (const signer of yield* eligibleSigners(context, parentOf(denial.name), signers)) {
    const result = yield* validateDenialOf(context, signer, denial)
    if (result.kind === 'limit' || (result.kind === 'denial' && result.security.kind === 'secure')) return result
  }
  return null
}

/** Of the zone that denies, and signed: the SOA goes to clients and decides how long the denial lives. */
function* validateSoa(context: ValidationContext, keys: ZoneKeys, soa: RRset): Steps<SetResult> {
  if (soa.name !== keys.zone)
    return bogusData(
      EdeCode.DnssecBogus,
      `the denial comes from ${formatName(keys.zone)}, its SOA from ${formatName(soa.name)}`,
    )
  return yield* validateSigned(context, soa, keys, [])
}

/** A denial without a signature that counts, at the end of a chain. */
function denialWithoutKeys(context: ValidationContext, { name, soa, proof }: Denial, stop: ChainStop): DenialResult {
  const security = securityOf(stop)
  if (security.kind === 'bogus' || security.kind === 'limit') return security
  tell(context, name, () => ({ kind: 'denial', name }), security.kind, null)
  return { kind: 'denial', soa, proof, security }
}
