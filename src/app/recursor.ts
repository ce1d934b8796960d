/**
 * The engine on this machine: with its clock, its randomness and its sockets, and with zones from files. The server,
 * the library, `explain` and the warm-up are built on it; what they add is who asks.
 */
import type { Caches } from '../cache/caches.ts'
import type { ZoneTtl } from '../cache/ttl.ts'
import type { Delegation } from '../cache/delegations.ts'
import { createEngine, type Engine } from '../engine/engine.ts'
import { limitsWith, type Limits } from '../limits.ts'
import type { Libc } from '../net/linux/libc.ts'
import { openFilesLimit, socketsWithin } from '../system/open-files.ts'
import { systemClock, systemRandom } from '../system/system.ts'
import { createNetwork, type SystemNetwork } from '../net/upstream/network.ts'
import { countedNetwork, newUpstreamCounts, type UpstreamCounts } from '../net/counted-network.ts'
import type { Clock, EventSink, Network, Random, SharedCache } from '../ports.ts'
import type { ForwardZones } from '../zone/forward-zones.ts'
import type { EngineSettings, Validation } from '../resolver/env.ts'
import type { Resolver } from '../resolver/resolver.ts'
import { type ZoneLayer, ZoneStore } from './zone-store.ts'

export interface RecursorOptions {
  readonly limits: Limits
  /** Read for every decision, so that a new configuration takes effect at once. */
  readonly settings: () => EngineSettings
  readonly hints: () => Delegation
  /** Absent: every name is asked for from the root on. */
  readonly forwardZones?: (() => ForwardZones) | undefined
  /** Absent: nothing is validated. */
  readonly validation?: (() => Validation) | undefined
  /** Bounds of TTLs for single zones. Absent: there are none. */
  readonly ttls?: readonly ZoneTtl[] | undefined
  readonly events: EventSink
  /** Instead of sockets (an internet inside the process). It is closed by who made it. */
  readonly network?: Network | undefined
  /** What is laid over zones of files; absent: nothing. */
  readonly layer?: ZoneLayer | undefined
  /** See `createNetwork`. */
  readonly libc?: Libc | undefined
  /** What other instances have found out. Absent: there are none. */
  readonly shared?: SharedCache | undefined
  /** Those of another resolver, instead of new ones. */
  readonly ports?: Pick<Recursor, 'clock' | 'random'> | undefined
}

export interface Recursor {
  readonly clock: Clock
  readonly random: Random
  readonly settings: RecursorOptions['settings']
  /** Those given, with as many sockets as there are descriptors for. */
  readonly limits: Limits
  /** Descriptors that the process may have; null when that is not known. */
  readonly openFiles: number | null
  readonly caches: Caches
  readonly zones: ZoneStore
  /** Where servers are asked; counted in `upstream`. */
  readonly network: Network
  readonly resolver: Resolver
  /** What was asked of servers. */
  readonly upstream: UpstreamCounts
  /** Sockets to servers; null where there are none (an internet inside the process). */
  readonly usage: SystemNetwork['usage'] | null
  /** Resolves with the same settings, zones, anchors and sockets, and caches of its own, which are empty. */
  apart(cacheBytes: number): Resolver
  /** Other servers are asked now. */
  forwardZonesChanged(): void
  /** See `Engine`. */
  policyChanged(): void
  /** What is in flight ends as failures. */
  close(): void
}

/**
 * Of the hash of kept answers: whoever does not know it cannot choose names that meet in one bucket (algorithmic
 * complexity attacks).
 */
const SEEDS = 2 ** 32

export function openRecursor(options: RecursorOptions): Recursor {
  const { settings, hints, forwardZones, validation, events } = options
  const openFiles = options.network === undefined ? openFilesLimit() : null
  const limits = withSockets(options.limits, openFiles)
  const { clock, random } = options.ports ?? { clock: systemClock(), random: systemRandom() }
  const sockets = (): { network: Network; closeNetwork: () => void; usage: Recursor['usage'] } => {
    const network = createNetwork({ clock, random, limits, events, libc: options.libc })
    return { network, closeNetwork: () => network.close(), usage: network.usage }
  }
  const { network, closeNetwork, usage } =
    options.network === undefined ? sockets() : { network: options.network, closeNetwork: () => {}, usage: null }
  const upstream = newUpstreamCounts()
  const counted = countedNetwork(network, upstream)
  const zones = new ZoneStore({
    clock,
    limits: limits.zone,
    events,
    layer: options.layer,
    onChange: () => engine.zonesChanged(),
  })
  const engineWith = (bounds: Limits, shared?: SharedCache): Engine =>
    createEngine({
      clock,
      random,
      network: counted,
      limits: bounds,
      ttls: options.ttls,
      seed: random.below(SEEDS) | 0,
      localZones: () => zones.current(),
      hints,
      forwardZones,
      settings,
      validation,
      shared,
      events,
    })
  const engine = engineWith(limits, options.shared)
  return {
    clock,
    random,
    settings,
    limits,
    openFiles,
    caches: engine.caches,
    zones,
    network: counted,
    resolver: engine.resolver,
    upstream,
    usage,
    apart: cacheBytes =>
      engineWith(limitsWith({ ...limits, cache: { ...limits.cache, totalBytes: cacheBytes } })).resolver,
    forwardZonesChanged: () => engine.forwardZonesChanged(),
    policyChanged: () => engine.policyChanged(),
    close() {
      zones.close()
      closeNetwork()
    },
  }
}

function withSockets(limits: Limits, openFiles: number | null): Limits {
  const udpSockets = socketsWithin(openFiles, limits.upstream.udpSockets)
  return udpSockets === limits.upstream.udpSockets
    ? limits
    : limitsWith({ ...limits, upstream: { ...limits.upstream, udpSockets } })
}
