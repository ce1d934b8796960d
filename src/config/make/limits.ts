/** How much clients may ask, with the defaults that follow from what is set. */
import { type Prefix, parsePrefix } from '../../dns/address.ts'
import type { RateSettings } from '../../policy/limits/rate-limiter.ts'
import type { RawConfig } from '../raw.ts'

/** Who cannot be forged may ask so many times as much; a page of the web asks for a hundred names at once. */
const VERIFIED_FACTOR = 10
const BURST_FACTOR = 2
const MOST_PER_SECOND = 10_000

/** Null: there is no limit. */
export function rateSettings({ rateLimit: raw }: RawConfig): RateSettings | null {
  const { answersPerSecond, slip, prefix4, prefix6, dryRun } = raw
  if (raw.perSecond === undefined && answersPerSecond === undefined) return null
  const perSecond = raw.perSecond ?? MOST_PER_SECOND
  const verified = raw.verifiedPerSecond ?? Math.min(perSecond * VERIFIED_FACTOR, MOST_PER_SECOND)
  return {
    answersOnly: raw.perSecond === undefined,
    answers:
      answersPerSecond === undefined
        ? null
        : { perSecond: answersPerSecond, burst: raw.answersBurst ?? answersPerSecond * BURST_FACTOR },
    unverified: { perSecond, burst: raw.burst ?? perSecond * BURST_FACTOR },
    verified: { perSecond: verified, burst: raw.verifiedBurst ?? verified * BURST_FACTOR },
    prefix4,
    prefix6,
    exempt: raw.exempt.flatMap((text): readonly Prefix[] => {
      const prefix = parsePrefix(text)
      return prefix === null ? [] : [prefix]
    }),
    slip,
    dryRun,
  }
}
