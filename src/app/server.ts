/**
 * The composition root of the server: builds every part, introduces them to each other, starts them in order and stops
 * them in reverse, and swaps the configuration while running. The only place that knows everybody.
 */
import type { Delegation } from '../cache/delegations.ts'
import type { Why, WhyRequest } from '../admin/controls.ts'
import { ROOT } from '../dns/name.ts'
import { restartKeys } from '../config/read.ts'
import type { Config } from '../config/types.ts'
import type { TrustAnchor } from '../dnssec/trust-anchors.ts'
import type { Problem } from '../events.ts'
import type { Listeners } from '../net/listen/listeners.ts'
import type { Watch } from '../policy/recursion.ts'
import type { Client, EventSink, Network, Transport } from '../ports.ts'
import type { Resolver } from '../resolver/resolver.ts'
import type { QueryLog } from '../server/query-log.ts'
import type { InheritedSockets } from '../system/inherited-sockets.ts'
import { systemClock } from '../system/system.ts'
import { version } from '../system/version.ts'
import type { Admin, AdminTimes } from './admin/open-admin.ts'
import { Observers } from './history/observers.ts'
import { lookAfterForwarding, ownServers } from './forwarding.ts'
import type { Lists } from './lists/lists.ts'
import { holdBack, openLog, type Log } from './log.ts'
import { allProblems, loadNamed, type Named, openEngineBeside, type OpenEngine } from './open-engine.ts'
import { KeptCache } from './persistence/kept-cache.ts'
import { NegativeAnchors } from './persistence/negative-anchors.ts'
import type { LazyPolicies } from './policy/lazy-policies.ts'
import type { Recursor } from './recursor.ts'
import { ConfigChanges, type ReadConfig } from './revisions/config-changes.ts'
import { ZoneChanges } from './revisions/zone-changes.ts'
import { Changes } from './shared/changes.ts'
import type { SharedStore } from './shared/shared-store.ts'
import { isMissingFamily, openSockets } from './service/sockets.ts'
import { Readiness } from './service/readiness.ts'
import { StartError } from './service/start-error.ts'
import { designated, type ListsInstead, openCode, openLists, openSharedCache } from './service/openers.ts'
import { openState, openTransfers, udpMode } from './service/openers.ts'
import { type QueryWatcher, Serving } from './serving.ts'
import type { ServerIdentity } from './server-identity.ts'
import type { ServerNumbers } from './statistics.ts'
import type { PolicyZones } from './transfer/policy-zones.ts'
import type { SecondarySource } from './transfer/secondary-zones.ts'
import type { Transfers } from './transfer/transfers.ts'
import type { UdpMode } from './udp-mode.ts'

export interface ServerOptions {
  /** Default: a log on standard error as the configuration says. */
  readonly events?: EventSink
  /** How the configuration is read again. Without it only zones and hints are. */
  readonly readConfig?: ReadConfig
  /** An internet instead of the real one; it is closed by who made it. */
  readonly network?: Network
  /** Root servers instead of those of the configuration. */
  readonly hints?: Delegation | undefined
  /** Trust anchors instead of those of the configuration; [] validates nothing. */
  readonly anchors?: readonly TrustAnchor[] | undefined
  /** What is worth a warning in the configuration. */
  readonly warnings?: readonly Problem[]
  /** Sees how queries are resolved. */
  readonly watch?: Watch
  /** Sees every answered query; with a query log in the configuration, both. */
  readonly onQuery?: QueryLog
  /** The program of listener threads, for a server that does not run as built. */
  readonly threadEntry?: URL
  /** Of lists: the program of threads that read them, certificates in PEM that are trusted for their servers. */
  readonly lists?: ListsInstead
  /** The program of threads that run policies. */
  readonly policyEntry?: URL | undefined
  /** The same of the API's thread. */
  readonly adminEntry?: URL
  readonly dnstapEntry?: URL
  /** The same of threads that hold candidates of the configuration against it. */
  readonly rehearsalEntry?: URL
  /** The same of the threads of the query history. */
  readonly historyEntry?: URL
  /** How often the API's streams show that they are alive, and how long a request may take to arrive. */
  readonly adminTimes?: AdminTimes
  /** Sockets that the process was started with: those of `listen` are used. */
  readonly inherited?: InheritedSockets | undefined
  /** Resolves when the process before has left what only one can have. */
  readonly released?: Promise<void> | undefined
}

