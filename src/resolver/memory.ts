/**
 * What is known about a question without asking anyone: local zones first (they win over everything cached), then
 * cached data, denials, and DNAMEs above the name. And the way back: what of a verdict is remembered.
 */
import type { Question } from '../dns/message.ts'
import { foldName, isStrictlyWithin, isWithin, parentOf, ROOT, type Name } from '../dns/name.ts'
import { readSoa, targetOf } from '../dns/rdata.ts'
import { withTtl, type RRset } from '../dns/rrset.ts'
import { livesBesideCname, RrType } from '../dns/types.ts'
import type { DelegatedServer } from '../cache/delegations.ts'
import { boundedTtl, negativeTtl } from '../cache/ttl.ts'
import { remainingDenial, type NegativeEntry } from '../cache/negative-cache.ts'
import { remaining, remainingProof, type CachedRRset } from '../cache/rrset-cache.ts'
import { Trust } from '../cache/trust.ts'
import type { CacheLimits } from '../limits.ts'
import type { Outcome, Security } from '../steps.ts'
import type { Zone } from '../zone/zone.ts'
import type { UsableVerdict } from './ask-server.ts'
import { noteCache, zoneCut, type Env, type Task, type ZoneCut } from './env.ts'
import { signersOf } from './validation/chain.ts'
import type { FinalVerdict } from './hints.ts'
import { failure, indeterminate, secure } from './outcome.ts'
import { throughCname, throughDname, type Chain } from './scrub.ts'
import { addressesIn } from './server-addresses.ts'
import { isExpanded, isSynthesised, weaker, type Judged } from './validation/judge.ts'

export type Recalled =
  | { readonly kind: 'done'; readonly outcome: Outcome }
  | {
      readonly kind: 'alias'
      readonly rrsets: readonly RRset[]
      readonly target: Name
      readonly authoritative: boolean
      readonly security: Security
      readonly proof: readonly RRset[]
    }
  /** Cached, and not validated yet. */
  | { readonly kind: 'unjudged'; readonly verdict: FinalVerdict }
  /** A local zone delegates the name: the walk goes on from there. */
  | { readonly kind: 'cut'; readonly cut: ZoneCut }
  | { readonly kind: 'unknown' }

const NO_SETS: readonly RRset[] = Object.freeze([])
const unknown: Recalled = Object.freeze({ kind: 'unknown' })

export function recall(env: Env, task: Task, question: Question): Recalled {
  const zone = env.localZones().find(question)
  const local = zone === undefined ? unknown : fromZone(task, zone, question)
  if (local.kind === 'unknown') return fromCache(env, task, question, ROOT)
  if (local.kind !== 'cut') return local
  // What the delegated servers said before is in the cache; what is cached from above the cut must not shadow it.
  const cached = fromCache(env, task, question, local.cut.zone)
  return cached.kind === 'unknown' ? local : cached
}

function fromZone(task: Task, zone: Zone, question: Question): Recalled {
  const answer = zone.answer(question)
  if (answer.kind !== 'not-here')
    task.trace?.({ kind: 'local', id: task.id, depth: task.depth, zone: zone.origin, what: answer.kind })
  const { rrsets } = answer
  switch (answer.kind) {
    case 'answer':
      return done({
        kind: 'answer',
        rrsets,
        proof: [],
        security: indeterminate,
        authoritative: true,
        additional: answer.additional,
      })
    case 'alias':
      return ourAlias(rrsets, answer.target)
    case 'nodata':
    case 'nxdomain':
      return done({
        kind: answer.kind,
        rrsets,
        soa: answer.soa,
        proof: [],
        security: indeterminate,
        authoritative: true,
      })
    case 'referral': {
      const [target] = rrsets.at(-1)?.rdatas ?? []
      const name = target === undefined ? null : targetOf(target)
      if (name !== null) return ourAlias(rrsets, foldName(name))
      const servers = serversOf(answer.ns, answer.glue)
      return {
        kind: 'cut',
        cut: zoneCut({ zone: answer.cut, servers, ds: answer.ds, expiresAt: Number.POSITIVE_INFINITY }, 'local zone'),
      }
    }
    case 'name-too-long':
      return done(failure('name-too-long', 'the name after DNAME substitution is longer than 255 octets', rrsets))
    case 'not-here':
      return unknown
    default:
      return answer satisfies never
  }
}

function serversOf(ns: RRset, glue: readonly RRset[]): DelegatedServer[] {
  return ns.rdatas.flatMap(rdata => {
    const target = targetOf(rdata)
    if (target === null) return []
    const name = foldName(target)
    return { name, addresses: addressesIn(glue.filter(set => set.name === name)) }
  })
}

const done = (outcome: Outcome): Recalled => ({ kind: 'done', outcome })

