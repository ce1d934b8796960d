/**
 * A bounded number of places (sockets, connections), who is in them and who waits for one. While places are free
 * everyone enters at once. When they are not, a newcomer takes the place of one that has been in for a while and whose
 * owner has more; where there is none it waits, and each that leaves lets in the next in turn by owner. So a newcomer
 * waits for about as many to leave as there are owners waiting, however much one of them holds or wants.
 *
 * Invariants: never more than `places` are inside; of `refuse` there is at most one call for a visit, never within
 * `come`, and none after `done` or `cancel`; no one waits longer than `waitMs`.
 */
import type { Cancel, Clock } from '../ports.ts'
import type { Owner } from './owner.ts'
import { ShareTree, type Place } from './share-tree.ts'

export interface TurnstileLimits {
  readonly places: number
  /** Those who wait, in all: beyond it the oldest of the owner with most of them is refused. */
  readonly waiting: number
  readonly waitMs: number
  /** Who has been in for less keeps its place. */
  readonly jostleMs: number
}

/** One that came: inside, waiting or neither any more. */
export class Visit {
  readonly owner: Owner
  /** Begins what the place is for; gives the way to stop it. */
  readonly enter: () => Cancel
  readonly refuse: (reason: string) => void
  readonly #turnstile: Turnstile
  /** Where it is held, while it is inside or waits. */
  place: Place<Visit> | null = null
  isInside = false
  enteredAt = 0
  stop: Cancel = nothing
  cancelTimer: Cancel = nothing

  constructor(turnstile: Turnstile, owner: Owner, enter: () => Cancel, refuse: (reason: string) => void) {
    this.#turnstile = turnstile
    this.owner = owner
    this.enter = enter
    this.refuse = refuse
  }

  /** What it entered for has ended by itself. */
  done(): void {
    this.#turnstile.leave(this)
  }

  /** It ends, inside or waiting. */
  cancel(): void {
    this.stop()
    this.#turnstile.leave(this)
  }
}

const nothing: Cancel = () => {}

/** Who waits looks again no sooner than this: others may have taken what it waited for. */
const LEAST_WATCH_MS = 20

export class Turnstile {
  readonly #clock: Clock
  readonly #limits: TurnstileLimits
  readonly #what: string
  readonly #inside = new ShareTree<Visit>()
  readonly #waiting = new ShareTree<Visit>()

  /** `what` is waited for, as a reason names it. */
  constructor(what: string, limits: TurnstileLimits, clock: Clock) {
    this.#what = what
    this.#limits = limits
    this.#clock = clock
  }

  get inside(): number {
    return this.#inside.size
  }

  get waiting(): number {
    return this.#waiting.size
  }

  come(owner: Owner, enter: () => Cancel, refuse: (reason: string) => void): Visit {
    const visit = new Visit(this, owner, enter, refuse)
    if (this.#inside.size < this.#limits.places || this.#displaces(owner)) this.#let(visit)
    else this.#wait(visit)
    return visit
  }

  /** Ends the visit, if it has not ended; the next in turn enters when that left a place. */
  leave(visit: Visit): void {
    const { place, isInside } = visit
    visit.cancelTimer()
    if (place === null) return
    visit.place = null
    visit.isInside = false
    if (!isInside) {
      this.#waiting.delete(place)
      return
    }
    this.#inside.delete(place)
    const next = this.#inside.size < this.#limits.places ? this.#waiting.next() : undefined
    if (next === undefined) return
    next.cancelTimer()
    next.cancelTimer = nothing
    this.#let(next)
  }

  #let(visit: Visit): void {
    visit.enteredAt = this.#clock.now()
    visit.isInside = true
    visit.place = this.#inside.add(visit.owner, visit)
    visit.stop = visit.enter()
  }

  /** Takes the place of another's for a newcomer, which must enter then. */
  #displaces(newcomer: Owner): boolean {
    const giving = this.#inside.toGive(newcomer)
    if (giving === undefined || giving.own || this.#keepsMs(giving.item) > 0) return false
    const { item, place } = giving
    this.#inside.delete(place)
    item.place = null
    item.isInside = false
    item.stop()
    this.#refuseLater(item, `gave way to the queries of others, who have fewer on their way`)
    return true
  }

  /** For how long it may keep its place whoever comes. */
  #keepsMs({ enteredAt }: Visit): number {
    return enteredAt + this.#limits.jostleMs - this.#clock.now()
  }

  #wait(visit: Visit): void {
    const { waiting, waitMs } = this.#limits
    const most = this.#waiting.size >= waiting ? this.#waiting.toGive(visit.owner) : undefined
    visit.place = this.#waiting.add(visit.owner, visit)
    this.#watch(visit, this.#clock.now() + waitMs)
    if (most === undefined) return
    this.leave(most.item)
    this.#refuseLater(most.item, `${waiting} others wait for a ${this.#what}`)
  }

  /** Until `until` it waits for one to leave, or for who has more to have had its time. */
  #watch(visit: Visit, until: number): void {
    const giving = this.#inside.toGive(visit.owner)
    const leftMs = until - this.#clock.now()
    const keepsMs = giving === undefined || giving.own ? Number.POSITIVE_INFINITY : this.#keepsMs(giving.item)
    visit.cancelTimer = this.#clock.after(Math.min(leftMs, Math.max(keepsMs, LEAST_WATCH_MS)), () => {
      if (this.#clock.now() >= until) {
        this.leave(visit)
        visit.refuse(`no ${this.#what} became free in ${this.#limits.waitMs} ms`)
      } else if (this.#displaces(visit.owner)) {
        this.leave(visit)
        this.#let(visit)
      } else this.#watch(visit, until)
    })
  }

  /** Not within the call that brings it about: others may have a part in it. */
  #refuseLater(visit: Visit, reason: string): void {
    visit.stop = nothing
    visit.cancelTimer = this.#clock.after(0, () => visit.refuse(reason))
  }
}
