/**
 * Everything that resolving needs, put together: clock, randomness, network, caches, local zones, root hints, engine.
 * The server, the library and `explain` are built on it; what they add is who asks.
 */
import { createCaches, type Caches } from '../cache/caches.ts'
import type { Delegation } from '../cache/delegations.ts'
import type { Limits } from '../limits.ts'
import type { Libc } from '../net/linux/libc.ts'
import { systemClock, systemRandom } from '../system/system.ts'
import { createNetwork } from '../net/upstream/network.ts'
import type { Clock, EventSink, Network, Random } from '../ports.ts'
import type { EngineSettings, Validation } from '../resolver/env.ts'
import { Resolver } from '../resolver/resolver.ts'
import { ZoneStore } from './zone-store.ts'

export interface RecursorOptions {
  readonly limits: Limits
  /** Read anew for every decision, so that a new configuration takes effect at once. */
  readonly settings: () => EngineSettings
  readonly hints: () => Delegation
  /** Absent: nothing is validated. */
  readonly validation?: (() => Validation) | undefined
  readonly events: EventSink
  /** Instead of sockets (an internet inside the process). It is closed by who made it. */
  readonly network?: Network | undefined
  /** See `createNetwork`. */
  readonly libc?: Libc | undefined
  /** Those of another, instead of its own. */
  readonly ports?: Pick<Recursor, 'clock' | 'random'> | undefined
}

export interface Recursor {
  readonly clock: Clock
  readonly random: Random
  readonly settings: RecursorOptions['settings']
  readonly caches: Caches
  readonly zones: ZoneStore
  readonly resolver: Resolver
  /** What is in flight ends as failures. */
  close(): void
}

/**
 * Of the hash of kept answers: whoever does not know it cannot choose names that meet in one bucket (algorithmic
 * complexity attacks).
 */
const SEEDS = 2 ** 32

export function openRecursor(options: RecursorOptions): Recursor {
  const { limits, settings, hints, validation, events } = options
  const { clock, random } = options.ports ?? { clock: systemClock(), random: systemRandom() }
  const sockets = (): { network: Network; closeNetwork: () => void } => {
    const network = createNetwork({ clock, random, limits, events, libc: options.libc })
    return { network, closeNetwork: () => network.close() }
  }
  const { network, closeNetwork } =
    options.network === undefined ? sockets() : { network: options.network, closeNetwork: () => {} }
  const caches = createCaches(limits.cache, limits.upstream, { seed: random.below(SEEDS) | 0 })
  const zones = new ZoneStore({
    clock,
    limits: limits.zone,
    events,
    onChange: () => {
      // What was found out while a name was not ours, or was, is not true any more.
      caches.answers.clear()
      caches.failures.clear()
    },
  })
  const resolver = new Resolver({
    clock,
    random,
    network,
    limits,
    caches,
    localZones: () => zones.current(),
    hints,
    settings,
    validation,
    events,
  })
  return {
    clock,
    random,
    settings,
    caches,
    zones,
    resolver,
    close() {
      zones.close()
      closeNetwork()
    },
  }
}
