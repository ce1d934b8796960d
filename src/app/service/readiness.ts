/**
 * May clients be sent here? Asked by balancers and probes: over DNS (`ready.server. CH TXT`), and over HTTP
 * (`/readyz`). A server that is about to end says no for a while in which it still answers, so that nothing is sent to
 * it any more when it does.
 */
import type { Clock } from '../../ports.ts'

export class Readiness {
  #isLeaving = false
  #missing: () => readonly string[] = () => []

  /** Policy zones that have to be there, and are not. */
  waitsFor(missing: () => readonly string[]): void {
    this.#missing = missing
  }

  get isReady(): boolean {
    return !this.#isLeaving && this.#missing().length === 0
  }

  /** Not ready from now on; resolves `drainMs` later, or at once where that is 0. */
  leave(clock: Pick<Clock, 'after'>, drainMs: number): Promise<void> {
    this.#isLeaving = true
    if (drainMs === 0) return Promise.resolve()
    return new Promise(resolve => void clock.after(drainMs, resolve))
  }
}
