/** The addresses of this host, for binds that mean "all of them". Reads the interfaces each time; keeps nothing. */
import { networkInterfaces } from 'node:os'
import { parseIp } from '../dns/address.ts'

/** The family that a wildcard address stands for; null when the address is not a wildcard. */
export function wildcardFamily(address: string): 4 | 6 | null {
  const ip = parseIp(address)
  return ip?.bytes.every(octet => octet === 0) === true ? ip.family : null
}

/** All local addresses as text that can be bound: link-local ones carry their interface (RFC 4007 section 11). */
export function localAddresses(): string[] {
  const found = new Set<string>()
  for (const [name, addresses] of Object.entries(interfaces())) {
    for (const { address, family, scopeid } of addresses ?? []) {
      const linkLocal = family === 'IPv6' && (scopeid ?? 0) !== 0
      found.add(linkLocal ? `${address}%${process.platform === 'win32' ? scopeid : name}` : address)
    }
  }
  return [...found].sort()
}

/** Some systems refuse to list interfaces to unprivileged programs; then there are none to be found. */
function interfaces(): ReturnType<typeof networkInterfaces> {
  try {
    return networkInterfaces()
  } catch {
    return {}
  }
}
