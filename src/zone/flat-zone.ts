/**
 * The content of a large zone as two flat arrays: a million records are a few dozen megabytes that a thread can hand
 * over whole, and that no garbage collection ever walks through. Immutable; answers are made from it when they are
 * asked for.
 *
 * `octets` holds one entry after the other: the folded name (a length octet before it), the number of its sets (2
 * octets), and for each set its type (2), the length of what follows (4), TTL (4), owner as written (a length octet, 0
 * when it is the name), the numbers of records and of signatures (4 each), and each RDATA (2 octets of length before
 * it). An entry without sets is an empty non-terminal. After `strays` come signatures that cover nothing in the zone;
 * no name leads there. `slots` is a hash table: the offset of an entry plus one, 0 where nothing is.
 */
import { latin1, putU16, putU32, u16, u32 } from '../dns/bytes.ts'
import { foldName, type Name, parentOf, trustWireName, type WireName } from '../dns/name.ts'
import type { RRset } from '../dns/rrset.ts'
import { RrClass, RrType } from '../dns/types.ts'

/** Cloneable: this is what a thread hands over. */
export interface FlatZone {
  readonly origin: Name
  readonly octets: Uint8Array
  readonly slots: Uint32Array
  /** Offset of the first entry that no name leads to. */
  readonly strays: number
  /** Signatures included. */
  readonly recordCount: number
}

/** The RRsets of one name by type, as `Zone` looks at them. */
export interface SetsAt {
  readonly size: number
  get(type: number): RRset | undefined
  values(): Iterable<RRset>
}

const FIRST_OCTETS = 64 * 1024
/** Type and length before the body of a set. */
const SET_HEAD = 6

/**
 * Packs RRsets, those of one name one after the other (RRSIG sets, which cover nothing here, at the end). All are
 * within `origin`.
 */
export function packZone(origin: Name, rrsets: Iterable<RRset>): FlatZone {
  const packer = new Packer()
  const strays: RRset[] = []
  let name: Name | null = null
  for (const rrset of rrsets) {
    if (rrset.type === RrType.RRSIG) {
      strays.push(rrset)
      continue
    }
    if (rrset.name !== name) packer.begin(rrset.name)
    name = rrset.name
    packer.add(rrset)
  }
  const named = packer.length
  const { octets, slots, strays: end } = indexed(origin, packer, named)
  if (strays.length === 0) return { origin, octets, slots, strays: end, recordCount: packer.records }
  const more = new Packer(octets)
  for (const stray of strays) {
    more.begin(stray.name)
    more.add(stray)
  }
  return { origin, octets: more.finish(), slots, strays: end, recordCount: packer.records + more.records }
}

/** A flat zone from octets that `packZone` made, when they have been kept without its table. */
export function indexedZone(zone: Omit<FlatZone, 'slots'>): FlatZone {
  let entries = 0
  for (let at = 0; at < zone.strays; at = entryEnd(zone.octets, at)) entries++
  const table = new Table(zone.octets, entries)
  for (let at = 0; at < zone.strays; at = entryEnd(zone.octets, at)) table.enter(at)
  return { ...zone, slots: table.slots }
}

class Packer {
  #octets: Uint8Array<ArrayBuffer>
  #length: number
  #setsAt = 0
  #sets = 0
  /** Entries begun. */
  entries = 0
  records = 0

  /** Goes on after `before`. */
  constructor(before: Uint8Array = new Uint8Array(0)) {
    this.#octets = new Uint8Array(Math.max(FIRST_OCTETS, before.length))
    this.#octets.set(before)
    this.#length = before.length
  }

  get length(): number {
    return this.#length
  }

