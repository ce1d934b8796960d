/**
 * The chain of trust (RFC 4035 section 5): from a trust anchor down to the keys of a zone, by DS and DNSKEY sets. What
 * is found is kept in `cache/zone-states`; what is missing is looked up, DS sets first in the referrals that the walk
 * has seen. It judges with the pure functions of `dnssec/` and asks only by `lookup`.
 *
 * Invariant: nothing is called insecure that is not proven so by the zone above it, whose keys are trusted.
 */
import type { Question } from '../../dns/message.ts'
import { isStrictlyWithin, isWithin, labelCount, parentOf, ROOT, suffixOf, type Name } from '../../dns/name.ts'
import { readSigner } from '../../dns/rdata-dnssec.ts'
import type { RRset } from '../../dns/rrset.ts'
import { formatName } from '../../presentation/text.ts'
import { formatTime } from '../../presentation/time-text.ts'
import { EdeCode, RrClass, RrType, typeName } from '../../dns/types.ts'
import { boundedTtl } from '../../cache/ttl.ts'
import type { ParentSays } from '../../cache/zone-states.ts'
import { algorithmName } from '../../dnssec/algorithms.ts'
import { judgeDenial } from '../../dnssec/denial.ts'
import type { Refusal, SetVerdict, ZoneKeys } from '../../dnssec/rules.ts'
import { insecureBy, readKeys, verifiedSet, verifyKeys, verifyRRset } from '../../dnssec/signature.ts'
import { lookup, pause, type Outcome, type SecurityNote, type Steps } from '../../steps.ts'
import type { Env, Task, Validation } from '../env.ts'
import { isRelative } from '../outcome.ts'

/** What one validation works with. `wall` in seconds since 1970, `now` on the monotonic clock, both as it began. */
export interface Judging {
  readonly env: Env
  readonly task: Task
  readonly validation: Validation
  readonly evidence: Evidence
  readonly wall: number
  readonly now: number
}

/** What the referrals of this walk said of the zones they led to. */
export type Evidence = ReadonlyMap<Name, { readonly ds: RRset | null; readonly proof: readonly RRset[] }>

/** Where the chain ends on its way to a name. */
export type ChainEnd =
  /** The keys of the deepest zone at or above the name. */
  | { readonly kind: 'secure'; readonly keys: ZoneKeys }
  | { readonly kind: 'insecure'; readonly note: SecurityNote | null }
  /** No trust anchor at or above it. */
  | { readonly kind: 'indeterminate' }
  | Refusal

type Says = ParentSays | Refusal | { readonly kind: 'indeterminate' }

const insecure = (note: SecurityNote | null): { readonly kind: 'insecure'; readonly note: SecurityNote | null } => ({
  kind: 'insecure',
  note,
})

export const bogus = (ede: EdeCode, text: string): Refusal => ({ kind: 'bogus', ede, text })

/** The chain as far as `target`, which something says is a zone. */
export function* chainTo(judging: Judging, target: Name): Steps<ChainEnd> {
  const start = startOf(judging, target)
  const first = start.kind === 'anchor' ? yield* keysOf(judging, start.name) : start
  if (first.kind !== 'secure') return first
  let { keys } = first
  for (const name of namesBetween(keys.zone, target)) {
    // A zone on the way may have been passed already, by way of the signer of a DS set below it.
    if (!isStrictlyWithin(name, keys.zone)) continue
    const settled = yield* settle(judging, keys, name, name === target)
    if (settled === null) continue
    keys = settled.keys
    const { says } = settled
    if (says.kind === 'no-cut') continue
    if (says.kind !== 'ds') return says
    const end = yield* keysOf(judging, name)
    if (end.kind !== 'secure') return end
    keys = end.keys
  }
  return { kind: 'secure', keys }
}

