/**
 * What was removed from all caches on purpose, and since when: what another instance stored before is not used any
 * more. "When" is a place in the one stream that all instances read, not a time: clocks do not come into it. Each
 * value says which removals its writer knew.
 *
 * Invariants: bounded; of what is forgotten here nothing is used that is older.
 */
import { parentOf, ROOT, type Name } from '../../dns/name.ts'
import { comparePositions, START, type Position } from './position.ts'

export interface Removal {
  readonly position: Position
  /** Null: everything. */
  readonly name: Name | null
  readonly below: boolean
}

export class Removals {
  readonly #most: number
  /** Oldest first. */
  #all: Removal[] = []
  /** The last of each name. */
  readonly #names = new Map<Name, Position>()
  readonly #trees = new Map<Name, Position>()
  /** What is older was removed, or it is not known. */
  #floor: Position = START
  #latest: Position = START
  #count = 0

  constructor(most: number) {
    this.#most = most
  }

  /** The last one that is known. */
  get latest(): Position {
    return this.#latest
  }

  /** How many there were. */
  get count(): number {
    return this.#count
  }

  add(removal: Removal): void {
    const { position, name, below } = removal
    this.reached(position)
    this.#count++
    if (name === null) {
      this.forgetBefore(position)
      return
    }
    this.#all.push(removal)
    const which = below ? this.#trees : this.#names
    which.set(name, position)
    const [oldest] = this.#all
    if (this.#all.length > this.#most && oldest !== undefined) this.forgetBefore(oldest.position)
  }

  /** Everything in the stream up to there is known. */
  reached(position: Position): void {
    if (comparePositions(position, this.#latest) > 0) this.#latest = position
  }

  /** What was stored before counts as removed. */
  forgetBefore(position: Position): void {
    if (comparePositions(position, this.#floor) > 0) this.#floor = position
    const isOver = (at: Position): boolean => comparePositions(at, this.#floor) <= 0
    this.#all = this.#all.filter(one => !isOver(one.position))
    for (const which of [this.#names, this.#trees]) for (const [name, at] of which) if (isOver(at)) which.delete(name)
  }

  /** Was the name removed after a value was written whose writer knew the removals up to `position`? */
  isRemoved(name: Name, position: Position): boolean {
    const isAfter = (at: Position | undefined): boolean => at !== undefined && comparePositions(at, position) > 0
    if (isAfter(this.#floor) || isAfter(this.#names.get(name))) return true
    if (this.#trees.size === 0) return false
    for (let at = name; ; at = parentOf(at)) {
      if (isAfter(this.#trees.get(at))) return true
      if (at === ROOT) return false
    }
  }
}
