/** Counts frequent events and says when to report them: at once for the first, then at most once per interval. */

export class Tally {
  readonly #quietMs: number
  #count = 0
  #quietUntil = Number.NEGATIVE_INFINITY

  /** `quietMs` in milliseconds of the monotonic clock. */
  constructor(quietMs: number) {
    this.#quietMs = quietMs
  }

  /** One more. Returns how many there were since the last report, this one included; 0: do not report yet. */
  note(now: number): number {
    this.#count++
    if (now < this.#quietUntil) return 0
    const count = this.#count
    this.#count = 0
    this.#quietUntil = now + this.#quietMs
    return count
  }
}