/** What the parent says of `zone`, from the chain down to it. */
export function* parentSays(judging: Judging, zone: Name): Steps<Says> {
  const known = judging.env.caches.zoneStates.parentSays(zone, judging.now)
  if (known !== undefined) return known
  if (zone === ROOT) return { kind: 'indeterminate' }
  const above = yield* chainTo(judging, parentOf(zone))
  if (above.kind !== 'secure') return above
  return (yield* settle(judging, above.keys, zone, true))?.says ?? { kind: 'no-cut' }
}

/**
 * Why a set at `name` may be without signatures although the zone above is signed: an insecure delegation between them
 * that no referral showed (RFC 4035 section 5.2, parent and child on one server). Secure when there is none.
 */
export function* chainPast(judging: Judging, from: ZoneKeys, name: Name): Steps<ChainEnd> {
  let keys = from
  let asked = 0
  for (const at of namesBetween(from.zone, name)) {
    if (++asked > judging.validation.rules.limits.dsWalk) break
    const settled = yield* settle(judging, keys, at, true)
    const says = settled?.says ?? { kind: 'no-cut' as const }
    if (says.kind === 'no-cut') continue
    if (says.kind !== 'ds') return says
    const end = yield* keysOf(judging, at)
    if (end.kind !== 'secure') return end
    keys = end.keys
  }
  return { kind: 'secure', keys }
}

/**
 * Names that are not validated whatever their data says: none of our anchors, a negative one, or zones of our own
 * making.
 */
export function exempt(
  { env, validation, wall }: Pick<Judging, 'env' | 'validation' | 'wall'>,
  name: Name,
): ChainEnd | null {
  const anchor = validation.points.closest(name)
  if (anchor === undefined) return { kind: 'indeterminate' }
  if (validation.points.negative(name, wall) !== undefined) return insecure(null)
  // What a local zone delegates is outside the public chain, unless an anchor stands inside.
  const question: Question = { name, type: RrType.NS, class: RrClass.IN }
  const local = env.localZones().find(question)
  if (local === undefined || local.recordsOnly || isWithin(anchor.name, local.origin)) return null
  return local.answer(question).kind === 'not-here' ? null : insecure(null)
}

function startOf(judging: Judging, target: Name): ChainEnd | { readonly kind: 'anchor'; readonly name: Name } {
  const off = exempt(judging, target)
  if (off !== null) return off
  const { zoneStates } = judging.env.caches
  const anchor = judging.validation.points.closest(target)
  if (anchor === undefined) return { kind: 'indeterminate' }
  for (let name = target; ; name = parentOf(name)) {
    const keys = zoneStates.keysOf(name, judging.now)
    if (keys !== undefined) return { kind: 'secure', keys }
    if (name === anchor.name) {
      const note = insecureBy(anchor, judging.validation.rules)
      return note === null ? { kind: 'anchor', name } : insecure(note)
    }
    const says = zoneStates.parentSays(name, judging.now)
    if (says?.kind === 'insecure') return says
  }
}

/** The names below `above` down to `below`, from the top. */
function namesBetween(above: Name, below: Name): Name[] {
  const names: Name[] = []
  for (let count = labelCount(above) + 1; count <= labelCount(below); count++) names.push(suffixOf(below, count))
  return names
}

/**
 * What is proven of a name below the zone of `keys`. From memory, else from a referral, else asked for when `needed` or
 * when a delegation is known there; null when nothing is known and nothing was asked. `keys` in it are those of the
 * zone that said it.
 */
function* settle(
  judging: Judging,
  keys: ZoneKeys,
  name: Name,
  needed: boolean,
): Steps<{ readonly says: Says; readonly keys: ZoneKeys } | null> {
  const { env, evidence, now } = judging
  const known = env.caches.zoneStates.parentSays(name, now)
  if (known !== undefined) return { says: known, keys }
  const delegation = env.caches.delegations.get(name, now)
  const shown = evidence.get(name) ?? (delegation === undefined ? undefined : { ds: delegation.ds, proof: [] })
  if (shown !== undefined) {
    const settled = yield* settleByReferral(judging, keys, name, shown.ds, shown.proof)
    if (settled !== null) return settled
  }
  if (!needed && shown === undefined) return null
  return { says: yield* askDs(judging, name), keys }
}

