/**
 * Other instances that share what they find out: asked where a client's question is not in the caches here, before its
 * servers are, and given what the servers said. All look-ups of one resolution together wait no longer than the port's
 * deadline; what other instances say is data like that of the caches, and its time is what was left of it there.
 *
 * Not shared: what is asked for the engine's own sake (addresses of servers, keys), failures, and what was not judged
 * although validation is on.
 */
import { packShared, takeShared } from '../cache/snapshot/shared-value.ts'
import type { Question } from '../dns/message.ts'
import type { SharedCache } from '../ports.ts'
import { shared, type Outcome, type Steps } from '../steps.ts'
import { note, type Env, type Task } from './env.ts'

/** What one resolution has to do with other instances. */
export interface Others {
  readonly cache: SharedCache
  /** The moment it began: removals (`SharedCache.removals`), and ms on the clock. */
  readonly begun: number
  readonly begunMs: number
  /** Did one of them have something, and was a server asked all the same? */
  isFound: boolean
  isAsked: boolean
}

/** Null: there are none, or what is asked is none of their business. */
export function othersFor({ shared: cache, clock }: Env, { because, outside }: Task): Others | null {
  if (cache === undefined || outside || (because !== 'client' && because !== 'prefetch')) return null
  return { cache, begun: cache.removals, begunMs: clock.now(), isFound: false, isAsked: false }
}

/** True: something of it is in the caches now. */
export function* askOthers(env: Env, task: Task, question: Question, others: Others): Steps<boolean> {
  const { cache } = others
  const { budget } = task
  const waitMs = cache.deadlineMs - budget.sharedMs
  // Prefetched is what is known already, and soon over.
  if (task.fresh || waitMs <= 0 || !cache.isUsable) return false
  const before = env.clock.now()
  const found = yield* shared(question, waitMs)
  const now = env.clock.now()
  const tookMs = now - before
  budget.sharedMs += tookMs
  note(task, { kind: 'shared', found: found.kind, tookMs })
  if (found.kind !== 'hit' || !takeShared(found.octets, env.caches, now, now - found.ageMs, found.isRemoved))
    return false
  others.isFound = true
  return true
}

/** What the servers of a question said, for those who ask next elsewhere. */
export function shareWith(env: Env, task: Task, question: Question, others: Others): void {
  const { cache, begun, begunMs } = others
  others.isAsked = true
  if (!cache.isUsable) return
  const { validate, points } = env.validation()
  const judgedOnly = validate && !points.isEmpty
  if (judgedOnly && !task.checking) return
  const value = packShared({ caches: env.caches, question, now: env.clock.now(), since: begunMs, judgedOnly })
  if (value !== null) cache.offer(question, value.octets, value.leftMs, begun)
}

export const fromOthers = (outcome: Outcome, { isFound, isAsked }: Others): Outcome =>
  outcome.kind === 'failure' || !isFound || isAsked ? outcome : { ...outcome, shared: true }