export interface ServerAddresses {
  readonly transport: Transport
  readonly address: string
  readonly port: number
}

export interface RunningServer {
  /** What is listened on; ports are real where 0 was asked for. */
  readonly addresses: readonly ServerAddresses[]
  readonly resolver: Resolver
  readonly recursor: Recursor
  /** Where it emits its events, for the parts that run next to it. */
  readonly events: EventSink
  /** What is counted of the shared cache; null: there is none. */
  readonly shared: Pick<SharedStore, 'numbers'> | null
  /** What operators change in caches and anchors, here or on all instances. */
  readonly changes: Changes
  /** Block and allow lists. */
  readonly lists: Pick<Lists, 'status' | 'refresh'>
  /** Queries of clients that wait for an answer: one of `stats()`, for next to nothing. */
  readonly waiting: number
  /** What each position of the order of policies decides for a client and a question; nothing is sent to it. */
  why(request: WhyRequest): Promise<Why>
  stats(): ServerNumbers
  /**
   * Reloads configuration, zones, hints and log files. Errors are reported, and the old version of a faulty part stays.
   */
  reload(): void
  /** Logs the numbers of `stats`. */
  tellStats(): void
  /** What another process needs to go on with the sockets; null: they cannot be had from this version of Node.js. */
  descriptors(): readonly number[] | null
  /** Writes what lasts for the process that takes over. */
  save(): Promise<void>
  /**
   * Takes nothing new, lets what is in flight finish for `limits.server.drainMs`, closes. With `release` another
   * process has the sockets as well and goes on with them: it is called when the API is closed.
   */
  stop(signal?: string, release?: () => void): Promise<void>
}

/**
 * Rejects with `StartError`. What was changed through the API is laid over the configuration; a change that keeps the
 * server from starting is set aside and reported.
 */
export async function startServer(given: Config, options: ServerOptions = {}): Promise<RunningServer> {
  const settings = new ConfigChanges({ state: given.state, read: options.readConfig, wall: wallNow })
  for (;;) {
    const config = settings.laidOver(given)
    try {
      return await start(config, settings, options)
    } catch (error) {
      if (config === given || !(error instanceof StartError) || error.failure.kind === 'listen') throw error
      settings.setAside(error.message)
    }
  }
}

const wallNow = (): number => Math.floor(Date.now() / 1_000)

async function start(config: Config, settings: ConfigChanges, options: ServerOptions): Promise<RunningServer> {
  const held = options.events === undefined ? holdBack(await openLog(config)) : null
  const log = held?.log ?? { events: options.events ?? (() => {}), setLevel: () => {}, close: () => Promise.resolve() }
  const taps = new Set<EventSink>()
  const events: EventSink = event => {
    log.events(event)
    for (const tap of taps) tap(event)
  }
  events({ kind: 'starting', version, file: config.file })
  reportWarnings(events, config.file, options.warnings ?? [])
  const state = openState(config, events)
  const mode = udpMode(config, options.threadEntry, events)
  settings.reportTo(events)
  const times = { wall: wallNow, clock: systemClock() }
  const zones = new ZoneChanges({ state: config.state, limits: config.limits.zone, events, ...times })
  const shared = await openSharedCache(config, state, events)
  const engine = await openedEngine(config, options, { mode, layer: zones, shared, events })
  engine.trust.attach(engine.keyResolver)
  const changed = { policy: (): void => {} }
  const transfers = { current: await openTransfers(config, engine, events, () => changed.policy()) }
  // Copies are served, and rules hold, from the first answer on.
  await transfers.current?.configure(config, engine.secondaries)
  const { watch, onQuery } = options
  const identity = await openedIdentity(config, engine, events)
  const designation = identity === null ? undefined : designated(config, identity)
  const lists = openLists(config, options.lists ?? {}, engine, events, () => serving.policyChanged())
  const notify = (bytes: Uint8Array, client: Client): Uint8Array | null =>
    transfers.current?.secondaries.notify(bytes, client) ?? null
  const policies = (): PolicyZones | null => transfers.current?.policies ?? null
  const code = openCode(options.policyEntry, engine, events, () => serving.policyChanged())
  const { programs } = code
  const readiness = new Readiness()
  readiness.waitsFor(() => policies()?.missing() ?? [])
  const serving = new Serving(config, engine, {
    ...{ events, watch, onQuery, designation, notify, policies, lists, programs },
    isReady: () => readiness.isReady,
  })
  changed.policy = () => serving.policyChanged()
  // Before the first query: what is on the disk holds from the start.
  await lists.configure(config)
  const problems = await code.configure(config.policies)
  const own = {
    ...{ config, options, log: { ...log, events }, taps, engine, zones, settings, transfers, serving },
    ...{ lists, identity, code, state, shared, readiness },
  }
  if (problems.length > 0) {
    await closeAll(own)
    throw new StartError({ kind: 'policy', problems })
  }
  const listeners = await listen(config, mode, own, { inherited: options.inherited, events })
  const server = new Server({ ...own, listeners })
  server.start()
  held?.release()
  return server
}

