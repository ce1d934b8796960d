/**
 * Resolutions that failed (RFC 9520): asking again at once would only repeat the work and the flood. Says nothing about
 * data, and a success wipes it out.
 *
 * Invariants: a failure is remembered for failureMinMs, doubling up to failureMaxMs as long as it keeps failing;
 * failures that are relative to who asked are not remembered.
 */
import { questionKey, type Question } from '../dns/message.ts'
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
   * Remembers a failure. While one is still remembered its end stays where it is: what fails beside it is the same
   * failure. An expired entry is kept for another failureMaxMs, only to know that the next failure is one in a row (RFC
   * 9520 section 3.2). False for reasons that are not cached.
   */
  put(question: Question, failure: Failure, now: number): boolean {
    if (!isShared(failure.why)) return false
    const key = flat(questionKey(question))
    const { failureMinMs, failureMaxMs, bogusMaxMs } = this.#limits
    const old = this.#store.peek(key)
    const { why, ede, text } = failure
    if (old !== undefined && old.expiresAt > now) return this.#store.set(key, { ...old, why, ede, text: flat(text) })
    const inRow = old !== undefined && now - old.expiresAt < failureMaxMs ? old.inRow + 1 : 1
    const life = Math.min(failureMinMs * 2 ** (inRow - 1), why === 'bogus' ? bogusMaxMs : failureMaxMs)
    return this.#store.set(key, { why, ede, text: flat(text), inRow, storedAt: now, expiresAt: now + life })
  }

  succeeded(question: Question): void {
    if (this.#store.size > 0) this.#store.delete(questionKey(question))
  }

  clear(): void {
    this.#store.clear()
  }
}

/** Would anybody else who asks now fail for the same reason? */
function isShared(why: FailureReason): boolean {
  switch (why) {
    case 'cycle': // relative to the chain of askers
    case 'overload': // ours, not the zone's
    case 'not-recursive': // the client did not want recursion
    case 'cached': // itself a memory; storing it would make it endless
      return false
    case 'unreachable':
    case 'all-servers-lame':
    case 'refused-by-servers':
    case 'bogus':
    case 'budget':
    case 'deadline':
    case 'alias-chain':
    case 'name-too-long':
    case 'bug':
      return true
    default:
      return why satisfies never
  }
}
