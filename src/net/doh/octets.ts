/**
 * What HTTP has to know of a DNS message and a decoder would be too dear for: where it ends, and for how long a reply
 * may be kept by HTTP caches (RFC 8484 section 5.1). On octets, without making anything.
 */
import { u16, u32 } from '../../dns/bytes.ts'
import { HEADER_OCTETS, RECORD_FIXED_OCTETS, TC } from '../../dns/message.ts'
import { Rcode, RrType } from '../../dns/types.ts'

/** RFC 1035 section 4.1.4: the two top bits of a pointer's first octet. */
const POINTER = 0xc0
const POINTER_OCTETS = 2
const QUESTION_FIXED_OCTETS = 4
const RCODE_MASK = 0x0f

/** The offset after a name at `at`, which is not looked into; -1 when it does not end before `end`. */
function nameEnd(bytes: Uint8Array, at: number, end: number): number {
  while (at < end) {
    const octet = bytes[at] ?? 0
    if (octet === 0) return at + 1
    if (octet >= POINTER) return at + POINTER_OCTETS
    at += octet + 1
  }
  return -1
}

/** The offset after the questions of a message that ends at `end`; -1 when they do not fit. */
function questionsEnd(bytes: Uint8Array, end: number): number {
  let at = HEADER_OCTETS
  for (let left = u16(bytes, 4); left > 0; left--) {
    const next = nameEnd(bytes, at, end)
    if (next < 0 || next + QUESTION_FIXED_OCTETS > end) return -1
    at = next + QUESTION_FIXED_OCTETS
  }
  return at
}

/**
 * Where the first message in `bytes`, of at least 12 octets, ends by its own counts; -1 when it does not fit. Octets
 * after that belong to no message.
 */
export function messageEnd(bytes: Uint8Array): number {
  const end = bytes.length
  let at = questionsEnd(bytes, end)
  for (let left = u16(bytes, 6) + u16(bytes, 8) + u16(bytes, 10); left > 0 && at >= 0; left--) {
    const fixed = nameEnd(bytes, at, end)
    if (fixed < 0 || fixed + RECORD_FIXED_OCTETS > end) return -1
    at = fixed + RECORD_FIXED_OCTETS + u16(bytes, fixed + 8)
  }
  return at > end ? -1 : at
}

/**
 * Seconds for which the reply in the first `length` octets may be kept: the smallest TTL of its answer section; with an
 * SOA, which a denial has, also what RFC 2308 section 5 makes of that. Null when it says nothing that lasts: failures,
 * truncated replies, replies without records.
 */
export function freshSeconds(bytes: Uint8Array, length: number): number | null {
  const rcode = (bytes[3] ?? 0) & RCODE_MASK
  if ((rcode !== Rcode.NOERROR && rcode !== Rcode.NXDOMAIN) || ((bytes[2] ?? 0) & TC) !== 0) return null
  let least = Number.POSITIVE_INFINITY
  let at = questionsEnd(bytes, length)
  const answers = u16(bytes, 6)
  const records = answers + u16(bytes, 8)
  for (let i = 0; i < records && at >= 0; i++) {
    const fixed = nameEnd(bytes, at, length)
    if (fixed < 0 || fixed + RECORD_FIXED_OCTETS > length) return null
    const octets = u16(bytes, fixed + 8)
    at = fixed + RECORD_FIXED_OCTETS + octets
    if (at > length) return null
    const ttl = u32(bytes, fixed + 4)
    if (i < answers) least = Math.min(least, ttl)
    // MINIMUM is the last field of an SOA.
    else if (u16(bytes, fixed) === RrType.SOA) least = Math.min(least, ttl, u32(bytes, at - 4))
  }
  // RFC 2308 section 5: a denial without an SOA is not kept. The record of an alias before it does not change that.
  return Number.isFinite(least) && (rcode === Rcode.NOERROR || records > answers) ? least : null
}