interface EngineAround {
  readonly mode: UdpMode
  readonly layer: ZoneChanges
  readonly shared: SharedStore | null
  readonly events: EventSink
}

async function openedEngine(config: Config, instead: ServerOptions, around: EngineAround): Promise<OpenEngine> {
  const { network, hints, anchors } = instead
  const { mode, layer, events } = around
  const libc = mode.kind === 'batch' ? mode.libc : undefined
  const shared = around.shared?.port
  const opened = await openEngineBeside(config, { events, network, hints, anchors, libc, layer, shared })
  reportNamed(events, config, opened.warnings)
  if (opened.kind === 'engine') {
    layer.attach(opened.recursor.zones)
    return opened
  }
  const problems = allProblems(opened.problems)
  for (const kind of ['hints', 'anchors', 'forwarding', 'transfers', 'zones'] as const)
    if (opened.problems[kind].length > 0) throw new StartError({ kind, problems })
  throw new Error('an engine that did not open has problems')
}

/** What is open when a start fails. */
async function closeAll({ engine, serving, lists, identity, code }: OpenParts): Promise<void> {
  identity?.close()
  lists.close()
  code.close()
  await engine.close()
  await serving.close()
}

type OpenParts = Pick<ServerParts, 'engine' | 'serving' | 'lists' | 'identity' | 'code'>

/** The certificate, where something is encrypted; null elsewhere. Fails when it cannot be used; then all is closed. */
async function openedIdentity(config: Config, engine: OpenEngine, events: EventSink): Promise<ServerIdentity | null> {
  const isEncrypted =
    config.listen.some(({ service }) => service?.transport === 'tls' || service?.transport === 'https') ||
    config.admin.listen.some(one => one.kind === 'tcp' && one.tls)
  if (!isEncrypted) return null
  // Nothing of TLS is loaded where nothing is encrypted.
  const { openIdentity } = await import('./server-identity.ts')
  const { clock, random } = engine.recursor
  const opened = openIdentity(config, { clock, random, limits: config.limits.tls, events })
  if (opened.kind === 'identity') return opened.identity
  await engine.close()
  throw new StartError({ kind: 'certificate', problems: opened.problems })
}

/** Fails when nothing, or something else than a missing address family, cannot be had; then all is closed. */
async function listen(
  config: Config,
  mode: UdpMode,
  parts: OpenParts,
  { inherited, events }: { readonly inherited: InheritedSockets | undefined; readonly events: EventSink },
): Promise<Listeners> {
  const { engine, serving, identity } = parts
  const { clock } = engine.recursor
  const listeners = await openSockets(config, { mode, serving, identity, inherited, clock, events })
  const fatal = listeners.failures.filter(failure => listeners.open().length === 0 || !isMissingFamily(failure))
  const own = ownServers(engine.forwardZones(), listeners.open(), config.file ?? '')
  if (fatal.length + own.length > 0) {
    await listeners.close()
    await closeAll(parts)
    throw new StartError(fatal.length > 0 ? { kind: 'listen', failures: fatal } : { kind: 'forwarding', problems: own })
  }
  for (const { transport, address, port, code, message } of listeners.failures)
    events({ kind: 'listener-failed', transport, address, port, code, message })
  const { openFiles, limits } = engine.recursor
  events({ kind: 'socket-bounds', udpSockets: limits.upstream.udpSockets, openFiles })
  return listeners
}

