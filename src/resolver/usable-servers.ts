/**
 * Which addresses of a delegation may be asked: what follows from its glue and the settings alone, worked out once for
 * each delegation and not for each question about its zone. Not here: what is known of the servers
 * (`cache/server-stats`), addresses found by look-ups, the choice.
 *
 * Invariant: a plan is used only with the settings it was made with.
 */
import type { DelegatedServer } from '../cache/delegations.ts'
import { type IpAddress, inAnyPrefix, type Prefix } from '../dns/address.ts'
import type { Name } from '../dns/name.ts'
import { serverAddress, type ServerAddress } from '../ports.ts'

/** An address that may be asked, and one of the names it goes by. */
export interface Seat {
  readonly server: ServerAddress
  readonly name: Name
}

export interface SeatingRules {
  readonly families: readonly (4 | 6)[]
  readonly port: number
  readonly doNotQuery: readonly Prefix[]
  /** Of one name. */
  readonly most: number
}

/** `bare` are the names without glue that may be asked. */
export interface SeatPlan {
  readonly seats: readonly Seat[]
  readonly bare: readonly Name[]
}

interface Kept extends SeatPlan {
  readonly rules: SeatingRules
}

export class Seating {
  /** By the list of servers, which lives as long as the delegation is kept as a value. */
  readonly #plans = new WeakMap<readonly DelegatedServer[], Kept>()

  of(servers: readonly DelegatedServer[], rules: SeatingRules): SeatPlan {
    const known = this.#plans.get(servers)
    if (known !== undefined && sameRules(known.rules, rules)) return known
    const seats: Seat[] = []
    const bare: Name[] = []
    for (const { name, addresses } of servers) if (!seat(seats, name, addresses, rules)) bare.push(name)
    const plan = { seats, bare, rules }
    this.#plans.set(servers, plan)
    return plan
  }
}

/**
 * Adds the addresses of a server that may be asked; says whether there was any. Several names with one address are one
 * server (CVE-2026-3592).
 */
export function seat(
  seats: Seat[],
  name: Name,
  addresses: readonly IpAddress[],
  { families, port, doNotQuery, most }: SeatingRules,
): boolean {
  let any = false
  for (const ip of addresses.length > most ? addresses.slice(0, most) : addresses) {
    if (!families.includes(ip.family) || inAnyPrefix(ip, doNotQuery)) continue
    const server = serverAddress(ip, port)
    any = true
    if (!seats.some(other => other.server.key === server.key)) seats.push({ server, name })
  }
  return any
}

const sameRules = (a: SeatingRules, b: SeatingRules): boolean =>
  a.families === b.families && a.port === b.port && a.doNotQuery === b.doNotQuery && a.most === b.most
