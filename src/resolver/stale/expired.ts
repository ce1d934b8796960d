/**
 * What the caches say of a question when data counts whose TTL is over (RFC 8767 section 4): local zones and what lives
 * come first as always, then the newest that has expired. Pure but for the clocks of the caches. When it is asked is
 * the business of `stale-answers.ts`.
 *
 * Invariants: nothing outlives the delegation it was found through, nor `staleMs`; nothing bogus, and for a task that
 * checks nothing that was not validated or whose signatures have expired; an expired denial or wildcard answers for
 * the very name it was given for, and no denial of other names is made of expired NSEC records.
 */
import type { ExpiredDenial } from '../../cache/negative-cache.ts'
import type { ExpiredRRset } from '../../cache/rrset-cache.ts'
import { mayAnswer } from '../../cache/trust.ts'
import type { Question } from '../../dns/message.ts'
import { isWithin, parentOf, ROOT, type Name } from '../../dns/name.ts'
import { withTtl, type RRset } from '../../dns/rrset.ts'
import { livesBesideCname, RrType } from '../../dns/types.ts'
import { signaturesEndIn } from '../../dnssec/set-facts.ts'
import type { Outcome, Security } from '../../steps.ts'
import { forwardZonesFor, noteCache, type Env, type Task } from '../env.ts'
import { recall, speaksFor } from '../recall.ts'
import { throughCname, throughDname } from '../scrub.ts'
import { extend, finish, newTrail } from '../trail.ts'

/** `expiredS`: seconds since the TTL of the oldest part was over, null when all of it lives. */
export interface Remembered {
  readonly outcome: Exclude<Outcome, { kind: 'failure' }>
  readonly expiredS: number | null
}

/** An expired set or denial of one name, usable now. */
type Found =
  | { readonly kind: 'data' | 'cname'; readonly entry: ExpiredRRset; readonly ttl: number }
  | { readonly kind: 'dname'; readonly entry: ExpiredRRset; readonly ttl: number }
  | { readonly kind: 'denial'; readonly entry: ExpiredDenial; readonly ttl: number }

/** The whole answer to the question of a task; null when a part of it is not there. */
export function rememberedAnswer(env: Env, task: Task): Remembered | null {
  const now = env.clock.now()
  const trail = newTrail()
  const asked = new Set<Name>()
  let expiredS: number | null = null
  let { question } = task
  for (;;) {
    const known = recall(env, task, question)
    if (known.kind === 'done') return remembered(finish(trail, known.outcome), expiredS)
    let step: Extract<Follow, { kind: 'alias' }>
    if (known.kind === 'alias') {
      step = known
      trail.authoritative ??= known.authoritative
    } else {
      if (known.kind === 'unvalidated' || isBogus(env, task, question, now)) return null
      const found = newest(env, task, question, now)
      if (found === null) return null
      trail.authoritative ??= false
      expiredS = Math.max(expiredS ?? 0, Math.floor((now - found.entry.expiresAt) / 1000))
      const followed = follow(task, question, found)
      if (followed === null) return null
      if (followed.kind === 'end') return remembered(finish(trail, followed.outcome), expiredS)
      step = followed
    }
    extend(trail, step.rrsets, step.proof, step.security)
    asked.add(question.name)
    if (asked.has(step.target) || asked.size > env.limits.budget.aliases) return null
    question = { ...question, name: step.target }
  }
}

/** What did not validate a moment ago is not given from before: somebody may be at work on it. */
const isBogus = (env: Env, task: Task, question: Question, now: number): boolean =>
  task.checking && env.caches.failures.find(question, now)?.why === 'bogus'

const remembered = (outcome: Outcome, expiredS: number | null): Remembered | null =>
  outcome.kind === 'failure' ? null : { outcome, expiredS }

type Follow =
  | { readonly kind: 'end'; readonly outcome: Outcome }
  | {
      readonly kind: 'alias'
      readonly rrsets: readonly RRset[]
      readonly proof: readonly RRset[]
      readonly security: Security
      readonly target: Name
    }

