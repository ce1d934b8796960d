/**
 * A map with a budget in bytes: the least recently used entries go when it is full. The only place that knows the
 * `lru-cache` package. It knows no time: its own `ttl` reads 0 as "for ever" and the wall clock as time, so entries
 * carry `expiresAt` and their owners look at it.
 *
 * Invariant: `bytes` never exceeds the budget, and every entry counts with its key, its data and its overhead
 * (CVE-2023-2828: a cache that counts only data outgrows its bound); and no more entries than the engine's map can
 * hold.
 */
import { LRUCache } from 'lru-cache'

export type OnEvict<V> = (value: V, key: string) => void

/**
 * A `Map` of V8 throws when its table would exceed 2^24 places, and one whose entries come and go needs twice as many
 * places as entries (measured: 2^23 went round without end, 9,000,000 threw).
 */
const MAP_ENTRIES = 2 ** 23

/** Entries at the end of the list that are looked at before one that still lives gives way. */
const EXAMINED = 8

/** Some 1 ms of work. */
const SETTLE_ENTRIES = 2_048

export class ByteStore<V extends object | string> {
  readonly #lru: LRUCache<string, V>
  readonly #sizeOf: (value: V, key: string) => number
  readonly #maxEntries: number
  /** Keys of what was restored, in that order, and of what came besides; null: nothing is being restored. */
  #restoring: { readonly keys: string[]; readonly others: string[] } | null = null
  readonly budget: number

  /**
   * `budget` in bytes, `most` in entries. `sizeOf` must give the same size for the same entry. `gone` hears of entries
   * that leave, not of replaced ones.
   */
  constructor(
    budget: number,
    sizeOf: (value: V, key: string) => number,
    gone?: OnEvict<V>,
    maxEntries: number = MAP_ENTRIES,
  ) {
    this.#maxEntries = maxEntries
    this.budget = Math.max(1, Math.floor(budget))
    this.#sizeOf = (value, key) => Math.max(1, Math.ceil(sizeOf(value, key)))
    this.#lru = new LRUCache<string, V>({
      maxSize: this.budget,
      sizeCalculation: this.#sizeOf,
      ...(gone === undefined
        ? {}
        : {
            dispose: (value, key, reason) => {
              if (reason !== 'set') gone(value, key)
            },
          }),
    })
  }

  /** Bytes in use. */
  get bytes(): number {
    return this.#lru.calculatedSize
  }

  get size(): number {
    return this.#lru.size
  }

  get(key: string): V | undefined {
    return this.#lru.get(key)
  }

  /** Like `get` without counting as use. */
  peek(key: string): V | undefined {
    return this.#lru.peek(key)
  }

  /**
   * False when the entry alone exceeds the budget; what was there under the key then stays. Where there is no room,
   * those go first of which `isOver` says so, among the least recently used.
   */
  set(key: string, value: V, isOver?: (value: V) => boolean): boolean {
    const size = this.#sizeOf(value, key)
    if (size > this.budget) return false
    if (isOver !== undefined && this.#lru.calculatedSize + size > this.budget) this.#dropOver(isOver, key)
    // Room first: the map must not hold one more for a moment.
    if (this.#lru.size >= this.#maxEntries && !this.#lru.has(key)) this.#lru.pop()
    this.#restoring?.others.push(key)
    this.#lru.set(key, value)
    return true
  }

  /** Never the entry at `kept`, which is about to be replaced. */
  #dropOver(isOver: (value: V) => boolean, kept: string): void {
    let examined = 0
    const over: string[] = []
    for (const key of this.#lru.rkeys()) {
      if (examined++ === EXAMINED) break
      const value = this.#lru.peek(key)
      if (key !== kept && value !== undefined && isOver(value)) over.push(key)
    }
    for (const key of over) this.#lru.delete(key)
  }

  /**
   * Puts in an entry of an earlier process, the most recently used ones first: in place of nothing, and only where
   * there is room. False when it was not put in. `settle` ends it.
   */
  restore(key: string, value: V): boolean {
    if (this.#lru.size >= this.#maxEntries) return false
    if (this.#lru.calculatedSize + this.#sizeOf(value, key) > this.budget || this.#lru.has(key)) return false
    this.#restoring ??= { keys: [], others: [] }
    this.#restoring.keys.push(key)
    this.#lru.set(key, value)
    return true
  }

  /**
   * Brings what was restored into the order in which it was used: what was put in first is the most recent of it, what
   * came meanwhile is more recent still. Gives way after every `SETTLE_ENTRIES`.
   */
  *settle(): Generator<void, void> {
    if (this.#restoring === null) return
    const { keys, others } = this.#restoring
    let left = SETTLE_ENTRIES
    for (const list of [keys.reverse(), others])
      for (const key of list) {
        this.#lru.get(key)
        if (--left > 0) continue
        left = SETTLE_ENTRIES
        yield
      }
    this.#restoring = null
  }

  delete(key: string): void {
    this.#lru.delete(key)
  }

  clear(): void {
    this.#lru.clear()
  }

  /** All keys, most recently used first. To be read to the end before anything changes. */
  keys(): Iterable<string> {
    return this.#lru.keys()
  }

  /** Likewise with the values. */
  entries(): Iterable<readonly [key: string, value: V]> {
    return this.#lru.entries()
  }

  /** Removes every entry that `which` names, or with `dryRun` only counts them: work proportional to the store. */
  deleteWhere(which: (value: V, key: string) => boolean, dryRun = false): number {
    const doomed: string[] = []
    for (const [key, value] of this.#lru.entries()) if (which(value, key)) doomed.push(key)
    if (!dryRun) for (const key of doomed) this.#lru.delete(key)
    return doomed.length
  }
}
