import { describe, expect, it } from 'vitest'
import { UnresponsiveServers } from '../../src/cache/servers/unresponsive.ts'
import { limitsOf, n, T0 } from './made.ts'

const KEY = '192.0.2.53#53'
const ZONE = n('example.')
const limits = limitsOf({ throttleTimeouts: 3, throttleAfterMs: 1_000, throttleProbeMs: 500, serverStatsMs: 10_000 })
const silentAt = (...times: readonly number[]): UnresponsiveServers => {
  const silences = new UnresponsiveServers(limits, 1_000_000)
  for (const ms of times) silences.timedOut(KEY, ZONE, T0 + ms)
  return silences
}
/** What a query meets right behind another. */
const behind = (silences: UnresponsiveServers, ms: number): number | null => {
  silences.asked(KEY, ZONE, T0 + ms)
  return silences.throttledFor(KEY, ZONE, T0 + ms)
}

describe('a server is held back', () => {
  it.each<readonly [times: readonly number[], ms: number, wanted: number | null]>([
    [[], 0, null],
    [[0, 1_000], 1_000, null],
    [[0, 0, 0, 0, 999], 999, null],
    [[0, 0, 1_000], 1_000, 1_000],
    [[0, 500, 4_000], 4_200, 4_200],
    // Forgotten, and begun again.
    [[0, 500, 1_000], 11_000, null],
    [[0, 500, 10_500], 10_500, null],
  ])('time-outs at %j, asked at %d: %j', (times, ms, wanted) => {
    expect(behind(silentAt(...times), ms)).toBe(wanted)
  })

  it('but for one query in throttleProbeMs', () => {
    const silences = silentAt(0, 500, 1_000)
    expect(silences.throttledFor(KEY, ZONE, T0 + 1_000)).toBeNull()
    silences.asked(KEY, ZONE, T0 + 1_000)
    expect(silences.throttledFor(KEY, ZONE, T0 + 1_499)).toBe(1_499)
    expect(silences.throttledFor(KEY, ZONE, T0 + 1_500)).toBeNull()
  })

  it('for one zone, until it replies or everything is forgotten', () => {
    for (const end of [(s: UnresponsiveServers) => s.replied(KEY, ZONE), (s: UnresponsiveServers) => s.clear()]) {
      const silences = silentAt(0, 500, 1_000)
      expect(behind(silences, 1_000)).toBe(1_000)
      expect(silences.throttledFor(KEY, n('other.'), T0 + 1_000)).toBeNull()
      end(silences)
      expect(behind(silences, 1_000)).toBeNull()
    }
  })

  it('the list of silent servers stays within its budget', () => {
    const silences = new UnresponsiveServers(limits, 10_000)
    for (let i = 0; i < 1_000; i++) silences.timedOut(KEY, n(`zone${i}.`), T0)
    expect(silences.bytes).toBeLessThanOrEqual(10_000)
    expect(silences.bytes).toBeGreaterThan(5_000)
  })
})
