/** Which of the servers that the operator named is asked, and how failures count. */
import { describe, expect, test } from 'vitest'
import { UpstreamHealth } from '../../src/cache/servers/upstream-health.ts'
import { defaultLimits } from '../../src/limits.ts'
import { selectUpstream } from '../../src/resolver/asking/upstreams.ts'
import { SimRandom } from '../../src/simulation/random.ts'

const { upstream: limits } = defaultLimits
const candidate = (srttMs: number | null): { tries: number; timeoutMs: number; srttMs: number | null } => ({
  tries: 0,
  timeoutMs: 400,
  srttMs,
})

function shares(rtts: readonly (number | null)[], rounds = 10_000): number[] {
  const random = new SimRandom(7)
  const counts = rtts.map(() => 0)
  for (let round = 0; round < rounds; round++) {
    const index = selectUpstream(rtts.map(candidate), limits, n => random.below(n))
    counts[index] = (counts[index] ?? 0) + 1
  }
  return counts.map(count => count / rounds)
}

describe('the choice among servers', () => {
  test('is the only one, or none', () => {
    expect([selectUpstream([], limits, () => 0), selectUpstream([candidate(5)], limits, () => 0)]).toEqual([-1, 0])
  })

  test('takes the quicker of two, and the slower in a fortieth of the questions', () => {
    const [quick = 0, slow = 0] = shares([10, 80])
    expect(quick).toBeGreaterThan(0.96)
    expect(slow).toBeGreaterThan(0.015)
    expect(slow).toBeLessThan(0.035)
  })

  test('seldom takes the slowest of three, and shares between the others', () => {
    const [first = 0, second = 0, slowest = 0] = shares([10, 12, 500])
    expect(first).toBeGreaterThan(second)
    expect(second).toBeGreaterThan(0.25)
    expect(slowest).toBeLessThan(0.03)
  })

  test('hears one that was never heard', () => {
    expect(shares([10, null])[1]).toBeGreaterThan(0.9)
  })
})

describe('a server that failed', () => {
  const least = (): number => 0
  const most = (n: number): number => n - 1

  test('rests for a random time up to a bound that doubles with each failure in a row', () => {
    const health = new UpstreamHealth(limits)
    const rests: number[] = []
    for (let failure = 0; failure < 9; failure++) {
      health.failed('a', 1_000, most)
      let ms = 0
      while (health.rests('a', 1_000 + ms)) ms += 50
      rests.push(ms)
    }
    expect(rests).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000])
    health.failed('a', 1_000, least)
    expect(health.rests('a', 1_002)).toBe(false)
  })

  test('is as good as new with its first reply', () => {
    const health = new UpstreamHealth(limits)
    for (let failure = 0; failure < 5; failure++) health.failed('a', 1_000, most)
    health.replied('a')
    expect(health.rests('a', 1_001)).toBe(false)
    health.failed('a', 1_000, most)
    expect(health.rests('a', 1_501)).toBe(false)
  })

  test.each([
    [5_000, 5_000],
    [0, null],
    [1e12, 30_000],
    [null, 500],
  ])('gets the pause of %s ms that it asked for, of at most half a minute: %s', (asked, pause) => {
    const health = new UpstreamHealth(limits)
    health.askedToWait('a', asked, 1_000)
    expect(health.pausedFor('a', 1_000)).toBe(pause)
    expect(health.pausedFor('a', 1_000 + (pause ?? 0))).toBeNull()
    expect(health.pausedFor('b', 1_000)).toBeNull()
  })

  test('is forgotten before others when there are too many', () => {
    const health = new UpstreamHealth(limits)
    for (let server = 0; server <= limits.forwardServers; server++) health.failed(`${server}`, 1_000, most)
    expect([health.rests('0', 1_001), health.rests('1', 1_001)]).toEqual([false, true])
  })
})
