/**
 * Socket addresses as Linux lays them out (ip(7), ipv6(7)): struct sockaddr_in and sockaddr_in6 by hand. Writes octets
 * and nothing else; whether the address is any good is for the kernel to say.
 */

export const AF_INET = 2
export const AF_INET6 = 10
export const SOCK_DGRAM = 2
export const SOCK_NONBLOCK = 0o4000
export const SOCK_CLOEXEC = 0o2000000

/** Octets of sockaddr_in and sockaddr_in6. */
export const NAME_OCTETS = { 4: 16, 6: 28 } as const
const PORT_AT = 2
const ADDRESS_AT = { 4: 4, 6: 8 } as const
const SCOPE_AT = 24

/**
 * At the beginning of the memory. No octets stand for the wildcard address; `scope` is the number of an interface (RFC
 * 4007 section 11).
 */
export function writeSocketName(
  into: DataView,
  family: 4 | 6,
  octets: ArrayLike<number>,
  port: number,
  scope = 0,
): void {
  for (let at = 0; at < NAME_OCTETS[family]; at++) into.setUint8(at, 0)
  into.setUint16(0, family === 4 ? AF_INET : AF_INET6, true)
  into.setUint16(PORT_AT, port, false)
  for (let i = 0; i < octets.length; i++) into.setUint8(ADDRESS_AT[family] + i, octets[i] ?? 0)
  if (family === 6) into.setUint32(SCOPE_AT, scope, true)
}

export const portInSocketName = (name: DataView): number => name.getUint16(PORT_AT, false)
