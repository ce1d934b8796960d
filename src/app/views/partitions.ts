/**
 * Views that ask something else: with zones, records or forwarders of their own. Each has an engine of its own, so that
 * nothing of what it learns (RRsets, denials, failures, resolutions in flight) can be given to clients of another; only
 * sockets and the memory of finished answers, which are tagged with the view, are shared. Views that ask the same as
 * all others use the engine of all.
 */
import type { Caches } from '../../cache/caches.ts'
import type { Delegation } from '../../cache/delegations.ts'
import type { ZoneTtl } from '../../cache/ttl.ts'
import type { ViewConfig } from '../../config/types.ts'
import { ROOT } from '../../dns/name.ts'
import { createEngine, type Engine } from '../../engine/engine.ts'
import type { Problem } from '../../events.ts'
import { type Limits, limitsWith } from '../../limits.ts'
import type { EventSink, SharedCache } from '../../ports.ts'
import type { EngineSettings, Validation } from '../../resolver/env.ts'
import type { Resolver } from '../../resolver/resolver.ts'
import { ForwardZones, sameForwardZones } from '../../zone/forward-zones.ts'
import { type LocalZones, makeLocalZones } from '../../zone/local-zones.ts'
import type { Recursor } from '../recursor.ts'
import { ZoneStore, type ZoneSettings } from '../zone-store.ts'

/** A view with what was read for it. */
export interface LoadedView {
  readonly view: ViewConfig
  readonly forwardZones: ForwardZones
}

export interface PartitionParts {
  /** That of all; its network, clock and finished answers are used. */
  readonly base: Recursor
  readonly settings: () => EngineSettings
  readonly hints: () => Delegation
  readonly forwardZones: () => ForwardZones
  readonly validation: () => Validation
  /** What other instances found out for a view that asks what this text says. Absent: there are none. */
  readonly shared?: ((partition: string) => SharedCache) | undefined
  /** Bounds of TTLs for single zones, which hold in all caches. */
  readonly ttls: readonly ZoneTtl[]
  readonly events: EventSink
}

/** What answers the clients of a view. */
export interface Served {
  readonly resolver: Resolver
  readonly zones: { current(): LocalZones }
  readonly caches: Caches
  /** See `Recursor`. */
  apart(cacheBytes: number): Resolver
}

export class Partitions {
  readonly #parts: PartitionParts
  /** By `ViewConfig.resolution`. */
  #partitions: ReadonlyMap<string, Partition> = new Map()
  /** Of view 1, 2 and so on. */
  #views: readonly ViewConfig[] = []
  #started = false

  constructor(parts: PartitionParts) {
    this.#parts = parts
  }

