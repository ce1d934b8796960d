/** Counts what happens often and says when it is time to tell: at once for the first, then at most once in a while. */

export class Tally {
  readonly #quietMs: number
  #count = 0
  #quietUntil = Number.NEGATIVE_INFINITY

  /** `quietMs` in milliseconds of the monotonic clock. */
  constructor(quietMs: number) {
    this.#quietMs = quietMs
  }

  /** One more. How many there were since the last time that it was told, this one with them; 0: not yet. */
  note(now: number): number {
    this.#count++
    if (now < this.#quietUntil) return 0
    const count = this.#count
    this.#count = 0
    this.#quietUntil = now + this.#quietMs
    return count
  }
}
