/**
 * What the signatures say of one verdict (RFC 4035 section 5): every set of its alias chain, the set that ends it, or
 * its denial. Judged link by link; the keys come from `chain.ts`. It changes nothing in a verdict but TTLs, which no
 * signature may outlive, and the proofs, of which those remain that were needed.
 *
 * Invariants: what is called secure was signed by keys that chain up to an anchor; what is neither secure nor proven
 * insecure is bogus. A set that is called secure has no signature left but those that verified, and is secure under the
 * name it came under; what a wildcard's data is good for besides stands in `wildcards`, made from the signature that
 * verified.
 */
import { isWildcard, isWithin, labelCount, parentOf, type Name } from '../../dns/name.ts'
import type { Question } from '../../dns/message.ts'
import { withTtl, type RRset } from '../../dns/rrset.ts'
import { formatName } from '../../presentation/text.ts'
import { EdeCode, RrType } from '../../dns/types.ts'
import { judgeDenial } from '../../dnssec/denial.ts'
import type { DenialClaim, Refusal, WildcardSet, ZoneKeys } from '../../dnssec/rules.ts'
import { insecureBy, unexpanded, verifiedSet } from '../../dnssec/signature.ts'
import { pause, type Security, type SecurityNote, type Steps } from '../../steps.ts'
import {
  bogus,
  chainPast,
  chainTo,
  exempt,
  isOutOfBreath,
  judgeKeys,
  keepDs,
  keepParent,
  MAX_SIGNERS,
  parentSays,
  setText,
  signersOf,
  tell,
  verifySet,
  type ChainEnd,
  type Evidence,
  type Judging,
} from './chain.ts'
import type { Env, Task } from '../env.ts'
import type { FinalVerdict } from '../hints.ts'
import { indeterminate, secure } from '../outcome.ts'

/** `aliases` are the securities of the chain's sets, in order; `end` that of the set or the denial it ends in. */
export interface Judged {
  readonly kind: 'judged'
  readonly verdict: FinalVerdict
  readonly aliases: readonly Security[]
  readonly end: Security
  /**
   * The sets of the verdict's proof whose signatures were verified: those that are good for other names too (RFC 8198).
   */
  readonly denials: readonly RRset[]
  /**
   * The data of wildcards that secure sets of the verdict were expanded from: good for other names as well (RFC 8198
   * section 5.3).
   */
  readonly wildcards: readonly WildcardSet[]
}

/** `chain` when the fault is above the data: then no other server of the zone can mend it. */
export type Judgement = Judged | (Refusal & { readonly chain: boolean })

type SetEnd =
  | {
      readonly kind: 'set'
      readonly set: RRset
      readonly security: Security
      readonly proof: readonly RRset[]
      readonly verified: boolean
      readonly wildcard: WildcardSet | null
    }
  | (Refusal & { readonly chain: boolean })

