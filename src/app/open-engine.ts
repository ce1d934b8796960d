/**
 * An engine from a configuration: reads the root hints, trust anchors and zones that it names, and puts them together.
 * The server, the library, `explain` and `check-config` begin here; all that is wrong in any of the files is found at
 * once.
 */
import type { Delegation } from '../cache/delegations.ts'
import type { Config } from '../config/types.ts'
import type { TrustAnchor } from '../dnssec/trust-anchors.ts'
import type { Problem } from '../events.ts'
import type { Libc } from '../net/linux/libc.ts'
import type { EventSink, Network, SharedCache } from '../ports.ts'
import type { Resolver } from '../resolver/resolver.ts'
import { systemClock, systemRandom } from '../system/system.ts'
import { noForwardZones, sameForwardZones, type ForwardZones } from '../zone/forward-zones.ts'
import { rootHints } from '../zone/hints.ts'
import { loadAnchors } from './load-anchors.ts'
import { hiddenZones, loadForwarding } from './forwarding.ts'
import { loadHints } from './load-hints.ts'
import { fingerprintOf, type Fingerprint } from './persistence/fingerprint.ts'
import { openRecursor, type Recursor } from './recursor.ts'
import { type LoadedView, Partitions } from './views/partitions.ts'
import { loadSecondaries } from './transfer/load-secondaries.ts'
import type { SecondarySource } from './transfer/secondary-zones.ts'
import { TrustAnchorManager } from './trust-anchor-manager.ts'
import type { ZoneLayer } from './zone-store.ts'

/** What is used instead of what the configuration names. */
export interface Instead {
  readonly hints?: Delegation | undefined
  readonly anchors?: readonly TrustAnchor[] | undefined
}

export interface EnginePorts extends Instead {
  readonly events: EventSink
  /** Instead of sockets. It is closed by who made it. */
  readonly network?: Network | undefined
  /** What is laid over zones of files; absent: nothing. */
  readonly layer?: ZoneLayer | undefined
  /** See `createNetwork`. */
  readonly libc?: Libc | undefined
  /** What other instances found out for the view that asks what the text says; empty: for all clients. */
  readonly shared?: ((partition: string) => SharedCache) | undefined
}

/** Problems of the files that a configuration names, by what they are about. */
export interface FileProblems {
  readonly hints: readonly Problem[]
  readonly anchors: readonly Problem[]
  /** Certificates of servers that are forwarded to. */
  readonly forwarding: readonly Problem[]
  /** Keys of zones that other servers send. */
  readonly transfers: readonly Problem[]
  readonly zones: readonly Problem[]
}

export interface OpenEngine {
  readonly kind: 'engine'
  readonly recursor: Recursor
  /** Not started: nothing is asked until it is. */
  readonly trust: TrustAnchorManager
  /** Of views that ask something else than all others. */
  readonly partitions: Partitions
  /** For `trust`: who asks for keys, and hears of other anchors. */
  readonly keyResolver: Pick<Resolver, 'resolve' | 'validationChanged'>
  /** Those of the moment. */
  readonly forwardZones: () => ForwardZones
  /** What its caches depend on at the moment. */
  readonly fingerprint: () => Fingerprint
  /** Values that are the same ones as long as the fingerprint is the same, but for local zones. */
  readonly rules: () => readonly unknown[]
  /** Of hints, anchors and forwarding; those of zones are events. */
  readonly warnings: Omit<FileProblems, 'zones' | 'transfers'>
  /** The zones that other servers send, as the configuration of the start has them; nothing is asked for them here. */
  readonly secondaries: readonly SecondarySource[]
  /**
   * Takes over what another configuration names. Zones are read next to serving, and then watched; other root servers
   * are asked for the root's own list again.
   */
  configure(config: Config, named: Named): void
  close(): Promise<void>
}

export type OpenedEngine =
  | OpenEngine
  | { readonly kind: 'invalid'; readonly problems: FileProblems; readonly warnings: OpenEngine['warnings'] }

/** Root hints and trust anchors. */
export interface Named {
  readonly hints: Delegation
  readonly anchors: readonly TrustAnchor[]
  readonly forwardZones: ForwardZones
  readonly views: readonly LoadedView[]
  /** While there are any, those built in stand for hints that are wrong, and none for anchors. */
  readonly secondaries: readonly SecondarySource[]
  readonly problems: Omit<FileProblems, 'zones'>
  readonly warnings: Omit<FileProblems, 'zones' | 'transfers'>
}

/** Reads the root hints and trust anchors of a configuration. */
export function loadNamed(config: Config, instead: Instead): Named {
  const hints = loadHints(config.rootHints)
  const anchors =
    instead.anchors === undefined
      ? loadAnchors(config.dnssec.anchors)
      : { kind: 'anchors' as const, anchors: instead.anchors, warnings: [] }
  const forwarding = loadForwarding(config.forwarding)
  const secondaries = loadSecondaries(config)
  const views = config.views.map(view => ({ view, forwarding: loadForwarding(view.forwarding) }))
  const problemsOf = (read: typeof hints | typeof anchors | typeof forwarding): readonly Problem[] =>
    read.kind === 'invalid' ? read.problems : []
  const warningsOf = (read: typeof hints | typeof anchors): readonly Problem[] =>
    read.kind === 'invalid' ? [] : read.warnings
  return {
    hints: instead.hints ?? (hints.kind === 'hints' ? hints.hints : rootHints()),
    anchors: anchors.kind === 'anchors' ? anchors.anchors : [],
    forwardZones: zonesOf(forwarding),
    secondaries: secondaries.sources,
    views: views.map(one => ({ view: one.view, forwardZones: zonesOf(one.forwarding) })),
    problems: {
      hints: problemsOf(hints),
      anchors: problemsOf(anchors),
      forwarding: [...problemsOf(forwarding), ...views.flatMap(one => problemsOf(one.forwarding))],
      transfers: secondaries.problems,
    },
    warnings: { hints: warningsOf(hints), anchors: warningsOf(anchors), forwarding: [] },
  }
}

