/**
 * SipHash-2-4 (Aumasson and Bernstein, 2012) in halves of 32 bits: the hash of server cookies (RFC 9018 section 4.4).
 * One object is used again for every message, so that nothing is made on the byte path. Of client cookies too.
 */

/** 64 bits as two halves, `v[2n]` the low one. */
type State = Int32Array

const ROUNDS_A_BLOCK = 2
const ROUNDS_AT_THE_END = 4

export class SipHash {
  /** Key as four little-endian words. */
  readonly #key: Int32Array
  readonly #v: State = new Int32Array(8)

  /** 16 octets. */
  constructor(key: Uint8Array) {
    const view = new DataView(key.buffer, key.byteOffset, key.byteLength)
    this.#key = Int32Array.from({ length: 4 }, (_, i) => view.getInt32(i * 4, true))
  }

  /** Writes the hash of the first `length` octets of `message`, 8 octets, into `out` from `at` on. */
  write(message: Uint8Array, length: number, out: Uint8Array, at: number): void {
    const v = this.#v
    const [k0 = 0, k1 = 0, k2 = 0, k3 = 0] = this.#key
    v[0] = k0 ^ 0x7073_6575
    v[1] = k1 ^ 0x736f_6d65
    v[2] = k2 ^ 0x6e64_6f6d
    v[3] = k3 ^ 0x646f_7261
    v[4] = k0 ^ 0x6e65_7261
    v[5] = k1 ^ 0x6c79_6765
    v[6] = k2 ^ 0x7974_6573
    v[7] = k3 ^ 0x7465_6462
    const whole = length & ~7
    for (let i = 0; i < whole; i += 8) block(v, word(message, i, 4), word(message, i + 4, 4))
    const rest = length - whole
    const low = word(message, whole, Math.min(rest, 4))
    const high = word(message, whole + 4, Math.max(rest - 4, 0)) | (length << 24)
    block(v, low, high)
    v[4] = (v[4] ?? 0) ^ 0xff
    for (let i = 0; i < ROUNDS_AT_THE_END; i++) round(v)
    const a = (v[0] ?? 0) ^ (v[2] ?? 0) ^ (v[4] ?? 0) ^ (v[6] ?? 0)
    const b = (v[1] ?? 0) ^ (v[3] ?? 0) ^ (v[5] ?? 0) ^ (v[7] ?? 0)
    for (let i = 0; i < 4; i++) {
      out[at + i] = a >>> (8 * i)
      out[at + 4 + i] = b >>> (8 * i)
    }
  }
}

/** Little-endian, of `count` octets, at most four. */
function word(from: Uint8Array, at: number, count: number): number {
  let value = 0
  for (let i = 0; i < count; i++) value |= (from[at + i] ?? 0) << (8 * i)
  return value
}

function block(v: State, low: number, high: number): void {
  v[6] = (v[6] ?? 0) ^ low
  v[7] = (v[7] ?? 0) ^ high
  for (let i = 0; i < ROUNDS_A_BLOCK; i++) round(v)
  v[0] = (v[0] ?? 0) ^ low
  v[1] = (v[1] ?? 0) ^ high
}

function round(v: State): void {
  add(v, 0, 2)
  add(v, 4, 6)
  rotate(v, 2, 13)
  rotate(v, 6, 16)
  xor(v, 2, 0)
  xor(v, 6, 4)
  swap(v, 0)
  add(v, 4, 2)
  add(v, 0, 6)
  rotate(v, 2, 17)
  rotate(v, 6, 21)
  xor(v, 2, 4)
  xor(v, 6, 0)
  swap(v, 4)
}

function add(v: State, to: number, from: number): void {
  const low = ((v[to] ?? 0) >>> 0) + ((v[from] ?? 0) >>> 0)
  v[to + 1] = (v[to + 1] ?? 0) + (v[from + 1] ?? 0) + (low > 0xffff_ffff ? 1 : 0)
  v[to] = low
}

/** To the left by fewer than 32 bits. */
function rotate(v: State, at: number, bits: number): void {
  const low = v[at] ?? 0
  const high = v[at + 1] ?? 0
  v[at] = (low << bits) | (high >>> (32 - bits))
  v[at + 1] = (high << bits) | (low >>> (32 - bits))
}

function xor(v: State, to: number, from: number): void {
  v[to] = (v[to] ?? 0) ^ (v[from] ?? 0)
  v[to + 1] = (v[to + 1] ?? 0) ^ (v[from + 1] ?? 0)
}

/** By 32 bits. */
function swap(v: State, at: number): void {
  const low = v[at] ?? 0
  v[at] = v[at + 1] ?? 0
  v[at + 1] = low
}
