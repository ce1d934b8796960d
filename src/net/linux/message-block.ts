/**
 * Datagrams for `recvmmsg` and `sendmmsg`: one piece of memory that holds the kernel's structures, laid out by hand
 * (struct mmsghdr, msghdr, iovec and cmsghdr of 64-bit Linux, man recvmmsg(2) and ip(7)), and the octets of the
 * datagrams. It neither sends nor receives, and knows no DNS.
 *
 * Invariants: every pointer in it points into it; no length says more than there is room for. Where a datagram came
 * from (its origin) is kept in the form in which an answer goes back there, so that nothing has to be taken apart for
 * that.
 */
import type { Libc } from './libc.ts'

/**
 * A socket address (up to 28 octets, the rest unused), then control data: what local address it was sent to. In words
 * of four octets.
 */
export const ORIGIN_WORDS = 20
const CONTROL_WORD = 8
const NAME_OCTETS = 28
const CONTROL_ROOM = 48
/** CMSG_SPACE of in_pktinfo and in6_pktinfo; the length that stands in the control data itself has no padding. */
const CONTROL_OCTETS = { 4: 32, 6: 40 } as const
const CONTROL_LENGTH = { 4: 28, 6: 36 } as const
const CONTROL_KIND = { 4: [0, 8], 6: [41, 50] } as const

/** struct mmsghdr, in words. */
const HEADER_WORDS = 16
const NAME_LENGTH = 2
const CONTROL_POINTER = 8
const CONTROL_LENGTH_WORD = 10
const FLAGS = 12
const LENGTH = 14
export const HEADER_OCTETS: number = HEADER_WORDS * 4
const VECTOR_WORDS = 4
const WORD_VALUES = 2 ** 32
/** A line of the processor's cache. */
const LINE = 64

export interface BlockShape {
  readonly libc: Pick<Libc, 'addressOf'>
  /** Datagrams. */
  readonly count: number
  /** Room for each. */
  readonly octets: number
}

/**
 * An odd number of cache lines: datagrams a power of two apart would all want the same few places of the processor's
 * cache.
 */
const strideFor = (octets: number): number => (Math.ceil(octets / LINE) | 1) * LINE

export class MessageBlock {
  readonly count: number
  readonly room: number
  /** All of it. */
  readonly octets: Uint8Array
  readonly words: Uint32Array
  /** Of the headers, as an address; the one with number i is i * HEADER_OCTETS further. */
  readonly address: number
  readonly #stride: number
  readonly #vectorWord: number
  readonly #originWord: number
  readonly #dataAt: number

  constructor({ libc, count, octets: room }: BlockShape) {
    this.count = count
    this.room = room
    this.#stride = strideFor(room)
    this.#vectorWord = count * HEADER_WORDS
    this.#originWord = this.#vectorWord + count * VECTOR_WORDS
    this.#dataAt = Math.ceil(((this.#originWord + count * ORIGIN_WORDS) * 4) / LINE) * LINE
    const memory = new ArrayBuffer(this.#dataAt + count * this.#stride)
    this.octets = new Uint8Array(memory)
    this.words = new Uint32Array(memory)
    this.address = libc.addressOf(this.octets)
    for (let i = 0; i < count; i++) {
      const header = i * HEADER_WORDS
      this.#point(header, this.originWord(i) * 4)
      this.#point(header + 4, (this.#vectorWord + i * VECTOR_WORDS) * 4)
      this.words[header + 6] = 1
      this.#point(header + CONTROL_POINTER, (this.originWord(i) + CONTROL_WORD) * 4)
      this.#point(this.#vectorWord + i * VECTOR_WORDS, this.dataAt(i))
    }
  }

  #point(word: number, at: number): void {
    const address = this.address + at
    this.words[word] = address % WORD_VALUES
    this.words[word + 1] = Math.floor(address / WORD_VALUES)
  }

  /** Where datagram i begins in `octets`: a multiple of 64. */
  dataAt(i: number): number {
    return this.#dataAt + i * this.#stride
  }

  /** Where the origin of datagram i begins in `words`. */
  originWord(i: number): number {
    return this.#originWord + i * ORIGIN_WORDS
  }

  view(i: number): Uint8Array {
    return this.octets.subarray(this.dataAt(i), this.dataAt(i) + this.room)
  }

  /** Makes the first n ready to be received into, with control data or without. */
  prepare(n: number, withControl: boolean): void {
    const { words } = this
    const control = withControl ? CONTROL_ROOM : 0
    for (
      let header = 0, vector = this.#vectorWord;
      header < n * HEADER_WORDS;
      header += HEADER_WORDS, vector += VECTOR_WORDS
    ) {
      words[header + NAME_LENGTH] = NAME_OCTETS
      words[header + CONTROL_LENGTH_WORD] = control
      words[vector + 2] = this.room
    }
  }

  /** Octets received. */
  length(i: number): number {
    return this.words[i * HEADER_WORDS + LENGTH] ?? 0
  }

  /** Of a datagram received. 0: there is none, the socket has been shut down. */
  nameLength(i: number): number {
    return this.words[i * HEADER_WORDS + NAME_LENGTH] ?? 0
  }

  flags(i: number): number {
    return this.words[i * HEADER_WORDS + FLAGS] ?? 0
  }

  /**
   * Turns the local address reported by the kernel into what makes a reply leave from it; false when it reported none
   * usable. The interface is left open, since the way back need not be the way here, except for link-local addresses,
   * which mean nothing without it.
   */
  turnControl(i: number, family: 4 | 6): boolean {
    const { words } = this
    const at = this.originWord(i) + CONTROL_WORD
    const [level, type] = CONTROL_KIND[family]
    const octets = words[i * HEADER_WORDS + CONTROL_LENGTH_WORD] ?? 0
    if (
      octets < CONTROL_LENGTH[family] ||
      words[at] !== CONTROL_LENGTH[family] ||
      words[at + 2] !== level ||
      words[at + 3] !== type
    )
      return false
    if (family === 4) words[at + 4] = 0
    else if (!isLinkLocal(words[at + 4] ?? 0)) words[at + 8] = 0
    return true
  }

  /** Prepares number i for sending: that many octets, to the origin that begins at `from[at]`. */
  aim(i: number, length: number, from: Uint32Array, at: number, family: 4 | 6, withControl: boolean): void {
    const { words } = this
    const header = i * HEADER_WORDS
    const to = this.originWord(i)
    const used = withControl ? ORIGIN_WORDS : CONTROL_WORD
    for (let word = 0; word < used; word++) words[to + word] = from[at + word] ?? 0
    words[header + NAME_LENGTH] = family === 4 ? 16 : NAME_OCTETS
    words[header + CONTROL_LENGTH_WORD] = withControl ? CONTROL_OCTETS[family] : 0
    words[this.#vectorWord + i * VECTOR_WORDS + 2] = length
  }
}

/** fe80::/10, from the first four octets as a little-endian word. */
const isLinkLocal = (first: number): boolean => (first & 0xc0ff) === 0x80fe

/** The port of an origin. */
export const originPort = (words: Uint32Array, at: number): number =>
  (((words[at] ?? 0) >>> 8) & 0xff00) | ((words[at] ?? 0) >>> 24)
/** The address in an origin begins here, after family and port, and in IPv6 after the flow too. In words. */
export const ADDRESS_WORD = { 4: 1, 6: 2 } as const