const ourAlias = (rrsets: readonly RRset[], target: Name): Recalled => ({
  kind: 'alias',
  rrsets,
  target,
  authoritative: true,
  security: indeterminate,
  proof: [],
})

/**
 * Denials and DNAMEs count only from names within `top`. What is cached unvalidated is handed to the validator by a
 * task that checks.
 */
function fromCache(env: Env, task: Task, question: Question, top: Name): Recalled {
  const now = env.clock.now()
  const { name, type, class: klass } = question
  const entry = cached(env, task, name, type, klass, now)
  if (entry !== undefined) {
    const rrset = remaining(entry, now)
    noteCache(task, 'data', name, type, rrset.ttl)
    if (isUnjudged(task, entry.security))
      return unjudged({ kind: 'answer', chain: chainOf(name, [], rrset), rrset, ...fieldsOf(entry, now) })
    return done({
      kind: 'answer',
      rrsets: [rrset],
      proof: remainingProof(entry, now),
      security: entry.security,
      authoritative: false,
      additional: [],
    })
  }
  const cname = livesBesideCname(type) ? undefined : cached(env, task, name, RrType.CNAME, klass, now)
  if (cname !== undefined) {
    const rrset = remaining(cname, now)
    const step = throughCname(rrset)
    if (typeof step !== 'string') {
      noteCache(task, 'alias', name, RrType.CNAME, rrset.ttl)
      return alias(task, step.sets, step.target, cname, now)
    }
  }
  const denial = task.fresh ? undefined : env.caches.negatives.find(question, now)
  if (denial !== undefined && isWithin(denial.name, top) && speaksFor(env, denial, question, now)) {
    const { soa, proof } = remainingDenial(denial, now)
    const { kind, security } = denial
    noteCache(task, kind, denial.name, type, soa.ttl)
    if (!isUnjudged(task, security)) return done({ kind, rrsets: [], soa, proof, security, authoritative: false })
    return unjudged({
      kind,
      chain: chainOf(denial.name, [], null),
      name: denial.name,
      soa,
      proof,
      authoritative: true,
      lastResort: false,
    })
  }
  const aliased = throughCachedDname(env, task, question, top, now)
  return aliased.kind === 'unknown' && top === ROOT ? fromDenials(env, task, question, now) : aliased
}

/**
 * Is the zone that denied in charge of the name? It was asked, or denied a name beside an alias, when no cut below it
 * was known. Where there is one now the servers of the child are asked (RFC 2181 section 6.1). What is proven is the
 * zone's to prove.
 */
function speaksFor(env: Env, { security, soa }: NegativeEntry, { name, type }: Question, now: number): boolean {
  return security.kind === 'secure' || !isStrictlyWithin(deepestZone(env, name, type, now), soa.name)
}

/**
 * The deepest zone known at or above a name, the root if there is none. A DS set is data of the zone above (RFC 4035
 * section 2.4).
 */
export function deepestZone(env: Env, name: Name, type: number, now: number): Name {
  return env.caches.delegations.closest(type === RrType.DS && name !== ROOT ? parentOf(name) : name, now)?.zone ?? ROOT
}

/**
 * RFC 8198: what a validated denial of another name says of this one as well, and what a validated wildcard then
 * answers.
 */
function fromDenials(env: Env, task: Task, question: Question, now: number): Recalled {
  if (!task.checking || task.fresh || !env.validation().aggressive) return unknown
  const denied = env.caches.denials.find(question, now)
  if (denied === undefined) return unknown
  const { name, type, class: klass } = question
  if (denied.kind !== 'wildcard') {
    noteCache(task, `${denied.kind} by a denial of another name`, name, type, denied.soa.ttl)
    return done({
      kind: denied.kind,
      rrsets: [],
      soa: denied.soa,
      proof: denied.proof,
      security: secure,
      authoritative: false,
    })
  }
  for (const kind of livesBesideCname(type) ? [type] : [type, RrType.CNAME]) {
    const entry = env.caches.rrsets.get(denied.wildcard, kind, klass, now)
    if (entry === undefined || entry.security.kind !== 'secure') continue
    const left = remaining(entry, now)
    const rrset: RRset = {
      ...left,
      owner: name,
      name,
      ttl: denied.proof.reduce((ttl, set) => Math.min(ttl, set.ttl), left.ttl),
    }
    noteCache(task, 'data of the wildcard', denied.wildcard, kind, rrset.ttl)
    if (kind === type)
      return done({
        kind: 'answer',
        rrsets: [rrset],
        proof: denied.proof,
        security: secure,
        authoritative: false,
        additional: [],
      })
    const step = throughCname(rrset)
    if (typeof step !== 'string')
      return {
        kind: 'alias',
        rrsets: step.sets,
        target: step.target,
        authoritative: false,
        security: secure,
        proof: denied.proof,
      }
  }
  return unknown
}

