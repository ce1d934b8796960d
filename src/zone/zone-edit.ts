/**
 * A zone as sets that are put in, replaced and taken out, and what differs between two states of one. Pure: how the
 * sets are written down is `zone-rewrite.ts`'s, whether they make a zone `zone-check.ts`'s.
 */
import type { Name } from '../dns/name.ts'
import { readSoa } from '../dns/rdata.ts'
import { recordsOf, type Rr, type RRset, sameBytes } from '../dns/rrset.ts'
import { RrType } from '../dns/types.ts'

/** By `setKey`, in the order of the zone. */
export type ZoneSets = ReadonlyMap<string, RRset>

export const setKey = (name: Name, type: number): string => `${name}${type}`

export function setsOf(rrsets: Iterable<RRset>): Map<string, RRset> {
  const sets = new Map<string, RRset>()
  for (const rrset of rrsets) sets.set(setKey(rrset.name, rrset.type), rrset)
  return sets
}

export interface ZoneDifference {
  readonly removed: readonly Rr[]
  readonly added: readonly Rr[]
}

/** Records, signatures included. One whose TTL changed is removed and added. */
export function differenceOf(before: ZoneSets, after: ZoneSets): ZoneDifference {
  const removed: Rr[] = []
  const added: Rr[] = []
  const note = (old: RRset | undefined, fresh: RRset | undefined): void => {
    const were = old === undefined ? [] : recordsOf(old, true)
    const are = fresh === undefined ? [] : recordsOf(fresh, true)
    removed.push(...were.filter(one => !are.some(other => isSameRecord(one, other))))
    added.push(...are.filter(one => !were.some(other => isSameRecord(one, other))))
  }
  for (const [key, old] of before) {
    const fresh = after.get(key)
    if (fresh === undefined || !isAlike(old, fresh)) note(old, fresh)
  }
  for (const [key, fresh] of after) if (!before.has(key)) note(undefined, fresh)
  return { removed, added }
}

/** The same records in the same order, as nearly all sets of a large zone have: nothing is made to find that out. */
function isAlike(a: RRset, b: RRset): boolean {
  if (a === b) return true
  if (a.ttl !== b.ttl || a.rdatas.length !== b.rdatas.length || a.signatures.length !== b.signatures.length)
    return false
  const isSame = (ours: readonly Uint8Array[], theirs: readonly Uint8Array[]): boolean =>
    ours.every((one, i) => {
      const other = theirs[i]
      return other !== undefined && sameBytes(one, other)
    })
  return isSame(a.rdatas, b.rdatas) && isSame(a.signatures, b.signatures)
}

export const isSameRecord = (a: Rr, b: Rr): boolean =>
  a.type === b.type && a.ttl === b.ttl && sameBytes(a.rdata, b.rdata)

/** Octets from the serial number of an SOA to the end of its RDATA (RFC 1035 section 3.3.13). */
const SERIAL_FROM_END = 20
const U32 = 2 ** 32

export function serialOf(soa: RRset | undefined): number | null {
  const [rdata] = soa?.rdatas ?? []
  return rdata === undefined ? null : (readSoa(rdata)?.serial ?? null)
}

export function withSerial(soa: RRset, serial: number): RRset {
  const rdatas = soa.rdatas.map(rdata => {
    const octets = rdata.slice()
    new DataView(octets.buffer).setUint32(octets.length - SERIAL_FROM_END, serial)
    return octets
  })
  return { ...soa, rdatas }
}

/** RFC 1982 section 3.2: is `serial` later than `than`? */
export const isLaterSerial = (serial: number, than: number): boolean =>
  serial !== than && (serial - than + U32) % U32 < U32 / 2

/** A date and two digits, as most zones have it, goes on as one; `day` is today as YYYYMMDD. */
export function nextSerial(serial: number, day: number): number {
  const first = day * 100
  const isDated = serial >= FIRST_DATED && serial <= LAST_DATED
  return isDated && first > serial ? first : (serial + 1) % U32
}

const FIRST_DATED = 1990_01_01_00
const LAST_DATED = 2099_12_31_99

/** The set of the top with the SOA; undefined: there is none. */
export const soaIn = (sets: ZoneSets, origin: Name): RRset | undefined => sets.get(setKey(origin, RrType.SOA))
