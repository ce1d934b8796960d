/**
 * The real clock and the real randomness for the ports. Not a place for policy: both do what `ports.ts` promises and
 * nothing more. Invariant: every random number comes from the operating system's CSPRNG (BIND CVE-2025-40780: the state
 * of a fast generator was recovered from the IDs it made).
 */
import { randomFillSync } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import type { Cancel, Clock, Random } from '../ports.ts'
import { LONGEST_WHEEL_MS, TimerWheel } from './timer-wheel.ts'

/** Octets drawn at once: one call costs about 1 us whether for 4 octets or for thousands. */
const POOL_OCTETS = 8_192
const WORD_OCTETS = 4
/** Requests up to this come out of the pool: a call for the letters of one name was 4 % of the time of a look-up. */
const POOLED_OCTETS = 64
const WORD_VALUES = 2 ** 32
const NANOS_PER_MS = 1e6
/** Above this `setTimeout` fires at once instead of late. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/**
 * Monotonic time since the process started (never zero), wall time, and timers that are late by 4 ms and never early.
 */
export function systemClock(): Clock {
  const now = (): number => performance.now()
  const wheel = new TimerWheel(now)
  return {
    now,
    wall: () => Math.floor(Date.now() / 1000),
    after(delayMs, fire) {
      if (delayMs <= 0) return afterTurn(fire)
      return delayMs <= LONGEST_WHEEL_MS ? wheel.after(delayMs, fire) : afterLong(delayMs, fire)
    },
  }
}

/**
 * Where a system clock began, in milliseconds of the monotonic clock of the machine, which all threads share
 * (`performance.now()` restarts in each). The difference of two origins turns the time of one thread into that of the
 * other.
 */
export const clockOrigin = (clock: Pick<Clock, 'now'>): number =>
  Number(process.hrtime.bigint()) / NANOS_PER_MS - clock.now()

/**
 * Timers count from the start of the loop's turn and may fire early by its length; this one waits for the rest, so
 * `fire` is never early.
 */
function afterLong(delayMs: number, fire: () => void): Cancel {
  const due = performance.now() + delayMs
  const tick = (): void => {
    const left = due - performance.now()
    if (left > 0) timer = setTimeout(tick, Math.min(left, LONGEST_TIMER_MS))
    else fire()
  }
  let timer = setTimeout(tick, Math.min(delayMs, LONGEST_TIMER_MS))
  return () => clearTimeout(timer)
}

/** After the current turn of the loop. */
function afterTurn(fire: () => void): Cancel {
  const immediate = setImmediate(fire)
  return () => clearImmediate(immediate)
}

/** A generator with its own pool of octets from the CSPRNG; octets are handed out once and wiped. */
export function systemRandom(): Random {
  const pool = Buffer.alloc(POOL_OCTETS)
  let at = POOL_OCTETS

  const reserve = (octets: number): void => {
    if (at + octets <= POOL_OCTETS) return
    randomFillSync(pool)
    at = 0
  }

  const word = (): number => {
    reserve(WORD_OCTETS)
    const value = pool.readUInt32LE(at)
    pool.writeUInt32LE(0, at)
    at += WORD_OCTETS
    return value
  }

  return {
    below(n) {
      if (!Number.isInteger(n) || n < 1 || n > WORD_VALUES) throw new RangeError(`no random integer below ${n}`)
      // Words in the last, incomplete run of n would make small results likelier: they are drawn again.
      const usable = WORD_VALUES - (WORD_VALUES % n)
      for (;;) {
        const value = word()
        if (value < usable) return value % n
      }
    },
    bytes(into) {
      if (into.length > POOLED_OCTETS) {
        randomFillSync(into)
        return
      }
      reserve(into.length)
      for (let i = 0; i < into.length; i++) {
        into[i] = pool[at] ?? 0
        pool[at++] = 0
      }
    },
  }
}
