/**
 * Padding of replies (RFC 7830, in the sizes of RFC 8467), so that who sees only how long encrypted messages are learns
 * little of what is in them. On finished octets, of either path: the option is the last thing in a message, since the
 * OPT record is its last record.
 */
import { putU16, u16 } from '../dns/bytes.ts'
import { EdnsOptionCode } from '../dns/types.ts'
import type { Transport } from '../ports.ts'

/** Code and length of an option (RFC 6891 section 6.1.2). */
const OPTION_FIXED_OCTETS = 4
/** Of an OPT record before its options: root owner, type, size, flags; then comes RDLENGTH. */
const RDLENGTH_OFFSET = 9

/**
 * RFC 7830 section 6: only where the transport encrypts. HTTP without TLS comes from a proxy that adds it, and lengths
 * are seen after that.
 */
export const padsOver = (transport: Transport): boolean => transport !== 'udp' && transport !== 'tcp'

/**
 * Adds the option to the message of `length` octets at `at`, of which the last `optOctets` are its OPT record, and
 * gives the new length: the next multiple of `block` (RFC 8467 section 4.1), or `maxBytes` where that is less. Unpadded
 * when not even the option fits.
 */
export function padReply(
  out: Uint8Array,
  at: number,
  length: number,
  optOctets: number,
  maxBytes: number,
  block: number,
): number {
  const begun = length + OPTION_FIXED_OCTETS
  const most = Math.min(maxBytes, out.length - at)
  if (begun > most) return length
  const padded = Math.min(Math.ceil(begun / block) * block, most)
  putU16(out, at + length, EdnsOptionCode.PADDING)
  putU16(out, at + length + 2, padded - begun)
  // Section 3 of RFC 7830: zeros, so that no octet of another message is in it.
  out.fill(0, at + begun, at + padded)
  const rdlength = at + length - optOctets + RDLENGTH_OFFSET
  putU16(out, rdlength, u16(out, rdlength) + padded - length)
  return padded
}
