/**
 * Which addresses of a delegation may be asked: what follows from its glue and the settings alone, worked out once for
 * each delegation and not for each question about its zone. Not here: what is known of the servers
 * (`cache/server-stats`), addresses found by look-ups, the choice.
 *
 * Invariant: a plan is used only with the rules it was made with.
 */
import type { DelegatedServer } from '../../cache/delegations.ts'
import { type IpAddress, inAnyPrefix, type Prefix } from '../../dns/address.ts'
import type { Name } from '../../dns/name.ts'
import { serverAddress, type ServerAddress } from '../../ports.ts'

/** An address that may be asked, and one of the names it goes by. */
export interface NamedServer {
  readonly server: ServerAddress
  readonly name: Name
}

export interface AddressRules {
  readonly families: readonly (4 | 6)[]
  readonly port: number
  readonly doNotQuery: readonly Prefix[]
  /** The most addresses of one name that are used. */
  readonly maxPerName: number
}

/** `withoutGlue` are the names of servers for which the delegation brought no address that may be asked. */
export interface ServerPlan {
  readonly addresses: readonly NamedServer[]
  readonly withoutGlue: readonly Name[]
}

interface CachedPlan extends ServerPlan {
  readonly rules: AddressRules
}

export class UsableServers {
  /** By the list of servers, which lives as long as the delegation is kept as a value. */
  readonly #plans = new WeakMap<readonly DelegatedServer[], CachedPlan>()

  of(servers: readonly DelegatedServer[], rules: AddressRules): ServerPlan {
    const known = this.#plans.get(servers)
    if (known !== undefined && sameRules(known.rules, rules)) return known
    const addresses: NamedServer[] = []
    const withoutGlue: Name[] = []
    for (const server of servers)
      if (!addUsable(addresses, server.name, server.addresses, rules)) withoutGlue.push(server.name)
    const plan = { addresses, withoutGlue, rules }
    this.#plans.set(servers, plan)
    return plan
  }
}

/**
 * Adds the addresses of a server that may be asked to `list`; true when there was any. Several names with one address
 * are one server (CVE-2026-3592).
 */
export function addUsable(
  list: NamedServer[],
  name: Name,
  addresses: readonly IpAddress[],
  { families, port, doNotQuery, maxPerName }: AddressRules,
): boolean {
  let any = false
  for (const ip of addresses.length > maxPerName ? addresses.slice(0, maxPerName) : addresses) {
    if (!families.includes(ip.family) || inAnyPrefix(ip, doNotQuery)) continue
    const server = serverAddress(ip, port)
    any = true
    if (!list.some(other => other.server.key === server.key)) list.push({ server, name })
  }
  return any
}

const sameRules = (a: AddressRules, b: AddressRules): boolean =>
  a.families === b.families && a.port === b.port && a.doNotQuery === b.doNotQuery && a.maxPerName === b.maxPerName