function reportWarnings(events: EventSink, file: string | null, problems: readonly Problem[]): void {
  if (problems.length > 0) events({ kind: 'config-warnings', file: file ?? '', problems })
}

function reportNamed(
  events: EventSink,
  { file, rootHints }: Config,
  { hints, anchors, forwarding }: OpenEngine['warnings'],
): void {
  if (hints.length > 0) events({ kind: 'zone-warnings', file: rootHints ?? '', problems: hints })
  reportWarnings(events, file, [...anchors, ...forwarding])
}

interface ServerParts {
  readonly config: Config
  readonly options: ServerOptions
  readonly log: Log
  /** Who else hears of events, now. */
  readonly taps: Set<EventSink>
  readonly engine: OpenEngine
  /** A directory; null: nothing is kept. */
  readonly state: string | null
  /** Null: this instance shares its cache with no other. */
  readonly shared: SharedStore | null
  readonly transfers: { current: Transfers | null }
  readonly zones: ZoneChanges
  readonly settings: ConfigChanges
  readonly serving: Serving
  readonly lists: Lists
  readonly code: LazyPolicies
  readonly identity: ServerIdentity | null
  readonly readiness: Readiness
  readonly listeners: Listeners
}

class Server implements RunningServer {
  readonly #parts: ServerParts
  readonly #kept: KeptCache
  #changes: Changes | null = null
  #config: Config
  #admin: Admin | null = null
  readonly #observers: Observers
  #stopping: Promise<void> | null = null

