/**
 * How the servers that are forwarded to fare: one that gave no reply rests a while, at random up to a bound that
 * doubles with each failure in a row (full jitter), and is asked again earlier only when no other is left. One that
 * asked for a pause (Retry-After) gets it. One that sends questions back to us is not asked while that is known.
 *
 * Invariant: nothing here makes anybody wait; it only says who is asked first, and who not at all.
 */
import type { UpstreamLimits } from '../../limits.ts'

/** Times in ms on the monotonic clock. */
interface Entry {
  failures: number
  restsUntil: number
  pausedUntil: number
  loopsUntil: number
}

export type UpstreamHealthLimits = Pick<
  UpstreamLimits,
  'forwardBackoffMs' | 'forwardBackoffMaxMs' | 'retryAfterMaxMs' | 'loopMemoryMs' | 'forwardServers'
>

const NEVER = Number.NEGATIVE_INFINITY

export class UpstreamHealth {
  readonly #limits: UpstreamHealthLimits
  readonly #entries = new Map<string, Entry>()

  constructor(limits: UpstreamHealthLimits) {
    this.#limits = limits
  }

  /** No reply came. `key` is `ServerAddress.key`, `below` draws a random integer below its argument. */
  failed(key: string, now: number, below: (n: number) => number): void {
    const { forwardBackoffMs, forwardBackoffMaxMs } = this.#limits
    const entry = this.#entry(key)
    const bound = Math.min(forwardBackoffMaxMs, forwardBackoffMs * 2 ** entry.failures)
    entry.failures = Math.min(entry.failures + 1, MAX_DOUBLINGS)
    entry.restsUntil = now + below(bound) + 1
  }

  /** A reply came, whatever it says. */
  replied(key: string): void {
    this.#entries.delete(key)
  }

  /** It said that it cannot answer before `ms` are over; null: it named no time. */
  askedToWait(key: string, ms: number | null, now: number): void {
    const { retryAfterMaxMs, forwardBackoffMs } = this.#limits
    this.#entry(key).pausedUntil = now + Math.min(retryAfterMaxMs, ms ?? forwardBackoffMs)
  }

  /** What we sent to it came back to us. */
  loops(key: string, now: number): void {
    this.#entry(key).loopsUntil = now + this.#limits.loopMemoryMs
  }

  /** Did it fail a moment ago? Then others are asked first. */
  rests(key: string, now: number): boolean {
    return this.#entries.size > 0 && (this.#entries.get(key)?.restsUntil ?? NEVER) > now
  }

  /** For how long it must not be asked because it said so, ms; null when it may be. */
  pausedFor(key: string, now: number): number | null {
    const left = this.#entries.size === 0 ? 0 : (this.#entries.get(key)?.pausedUntil ?? NEVER) - now
    return left > 0 ? left : null
  }

  isLooping(key: string, now: number): boolean {
    return this.#entries.size > 0 && (this.#entries.get(key)?.loopsUntil ?? NEVER) > now
  }

  clear(): void {
    this.#entries.clear()
  }

  /** Servers of a configuration that is no more go first. */
  #entry(key: string): Entry {
    const known = this.#entries.get(key)
    if (known !== undefined) return known
    const [oldest] = this.#entries.keys()
    if (oldest !== undefined && this.#entries.size >= this.#limits.forwardServers) this.#entries.delete(oldest)
    const entry: Entry = { failures: 0, restsUntil: NEVER, pausedUntil: NEVER, loopsUntil: NEVER }
    this.#entries.set(key, entry)
    return entry
  }
}

/** Beyond it the bound is the same in any case. */
const MAX_DOUBLINGS = 16
