import { describe, expect, test } from 'vitest'
import { defaultLimits } from '../../src/limits.ts'
import { selectServer, type Candidate } from '../../src/resolver/asking/select-server.ts'

const candidate = (srttMs: number | null, changes: Partial<Candidate> = {}): Candidate => ({
  tries: 0,
  timeoutMs: srttMs === null ? 400 : srttMs * 3,
  srttMs,
  ...changes,
})

/** How often each is chosen over all values of the dice. */
function shares(candidates: readonly Candidate[]): number[] {
  const counts = candidates.map(() => 0)
  for (let permille = 0; permille < 1_000; permille++) {
    for (let second = 0; second < 60; second++) {
      const dice = [permille, second]
      const chosen = selectServer(candidates, defaultLimits.upstream, n => (dice.shift() ?? 0) % n)
      counts[chosen] = (counts[chosen] ?? 0) + 1
    }
  }
  return counts.map(count => Math.round((100 * count) / 60_000))
}

describe('choice of a server', () => {
  test('none of none, one of one', () => {
    expect(selectServer([], defaultLimits.upstream, () => 0)).toBe(-1)
    expect(selectServer([candidate(null)], defaultLimits.upstream, () => 0)).toBe(0)
  })

  test('those near the fastest share the load; the slow one is explored now and then', () => {
    const [a, b, c] = shares([candidate(10), candidate(40), candidate(200)])
    expect([a, b]).toEqual([49, 49])
    expect(c).toBe(2)
  })

  test('a known fast server comes before an unknown one, which is explored', () => {
    expect(shares([candidate(10), candidate(null)])).toEqual([98, 3])
  })

  test('a server that has just failed for this question stands back', () => {
    expect(shares([candidate(10, { tries: 1, timeoutMs: 100 }), candidate(100)])).toEqual([0, 100])
  })

  test('but comes again before one that has been silent for long', () => {
    expect(
      shares([candidate(10, { tries: 1, timeoutMs: 100 }), candidate(null, { timeoutMs: 1_500, tries: 0 })])[0],
    ).toBeGreaterThan(90)
  })
})
