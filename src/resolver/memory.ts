/**
 * What is known about a question without asking anyone: local zones first (they win over everything cached), then cached
 * data, denials, and DNAMEs above the name. And the way back: what of a verdict is remembered.
 */
import type { Question } from '../dns/message.ts'
import { foldName, isWithin, parentOf, ROOT, type Name } from '../dns/name.ts'
import { readSoa, targetOf } from '../dns/rdata.ts'
import { withTtl, type RRset } from '../dns/rrset.ts'
import { RrType } from '../dns/types.ts'
import type { DelegatedServer } from '../cache/delegations.ts'
import { boundedTtl, negativeTtl } from '../cache/ttl.ts'
import { remainingDenial } from '../cache/negative-cache.ts'
import { remaining } from '../cache/rrset-cache.ts'
import { Trust } from '../cache/trust.ts'
import type { CacheLimits } from '../limits.ts'
import type { Outcome, Security } from '../steps.ts'
import type { Zone } from '../zone/zone.ts'
import type { UsableVerdict } from './ask-server.ts'
import { noteCache, zoneCut, type Env, type Task, type ZoneCut } from './env.ts'
import { failure, indeterminate } from './outcome.ts'
import { throughCname, throughDname } from './scrub.ts'
import { addressesIn } from './server-addresses.ts'

