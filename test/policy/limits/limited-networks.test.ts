import { describe, expect, it } from 'vitest'
import { formatIp } from '../../../src/dns/address.ts'
import { RateLimiter, type RateMemory, rateMemory } from '../../../src/policy/limits/rate-limiter.ts'
import { ip } from '../../../src/simulation/records.ts'

const settings = {
  unverified: { perSecond: 1, burst: 2 },
  verified: { perSecond: 10, burst: 20 },
  prefix4: 24,
  prefix6: 56,
  exempt: [],
  slip: 2,
  dryRun: false,
}
const SEEDS = [0x1234_5678, 0x0bad_cafe] as const
const SECOND = 1_000
/** A process that has been up for an hour. */
const T0 = 3_600 * SECOND

const open = (memory: RateMemory = rateMemory(1_024, SEEDS)): RateLimiter => new RateLimiter(settings, memory)
const shown = (limiter: RateLimiter, now: number): string[] =>
  limiter
    .limited(now)
    .map(
      ({ network, above, sinceS, lastS }) => `${formatIp(network.bytes)}/${network.length} ${above} ${sinceS} ${lastS}`,
    )

describe('networks above a limit', () => {
  it('are counted by what is above it, the busiest first, IPv4 and IPv6', () => {
    const limiter = open()
    for (let i = 0; i < 5; i++) limiter.takes(ip(`192.0.2.${i}`), false, T0)
    for (let i = 0; i < 9; i++) limiter.takes(ip(`2001:db8:0:${i}::1`), false, T0 + i * 100)
    for (let i = 0; i < 2; i++) limiter.takes(ip('198.51.100.1'), false, T0)
    expect(shown(limiter, T0 + SECOND)).toEqual(['2001:db8::/56 7 1 1', '192.0.2.0/24 3 1 1'])
  })

  it('are those that all threads saw', () => {
    const memory = rateMemory(1_024, SEEDS)
    const threads = [open(memory), open(memory)]
    for (let i = 0; i < 10; i++) threads[i % 2]?.takes(ip('192.0.2.1'), false, T0)
    expect(shown(open(memory), T0)).toEqual(['192.0.2.0/24 8 0 0'])
  })

  it('are so no more after a quiet minute, and begin again', () => {
    const limiter = open()
    for (let i = 0; i < 5; i++) limiter.takes(ip('192.0.2.1'), false, T0)
    expect(shown(limiter, T0 + 59 * SECOND)).toHaveLength(1)
    expect(shown(limiter, T0 + 60 * SECOND)).toEqual([])
    for (let i = 0; i < 3; i++) limiter.takes(ip('192.0.2.1'), false, T0 + 90 * SECOND)
    expect(shown(limiter, T0 + 90 * SECOND)).toEqual(['192.0.2.0/24 1 0 0'])
  })

  it('are bounded, and a flood of forged ones leaves the busiest in sight', () => {
    const limiter = open()
    for (let i = 0; i < 500; i++) limiter.takes(ip('192.0.2.1'), false, T0)
    for (let i = 0; i < 20_000; i++) {
      const forged = ip(`10.${i % 250}.${Math.floor(i / 250)}.1`)
      for (let k = 0; k < 3; k++) limiter.takes(forged, false, T0)
    }
    const all = limiter.limited(T0)
    expect(all.length).toBeLessThanOrEqual(256)
    expect(shown(limiter, T0)[0]).toBe('192.0.2.0/24 498 0 0')
  })

  it('include those whose answers are limited, and those over connections', () => {
    const limiter = new RateLimiter({ ...settings, answers: { perSecond: 1, burst: 1 } }, rateMemory(1_024, SEEDS))
    const question = Int32Array.of(1, 2)
    for (let i = 0; i < 3; i++) limiter.takesAnswer(ip('192.0.2.1'), question, 8, T0)
    for (let i = 0; i < 25; i++) limiter.takes(ip('198.51.100.1'), true, T0)
    expect(shown(limiter, T0)).toEqual(['198.51.100.0/24 5 0 0', '192.0.2.0/24 2 0 0'])
  })
})
