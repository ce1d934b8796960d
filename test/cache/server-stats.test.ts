import { describe, expect, it } from 'vitest'
import { ServerStats } from '../../src/cache/server-stats.ts'
import { defaultLimits } from '../../src/limits.ts'
import { limitsOf, n, seconds, T0 } from './made.ts'

const MIB = 1024 * 1024
const open = (changes = {}): ServerStats => new ServerStats(limitsOf(changes), defaultLimits.upstream, MIB, MIB)
const KEY = '192.0.2.53#53'
const OTHER = '2001:db8::53#53'

describe('the server that was asked for last', () => {
  it('is unknown again when it had to make room, and learns again', () => {
    const stats = new ServerStats(limitsOf(), defaultLimits.upstream, 4_000, MIB)
    const known = Array.from({ length: 40 }, (_, i) => `192.0.2.${i}#53`)
    for (const key of known) stats.heard(key, 10, T0)
    const gone = known.find(key => stats.facts(key, T0).srttMs === null) ?? ''
    expect(stats.size).toBeLessThan(known.length)
    stats.heard(gone, 30, T0)
    expect(stats.facts(gone, T0).srttMs).toBe(30)
    for (const key of known) if (key !== gone) stats.timedOut(key, T0, T0)
    expect(stats.facts(gone, T0).srttMs).toBeNull()
  })

  it('is unknown when everything is forgotten', () => {
    const stats = open()
    stats.heard(KEY, 10, T0)
    stats.clear()
    expect(stats.facts(KEY, T0).srttMs).toBeNull()
    stats.heard(KEY, 20, T0)
    expect(stats.size).toBe(1)
  })
})

describe('round trips (RFC 6298 section 2)', () => {
  it('knows nothing of a server never heard', () => {
    const stats = open()
    expect(stats.facts(KEY, T0)).toEqual({
      srttMs: null,
      rttVarMs: 0,
      timeoutsInRow: 0,
      edns: 'unknown',
      caseSafe: 'unknown',
      cookies: 'unknown',
      serverCookie: '',
    })
    expect(stats.timeoutFor(KEY, T0)).toBe(400)
    expect(stats.size).toBe(0)
  })

  it('the round-trip time is smoothed as RFC 6298 says', () => {
    const stats = open()
    stats.heard(KEY, 100, T0)
    expect(stats.facts(KEY, T0)).toMatchObject({ srttMs: 100, rttVarMs: 50 })
    stats.heard(KEY, 60, T0)
    expect(stats.facts(KEY, T0)).toMatchObject({ srttMs: 95, rttVarMs: 47.5 })
    expect(stats.timeoutFor(KEY, T0)).toBe(95 + 4 * 47.5)
    expect(stats.facts(OTHER, T0).srttMs).toBeNull()
  })

  it.each([
    // round trips heard, time-outs in a row, wanted time-out
    [[1], 0, 51],
    [[20], 0, 70],
    [[20], 1, 140],
    [[20], 3, 560],
    [[20], 5, 2240],
    [[900], 0, 2700],
    [[], 1, 800],
    [[], 2, 1600],
    [[], 60, 3000],
  ])('after replies of %j ms and %i time-outs waits %d ms', (rtts, timeouts, wanted) => {
    const stats = open()
    for (const rtt of rtts) stats.heard(KEY, rtt, T0)
    for (let i = 0; i < timeouts; i++) stats.timedOut(KEY, T0, T0)
    expect(stats.timeoutFor(KEY, T0)).toBe(wanted)
  })

  it('counts time-outs in a row, bounded, and forgives with the first reply', () => {
    const stats = open()
    const waits: number[] = []
    for (let i = 0; i < 10; i++) {
      stats.timedOut(KEY, T0, T0)
      waits.push(stats.timeoutFor(KEY, T0))
    }
    expect(waits).toEqual([800, 1600, ...Array<number>(8).fill(3000)])
    expect(stats.facts(KEY, T0).timeoutsInRow).toBe(defaultLimits.upstream.backoffDoublings)
    stats.heard(KEY, 20, T0)
    expect(stats.facts(KEY, T0)).toMatchObject({ timeoutsInRow: 0, srttMs: 20 })
  })

  it('counts queries that were in flight together and lost together as one', () => {
    const stats = open()
    stats.heard(KEY, 20, T0)
    for (let i = 0; i < 50; i++) stats.timedOut(KEY, T0 + i, T0 + 70 + i)
    expect(stats.facts(KEY, T0 + 200).timeoutsInRow).toBe(1)
    stats.timedOut(KEY, T0 + 130, T0 + 270)
    expect(stats.facts(KEY, T0 + 300).timeoutsInRow).toBe(2)
    stats.heard(KEY, 20, T0 + 310)
    stats.timedOut(KEY, T0 + 260, T0 + 400)
    expect(stats.facts(KEY, T0 + 400).timeoutsInRow).toBe(1)
  })

  it('the round-trip time is forgotten after serverStatsMs', () => {
    const stats = open({ serverStatsMs: 1000 })
    stats.heard(KEY, 100, T0)
    stats.timedOut(KEY, T0 + 500, T0 + 500)
    stats.ednsWorks(KEY, T0)
    stats.caseEchoed(KEY, T0)
    expect(stats.facts(KEY, T0 + 999)).toMatchObject({ srttMs: 100, timeoutsInRow: 1, edns: 'ok', caseSafe: 'yes' })
    expect(stats.facts(KEY, T0 + 1000)).toMatchObject({
      srttMs: null,
      timeoutsInRow: 1,
      edns: 'unknown',
      caseSafe: 'unknown',
    })
    expect(stats.facts(KEY, T0 + 1500)).toMatchObject({ timeoutsInRow: 0 })
    stats.heard(KEY, 10, T0 + 2000)
    expect(stats.facts(KEY, T0 + 2000)).toMatchObject({ srttMs: 10, rttVarMs: 5 })
    stats.timedOut(KEY, T0 + 9000, T0 + 9000)
    expect(stats.facts(KEY, T0 + 9000).timeoutsInRow).toBe(1)
  })

  it('does not renew an EDNS fact by traffic, so that a repaired server gets its chance', () => {
    const stats = open({ serverStatsMs: 1000 })
    stats.ednsBroken(KEY, T0)
    for (let ms = 0; ms <= 1000; ms += 100) stats.heard(KEY, 20, T0 + ms)
    expect(stats.facts(KEY, T0 + 1000)).toMatchObject({ srttMs: 20, edns: 'unknown' })
  })
})