/** From what came with a referral; null when that does not convince, and is to be asked for. */
function* settleByReferral(
  judging: Judging,
  keys: ZoneKeys,
  name: Name,
  ds: RRset | null,
  proof: readonly RRset[],
): Steps<{ readonly says: Says; readonly keys: ZoneKeys } | null> {
  const [head] = ds === null ? proof : [ds]
  const signer = head === undefined ? undefined : signersOf(head)[0]
  if (signer === undefined || !isStrictlyWithin(name, signer)) return null
  let own = keys
  if (signer !== keys.zone) {
    // The referral came from a zone between the two, which its parent's servers serve as well.
    if (!isStrictlyWithin(signer, keys.zone)) return null
    const end = yield* chainTo(judging, signer)
    if (end.kind !== 'secure') return { says: end, keys }
    if (end.keys.zone !== signer) return null
    own = end.keys
  }
  const says = ds === null ? yield* deniedDs(judging, own, name, proof) : shownDs(judging, own, name, ds)
  return says === null ? null : { says, keys: own }
}

function shownDs(judging: Judging, keys: ZoneKeys, name: Name, ds: RRset): Says | null {
  const verdict = verifySet(judging, ds, keys)
  if (verdict.kind === 'limit') return verdict
  if (verdict.kind !== 'valid' || verdict.expansion !== null) return null
  return keepDs(judging, name, ds, verdict.ttl)
}

function* deniedDs(judging: Judging, keys: ZoneKeys, name: Name, proof: readonly RRset[]): Steps<Says | null> {
  const { rules } = judging.validation
  const valid: RRset[] = []
  let ttl = Number.POSITIVE_INFINITY
  for (const set of proof.slice(0, rules.limits.denialRecords)) {
    const verdict = verifySet(judging, set, keys)
    if (verdict.kind === 'limit') return verdict
    if (verdict.kind !== 'valid' || verdict.expansion !== null) continue
    valid.push(set)
    ttl = Math.min(ttl, verdict.ttl)
  }
  const denial = yield* judgeDenial({ kind: 'no-ds', name }, keys.zone, valid, rules, judging.task.budget)
  switch (denial.kind) {
    case 'proven':
      // A referral to what its own zone says is no delegation proves nothing but that somebody errs.
      return denial.delegation ? keepParent(judging, name, insecure(null), ttl) : null
    case 'insecure':
      return keepParent(judging, name, insecure(denial.note), ttl)
    case 'limit':
      return denial
    case 'bogus':
      return null
    default:
      return denial satisfies never
  }
}

/**
 * Asks for the DS set; the resolution of that question validates it, with tries at other servers, and keeps what it
 * found. It follows no alias: where one stands, the parent side has shown that the name is no delegation (RFC 1034
 * section 3.6.2), and what the alias leads to says nothing of it.
 */
