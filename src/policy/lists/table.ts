/**
 * The rules of one list that are found by a name or an address: open addressing over slots of three words (the hash of
 * 64 bits, and flags with a line), in shared memory, so that the thread that reads a list and the one that looks names
 * up have the same octets. 12 octets a slot, four of five slots used: 15 octets a rule.
 *
 * Invariant: a table never changes once it is made; a probe that meets an empty slot has seen all rules of a hash.
 */
import type { NameHasher } from './hash.ts'
import { Flag, MEANING_BITS } from './rule.ts'

/** Words of a slot: high and low word of the hash, flags. The last is never 0 in a slot that is used. */
const SLOT = 3
const FILL = 0.8
const FIRST_ROWS = 1_024

/** Rules as they are read, before their number is known. */
export class TableDraft {
  #rows = new Uint32Array(FIRST_ROWS * SLOT)
  #length = 0

  get count(): number {
    return this.#length / SLOT
  }

  add(high: number, low: number, flags: number): void {
    if (this.#length === this.#rows.length) {
      const larger = new Uint32Array(this.#rows.length * 2)
      larger.set(this.#rows)
      this.#rows = larger
    }
    this.#rows[this.#length] = high
    this.#rows[this.#length + 1] = low
    this.#rows[this.#length + 2] = flags
    this.#length += SLOT
  }

  /** In steps, between which others may have the event loop. */
  *compile(rowsPerStep: number): Generator<void, CompiledTable> {
    const capacity = Math.ceil(this.count / FILL) + 1
    const slots = new Uint32Array(new SharedArrayBuffer(capacity * SLOT * Uint32Array.BYTES_PER_ELEMENT))
    let used = 0
    for (let at = 0; at < this.#length; at += SLOT) {
      if (this.#put(slots, at)) used++
      if (at % (rowsPerStep * SLOT) === 0) yield
    }
    return { slots, used, duplicates: this.count - used }
  }

  /** False: there is one that says the same. */
  #put(slots: Uint32Array, row: number): boolean {
    const high = this.#rows[row] ?? 0
    const low = this.#rows[row + 1] ?? 0
    const flags = this.#rows[row + 2] ?? 0
    let at = slotOf(low, slots.length)
    for (let there = slots[at + 2] ?? 0; there !== 0; there = slots[at + 2] ?? 0) {
      if (slots[at] === high && slots[at + 1] === low && isSame(there, flags)) return false
      at = at + SLOT === slots.length ? 0 : at + SLOT
    }
    slots[at] = high
    slots[at + 1] = low
    slots[at + 2] = flags
    return true
  }
}

const isSame = (a: number, b: number): boolean =>
  ((a | b) & Flag.Complex) === 0 ? ((a ^ b) & MEANING_BITS) === 0 : a === b

export interface CompiledTable {
  readonly slots: Uint32Array
  readonly used: number
  readonly duplicates: number
}

const slotOf = (low: number, length: number): number => Math.floor((low / 2 ** 32) * (length / SLOT)) * SLOT

/** Calls `found` with the flags of every rule of a hash. */
export function eachRule(slots: Uint32Array, high: number, low: number, found: (flags: number) => void): void {
  if (slots.length === 0) return
  let at = slotOf(low, slots.length)
  for (let there = slots[at + 2] ?? 0; there !== 0; there = slots[at + 2] ?? 0) {
    if (slots[at] === high && slots[at + 1] === low) found(there)
    at = at + SLOT === slots.length ? 0 : at + SLOT
  }
}

/**
 * A Bloom filter over the rules of all lists, one word of memory a look-up: what is in no list is seen here, however
 * many lists there are. In steps, as above.
 */
export function* makeFilter(
  tables: readonly Uint32Array[],
  bitsPerRule: number,
  rowsPerStep: number,
): Generator<void, Uint32Array> {
  const rules = tables.reduce((sum, slots) => sum + (slots.length / SLOT) * FILL, 0)
  const words = Math.max(1, Math.ceil((rules * bitsPerRule) / 32))
  const filter = new Uint32Array(new SharedArrayBuffer(words * Uint32Array.BYTES_PER_ELEMENT))
  for (const slots of tables) {
    for (let at = 0; at < slots.length; at += SLOT) {
      if (slots[at + 2] !== 0) {
        const word = wordOf(slots[at] ?? 0, words)
        filter[word] = (filter[word] ?? 0) | bitsOf(slots[at + 1] ?? 0)
      }
      if (at % (rowsPerStep * SLOT) === 0) yield
    }
  }
  return filter
}

/** May there be a rule of this hash? */
export function mayHave(filter: Uint32Array, high: number, low: number): boolean {
  const bits = bitsOf(low)
  return ((filter[wordOf(high, filter.length)] ?? 0) & bits) === bits
}

const wordOf = (high: number, words: number): number => Math.floor((high / 2 ** 32) * words)
const bitsOf = (low: number): number =>
  (1 << (low & 31)) | (1 << ((low >>> 5) & 31)) | (1 << ((low >>> 10) & 31)) | (1 << ((low >>> 15) & 31))

/** Adds a rule under the hash of the whole name that was hashed last. */
export const addWhole = (draft: TableDraft, { high, low }: NameHasher, flags: number): void =>
  draft.add(high[0] ?? 0, low[0] ?? 0, flags)
