/** TTL arithmetic of all stores: seconds on the wire, milliseconds on the clock. Pure; holds nothing. */
import { parentOf, ROOT, type Name } from '../dns/name.ts'
import type { CacheLimits } from '../limits.ts'

/** The part of the limits that bounds TTLs. */
export type TtlLimits = Pick<CacheLimits, 'minTtl' | 'maxTtl' | 'maxNegativeTtl'>

/** RFC 2181 section 8: a TTL with the top bit set counts as 0. */
const TOP_BIT = 0x8000_0000

export const plainTtl = (ttl: number): number => (ttl >= TOP_BIT || ttl < 0 ? 0 : ttl)

/**
 * The TTL (seconds) that data is kept for. As with Unbound's cache-min-ttl, a configured minimum raises every TTL, 0
 * included; with the default minimum of 0 a TTL of 0 stays 0, which is never stored (RFC 1035 section 3.2.1). That of
 * secure data is not raised: validation has bounded it by the original TTL and the end of its signature (RFC 4035
 * section 5.3.3), and whoever validates after us holds it to these.
 */
export const boundedTtl = (ttl: number, limits: TtlLimits, isSecure = false): number =>
  Math.min(isSecure ? plainTtl(ttl) : Math.max(plainTtl(ttl), limits.minTtl), limits.maxTtl)

/** RFC 2308 section 5: the smaller of the SOA's TTL and its MINIMUM field, within our bounds. Seconds. */
export const negativeTtl = (soaTtl: number, soaMinimum: number, limits: TtlLimits, isSecure = false): number =>
  Math.min(boundedTtl(Math.min(plainTtl(soaTtl), plainTtl(soaMinimum)), limits, isSecure), limits.maxNegativeTtl)

/** Bounds for a name and all below it; what is left out is as for all names. Seconds. */
export interface ZoneTtl extends Partial<TtlLimits> {
  readonly zone: Name
}

/** The bounds of each name: those of the longest zone at or above it. */
export class TtlBounds {
  readonly #all: TtlLimits
  readonly #zones: ReadonlyMap<Name, TtlLimits>

  constructor(all: TtlLimits, zones: readonly ZoneTtl[] = []) {
    const { minTtl, maxTtl, maxNegativeTtl } = all
    this.#all = all
    this.#zones = new Map(zones.map(({ zone, ...own }) => [zone, { minTtl, maxTtl, maxNegativeTtl, ...own }]))
  }

  of(name: Name): TtlLimits {
    if (this.#zones.size === 0) return this.#all
    for (let at = name; ; at = parentOf(at)) {
      const own = this.#zones.get(at)
      if (own !== undefined) return own
      if (at === ROOT) return this.#all
    }
  }
}

/** Whole seconds gone by; a clock that stood still or a caller's older `now` counts as none. */
export const elapsedSeconds = (storedAt: number, now: number): number =>
  now > storedAt ? Math.floor((now - storedAt) / 1000) : 0

export const ttlLeft = (ttl: number, storedAt: number, now: number): number =>
  Math.max(0, ttl - elapsedSeconds(storedAt, now))

/**
 * May an entry still be given: while it lives, or after that for `staleMs` as long as its delegation lasts (RFC 8767)?
 * All in ms.
 */
export const isOfUse = (expiresAt: number, leaseEndsAt: number, staleMs: number, now: number): boolean =>
  expiresAt > now || (expiresAt + staleMs > now && leaseEndsAt > now)