export function* judge(
  env: Env,
  task: Task,
  zone: Name,
  question: Question,
  verdict: FinalVerdict,
  evidence: Evidence,
): Steps<Judgement> {
  const judging: Judging = {
    env,
    task,
    validation: env.validation(),
    evidence,
    wall: env.clock.wall(),
    now: env.clock.now(),
  }
  const { chain } = verdict
  const sets: RRset[] = []
  const securities: Security[] = []
  const proof: RRset[] = []
  const denials: RRset[] = []
  const wildcards: WildcardSet[] = []
  for (const set of chain.aliases) {
    const before = sets.at(-1)
    // The CNAME that a DNAME implies was made here (RFC 6672 section 5.3.1): it is as good as the DNAME.
    if (isSynthesised(set, chain.aliases)) {
      sets.push(before === undefined ? set : withTtl(set, before.ttl))
      securities.push(securities.at(-1) ?? indeterminate)
      continue
    }
    const judged = yield* judgeSet(judging, zone, set, placeOf(set, question), 'proof' in verdict ? verdict.proof : [])
    if (judged.kind !== 'set') return judged
    sets.push(judged.set)
    securities.push(judged.security)
    if (judged.wildcard !== null) wildcards.push(judged.wildcard)
    proof.push(...judged.proof)
    if (judged.verified) denials.push(...judged.proof)
  }
  const judgedChain = sets.length === 0 ? chain : { ...chain, aliases: sets }
  switch (verdict.kind) {
    case 'alias':
    case 'alias-trouble':
      return {
        kind: 'judged',
        verdict:
          verdict.kind === 'alias' ? { ...verdict, chain: judgedChain, proof } : { ...verdict, chain: judgedChain },
        aliases: securities,
        end: secure,
        denials,
        wildcards,
      }
    case 'answer': {
      const last = securities.at(-1)
      if (last !== undefined && isSynthesised(verdict.rrset, [...chain.aliases, verdict.rrset])) {
        return {
          kind: 'judged',
          verdict: { ...verdict, chain: judgedChain, proof },
          aliases: securities,
          end: last,
          denials,
          wildcards,
        }
      }
      const judged = yield* judgeSet(judging, zone, verdict.rrset, placeOf(verdict.rrset, question), verdict.proof)
      if (judged.kind !== 'set') return judged
      if (judged.wildcard !== null) wildcards.push(judged.wildcard)
      if (judged.verified) denials.push(...judged.proof)
      proof.push(...judged.proof)
      const { authoritative, lastResort } = verdict
      // Spelt out: it is made for every answer, and spreading costs a microsecond or two.
      return {
        kind: 'judged',
        verdict: { kind: 'answer', chain: judgedChain, rrset: judged.set, proof, authoritative, lastResort },
        aliases: securities,
        end: judged.security,
        denials,
        wildcards,
      }
    }
    case 'nodata':
    case 'nxdomain': {
      const judged = yield* judgeDenied(judging, zone, question, verdict)
      if (judged.kind !== 'denied') return judged
      const { soa } = judged
      if (judged.security.kind === 'secure') denials.push(...judged.proof)
      return {
        kind: 'judged',
        verdict: { ...verdict, chain: judgedChain, soa, proof: [...proof, ...judged.proof] },
        aliases: securities,
        end: judged.security,
        denials,
        wildcards,
      }
    }
    default:
      return verdict satisfies never
  }
}

/** Was this CNAME made by us from a DNAME of the same chain? */
export const isSynthesised = (set: RRset, chain: readonly RRset[]): boolean =>
  set.type === RrType.CNAME && set.signatures.length === 0 && chain[chain.indexOf(set) - 1]?.type === RrType.DNAME

/**
 * Does a signature say that it was made from a wildcard (RFC 4035 section 5.3.4: it counts fewer labels than the owner
 * has)? Of a secure set the answer is true; of any other it is what the sender wants to be thought, and decides only
 * whether the proof that came with it is kept.
 */
export function isExpanded(set: RRset): boolean {
  if (set.signatures.length === 0) return false
  const labels = labelCount(set.name) - (isWildcard(set.name) ? 1 : 0)
  return set.signatures.some(rdata => (rdata[LABELS_OFFSET] ?? labels) < labels)
}

/** RFC 4034 section 3.1: where an RRSIG counts the labels of what it signs. */
const LABELS_OFFSET = 3

/** The weaker of two (RFC 4035 section 4.3): an answer is as good as its worst part. */
export function weaker(a: Security, b: Security): Security {
  const rank = (security: Security): number => RANKS.indexOf(security.kind)
  return rank(a) <= rank(b) ? a : b
}

const RANKS: readonly Security['kind'][] = ['bogus', 'indeterminate', 'insecure', 'secure']

/**
 * Where a set belongs: a DS set, and an alias that a DS question met at its own name, to the zone above (RFC 4035
 * section 3.1.4.1). That no DS is there cannot be what shows the alias to be insecure.
 */
const placeOf = (set: RRset, question: Question): Name =>
  set.type === RrType.DS || (question.type === RrType.DS && set.name === question.name) ? parentOf(set.name) : set.name

function* judgeSet(judging: Judging, zone: Name, set: RRset, place: Name, proof: readonly RRset[]): Steps<SetEnd> {
  // Signatures are not signed (RFC 4035 section 2.2): a question for them gets what there is.
  if (set.type === RrType.RRSIG) return ended(set, indeterminate)
  const off = exempt(judging, place)
  if (off !== null) return endedBy(judging, set, off, proof)
  if (set.type === RrType.DNSKEY) {
    const end = yield* judgeKeys(judging, set)
    if (end?.kind === 'bogus') return { ...end, chain: end.ofTheSet !== true }
    if (end !== null) return end.kind === 'secure' ? ended(end.set, secure) : endedBy(judging, set, end, proof)
  }
  let trouble: (Refusal & { readonly chain: boolean }) | null = null
  for (const signer of believable(judging, place, signersOf(set))) {
    const end = yield* chainTo(judging, signer)
    if (end.kind === 'limit') return { ...end, chain: true }
    if (end.kind === 'bogus') {
      trouble ??= { ...end, chain: true }
      continue
    }
    if (end.kind !== 'secure') return endedBy(judging, set, end, proof)
    if (end.keys.zone !== signer) {
      trouble ??= {
        ...bogus(EdeCode.DnskeyMissing, `${setText(set)} is signed by ${formatName(signer)}, which is no zone`),
        chain: false,
      }
      continue
    }
    const judged = yield* judgeSigned(judging, set, end.keys, proof)
    if (judged.kind === 'set' || judged.kind === 'limit') return judged
    trouble ??= judged
  }
  if (trouble !== null) return trouble
  const end = yield* unsigned(judging, zone, place)
  if (!isMissing(end)) return endedBy(judging, set, end, proof)
  return absent(
    judging,
    set.name,
    setText(set),
    bogus(EdeCode.RrsigsMissing, `${setText(set)} is without a signature of its zone`),
  )
}

