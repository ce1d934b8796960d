/** A reply that has been in caches of HTTP on its way (RFC 8484 section 5.1). */
import { copyOf, putU32, u16, u32 } from './bytes.ts'
import { HEADER_OCTETS, RECORD_FIXED_OCTETS } from './message.ts'
import { RrType } from './types.ts'

const QUESTION_FIXED_OCTETS = 4
const POINTER = 0xc0

/**
 * Takes `seconds` off the TTLs of a reply, as far as they go, in a copy. What cannot be read is given back as it is.
 */
export function aged(reply: Uint8Array, seconds: number): Uint8Array {
  const copy = copyOf(reply, 0, reply.length)
  let at = HEADER_OCTETS
  for (let left = u16(copy, 4); left > 0; left--) {
    at = afterName(copy, at) + QUESTION_FIXED_OCTETS
    if (at > copy.length) return reply
  }
  for (let left = u16(copy, 6) + u16(copy, 8) + u16(copy, 10); left > 0; left--) {
    at = afterName(copy, at)
    const data = at + RECORD_FIXED_OCTETS
    if (data > copy.length) return reply
    if (u16(copy, at) !== RrType.OPT) {
      const ttl = Math.max(0, u32(copy, at + 4) - seconds)
      putU32(copy, at + 4, ttl)
    }
    at = data + u16(copy, at + 8)
  }
  return copy
}

/** The offset after a name, compressed or not; beyond the end when it runs over it. */
function afterName(bytes: Uint8Array, from: number): number {
  for (let at = from; at < bytes.length; ) {
    const octet = bytes[at] ?? 0
    if (octet === 0) return at + 1
    if (octet >= POINTER) return at + 2
    at += octet + 1
  }
  return bytes.length + 1
}
