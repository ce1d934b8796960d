import { describe, expect, it } from 'vitest'
import { Tickets } from '../../../src/net/tls-tickets.ts'
import { LearntIdle } from '../../../src/net/upstream/idle-times.ts'

const made = () => new LearntIdle({ idleMs: 20_000, leastMs: 1_000, servers: 2 })

describe('the idle time of a server', () => {
  it.each<[string, readonly number[], number, number]>([
    ['nothing is known of', [], 0, 20_000],
    ['closed after 12 s', [12_000], 0, 9_000],
    ['closed after 12 s, then after 4', [12_000, 4_000], 0, 3_000],
    ['closed after 4 s, then after 12', [4_000, 12_000], 0, 3_000],
    ['closed at once', [1], 0, 1_000],
    ['closed later than we would', [60_000], 0, 20_000],
    ['says 10 s', [], 10_000, 7_500],
    ['says 2 minutes', [], 120_000, 20_000],
    ['says 10 s and closed after 4', [4_000], 10_000, 3_000],
  ])('that %s (%j, %i ms) is %i ms', (_what, closed, kept, limit) => {
    const idle = made()
    for (const ms of closed) idle.closed('a', ms)
    expect(idle.limitOf('a', kept)).toBe(limit)
    expect(idle.limitOf('b', 0)).toBe(20_000)
  })

  it('grows again while connections last', () => {
    const idle = made()
    idle.closed('a', 1_000)
    const seen = [idle.limitOf('a', 0)]
    for (let i = 0; i < 30; i++) {
      idle.lasted('a')
      seen.push(idle.limitOf('a', 0))
    }
    expect(seen.slice(0, 3)).toEqual([1_000, 1_125, 1_266])
    expect(seen.at(-1)).toBe(20_000)
    expect(seen).toEqual([...seen].sort((a, b) => a - b))
  })

  it('is remembered of a bounded number of servers', () => {
    const idle = made()
    for (const key of ['a', 'b', 'c']) idle.closed(key, 4_000)
    expect(['a', 'b', 'c'].map(key => idle.limitOf(key, 0))).toEqual([20_000, 3_000, 3_000])
  })
})

describe('tickets', () => {
  it('are given out once, the newest first, of a bounded number', () => {
    const tickets = new Tickets<number>({ perServer: 2, servers: 2 })
    for (const n of [1, 2, 3]) tickets.put('a', n)
    expect([tickets.take('a'), tickets.take('a'), tickets.take('a'), tickets.take('b')]).toEqual([
      3,
      2,
      undefined,
      undefined,
    ])
    for (const key of ['a', 'b', 'c']) tickets.put(key, 1)
    expect(['a', 'b', 'c'].map(key => tickets.take(key))).toEqual([undefined, 1, 1])
  })
})
