/**
 * How much of what TCP clients have sent is taken up in one turn of the loop, and in whose turn. A connection hands
 * over up to 64 KiB at once, a thousand queries, and all connections are of one thread with UDP misses, replies of
 * servers and timers. So queries are taken up to a bound of their number and of time, by turns of the clients' blocks
 * and of their connections; what is left waits for the next turn.
 *
 * Invariants: a connection with something to take up that may be taken up is in the row once; what is new is taken up
 * at once when no one waits and the turn has room.
 */
import type { Owner } from '../../fairness/owner.ts'
import { ShareTree, type Place } from '../../fairness/share-tree.ts'
import type { Clock } from '../../ports.ts'

export interface TurnLimits {
  readonly turnMessages: number
  readonly turnMs: number
  readonly turnOfOne: number
}

/** A connection, as those that take turns see it. */
export interface TurnTaker {
  readonly owner: Owner
  /** Takes up at most `most` of its queries; how many, and whether more could be taken. */
  takeUp(most: number): { readonly taken: number; readonly more: boolean }
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
    const free = this.#places.size === 0 && this.#left > 0 && this.#clock.now() < this.#until
    if (!free || this.#serve(taker)) this.#places.set(taker, this.#row.add(taker.owner, taker))
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
    while (this.#left > 0 && this.#clock.now() < this.#until) {
      const taker = this.#row.next()
      if (taker === undefined) return
      this.#places.delete(taker)
      if (this.#serve(taker)) this.#places.set(taker, this.#row.add(taker.owner, taker))
    }
  }

  /** True when it has more. */
  #serve(taker: TurnTaker): boolean {
    const { taken, more } = taker.takeUp(Math.min(this.#left, this.#limits.turnOfOne))
    this.#left -= taken
    return more
  }
}
