/**
 * Leaves a server alone that does not answer: after some failures nothing is asked of it for a while, then one probe
 * that no client waits for decides whether it is asked again. Failures count one up and successes one down, so that a
 * server of which more than half fails is left alone, however many are asked.
 *
 * Invariants: while it is open nothing is asked but one probe at a time; the waits between probes double up to a bound,
 * and differ between instances.
 */
import type { SharedLimits } from '../../limits.ts'
import type { Cancel, Clock, Random } from '../../ports.ts'

export type BreakerState = 'closed' | 'open' | 'half-open'

export interface BreakerParts {
  readonly clock: Pick<Clock, 'after'>
  readonly random: Pick<Random, 'below'>
  readonly limits: Pick<SharedLimits, 'failures' | 'openMs' | 'openMsMost' | 'jitterPermille'>
  /** Asks one thing of it that no client waits for, and says by `succeeded` or `failed` what became of it. */
  readonly probe: () => void
  readonly changed: (state: BreakerState) => void
}

export class Breaker {
  readonly #parts: BreakerParts
  #state: BreakerState = 'closed'
  #count = 0
  #waitMs: number
  #cancel: Cancel = () => {}

  constructor(parts: BreakerParts) {
    this.#parts = parts
    this.#waitMs = parts.limits.openMs
  }

  get state(): BreakerState {
    return this.#state
  }

  get isClosed(): boolean {
    return this.#state === 'closed'
  }

  succeeded(): void {
    switch (this.#state) {
      case 'closed':
        this.#count = Math.max(0, this.#count - 1)
        return
      case 'half-open':
        this.#count = 0
        this.#waitMs = this.#parts.limits.openMs
        this.#become('closed')
        return
      case 'open':
        // One that was asked before: what it says is old.
        return
      default:
        this.#state satisfies never
    }
  }

  failed(): void {
    switch (this.#state) {
      case 'closed':
        if (++this.#count >= this.#parts.limits.failures) this.#open()
        return
      case 'half-open':
        this.#waitMs = Math.min(this.#waitMs * 2, this.#parts.limits.openMsMost)
        this.#open()
        return
      case 'open':
        return
      default:
        this.#state satisfies never
    }
  }

  close(): void {
    this.#cancel()
  }

  #open(): void {
    const { clock, random, limits, probe } = this.#parts
    const jitter = (this.#waitMs * limits.jitterPermille) / 1_000
    const waitMs = this.#waitMs - jitter + (jitter * 2 * random.below(JITTER_STEPS)) / JITTER_STEPS
    this.#become('open')
    this.#cancel = clock.after(waitMs, () => {
      this.#become('half-open')
      probe()
    })
  }

  #become(state: BreakerState): void {
    this.#state = state
    this.#parts.changed(state)
  }
}

const JITTER_STEPS = 1_000
