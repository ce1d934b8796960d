/**
 * Leaves a server alone that does not answer: after some failures nothing is asked of it for a while, then one probe
 * that no client waits for decides whether it is asked again. Failures count one up and successes one down, so that a
 * server of which more than half fails is left alone, however many are asked. Where few are asked the first failure is
 * a doubt: a probe finds out whether the server is there at all, before further clients do.
 *
 * Invariants: while it is open nothing is asked but one probe at a time; the waits between probes double up to a bound,
 * and differ between instances. A server that answers probes and no look-up in time has not answered: the waits go on
 * from where they were until look-ups succeed.
 */
import type { SharedLimits } from '../../limits.ts'
import type { Cancel, Clock, Random } from '../../ports.ts'

export type BreakerState = 'closed' | 'open' | 'half-open'

export interface BreakerParts {
  readonly clock: Pick<Clock, 'after'>
  readonly random: Pick<Random, 'below'>
  readonly limits: Pick<
    SharedLimits,
    'failures' | 'openMs' | 'openMsMost' | 'jitterPermille' | 'doubtMs' | 'patienceMs'
  >
  /** Asks one thing of it that no client waits for: did it answer within `waitMs`? */
  readonly probe: (waitMs: number) => Promise<boolean>
  readonly changed: (state: BreakerState) => void
}

export class Breaker {
  readonly #parts: BreakerParts
  #state: BreakerState = 'closed'
  #count = 0
  #waitMs: number
  /** Is it being probed while it is asked? */
  #isDoubted = false
  /** Changes with the state: a probe of before says nothing of now. */
  #turn = 0
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

  /** A look-up was answered. One that was asked before it was left alone says what is old. */
  succeeded(): void {
    if (this.#state !== 'closed') return
    this.#count = Math.max(0, this.#count - 1)
    if (this.#count === 0) this.#waitMs = this.#parts.limits.openMs
  }

  /** A look-up was not answered, or not in time. */
  failed(): void {
    if (this.#state !== 'closed') return
    if (++this.#count >= this.#parts.limits.failures) this.#open()
    else if (!this.#isDoubted) void this.#doubt()
  }

  close(): void {
    this.#turn++
    this.#cancel()
  }

  async #doubt(): Promise<void> {
    const turn = this.#turn
    this.#isDoubted = true
    const isThere = await this.#parts.probe(this.#parts.limits.doubtMs)
    if (this.#turn !== turn) return
    this.#isDoubted = false
    if (!isThere) this.#open()
  }

  async #probe(): Promise<void> {
    this.#become('half-open')
    const turn = this.#turn
    const isThere = await this.#parts.probe(this.#parts.limits.patienceMs)
    if (this.#turn !== turn) return
    if (isThere) {
      this.#count = 0
      this.#become('closed')
    } else this.#open()
  }

  #open(): void {
    const { clock, random, limits } = this.#parts
    const jitter = (this.#waitMs * limits.jitterPermille) / 1_000
    const waitMs = this.#waitMs - jitter + (jitter * 2 * random.below(JITTER_STEPS)) / JITTER_STEPS
    this.#waitMs = Math.min(this.#waitMs * 2, limits.openMsMost)
    this.#become('open')
    this.#cancel = clock.after(waitMs, () => void this.#probe())
  }

  #become(state: BreakerState): void {
    this.#turn++
    this.#isDoubted = false
    this.#state = state
    this.#parts.changed(state)
  }
}

const JITTER_STEPS = 1_000