  begin(name: Name): void {
    this.#reserve(name.length + 3)
    this.#name(name)
    this.#setsAt = this.#length
    this.#length += 2
    putU16(this.#octets, this.#setsAt, 0)
    this.#sets = 0
    this.entries++
  }

  add({ type, ttl, owner, name, rdatas, signatures }: RRset): void {
    const written = owner === name ? '' : owner
    this.#reserve(SET_HEAD + 13 + written.length)
    const head = this.#length
    const octets = this.#octets
    putU16(octets, head, type)
    putU32(octets, head + SET_HEAD, ttl)
    this.#length = head + SET_HEAD + 4
    this.#name(written)
    putU32(octets, this.#length, rdatas.length)
    putU32(octets, this.#length + 4, signatures.length)
    this.#length += 8
    for (const rdata of rdatas) this.#rdata(rdata)
    for (const rdata of signatures) this.#rdata(rdata)
    putU32(this.#octets, head + 2, this.#length - head - SET_HEAD)
    putU16(this.#octets, this.#setsAt, ++this.#sets)
    this.records += rdatas.length + signatures.length
  }

  /** What was written, without room at its end. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.#octets.slice(0, this.#length)
  }

  #name(name: string): void {
    this.#octets[this.#length++] = name.length
    for (let i = 0; i < name.length; i++) this.#octets[this.#length++] = name.charCodeAt(i)
  }

  #rdata(rdata: Uint8Array): void {
    this.#reserve(rdata.length + 2)
    putU16(this.#octets, this.#length, rdata.length)
    this.#octets.set(rdata, this.#length + 2)
    this.#length += rdata.length + 2
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#octets.length) return
    const grown = new Uint8Array(Math.max(this.#octets.length + (this.#octets.length >> 1), this.#length + more))
    grown.set(this.#octets.subarray(0, this.#length))
    this.#octets = grown
  }
}

/** The hash table over the entries, with those of the empty non-terminals, which are added (RFC 4592 section 2.2.2). */
function indexed(origin: Name, packer: Packer, named: number): Pick<FlatZone, 'octets' | 'slots' | 'strays'> {
  let table = new Table(packer.finish(), packer.entries)
  for (let at = 0; at < named; at = entryEnd(table.octets, at)) table.enter(at)
  const missing = new Set<Name>()
  let last: Name = origin
  for (let at = 0; at < named; at = entryEnd(table.octets, at)) {
    const name = nameAt(table.octets, at)
    if (name === origin) continue
    // Most names of a large zone have one parent.
    for (
      let above = parentOf(name);
      above !== last && !missing.has(above) && table.find(above) < 0;
      above = parentOf(above)
    ) {
      missing.add(above)
      if (above === origin) break
    }
    last = parentOf(name)
  }
  if (table.find(origin) < 0) missing.add(origin)
  if (missing.size === 0) return { octets: table.octets, slots: table.slots, strays: named }
  for (const name of missing) packer.begin(name)
  table = new Table(packer.finish(), packer.entries)
  for (let at = 0; at < packer.length; at = entryEnd(table.octets, at)) table.enter(at)
  return { octets: table.octets, slots: table.slots, strays: packer.length }
}

class Table {
  readonly octets: Uint8Array
  readonly slots: Uint32Array

  constructor(octets: Uint8Array, entries: number) {
    this.octets = octets
    // At most half full, so that a look-up passes few others.
    this.slots = new Uint32Array(2 ** Math.ceil(Math.log2(Math.max(2, entries * 2))))
  }

  enter(at: number): void {
    const mask = this.slots.length - 1
    let slot = hashOctets(this.octets, at + 1, at + 1 + (this.octets[at] ?? 0)) & mask
    while (this.slots[slot] !== 0) slot = (slot + 1) & mask
    this.slots[slot] = at + 1
  }

  find(name: Name): number {
    return findEntry(this.octets, this.slots, name)
  }
}

/** FNV-1a, 32 bits. */
const FNV_BASIS = 0x811c9dc5
const FNV_PRIME = 0x01000193

function hashOctets(octets: Uint8Array, from: number, to: number): number {
  let hash = FNV_BASIS
  for (let i = from; i < to; i++) hash = Math.imul(hash ^ (octets[i] ?? 0), FNV_PRIME)
  return (hash ^ (hash >>> 15)) >>> 0
}

function hashName(name: Name): number {
  let hash = FNV_BASIS
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), FNV_PRIME)
  return (hash ^ (hash >>> 15)) >>> 0
}

/** Offset of the entry of a name, -1 when there is none. */
function findEntry(octets: Uint8Array, slots: Uint32Array, name: Name): number {
  const mask = slots.length - 1
  for (let slot = hashName(name) & mask; ; slot = (slot + 1) & mask) {
    const at = (slots[slot] ?? 0) - 1
    if (at < 0 || isNameAt(octets, at, name)) return at
  }
}

function isNameAt(octets: Uint8Array, at: number, name: Name): boolean {
  if (octets[at] !== name.length) return false
  for (let i = 0; i < name.length; i++) if (octets[at + 1 + i] !== name.charCodeAt(i)) return false
  return true
}

const textAt = (octets: Uint8Array, at: number): WireName =>
  trustWireName(latin1(octets, at + 1, at + 1 + (octets[at] ?? 0)))
/** It was folded when it was written. */
const nameAt = (octets: Uint8Array, at: number): Name => foldName(textAt(octets, at))

function entryEnd(octets: Uint8Array, entry: number): number {
  let at = entry + 1 + (octets[entry] ?? 0)
  const sets = u16(octets, at)
  at += 2
  for (let i = 0; i < sets; i++) at += SET_HEAD + u32(octets, at + 2)
  return at
}

/** The sets of one entry; each is made when it is asked for. */
class FlatSets implements SetsAt {
  readonly size: number
  readonly #octets: Uint8Array
  readonly #name: Name
  /** Of the first set. */
  readonly #from: number
  readonly #withSignatures: boolean

  constructor(octets: Uint8Array, entry: number, name: Name, withSignatures: boolean) {
    const at = entry + 1 + (octets[entry] ?? 0)
    this.#octets = octets
    this.#name = name
    this.#from = at + 2
    this.#withSignatures = withSignatures
    this.size = u16(octets, at)
  }

  get(type: number): RRset | undefined {
    let at = this.#from
    for (let i = 0; i < this.size; i++) {
      if (u16(this.#octets, at) === type) return this.#setAt(at)
      at += SET_HEAD + u32(this.#octets, at + 2)
    }
    return undefined
  }

  *values(): Generator<RRset> {
    let at = this.#from
    for (let i = 0; i < this.size; i++) {
      yield this.#setAt(at)
      at += SET_HEAD + u32(this.#octets, at + 2)
    }
  }

  #setAt(head: number): RRset {
    const octets = this.#octets
    const body = head + SET_HEAD
    const owner = octets[body + 4] === 0 ? this.#name : textAt(octets, body + 4)
    const counts = body + 5 + (octets[body + 4] ?? 0)
    const rdatas: Uint8Array[] = []
    const signatures: Uint8Array[] = []
    const records = u32(octets, counts)
    const all = this.#withSignatures ? records + u32(octets, counts + 4) : records
    let at = counts + 8
    for (let i = 0; i < all; i++) {
      const end = at + 2 + u16(octets, at)
      // Copied: what is handed out may live longer than the zone, and must not hold all of it.
      ;(i < records ? rdatas : signatures).push(octets.slice(at + 2, end))
      at = end
    }
    return {
      owner,
      name: this.#name,
      type: u16(octets, head),
      class: RrClass.IN,
      ttl: u32(octets, body),
      rdatas,
      signatures,
    }
  }
}

/** Looks things up in a flat zone. */
export class FlatContent {
  readonly zone: FlatZone

  constructor(zone: FlatZone) {
    this.zone = zone
  }

  /** Without signatures. */
  at(name: Name): SetsAt | undefined {
    const { octets, slots } = this.zone
    const entry = findEntry(octets, slots, name)
    return entry < 0 ? undefined : new FlatSets(octets, entry, name, false)
  }

  /** As they were packed, with signatures. */
  *rrsets(): Generator<RRset> {
    const { octets } = this.zone
    for (let at = 0; at < octets.length; at = entryEnd(octets, at))
      yield* new FlatSets(octets, at, nameAt(octets, at), true).values()
  }
}
