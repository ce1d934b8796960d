/**
 * How much the servers of one zone are asked, whoever wants it: a flood of made-up names below a zone must not become
 * a flood at its servers (Unbound's ratelimit). Of what is above the limit one query in ten goes out all the same, so
 * that the zone is not cut off from who asks honestly.
 *
 * Invariant: the memory is bounded; the zone that was asked least lately is forgotten, and begins with a whole burst.
 */
import type { Name } from '../../dns/name.ts'

interface ZoneRate {
  /** When its burst is whole again, ms (GCRA). */
  whole: number
  /** Queries above the limit since it was reached. */
  above: number
}

/** Above the limit one in so many goes out. */
const PASSED = 10
const SECOND_MS = 1_000

export class ZoneRates {
  readonly #most: number
  readonly #zones = new Map<Name, ZoneRate>()

  constructor(limits: { readonly zoneRates: number }) {
    this.#most = limits.zoneRates
  }

  /** One query to the servers of `zone` at `now`, ms; a second's worth may come at once. False: it must not go out. */
  takes(zone: Name, perSecond: number, now: number): boolean {
    const known = this.#zones.get(zone)
    const rate = known ?? { whole: now, above: 0 }
    if (known !== undefined) this.#zones.delete(zone)
    this.#zones.set(zone, rate)
    if (this.#zones.size > this.#most) this.#forgetOldest()
    const step = SECOND_MS / perSecond
    const whole = Math.max(rate.whole, now)
    if (whole - now + step > SECOND_MS + ROUNDING_MS) {
      rate.above++
      return rate.above % PASSED === 0
    }
    rate.whole = whole + step
    rate.above = 0
    return true
  }

  #forgetOldest(): void {
    const [oldest] = this.#zones.keys()
    if (oldest !== undefined) this.#zones.delete(oldest)
  }
}

/** Sums of fractions of a second are off by less. */
const ROUNDING_MS = 0.001