/**
 * What is cached of a set; nothing that is about to end, nor the very data that is to be fetched, for a task that wants
 * it anew.
 */
function cached(env: Env, task: Task, name: Name, type: number, klass: number, now: number): CachedRRset | undefined {
  const entry = env.caches.rrsets.get(name, type, klass, now)
  if (entry === undefined || !task.fresh) return entry
  const endsSoon = entry.expiresAt - now < (entry.expiresAt - entry.storedAt) * ENDS_SOON
  return endsSoon || name === task.question.name ? undefined : entry
}

/**
 * Prefetching starts in the last tenth of a TTL; whatever of an alias chain ends in the last fifth is fetched with it.
 */
const ENDS_SOON = 0.2

const isUnjudged = (task: Task, security: Security): boolean => task.checking && security.kind === 'indeterminate'

const unjudged = (verdict: FinalVerdict): Recalled => ({ kind: 'unjudged', verdict })

const fieldsOf = (
  entry: CachedRRset,
  now: number,
): { authoritative: boolean; lastResort: boolean; proof: readonly RRset[] } => ({
  authoritative: entry.trust >= Trust.AuthoritativeAnswer,
  lastResort: false,
  proof: remainingProof(entry, now),
})

const chainOf = (name: Name, aliases: readonly RRset[], final: RRset | null): Chain => ({
  aliases,
  name,
  final,
  trouble: null,
  steps: aliases.length === 0 ? 0 : 1,
})

function alias(task: Task, sets: readonly RRset[], target: Name, entry: CachedRRset, now: number): Recalled {
  if (isUnjudged(task, entry.security))
    return unjudged({ kind: 'alias', chain: chainOf(target, sets, null), target, ...fieldsOf(entry, now) })
  return {
    kind: 'alias',
    rrsets: sets,
    target,
    authoritative: false,
    security: entry.security,
    proof: remainingProof(entry, now),
  }
}

function throughCachedDname(env: Env, task: Task, question: Question, top: Name, now: number): Recalled {
  for (let above = question.name; above !== top; ) {
    above = parentOf(above)
    const dname = cached(env, task, above, RrType.DNAME, question.class, now)
    if (dname === undefined) continue
    const rrset = remaining(dname, now)
    const step = throughDname(question.name, rrset)
    if (step === 'name-too-long') {
      const chain: Chain = { ...chainOf(question.name, [rrset], null), trouble: 'name-too-long' }
      if (isUnjudged(task, dname.security)) return unjudged({ kind: 'alias-trouble', chain, trouble: 'name-too-long' })
      return done(failure('name-too-long', 'the name after DNAME substitution is longer than 255 octets', [rrset]))
    }
    if (typeof step === 'string') continue
    noteCache(task, 'alias', above, RrType.DNAME, rrset.ttl)
    if (question.type !== RrType.CNAME) return alias(task, step.sets, step.target, dname, now)
    // The CNAME that was asked for is the one that the DNAME makes; its target is not the question.
    const cname = step.sets.at(-1) ?? rrset
    if (isUnjudged(task, dname.security))
      return unjudged({
        kind: 'answer',
        chain: chainOf(question.name, [rrset], cname),
        rrset: cname,
        ...fieldsOf(dname, now),
      })
    return done({
      kind: 'answer',
      rrsets: step.sets,
      proof: [],
      security: dname.security,
      authoritative: false,
      additional: [],
    })
  }
  return unknown
}

/** What was said of each part of a verdict: the sets of its alias chain, in order, and what it ends in. */
export type Securities = Pick<Judged, 'aliases' | 'end' | 'denials' | 'wildcards'>

/**
 * Keeps what a verdict from the servers of `cut` teaches. Only the question's own chain and denial are kept as data
 * (never authority or additional records); a referral goes to the delegation store and dies with its parent's
 * delegation (ghost domains 2012, Phoenix 2023). Without `judged` nobody has validated it.
 */