function* judgeSigned(judging: Judging, set: RRset, keys: ZoneKeys, proof: readonly RRset[]): Steps<SetEnd> {
  if (isOutOfBreath(judging)) yield* pause()
  const verdict = verifySet(judging, set, keys)
  if (verdict.kind !== 'valid') return { ...verdict, chain: false }
  const valid = verifiedSet(set, verdict)
  const { expansion } = verdict
  if (expansion === null) {
    if (set.type === RrType.DS) keepDs(judging, set.name, valid, valid.ttl)
    return ended(valid, secure)
  }
  // A wildcard vouches for no zone: delegations are not made by expansion (RFC 4592 section 4.2; Unbound, April 2026).
  if (set.type === RrType.DS || set.type === RrType.DNSKEY)
    return { ...bogus(EdeCode.NsecMissing, `${setText(set)} comes from a wildcard`), chain: false }
  // RFC 4035 section 5.3.4: what a wildcard made needs a proof that the name itself does not exist.
  const claim: DenialClaim = { kind: 'expansion', name: set.name, wildcard: expansion.wildcard }
  const denied = yield* denial(judging, keys, claim, proof)
  switch (denied.kind) {
    case 'proven':
      return {
        kind: 'set',
        set: valid,
        security: secure,
        proof: denied.sets,
        verified: true,
        wildcard: unexpanded(valid, expansion),
      }
    case 'insecure':
      return {
        kind: 'set',
        set: valid,
        security: insecurity(denied.note),
        proof: denied.sets,
        verified: true,
        wildcard: null,
      }
    case 'bogus':
    case 'limit':
      return { ...denied, chain: false }
    default:
      return denied satisfies never
  }
}

interface Denied {
  readonly kind: 'denied'
  readonly soa: RRset | null
  readonly proof: readonly RRset[]
  readonly security: Security
}

function* judgeDenied(
  judging: Judging,
  zone: Name,
  question: { readonly type: number },
  verdict: Extract<FinalVerdict, { kind: 'nodata' | 'nxdomain' }>,
): Steps<Denied | (Refusal & { readonly chain: boolean })> {
  const { name, soa, proof } = verdict
  // RFC 4035 section 3.1.4.1: DS, and that there is none, is the business of the zone above.
  const above = question.type === RrType.DS && labelCount(name) > 0
  const place = above ? parentOf(name) : name
  const off = exempt(judging, place)
  if (off !== null) return deniedBy(judging, verdict, off)
  if (verdict.kind === 'nodata' && question.type === RrType.DNSKEY) {
    const keyless = yield* judgeKeyless(judging, verdict)
    if (keyless !== null) return keyless
  }
  const signers = believable(judging, place, [...proof, ...(soa === null ? [] : [soa])].flatMap(signersOf))
  if (signers.length === 0) {
    const end = yield* unsigned(judging, zone, place)
    if (!isMissing(end)) return deniedBy(judging, verdict, end)
    const missing = bogus(
      proof.length === 0 ? EdeCode.NsecMissing : EdeCode.RrsigsMissing,
      `the denial of ${formatName(name)} comes without a signed proof`,
    )
    return absent(judging, name, `the denial of ${formatName(name)}`, missing)
  }
  let trouble: (Refusal & { readonly chain: boolean }) | null = null
  for (const signer of signers) {
    const judged = yield* judgeDeniedBy(judging, signer, verdict, above, question)
    if (judged.kind === 'denied' || judged.kind === 'limit') return judged
    trouble ??= judged
  }
  return (
    trouble ?? { ...bogus(EdeCode.NsecMissing, `the denial of ${formatName(name)} is signed by nobody`), chain: false }
  )
}

