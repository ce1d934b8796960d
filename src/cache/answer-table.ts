/**
 * The writer of a table of octet records in shared memory (`answer-memory.ts` has its shape). It knows nothing of DNS
 * and nothing of clocks; readers in other threads go by themselves and never wait.
 *
 * Entries follow one another in blocks. When a block is full, the next one, which is empty, is used, and the one after
 * that is emptied: what was used since it was written moves into the fresh block, the rest is given up. One that
 * replaces another of its length takes its place, so that what is looked up again and again drives nothing out.
 *
 * Invariants: one thread writes; bounded in bytes; the work of every call is bounded; an entry lies in one piece within
 * a block; a reference is published after its entry is whole, and taken back before its block is written again; every
 * write in a block happens while the block's generation is odd.
 */
import {
  allocateAnswers,
  BUCKETS_IN_USE,
  BUCKET_OCTETS,
  BUCKET_WORDS,
  bucketOf,
  ENTRY_HEADER,
  FIRST_BUCKETS,
  GENERATIONS,
  HASH,
  hasKey,
  LENGTHS,
  LIFE,
  MARKS,
  OCTETS_A_BUCKET,
  PREFETCHED,
  REFERENCES,
  SEGMENT_UNITS,
  SEGMENT_UNIT_SHIFT,
  SIZE_AND_TAG,
  SIZE_SHIFT,
  TAG_MASK,
  TIME,
  UNIT_SHIFT,
  USED,
  WAYS,
  type AnswerMemory,
} from './answer-memory.ts'

export interface TableEntry {
  readonly hash: number
  /** Below 2^16. */
  readonly tag: number
  /** Milliseconds. */
  readonly time: number
  /** Seconds. */
  readonly life: number
  /** Both parts of the data, the second after the first, from the beginning of these words on. */
  readonly words: Int32Array
  /** Octets of the first part, below 2^16, and of the second. */
  readonly first: number
  readonly second: number
}

/**
 * Entries for each bucket before another bucket is added. Those not yet split hold up to twice as many: at 2, one entry
 * in 1,000 was lost to the others of its bucket, at 1.5 one in 12,000 (a million names, measured).
 */
const ENTRIES_A_BUCKET = 1.5
/**
 * The part of a fresh block that may be filled with what was moved: without a bound a table of hot entries had no room
 * for new ones.
 */
const MOVED_SHARE = 2

export class AnswerTable {
  readonly memory: AnswerMemory
  readonly #blockUnits: number
  /** Units in use of each block. */
  readonly #fill: Int32Array
  /** The block that is being filled. */
  #block = 0
  #buckets = FIRST_BUCKETS
  #live = 0
  #liveUnits = 0

  /** At most `maxOctets`, buckets included. */
  constructor(maxOctets: number) {
    this.memory = allocateAnswers(maxOctets)
    this.#blockUnits = 2 ** (this.memory.blockShift - UNIT_SHIFT)
    this.#fill = new Int32Array(Math.max(this.memory.blocks, 1))
    this.#publishBuckets(FIRST_BUCKETS)
  }

  get size(): number {
    return this.#live
  }