export type Recalled =
  | { readonly kind: 'done'; readonly outcome: Outcome }
  | { readonly kind: 'alias'; readonly rrsets: readonly RRset[]; readonly target: Name; readonly authoritative: boolean }
  /** A local zone delegates the name: the walk goes on from there. */
  | { readonly kind: 'cut'; readonly cut: ZoneCut }
  | { readonly kind: 'unknown' }

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
  if (answer.kind !== 'not-here') task.trace?.({ kind: 'local', id: task.id, depth: task.depth, zone: zone.origin, what: answer.kind })
  const { rrsets } = answer
  switch (answer.kind) {
    case 'answer':
      return done({ kind: 'answer', rrsets, proof: [], security: indeterminate, authoritative: true, additional: answer.additional })
    case 'alias':
      return { kind: 'alias', rrsets, target: answer.target, authoritative: true }
    case 'nodata':
    case 'nxdomain':
      return done({ kind: answer.kind, rrsets, soa: answer.soa, proof: [], security: indeterminate, authoritative: true })
    case 'referral': {
      const [target] = rrsets.at(-1)?.rdatas ?? []
      const name = target === undefined ? null : targetOf(target)
      if (name !== null) return { kind: 'alias', rrsets, target: foldName(name), authoritative: true }
      const servers = serversOf(answer.ns, answer.glue)
      return { kind: 'cut', cut: zoneCut({ zone: answer.cut, servers, ds: answer.ds, expiresAt: Number.POSITIVE_INFINITY }, 'local zone') }
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

/** Denials and DNAMEs count only from names within `top`. */
function fromCache(env: Env, task: Task, question: Question, top: Name): Recalled {
  const now = env.clock.now()
  const { rrsets, negatives } = env.caches
  const { name, type, class: klass } = question
  const entry = rrsets.get(name, type, klass, now)
  if (entry !== undefined) {
    const rrset = remaining(entry, now)
    noteCache(task, 'data', name, type, rrset.ttl)
    return done({ kind: 'answer', rrsets: [rrset], proof: [], security: entry.security, authoritative: false, additional: [] })
  }
  const cname = type === RrType.CNAME ? undefined : rrsets.get(name, RrType.CNAME, klass, now)
  if (cname !== undefined) {
    const step = throughCname(remaining(cname, now))
    if (typeof step !== 'string') {
      noteCache(task, 'alias', name, RrType.CNAME, remaining(cname, now).ttl)
      return { kind: 'alias', rrsets: step.sets, target: step.target, authoritative: false }
    }
  }
  const denial = negatives.find(question, now)
  if (denial !== undefined && isWithin(denial.name, top)) {
    const { soa, proof } = remainingDenial(denial, now)
    noteCache(task, denial.kind, denial.name, type, soa.ttl)
    return done({ kind: denial.kind, rrsets: [], soa, proof, security: denial.security, authoritative: false })
  }
  return throughCachedDname(env, task, question, top, now)
}

function throughCachedDname(env: Env, task: Task, question: Question, top: Name, now: number): Recalled {
  for (let above = question.name; above !== top; ) {
    above = parentOf(above)
    const dname = env.caches.rrsets.get(above, RrType.DNAME, question.class, now)
    if (dname === undefined) continue
    const step = throughDname(question.name, remaining(dname, now))
    if (step === 'name-too-long') return done(failure('name-too-long', 'the name after DNAME substitution is longer than 255 octets', [remaining(dname, now)]))
    if (typeof step === 'string') continue
    noteCache(task, 'alias', above, RrType.DNAME, remaining(dname, now).ttl)
    // The CNAME that was asked for is the one that the DNAME makes; its target is not the question.
    if (question.type === RrType.CNAME) return done({ kind: 'answer', rrsets: step.sets, proof: [], security: dname.security, authoritative: false, additional: [] })
    return { kind: 'alias', rrsets: step.sets, target: step.target, authoritative: false }
  }
  return unknown
}

/**
 * Keeps what a verdict from the servers of `cut` teaches. Only the question's own chain and denial are kept as data
 * (never authority or additional records); a referral goes to the delegation store and dies with its parent's
 * delegation (ghost domains 2012, Phoenix 2023).
 */
export function remember(env: Env, cut: ZoneCut, question: Question, verdict: UsableVerdict): void {
  const now = env.clock.now()
  const { rrsets, negatives, delegations } = env.caches
  const keep = (sets: readonly RRset[], authoritative: boolean): void => {
    const trust = authoritative ? Trust.AuthoritativeAnswer : Trust.NonAuthoritativeAnswer
    for (const set of sets) if (!isSynthesised(set, sets)) rrsets.put(set, trust, indeterminate, now)
  }
  switch (verdict.kind) {
    case 'answer':
      keep([...verdict.chain.aliases, verdict.rrset], verdict.authoritative)
      return
    case 'alias':
      keep(verdict.chain.aliases, verdict.authoritative)
      return
    case 'nodata':
    case 'nxdomain':
      keep(verdict.chain.aliases, verdict.authoritative)
      // RFC 2308 section 5: a denial without SOA has no TTL and is not cached.
      if (verdict.soa === null) return
      if (verdict.kind === 'nodata') negatives.putNodata({ ...question, name: verdict.name }, verdict.soa, verdict.proof, indeterminate, now)
      else negatives.putNxdomain(verdict.name, question.class, verdict.soa, verdict.proof, indeterminate, now)
      return
    case 'referral': {
      const { zone, servers, ds, ttl } = verdict.referral
      delegations.put({ zone, servers, ds, expiresAt: now + boundedTtl(ttl, env.limits.cache) * 1_000 }, cut.expiresAt, now)
      return
    }
    case 'alias-trouble':
      return
    default:
      verdict satisfies never
  }
}

/** Was this CNAME made by us from a DNAME of the same chain? The DNAME is what is cached. */
const isSynthesised = (set: RRset, chain: readonly RRset[]): boolean =>
  set.type === RrType.CNAME && set.signatures.length === 0 && chain[chain.indexOf(set) - 1]?.type === RrType.DNAME

/** What the client is told of a verdict, with the TTLs that the cache would give. */
export function outcomeOf(env: Env, verdict: Extract<UsableVerdict, { kind: 'answer' | 'nodata' | 'nxdomain' }>): Outcome {
  const { cache } = env.limits
  const clamp = (set: RRset): RRset => withTtl(set, boundedTtl(set.ttl, cache))
  const security: Security = indeterminate
  const aliases = verdict.chain.aliases.map(clamp)
  if (verdict.kind === 'answer') {
    return { kind: 'answer', rrsets: [...aliases, clamp(verdict.rrset)], proof: [], security, authoritative: false, additional: [] }
  }
  return { kind: verdict.kind, rrsets: aliases, soa: verdict.soa === null ? null : denialSoa(verdict.soa, cache), proof: verdict.proof, security, authoritative: false }
}

/** RFC 2308 section 3: the SOA goes out with the TTL of the denial. */
function denialSoa(soa: RRset, limits: CacheLimits): RRset {
  const [rdata] = soa.rdatas
  const minimum = rdata === undefined ? null : readSoa(rdata)?.minimum
  return withTtl(soa, negativeTtl(soa.ttl, minimum ?? 0, limits))
}