export function remember(
  env: Env,
  cut: ZoneCut,
  question: Question,
  verdict: UsableVerdict,
  judged: Securities = unvalidated,
): void {
  const now = env.clock.now()
  const { rrsets, negatives, delegations } = env.caches
  const keep = (sets: readonly RRset[], authoritative: boolean, proof: readonly RRset[]): void => {
    const trust = authoritative ? Trust.AuthoritativeAnswer : Trust.NonAuthoritativeAnswer
    sets.forEach((set, index) => {
      if (isSynthesised(set, sets)) return
      const security =
        judged.aliases[index] ?? (verdict.kind === 'answer' && set === verdict.rrset ? judged.end : indeterminate)
      if (!isExpanded(set)) {
        rrsets.put(set, trust, security, now)
        return
      }
      rrsets.put(set, trust, security, now, security.kind === 'secure' ? judged.denials : proof)
    })
    if (judged.wildcards.length === 0) return
    for (const wildcard of judged.wildcards) rrsets.putWildcard(wildcard, trust, now)
    keepDenials(env, judged.denials, null, now)
  }
  switch (verdict.kind) {
    case 'answer':
      // Nearly all answers are one set that no wildcard made.
      if (verdict.chain.aliases.length === 0 && !isExpanded(verdict.rrset)) {
        rrsets.put(
          verdict.rrset,
          verdict.authoritative ? Trust.AuthoritativeAnswer : Trust.NonAuthoritativeAnswer,
          judged.end,
          now,
        )
        return
      }
      keep([...verdict.chain.aliases, verdict.rrset], verdict.authoritative, verdict.proof)
      return
    case 'alias':
      keep(verdict.chain.aliases, verdict.authoritative, verdict.proof)
      return
    case 'nodata':
    case 'nxdomain': {
      keep(verdict.chain.aliases, verdict.authoritative, verdict.proof)
      // RFC 2308 section 5: a denial without SOA has no TTL and is not cached.
      if (verdict.soa === null) return
      if (judged.end.kind === 'secure') keepDenials(env, judged.denials, verdict.soa, now)
      const proof = judged.end.kind === 'secure' ? judged.denials : verdict.proof
      if (verdict.kind === 'nodata')
        negatives.putNodata({ ...question, name: verdict.name }, verdict.soa, proof, judged.end, now)
      else negatives.putNxdomain(verdict.name, question.class, verdict.soa, proof, judged.end, now)
      return
    }
    case 'referral': {
      const { zone, servers, ds, ttl } = verdict.referral
      delegations.put(
        { zone, servers, ds, expiresAt: now + boundedTtl(ttl, env.limits.cache) * 1_000 },
        cut.expiresAt,
        now,
      )
      return
    }
    case 'alias-trouble':
      return
    default:
      verdict satisfies never
  }
}

/** `proof` are sets whose signatures were verified. */
function keepDenials(env: Env, proof: readonly RRset[], soa: RRset | null, now: number): void {
  const { denials } = env.caches
  for (const set of proof) {
    const [zone] = signersOf(set)
    if (zone === undefined) continue
    if (soa !== null && soa.name === zone) denials.putSoa(zone, soa, now)
    if (set.type === RrType.NSEC) denials.putNsec(zone, set, now)
    else if (set.type === RrType.NSEC3) denials.putNsec3(zone, set, now)
  }
}

export const unvalidated: Securities = Object.freeze({ aliases: [], end: indeterminate, denials: [], wildcards: [] })

/** Forgets cached data that turned out not to validate, so that its servers are asked again. */
export function forget(env: Env, question: Question, verdict: FinalVerdict): void {
  for (const set of verdict.chain.aliases) env.caches.rrsets.remove(set.name, set.type, set.class)
  if (verdict.kind === 'answer') env.caches.rrsets.remove(verdict.rrset.name, verdict.rrset.type, verdict.rrset.class)
  if (verdict.kind === 'nodata' || verdict.kind === 'nxdomain') env.caches.negatives.remove(question, verdict.name)
}

/** What the client is told of a verdict, with the TTLs that the cache would give. */
export function outcomeOf(
  env: Env,
  verdict: Extract<UsableVerdict, { kind: 'answer' | 'nodata' | 'nxdomain' }>,
  judged: Securities = unvalidated,
): Outcome {
  const { cache } = env.limits
  const clamp = (set: RRset): RRset => withTtl(set, boundedTtl(set.ttl, cache))
  if (verdict.kind === 'answer' && verdict.chain.aliases.length === 0) {
    return {
      kind: 'answer',
      rrsets: [clamp(verdict.rrset)],
      proof: verdict.proof,
      security: judged.end,
      authoritative: false,
      additional: NO_SETS,
    }
  }
  const aliases = verdict.chain.aliases.map(clamp)
  const security = judged.aliases.reduce(weaker, judged.end)
  const { proof } = verdict
  if (verdict.kind === 'answer')
    return {
      kind: 'answer',
      rrsets: [...aliases, clamp(verdict.rrset)],
      proof,
      security,
      authoritative: false,
      additional: [],
    }
  return {
    kind: verdict.kind,
    rrsets: aliases,
    soa: verdict.soa === null ? null : denialSoa(verdict.soa, cache),
    proof,
    security,
    authoritative: false,
  }
}

/** RFC 2308 section 3: the SOA goes out with the TTL of the denial. */
function denialSoa(soa: RRset, limits: CacheLimits): RRset {
  const [rdata] = soa.rdatas
  const minimum = rdata === undefined ? null : readSoa(rdata)?.minimum
  return withTtl(soa, negativeTtl(soa.ttl, minimum ?? 0, limits))
}
