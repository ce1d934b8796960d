/**
 * Many timers on one of the system's: nearly all are set to be cancelled (a server answers long before its time is up),
 * so setting and cancelling must cost next to nothing, while a few milliseconds of lateness do no harm. Timers lie in a
 * ring of slots by when they are due; the system's timer stands on the first slot in use and is not moved by a cancel.
 *
 * Invariants: a timer never fires early and fires once; one that was cancelled does not fire; the process is kept alive
 * exactly as long as one is pending; what one throws keeps no other from firing.
 */
import type { Cancel } from '../ports.ts'

/**
 * Width of a slot: how late a timer may be. Below what any time-out here means; the system's own timers are late by 1
 * ms.
 */
const GRAIN_MS = 4
/** A power of two; with the grain 16 s, longer than anything that is set for every query. */
const SLOTS = 4_096
/** What is set for longer than this goes to the system, with a margin for a loop that runs late. */
export const LONGEST_WHEEL_MS: number = (SLOTS * GRAIN_MS) / 2

/** A timer in the ring of its slot; `fire` is null once it fired or was cancelled. */
class Entry {
  readonly due: number
  fire: (() => void) | null
  before: Entry = this
  next: Entry = this

  constructor(due: number, fire: (() => void) | null) {
    this.due = due
    this.fire = fire
  }
}

export class TimerWheel {
  readonly #now: () => number
  /** One for each slot that was ever used: an entry that never fires, in front of the others. */
  readonly #heads: (Entry | undefined)[] = Array<Entry | undefined>(SLOTS).fill(undefined)
  #pending = 0
  /** The last slot whose time has come, counted from the beginning of the clock. */
  #passed: number
  #timer: NodeJS.Timeout | null = null
  #armedFor = Number.POSITIVE_INFINITY

  /** `now` in milliseconds, monotonic. */
  constructor(now: () => number) {
    this.#now = now
    this.#passed = Math.floor(now() / GRAIN_MS)
  }

  get pending(): number {
    return this.#pending
  }

  /** `delayMs` is above 0 and at most `LONGEST_WHEEL_MS`. */
  after(delayMs: number, fire: () => void): Cancel {
    const due = this.#now() + delayMs
    const slot = Math.ceil(due / GRAIN_MS)
    const head = this.#head(slot)
    const entry = new Entry(due, fire)
    entry.before = head.before
    entry.next = head
    head.before.next = entry
    head.before = entry
    if (this.#pending++ === 0) this.#timer?.ref()
    if (slot < this.#armedFor) this.#arm(slot)
    return () => {
      if (entry.fire !== null) this.#remove(entry)
    }
  }

  #remove(entry: Entry): void {
    entry.fire = null
    entry.before.next = entry.next
    entry.next.before = entry.before
    // Left pointing at younger timers, one that the collector took for old would keep all that came after it.
    entry.before = entry
    entry.next = entry
    if (--this.#pending === 0) this.#timer?.unref()
  }

  #arm(slot: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#armedFor = slot
    this.#timer = setTimeout(() => this.#due(), Math.max(1, slot * GRAIN_MS - this.#now()))
  }

  /**
   * The loop runs timers before it reads sockets: after a stretch of work that was longer than a time-out, every answer
   * that came meanwhile would count as missing (measured at twice the machine's load: 1 of 170 names unresolved). So it
   * reads first.
   */
  #due(): void {
    this.#timer = null
    setImmediate(() => this.#tick())
  }

  #tick(): void {
    this.#armedFor = Number.POSITIVE_INFINITY
    const now = this.#now()
    const until = Math.floor(now / GRAIN_MS)
    try {
      for (let slot = Math.max(this.#passed, until - SLOTS) + 1; slot <= until; slot++) this.#fireSlot(slot, now)
      this.#passed = until
    } finally {
      const first = this.#pending === 0 ? -1 : this.#firstUsed()
      if (first >= 0 && first < this.#armedFor) this.#arm(first)
    }
  }

  #fireSlot(slot: number, now: number): void {
    const head = this.#heads[slot & (SLOTS - 1)]
    if (head === undefined) return
    const due: Entry[] = []
    // The ring may have come round while the loop was stopped: a slot then holds what is due a turn later, too.
    for (let entry = head.next; entry !== head; entry = entry.next) if (entry.due <= now) due.push(entry)
    for (const entry of due) {
      const { fire } = entry
      if (fire === null) continue
      this.#remove(entry)
      fire()
    }
  }

  /** The next slot with anything in it, -1 when there is none. */
  #firstUsed(): number {
    for (let slot = this.#passed + 1; slot <= this.#passed + SLOTS; slot++) {
      const head = this.#heads[slot & (SLOTS - 1)]
      if (head !== undefined && head.next !== head) return slot
    }
    return -1
  }

  #head(slot: number): Entry {
    const known = this.#heads[slot & (SLOTS - 1)]
    if (known !== undefined) return known
    const head = new Entry(0, null)
    this.#heads[slot & (SLOTS - 1)] = head
    return head
  }
}
