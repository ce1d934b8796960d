/**
 * Where to connect and in which order, from what the look-ups have answered so far. Pure, and made again whenever an
 * answer comes: HTTPS records by priority (RFC 9460 section 3), of each the addresses of both families in turn with
 * IPv6 first (RFC 8305 section 4), then the origin itself.
 */
import type { IpAddress } from '../dns/address.ts'
import type { Name } from '../dns/name.ts'
import type { ServiceRecord } from './records/service-record.ts'
import type { Alpn, Endpoint } from './types.ts'

/** Null: not answered yet. */
export interface Addresses {
  readonly v4: readonly IpAddress[] | null
  readonly v6: readonly IpAddress[] | null
}

export interface PlanInput {
  readonly host: Name
  readonly port: number
  /** What is spoken here, best first. */
  readonly offer: readonly Alpn[]
  readonly services: readonly ServiceRecord[]
  readonly addressesOf: (name: Name) => Addresses
  readonly most: number
}

export function planEndpoints({ host, port, offer, services, addressesOf, most }: PlanInput): readonly Endpoint[] {
  const endpoints: Endpoint[] = []
  for (const service of services) {
    const alpn = spokenBy(service, offer)
    const { target } = service
    if (alpn.length > 0)
      endpoints.push(...inOrder(addressesOf(target), service.hints, { port: service.port ?? port, alpn, name: target }))
  }
  // The origin itself is for when its services have no address, not for when they are not known yet.
  const isWaiting = services.some(({ target }) => Object.values(addressesOf(target)).includes(null))
  if (endpoints.length > 0 || !isWaiting)
    endpoints.push(...inOrder(addressesOf(host), [], { port, alpn: offer, name: host }))
  return distinct(endpoints).slice(0, most)
}

/** What both speak (RFC 9460 section 7.1.2): HTTP/1.1 is the default of HTTPS records. */
export const spokenBy = ({ alpn, hasDefaultAlpn }: ServiceRecord, offer: readonly Alpn[]): readonly Alpn[] =>
  offer.filter(one => alpn.includes(one) || (one === 'http/1.1' && hasDefaultAlpn))

function inOrder(
  { v4, v6 }: Addresses,
  hints: readonly IpAddress[],
  rest: Pick<Endpoint, 'port' | 'alpn' | 'name'>,
): readonly Endpoint[] {
  // Hints serve until the real addresses are there (RFC 9460 section 7.3).
  const of = (known: readonly IpAddress[] | null, family: 4 | 6): readonly Endpoint[] =>
    (known ?? hints.filter(hint => hint.family === family)).map(ip => ({
      ip,
      ...rest,
      by: known === null ? 'hint' : 'address',
    }))
  return alternating(of(v6, 6), of(v4, 4))
}

/** One of each in turn. */
export function alternating<T>(first: readonly T[], second: readonly T[]): readonly T[] {
  const longer = Math.max(first.length, second.length)
  return Array.from({ length: longer }, (_, i) => [first.slice(i, i + 1), second.slice(i, i + 1)].flat()).flat()
}

function distinct(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  const seen = new Set<string>()
  return endpoints.filter(endpoint => {
    const key = endpointKey(endpoint)
    const isNew = !seen.has(key)
    seen.add(key)
    return isNew
  })
}

/** Two with one key are one attempt. */
export const endpointKey = ({ ip, port }: Endpoint): string => `${ip.text}#${port}`

export interface Pending {
  readonly service: boolean
  readonly v4: boolean
  readonly v6: boolean
}

/**
 * May connecting begin? Once there is an address, IPv6 addresses and HTTPS records that are still to come are waited
 * for only for the resolution delay (RFC 8305 section 3), since they would be preferred.
 */
export function readiness(
  isUsable: boolean,
  pending: Pending,
  sinceUsableMs: number,
  resolutionDelayMs: number,
): 'go' | 'wait' | 'nothing' {
  if (!isUsable) return pending.service || pending.v4 || pending.v6 ? 'wait' : 'nothing'
  return (pending.service || pending.v6) && sinceUsableMs < resolutionDelayMs ? 'wait' : 'go'
}
