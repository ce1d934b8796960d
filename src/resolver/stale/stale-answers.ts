/**
 * When a client is given an answer whose TTL is over (RFC 8767 section 5): when its question fails to resolve, when it
 * takes longer than `clientTimeoutMs`, and at once for `recheckMs` after a failure, or as long as a resolution is known
 * to be slow. What may be given is `expired.ts`.
 *
 * Invariants: `done` is called once, by whichever comes first; the resolution goes on for the caches, and equal ones in
 * flight are one, so that a popular name is one refresh; an answer that came, a denial included, always wins over an
 * expired one; what is bogus ends as bogus.
 */
import { questionKey, type Question } from '../../dns/message.ts'
import type { Cancel } from '../../ports.ts'
import type { Outcome, Staleness } from '../../steps.ts'
import type { Env, Task } from '../env.ts'
import { failureFacts } from '../outcome.ts'
import type { ResolveOptions } from '../running/scheduler.ts'
import { rememberedAnswer } from './expired.ts'

export interface StaleCounts {
  /** Expired answers given, by why. */
  readonly given: Readonly<Record<Staleness['because'], number>>
  /** Resolutions of questions with an expired answer that were started or joined, and those of them that failed. */
  readonly refreshes: number
  readonly failedRefreshes: number
}

export interface StaleParts {
  readonly env: Env
  readonly task: (question: Question, options: ResolveOptions) => Task
  readonly resolve: (question: Question, options: ResolveOptions, done: (outcome: Outcome) => void) => Cancel
}

interface Recheck {
  /** ms on the monotonic clock. */
  readonly at: number
  readonly reason: string
}

export class StaleAnswers {
  readonly #parts: StaleParts
  /** Failed a moment ago; the oldest is first. */
  readonly #rechecks = new Map<string, Recheck>()
  /** In flight for longer than a client waits. */
  readonly #slow = new Set<string>()
  readonly #given = { failed: 0, slow: 0, 'failed-before': 0 }
  #refreshes = 0
  #failedRefreshes = 0

  constructor(parts: StaleParts) {
    this.#parts = parts
  }

  get counts(): StaleCounts {
    return { given: { ...this.#given }, refreshes: this.#refreshes, failedRefreshes: this.#failedRefreshes }
  }

  /** `done` is called once, before this returns when no query was needed. */
  resolve(question: Question, options: ResolveOptions, done: (outcome: Outcome) => void): Cancel {
    const { env, resolve } = this.#parts
    const key = `${questionKey(question)}${options.checkingDisabled === true ? 'c' : ''}`
    const recheck = this.#recheckOf(key)
    const early = recheck === undefined ? null : this.#expired(question, options, 'failed-before', recheck.reason)
    if (early !== null) {
      done(early)
      return nothingToCancel
    }
    let over = false
    let stopTimer = nothingToCancel
    const settle = (outcome: Outcome): void => {
      if (over) return
      over = true
      stopTimer()
      done(outcome)
    }
    const slow = (): void => {
      const answer = over ? null : this.#expired(question, options, 'slow', '')
      if (answer === null) return
      this.#slow.add(key)
      settle(answer)
    }
    const stop = resolve(question, options, outcome => {
      this.#slow.delete(key)
      const failed = outcome.kind === 'failure' && failureFacts[outcome.why].unanswered ? outcome.text : null
      if (failed === null) this.#rechecks.delete(key)
      else if (over) this.#noteFailure(key, failed)
      const answer = failed === null || over ? null : this.#expired(question, options, 'failed', failed)
      if (answer !== null && failed !== null) this.#noteFailure(key, failed)
      settle(answer ?? outcome)
    })
    // Nothing was known of it, or the resolution is over: the usual cases.
    if (over || rememberedAnswer(env, this.#parts.task(question, quiet(options)))?.expiredS == null) return stop
    this.#refreshes++
    if (this.#slow.has(key)) slow()
    else stopTimer = env.clock.after(env.limits.stale.clientTimeoutMs, slow)
    return () => {
      if (over) return
      over = true
      stopTimer()
      stop()
    }
  }

  clear(): void {
    this.#rechecks.clear()
  }

  #expired(question: Question, options: ResolveOptions, because: Staleness['because'], reason: string): Outcome | null {
    const { env, task } = this.#parts
    const found = rememberedAnswer(env, task(question, options))
    if (found === null) return null
    const { outcome, expiredS } = found
    // Others have found it meanwhile.
    if (expiredS === null) return outcome
    this.#given[because]++
    return { ...outcome, stale: { expiredS, because, reason } }
  }

  #recheckOf(key: string): Recheck | undefined {
    const recheck = this.#rechecks.get(key)
    if (recheck === undefined || recheck.at > this.#parts.env.clock.now()) return recheck
    this.#rechecks.delete(key)
    return undefined
  }

  #noteFailure(key: string, reason: string): void {
    const { clock, limits } = this.#parts.env
    this.#failedRefreshes++
    this.#rechecks.delete(key)
    this.#rechecks.set(key, { at: clock.now() + limits.stale.recheckMs, reason })
    const [oldest] = this.#rechecks.keys()
    if (oldest !== undefined && this.#rechecks.size > limits.stale.rechecks) this.#rechecks.delete(oldest)
  }
}

/** Looked only whether it is there: nothing of it is a step of the walk. */
const quiet = (options: ResolveOptions): ResolveOptions => ({ ...options, trace: undefined })

const nothingToCancel: Cancel = () => {}
