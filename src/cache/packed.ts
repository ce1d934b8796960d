/**
 * RRsets as they lie in the caches: all RDATA of a set in one flat string, one octet per UTF-16 unit. A `Uint8Array`
 * costs some 210 octets before its first one, so thirteen name servers would weigh 3 KB; packed they weigh 300 octets.
 * Packing is also the copy that every store makes: nothing here keeps a message alive or can be changed by whoever put
 * it in.
 */
import { latin1 } from '../dns/bytes.ts'
import { foldName, nameBytes, trustWireName, type Name, type WireName } from '../dns/name.ts'
import type { RRset } from '../dns/rrset.ts'

export interface PackedRRset {
  readonly owner: WireName
  readonly name: Name
  readonly type: number
  readonly class: number
  readonly ttl: number
  /** How many of the records in `data` are RDATA of the set; the rest are its signatures. */
  readonly count: number
  /** Two octets of length and the octets, for each record. */
  readonly data: string
}

/** The octets as a flat string. */
export const octetString = (bytes: Uint8Array): string => latin1(bytes, 0, bytes.length)

export function octetBytes(octets: string, from = 0, to: number = octets.length): Uint8Array {
  const bytes = new Uint8Array(to - from)
  for (let i = from; i < to; i++) bytes[i - from] = octets.charCodeAt(i)
  return bytes
}

/** Makes the engine join a string that was built by concatenation, so that its pieces are not kept. */
export function flat(text: string): string {
  text.charCodeAt(0)
  return text
}

/** A name with its own memory: a slice would retain the longer string. */
const flatName = (name: Name): Name => foldName(trustWireName(octetString(nameBytes(name))))

/** Octets of data in a set: what is compared with `limits.cache.entryBytes`. */
export function dataBytes(rrset: RRset): number {
  let bytes = rrset.owner.length
  for (const rdata of rrset.rdatas) bytes += rdata.length + 2
  for (const rdata of rrset.signatures) bytes += rdata.length + 2
  return bytes
}

/**
 * Packs a set; `ttl` (seconds) is the one it is kept for. `name` is the set's name as it will be kept, perhaps already
 * by others.
 */
export function packRRset(rrset: RRset, ttl: number, name: Name = flatName(rrset.name)): PackedRRset {
  // From the common pool, for as long as this takes.
  const bytes = Buffer.allocUnsafe(dataBytes(rrset) - rrset.owner.length)
  packRecords(rrset.signatures, bytes, packRecords(rrset.rdatas, bytes, 0))
  const owner = rrset.owner === rrset.name ? name : trustWireName(octetString(nameBytes(rrset.owner)))
  return {
    owner,
    name,
    type: rrset.type,
    class: rrset.class,
    ttl,
    count: rrset.rdatas.length,
    data: octetString(bytes),
  }
}

/** Writes length and octets of each; returns the offset after them. */
function packRecords(records: readonly Uint8Array[], into: Uint8Array, start: number): number {
  let at = start
  for (const rdata of records) {
    into[at] = rdata.length >> 8
    into[at + 1] = rdata.length
    at = copyInto(rdata, into, at + 2)
  }
  return at
}

/** Copies octets; returns the offset after them. */
export function copyInto(from: Uint8Array, into: Uint8Array, at: number): number {
  if (from.length > SHORT_COPY_OCTETS) into.set(from, at)
  else for (let i = 0; i < from.length; i++) into[at + i] = from[i] ?? 0
  return at + from.length
}

/** From here on `set` is quicker than a loop. */
const SHORT_COPY_OCTETS = 48

/** The set as a fresh value with `ttl` seconds. */
export function unpackRRset(packed: PackedRRset, ttl: number): RRset {
  const records: Uint8Array[] = []
  const { data } = packed
  for (let at = 0; at < data.length; ) {
    const next = at + 2 + ((data.charCodeAt(at) << 8) | data.charCodeAt(at + 1))
    records.push(octetBytes(data, at + 2, next))
    at = next
  }
  const signed = records.length > packed.count
  return {
    owner: packed.owner,
    name: packed.name,
    type: packed.type,
    class: packed.class,
    ttl,
    rdatas: signed ? records.slice(0, packed.count) : records,
    signatures: signed ? records.slice(packed.count) : [],
  }
}

/** Bytes of a packed set, without the objects counted as overhead of its entry. */
export const packedBytes = (packed: PackedRRset): number =>
  packed.data.length + (packed.owner === packed.name ? 0 : packed.owner.length)
