/**
 * Seeded random numbers for simulations: xoshiro128** (Blackman and Vigna, 2018), its state filled by SplitMix32. Good
 * enough for any statistics over a simulation and the same on every machine. **Never for production:** its state can be
 * computed from a few outputs (that is CVE-2025-40780 in BIND), so IDs and ports made from it are predictable. The real
 * adapter is in `net/`.
 */
import type { Random } from '../ports.ts'

export class SimRandom implements Random {
  #a: number
  #b: number
  #c: number
  #d: number
  readonly seed: number

  /** Equal seeds give equal sequences. Any finite number; its lower 53 bits count. */
  constructor(seed: number) {
    this.seed = seed
    const whole = Math.abs(Math.trunc(seed))
    const next = splitMix(
      (whole >>> 0) ^ Math.imul(Math.floor(whole / 2 ** 32) >>> 0, 0x9e3779b1) ^ (seed < 0 ? 0x5bd1e995 : 0),
    )
    this.#a = next()
    this.#b = next()
    this.#c = next()
    this.#d = next() | 1 // the all-zero state would stay zero for ever
  }

  /** Uniform 32 bits. */
  #next(): number {
    const result = Math.imul(rotate(Math.imul(this.#b, 5), 7), 9) >>> 0
    const shifted = this.#b << 9
    this.#c ^= this.#a
    this.#d ^= this.#b
    this.#b ^= this.#c
    this.#a ^= this.#d
    this.#c ^= shifted
    this.#d = rotate(this.#d, 11)
    return result
  }

  below(n: number): number {
    if (!(n >= 1 && n <= 2 ** 32)) throw new RangeError(`below(${n}): expected 1 to 2^32`)
    // Values from the incomplete last stretch would favour small results.
    const limit = 2 ** 32 - (2 ** 32 % n)
    let value = this.#next()
    while (value >= limit) value = this.#next()
    return value % n
  }

  bytes(into: Uint8Array): void {
    for (let i = 0; i < into.length; i++) into[i] = this.#next() >>> 24
  }

  /**
   * True in `permille` of 1,000 cases. Draws a number even for 0 and 1000, so that changing a rate does not shift what
   * follows.
   */
  chance(permille: number): boolean {
    return this.below(1_000) < permille
  }

  /**
   * A separate generator for one part of a simulation, so that one more draw there changes nothing elsewhere.
   */
  fork(part: string): SimRandom {
    let hash = 0x811c9dc5
    for (let i = 0; i < part.length; i++) hash = Math.imul(hash ^ part.charCodeAt(i), 0x01000193)
    return new SimRandom(
      (this.seed % 2 ** 21) * 2 ** 32 + ((hash ^ Math.imul(Math.trunc(this.seed), 0x85ebca6b)) >>> 0),
    )
  }
}

const rotate = (x: number, k: number): number => (x << k) | (x >>> (32 - k))

function splitMix(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x9e3779b9) | 0
    let z = state ^ (state >>> 16)
    z = Math.imul(z, 0x21f0aaad)
    z ^= z >>> 15
    z = Math.imul(z, 0x735a2d97)
    return z ^ (z >>> 15)
  }
}