function follow(task: Task, question: Question, found: Found): Follow | null {
  const { ttl, entry } = found
  const { security } = entry
  const proof = entry.proof.map(set => withTtl(set, ttl))
  if (found.kind === 'denial') {
    const { kind, soa, name } = found.entry
    noteCache(task, `expired-${kind}`, name, question.type, ttl)
    const outcome: Outcome = {
      kind,
      rrsets: [],
      soa: soa === null ? null : withTtl(soa, ttl),
      proof,
      security,
      authoritative: false,
    }
    return { kind: 'end', outcome }
  }
  const rrset = withTtl(found.entry.rrset, ttl)
  noteCache(task, found.kind === 'data' ? 'expired-data' : 'expired-alias', rrset.name, rrset.type, ttl)
  const end = (rrsets: readonly RRset[]): Follow => ({
    kind: 'end',
    outcome: { kind: 'answer', rrsets, proof, security, authoritative: false, additional: [] },
  })
  if (found.kind === 'data') return end([rrset])
  const step = found.kind === 'cname' ? throughCname(rrset) : throughDname(question.name, rrset)
  if (typeof step === 'string') return null
  if (found.kind === 'dname' && question.type === RrType.CNAME) return end(step.sets)
  return { kind: 'alias', rrsets: step.sets, proof, security, target: step.target }
}

/**
 * The newest expired statement on a name: data and a denial of it may both be there, when the one took the place of the
 * other. A DNAME above the name only where there is nothing at it.
 */
function newest(env: Env, task: Task, question: Question, now: number): Found | null {
  const { name, type, class: klass } = question
  const top = forwardZonesFor(env, task).of(question)?.zone ?? ROOT
  const found: Found[] = []
  const addSet = (kind: 'data' | 'cname' | 'dname', owner: Name, of: number): void => {
    const entry = env.caches.rrsets.expired(owner, of, klass, now)
    if (entry === undefined || !mayAnswer(entry.trust)) return
    const ttl = ttlNow(env, task, entry.security, [entry.rrset, ...entry.proof], entry.leaseEndsAt, now)
    if (ttl > 0) found.push({ kind, entry, ttl })
  }
  addSet('data', name, type)
  if (!livesBesideCname(type)) addSet('cname', name, RrType.CNAME)
  const denial = env.caches.negatives.expired(question, now)
  if (denial !== undefined && isWithin(denial.name, top) && speaksFor(env, denial, question, now)) {
    const sets = denial.soa === null ? denial.proof : [denial.soa, ...denial.proof]
    const ttl = ttlNow(env, task, denial.security, sets, denial.leaseEndsAt, now)
    if (ttl > 0) found.push({ kind: 'denial', entry: denial, ttl })
  }
  for (let above = name; found.length === 0 && above !== top && above !== ROOT; ) {
    above = parentOf(above)
    addSet('dname', above, RrType.DNAME)
  }
  return found.reduce<Found | null>(
    (best, one) => (best === null || one.entry.storedAt > best.entry.storedAt ? one : best),
    null,
  )
}

/**
 * Seconds that it may be kept by clients: at most `answerTtl`, its own TTL, and what is left of its delegation and,
 * where it is said to be secure, of its signatures. 0: it must not be given.
 */
function ttlNow(
  env: Env,
  task: Task,
  security: Security,
  sets: readonly RRset[],
  leaseEndsAt: number,
  now: number,
): number {
  if (security.kind === 'bogus' || (task.checking && security.kind === 'indeterminate')) return 0
  let ttl = Math.min(env.limits.stale.answerTtl, Math.floor((leaseEndsAt - now) / 1000))
  const wall = env.clock.wall()
  for (const set of sets) {
    ttl = Math.min(ttl, set.ttl)
    if (security.kind === 'secure') ttl = Math.min(ttl, signaturesEndIn(set, wall))
  }
  return Math.max(0, ttl)
}
