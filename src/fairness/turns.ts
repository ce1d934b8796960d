/**
 * The time of one thread, shared out by owner: what comes is taken up at once as long as nothing waits and the present
 * turn of the loop has time left for it; the rest waits and is taken up in the turns after, by turns of the owners. So
 * a flood waits for itself, and another owner waits for a turn of the loop, however much of the flood waits.
 *
 * Invariants: an item is taken up once, or withdrawn; in each turn at least `leastTaken` are, however slow the clock
 * says we are.
 */
import type { Clock } from '../ports.ts'
import type { Owner } from './owner.ts'
import { ShareTree, type Place } from './share-tree.ts'

export interface TurnsLimits {
  /** Time for taking up in one turn of the loop. */
  readonly turnMs: number
  /**
   * Taken up in a turn in any case: where other programs have the core, the time is over after the first, and all else
   * that a turn costs would be paid for that one.
   */
  readonly leastTaken: number
}

/** What a look-up goes on with one result for, about: who has dearer ones (signatures to verify) has fewer turns. */
const COST_OF_A_TURN_MS = 0.1

/** The number of turns that something of this duration is charged with. */
export const turnsOf = (ms: number): number => Math.round(ms / COST_OF_A_TURN_MS)

export class Turns<T> {
  readonly #limits: TurnsLimits
  readonly #clock: Pick<Clock, 'now' | 'after'>
  readonly #take: (item: T) => void
  readonly #waiting = new ShareTree<T>()
  #until = 0
  #taken = 0
  #scheduled = false

  /** Takes up what has waited. It may bring more, and throws nothing. */
  constructor(limits: TurnsLimits, clock: Pick<Clock, 'now' | 'after'>, take: (item: T) => void) {
    this.#limits = limits
    this.#clock = clock
    this.#take = take
  }

  get waiting(): number {
    return this.#waiting.size
  }

  /** May one more be taken up now, by the caller? It counts as taken up. */
  takesNow(): boolean {
    this.#begin()
    if (this.#waiting.size > 0 || !this.#hasTime()) return false
    this.#taken++
    return true
  }

  /** Taken up when its turn comes. */
  wait(owner: Owner, item: T): Place<T> {
    this.#begin()
    return this.#waiting.add(owner, item)
  }

  /** False when it does not wait any more. */
  withdraw(place: Place<T>): boolean {
    return this.#waiting.delete(place)
  }

  /** Takes out what makes room for an item of `newcomer`: the oldest of the owner with most. */
  giveUp(newcomer: Owner): T | undefined {
    const most = this.#waiting.toGive(newcomer)
    if (most !== undefined) this.#waiting.delete(most.place)
    return most?.item
  }

  #hasTime(): boolean {
    return this.#taken < this.#limits.leastTaken || this.#clock.now() < this.#until
  }

  /** The first of a turn starts its time. */
  #begin(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    this.#until = this.#clock.now() + this.#limits.turnMs
    this.#taken = 0
    this.#clock.after(0, () => this.#next())
  }

  #next(): void {
    this.#scheduled = false
    if (this.#waiting.size === 0) return
    this.#begin()
    let before = this.#clock.now()
    while (this.#taken < this.#limits.leastTaken || before < this.#until) {
      const place = this.#waiting.take()
      if (place === undefined) return
      this.#taken++
      this.#take(place.item)
      const now = this.#clock.now()
      this.#waiting.charge(place, turnsOf(now - before))
      before = now
    }
  }
}
