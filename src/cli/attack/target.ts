/**
 * Who may be attacked: a resolver on a loopback address, or any in a network namespace that leads nowhere. Anybody
 * else's resolver is none of our business, whoever asks for it.
 */
import { isLoopback, parseIp } from '../../dns/address.ts'
import { DNS_PORT, type ServerAddress, serverAddress } from '../../ports.ts'

export type Target =
  | { readonly kind: 'target'; readonly server: ServerAddress; readonly text: string }
  | { readonly kind: 'refused'; readonly message: string }

/** What the kernel says of the network that this process is in. Null: not known. */
export interface NetworkFacts {
  /** Of this process and of the first one, such as `net:[4026531840]`. */
  readonly own: string | null
  readonly first: string | null
  /** `/proc/net/route` and `/proc/net/ipv6_route`. */
  readonly routes: string | null
  readonly routes6: string | null
}

const WHY =
  'attacks go to resolvers on this machine only: a loopback address, or one in a network namespace without a way out'

/** `127.0.0.1`, `127.0.0.1:5300`, `[::1]:5300`. */
export function readTarget(text: string, facts: NetworkFacts): Target {
  const match = /^(?:\[([^\]]+)\]|([^[\]]*?))(?::(\d{1,5}))?$/.exec(text)
  const ip = parseIp(match?.[1] ?? match?.[2] ?? '') ?? parseIp(text)
  const port = ip !== null && parseIp(text) !== null ? DNS_PORT : Number(match?.[3] ?? DNS_PORT)
  if (ip === null || port < 1 || port > 0xffff)
    return { kind: 'refused', message: `--target ${text}: expected an address such as 127.0.0.1:5300` }
  const server = serverAddress(ip, port)
  if (isLoopback(ip)) return { kind: 'target', server, text }
  const why = whyOpen(facts)
  return why === null
    ? { kind: 'target', server, text }
    : { kind: 'refused', message: `--target ${text} is refused: ${WHY}; ${why}` }
}

/** Null: this is a network namespace that leads nowhere. */
function whyOpen({ own, first, routes, routes6 }: NetworkFacts): string | null {
  if (own === null || first === null) return 'whether this is a namespace of its own cannot be found out'
  if (own === first) return 'this is the network of the machine'
  if (routes === null || routes6 === null) return 'the routes of this namespace cannot be read'
  // Destination and mask of zero: the default route (proc(5)); over lo it leads nowhere.
  const leadsOut = routes.split('\n').some(line => /^(?!lo\s)\S+\s+0{8}\s/.test(line))
  const leadsOut6 = routes6.split('\n').some(line => /^0{32} 00 /.test(line) && !/\slo$/.test(line.trimEnd()))
  return leadsOut || leadsOut6 ? 'this namespace has a default route' : null
}
