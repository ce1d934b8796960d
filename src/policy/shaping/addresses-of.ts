/** The addresses that a record carries: A, AAAA, and the hints of SVCB and HTTPS (RFC 9460 section 7.3). Pure. */
import { u16 } from '../../dns/bytes.ts'
import { MAX_LABEL_OCTETS } from '../../dns/name.ts'
import type { RRset } from '../../dns/rrset.ts'
import { RrType } from '../../dns/types.ts'

const IPV4_HINT = 4
const IPV6_HINT = 6
/** Octets of the priority, before the target. */
const PRIORITY_OCTETS = 2
/** Key and length of a parameter. */
const PARAMETER_OCTETS = 4

/** 4 or 16 octets each. Of a record that is not well formed, those before what is wrong. */
export function addressesOf({ type, rdatas }: RRset): readonly Uint8Array[] {
  switch (type) {
    case RrType.A:
      return rdatas.filter(({ length }) => length === 4)
    case RrType.AAAA:
      return rdatas.filter(({ length }) => length === 16)
    case RrType.SVCB:
    case RrType.HTTPS:
      return rdatas.flatMap(hintsOf)
    default:
      return NO_ADDRESSES
  }
}

const NO_ADDRESSES: readonly Uint8Array[] = Object.freeze([])

function hintsOf(rdata: Uint8Array): readonly Uint8Array[] {
  const found: Uint8Array[] = []
  for (let at = afterTarget(rdata); at + PARAMETER_OCTETS <= rdata.length; ) {
    const key = u16(rdata, at)
    const from = at + PARAMETER_OCTETS
    const end = Math.min(from + u16(rdata, at + 2), rdata.length)
    const size = key === IPV4_HINT ? 4 : key === IPV6_HINT ? 16 : 0
    for (let one = from; size > 0 && one + size <= end; one += size) found.push(rdata.subarray(one, one + size))
    at = end
  }
  return found
}

/** The end of the record when the target does not end. */
function afterTarget(rdata: Uint8Array): number {
  for (let at = PRIORITY_OCTETS; at < rdata.length; ) {
    const length = rdata[at] ?? 0
    if (length === 0) return at + 1
    if (length > MAX_LABEL_OCTETS) break
    at += 1 + length
  }
  return rdata.length
}
