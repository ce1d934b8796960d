/**
 * What is known about a question without asking anyone: local zones first (they win over everything cached), then
 * cached data, denials, and DNAMEs above the name. How it gets into the caches is the business of `remember.ts`.
 */
import type { DelegatedServer } from '../cache/delegations.ts'
import { remainingDenial, type NegativeEntry } from '../cache/negative-cache.ts'
import { remaining, remainingProof, type CachedRRset } from '../cache/rrset-cache.ts'
import { Trust } from '../cache/trust.ts'
import type { Question } from '../dns/message.ts'
import { foldName, isStrictlyWithin, isWithin, parentOf, ROOT, type Name } from '../dns/name.ts'
import { targetOf } from '../dns/rdata.ts'
import type { RRset } from '../dns/rrset.ts'
import { livesBesideCname, RrType } from '../dns/types.ts'
import { formatName } from '../presentation/text.ts'
import type { Outcome, Security } from '../steps.ts'
import type { Unavailable, Zone } from '../zone/zone.ts'
import { overrides, type ForwardZone } from '../zone/forward-zones.ts'
import { forwardZonesFor, noteCache, zoneCut, type Env, type Task, type ZoneCut } from './env.ts'
import { failure, indeterminate, secure } from './outcome.ts'
import { throughCname, throughDname, type Chain } from './scrub.ts'
import { addressesIn } from './asking/server-addresses.ts'
import type { FinalVerdict } from './validation/judged.ts'

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
  | { readonly kind: 'unvalidated'; readonly verdict: FinalVerdict }
  /** A local zone delegates the name: the walk goes on from there. */
  | { readonly kind: 'cut'; readonly cut: ZoneCut }
  | { readonly kind: 'unknown' }

const unknown: Recalled = Object.freeze({ kind: 'unknown' })

export function recall(env: Env, task: Task, question: Question): Recalled {
  const configured = forwardZonesFor(env, task).of(question)
  const local = fromLocalZones(env, task, question, configured)
  // What is cached from above a configured zone must not shadow it (CVE-2026-44687).
  if (local.kind === 'unknown') return fromCache(env, task, question, configured?.zone ?? ROOT)
  if (local.kind !== 'cut') return local
  // What the delegated servers said before is in the cache; what is cached from above the cut must not shadow it.
  const cached = fromCache(env, task, question, local.cut.zone)
  return cached.kind === 'unknown' ? local : cached
}

/** Local zones answer before anybody is asked; of the built-in ones those that no configured zone takes over. */
function fromLocalZones(env: Env, task: Task, question: Question, configured: ForwardZone | undefined): Recalled {
  const zones = env.localZones()
  const zone = zones.find(question)
  if (zone === undefined || (zones.isBuiltIn(zone) && overrides(configured, zone.origin))) return unknown
  return fromZone(task, zone, question)
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
    case 'unavailable':
      return done(failure(answer.why, unavailableText(answer.why, zone.origin), rrsets))
    case 'not-here':
      return unknown
    default:
      return answer satisfies never
  }
}

const unavailableText = (why: Unavailable, zone: Name): string =>
  why === 'zone-expired'
    ? `the secondary zone ${formatName(zone)} has expired: no primary has confirmed it`
    : `the secondary zone ${formatName(zone)} has not been transferred yet`

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
    if (isUnvalidated(task, entry.security))
      return unvalidated({ kind: 'answer', chain: chainOf(name, [], rrset), rrset, ...fieldsOf(entry, now) })
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
    noteCache(task, kind, denial.name, type, soa?.ttl ?? 0)
    if (!isUnvalidated(task, security)) return done({ kind, rrsets: [], soa, proof, security, authoritative: false })
    return unvalidated({
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
  return aliased.kind === 'unknown' ? fromDenials(env, task, question, top, now) : aliased
}

/**
 * Is the zone that denied in charge of the name? It was asked, or denied a name next to an alias, when no cut below it
 * was known. Where there is one now the servers of the child are asked (RFC 2181 section 6.1). What is proven is the
 * zone's to prove.
 */
export function speaksFor(env: Env, { security, soa }: NegativeEntry, { name, type }: Question, now: number): boolean {
  return security.kind === 'secure' || soa === null || !isStrictlyWithin(deepestCut(env, name, type, now), soa.name)
}

/** RFC 4035 section 2.4: a DS set is data of the zone above. */
const ownerOf = (name: Name, type: number): Name => (type === RrType.DS && name !== ROOT ? parentOf(name) : name)

const deepestCut = (env: Env, name: Name, type: number, now: number): Name =>
  env.caches.delegations.closest(ownerOf(name, type), now)?.zone ?? ROOT

/** The deepest zone known at or above a name, delegated or named by the operator; the root if there is none. */
export function deepestZone(env: Env, name: Name, type: number, now: number): Name {
  const cut = deepestCut(env, name, type, now)
  const configured = env.forwardZones().closest(ownerOf(name, type))?.zone ?? ROOT
  return isStrictlyWithin(configured, cut) ? configured : cut
}

/**
 * RFC 8198: what a validated denial of another name says of this one as well, and what a validated wildcard then
 * answers. Only zones within `top` have a say.
 */
function fromDenials(env: Env, task: Task, question: Question, top: Name, now: number): Recalled {
  if (!task.checking || task.fresh || !env.validation().aggressive) return unknown
  const denied = env.caches.denials.find(question, now)
  if (denied === undefined) return unknown
  if (!isWithin(denied.kind === 'wildcard' ? denied.wildcard : denied.soa.name, top)) return unknown
  const { name, type, class: klass } = question
  if (denied.kind !== 'wildcard') {
    noteCache(task, `synthesised-${denied.kind}`, name, type, denied.soa.ttl)
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
    noteCache(task, 'synthesised-data', denied.wildcard, kind, rrset.ttl)
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
 * it fetched again.
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

const isUnvalidated = (task: Task, security: Security): boolean => task.checking && security.kind === 'indeterminate'

const unvalidated = (verdict: FinalVerdict): Recalled => ({ kind: 'unvalidated', verdict })

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
  error: null,
  steps: aliases.length === 0 ? 0 : 1,
})

function alias(task: Task, sets: readonly RRset[], target: Name, entry: CachedRRset, now: number): Recalled {
  if (isUnvalidated(task, entry.security))
    return unvalidated({ kind: 'alias', chain: chainOf(target, sets, null), target, ...fieldsOf(entry, now) })
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
      const chain: Chain = { ...chainOf(question.name, [rrset], null), error: 'name-too-long' }
      if (isUnvalidated(task, dname.security))
        return unvalidated({ kind: 'alias-trouble', chain, error: 'name-too-long', ...fieldsOf(dname, now) })
      return done(failure('name-too-long', 'the name after DNAME substitution is longer than 255 octets', [rrset]))
    }
    if (typeof step === 'string') continue
    noteCache(task, 'alias', above, RrType.DNAME, rrset.ttl)
    if (question.type !== RrType.CNAME) return alias(task, step.sets, step.target, dname, now)
    // The CNAME that was asked for is the one that the DNAME makes; its target is not the question.
    const cname = step.sets.at(-1) ?? rrset
    if (isUnvalidated(task, dname.security))
      return unvalidated({
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
