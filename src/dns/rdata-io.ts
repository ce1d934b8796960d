/**
 * A growing row of octets to write RDATA into, and a cursor to read it back. Reading beyond the end gives zeros and
 * sets `failed`, so that a reader of many fields checks once, at the end. Not for messages: no compression, no offsets.
 */
import { MAX_LABEL_OCTETS, MAX_NAME_OCTETS, trustWireName, type WireName } from './name.ts'

const FIRST_CAPACITY = 64

export class OctetWriter {
  #bytes = new Uint8Array(FIRST_CAPACITY)
  #length = 0

  get length(): number {
    return this.#length
  }

  /** Forgets what was written, to be used again. */
  reset(): void {
    this.#length = 0
  }

  u8(value: number): void {
    this.#reserve(1)
    this.#bytes[this.#length++] = value
  }

  u16(value: number): void {
    this.#reserve(2)
    this.#bytes[this.#length++] = value >>> 8
    this.#bytes[this.#length++] = value
  }

  u32(value: number): void {
    this.u16(value >>> 16)
    this.u16(value & 0xffff)
  }

  bytes(values: Uint8Array): void {
    this.#reserve(values.length)
    this.#bytes.set(values, this.#length)
    this.#length += values.length
  }

  /** Octets as latin-1 text; a name is one too. */
  text(octets: string): void {
    this.#reserve(octets.length)
    for (let i = 0; i < octets.length; i++) this.#bytes[this.#length + i] = octets.charCodeAt(i)
    this.#length += octets.length
  }

  /** A copy of what was written. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length)
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + more))
    grown.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = grown
  }
}

export class OctetReader {
  readonly #bytes: Uint8Array
  #at = 0
  #failed = false

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** Something was read that was not there. */
  get failed(): boolean {
    return this.#failed
  }

  get left(): number {
    return this.#bytes.length - this.#at
  }

  u8(): number {
    const value = this.#bytes[this.#at]
    if (value === undefined) {
      this.#failed = true
      return 0
    }
    this.#at++
    return value
  }

  u16(): number {
    return (this.u8() << 8) | this.u8()
  }

  u32(): number {
    return this.u16() * 0x1_0000 + this.u16()
  }

  /** A view of the next `count` octets; empty when there are fewer. */
  take(count: number): Uint8Array {
    if (count > this.left) {
      this.#failed = true
      return new Uint8Array(0)
    }
    const view = this.#bytes.subarray(this.#at, this.#at + count)
    this.#at += count
    return view
  }

  /** A length octet and the octets it counts. */
  counted(): Uint8Array {
    return this.take(this.u8())
  }

  rest(): Uint8Array {
    return this.take(this.left)
  }

  /** An uncompressed name; null (and `failed`) when there is none. */
  name(): WireName | null {
    let octets = ''
    for (;;) {
      const length = this.u8()
      const label = length <= MAX_LABEL_OCTETS ? this.take(length) : null
      if (label === null || this.#failed || octets.length + 1 + length > MAX_NAME_OCTETS) {
        this.#failed = true
        return null
      }
      octets += String.fromCharCode(length, ...label)
      if (length === 0) return trustWireName(octets)
    }
  }
}
