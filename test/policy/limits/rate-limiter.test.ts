import { describe, expect, test } from 'vitest'
import { ipFromBytes, parseIp, parsePrefix, type IpAddress } from '../../../src/dns/address.ts'
import { RateLimiter, rateMemory, type RateSettings } from '../../../src/policy/limits/rate-limiter.ts'

const settings = (more: Partial<RateSettings> = {}): RateSettings => ({
  unverified: { perSecond: 5, burst: 10 },
  verified: { perSecond: 50, burst: 100 },
  prefix4: 24,
  prefix6: 56,
  exempt: ['127.0.0.0/8', '::1'].flatMap(text => parsePrefix(text) ?? []),
  slip: 2,
  dryRun: false,
  ...more,
})
const make = (more: Partial<RateSettings> = {}, entries = 1_024): RateLimiter =>
  new RateLimiter(settings(more), rateMemory(entries, [1, 2]))
function ip(text: string): IpAddress {
  const parsed = parseIp(text)
  if (parsed === null) throw new Error(text)
  return parsed
}
/** How many of `count` queries at `now` are within the limit. */
const within = (limiter: RateLimiter, from: string, now: number, count: number, verified = false): number =>
  Array.from({ length: count }, () => limiter.takes(ip(from), verified, now)).filter(Boolean).length

describe('a rate for each network of clients', () => {
  test('lets a burst pass, and then as many a second as it says', () => {
    const limiter = make()
    expect(within(limiter, '192.0.2.1', 1_000, 30)).toBe(10)
    expect(limiter.waitMs).toBe(200)
    expect(within(limiter, '192.0.2.1', 1_199, 5)).toBe(0)
    expect(within(limiter, '192.0.2.1', 1_200, 5)).toBe(1)
    expect(within(limiter, '192.0.2.1', 2_200, 30)).toBe(5)
    expect(within(limiter, '192.0.2.1', 60_000, 30)).toBe(10)
  })

  test.each([
    ['192.0.2.1', '192.0.2.255', 0],
    ['192.0.2.1', '192.0.3.1', 10],
    ['2001:db8::1', '2001:db8:0:ff::1', 0],
    ['2001:db8::1', '2001:db8:0:100::1', 10],
    ['32.1.13.184', '2001:db8::', 10],
  ])('after %s has had its share, %s has %i', (first, second, count) => {
    const limiter = make()
    within(limiter, first, 1_000, 30)
    expect(within(limiter, second, 1_000, 30)).toBe(count)
  })

  test('counts answers apart, by network and question', () => {
    const limiter = make({ answers: { perSecond: 1, burst: 3 } })
    const passed = (from: string, question: readonly number[]): number =>
      Array.from({ length: 9 }, () =>
        limiter.takesAnswer(ip(from), Int32Array.from(question), question.length * 4, 1_000),
      ).filter(Boolean).length
    expect(passed('192.0.2.1', [1, 2])).toBe(3)
    expect(passed('192.0.2.9', [1, 2])).toBe(0)
    expect(passed('192.0.2.9', [1, 3])).toBe(3)
    expect(passed('198.51.100.1', [1, 2])).toBe(3)
    // The rate of all queries is another.
    expect(within(limiter, '192.0.2.1', 1_000, 30)).toBe(10)
    const only = make({ answers: { perSecond: 1, burst: 3 }, answersOnly: true })
    expect(within(only, '192.0.2.1', 1_000, 300)).toBe(300)
    expect(make().takesAnswer(ip('192.0.2.1'), Int32Array.of(1), 4, 1_000)).toBe(true)
  })

  test('counts clients that are verified apart, with their own rate', () => {
    const limiter = make()
    within(limiter, '192.0.2.1', 1_000, 30)
    expect(within(limiter, '192.0.2.1', 1_000, 300, true)).toBe(100)
  })

  test('is exact over threads that share its memory', () => {
    const memory = rateMemory(64, [7, 8])
    const threads = [new RateLimiter(settings(), memory), new RateLimiter(settings(), memory)]
    const passed = Array.from({ length: 30 }, (_, i) => threads[i % 2]?.takes(ip('192.0.2.1'), false, 1_000))
    expect(passed.filter(Boolean)).toHaveLength(10)
  })

  test('is the same for an address as for its words in memory', () => {
    const limiter = make()
    within(limiter, '192.0.2.1', 1_000, 30)
    const [word = 0] = new Uint32Array(Uint8Array.of(192, 0, 2, 9).buffer)
    expect(limiter.takesWords(word, 0, 0, 0, 4, false, 1_000)).toBe(false)
  })

  test('takes the share of a query that waits for it, up to what may wait', () => {
    const limiter = make()
    within(limiter, '192.0.2.1', 1_000, 10)
    const waits = Array.from({ length: 5 }, () =>
      limiter.takes(ip('192.0.2.1'), false, 1_000, 500) ? 0 : limiter.waitMs,
    )
    expect(waits).toEqual([200, 400, 600, 600, 600])
  })

  test('holds over the day on which its times begin again', () => {
    const limiter = make()
    const wrap = 2 ** 31 / 50
    expect(within(limiter, '192.0.2.1', wrap - 100, 30)).toBe(10)
    expect(within(limiter, '192.0.2.1', wrap + 100, 30)).toBe(1)
    for (let hours = 1; hours < 60; hours += 7)
      expect(within(limiter, '192.0.2.1', wrap + hours * 3_600_000, 30), `${hours} hours`).toBe(10)
  })

  test('a flood from a million forged networks leaves an honest one what it may ask, and itself no more', () => {
    const limiter = make({}, 4_096)
    let honest = 0
    for (let i = 0; i < 1_000_000; i++) {
      const forged = ipFromBytes(Uint8Array.of(10 + (i >> 16), (i >> 8) & 0xff, i & 0xff, 1))
      limiter.takes(forged, false, 1_000 + i / 100)
      if (i % 20_000 === 0 && limiter.takes(ip('192.0.2.1'), false, 1_000 + i / 100)) honest++
    }
    expect(honest).toBe(50)
  })

  test('answers every second datagram above the limit with TC, or none', () => {
    const limiter = make()
    expect(Array.from({ length: 4 }, () => limiter.slip())).toEqual(['drop', 'truncate', 'drop', 'truncate'])
    const none = make({ slip: 0 })
    expect(Array.from({ length: 3 }, () => none.slip())).toEqual(['drop', 'drop', 'drop'])
  })

  test('knows who is exempt', () => {
    expect(['127.0.0.9', '::1', '192.0.2.1'].map(text => make().isExempt(ip(text)))).toEqual([true, true, false])
  })
})
