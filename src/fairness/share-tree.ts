/**
 * What is held or waits, by owner: a tree of blocks with the items of each owner at its leaf, in the order in which
 * they came. It finds the owner that has most, and whose turn it is, in work that grows with the depth of the tree and
 * not with the number of owners. Pure: no clock, no randomness.
 *
 * Invariants: a block is in the tree as long as it has an item; the count of a block is that of the items below it.
 */
import type { Owner } from './owner.ts'

/** An item in the tree. */
export interface Place<T> {
  readonly item: T
  readonly leaf: Block<T>
}

/** Turns that a block lets pass at most, and that are passed over for one item: work stays bounded. */
const MOST_OWED = 32

class Block<T> {
  readonly key: string
  readonly parent: Block<T> | null
  count = 0
  /** Turns that it lets pass, since what was taken of it cost more than one. */
  owes = 0
  /** The items of just this block, oldest first. */
  readonly own: Set<Place<T>> = new Set()
  /** The first is the next whose turn it is. */
  readonly inner: Map<string, Block<T>> = new Map()
  /**
   * The inner blocks by their count, as lists through `#previous` and `#next`; within one count the one that has had it
   * longest is first. Counts change with every item: with a `Set` for each a round trip here took 0.6 us, now 0.2. They
   * are made when there is a second inner block: the only one is the fullest without them.
   */
  readonly #first: (Block<T> | undefined)[] = []
  readonly #last: (Block<T> | undefined)[] = []
  #most = 0
  #isRanked = false
  #previous: Block<T> | undefined = undefined
  #next: Block<T> | undefined = undefined

  constructor(key: string, parent: Block<T> | null) {
    this.key = key
    this.parent = parent
  }

  /** The inner block with the most items. */
  get fullest(): Block<T> | undefined {
    return this.#isRanked ? this.#first[this.#most] : this.inner.values().next().value
  }

  /** An inner block went from `before` items to one more or one less. */
  moved(block: Block<T>, before: number): void {
    if (!this.#isRanked) {
      if (this.inner.size > 1) this.#rank()
      return
    }
    const after = block.count
    if (before > 0) this.#unlink(block, before)
    if (after > 0) this.#append(block, after)
    if (after > this.#most) this.#most = after
    else if (before === this.#most && this.#first[before] === undefined) this.#most = after
  }

  #rank(): void {
    this.#isRanked = true
    for (const block of this.inner.values()) {
      this.#append(block, block.count)
      this.#most = Math.max(this.#most, block.count)
    }
  }

  #unlink(block: Block<T>, count: number): void {
    const previous = block.#previous
    const next = block.#next
    if (previous === undefined) this.#first[count] = next
    else previous.#next = next
    if (next === undefined) this.#last[count] = previous
    else next.#previous = previous
    block.#previous = undefined
    block.#next = undefined
  }

  #append(block: Block<T>, count: number): void {
    const last = this.#last[count]
    if (last === undefined) this.#first[count] = block
    else last.#next = block
    block.#previous = last
    this.#last[count] = block
  }
}

export class ShareTree<T> {
  readonly #root = new Block<T>('', null)

  get size(): number {
    return this.#root.count
  }

  /** Items of an owner, or of a block: the first part of an owner. */
  countOf(owner: Owner): number {
    let block: Block<T> | undefined = this.#root
    for (const key of owner) block = block?.inner.get(key)
    return block?.count ?? 0
  }

  add(owner: Owner, item: T): Place<T> {
    let block = this.#root
    for (const key of owner) {
      let next = block.inner.get(key)
      if (next === undefined) {
        next = new Block(key, block)
        block.inner.set(key, next)
      }
      block = next
    }
    const place: Place<T> = { item, leaf: block }
    block.own.add(place)
    this.#count(block, 1)
    return place
  }

  /** `place` is one of this tree. False when it is not there any more. */
  delete(place: Place<T>): boolean {
    if (!place.leaf.own.delete(place)) return false
    this.#count(place.leaf, -1)
    return true
  }

  /**
   * What makes room for an item of `newcomer`: the oldest of the owner that has most. At each width that is the fullest
   * block, or the newcomer's own when it would have as many itself. `own` when the item is of the newcomer's own leaf.
   * Undefined when the tree is empty.
   */
  toGive(newcomer: Owner): { readonly item: T; readonly own: boolean; readonly place: Place<T> } | undefined {
    let block = this.#root
    let own = true
    for (const depth of newcomer.keys()) {
      const { fullest } = block
      if (fullest === undefined) break
      const mine: Block<T> | undefined = own ? block.inner.get(newcomer[depth] ?? '') : undefined
      own = mine !== undefined && mine.count + 1 >= fullest.count
      block = own ? (mine ?? fullest) : fullest
    }
    while (block.fullest !== undefined) block = block.fullest
    const [place] = block.own
    return place === undefined ? undefined : { item: place.item, own, place }
  }

  /** Takes out the oldest item of the owner whose turn it is: the blocks of one width take turns (round robin). */
  next(): T | undefined {
    return this.take()?.item
  }

  /** The same, with the place that it had, which is for `charge`. */
  take(): Place<T> | undefined {
    let block = this.#root
    for (let passed = 0; ; ) {
      const first: Block<T> | undefined = block.inner.values().next().value
      if (first === undefined) break
      // To the end of the row, which is where the only one is; it leaves the row when it is empty.
      if (block.inner.size > 1) {
        block.inner.delete(first.key)
        block.inner.set(first.key, first)
      }
      if (first.owes > 0 && passed < MOST_OWED && block.inner.size > 1) {
        first.owes--
        passed++
        continue
      }
      passed = 0
      block = first
    }
    const place = block.own.values().next().value
    if (place === undefined) return undefined
    this.delete(place)
    return place
  }

  /**
   * What was taken from this place cost as much as `turns` turns: its blocks let as many pass. So turns come to equal
   * shares of what they cost, which is known afterwards only (surplus round robin).
   */
  charge({ leaf }: Place<T>, turns: number): void {
    for (let block: Block<T> | null = leaf; block !== null; block = block.parent)
      block.owes = Math.max(0, Math.min(MOST_OWED, block.owes + turns - 1))
  }

  *[Symbol.iterator](): Generator<T> {
    yield* itemsOf(this.#root)
  }

  #count(leaf: Block<T>, by: 1 | -1): void {
    for (let block: Block<T> | null = leaf; block !== null; block = block.parent) {
      const before = block.count
      block.count += by
      const { parent } = block
      parent?.moved(block, before)
      if (block.count === 0) parent?.inner.delete(block.key)
    }
  }
}

function* itemsOf<T>(block: Block<T>): Generator<T> {
  for (const { item } of block.own) yield item
  for (const inner of block.inner.values()) yield* itemsOf(inner)
}