/**
 * The signers that may speak of a name: at or above it, and not above the anchor that it stands under. Others prove
 * nothing of it, least of all that it is insecure. Two at most are looked at.
 */
function believable(judging: Judging, name: Name, signers: readonly Name[]): readonly Name[] {
  const anchor = judging.validation.points.closest(name)
  const believed: Name[] = []
  for (const signer of signers) {
    if (isWithin(name, signer) && (anchor === undefined || isWithin(signer, anchor.name)) && !believed.includes(signer))
      believed.push(signer)
    if (believed.length === MAX_SIGNERS) break
  }
  return believed
}

function* judgeDeniedBy(
  judging: Judging,
  signer: Name,
  verdict: Extract<FinalVerdict, { kind: 'nodata' | 'nxdomain' }>,
  above: boolean,
  question: { readonly type: number },
): Steps<Denied | (Refusal & { readonly chain: boolean })> {
  const { name, soa, proof } = verdict
  const isDs = above && verdict.kind === 'nodata'
  const end = yield* chainTo(judging, signer)
  if (end.kind !== 'secure') return deniedBy(judging, verdict, end)
  if (end.keys.zone !== signer)
    return {
      ...bogus(
        EdeCode.DnskeyMissing,
        `the denial of ${formatName(name)} is signed by ${formatName(signer)}, which is no zone`,
      ),
      chain: false,
    }
  const claim: DenialClaim =
    verdict.kind === 'nxdomain'
      ? { kind: 'nxdomain', name }
      : isDs
        ? { kind: 'no-ds', name }
        : { kind: 'nodata', name, type: question.type }
  const denied = yield* denial(judging, end.keys, claim, proof)
  if (denied.kind === 'bogus' || denied.kind === 'limit') return { ...denied, chain: false }
  // The proof alone says whether there is a cut; the SOA, which may be wrong, is about the answer.
  if (isDs)
    keepParent(
      judging,
      name,
      denied.kind === 'insecure' ? denied : denied.delegation ? { kind: 'insecure', note: null } : { kind: 'no-cut' },
      denied.ttl,
    )
  const vouched = soa === null ? null : yield* judgeSoa(judging, end.keys, soa)
  if (vouched !== null && vouched.kind !== 'set') return vouched
  const security = denied.kind === 'insecure' ? insecurity(denied.note) : secure
  // It is believed no longer than what proves it.
  return {
    kind: 'denied',
    soa: vouched === null ? null : withTtl(vouched.set, Math.min(vouched.set.ttl, denied.ttl)),
    proof: denied.sets,
    security,
  }
}

/**
 * No DNSKEY set: whether there has to be one is said above the zone, whose own proofs need the keys. Null when the name
 * is no zone.
 */
function* judgeKeyless(
  judging: Judging,
  verdict: Extract<FinalVerdict, { kind: 'nodata' | 'nxdomain' }>,
): Steps<Denied | (Refusal & { readonly chain: boolean }) | null> {
  const { name } = verdict
  const anchor = judging.validation.points.at(name)
  if (anchor !== undefined) {
    const note = insecureBy(anchor, judging.validation.rules)
    if (note !== null) return deniedBy(judging, verdict, { kind: 'insecure', note })
  }
  const says = anchor === undefined ? yield* parentSays(judging, name) : null
  if (says === null || says.kind === 'ds')
    return {
      ...bogus(EdeCode.DnskeyMissing, `${formatName(name)} has a DS or a trust anchor, but no DNSKEY set`),
      chain: false,
    }
  return says.kind === 'no-cut' ? null : deniedBy(judging, verdict, says)
}

/**
 * The SOA of a denial is told to clients and decides how long it is believed: it is of the zone that denies, and
 * signed.
 */
function* judgeSoa(judging: Judging, keys: ZoneKeys, soa: RRset): Steps<SetEnd> {
  if (soa.name !== keys.zone)
    return {
      ...bogus(
        EdeCode.DnssecBogus,
        `the denial comes from ${formatName(keys.zone)}, its SOA from ${formatName(soa.name)}`,
      ),
      chain: false,
    }
  return yield* judgeSigned(judging, soa, keys, [])
}

type Shown =
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
 * judges the rest.
 */
