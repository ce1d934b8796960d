/**
 * What one thread hands to another: records in a ring of shared memory, one writer and one reader, no locks. It is
 * bounded; what does not fit is not taken, and the writer decides what that means.
 *
 * Invariant: a record is complete before the reader can see it, and is not overwritten before the reader has let go of
 * it.
 */
import { ORIGIN_WORDS } from '../linux/message-block.ts'

/** One record, refilled by every `next`. */
export interface Handover {
  /** Which socket it came by. */
  socket: number
  /** What the writer means by it; 0 is a datagram that wants an answer. */
  kind: number
  /** Belongs to the kind. */
  value: number
  /** A copy. */
  origin: Uint32Array
  /** A copy. */
  bytes: Uint8Array
}

/** Positions count words from the beginning, modulo 2^32; each is in its own cache line. */
const WRITTEN = 0
const READ = 16
const HEADER_WORDS = 32
/** Size and socket, kind and length, value. */
const RECORD_WORDS = 3
/** Stands where the next record should but does not fit in front of the end of the memory. */
const SKIP = 0
const SIXTEEN_BITS = 0xffff

/** `octets` is rounded down to a power of two. */
export function newRing(octets: number): SharedArrayBuffer {
  const words = 2 ** Math.floor(Math.log2(octets / 4))
  return new SharedArrayBuffer((HEADER_WORDS + words) * 4)
}

export class RingWriter {
  readonly #positions: Int32Array
  readonly #words: Uint32Array
  readonly #octets: Uint8Array

  constructor(memory: SharedArrayBuffer) {
    this.#positions = new Int32Array(memory, 0, HEADER_WORDS)
    this.#words = new Uint32Array(memory, HEADER_WORDS * 4)
    this.#octets = new Uint8Array(memory, HEADER_WORDS * 4)
  }

  /** False when there is no room. */
  put(
    socket: number,
    kind: number,
    value: number,
    from: Uint32Array,
    originAt: number,
    bytes: Uint8Array,
    length: number,
  ): boolean {
    const words = this.#words
    const capacity = words.length
    const written = Atomics.load(this.#positions, WRITTEN)
    const free = capacity - ((written - Atomics.load(this.#positions, READ)) >>> 0)
    const size = RECORD_WORDS + ORIGIN_WORDS + ((length + 3) >> 2)
    let at = written & (capacity - 1)
    const skipped = at + size > capacity ? capacity - at : 0
    if (size + skipped > free || size > SIXTEEN_BITS) return false
    if (skipped > 0) {
      words[at] = SKIP
      at = 0
    }
    words[at] = size | (socket << 16)
    words[at + 1] = (kind << 16) | length
    words[at + 2] = value
    for (let i = 0; i < ORIGIN_WORDS; i++) words[at + RECORD_WORDS + i] = from[originAt + i] ?? 0
    const to = (at + RECORD_WORDS + ORIGIN_WORDS) * 4
    for (let i = 0; i < length; i++) this.#octets[to + i] = bytes[i] ?? 0
    Atomics.store(this.#positions, WRITTEN, (written + skipped + size) | 0)
    return true
  }
}

export class RingReader {
  readonly #positions: Int32Array
  readonly #words: Uint32Array
  readonly #octets: Uint8Array

  constructor(memory: SharedArrayBuffer) {
    this.#positions = new Int32Array(memory, 0, HEADER_WORDS)
    this.#words = new Uint32Array(memory, HEADER_WORDS * 4)
    this.#octets = new Uint8Array(memory, HEADER_WORDS * 4)
  }

  /** Of datagrams as small as there are. */
  get mostRecords(): number {
    return Math.floor(this.#words.length / (RECORD_WORDS + ORIGIN_WORDS))
  }

  get isEmpty(): boolean {
    return Atomics.load(this.#positions, WRITTEN) === Atomics.load(this.#positions, READ)
  }

  /** Takes the oldest record out; false when there is none. */
  next(out: Handover): boolean {
    const words = this.#words
    const mask = words.length - 1
    let read = Atomics.load(this.#positions, READ)
    if (read === Atomics.load(this.#positions, WRITTEN)) return false
    let at = read & mask
    if (words[at] === SKIP) {
      read += words.length - at
      at = 0
    }
    const first = words[at] ?? 0
    const second = words[at + 1] ?? 0
    const origin = at + RECORD_WORDS
    const data = (origin + ORIGIN_WORDS) * 4
    out.socket = first >>> 16
    out.kind = second >>> 16
    out.value = words[at + 2] ?? 0
    out.origin = words.slice(origin, origin + ORIGIN_WORDS)
    out.bytes = this.#octets.slice(data, data + (second & SIXTEEN_BITS))
    Atomics.store(this.#positions, READ, (read + (first & SIXTEEN_BITS)) | 0)
    return true
  }
}

export const emptyHandover = (): Handover => ({
  socket: 0,
  kind: 0,
  value: 0,
  origin: new Uint32Array(ORIGIN_WORDS),
  bytes: new Uint8Array(0),
})
