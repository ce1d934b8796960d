/** CAA records (RFC 8659): which authorities may issue a certificate for a name, as far as the records say. */
import { latin1 } from '../../dns/bytes.ts'
import { labelCount, type Name, parentOf } from '../../dns/name.ts'
import type { RRset } from '../../dns/rrset.ts'
import { RrType } from '../../dns/types.ts'

export interface CaaFound {
  /** The name that has the records: the host's own, or the nearest one above it. Null: none has any. */
  readonly at: Name | null
  readonly records: readonly CaaRecord[]
}

export interface CaaRecord {
  /** Who does not know `tag` must not issue (bit 0 of the flags). */
  readonly isCritical: boolean
  readonly tag: string
  readonly value: string
}

/** The names that are asked in turn (RFC 8659 section 3), the host first; the root never. */
export function caaNames(host: Name, levels: number): readonly Name[] {
  const names: Name[] = []
  for (let name = host; labelCount(name) > 0 && names.length < levels; name = parentOf(name)) names.push(name)
  return names
}

/** Records that are malformed are left out. */
export function caaRecords(rrsets: readonly RRset[]): readonly CaaRecord[] {
  return rrsets.filter(({ type }) => type === RrType.CAA).flatMap(({ rdatas }) => rdatas.flatMap(readCaa))
}

function readCaa(rdata: Uint8Array): CaaRecord[] {
  const end = 2 + (rdata[1] ?? 0)
  if (rdata.length < end || end === 2) return []
  const tag = latin1(rdata, 2, end).toLowerCase()
  return [{ isCritical: ((rdata[0] ?? 0) & 0x80) !== 0, tag, value: latin1(rdata, end, rdata.length) }]
}