  /** Octets of the entries that can be found, with their share of the buckets. */
  get bytes(): number {
    return Math.ceil((this.#liveUnits * 2 ** UNIT_SHIFT * (OCTETS_A_BUCKET + BUCKET_OCTETS)) / OCTETS_A_BUCKET)
  }

  /**
   * Writes an entry in place of the one with the same tag and key, the first `keyLength` octets of `key`, which stand
   * at the multiple of four `keyAt` in its first part. False when it is larger than a block; the old one is gone even
   * so.
   */
  put(entry: TableEntry, key: Int32Array, keyLength: number, keyAt: number): boolean {
    const size = Math.ceil((ENTRY_HEADER + entry.first + entry.second) / 2 ** UNIT_SHIFT)
    const way = this.find(entry.hash, entry.tag, key, keyLength, keyAt)
    if (way >= 0) {
      const unit = this.#unitOf(way)
      if (this.#sizeAt(unit) === size) {
        this.#clearMarks(way)
        this.#write(unit, size, entry)
        return true
      }
      this.#free(way)
    }
    if (size > this.#blockUnits || this.memory.blocks === 0) return false
    const unit = this.#reserve(size, entry.time)
    this.#write(unit, size, entry)
    this.#publish(unit)
    if (this.#live > this.#buckets * ENTRIES_A_BUCKET && this.#buckets < this.memory.maxBuckets) this.#split()
    return true
  }

  /** The word among the buckets that refers to the entry with this hash, tag and key, see `put`; -1 for none. */
  find(hash: number, tag: number, key: Int32Array, keyLength: number, keyAt: number): number {
    const { buckets } = this.memory
    const bucket = bucketOf(hash, this.#buckets)
    for (let way = bucket + REFERENCES; way < bucket + REFERENCES + WAYS; way++) {
      const reference = buckets[way] ?? 0
      if (reference === 0) continue
      const words = this.#wordsOf(reference - 1)
      const first = wordOf(reference - 1)
      if (words[first + HASH] !== hash || ((words[first + SIZE_AND_TAG] ?? 0) & TAG_MASK) !== tag) continue
      if (hasKey(words, first + (ENTRY_HEADER + keyAt) / 4, key, keyLength)) return way
    }
    return -1
  }

  /** True when there was one. */
  remove(hash: number, tag: number, key: Int32Array, keyLength: number, keyAt: number): boolean {
    const way = this.find(hash, tag, key, keyLength, keyAt)
    if (way < 0) return false
    this.#free(way)
    return true
  }

  /** A reader that is at work on an entry meanwhile throws its copy away. */
  clear(): void {
    const { blocks, buckets } = this.memory
    for (let block = 0; block < blocks; block++) if ((this.#fill[block] ?? 0) > 0) this.#beginWrite(block)
    buckets.fill(0, 0, this.#buckets * BUCKET_WORDS)
    this.#publishBuckets(FIRST_BUCKETS)
    for (let block = 0; block < blocks; block++) if ((this.#fill[block] ?? 0) > 0) this.#endWrite(block)
    this.#fill.fill(0)
    this.#block = 0
    this.#live = 0
    this.#liveUnits = 0
  }

  #write(unit: number, size: number, entry: TableEntry): void {
    const block = this.#blockOf(unit)
    const words = this.#wordsOf(unit)
    const word = wordOf(unit)
    const segment = unit >>> SEGMENT_UNIT_SHIFT
    const { times } = this.memory
    this.#beginWrite(block)
    words[word + SIZE_AND_TAG] = (size << SIZE_SHIFT) | entry.tag
    words[word + HASH] = entry.hash
    const ofSegment = times[segment]
    if (ofSegment !== undefined) ofSegment[(unit & (SEGMENT_UNITS - 1)) + TIME] = entry.time
    words[word + LIFE] = entry.life
    words[word + LENGTHS] = (entry.first << 16) | entry.second
    const data = word + ENTRY_HEADER / 4
    const count = (entry.first + entry.second + 3) >> 2
    for (let i = 0; i < count; i++) words[data + i] = entry.words[i] ?? 0
    this.#endWrite(block)
  }

  /**
   * The load keeps later writes from becoming visible before the odd generation, also on ARM, where a store alone does
   * not.
   */
  #beginWrite(block: number): void {
    const { control } = this.memory
    Atomics.store(control, GENERATIONS + block, ((control[GENERATIONS + block] ?? 0) + 1) | 0)
    Atomics.load(control, GENERATIONS + block)
  }

  #endWrite(block: number): void {
    const { control } = this.memory
    Atomics.store(control, GENERATIONS + block, ((control[GENERATIONS + block] ?? 0) + 1) | 0)
  }

  /** Room in one piece, in the block at hand or in the next one. */
  #reserve(size: number, now: number): number {
    if ((this.#fill[this.#block] ?? 0) + size > this.#blockUnits) {
      this.#block = this.#nextBlock()
      this.#empty(this.#nextBlock(), this.#blockUnits - size, now)
    }
    const fill = this.#fill[this.#block] ?? 0
    this.#fill[this.#block] = fill + size
    return this.#block * this.#blockUnits + fill
  }

  #nextBlock(): number {
    return this.#block + 1 === this.memory.blocks ? 0 : this.#block + 1
  }

  /** Moves what is in use and still alive to the block at hand, `room` units at most, and gives up the rest. */
  #empty(block: number, room: number, now: number): void {
    const fill = this.#fill[block] ?? 0
    const start = block * this.#blockUnits
    const most = Math.min(room, this.#blockUnits / MOVED_SHARE)
    for (let unit = start; unit < start + fill; unit += this.#sizeAt(unit)) {
      const way = this.#wayOf(unit)
      if (way < 0) continue
      const size = this.#sizeAt(unit)
      const moved = this.#fill[this.#block] ?? 0
      const lives = this.#timeAt(unit) + (this.#wordsOf(unit)[wordOf(unit) + LIFE] ?? 0) * 1_000 > now
      if (lives && this.#isUsed(way) && moved + size <= most) {
        this.#move(unit, way, this.#block * this.#blockUnits + moved, size)
        this.#fill[this.#block] = moved + size
      } else this.#free(way)
    }
    this.#fill[block] = 0
  }

  /** Readers find the entry all the while: at its old place until the reference says the new one. */
  #move(from: number, way: number, to: number, size: number): void {
    const source = this.#wordsOf(from)
    const target = this.#wordsOf(to)
    const first = wordOf(from)
    const block = this.#blockOf(to)
    this.#beginWrite(block)
    target.set(source.subarray(first, first + size * 2), wordOf(to))
    this.#endWrite(block)
    this.#clearMarks(way)
    Atomics.store(this.memory.buckets, way, to + 1)
  }

  /** Takes a free way of the bucket, else that of its oldest entry, those that were used last. */
  #publish(unit: number): void {
    const { buckets } = this.memory
    const hash = this.#wordsOf(unit)[wordOf(unit) + HASH] ?? 0
    const first = bucketOf(hash, this.#buckets) + REFERENCES
    let chosen = first
    for (let way = first; way < first + WAYS; way++) {
      if (buckets[way] === 0) {
        chosen = way
        break
      }
      if (this.#rank(way) > this.#rank(chosen)) chosen = way
    }
    if (buckets[chosen] !== 0) this.#free(chosen)
    this.#setWay(chosen, hash, unit + 1)
    this.#live++
    this.#liveUnits += this.#sizeAt(unit)
  }

  /**
   * The half of the hash goes first: one that does not fit the reference yet finds nothing, or an entry whose key says
   * no.
   */
  #setWay(way: number, hash: number, reference: number): void {
    const { buckets } = this.memory
    const bucket = way - (way % BUCKET_WORDS)
    const number = way - bucket - REFERENCES
    const word = bucket + (number >> 1)
    const half = hash >>> 16
    const other = buckets[word] ?? 0
    buckets[word] = (number & 1) === 0 ? (other & ~0xffff) | half : (other & 0xffff) | (half << 16)
    this.#clearMarks(way)
    Atomics.store(buckets, way, reference)
  }

  #free(way: number): void {
    const unit = this.#unitOf(way)
    Atomics.store(this.memory.buckets, way, 0)
    this.#live--
    this.#liveUnits -= this.#sizeAt(unit)
  }

  /** One bucket more, with what of another belongs to it: bounded work, and no moment in which all is copied. */
  #split(): void {
    const { buckets } = this.memory
    const count = this.#buckets + 1
    const target = this.#buckets * BUCKET_WORDS
    const source = (this.#buckets & ((0xffff_ffff >>> Math.clz32(this.#buckets)) >>> 1)) * BUCKET_WORDS
    for (let word = target; word < target + BUCKET_WORDS; word++) buckets[word] = 0
    const moved: number[] = []
    for (let number = 0; number < WAYS; number++) {
      const reference = buckets[source + REFERENCES + number] ?? 0
      if (reference === 0) continue
      const hash = this.#wordsOf(reference - 1)[wordOf(reference - 1) + HASH] ?? 0
      if (bucketOf(hash, count) !== target) continue
      const used = this.#isUsed(source + REFERENCES + number)
      this.#setWay(target + REFERENCES + number, hash, reference)
      if (used) Atomics.or(buckets, target + MARKS, USED << number)
      moved.push(number)
    }
    this.#publishBuckets(count)
    for (const number of moved) Atomics.store(buckets, source + REFERENCES + number, 0)
  }

  #publishBuckets(count: number): void {
    this.#buckets = count
    Atomics.store(this.memory.control, BUCKETS_IN_USE, count)
  }

  #isUsed(way: number): boolean {
    const number = (way % BUCKET_WORDS) - REFERENCES
    return (Atomics.load(this.memory.buckets, way - (way % BUCKET_WORDS) + MARKS) & (USED << number)) !== 0
  }

  #clearMarks(way: number): void {
    const number = (way % BUCKET_WORDS) - REFERENCES
    Atomics.and(this.memory.buckets, way - (way % BUCKET_WORDS) + MARKS, ~((USED | PREFETCHED) << number))
  }

  /** How many blocks ago the entry was written; a used one counts as young. */
  #rank(way: number): number {
    const { blocks } = this.memory
    const age = (this.#block - this.#blockOf(this.#unitOf(way)) + blocks) % blocks
    return this.#isUsed(way) ? age - blocks : age
  }

  /** The word of the reference to the entry at `unit`, -1 when there is none any more. */
  #wayOf(unit: number): number {
    const { buckets } = this.memory
    const first = bucketOf(this.#wordsOf(unit)[wordOf(unit) + HASH] ?? 0, this.#buckets) + REFERENCES
    for (let way = first; way < first + WAYS; way++) if (buckets[way] === unit + 1) return way
    return -1
  }

  #unitOf(way: number): number {
    return (this.memory.buckets[way] ?? 0) - 1
  }

  #blockOf(unit: number): number {
    return unit >>> (this.memory.blockShift - UNIT_SHIFT)
  }

  #wordsOf(unit: number): Int32Array {
    return this.memory.words[unit >>> SEGMENT_UNIT_SHIFT] ?? NO_WORDS
  }

  #sizeAt(unit: number): number {
    return (this.#wordsOf(unit)[wordOf(unit) + SIZE_AND_TAG] ?? 0) >>> SIZE_SHIFT
  }

  #timeAt(unit: number): number {
    return this.memory.times[unit >>> SEGMENT_UNIT_SHIFT]?.[(unit & (SEGMENT_UNITS - 1)) + TIME] ?? 0
  }
}

const NO_WORDS = new Int32Array(0)
const wordOf = (unit: number): number => (unit & (SEGMENT_UNITS - 1)) * 2
