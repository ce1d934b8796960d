import { createSocket } from 'node:dgram'
import { describe, expect, it } from 'vitest'
import { systemClock, systemRandom } from '../../src/system/system.ts'

describe('systemClock', () => {
  it('is monotonic, above zero, and in milliseconds', () => {
    const clock = systemClock()
    const outer = process.hrtime.bigint()
    const a = clock.now()
    const inner = process.hrtime.bigint()
    while (process.hrtime.bigint() - inner < 3_000_000n);
    const least = Number(process.hrtime.bigint() - inner) / 1e6
    const passed = clock.now() - a
    const most = Number(process.hrtime.bigint() - outer) / 1e6
    expect(a).toBeGreaterThan(0)
    // Less than a millisecond for clocks that count whole ones.
    expect(passed).toBeGreaterThan(least - 1)
    expect(passed).toBeLessThan(most + 1)
  })

  it('gives wall time in whole seconds', () => {
    const before = Math.floor(Date.now() / 1000)
    const wall = systemClock().wall()
    expect(Number.isInteger(wall)).toBe(true)
    expect(wall).toBeGreaterThanOrEqual(before)
    expect(wall).toBeLessThanOrEqual(Date.now() / 1000)
  })

  it('fires once, never early, even when the loop was busy when the timer was set', async () => {
    const clock = systemClock()
    await new Promise(resolve => setImmediate(resolve))
    const busyUntil = clock.now() + 15
    while (clock.now() < busyUntil);
    const set = clock.now()
    const fired = await new Promise<number>(resolve => clock.after(10, () => resolve(clock.now())))
    expect(fired - set).toBeGreaterThanOrEqual(10)
  })

  it('lets an answer that came while the loop was busy be read before the time for it is up', async () => {
    const clock = systemClock()
    const seen: string[] = []
    const receiver = createSocket('udp4')
    const sender = createSocket('udp4')
    try {
      await new Promise<void>(resolve => receiver.bind(0, '127.0.0.1', resolve))
      receiver.on('message', () => seen.push('answer'))
      await new Promise<void>(resolve => {
        sender.send('x', receiver.address().port, '127.0.0.1', () => {
          // Sent, not read yet: the callbacks of this turn run on.
          clock.after(10, () => {
            seen.push('time is up')
            resolve()
          })
          const until = clock.now() + 60
          while (clock.now() < until);
        })
      })
    } finally {
      receiver.close()
      sender.close()
    }
    expect(seen).toEqual(['answer', 'time is up'])
  })

  it('does not fire when cancelled', async () => {
    const clock = systemClock()
    const fired: string[] = []
    clock.after(1, () => fired.push('cancelled'))()
    await new Promise<void>(resolve => clock.after(5, resolve))
    expect(fired).toEqual([])
  })
})

describe('systemRandom', () => {
  it('stays below n and reaches every value', () => {
    const random = systemRandom()
    for (const n of [1, 2, 3, 7, 256, 1000]) {
      const seen = new Set<number>()
      for (let i = 0; i < n * 20; i++) seen.add(random.below(n))
      expect([...seen].every(v => Number.isInteger(v) && v >= 0 && v < n)).toBe(true)
      expect(seen.size).toBeGreaterThan(n * 0.98)
    }
  })

  it('is unbiased where the modulus of a word would be: thirds of 3 x 2^30', () => {
    const random = systemRandom()
    const n = 3 * 2 ** 30
    const counts = [0, 0, 0]
    const draws = 30_000
    for (let i = 0; i < draws; i++) {
      const third = Math.floor(random.below(n) / 2 ** 30)
      counts[third] = (counts[third] ?? 0) + 1
    }
    // A plain modulus would put half of all draws into the first third; the standard deviation here is 82.
    for (const count of counts) expect(Math.abs(count - draws / 3)).toBeLessThan(600)
  })

  it('takes the whole range of words', () => {
    const random = systemRandom()
    const high = Array.from({ length: 200 }, () => random.below(2 ** 32))
    expect(Math.max(...high)).toBeGreaterThan(2 ** 31)
    expect(() => random.below(2 ** 32 + 1)).toThrow(RangeError)
    expect(() => random.below(0)).toThrow(RangeError)
  })

  it('draws 16-bit ids evenly (chi-squared over 256 buckets) and never repeats a pool', () => {
    const random = systemRandom()
    const draws = 65_536
    const buckets = new Array<number>(256).fill(0)
    for (let i = 0; i < draws; i++) {
      const bucket = random.below(65_536) >> 8
      buckets[bucket] = (buckets[bucket] ?? 0) + 1
    }
    const chi = buckets.reduce((sum, seen) => sum + (seen - draws / 256) ** 2 / (draws / 256), 0)
    // 255 degrees of freedom: mean 255, standard deviation 22.6; six of them apart is one in a billion.
    expect(chi).toBeLessThan(255 + 6 * 22.6)
    expect(chi).toBeGreaterThan(255 - 6 * 22.6)
  })

  it('the random source of the system fills every octet', () => {
    const random = systemRandom()
    const [a, b] = [new Uint8Array(32), new Uint8Array(32)]
    random.bytes(a)
    random.bytes(b)
    expect(a).not.toEqual(b)
    expect(new Set(a).size).toBeGreaterThan(10)
  })

  it('hands octets out once, over the end of its pool and beside numbers', () => {
    const random = systemRandom()
    const seen = new Set<string>()
    for (let i = 0; i < 2_000; i++) {
      const octets = new Uint8Array(i % 3 === 0 ? 100 : 33)
      random.bytes(octets)
      random.below(1_000)
      seen.add(Buffer.from(octets).toString('latin1'))
      // Wiped or unfilled places would show: a run of eight zeros is one in 2^64.
      expect(Buffer.from(octets).includes(Buffer.alloc(8))).toBe(false)
    }
    expect(seen.size).toBe(2_000)
  })
})
