/**
 * How the finished answers lie in shared memory: which buffer holds what, where the fields of an entry and of a bucket
 * are, and how much of it one writing thread may hold. No behaviour: `answer-table.ts` writes, `answer-cache.ts` reads.
 *
 * The entries are in blocks, which are filled one after the other and then reused. A bucket is one line of the
 * processor's cache that says where up to ten entries are. All is allocated at once and never moves, so that a reader's
 * views stay good for ever: untouched pages cost only addresses (3 GiB: 0.02 ms, 0.6 MiB resident). For that the
 * buffers are ones that could grow, which come from the system page by page: others come from the C library, which
 * after the first was freed fills the next with zeros itself (18 MiB: 1.2 to 8 ms for each resolver of a process, and
 * all of it resident). They never do grow, and the views have fixed lengths: others are read fifteen times as slowly
 * (Node 20).
 *
 * Invariant, what readers rely on: whoever writes in a block holds its generation odd meanwhile and leaves it higher.
 */

/** Entries begin at multiples of a unit; references count units. */
export const UNIT_SHIFT = 3
/**
 * An entry: size in units and tag, hash, time (64 bits), life in seconds, octets of its two parts; then the parts. As
 * 32-bit words.
 */
export const ENTRY_HEADER = 24
export const SIZE_AND_TAG = 0
export const HASH = 1
/** In 64-bit numbers. */
export const TIME = 1
export const LIFE = 4
export const LENGTHS = 5
/** The low half of the first word says which variant of a question this is, the high half the size. */
export const TAG_MASK = 0xffff
export const SIZE_SHIFT = 16

/**
 * A bucket in 32-bit words: ten halves of hashes, ten references (units plus 1, 0 is free), and bits that readers set.
 */
export const BUCKET_WORDS = 16
export const WAYS = 10
export const HASH_WORDS: number = WAYS / 2
export const REFERENCES: number = HASH_WORDS
export const MARKS: number = BUCKET_WORDS - 1
/** The marks of way 0: used since it was written, and reported as worth a prefetch. Way n's are n bits further. */
export const USED = 1
export const PREFETCHED: number = 1 << WAYS

/**
 * Control words: the number of buckets in use, and which rules the answers of now were made under; the generations of
 * the blocks start one cache line after them.
 */
export const BUCKETS_IN_USE = 0
export const POLICY_GENERATION = 1
export const GENERATIONS = 16

/** Segments, since an array is indexed with small integers up to 2^30 only. In octets and units. */
const SEGMENT_SHIFT = 30
export const SEGMENT_UNIT_SHIFT: number = SEGMENT_SHIFT - UNIT_SHIFT
export const SEGMENT_UNITS: number = 1 << SEGMENT_UNIT_SHIFT
const SEGMENT_OCTETS = 2 ** SEGMENT_SHIFT

/** References are positive 32-bit integers. */
const MAX_RING_OCTETS = 2 ** (31 + UNIT_SHIFT) - SEGMENT_OCTETS
/**
 * Octets of entries per bucket: with the shortest answers, 90 octets, 2.8 of its 10 ways are taken when all is full.
 */
export const OCTETS_A_BUCKET = 256
export const BUCKET_OCTETS: number = BUCKET_WORDS * 4
export const FIRST_BUCKETS = 2
/** Large enough for the largest entry (16 KiB and its offsets), small enough that giving one up is no pause: 0.1 ms. */
const MAX_BLOCK_SHIFT = 16
const MIN_BLOCK_SHIFT = 10
/** One block is always kept empty, so a small table has small ones. */
const BLOCKS_WANTED_SHIFT = 5

export interface AnswerViews {
  readonly control: Int32Array
  readonly buckets: Int32Array
  /** One of each for every segment; the same memory as octets, 32-bit words and 64-bit numbers. */
  readonly octets: readonly Uint8Array[]
  readonly words: readonly Int32Array[]
  readonly times: readonly Float64Array[]
}

export interface AnswerMemory extends AnswerViews {
  readonly buffers: readonly SharedArrayBuffer[]
  readonly blockShift: number
  readonly blocks: number
  readonly maxBuckets: number
}

