/** TTL arithmetic of all stores: seconds on the wire, milliseconds on the clock. Pure; holds nothing. */
import type { CacheLimits } from '../limits.ts'

/** The part of the limits that bounds TTLs. */
export type TtlLimits = Pick<CacheLimits, 'minTtl' | 'maxTtl' | 'maxNegativeTtl'>

/** RFC 2181 section 8: a TTL with the top bit set counts as 0. */
const TOP_BIT = 0x8000_0000

export const plainTtl = (ttl: number): number => (ttl >= TOP_BIT || ttl < 0 ? 0 : ttl)

/**
 * The TTL (seconds) that data is kept for. As with Unbound's cache-min-ttl, a configured minimum raises every TTL, 0
 * included; with the default minimum of 0 a TTL of 0 stays 0, which is never stored (RFC 1035 section 3.2.1).
 */
export const boundedTtl = (ttl: number, limits: TtlLimits): number =>
  Math.min(Math.max(plainTtl(ttl), limits.minTtl), limits.maxTtl)

/** RFC 2308 section 5: the smaller of the SOA's TTL and its MINIMUM field, within our bounds. Seconds. */
export function negativeTtl(soaTtl: number, soaMinimum: number, limits: TtlLimits): number {
  const asked = Math.min(plainTtl(soaTtl), plainTtl(soaMinimum))
  return Math.min(Math.max(asked, limits.minTtl), limits.maxNegativeTtl, limits.maxTtl)
}

/** Whole seconds gone by; a clock that stood still or a caller's older `now` counts as none. */
export const elapsedSeconds = (storedAt: number, now: number): number =>
  now > storedAt ? Math.floor((now - storedAt) / 1000) : 0

export const ttlLeft = (ttl: number, storedAt: number, now: number): number =>
  Math.max(0, ttl - elapsedSeconds(storedAt, now))
