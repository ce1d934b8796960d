import { describe, expect, it } from 'vitest'
import { parseDuration, SimClock } from '../../src/simulation/clock.ts'
import { SimRandom } from '../../src/simulation/random.ts'

describe('SimClock', () => {
  it('the simulated clock starts above zero', () => {
    expect(new SimClock().now()).toBeGreaterThan(0)
  })

  it('fires by time, then by order of asking, and stands at the time of the event', () => {
    const clock = new SimClock(100)
    const seen: string[] = []
    const note = (what: string) => () => seen.push(`${what}@${clock.now()}`)
    clock.after(5, note('b'))
    clock.after(1, note('a'))
    clock.after(5, note('c'))
    clock.after(0, note('first'))
    expect(clock.runUntil(() => seen.length === 4)).toBe(true)
    expect(seen).toEqual(['first@100', 'a@101', 'b@105', 'c@105'])
  })

  it('keeps the order of a thousand random delays', () => {
    const random = new SimRandom(7)
    const clock = new SimClock(1)
    const seen: number[] = []
    for (let i = 0; i < 1000; i++) {
      const delay = random.below(50)
      clock.after(delay, () => seen.push(delay * 1000 + i))
    }
    clock.advance(50)
    expect(seen).toHaveLength(1000)
    expect(seen).toEqual([...seen].sort((a, b) => a - b))
  })

  it('does not fire what was cancelled, and does not count it', () => {
    const clock = new SimClock(1)
    let fired = 0
    const cancel = clock.after(1, () => fired++)
    clock.after(2, () => fired++)
    cancel()
    cancel()
    expect(clock.pending).toBe(1)
    expect(clock.nextAt).toBe(3)
    clock.advance(10)
    expect(fired).toBe(1)
    expect(clock.pending).toBe(0)
    expect(clock.now()).toBe(11)
  })

  it('cancelling an event that has fired changes nothing', () => {
    const clock = new SimClock(1)
    const cancel = clock.after(0, () => undefined)
    clock.settle()
    cancel()
    expect(clock.pending).toBe(0)
  })

  it('advance fires what events ask for on the way, not what lies behind the end', () => {
    const clock = new SimClock(1)
    const seen: number[] = []
    const again = (): void => {
      seen.push(clock.now())
      clock.after(10, again)
    }
    clock.after(10, again)
    clock.advance(35)
    expect(seen).toEqual([11, 21, 31])
    expect(clock.now()).toBe(36)
  })

  it('says when nothing is left to happen', () => {
    const clock = new SimClock(1)
    clock.after(1, () => undefined)
    expect(clock.runUntil(() => false)).toBe(false)
  })

  it('throws on a simulation that never rests', () => {
    const clock = new SimClock(1)
    const again = (): void => {
      clock.after(0, again)
    }
    again()
    expect(() => clock.runUntil(() => false, 1000)).toThrow(/did not come to rest/)
  })

  it('moves the wall clock with it', () => {
    const clock = new SimClock(5_500, 2_000_000_000)
    clock.advance(1_500)
    expect(clock.wall()).toBe(2_000_000_002)
  })
})

describe('parseDuration', () => {
  it.each([
    ['59s', 59_000],
    ['250ms', 250],
    ['1h30m', 5_400_000],
    ['2d', 172_800_000],
    [17, 17],
  ])('%s is %d ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms)
  })
  it.each(['', '5', 'x', '5s nonsense', '5 s', 's'])('refuses %j', text => {
    expect(() => parseDuration(text)).toThrow(/not a duration/)
  })
})

describe('SimRandom', () => {
  it('gives the same numbers for the same seed and others for another', () => {
    const draw = (seed: number): number[] => {
      const random = new SimRandom(seed)
      return Array.from({ length: 20 }, () => random.below(1 << 30))
    }
    expect(draw(1)).toEqual(draw(1))
    expect(draw(1)).not.toEqual(draw(2))
    expect(draw(0)).not.toEqual(draw(2 ** 32))
    expect(draw(-1)).not.toEqual(draw(1))
  })

  it('is level: each of 16 buckets gets its share of 64,000 draws, for many seeds', () => {
    for (const seed of [0, 1, 2, 12345, 2 ** 40 + 1]) {
      const random = new SimRandom(seed)
      const buckets = Array<number>(16).fill(0)
      for (let i = 0; i < 64_000; i++) {
        const at = random.below(16)
        buckets[at] = (buckets[at] ?? 0) + 1
      }
      // chi-square with 15 degrees of freedom: 44.3 is passed once in 10,000 fair runs
      expect(buckets.reduce((sum, n) => sum + (n - 4000) ** 2 / 4000, 0)).toBeLessThan(44.3)
    }
  })

  it('seeds next to each other give unrelated numbers', () => {
    const first = Array.from({ length: 2000 }, (_, seed) => new SimRandom(seed).below(2))
    const ones = first.filter(bit => bit === 1).length
    expect(Math.abs(ones - 1000)).toBeLessThan(150)
  })

  it('below stays in range up to 2^32 and refuses what makes no sense', () => {
    const random = new SimRandom(3)
    for (const n of [1, 2, 3, 1000, 2 ** 31 + 1, 2 ** 32]) {
      const value = random.below(n)
      expect(value).toBeGreaterThanOrEqual(0)
      expect(value).toBeLessThan(n)
    }
    expect(() => random.below(0)).toThrow(RangeError)
    expect(() => random.below(2 ** 32 + 1)).toThrow(RangeError)
    expect(() => random.below(Number.NaN)).toThrow(RangeError)
  })

  it('the simulated source of chance fills every octet', () => {
    const bytes = new Uint8Array(4096)
    new SimRandom(9).bytes(bytes)
    expect(new Set(bytes).size).toBe(256)
  })

  it('forks into streams of their own', () => {
    const a = new SimRandom(5)
    const before = a.fork('network').below(2 ** 32)
    a.below(10)
    expect(a.fork('network').below(2 ** 32)).toBe(before)
    expect(a.fork('servers').below(2 ** 32)).not.toBe(before)
    expect(new SimRandom(6).fork('network').below(2 ** 32)).not.toBe(before)
  })
})
