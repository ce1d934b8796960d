/**
 * What every part of the engine is handed: the ports, the stores and the settings (`Env`), and the resolution it works
 * for (`Task`).
 */
import type { Caches } from '../cache/caches.ts'
import type { Delegation } from '../cache/delegations.ts'
import type { Prefix } from '../dns/address.ts'
import type { Question } from '../dns/message.ts'
import type { Name } from '../dns/name.ts'
import type { DnssecRules } from '../dnssec/rules.ts'
import { makeTrustPoints, type TrustPoints } from '../dnssec/trust-anchors.ts'
import type { DnssecLimits, Limits } from '../limits.ts'
import type { Clock, EventSink, Random, ServerAddress, SharedCache } from '../ports.ts'
import type { Because } from '../steps.ts'
import type { ForwardZone, ForwardZones } from '../zone/forward-zones.ts'
import type { LocalZones } from '../zone/local-zones.ts'
import type { Budget } from './budget.ts'
import type { MinimiseMode } from './minimise.ts'
import type { ClientCookies } from './asking/cookies.ts'
import type { UpstreamAddresses } from './asking/upstream-addresses.ts'
import type { Interception } from './interception.ts'
import type { AddressRules, UsableServers } from './asking/usable-servers.ts'
import type { ZoneRates } from './asking/zone-rates.ts'
import type { CacheFind, Note, TraceSink } from './trace.ts'

export interface EngineSettings {
  readonly minimise: MinimiseMode
  /** 0x20: random letter case in questions to servers. */
  readonly mixCase: boolean
  /** Cookies with queries over UDP and TCP (RFC 7873). Absent: none. */
  readonly cookies?: boolean | undefined
  readonly ipv4: boolean
  /** `auto`: used until the kernel says that there is no way, then probed now and then. */
  readonly ipv6: boolean | 'auto'
  /** Port of the servers that are asked. */
  readonly upstreamPort: number
  /** Addresses that are never asked. */
  readonly doNotQuery: readonly Prefix[]
  readonly hardenGlue: boolean
  /** How servers of zones are asked over TLS. Absent: they are not. */
  readonly encryption?: ServerEncryption | undefined
  /** To the servers of one zone, forward zones excepted. Absent: there is no limit. */
  readonly zoneQueriesPerSecond?: number | undefined
}

/** TLS with servers that do not prove who they are (RFC 9539). */
export interface ServerEncryption {
  /** Of TLS, at all servers. */
  readonly port: number
  /** Is every server tried, next to a query in clear, and asked over TLS when it speaks it? */
  readonly probes: boolean
  /** Never asked in clear: the servers of these zones and of those below, and these addresses. */
  readonly always: { readonly zones: readonly Name[]; readonly addresses: readonly Prefix[] }
}

export interface Env {
  readonly clock: Clock
  readonly random: Random
  readonly limits: Limits
  readonly caches: Caches
  readonly localZones: () => LocalZones
  /** Zones whose servers the operator names. */
  readonly forwardZones: () => ForwardZones
  /** The root's servers: primed, else the hints. */
  readonly root: () => ZoneCut
  readonly settings: () => EngineSettings
  /** Read for every resolution. */
  readonly validation: () => Validation
  readonly events: EventSink
  /** What other instances have found out. Absent: there are none. */
  readonly shared?: SharedCache | undefined
  readonly usableServers: UsableServers
  readonly upstreamAddresses: UpstreamAddresses
  readonly interception: Interception
  /** Absent: no zone has a limit. */
  readonly zoneRates?: ZoneRates
  /** Absent: no server is sent a cookie. */
  readonly clientCookies?: ClientCookies
  /** Looks up the addresses of a server that is forwarded to, next to everything else. */
  readonly refreshUpstream: (name: Name) => void
  /** Tries a server over TLS, next to everything else. */
  readonly probeEncryption: (server: ServerAddress, question: Question) => void
  /** A server that is forwarded to is silent: perhaps it waits for us. */
  readonly suspectLoop: () => void
}

