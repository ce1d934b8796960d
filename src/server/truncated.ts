/** A reply that says only: ask again over TCP (TC). For datagrams above the limit of their client. */
import { putU16 } from '../dns/bytes.ts'
import { OPT_FIXED_OCTETS } from '../dns/edns.ts'
import { HEADER_OCTETS } from '../dns/message.ts'
import { RrType } from '../dns/types.ts'
import type { QueryPeek } from '../dns/wire.ts'

/** Of the third and fourth octet: QR and TC; RD is the asker's. RA; CD is the asker's. */
const QR_TC = 0x82
const RD_BIT = 0x01
const RA_BIT = 0x80
const CD_BIT = 0x10
const DO_HIGH = 0x80

/**
 * Writes the reply to a peeked query into `out` from `at` on, with an OPT when the query has one, and gives its octets:
 * never more than the query has but for an option-free OPT.
 */
export function writeTruncated(query: Uint8Array, peek: QueryPeek, out: Uint8Array, at: number, ours: number): number {
  const end = peek.questionEnd
  for (let i = 0; i < end; i++) out[at + i] = query[i] ?? 0
  out[at + 2] = QR_TC | ((query[2] ?? 0) & RD_BIT)
  out[at + 3] = RA_BIT | ((query[3] ?? 0) & CD_BIT)
  for (let i = 6; i < HEADER_OCTETS; i++) out[at + i] = 0
  if (!peek.edns) return end
  const opt = at + end
  out.fill(0, opt, opt + OPT_FIXED_OCTETS)
  putU16(out, opt + 1, RrType.OPT)
  putU16(out, opt + 3, ours)
  if (peek.dnssecOk) out[opt + 7] = DO_HIGH
  out[at + 11] = 1
  return end + OPT_FIXED_OCTETS
}