function* denial(judging: Judging, keys: ZoneKeys, claim: DenialClaim, proof: readonly RRset[]): Steps<Shown> {
  const { task, validation } = judging
  const { rules } = validation
  const valid: RRset[] = []
  let trouble: Refusal | null = null
  for (const set of proof.slice(0, rules.limits.denialRecords)) {
    if (!signersOf(set).includes(keys.zone)) continue
    if (isOutOfBreath(judging)) yield* pause()
    const verdict = verifySet(judging, set, keys)
    if (verdict.kind === 'limit') return verdict
    if (verdict.kind === 'bogus') trouble ??= verdict
    else if (verdict.expansion === null) valid.push(verifiedSet(set, verdict))
  }
  const ttl = valid.reduce((least, set) => Math.min(least, set.ttl), Number.POSITIVE_INFINITY)
  const verdict = yield* judgeDenial(claim, keys.zone, valid, rules, task.budget)
  switch (verdict.kind) {
    case 'proven':
      tell(judging, keys.zone, () => claimText(claim), 'secure', '')
      return { ...verdict, ttl }
    case 'insecure':
      tell(judging, keys.zone, () => claimText(claim), 'insecure', verdict.note?.text ?? 'opt-out')
      return { ...verdict, sets: valid, ttl }
    case 'bogus':
      tell(judging, keys.zone, () => claimText(claim), 'bogus', (trouble ?? verdict).text)
      // What made the proof fall short tells more than that it does.
      return trouble ?? verdict
    case 'limit':
      return verdict
    default:
      return verdict satisfies never
  }
}

function claimText(claim: DenialClaim): string {
  switch (claim.kind) {
    case 'nxdomain':
      return `the proof that ${formatName(claim.name)} does not exist`
    case 'nodata':
      return `the proof that ${formatName(claim.name)} has no such data`
    case 'expansion':
      return `the proof that ${formatName(claim.wildcard)} applies to ${formatName(claim.name)}`
    case 'no-ds':
      return `the proof that ${formatName(claim.name)} has no DS`
    default:
      return claim satisfies never
  }
}

/** What stands at a name whose data came without signatures: secure when there should be some. */
function* unsigned(judging: Judging, zone: Name, name: Name): Steps<ChainEnd> {
  const anchor = judging.validation.points.closest(name)
  const end = yield* chainTo(judging, anchor !== undefined && isWithin(anchor.name, zone) ? anchor.name : zone)
  return end.kind === 'secure' ? yield* chainPast(judging, end.keys, name) : end
}

/**
 * A zone that is signed, or one that sends no signatures over its DS sets and their absence either: then this set says
 * it best.
 */
const isMissing = (end: ChainEnd): boolean =>
  end.kind === 'secure' ||
  (end.kind === 'bogus' && (end.ede === EdeCode.RrsigsMissing || end.ede === EdeCode.NsecMissing))

/** No signature where there must be one. Another server may send it. */
function absent(judging: Judging, name: Name, what: string, missing: Refusal): Refusal & { readonly chain: boolean } {
  tell(judging, name, () => what, 'bogus', missing.text)
  return { ...missing, chain: false }
}

const insecurity = (note: SecurityNote | null): Security => (note === null ? plainInsecure : { kind: 'insecure', note })
const plainInsecure: Security = Object.freeze({ kind: 'insecure' })

const ended = (set: RRset, security: Security): SetEnd => ({
  kind: 'set',
  set,
  security,
  proof: [],
  verified: true,
  wildcard: null,
})

/**
 * The end of a chain as the status of a set without a signature that counts. The proof of an expansion stays: a client
 * with an anchor of its own may need it.
 */
function endedBy(judging: Judging, set: RRset, end: ChainEnd, proof: readonly RRset[]): SetEnd {
  const security = securityOf(end)
  if ('chain' in security) return security
  tell(judging, set.name, () => setText(set), security.kind, '')
  return { kind: 'set', set, security, proof: isExpanded(set) ? proof : [], verified: false, wildcard: null }
}

function deniedBy(
  judging: Judging,
  { name, soa, proof }: { readonly name: Name; readonly soa: RRset | null; readonly proof: readonly RRset[] },
  end: ChainEnd,
): Denied | (Refusal & { readonly chain: boolean }) {
  const security = securityOf(end)
  if ('chain' in security) return security
  tell(judging, name, () => `the denial of ${formatName(name)}`, security.kind, '')
  return { kind: 'denied', soa, proof, security }
}

function securityOf(end: ChainEnd): Security | (Refusal & { readonly chain: boolean }) {
  switch (end.kind) {
    case 'secure':
      return secure
    case 'insecure':
      return insecurity(end.note)
    case 'indeterminate':
      return indeterminate
    case 'bogus':
      return { ...end, chain: true }
    case 'limit':
      return { ...end, chain: true }
    default:
      return end satisfies never
  }
}