/** What is validated, and against what. */
export interface Validation {
  readonly validate: boolean
  readonly points: TrustPoints
  readonly rules: DnssecRules
  /** Denials are made of validated NSEC and NSEC3 records already held (RFC 8198). */
  readonly aggressive: boolean
}

/** One resolution in flight. */
export interface Task {
  readonly id: number
  readonly depth: number
  readonly question: Question
  readonly because: Because
  readonly budget: Budget
  readonly trace: TraceSink | null
  /** Is what it finds validated? Not for CD, nor for the addresses of servers, whose data proves itself. */
  readonly checking: boolean
  /**
   * Is an alias at the name followed? Not where the name itself is asked about: DS and DNSKEY sets of the chain of
   * trust, which an alias would bring from a zone that has no say in it.
   */
  readonly followsAliases: boolean
  /** Bypasses the cache: prefetch and trust anchor refresh. */
  readonly fresh: boolean
  /** Does it look up the address of a server that is forwarded to? Then no server without an address is asked. */
  readonly outside: boolean
}

/** A zone cut as the walk holds it. */
export interface ZoneCut extends Delegation {
  readonly from: 'hints' | 'priming' | 'cache' | 'referral' | 'local zone' | 'forward zone' | 'stub zone'
  /** The forward or stub zone whose servers are asked; `servers` is empty then. */
  readonly configured?: ForwardZone | undefined
}

/** The table of forward and stub zones that counts for a task. */
export function forwardZonesFor(env: Pick<Env, 'forwardZones'>, { outside }: Pick<Task, 'outside'>): ForwardZones {
  const zones = env.forwardZones()
  return outside ? zones.addressed : zones
}

/** Without trust anchors everything is indeterminate (RFC 4033 section 5). */
export const nothingValidated = (limits: DnssecLimits): Validation => ({
  validate: false,
  points: makeTrustPoints([], []),
  rules: { limits, nsec3MaxIterations: 0, disallowedAlgorithms: new Set(), disallowedDigests: new Set() },
  aggressive: false,
})

export const zoneCut = (delegation: Delegation, from: ZoneCut['from']): ZoneCut => ({
  zone: delegation.zone,
  servers: delegation.servers,
  ds: delegation.ds,
  expiresAt: delegation.expiresAt,
  from,
})

/** Address families that may be asked now. */
export function usableFamilies(env: Env): readonly (4 | 6)[] {
  const { ipv4, ipv6 } = env.settings()
  const six = ipv6 === true || (ipv6 === 'auto' && env.caches.servers.familyUsable(6, env.clock.now()))
  if (six) return ipv4 ? BOTH_FAMILIES : ONLY_IPV6
  return ipv4 ? ONLY_IPV4 : NO_FAMILY
}

/** Which addresses of servers may be asked now. */
export function addressRules(env: Env): AddressRules {
  const { upstreamPort, doNotQuery } = env.settings()
  return {
    families: usableFamilies(env),
    port: upstreamPort,
    doNotQuery,
    maxPerName: env.limits.engine.addressesPerNameServer,
  }
}

const BOTH_FAMILIES: readonly (4 | 6)[] = Object.freeze([4, 6])
const ONLY_IPV4: readonly (4 | 6)[] = Object.freeze([4])
const ONLY_IPV6: readonly (4 | 6)[] = Object.freeze([6])
const NO_FAMILY: readonly (4 | 6)[] = Object.freeze([])

/** Steps for the trace as they happen; nothing is built without a listener. */
export function noteCache(task: Task, what: CacheFind, name: Name, type: number, ttl: number): void {
  task.trace?.({ kind: 'cache', id: task.id, depth: task.depth, what, name, type, ttl })
}

export function note(task: Task, what: Note): void {
  task.trace?.({ kind: 'note', id: task.id, depth: task.depth, note: what })
}