describe('cookies of a server', () => {
  it('are what it gave last, until nothing was heard of them for serverStatsMs', () => {
    const stats = open({ serverStatsMs: 1000 })
    stats.cookieCame(KEY, 'first---', T0)
    stats.cookieCame(KEY, 'second--', T0 + 500)
    expect(stats.facts(KEY, T0 + 1499)).toMatchObject({ cookies: 'fine', serverCookie: 'second--' })
    expect(stats.facts(KEY, T0 + 1500)).toMatchObject({ cookies: 'unknown', serverCookie: '' })
  })

  it('are broken by two silences, or by one reply, and fine again with the next that comes', () => {
    const stats = open()
    const known = (): string => stats.facts(KEY, T0).cookies
    const seen: string[] = []
    for (const lesson of ['doubted', 'doubted', 'fine', 'doubted', 'fine', 'broken'] as const) {
      stats.cookiesAre(KEY, lesson, T0)
      seen.push(known())
    }
    expect(seen).toEqual(['doubted', 'broken', 'fine', 'doubted', 'fine', 'broken'])
    stats.cookieCame(KEY, 'x'.repeat(8), T0)
    expect(known()).toBe('fine')
    stats.cookiesAre(KEY, 'broken', T0)
    expect(stats.facts(KEY, T0).serverCookie).toBe('')
  })

  it('are counted in the bytes of a server', () => {
    const stats = open()
    stats.heard(KEY, 10, T0)
    const before = stats.bytes
    stats.cookieCame(KEY, 'x'.repeat(32), T0)
    expect(stats.bytes).toBe(before)
    expect(before).toBeGreaterThanOrEqual(330 + KEY.length + 32)
  })
})