  /** Those of the moment, for views 0, 1, 2 and so on. */
  served(): readonly Served[] {
    const { base } = this.#parts
    return [base, ...this.#views.map(({ resolution }) => this.#partitions.get(resolution ?? '') ?? base)]
  }

  /** The forward and stub zones that hold in a view. */
  forwardZonesOf(view: number): ForwardZones {
    const { resolution } = this.#views[view - 1] ?? {}
    return this.#partitions.get(resolution ?? '')?.forwardZones() ?? this.#parts.forwardZones()
  }

  /** What is kept over a restart: the caches of each, and a text of all that makes it another than the others. */
  get kept(): readonly { readonly key: string; readonly caches: Caches }[] {
    return [...this.#partitions].map(([key, { engine }]) => ({ key, caches: engine.caches }))
  }

  /** Zones of single views, for `identityOf`. */
  get stores(): readonly ZoneStore[] {
    return [...this.#partitions.values()].map(({ store }) => store)
  }

  /** Zones of the views that ask what this text says (`ViewConfig.resolution`). */
  storeOf(resolution: string): ZoneStore | undefined {
    return this.#partitions.get(resolution)?.store
  }

  /** Engines that are not that of all. */
  get engines(): readonly Engine[] {
    return [...this.#partitions.values()].map(({ engine }) => engine)
  }

  /**
   * Other views: those that ask the same as one before keep its engine with all that it knows. Resolves to what is
   * wrong with zones, which are served all the same as far as they could be read.
   */
  async configure(views: readonly LoadedView[]): Promise<readonly Problem[]> {
    const { made, wait } = this.#take(views)
    const problems = await Promise.all(wait.map(partition => partition.store.loadBeside(partition.zoneSettings)))
    if (this.#started) for (const partition of made) partition.start()
    return problems.flat()
  }

  /** The same at once: for those who serve nothing yet. */
  load(views: readonly LoadedView[]): readonly Problem[] {
    return this.#take(views).made.flatMap(partition => partition.store.load(partition.zoneSettings))
  }

  /** Files are watched and the root's servers asked for, from now on. */
  start(): void {
    this.#started = true
    for (const partition of this.#partitions.values()) partition.start()
  }

  /** Other anchors or rules. */
  validationChanged(): void {
    for (const { engine } of this.#partitions.values()) engine.resolver.validationChanged()
  }

  policyChanged(): void {
    for (const { engine } of this.#partitions.values()) engine.policyChanged()
  }

  close(): void {
    for (const partition of this.#partitions.values()) partition.store.close()
  }

  #take(views: readonly LoadedView[]): { readonly made: readonly Partition[]; readonly wait: readonly Partition[] } {
    const before = this.#partitions
    const now = new Map<string, Partition>()
    const made: Partition[] = []
    for (const { view, forwardZones } of views) {
      const { resolution } = view
      if (resolution === null || now.has(resolution)) continue
      const kept = before.get(resolution)
      const partition = kept ?? new Partition(this.#parts, view, forwardZones)
      if (kept === undefined) made.push(partition)
      else kept.take(view, forwardZones)
      now.set(resolution, partition)
    }
    for (const [key, partition] of before) if (!now.has(key)) partition.store.close()
    this.#partitions = now
    this.#views = views.map(({ view }) => view)
    return { made, wait: [...now.values()] }
  }
}

class Partition implements Served {
  readonly engine: Engine
  readonly resolver: Resolver
  /** Its own. */
  readonly store: ZoneStore
  /** Its own before those of all. */
  readonly zones = { current: (): LocalZones => this.#localZones() }
  readonly caches: Caches
  readonly apart: (cacheBytes: number) => Resolver
  readonly #parts: PartitionParts
  #view: ViewConfig
  #own: ForwardZones
  #local: { readonly own: LocalZones; readonly base: LocalZones; readonly all: LocalZones } | null = null
  #forward: { readonly base: ForwardZones; readonly all: ForwardZones } | null = null

  constructor(parts: PartitionParts, view: ViewConfig, forwardZones: ForwardZones) {
    const { base, settings, hints, validation, ttls, events } = parts
    const { clock, random, network, limits, caches } = base
    this.#parts = parts
    this.#view = view
    this.#own = forwardZones
    const { totalBytes, partitionPermille } = limits.cache
    const own = {
      ...{ clock, random, network, ttls, hints, settings, validation, events },
      localZones: this.zones.current,
      forwardZones: () => this.forwardZones(),
    }
    const bounds = (bytes: number): Limits => limitsWith({ ...limits, cache: { ...limits.cache, totalBytes: bytes } })
    this.engine = createEngine({
      ...own,
      limits: bounds((totalBytes * partitionPermille) / 1000),
      answers: caches.answers,
      shared: parts.shared?.(view.resolution ?? ''),
    })
    this.apart = bytes => createEngine({ ...own, limits: bounds(bytes) }).resolver
    this.resolver = this.engine.resolver
    this.caches = this.engine.caches
    this.store = new ZoneStore({ clock, limits: limits.zone, events, onChange: () => this.engine.zonesChanged() })
  }

  /** Special-use names are those of all. */
  get zoneSettings(): ZoneSettings {
    const { zones, records } = this.#view
    return { zones, records, reverse: false, specialUseOff: 'all' }
  }

  /** The same again, read again. */
  take(view: ViewConfig, forwardZones: ForwardZones): void {
    this.#view = view
    if (sameForwardZones(this.#own, forwardZones)) return
    this.#own = forwardZones
    this.#forward = null
    this.engine.forwardZonesChanged()
  }

  start(): void {
    this.store.watch()
    if (this.forwardZones().at(ROOT)?.recurseOnFailure !== false) this.resolver.prime(() => {})
    this.resolver.probeForwarders()
  }

  #localZones(): LocalZones {
    const own = this.store.current()
    const base = this.#parts.base.zones.current()
    if (this.#local?.own === own && this.#local.base === base) return this.#local.all
    const builtIn = base.zones.filter(zone => base.isBuiltIn(zone))
    const ofAll = base.zones.filter(zone => !base.isBuiltIn(zone))
    const all = makeLocalZones([...own.zones, ...ofAll], builtIn)
    const isOther = this.#local !== null && this.#local.base !== base
    this.#local = { own, base, all }
    if (isOther) this.engine.zonesChanged()
    return all
  }

  /** Its own before those of all. */
  forwardZones(): ForwardZones {
    const base = this.#parts.forwardZones()
    if (this.#forward?.base === base) return this.#forward.all
    const mine = this.#own.zones
    const ofAll = base.zones.filter(({ zone }) => !mine.some(one => one.zone === zone))
    const isOther = this.#forward !== null
    this.#forward = { base, all: new ForwardZones([...mine, ...ofAll]) }
    if (isOther) this.engine.forwardZonesChanged()
    return this.#forward.all
  }
}