  constructor(parts: ServerParts) {
    this.#parts = parts
    this.#config = parts.config
    this.#kept = new KeptCache(parts.state, parts.config, parts.engine, parts.log.events)
    const { log, options, serving, listeners } = parts
    this.#observers = new Observers({
      events: log.events,
      isStopping: () => this.#stopping !== null,
      watchQueries: (who, queries) => this.#watchQueries(who, queries),
      tapMessages: tap => {
        serving.tapMessages(tap)
        listeners.updateSettings(serving.threadSettings)
      },
      historyEntry: options.historyEntry,
      dnstapEntry: options.dnstapEntry,
    })
  }

  get addresses(): readonly ServerAddresses[] {
    return this.#parts.listeners.open().map(({ transport, address, port }) => ({ transport, address, port }))
  }

  get recursor(): Recursor {
    return this.#parts.engine.recursor
  }

  get resolver(): Resolver {
    return this.recursor.resolver
  }

  get events(): EventSink {
    return this.#parts.log.events
  }

  get shared(): RunningServer['shared'] {
    return this.#parts.shared
  }

  get changes(): Changes {
    return this.#takeChanges()
  }

  get lists(): RunningServer['lists'] {
    return this.#parts.lists
  }

  get waiting(): number {
    return this.#parts.serving.waiting.total
  }

  /** What happens by itself from now on: files are watched, the root and its keys are looked at. */
  start(): void {
    const { zones, resolver } = this.recursor
    const { engine, transfers } = this.#parts
    zones.watch()
    this.#parts.lists.start()
    this.#parts.code.start()
    transfers.current?.start()
    engine.partitions.start()
    const follow = (): void => {
      if (this.#stopping !== null) return
      engine.trust.start()
      lookAfterForwarding(this.recursor, engine.forwardZones(), () => engine.trust.validation().points, this.events)
    }
    // RFC 9609 section 3, and then the keys of the root: the only questions that no client asked. Where all names are
    // forwarded the root's servers are not asked, which would show that we are here.
    if (engine.forwardZones().at(ROOT)?.recurseOnFailure === false) follow()
    else resolver.prime(follow)
    if (this.#parts.shared !== null) this.#takeChanges().start()
    this.#kept.open(this.#config.admin.listen.length > 0 ? this.#openAdmin() : Promise.resolve())
    this.#observers.start(this.#config)
  }

  /** Of operators, through the API or another instance: anchors that came so are read once. */
  #takeChanges(): Changes {
    const { engine, shared: store, log } = this.#parts
    const { events } = log
    const wall = (): number => this.recursor.clock.wall()
    const forgotten = (): void => this.#kept.changed()
    const anchors = (): NegativeAnchors => new NegativeAnchors(engine.trust, this.#config.state, wall, events)
    this.#changes ??= new Changes({ engine, store, anchors: anchors(), forgotten, events })
    return this.#changes
  }

  #watchQueries(who: QueryWatcher, watcher: QueryLog | null): void {
    const { serving, listeners } = this.#parts
    serving.watchQueries(who, watcher)
    listeners.updateSettings(serving.threadSettings)
  }

  /** The API, which nothing waits for: the first answers come first. */
  #openAdmin(): Promise<void> {
    const { engine, zones, settings, serving, lists, code, listeners, identity, options, log } = this.#parts
    const open = async (): Promise<void> => {
      await options.released
      const { openAdmin } = await import('./admin/open-admin.ts')
      if (this.#stopping !== null) return
      const admin = openAdmin({
        events: log.events,
        entry: options.adminEntry,
        times: options.adminTimes,
        identity,
        watchQueries: watcher => this.#watchQueries('api', watcher),
        rehearsals: { ...this.#parts, config: () => this.#config, history: () => this.#observers.history },
        served: {
          recursor: this.recursor,
          ...{ trust: engine.trust, partitions: engine.partitions },
          zones,
          lists,
          code,
          transfers: () => this.#parts.transfers.current,
          settings,
          why: request => this.why(request),
          limited: () => serving.limited(),
          history: () => this.#observers.history,
          dnstap: () => this.#observers.dnstap,
          addresses: () => this.addresses,
          config: () => this.#config,
          isStopping: () => this.#stopping !== null,
          stats: () => this.stats(),
          measured: () => ({
            cells: serving.cells(),
            connections: listeners.connections,
            handshakes: listeners.handshakes,
          }),
          reload: () => this.reload(),
          check: config => this.#loaded(config).problems,
          stop: signal => this.stop(signal),
          changes: this.#takeChanges(),
          shared: this.#parts.shared,
        },
      })
      this.#admin = admin
      this.#parts.taps.add(event => admin.report(event))
    }
    return open().catch((error: unknown) => log.events({ kind: 'bug', where: 'admin', error, question: null }))
  }

  async why(request: WhyRequest): Promise<Why> {
    const { engine, serving } = this.#parts
    const { why } = await import('./policy/why.ts')
    return why(request, {
      config: this.#config,
      clock: engine.recursor.clock,
      inspect: serving.inspect,
      forwardZonesOf: view => engine.partitions.forwardZonesOf(view),
    })
  }

  stats(): ServerNumbers {
    const { serving, listeners } = this.#parts
    return serving.numbers(listeners.connections.size)
  }

  tellStats(): void {
    this.events({ kind: 'stats', numbers: { ...this.stats() } })
  }

  /** What is wrong with the configuration; empty: it holds. */
  reload(): readonly Problem[] {
    const { settings } = this.#parts
    const result = settings.read() ?? { kind: 'config' as const, config: this.#config, warnings: [] }
    if (result.kind === 'invalid') {
      this.#reject(result.problems)
      return result.problems
    }
    const { named, problems } = this.#loaded(result.config)
    if (problems.length > 0) this.#reject(problems)
    else this.#adopt(result.config, result.warnings, named)
    return problems
  }

  /** The files that a configuration names, and what is wrong in them. */
  #loaded(config: Config): { readonly named: Named; readonly problems: readonly Problem[] } {
    const named = loadNamed(config, this.#parts.options)
    const { hints, anchors, forwarding, transfers } = named.problems
    const own = ownServers(named.forwardZones, this.#parts.listeners.open(), config.file ?? '')
    return { named, problems: [...hints, ...anchors, ...forwarding, ...transfers, ...own] }
  }

  /** What is wrong is reported, and the old stays. */
  #reject(problems: readonly Problem[]): void {
    this.events({ kind: 'config-rejected', file: this.#config.file ?? '', problems })
  }

  #adopt(config: Config, warnings: readonly Problem[], named: Named): void {
    const { engine, serving, lists, code, identity, listeners, log, config: started } = this.#parts
    const before = this.#config
    this.#config = config
    reportWarnings(log.events, config.file, warnings)
    reportNamed(log.events, config, named.warnings)
    log.setLevel(config.log.level)
    const forwarded = engine.forwardZones()
    this.#kept.through(() => engine.configure(config, named))
    if (engine.forwardZones() !== forwarded)
      lookAfterForwarding(this.recursor, engine.forwardZones(), () => engine.trust.validation().points, log.events)
    serving.configure(config)
    void this.#configureTransfers(config, named.secondaries)
    if (rulesOf(config) !== rulesOf(before)) serving.policyChanged()
    void lists.configure(config)
    void code.configure(config.policies)
    this.#admin?.configure(config)
    this.#observers.configure(config)
    listeners.updateSettings(serving.threadSettings)
    void listeners.rescan()
    identity?.check()
    log.events({
      kind: 'config-reloaded',
      file: config.file ?? 'the defaults',
      needsRestart: restartKeys(started, config),
    })
  }

  async #configureTransfers(config: Config, sources: readonly SecondarySource[]): Promise<void> {
    const { transfers, engine, serving, log } = this.#parts
    const opened = transfers.current ?? (await openTransfers(config, engine, log.events, () => serving.policyChanged()))
    if (opened === null || this.#stopping !== null) return
    transfers.current = opened
    await opened.configure(config, sources)
    opened.start()
  }

  descriptors(): readonly number[] | null {
    return this.#parts.listeners.descriptors()
  }

  async save(): Promise<void> {
    await this.#kept.save()
  }

  stop(signal = 'stop', release?: () => void): Promise<void> {
    const drainS = release === undefined ? this.#config.drainS : 0
    if (this.#stopping === null) this.events({ kind: 'stopping', signal, drainS })
    this.#stopping ??= this.#stop(drainS, release)
    return this.#stopping
  }

  /** What came before the sockets were left is read and answered; connections have a moment for what is on its way. */
  async #leave(release: (() => void) | undefined): Promise<void> {
    const { config, listeners } = this.#parts
    if (release !== undefined) {
      this.#kept.handOver()
      await this.#admin?.stop()
      release()
    }
    await listeners.leave()
    if (listeners.connections.size > 0)
      await new Promise<void>(resolve => this.recursor.clock.after(config.limits.server.leaveMs, resolve))
  }

  async #stop(drainS: number, release: (() => void) | undefined): Promise<void> {
    const { config, options, engine, serving, identity, listeners, readiness } = this.#parts
    await readiness.leave(this.recursor.clock, drainS * 1_000)
    if (release !== undefined || options.inherited !== undefined) await this.#leave(release)
    listeners.stop()
    await new Promise<void>(resolve => {
      const giveUp = this.recursor.clock.after(config.limits.server.drainMs, resolve)
      serving.waiting.whenIdle(() => {
        giveUp()
        resolve()
      })
    })
    await this.#kept.opened
    await this.#admin?.stop()
    await this.#observers.stop()
    this.#parts.transfers.current?.close()
    await this.#kept.end()
    await this.#parts.shared?.close()
    this.#parts.code.close()
    await engine.close()
    await listeners.close()
    identity?.close()
    await serving.close()
    this.events({ kind: 'stopped' })
    await this.#parts.log.close()
  }
}

/** What finished answers depend on besides what servers say: they are made again when it is another. */
const rulesOf = ({ raw: { any, views } }: Config): string => JSON.stringify([any, views])