function* askDs(judging: Judging, name: Name): Steps<Says> {
  const { env, now } = judging
  const outcome = yield* lookup({ name, type: RrType.DS, class: RrClass.IN }, 'ds')
  const known = env.caches.zoneStates.parentSays(name, env.clock.now())
  if (known !== undefined) return known
  if (outcome.kind === 'failure') return refusalOf(outcome, `the DS set of ${formatName(name)} is not to be had`)
  switch (outcome.security.kind) {
    case 'insecure':
      return insecure(outcome.security.note ?? null)
    case 'indeterminate':
      return { kind: 'indeterminate' }
    case 'bogus':
      return bogus(outcome.security.ede, outcome.security.text)
    case 'secure':
      break
    default:
      return outcome.security satisfies never
  }
  if (outcome.kind === 'answer') {
    const ds = outcome.rrsets.find(set => set.type === RrType.DS && set.name === name)
    if (ds !== undefined) return keepDs(judging, name, ds, ds.ttl)
    return keepParent(judging, name, { kind: 'no-cut' }, Math.min(...outcome.rrsets.map(set => set.ttl)))
  }
  if (outcome.kind === 'nxdomain') return { kind: 'no-cut' }
  const signer = outcome.proof[0] === undefined ? undefined : signersOf(outcome.proof[0])[0]
  if (signer === undefined) return { kind: 'no-cut' }
  // Validated before and remembered: what it says is read again, its signatures need no second look.
  const denial = yield* judgeDenial(
    { kind: 'no-ds', name },
    signer,
    outcome.proof,
    judging.validation.rules,
    judging.task.budget,
  )
  if (denial.kind === 'limit' || denial.kind === 'bogus') return denial
  const says: ParentSays =
    denial.kind === 'insecure' ? insecure(denial.note) : denial.delegation ? insecure(null) : { kind: 'no-cut' }
  env.caches.zoneStates.putParent(name, says, outcome.soa?.ttl ?? 0, now)
  return says
}

