/**
 * The header that a proxy puts in front of a connection to say for whom it speaks: PROXY protocol, version 2 (the
 * binary one) of HAProxy's specification. Pure; who may send one is decided by who reads.
 *
 * Invariants: nothing is read beyond the octets given, and none is asked for beyond `maxBytes`; whatever is not exactly
 * a header of this version is `invalid`, so that no octet of one is ever taken for a message.
 */
import { type IpAddress, ipFromBytes } from '../../dns/address.ts'
import { u16 } from '../../dns/bytes.ts'

export type ProxyHeader =
  /** This number of octets in all is needed to say more. */
  | { readonly kind: 'more'; readonly octets: number }
  /** `source` is null when the proxy speaks for itself (its own health checks): the address of the connection holds. */
  | {
      readonly kind: 'header'
      readonly octets: number
      readonly source: { readonly ip: IpAddress; readonly port: number } | null
    }
  | { readonly kind: 'invalid'; readonly why: string }

/** Section 2.2: `\r\n\r\n\0\r\nQUIT\n`. */
const SIGNATURE = Uint8Array.of(0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a)
/** Signature, version and command, family and protocol, length. */
export const PROXY_FIXED_OCTETS = 16
const VERSION = 2
const LOCAL = 0
const PROXY = 1
/** Section 2.2: source and destination address, then source and destination port. */
const ADDRESS_OCTETS: ReadonlyMap<number, number> = new Map([
  [1, 4],
  [2, 16],
])
const PORTS_OCTETS = 4

/** The header at the beginning of `bytes`. */
export function readProxyHeader(bytes: Uint8Array, maxBytes: number): ProxyHeader {
  for (let at = 0; at < SIGNATURE.length && at < bytes.length; at++)
    if (bytes[at] !== SIGNATURE[at]) return { kind: 'invalid', why: 'no PROXY header of version 2' }
  if (bytes.length < PROXY_FIXED_OCTETS) return { kind: 'more', octets: PROXY_FIXED_OCTETS }
  const [versionAndCommand = 0, familyAndProtocol = 0] = bytes.subarray(SIGNATURE.length)
  const command = versionAndCommand & 0xf
  if (versionAndCommand >> 4 !== VERSION || command > PROXY)
    return { kind: 'invalid', why: `version and command 0x${versionAndCommand.toString(16)} of a PROXY header` }
  const octets = PROXY_FIXED_OCTETS + u16(bytes, SIGNATURE.length + 2)
  if (octets > maxBytes) return { kind: 'invalid', why: `a PROXY header of ${octets} octets` }
  if (bytes.length < octets) return { kind: 'more', octets }
  // Section 2.2: what a LOCAL connection says of addresses is to be ignored, and so is a family that is unspecified.
  if (command === LOCAL || familyAndProtocol >> 4 === 0) return { kind: 'header', octets, source: null }
  return withSource(bytes, octets, familyAndProtocol)
}

/** The protocol (stream or datagram) is what the client used towards the proxy, so either may come here. */
function withSource(bytes: Uint8Array, octets: number, familyAndProtocol: number): ProxyHeader {
  const length = ADDRESS_OCTETS.get(familyAndProtocol >> 4)
  const protocol = familyAndProtocol & 0xf
  if (length === undefined || protocol > 2)
    return { kind: 'invalid', why: `family and protocol 0x${familyAndProtocol.toString(16)} of a PROXY header` }
  if (octets < PROXY_FIXED_OCTETS + 2 * length + PORTS_OCTETS)
    return { kind: 'invalid', why: 'a PROXY header that is too short for its addresses' }
  const at = PROXY_FIXED_OCTETS
  const ip = ipFromBytes(Uint8Array.from(bytes.subarray(at, at + length)))
  return { kind: 'header', octets, source: { ip, port: u16(bytes, at + 2 * length) } }
}