describe('facts of servers', () => {
  it('are set by explicit calls only (CVE-2026-52690)', () => {
    const stats = open()
    for (let i = 0; i < 50; i++) stats.timedOut(KEY, T0, T0)
    stats.heard(KEY, 10, T0)
    expect(stats.facts(KEY, T0)).toMatchObject({ edns: 'unknown', caseSafe: 'unknown' })
    stats.ednsBroken(KEY, T0)
    stats.caseLost(KEY, T0)
    expect(stats.facts(KEY, T0)).toMatchObject({ edns: 'broken', caseSafe: 'no' })
    stats.ednsWorks(KEY, T0)
    stats.caseEchoed(KEY, T0)
    expect(stats.facts(KEY, T0)).toMatchObject({ edns: 'ok', caseSafe: 'yes' })
  })

  it('knows lameness for a server and zone, for lameMs', () => {
    const stats = open({ lameMs: 1000 })
    stats.markLame(KEY, n('example.'), '1', T0)
    expect(stats.isLame(KEY, n('example.'), '1', T0 + 999)).toBe(true)
    expect(stats.isLame(KEY, n('example.'), '1', T0 + 1000)).toBe(false)
    expect(stats.isLame(KEY, n('www.example.'), '1', T0)).toBe(false)
    expect(stats.isLame(OTHER, n('example.'), '1', T0)).toBe(false)
    expect(stats.facts(KEY, T0).srttMs).toBeNull()
    stats.clear()
    expect(stats.isLame(KEY, n('example.'), '1', T0)).toBe(false)
  })

  it('the statistics of servers stay within their budget', () => {
    const stats = new ServerStats(limitsOf(), defaultLimits.upstream, 10_000, 5_000)
    for (let i = 0; i < 1000; i++) {
      stats.heard(`192.0.2.${i}#53`, 1, T0)
      stats.markLame(KEY, n(`zone${i}.`), '1', T0)
    }
    expect(stats.bytes).toBeLessThanOrEqual(15_000)
    expect(stats.size).toBeGreaterThan(10)
    expect(stats.facts('192.0.2.999#53', T0).srttMs).toBe(1)
    expect(stats.facts('192.0.2.0#53', T0).srttMs).toBeNull()
    expect(stats.isLame(KEY, n('zone999.'), '1', T0)).toBe(true)
  })
})

describe('address families', () => {
  const limits = { familyUnreachables: 3, familyQuietMs: 10_000, familyDeadMs: 60_000 }

  it('dies after some failures in a row, is tried again later, and dies at once when that fails', () => {
    const stats = open(limits)
    expect([0, 1, 2, 3].map(i => stats.familyUnreachable(6, T0 + i))).toEqual([false, false, true, false])
    expect([stats.familyUsable(6, T0 + 3), stats.familyUsable(4, T0 + 3)]).toEqual([false, true])
    const probe = T0 + 2 + 60_000
    expect([stats.familyUsable(6, probe - 1), stats.familyUsable(6, probe)]).toEqual([false, true])
    expect(stats.familyUnreachable(6, probe)).toBe(false)
    expect(stats.familyUsable(6, probe + 1)).toBe(false)
  })

  it('lives again with the first thing heard', () => {
    const stats = open(limits)
    for (let i = 0; i < 3; i++) stats.familyUnreachable(6, T0)
    expect(stats.familyHeard(6, T0 + 1)).toBe(true)
    expect(stats.familyUsable(6, T0 + 1)).toBe(true)
    expect(stats.familyHeard(6, T0 + 2)).toBe(false)
    expect([1, 2].map(i => stats.familyUnreachable(6, T0 + seconds(20) + i))).toEqual([false, false])
    expect(stats.familyUsable(6, T0 + seconds(20) + 2)).toBe(true)
  })

  it('does not die while something was heard of late', () => {
    const stats = open(limits)
    stats.familyHeard(6, T0)
    for (let i = 0; i < 10; i++) expect(stats.familyUnreachable(6, T0 + 9_999)).toBe(false)
    expect(stats.familyUsable(6, T0 + 9_999)).toBe(true)
    expect(stats.familyUnreachable(6, T0 + 10_000)).toBe(true)
  })
})
