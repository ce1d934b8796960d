/**
 * The clock of a test: stands still until the test moves it. Several things may share one (a simulated internet,
 * caching resolvers in front of a stub), so that a minute is the same minute for all of them. The virtual clock of
 * simulations with what a test wants to write; it is no fake of the platform's timers, which go on as ever.
 */
import type { Clock } from '../../ports.ts'
import { parseDuration, SimClock } from '../../simulation/clock.ts'
import { simSettings } from '../../simulation/settings.ts'
import { atCaller, type Entry, mistake } from '../../input/mistake.ts'
import { described } from '../../input/names.ts'

/** `'59s'`, `'1h30m'`, `'250ms'`, `'2d'`, or a number of milliseconds. */
export type Duration = string | number

export interface ClockOptions {
  /** Default 2026-01-01T00:00:00Z. */
  readonly at?: Date | string
}

export class TestClock extends SimClock {
  /** Lets time pass; what is due in it happens. Throws a TypeError for what is no duration. */
  override advance(duration: Duration): void {
    super.advance(durationMs(duration, this.advance))
  }

  /** The time of day. */
  get date(): Date {
    return this.dateAt(this.now())
  }

  /** The time of day when `now()` was this. */
  dateAt(nowMs: number): Date {
    return new Date((this.wall() - Math.floor(this.now() / 1_000)) * 1_000 + Math.floor(nowMs))
  }
}

/** A clock of one's own. `now()` starts at a moment that is neither zero nor round. */
export function createClock(options: ClockOptions = {}): TestClock {
  return new TestClock(
    simSettings.clockStartMs,
    atCaller(createClock, () => secondsOf(options.at)),
  )
}

function secondsOf(at: unknown): number {
  if (at === undefined) return simSettings.wallStartS
  const ms = at instanceof Date ? at.getTime() : typeof at === 'string' ? Date.parse(at) : Number.NaN
  return Number.isNaN(ms)
    ? mistake(`expected at to be a date like "2026-01-01T00:00:00Z", found ${described(at)}`)
    : Math.floor(ms / 1_000)
}

/** Milliseconds of a duration that a test wrote; a mistake is one of the caller of `entry`. */
export function durationMs(duration: unknown, entry: Entry): number {
  return atCaller(entry, () => {
    if (typeof duration === 'number' && Number.isFinite(duration) && duration >= 0) return duration
    if (typeof duration !== 'string')
      return mistake(
        `expected a duration like "59s", "1h30m" or milliseconds (time does not go back), found ${described(duration)}`,
      )
    try {
      return parseDuration(duration)
    } catch {
      return mistake(`expected a duration like "59s", "250ms" or "1h30m", found ${described(duration)}`)
    }
  })
}

/** TTLs of one clock, time-outs of another: for what talks to real sockets while time stands still. */
export const withTimersOf = (times: Clock, timers: Clock): Clock => ({
  now: () => times.now(),
  wall: () => times.wall(),
  after: (delayMs, fire) => timers.after(delayMs, fire),
})
