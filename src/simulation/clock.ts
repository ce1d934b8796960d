/**
 * The virtual clock of simulations: a heap of events ordered by time, then by the order in which they were asked for.
 * Nothing here waits: time moves only when somebody pops an event, so a resolution that takes eight seconds is one
 * synchronous call. It is not a fake of the platform's timers; code under test gets it through the Clock port.
 *
 * Invariant: `now()` never goes back, and two runs that ask for the same events in the same order see the same times.
 */
import type { Cancel, Clock } from '../ports.ts'
import { simSettings } from './settings.ts'

interface Scheduled {
  readonly at: number
  readonly sequence: number
  /** Null once cancelled or fired; the entry then stays in the heap until its time comes. */
  fire: (() => void) | null
}

export class SimClock implements Clock {
  readonly #heap: Scheduled[] = []
  #now: number
  #sequence = 0
  #live = 0
  #popped = 0
  readonly #wallOffsetS: number

  /**
   * Starts above zero (milliseconds), so that a time of 0 taken for "never" shows up; `wallS` is the wall clock then,
   * in seconds.
   */
  constructor(startMs: number = simSettings.clockStartMs, wallS: number = simSettings.wallStartS) {
    this.#now = startMs
    this.#wallOffsetS = wallS - Math.floor(startMs / 1000)
  }

  now(): number {
    return this.#now
  }

  wall(): number {
    return this.#wallOffsetS + Math.floor(this.#now / 1000)
  }

  after(delayMs: number, fire: () => void): Cancel {
    const entry: Scheduled = { at: this.#now + Math.max(0, delayMs), sequence: this.#sequence++, fire }
    this.#push(entry)
    this.#live++
    return () => {
      if (entry.fire === null) return
      entry.fire = null
      this.#live--
    }
  }

  /** Events still to come, cancelled ones not counted. */
  get pending(): number {
    return this.#live
  }

  /** Events fired so far. */
  get fired(): number {
    return this.#popped
  }

  /** The time of the next event in milliseconds; null when nothing is left to happen. */
  get nextAt(): number | null {
    this.#dropCancelled()
    return this.#heap[0]?.at ?? null
  }

  /** Fires the next event and moves the time to it; false when nothing is left to happen. */
  step(): boolean {
    this.#dropCancelled()
    const entry = this.#pop()
    if (entry === undefined || entry.fire === null) return false
    this.#now = Math.max(this.#now, entry.at)
    const fire = entry.fire
    entry.fire = null
    this.#live--
    this.#popped++
    fire()
    return true
  }

  /** Fires everything that is due within `ms` from now, then stands exactly there. */
  advance(ms: number): void {
    const end = this.#now + ms
    for (let at = this.nextAt; at !== null && at <= end; at = this.nextAt) this.step()
    this.#now = Math.max(this.#now, end)
  }

  /** Fires what is due at this very moment, what those events ask for at once included. */
  settle(): void {
    this.advance(0)
  }

  /**
   * Fires events until `done()` is true. False when the heap ran dry first: whoever waits would wait for ever.
   * Throws when more than `maxEvents` go by, since a simulation that never rests is a bug too.
   */
  runUntil(done: () => boolean, maxEvents: number = simSettings.maxEvents): boolean {
    for (let count = 0; !done(); count++) {
      if (count >= maxEvents) throw new Error(`the simulation did not come to rest within ${maxEvents} events`)
      if (!this.step()) return false
    }
    return true
  }

  #dropCancelled(): void {
    for (let top = this.#heap[0]; top !== undefined && top.fire === null; top = this.#heap[0]) this.#pop()
  }

  #push(entry: Scheduled): void {
    const heap = this.#heap
    heap.push(entry)
    let at = heap.length - 1
    while (at > 0) {
      const above = (at - 1) >> 1
      const parent = heap[above]
      if (parent === undefined || !isBefore(entry, parent)) break
      heap[at] = parent
      at = above
    }
    heap[at] = entry
  }

  #pop(): Scheduled | undefined {
    const heap = this.#heap
    const top = heap[0]
    const last = heap.pop()
    if (top === undefined || last === undefined || heap.length === 0) return top
    let at = 0
    for (;;) {
      const left = heap[2 * at + 1]
      const right = heap[2 * at + 2]
      const child = right !== undefined && left !== undefined && isBefore(right, left) ? right : left
      if (child === undefined || !isBefore(child, last)) break
      heap[at] = child
      at = child === left ? 2 * at + 1 : 2 * at + 2
    }
    heap[at] = last
    return top
  }
}

const isBefore = (a: Scheduled, b: Scheduled): boolean => a.at < b.at || (a.at === b.at && a.sequence < b.sequence)

/**
 * `'59s'`, `'1h30m'`, `'250ms'` or a number of milliseconds, as milliseconds. Throws on anything else: it is a mistake
 * in a test.
 */
export function parseDuration(duration: string | number): number {
  if (typeof duration === 'number') return duration
  const unitMs: ReadonlyMap<string, number> = new Map([
    ['ms', 1],
    ['s', 1_000],
    ['m', 60_000],
    ['h', 3_600_000],
    ['d', 86_400_000],
  ])
  const parts = [...duration.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)]
  if (parts.length === 0 || parts.map(p => p[0]).join('') !== duration)
    throw new Error(`"${duration}" is not a duration such as 250ms, 59s or 1h30m`)
  return parts.reduce((sum, part) => sum + Number(part[1]) * (unitMs.get(part[2] ?? '') ?? 0), 0)
}
