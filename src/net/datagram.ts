/** What every UDP socket here shares: type, options and the identity look-up. Deliberately without state. */
import { createSocket, type Socket } from 'node:dgram'
import { isResponse } from '../dns/wire.ts'

/**
 * `node:dgram` resolves every address through `dns.lookup`, a trip through the loop even for literals. Ours are always
 * literals, so the answer is the question, at once; without it a datagram could not leave in the turn that sends it.
 */
function identityLookup(
  address: string,
  _options: unknown,
  done: (error: null, address: string, family: number) => void,
): void {
  done(null, address, address.includes(':') ? 6 : 4)
}

/** An unbound socket. IPv6 ones never take IPv4 traffic, so the two families can share a port. */
export const datagramSocket = (family: 4 | 6): Socket =>
  createSocket({ type: family === 4 ? 'udp4' : 'udp6', ipv6Only: family === 6, lookup: identityLookup })

/** Not a response, and from a port that a reply could go to. */
export const mayBeQuery = (bytes: Uint8Array, length: number, port: number): boolean =>
  port !== 0 && !isResponse(bytes, length)
