import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { TimerWheel } from '../../src/system/timer-wheel.ts'

/** The system's timers and the clock go by hand. */
beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate'] }))
afterEach(() => void vi.useRealTimers())

function makeWheel(): {
  wheel: TimerWheel
  fired: string[]
  set: (name: string, ms: number) => () => void
  pass: (ms: number) => void
  jump: (ms: number, look?: boolean) => void
} {
  let now = 1_000.5
  const wheel = new TimerWheel(() => now)
  const fired: string[] = []
  const pass = (ms: number): void => {
    for (let i = 0; i < ms; i++) {
      now++
      vi.advanceTimersByTime(1)
    }
  }
  // The loop was stopped meanwhile: all of the time is found to have passed at once.
  const jump = (ms: number, look = true): void => {
    now += ms
    if (!look) return
    // First the system's timer, then the wheel's turn behind the sockets.
    vi.advanceTimersToNextTimer().advanceTimersToNextTimer()
  }
  return {
    wheel,
    fired,
    set: (name, ms) => wheel.after(ms, () => fired.push(`${name}@${Math.round(now - 1_000.5)}`)),
    pass,
    jump,
  }
}

describe('TimerWheel', () => {
  it('fires in order of time, never early, at most 5 ms late', () => {
    const { wheel, fired, set, pass } = makeWheel()
    const due = [400, 1, 37, 4, 36, 8_000, 100, 399]
    for (const ms of due) set(String(ms), ms)
    pass(8_010)
    const seen = fired.map(text => text.split('@').map(Number))
    expect(seen.map(([ms]) => ms).sort((a = 0, b = 0) => a - b)).toEqual([...due].sort((a, b) => a - b))
    for (const [ms = 0, at = 0] of seen) {
      expect(at).toBeGreaterThanOrEqual(ms)
      expect(at).toBeLessThanOrEqual(ms + 5)
    }
    expect(seen.map(([, at]) => at)).toEqual(seen.map(([, at]) => at).sort((a = 0, b = 0) => a - b))
    expect([wheel.pending, vi.getTimerCount()]).toEqual([0, 0])
  })

  it('does not fire what was cancelled, neither before nor from within another of the same moment', () => {
    const { wheel, fired, set, pass } = makeWheel()
    const cancel = set('a', 10)
    set('b', 10)
    cancel()
    cancel()
    let cancelLast = (): void => {}
    wheel.after(20, () => cancelLast())
    cancelLast = set('c', 20)
    set('d', 20)
    expect(wheel.pending).toBe(4)
    pass(40)
    expect(fired.map(text => text[0])).toEqual(['b', 'd'])
    expect(wheel.pending).toBe(0)
  })

  it('goes on with timers set from within one', () => {
    const { wheel, fired, set, pass } = makeWheel()
    wheel.after(10, () => void set('second', 10))
    pass(40)
    expect(fired).toHaveLength(1)
    expect(Number(fired[0]?.split('@')[1])).toBeGreaterThanOrEqual(20)
  })

  it('a timer that throws keeps no other from firing', () => {
    const { wheel, fired, set, pass } = makeWheel()
    wheel.after(10, () => {
      throw new Error('bug')
    })
    set('same moment', 10)
    set('later', 30)
    expect(() => pass(20)).toThrow('bug')
    pass(40)
    expect(fired.map(text => text.split('@')[0])).toEqual(['same moment', 'later'])
  })

  it.each([9_000, 16_384, 20_000, 100_000])('after a stop of %d ms everything due fires and nothing else', ms => {
    const { wheel, fired, set, jump, pass } = makeWheel()
    for (const delay of [1, 500, 8_000]) set(String(delay), delay)
    jump(ms)
    expect(fired).toHaveLength(3)
    set('new', 50)
    pass(49)
    expect(fired).toHaveLength(3)
    pass(10)
    expect([fired.length, wheel.pending]).toEqual([4, 0])
  })

  it('leaves alone what lies in the same slot but is due a round later', () => {
    const { fired, set, jump, pass } = makeWheel()
    set('near', 8_000)
    // The loop is stopped for a whole round, and sets a timer before it looks at those whose time has come.
    jump(16_384, false)
    set('a round later', 8_000)
    jump(0)
    expect(fired.map(text => text.split('@')[0])).toEqual(['near'])
    pass(8_010)
    expect(fired.map(text => text.split('@')[0])).toEqual(['near', 'a round later'])
  })

  it('keeps one timer of the system, whatever number is pending and cancelled', () => {
    const { set } = makeWheel()
    const cancels = Array.from({ length: 1_000 }, (_, i) => set('x', 400 + i))
    expect(vi.getTimerCount()).toBe(1)
    for (const cancel of cancels) cancel()
    expect(vi.getTimerCount()).toBe(1)
    vi.advanceTimersByTime(500)
    expect(vi.getTimerCount()).toBe(0)
  })
})
