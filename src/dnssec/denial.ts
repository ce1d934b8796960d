/**
 * Is it proven that something does not exist? The one door to the judges of NSEC and NSEC3. Signatures are not looked
 * at: the sets that come in were verified with the keys of `zone`, so that all parts of a proof have one signer
 * (CVE-2026-19941).
 *
 * Invariant: what is not proven is bogus; nothing is insecure here but by opt-out or by too many iterations.
 */
import { isWithin, ROOT, type Name } from '../dns/name.ts'
import type { RRset } from '../dns/rrset.ts'
import { formatName } from '../presentation/text.ts'
import type { Steps } from '../steps.ts'
import { contradicted, isMinimalNsec, judgeByNsec, nsecOf, unproven } from './nsec.ts'
import { isMinimalNsec3, judgeByNsec3, nsec3Of, oneChain } from './nsec3.ts'
import type { DenialClaim, DenialVerdict, DnssecRules, Work } from './rules.ts'

/**
 * Judges a claim by NSEC and NSEC3 sets of `zone`, of which `denialRecords` are looked at; none may have come from a
 * wildcard (CVE-2017-15105). Records of another zone, malformed ones and those of an unknown hash are passed over.
 */
export function* judgeDenial(
  claim: DenialClaim,
  zone: Name,
  sets: readonly RRset[],
  rules: DnssecRules,
  work: Work,
): Steps<DenialVerdict> {
  const { name } = claim
  if (!isWithin(name, zone)) return contradicted(`${formatName(name)} is outside ${formatName(zone)}, which denies it`)
  // RFC 4035 section 5.2: DS is data of the zone above the cut.
  if (claim.kind === 'no-ds' && name === zone && zone !== ROOT)
    return contradicted(`${formatName(zone)} cannot prove anything about its own DS`)
  const looked = sets.slice(0, rules.limits.denialRecords)
  const nsecs = looked.map(set => nsecOf(set, zone)).filter(record => record !== null)
  const byNsec = nsecs.length === 0 ? null : judgeByNsec(claim, nsecs)
  if (byNsec?.kind === 'proven') return byNsec
  // Both kinds are present while a zone changes from one to the other.
  const nsec3s = oneChain(looked.map(set => nsec3Of(set, zone)).filter(record => record !== null))
  if (nsec3s.length > 0) return yield* judgeByNsec3(claim, zone, nsec3s, rules, work)
  return byNsec ?? unproven(`no NSEC or NSEC3 record of ${formatName(zone)} that could prove it`)
}

/** Is it an NSEC or NSEC3 record of `zone` that was made up for one question, and proves nothing of other names? */
export function isMinimalDenial(set: RRset, zone: Name): boolean {
  const nsec = nsecOf(set, zone)
  if (nsec !== null) return isMinimalNsec(nsec)
  const nsec3 = nsec3Of(set, zone)
  return nsec3 !== null && isMinimalNsec3(nsec3)
}
