/** What a configuration and its certificate designate to clients that look for encrypted transports (RFC 9462). */
import { parseIp } from '../dns/address.ts'
import type { Designation, DesignatedService } from '../policy/designation.ts'
import type { Binding } from '../ports.ts'

/** RFC 9461 section 4.2 and RFC 9110 section 4.2: ports that need not be said. */
const DEFAULT_PORT = { tls: 853, https: 443 } as const

/**
 * Null when there is nothing that a client could reach and verify. `names` are those of the certificate: the first one
 * that is no wildcard is the target. Behind a proxy clients reach the proxy, of which we know nothing.
 */
export function designationOf(bindings: readonly Binding[], names: readonly string[]): Designation | null {
  const target = names.find(name => !name.startsWith('*'))
  const services = new Map<string, DesignatedService>()
  const addresses = new Set<string>()
  let everywhere = false
  for (const { address, port, service } of bindings) {
    if (service === undefined || service.proxy || port === 0) continue
    const { transport, path } = service
    if (transport !== 'tls' && transport !== 'https') continue
    const said = port === DEFAULT_PORT[transport] ? null : port
    const isHttps = transport === 'https'
    services.set(`${transport} ${port} ${path}`, {
      priority: isHttps ? 1 : 2,
      alpn: isHttps ? ['h2', 'http/1.1'] : ['dot'],
      port: said,
      dohPath: isHttps ? `${path}{?dns}` : null,
    })
    const ip = parseIp(address)
    if (ip?.bytes.every(octet => octet === 0) === true) everywhere = true
    else addresses.add(ip?.text ?? address)
  }
  if (target === undefined || services.size === 0) return null
  // With one socket on all addresses, those of others would not be all of them.
  const known = everywhere ? [] : [...addresses]
  return {
    target,
    services: [...services.values()].sort((a, b) => a.priority - b.priority),
    ipv4: known.filter(address => !address.includes(':')),
    ipv6: known.filter(address => address.includes(':')),
  }
}