/**
 * Memory for at most `maxOctets`, buckets included; less where the system has fewer addresses to give. Too few for two
 * blocks: one that holds nothing.
 */
export function allocateAnswers(maxOctets: number): AnswerMemory {
  const ring = Math.min(Math.floor((maxOctets * OCTETS_A_BUCKET) / (OCTETS_A_BUCKET + BUCKET_OCTETS)), MAX_RING_OCTETS)
  const wanted = Math.floor(Math.log2(Math.max(ring, 1))) - BLOCKS_WANTED_SHIFT
  const blockShift = Math.min(Math.max(wanted, MIN_BLOCK_SHIFT), MAX_BLOCK_SHIFT)
  const whole = Math.floor(ring / 2 ** blockShift)
  const segments = whole < 2 ? [] : segmentsFor(whole * 2 ** blockShift)
  const octets = segments.reduce((sum, { byteLength }) => sum + byteLength, 0)
  const blocks = octets / 2 ** blockShift
  const maxBuckets = Math.max(FIRST_BUCKETS, Math.floor(octets / OCTETS_A_BUCKET))
  const buffers = [shared((GENERATIONS + blocks) * 4), shared(maxBuckets * BUCKET_OCTETS), ...segments]
  return { ...viewAnswers(buffers), buffers, blockShift, blocks, maxBuckets }
}

function segmentsFor(octets: number): readonly SharedArrayBuffer[] {
  const segments: SharedArrayBuffer[] = []
  try {
    for (let from = 0; from < octets; from += SEGMENT_OCTETS)
      segments.push(shared(Math.min(octets - from, SEGMENT_OCTETS)))
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
  }
  return segments
}

/** Zeros that cost nothing until they are written over. */
const shared = (octets: number): SharedArrayBuffer => new SharedArrayBuffer(octets, { maxByteLength: octets })

export function viewAnswers(buffers: readonly SharedArrayBuffer[]): AnswerViews {
  const [control = new SharedArrayBuffer(0), buckets = new SharedArrayBuffer(0), ...segments] = buffers
  const words = (buffer: SharedArrayBuffer): Int32Array => new Int32Array(buffer, 0, buffer.byteLength / 4)
  return {
    control: words(control),
    buckets: words(buckets),
    octets: segments.map(segment => new Uint8Array(segment, 0, segment.byteLength)),
    words: segments.map(words),
    times: segments.map(segment => new Float64Array(segment, 0, segment.byteLength / 8)),
  }
}

/**
 * The bucket of a hash among `count`, at least two: linear hashing, so that buckets come one by one, each by splitting
 * another. Its first word in the array of buckets.
 */
export function bucketOf(hash: number, count: number): number {
  const mask = 0xffff_ffff >>> Math.clz32(count - 1)
  const bucket = hash & mask
  return (bucket < count ? bucket : bucket & (mask >>> 1)) * BUCKET_WORDS
}

/** FNV-1a over units of four octets, then the end of MurmurHash3, so that all bits depend on all. */
export function hashOf(words: Int32Array, length: number, seed: number): number {
  let hash = seed
  const count = (length + 3) >> 2
  for (let i = 0; i < count; i++) {
    hash = Math.imul(hash ^ (words[i] ?? 0), 0x01000193)
    hash ^= hash >>> 15
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}

/** Are the words from `first` on the `length` octets of `key`? Octets after these in the last word do not count. */
export function hasKey(words: Int32Array, first: number, key: Int32Array, length: number): boolean {
  const whole = length >> 2
  for (let i = 0; i < whole; i++) if (words[first + i] !== key[i]) return false
  const rest = length & 3
  if (rest === 0) return true
  // The key's octets are the low ones of the last word, or the high ones of a big-endian machine.
  const differs = (words[first + whole] ?? 0) ^ (key[whole] ?? 0)
  return (LITTLE_ENDIAN ? differs << (32 - 8 * rest) : differs >>> (32 - 8 * rest)) === 0
}

const LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1
