/**
 * The engine put together: caches, local zones, root hints, validation, resolver with its scheduler. The world comes in
 * by three ports, and what a configuration names comes in as data: no file and no socket is opened here. The server,
 * the library, `explain`, the test kit and the simulations have theirs from here, so that a new part is in all of them.
 */
import type { AnswerCache } from '../cache/answer-cache.ts'
import { createCaches, type Caches } from '../cache/caches.ts'
import type { ZoneTtl } from '../cache/ttl.ts'
import type { Delegation } from '../cache/delegations.ts'
import type { Limits } from '../limits.ts'
import type { Clock, EventSink, Network, Random, SharedCache } from '../ports.ts'
import type { EngineSettings, Validation } from '../resolver/env.ts'
import { Resolver } from '../resolver/resolver.ts'
import { noForwardZones, type ForwardZones } from '../zone/forward-zones.ts'
import { makeLocalZones, type LocalZones } from '../zone/local-zones.ts'

export interface EngineParts {
  readonly clock: Clock
  readonly random: Random
  readonly network: Network
  readonly limits: Limits
  readonly settings: () => EngineSettings
  readonly hints: () => Delegation
  /** Absent: nothing is validated. */
  readonly validation?: (() => Validation) | undefined
  /** Absent: every name is asked for. */
  readonly localZones?: (() => LocalZones) | undefined
  /** Absent: every name is asked for from the root on. */
  readonly forwardZones?: (() => ForwardZones) | undefined
  /** Of the hash of kept answers. Absent: always the same, as simulations want it. */
  readonly seed?: number | undefined
  /** Finished answers, where others keep theirs too, of other views. Absent: its own. */
  readonly answers?: AnswerCache | undefined
  /** Bounds of TTLs for single zones. Absent: there are none. */
  readonly ttls?: readonly ZoneTtl[] | undefined
  /** What other instances have found out. Absent: there are none. */
  readonly shared?: SharedCache | undefined
  /** Absent: nothing is reported. */
  readonly events?: EventSink | undefined
}

export interface Engine {
  readonly caches: Caches
  readonly resolver: Resolver
  /** Other zones are local now: what was found out while a name was not ours, or was, is forgotten. */
  zonesChanged(): void
  /** Other servers are asked now: whatever others said is forgotten. */
  forwardZonesChanged(): void
  /**
   * Other rules hold: no finished answer, no failure and no resolution in flight that was begun under the old ones is
   * given to who asks from now on. What servers said stays.
   */
  policyChanged(): void
  /** Caches, what is known of servers, the primed root: all as at the start. */
  forget(): void
}

export function createEngine({ seed, answers, ttls, ...parts }: EngineParts): Engine {
  const { clock, random, network, limits, settings, hints, validation } = parts
  const own = seed === undefined ? {} : { seed }
  const caches = createCaches(limits.cache, limits.upstream, { ...own, answers, ttls })
  const none = makeLocalZones([], [])
  const resolver = new Resolver({
    clock,
    random,
    network,
    limits,
    caches,
    localZones: parts.localZones ?? (() => none),
    forwardZones: parts.forwardZones ?? (() => noForwardZones),
    hints,
    settings,
    validation,
    shared: parts.shared,
    events: parts.events ?? (() => {}),
  })
  return {
    caches,
    resolver,
    zonesChanged() {
      caches.answers.clear()
      caches.failures.clear()
    },
    forwardZonesChanged: () => caches.clear(),
    policyChanged() {
      caches.answers.newGeneration()
      caches.failures.clear()
      resolver.shareNoneInFlight()
    },
    forget() {
      caches.clear()
      resolver.unprime()
    },
  }
}