/** The keys of a zone of which DS or anchors are known. The resolution of the DNSKEY question validates them. */
function* keysOf(judging: Judging, zone: Name): Steps<ChainEnd> {
  const { env, validation } = judging
  const known = env.caches.zoneStates.keysOf(zone, judging.now)
  if (known !== undefined) return { kind: 'secure', keys: known }
  const outcome = yield* lookup({ name: zone, type: RrType.DNSKEY, class: RrClass.IN }, 'dnskey')
  if (outcome.kind === 'failure') return refusalOf(outcome, `the keys of ${formatName(zone)} are not to be had`)
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
      if (set === undefined) return bogus(EdeCode.DnskeyMissing, `${formatName(zone)} has a DS but no DNSKEY set`)
      const keys = readKeys(set, validation.rules.limits)
      env.caches.zoneStates.putKeys(keys, set.ttl, judging.now)
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

/**
 * What a DNSKEY set comes to. `set` has the signatures that verified; `ofTheSet`: a fault that another server's set may
 * not have.
 */
export type KeySetEnd =
  | { readonly kind: 'secure'; readonly set: RRset }
  | (Exclude<ChainEnd, { kind: 'secure' }> & { readonly ofTheSet?: boolean })

/** A DNSKEY set against what is trusted of its zone; null when its name is proven to be no zone. */
export function* judgeKeys(judging: Judging, set: RRset): Steps<KeySetEnd | null> {
  const { env, task, validation, wall, now } = judging
  const anchor = validation.points.at(set.name)
  const says: Says = anchor === undefined ? yield* parentSays(judging, set.name) : { kind: 'ds', ds: anchor.ds }
  if (says.kind === 'no-cut') return null
  if (says.kind !== 'ds') return says
  if (isOutOfBreath(judging)) yield* pause()
  const verdict = verifyKeys(set, { ds: says.ds, keys: anchor?.keys ?? [] }, validation.rules, wall, task.budget)
  switch (verdict.kind) {
    case 'secure':
      env.caches.zoneStates.putKeys(verdict.keys, boundedTtl(Math.min(set.ttl, verdict.ttl), env.limits.cache), now)
      tell(judging, set.name, () => setText(set), 'secure', signedBy(verdict))
      return { kind: 'secure', set: verifiedSet(set, verdict) }
    case 'insecure':
      if (anchor === undefined) keepParent(judging, set.name, insecure(verdict.note), set.ttl)
      tell(judging, set.name, () => setText(set), 'insecure', verdict.note.text)
      return insecure(verdict.note)
    case 'bogus':
    case 'limit':
      tell(judging, set.name, () => setText(set), 'bogus', verdict.text)
      return { ...verdict, ofTheSet: true }
    default:
      return verdict satisfies never
  }
}

/** The distinct signers that the signatures of a set name and that may sign it, as many as signatures are tried. */
export function signersOf(set: RRset): readonly Name[] {
  const signers: Name[] = []
  for (const rdata of set.signatures) {
    const signer = readSigner(rdata)
    if (signer !== null && maySign(signer, set) && !signers.includes(signer)) signers.push(signer)
    if (signers.length === MAX_SIGNERS) break
  }
  return signers
}

/** RFC 4035 section 2.4: a DS set is signed by the zone above the cut. */
const maySign = (signer: Name, { name, type }: RRset): boolean =>
  type === RrType.DS ? isStrictlyWithin(name, signer) : isWithin(name, signer)

/** An honest set has one signer; a second is looked at so that one planted signature does not shadow the true one. */
export const MAX_SIGNERS = 2

/** Checks one set against keys and tells the trace. */
export function verifySet(judging: Judging, set: RRset, keys: ZoneKeys): SetVerdict {
  const { task, validation, wall } = judging
  const verdict = verifyRRset(set, keys, validation.rules, wall, task.budget)
  if (task.trace !== null) {
    const what = (): string => setText(set)
    if (verdict.kind === 'valid') tell(judging, keys.zone, what, 'secure', signedBy(verdict))
    else tell(judging, keys.zone, what, 'bogus', verdict.text)
  }
  return verdict
}

/**
 * Keeps what a validated DS set says of its zone: that alone decides whether the zone is signed in a way that is known
 * here (RFC 4035 section 5.2, RFC 6840 section 5.2). Its keys are not even asked for when it is not, so that their lack
 * cannot matter.
 */
export function keepDs(judging: Judging, name: Name, ds: RRset, ttl: number): ParentSays {
  const note = insecureBy({ ds: ds.rdatas, keys: [] }, judging.validation.rules)
  return keepParent(judging, name, note === null ? { kind: 'ds', ds: ds.rdatas } : insecure(note), ttl)
}

/** Keeps what is proven of a name for `ttl` seconds. */
export function keepParent(judging: Judging, name: Name, says: ParentSays, ttl: number): ParentSays {
  const { env, now } = judging
  const bounded = boundedTtl(Number.isFinite(ttl) ? ttl : 0, env.limits.cache)
  env.caches.zoneStates.putParent(name, says, bounded, now)
  if (says.kind === 'insecure')
    tell(
      judging,
      name,
      () => `the delegation of ${formatName(name)}`,
      'insecure',
      says.note?.text ?? 'proven to have no DS',
    )
  return says
}

/**
 * Time to `pause`? Others get the event loop now and then: no stretch of verifications is longer than
 * `verificationsPerStretch`.
 */
export function isOutOfBreath({ task, validation }: Judging): boolean {
  const { verifications } = task.budget
  return verifications > 0 && verifications % validation.rules.limits.verificationsPerStretch === 0
}

/** `what` is put in words only when somebody listens. */
export function tell(
  { task }: Judging,
  zone: Name,
  what: () => string,
  verdict: 'secure' | 'insecure' | 'bogus' | 'indeterminate',
  text: string,
): void {
  task.trace?.({ kind: 'validated', id: task.id, depth: task.depth, zone, what: what(), verdict, text })
}

export const setText = (set: RRset): string => `${formatName(set.name)} ${typeName(set.type)}`

const signedBy = ({
  keyTag,
  algorithm,
  expires,
}: {
  readonly keyTag: number
  readonly algorithm: number
  readonly expires: number
}): string => `key ${keyTag}, ${algorithmName(algorithm)}, until ${formatTime(expires)}`

/** A look-up that failed, as the end of a chain. */
function refusalOf(outcome: Extract<Outcome, { kind: 'failure' }>, text: string): Refusal {
  if (isRelative(outcome)) return { kind: 'limit', text: `${text}: ${outcome.text}`, why: outcome.why }
  return bogus(outcome.ede, outcome.why === 'bogus' ? outcome.text : `${text}: ${outcome.text}`)
}
