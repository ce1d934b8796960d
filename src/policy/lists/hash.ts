/**
 * A keyed hash of 64 bits over a name and each name above it: HalfSipHash-1-3 (the `hsiphash` of Linux), label by label
 * from the root on, so that all suffixes of a name cost one pass. Authors of lists and clients both choose names; with
 * a key that neither knows they cannot choose ones that meet in one place of a table.
 *
 * `www.example.` gives two hashes: [0] of `www.example.`, [1] of `example.`.
 */
import { type Name, writeName } from '../../dns/name.ts'

/** 64 random bits as two words. */
export interface HashKey {
  readonly k0: number
  readonly k1: number
}

/** A name of 255 octets has at most 127 labels. */
const MAX_LABELS = 127
const MAX_OCTETS = 256

/** Rounds after the last word, for each of the two words of the result. */
const FINAL_ROUNDS = 3

/** Marks what is no name: no label has a length with this bit. */
const NO_NAME = 0x80

export class NameHasher {
  /** Of the last name that was hashed: those of its suffixes, the whole name first. */
  readonly high: Uint32Array = new Uint32Array(MAX_LABELS + 1)
  readonly low: Uint32Array = new Uint32Array(MAX_LABELS + 1)
  /** Where each label begins. */
  readonly #starts = new Uint8Array(MAX_LABELS + 1)
  readonly #wire = new Uint8Array(MAX_OCTETS)
  readonly #key: HashKey

  constructor(key: HashKey) {
    this.#key = key
  }

  /** Number of suffixes that were hashed: that of labels. The root has none. */
  name(name: Name): number {
    return this.wire(this.#wire, writeName(name, this.#wire, 0))
  }

  /** The same of a name in lower case, in the first `octets` of `wire`. */
  wire(wire: Uint8Array, octets: number): number {
    let labels = 0
    for (let at = 0; at < octets - 1; at += (wire[at] ?? 0) + 1) this.#starts[labels++] = at
    this.#hash(wire, labels)
    return labels
  }

  /** An address block: its hash is the only one, and that of no name. */
  prefix(bytes: Uint8Array, length: number): void {
    const octets = this.#wire
    octets[0] = NO_NAME | (bytes.length + 1)
    octets[1] = length
    const whole = length >> 3
    for (let i = 0; i < bytes.length; i++) octets[i + 2] = i < whole ? (bytes[i] ?? 0) : 0
    if ((length & 7) !== 0) octets[whole + 2] = (bytes[whole] ?? 0) & (0xff << (8 - (length & 7)))
    this.#starts[0] = 0
    this.#hash(octets, 1)
  }

  #hash(wire: Uint8Array, labels: number): void {
    const { k0, k1 } = this.#key
    let v0 = k0 | 0
    let v1 = (k1 ^ 0xee) | 0
    let v2 = (0x6c796765 ^ k0) | 0
    let v3 = (0x74656462 ^ k1) | 0
    for (let label = labels - 1; label >= 0; label--) {
      const start = this.#starts[label] ?? 0
      const end = start + 1 + ((wire[start] ?? 0) & (NO_NAME - 1))
      // A label with its length in front and zeros after it: two names are never the same words.
      for (let at = start; at < end; at += 4) {
        const word = wordAt(wire, at, end)
        v3 ^= word
        v0 = (v0 + v1) | 0
        v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
        v0 = (v0 << 16) | (v0 >>> 16)
        v2 = (v2 + v3) | 0
        v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
        v0 = (v0 + v3) | 0
        v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
        v2 = (v2 + v1) | 0
        v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
        v2 = (v2 << 16) | (v2 >>> 16)
        v0 ^= word
      }
      this.#finish(label, v0, v1, v2 ^ 0xee, v3)
    }
  }

  /** The state goes on with the next label; what comes out is of a copy. */
  #finish(label: number, a: number, b: number, c: number, d: number): void {
    let [v0, v1, v2, v3] = [a, b, c, d]
    for (let round = 0; round < 2 * FINAL_ROUNDS; round++) {
      if (round === FINAL_ROUNDS) {
        this.high[label] = v1 ^ v3
        v1 ^= 0xdd
      }
      v0 = (v0 + v1) | 0
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
      v0 = (v0 << 16) | (v0 >>> 16)
      v2 = (v2 + v3) | 0
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
      v0 = (v0 + v3) | 0
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
      v2 = (v2 + v1) | 0
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
      v2 = (v2 << 16) | (v2 >>> 16)
    }
    this.low[label] = v1 ^ v3
  }
}

function wordAt(wire: Uint8Array, at: number, end: number): number {
  let word = wire[at] ?? 0
  if (at + 1 < end) word |= (wire[at + 1] ?? 0) << 8
  if (at + 2 < end) word |= (wire[at + 2] ?? 0) << 16
  if (at + 3 < end) word |= (wire[at + 3] ?? 0) << 24
  return word
}
