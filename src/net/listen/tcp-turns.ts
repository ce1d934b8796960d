/**
 * How much of what TCP clients have sent is taken up in one turn of the loop, and in whose turn. A connection hands
 * over up to 64 KiB at once, a thousand queries, and all connections are of one thread with UDP misses, replies of
 * servers and timers. So queries are taken up to a bound of their number and of time, by turns of the clients' blocks
 * and of their connections; what is left waits for the next turn. A turn costs the time that it took (`Turns` of
 * `fairness/` does the same for datagrams): who asks what is dear has fewer.
 *
 * Invariants: a connection with something to take up that may be taken up is in the row once; what is new is taken up
 * at once when no one waits and the turn has room; in each turn of the loop `turnLeast` queries are taken up, however
 * slow the clock says we are.
 */
import type { Owner } from '../../fairness/owner.ts'
import { ShareTree, type Place } from '../../fairness/share-tree.ts'
import { turnsOf } from '../../fairness/turns.ts'
import type { Clock } from '../../ports.ts'

export interface TurnLimits {
  readonly turnMessages: number
  readonly turnLeast: number
  readonly turnMs: number
  readonly turnOfOne: number
}

/** A connection, as those that take turns see it. */
export interface TurnTaker {
  readonly owner: Owner
  /** Takes up its queries, each after `takesOne` has said yes; whether more could be taken. */
  takeUp(takesOne: () => boolean): boolean
}

export class TcpTurns {
  readonly #limits: TurnLimits
  readonly #clock: Pick<Clock, 'now'>
  readonly #row = new ShareTree<TurnTaker>()
  readonly #places = new Map<TurnTaker, Place<TurnTaker>>()
  /** What is left of this turn. */
  #left: number
  #until = 0
  #scheduled = false

  constructor(limits: TurnLimits, clock: Pick<Clock, 'now'>) {
    this.#limits = limits
    this.#clock = clock
    this.#left = limits.turnMessages
  }

  /** Connections whose turn has not come. */
  get waiting(): number {
    return this.#places.size
  }

  /** Has something to take up. */
  offer(taker: TurnTaker): void {
    if (this.#places.has(taker)) return
    this.#begin()
    if (this.#places.size === 0 && this.#hasRoom()) this.#serve(taker)
    else this.#wait(taker)
  }

  /** Has nothing any more, or may not take it up now. */
  withdraw(taker: TurnTaker): void {
    const place = this.#places.get(taker)
    if (place === undefined) return
    this.#places.delete(taker)
    this.#row.delete(place)
  }

  /** The first of a turn starts its bounds; they end with it. */
  #begin(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    this.#left = this.#limits.turnMessages
    this.#until = this.#clock.now() + this.#limits.turnMs
    setImmediate(() => this.#next())
  }

  #next(): void {
    this.#scheduled = false
    if (this.#places.size === 0) return
    this.#begin()
    while (this.#hasRoom()) {
      const place = this.#row.take()
      if (place === undefined) return
      this.#places.delete(place.item)
      this.#serve(place.item, place)
    }
  }

  #hasRoom(): boolean {
    const { turnMessages, turnLeast } = this.#limits
    return this.#left > 0 && (turnMessages - this.#left < turnLeast || this.#clock.now() < this.#until)
  }

  #wait(taker: TurnTaker): Place<TurnTaker> {
    const place = this.#row.add(taker.owner, taker)
    this.#places.set(taker, place)
    return place
  }

  /** `had` is the place that it was taken from. */
  #serve(taker: TurnTaker, had?: Place<TurnTaker>): void {
    const from = this.#clock.now()
    let ofOne = this.#limits.turnOfOne
    const more = taker.takeUp(() => {
      if (ofOne === 0 || !this.#hasRoom()) return false
      ofOne--
      this.#left--
      return true
    })
    // What is owed is kept at the blocks that wait: a block that was empty meanwhile is a new one.
    const place = more ? this.#wait(taker) : had
    if (place !== undefined) this.#row.charge(place, turnsOf(this.#clock.now() - from))
  }
}
