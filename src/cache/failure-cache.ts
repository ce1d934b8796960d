/**
 * Resolutions that failed (RFC 9520): asking again at once would only repeat the work and the flood. Says nothing about
 * data, and a success wipes it out.
 * It keeps what it is given: which failures are given to it is the table's in `resolver/outcome.ts`.
 *
 * Invariant: a failure is remembered for failureMinMs, doubling up to failureMaxMs as long as it keeps failing.
 */
import { questionKey, questionOfKey, type Question } from '../dns/message.ts'
import type { Name } from '../dns/name.ts'
import type { EdeCode } from '../dns/types.ts'
import type { CacheLimits } from '../limits.ts'
import type { FailureReason } from '../steps.ts'
import { flat } from './packed.ts'
import { ByteStore } from './store.ts'

export interface Failure {
  readonly why: FailureReason
  readonly ede: EdeCode
  readonly text: string
}

/** `storedAt` and `expiresAt` in ms; `inRow` counts the failures without a success between. */
export interface CachedFailure extends Failure {
  readonly inRow: number
  readonly storedAt: number
  readonly expiresAt: number
}

/**
 * The longest that a failure is remembered, ms. That no server which is forwarded to can be reached is no property of
 * the name: it must resolve again as soon as one is back.
 */
function lifeBound(why: FailureReason, { failureMinMs, failureMaxMs, bogusMaxMs }: CacheLimits): number {
  if (why === 'upstreams-unreachable') return failureMinMs
  return why === 'bogus' ? bogusMaxMs : failureMaxMs
}

export class FailureCache {
  readonly #limits: CacheLimits
  readonly #store: ByteStore<CachedFailure>

  /** `budget` in bytes. */
  constructor(limits: CacheLimits, budget: number) {
    this.#limits = limits
    this.#store = new ByteStore<CachedFailure>(
      budget,
      (entry, key) => limits.entryOverheadBytes + key.length + entry.text.length,
    )
  }

  get bytes(): number {
    return this.#store.bytes
  }

  get size(): number {
    return this.#store.size
  }

  find(question: Question, now: number): CachedFailure | undefined {
    if (this.#store.size === 0) return undefined
    const entry = this.#store.get(questionKey(question))
    return entry !== undefined && entry.expiresAt > now ? entry : undefined
  }

  /**
   * Remembers a failure. While one is remembered its expiry does not change: another failure in that time counts as the
   * same one. An expired entry is kept for another failureMaxMs, only to know that the next failure is one in a row
   * (RFC 9520 section 3.2). False when it does not fit.
   */
  put(question: Question, failure: Failure, now: number): boolean {
    const key = flat(questionKey(question))
    const { failureMinMs, failureMaxMs } = this.#limits
    const old = this.#store.peek(key)
    const { why, ede, text } = failure
    if (old !== undefined && old.expiresAt > now) return this.#store.set(key, { ...old, why, ede, text: flat(text) })
    const inRow = old !== undefined && now - old.expiresAt < failureMaxMs ? old.inRow + 1 : 1
    const life = Math.min(failureMinMs * 2 ** (inRow - 1), lifeBound(why, this.#limits))
    return this.#store.set(key, { why, ede, text: flat(text), inRow, storedAt: now, expiresAt: now + life })
  }

  succeeded(question: Question): void {
    if (this.#store.size > 0) this.#store.delete(questionKey(question))
  }

  /** Those of the names that `which` says; with `dryRun` they are only counted. Work proportional to the cache. */
  removeWhere(which: (name: Name) => boolean, dryRun = false): number {
    return this.#store.deleteWhere((_, key) => which(questionOfKey(key).name), dryRun)
  }

  /** Those of `questionKey`. To be read to the end before anything changes. */
  keys(): Iterable<string> {
    return this.#store.keys()
  }

  /** What is remembered under one of `keys`, without counting as use. */
  peek(key: string, now: number): CachedFailure | undefined {
    const entry = this.#store.peek(key)
    return entry !== undefined && entry.expiresAt > now ? entry : undefined
  }

  /**
   * Takes over a failure of an earlier process with its end, which is no later than the bounds of today say. False when
   * it was not kept: its time is over, or another one is remembered.
   */
  restore(question: Question, failure: CachedFailure, now: number): boolean {
    const { storedAt, text } = failure
    const expiresAt = Math.min(failure.expiresAt, now + lifeBound(failure.why, this.#limits))
    if (expiresAt <= now) return false
    return this.#store.restore(flat(questionKey(question)), { ...failure, text: flat(text), storedAt, expiresAt })
  }

  /** See `ByteStore.settle`. */
  settle(): Generator<void, void> {
    return this.#store.settle()
  }

  clear(): void {
    this.#store.clear()
  }
}
