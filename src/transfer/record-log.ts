/**
 * The records of a zone as they come, and the flat zone they make. A million of them are one array of some 60 octets
 * each: objects would be a gigabyte, and their garbage collection would hold up the thread that takes them.
 *
 * One entry after the other: the next entry of the same name and, in the first of a name, the last one (offsets plus
 * one, 4 octets each), type (2), TTL (4), the folded owner and the owner as written (a length octet before each, 0 when
 * it is the same), RDATA (2 octets of length before it).
 */
import { latin1, putU16, putU32, u16, u32 } from '../dns/bytes.ts'
import { foldName, type Name, trustWireName, type WireName } from '../dns/name.ts'
import { groupRRsets, type Rr, type RRset } from '../dns/rrset.ts'
import { RrClass } from '../dns/types.ts'
import { type FlatZone, packZone } from '../zone/flat-zone.ts'

const FIRST_OCTETS = 64 * 1024
const FIRST_SLOTS = 1_024
/** Next, last, type and TTL. */
const FIXED_OCTETS = 14
/** FNV-1a, 32 bits. */
const FNV_BASIS = 0x811c9dc5
const FNV_PRIME = 0x01000193

export class RecordLog {
  #octets = new Uint8Array(FIRST_OCTETS)
  #length = 0
  /** The first entry of each name, plus one. */
  #slots = new Uint32Array(FIRST_SLOTS)
  #names = 0

  add({ owner, type, ttl, rdata }: Rr): void {
    const name = foldName(owner)
    const written = owner === name ? '' : owner
    this.#reserve(FIXED_OCTETS + name.length + written.length + rdata.length + 4)
    const octets = this.#octets
    const entry = this.#length
    putU32(octets, entry, 0)
    putU32(octets, entry + 4, 0)
    putU16(octets, entry + 8, type)
    putU32(octets, entry + 10, ttl)
    let at = this.#text(entry + FIXED_OCTETS, name)
    at = this.#text(at, written)
    putU16(octets, at, rdata.length)
    octets.set(rdata, at + 2)
    this.#length = at + 2 + rdata.length
    this.#link(entry, name)
  }

  /** All of them, grouped; of records that are there twice one. */
  toZone(origin: Name): FlatZone {
    return packZone(origin, this.#rrsets())
  }

  *#rrsets(): Generator<RRset> {
    for (let at = 0; at < this.#length; at = this.#end(at))
      // The first of a name knows the last one.
      if (u32(this.#octets, at + 4) !== 0) yield* groupRRsets(this.#recordsFrom(at))
  }

  #recordsFrom(first: number): Rr[] {
    const records: Rr[] = []
    for (let at = first + 1; at !== 0; at = u32(this.#octets, at - 1)) records.push(this.#record(at - 1))
    return records
  }

  #record(entry: number): Rr {
    const octets = this.#octets
    const nameAt = entry + FIXED_OCTETS
    const writtenAt = nameAt + 1 + (octets[nameAt] ?? 0)
    const rdataAt = writtenAt + 1 + (octets[writtenAt] ?? 0)
    return {
      owner: this.#name(octets[writtenAt] === 0 ? nameAt : writtenAt),
      type: u16(octets, entry + 8),
      class: RrClass.IN,
      ttl: u32(octets, entry + 10),
      rdata: octets.slice(rdataAt + 2, rdataAt + 2 + u16(octets, rdataAt)),
    }
  }

  #name(at: number): WireName {
    return trustWireName(latin1(this.#octets, at + 1, at + 1 + (this.#octets[at] ?? 0)))
  }

  #end(entry: number): number {
    const octets = this.#octets
    const writtenAt = entry + FIXED_OCTETS + 1 + (octets[entry + FIXED_OCTETS] ?? 0)
    const rdataAt = writtenAt + 1 + (octets[writtenAt] ?? 0)
    return rdataAt + 2 + u16(octets, rdataAt)
  }

  /** Puts an entry at the end of those of its name. */
  #link(entry: number, name: Name): void {
    const octets = this.#octets
    const slot = this.#slot(name)
    const first = (this.#slots[slot] ?? 0) - 1
    if (first >= 0) {
      const last = u32(octets, first + 4) - 1
      putU32(octets, last, entry + 1)
      putU32(octets, first + 4, entry + 1)
      return
    }
    putU32(octets, entry + 4, entry + 1)
    this.#slots[slot] = entry + 1
    // At most half full, so that a look-up passes few others.
    if (++this.#names * 2 > this.#slots.length) this.#growSlots()
  }

  /** Where a name is, or would be. */
  #slot(name: Name): number {
    const mask = this.#slots.length - 1
    for (let slot = hashOf(name) & mask; ; slot = (slot + 1) & mask) {
      const entry = (this.#slots[slot] ?? 0) - 1
      if (entry < 0 || this.#isNamed(entry, name)) return slot
    }
  }

  #isNamed(entry: number, name: Name): boolean {
    const at = entry + FIXED_OCTETS
    if (this.#octets[at] !== name.length) return false
    for (let i = 0; i < name.length; i++) if (this.#octets[at + 1 + i] !== name.charCodeAt(i)) return false
    return true
  }

  #growSlots(): void {
    const before = this.#slots
    this.#slots = new Uint32Array(before.length * 4)
    const mask = this.#slots.length - 1
    for (const entry of before) {
      if (entry === 0) continue
      let slot = hashOf(this.#name(entry - 1 + FIXED_OCTETS)) & mask
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask
      this.#slots[slot] = entry
    }
  }

  #text(at: number, text: string): number {
    this.#octets[at] = text.length
    for (let i = 0; i < text.length; i++) this.#octets[at + 1 + i] = text.charCodeAt(i)
    return at + 1 + text.length
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#octets.length) return
    const grown = new Uint8Array(Math.max(this.#octets.length + (this.#octets.length >> 1), this.#length + more))
    grown.set(this.#octets.subarray(0, this.#length))
    this.#octets = grown
  }
}

function hashOf(name: WireName): number {
  let hash = FNV_BASIS
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), FNV_PRIME)
  return (hash ^ (hash >>> 15)) >>> 0
}