const zonesOf = (read: ReturnType<typeof loadForwarding>): ForwardZones =>
  read.kind === 'forwarding' ? read.zones : noForwardZones

/** Everything is read before this returns. */
export function openEngine(config: Config, ports: EnginePorts): OpenedEngine {
  const { engine, named } = putTogether(config, ports)
  const problems = [...engine.recursor.zones.load(config), ...engine.partitions.load(named.views)]
  return opened(engine, named, problems, config)
}

/** The same with zones read while the event loop goes on. */
export async function openEngineBeside(config: Config, ports: EnginePorts): Promise<OpenedEngine> {
  const { engine, named } = putTogether(config, ports)
  const problems = [
    ...(await engine.recursor.zones.loadBeside(config)),
    ...(await engine.partitions.configure(named.views)),
  ]
  return opened(engine, named, problems, config)
}

/** All of them, in one list. */
export const allProblems = ({ hints, anchors, forwarding, transfers, zones }: FileProblems): readonly Problem[] => [
  ...hints,
  ...anchors,
  ...forwarding,
  ...transfers,
  ...zones,
]

function opened(
  engine: OpenEngine,
  { problems, warnings, forwardZones }: Named,
  zones: readonly Problem[],
  { file }: Config,
): OpenedEngine {
  const all: FileProblems = { ...problems, zones }
  if (allProblems(all).length === 0) {
    const hidden = hiddenZones(forwardZones, engine.recursor.zones.current(), file ?? '')
    return { ...engine, warnings: { ...engine.warnings, forwarding: hidden } }
  }
  void engine.close()
  return { kind: 'invalid', problems: all, warnings }
}

function putTogether(config: Config, ports: EnginePorts): { readonly engine: OpenEngine; readonly named: Named } {
  const { events, network, libc, layer, shared } = ports
  const clock = systemClock()
  const named = loadNamed(config, ports)
  let current = { config, hints: named.hints, forwardZones: named.forwardZones }
  const trust = new TrustAnchorManager({
    clock,
    limits: config.limits.dnssec,
    events,
    settings: config.dnssec,
    anchors: named.anchors,
  })
  const recursor = openRecursor({
    limits: config.limits,
    ttls: config.ttls,
    settings: () => current.config.engine,
    hints: () => current.hints,
    forwardZones: () => current.forwardZones,
    validation: trust.validation,
    events,
    network,
    layer,
    libc,
    shared: shared?.(''),
    ports: { clock, random: systemRandom() },
  })
  const { resolver, zones } = recursor
  const partitions = new Partitions({
    base: recursor,
    settings: () => current.config.engine,
    hints: () => current.hints,
    forwardZones: () => current.forwardZones,
    ...{ validation: trust.validation, ttls: config.ttls, events, shared },
  })
  const engine: OpenEngine = {
    kind: 'engine',
    recursor,
    trust,
    partitions,
    keyResolver: keyResolverOf(recursor, partitions),
    forwardZones: () => current.forwardZones,
    fingerprint: () => fingerprintOf({ ...current, judgedBy: trust.judgedBy(), zones: identities(zones, partitions) }),
    rules: () => [current, trust.validation(), trust.livingNegatives],
    ...{ warnings: named.warnings, secondaries: named.secondaries },
    configure(next, { hints, anchors, forwardZones, views }) {
      const isOther = !sameHints(current.hints, hints)
      const isElsewhere = !sameForwardZones(current.forwardZones, forwardZones)
      // The same zones stay the same values, with what is known of their servers.
      current = { config: next, hints, forwardZones: isElsewhere ? forwardZones : current.forwardZones }
      if (isElsewhere) recursor.forwardZonesChanged()
      trust.configure(next.dnssec, anchors)
      if (isOther) {
        resolver.unprime()
        resolver.prime(() => {})
      }
      void zones.loadBeside(next).then(() => zones.watch())
      void partitions.configure(views)
    },
    async close() {
      partitions.close()
      recursor.close()
      await trust.close()
    },
  }
  return { engine, named }
}

/** Asks for the keys of the root; what is newly trusted holds for all views. */
const keyResolverOf = ({ resolver }: Recursor, partitions: Partitions): OpenEngine['keyResolver'] => ({
  resolve: (question, options, done) => resolver.resolve(question, options, done),
  validationChanged() {
    resolver.validationChanged()
    partitions.validationChanged()
  },
})

const identities = (zones: Recursor['zones'], { stores }: Partitions): string[] =>
  [zones, ...stores].map(store => store.identity())

/** The same servers with the same addresses, in the same order. */
function sameHints(a: Delegation, b: Delegation): boolean {
  const text = ({ servers }: Delegation): string =>
    JSON.stringify(servers.map(({ name, addresses }) => [name, addresses.map(address => address.text)]))
  return a === b || text(a) === text(b)
}
