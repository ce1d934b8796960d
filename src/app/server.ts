/**
 * The composition root of the server: builds every part, introduces them to each other, starts them in order and stops
 * them in reverse, and swaps the configuration while running. The only place that knows everybody.
 */
import { loadAnchors, type LoadedAnchors } from './load-anchors.ts'
import type { Delegation } from '../cache/delegations.ts'
import { restartKeys } from '../config/read.ts'
import type { Config, ConfigResult } from '../config/types.ts'
import type { Question } from '../dns/message.ts'
import type { TrustAnchor } from '../dnssec/trust-anchors.ts'
import type { Problem } from '../events.ts'
import type { Limits } from '../limits.ts'
import { openLineWriter, type LineWriter } from '../system/line-writer.ts'
import { countLoss, type ThreadProgram, type ThreadSettings } from './listener-handler.ts'
import { openListeners, type Listeners, type ListenersOptions } from '../net/listen/listeners.ts'
import type { ListenFailure } from '../net/listener.ts'
import { systemClock } from '../system/system.ts'
import type { EventSink, Network, Serve, Transport } from '../ports.ts'
import { problemText } from '../render/problem.ts'
import { openRecursor, type Recursor } from './recursor.ts'
import type { Resolver } from '../resolver/resolver.ts'
import type { Watch } from '../policy/recursion.ts'
import { loadHints } from './load-hints.ts'
import { holdBack, openLog, type Log } from './log.ts'
import { counterMemory, Counters } from '../server/counters.ts'
import { makeNoteTaker, type TakeNote } from '../server/hit-reports.ts'
import { makePipeline } from '../server/pipeline.ts'
import { formatQuery, type QueryLog } from '../server/query-log.ts'
import { createServe } from '../server/serve.ts'
import { Tally } from '../server/tally.ts'
import { TrustKeeper } from './trust-anchor-manager.ts'
import { chooseUdpMode, type UdpMode } from './udp-mode.ts'
import { version } from '../system/version.ts'
import { WaitingClients } from '../server/pending-queries.ts'

export interface ServerOptions {
  /** Default: a log on standard error as the configuration says. */
  readonly events?: EventSink
  /** How `reload` gets the new configuration. Without it only zones and hints are read again. */
  readonly readConfig?: () => ConfigResult
  /** An internet instead of the real one; it is closed by who made it. */
  readonly network?: Network
  /** Root servers instead of those of the configuration. */
  readonly hints?: Delegation
  /** Trust anchors instead of those of the configuration; [] validates nothing. */
  readonly anchors?: readonly TrustAnchor[]
  /** What is worth a warning in the configuration. */
  readonly warnings?: readonly Problem[]
  /** Sees how queries are resolved. */
  readonly watch?: Watch
  /** Sees every answered query; with a query log in the configuration, both. */
  readonly onQuery?: QueryLog
  /** The program of listener threads, for a server that does not run as built. */
  readonly threadEntry?: URL
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
  /** Where it tells what is worth telling, for what runs beside it. */
  readonly events: EventSink
  /** Queries of clients that wait for an answer: one of `stats()`, for next to nothing. */
  readonly waiting: number
  stats(): ServerNumbers
  /** Configuration, zones, hints and log files anew. What is wrong is reported, and then the old stays. */
  reload(): void
  /** Tells the numbers of `stats` to the log. */
  tellStats(): void
  /** Takes nothing new, lets what is in flight finish for `limits.server.drainMs`, closes. */
  stop(signal?: string): Promise<void>
}

export interface ServerNumbers {
  readonly queries: Readonly<Record<string, number>>
  readonly waiting: number
  readonly resolutions: number
  readonly tcpConnections: number
  readonly cacheBytes: number
  readonly cached: { readonly rrsets: number; readonly answers: number }
  readonly queryLogDropped: number
}

export type StartFailure =
  | { readonly kind: 'listen'; readonly failures: readonly ListenFailure[] }
  | { readonly kind: 'zones' | 'hints' | 'anchors'; readonly problems: readonly Problem[] }

/** The server did not start, and nothing is left open. */
export class StartError extends Error {
  readonly failure: StartFailure

  constructor(failure: StartFailure) {
    super(
      failure.kind === 'listen'
        ? failure.failures.map(f => `${f.address}:${f.port}/${f.transport}: ${f.message}`).join('; ')
        : failure.problems.map(problemText).join('; '),
    )
    this.name = 'StartError'
    this.failure = failure
  }
}

/** Rejects with `StartError`. */
export async function startServer(config: Config, options: ServerOptions = {}): Promise<RunningServer> {
  const held = options.events === undefined ? holdBack(await openLog(config)) : null
  const log = held?.log ?? { events: options.events ?? (() => {}), setLevel: () => {} }
  log.events({ kind: 'starting', version, file: config.file })
  if (options.warnings !== undefined && options.warnings.length > 0)
    log.events({ kind: 'config-warnings', file: config.file ?? '', problems: options.warnings })
  const server = new Server(config, options, log)
  await server.start()
  held?.release()
  return server
}

class Server implements RunningServer {
  readonly recursor: Recursor
  readonly #udpMode: UdpMode
  readonly #options: ServerOptions
  readonly #log: Log
  readonly #counters = new Counters()
  readonly #waiting: WaitingClients
  readonly #tallies: { readonly refusals: Tally; readonly failures: Tally }
  /** Those of the start: sockets and stores were made for them. */
  readonly #limits: Limits
  #config: Config
  /** That of the start: what needs a restart is still as it says. */
  readonly #started: Config
  #hints: Delegation
  readonly #trust: TrustKeeper
  #serve: Serve = (_bytes, _length, _client, reply) => reply(new Uint8Array(0), 0)
  #takeNote: TakeNote = () => {}
  #listeners: Listeners | null = null
  #queryLog: { readonly file: string; readonly writer: LineWriter } | null = null
  #stopping: Promise<void> | null = null

  constructor(config: Config, options: ServerOptions, log: Log) {
    this.#config = config
    this.#started = config
    this.#options = options
    this.#log = log
    this.#limits = config.limits
    this.#waiting = new WaitingClients(config.limits.server)
    const { tellAgainMs } = config.limits.server
    this.#tallies = { refusals: new Tally(tellAgainMs), failures: new Tally(tellAgainMs) }
    const hints = loadHints(config.rootHints)
    if (hints.kind === 'invalid') throw new StartError({ kind: 'hints', problems: hints.problems })
    if (hints.warnings.length > 0)
      log.events({ kind: 'zone-warnings', file: config.rootHints ?? '', problems: hints.warnings })
    this.#hints = options.hints ?? hints.hints
    const anchors = this.#readAnchors(config)
    if (anchors.kind === 'invalid') throw new StartError({ kind: 'anchors', problems: anchors.problems })
    if (anchors.warnings.length > 0)
      log.events({ kind: 'config-warnings', file: config.file ?? '', problems: anchors.warnings })
    this.#trust = new TrustKeeper({
      clock: systemClock(),
      limits: config.limits.dnssec,
      events: log.events,
      settings: config.dnssec,
      anchors: anchors.anchors,
    })
    this.#udpMode = chooseUdpMode(config.udp.mode, options.threadEntry)
    this.recursor = openRecursor({
      limits: config.limits,
      settings: () => this.#config.engine,
      hints: () => this.#hints,
      validation: this.#trust.validation,
      events: log.events,
      network: options.network,
      libc: this.#udpMode.kind === 'batch' ? this.#udpMode.libc : undefined,
    })
  }

  get addresses(): readonly ServerAddresses[] {
    return (this.#listeners?.open() ?? []).map(({ transport, address, port }) => ({ transport, address, port }))
  }

  get resolver(): Resolver {
    return this.recursor.resolver
  }

  get events(): EventSink {
    return this.#log.events
  }

  get waiting(): number {
    return this.#waiting.total
  }

  async start(): Promise<void> {
    const { recursor } = this
    const config = this.#config
    const batch = this.#batch()
    const problems = await recursor.zones.loadBeside(config)
    if (this.#stopping !== null) return
    if (problems.length > 0) {
      recursor.close()
      throw new StartError({ kind: 'zones', problems })
    }
    this.#openQueryLog()
    this.#makeServe()
    this.#trust.attach(recursor.resolver)
    const listeners = await openListeners({
      bindings: config.listen,
      batch,
      clock: recursor.clock,
      limits: config.limits,
      events: this.#log.events,
      // By way of the member, so that a reload changes what the sockets do.
      onMessage: (bytes, length, client, reply) => this.#serve(bytes, length, client, reply),
    })
    this.#listeners = listeners
    const fatal = listeners.failures.filter(failure => listeners.open().length === 0 || !isMissingFamily(failure))
    if (fatal.length > 0) {
      await listeners.close()
      recursor.close()
      await this.#queryLog?.writer.close()
      throw new StartError({ kind: 'listen', failures: fatal })
    }
    for (const { transport, address, port, code, message } of listeners.failures)
      this.#log.events({ kind: 'listener-failed', transport, address, port, code, message })
    recursor.zones.watch()
    // RFC 9609 section 3, and then the keys of the root: the only questions that are asked of our own accord.
    recursor.resolver.prime(() => {
      if (this.#stopping === null) this.#trust.start()
    })
  }

  stats(): ServerNumbers {
    const { caches, resolver } = this.recursor
    return {
      queries: this.#counters.snapshot(),
      waiting: this.#waiting.total,
      resolutions: resolver.inFlight,
      tcpConnections: this.#listeners?.connections.size ?? 0,
      cacheBytes: caches.bytes,
      cached: { rrsets: caches.rrsets.size, answers: caches.answers.size },
      queryLogDropped: this.#queryLog?.writer.dropped ?? 0,
    }
  }

  tellStats(): void {
    this.#log.events({ kind: 'stats', numbers: { ...this.stats() } })
  }

  reload(): void {
    const { events } = this.#log
    const result = this.#options.readConfig?.() ?? { kind: 'config' as const, config: this.#config, warnings: [] }
    const hints = result.kind === 'config' ? loadHints(result.config.rootHints) : result
    const anchors = result.kind === 'config' ? this.#readAnchors(result.config) : result
    if (result.kind === 'invalid' || hints.kind === 'invalid' || anchors.kind === 'invalid') {
      const problems = [...new Set([result, hints, anchors])].flatMap(read =>
        read.kind === 'invalid' ? read.problems : [],
      )
      events({ kind: 'config-rejected', file: this.#config.file ?? '', problems })
      return
    }
    const before = this.#config
    this.#config = result.config
    const warnings = [...result.warnings, ...anchors.warnings]
    if (warnings.length > 0) events({ kind: 'config-warnings', file: result.config.file ?? '', problems: warnings })
    this.#trust.configure(result.config.dnssec, anchors.anchors)
    if (this.#options.hints === undefined && before.rootHints !== result.config.rootHints) {
      this.#hints = hints.hints
      this.recursor.resolver.unprime()
      this.recursor.resolver.prime(() => {})
    }
    this.#log.setLevel(result.config.log.level)
    this.#openQueryLog()
    this.#makeServe()
    this.#listeners?.settle(this.#threadSettings())
    const { zones } = this.recursor
    void zones.loadBeside(result.config).then(() => zones.watch())
    void this.#listeners?.rescan()
    events({
      kind: 'config-reloaded',
      file: result.config.file ?? 'the defaults',
      needsRestart: restartKeys(this.#started, result.config),
    })
  }

  #readAnchors(config: Config): LoadedAnchors {
    const { anchors } = this.#options
    return anchors === undefined ? loadAnchors(config.dnssec.anchors) : { kind: 'anchors', anchors, warnings: [] }
  }

  stop(signal = 'stop'): Promise<void> {
    if (this.#stopping === null) this.#log.events({ kind: 'stopping', signal })
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<void> {
    const { recursor } = this
    this.#listeners?.stop()
    await new Promise<void>(resolve => {
      const giveUp = recursor.clock.after(this.#limits.server.drainMs, resolve)
      this.#waiting.whenIdle(() => {
        giveUp()
        resolve()
      })
    })
    recursor.close()
    await this.#trust.close()
    await this.#listeners?.close()
    await this.#queryLog?.writer.close()
    this.#log.events({ kind: 'stopped' })
  }

  /** Listener threads, where they can be had. */
  #batch(): ListenersOptions['batch'] {
    const { threads } = this.#config.udp
    const mode = this.#udpMode
    if (mode.kind !== 'batch') {
      if (mode.kind === 'impossible') {
        this.recursor.close()
        throw new StartError({ kind: 'listen', failures: this.#config.listen.map(noBatch(mode.why)) })
      }
      this.#log.events({ kind: 'udp-mode', mode: 'plain', why: mode.why })
      return undefined
    }
    this.#log.events({ kind: 'udp-mode', mode: 'batch', threads })
    const memories = Array.from({ length: threads }, counterMemory)
    for (const memory of memories) this.#counters.include(new Counters(memory))
    return {
      libc: mode.libc,
      entry: mode.entry,
      threads,
      program: (thread): ThreadProgram => ({
        answers: this.recursor.caches.answers.handle,
        counters: memories[thread] ?? counterMemory(),
        settings: this.#threadSettings(),
      }),
      onNote: (kind, value, query, client) => this.#takeNote(kind, value, query, client),
      onLost: (why, count) => countLoss(this.#counters, why, count),
    }
  }

  #threadSettings(): ThreadSettings {
    const { allow, identity } = this.#config
    const { server } = this.#limits
    return {
      gate: { allow, limits: { accessVerdicts: server.accessVerdicts } },
      bytePath: { udpReplyBytes: server.udpReplyBytes, tellsNsid: identity.id !== null },
      tellsHits: this.#logQuery() !== null,
    }
  }

  #makeServe(): void {
    const { allow, identity } = this.#config
    const limits = this.#limits
    const { recursor } = this
    const queryLog = this.#logQuery()
    const prefetch = (question: Question): void => recursor.resolver.prefetch(question)
    this.#takeNote = makeNoteTaker({ clock: recursor.clock, queryLog, prefetch })
    this.#serve = createServe({
      clock: recursor.clock,
      answers: recursor.caches.answers,
      prefetch,
      pipeline: makePipeline({
        allow,
        identity,
        resolver: recursor.resolver,
        limits: limits.server,
        watch: this.#options.watch,
        rootKeyTags: this.#config.dnssec.rootKeySentinel ? () => this.#trust.rootKeyTags() : undefined,
        answeredLocally: question => {
          const kind = recursor.zones.current().find(question)?.answer(question).kind
          return kind !== undefined && kind !== 'not-here' && kind !== 'referral'
        },
      }),
      waiting: this.#waiting,
      counters: this.#counters,
      tallies: this.#tallies,
      events: this.#log.events,
      settings: {
        udpReplyBytes: limits.server.udpReplyBytes,
        edeTextBytes: limits.server.edeTextBytes,
        tcpIdleMs: limits.tcp.idleMs,
        nsid: identity.id === null ? null : new TextEncoder().encode(identity.id),
      },
      queryLog,
    })
  }

  #logQuery(): QueryLog | null {
    const { onQuery } = this.#options
    const { queryLog } = this.#config
    const writer = this.#queryLog?.writer
    if (queryLog === null || writer === undefined) return onQuery ?? null
    return entry => {
      writer.write(formatQuery(entry, queryLog.clients))
      onQuery?.(entry)
    }
  }

  /** The file of the configuration; the same one is opened anew, for those who rotate it. */
  #openQueryLog(): void {
    const wanted = this.#config.queryLog?.file ?? null
    const open = this.#queryLog
    if (open !== null && open.file === wanted) {
      open.writer.reopen()
      return
    }
    void open?.writer.close()
    const { events } = this.#log
    const onTrouble = (message: string): void => events({ kind: 'query-log-failed', message })
    const onRecovery = (lost: number): void => events({ kind: 'query-log-works', file: wanted ?? '', lost })
    this.#queryLog =
      wanted === null
        ? null
        : {
            file: wanted,
            writer: openLineWriter({
              path: wanted,
              bufferBytes: this.#limits.server.queryLogBufferBytes,
              onTrouble,
              onRecovery,
            }),
          }
    // Now, so that a file that cannot be opened is told at the start and not at the first query.
    this.#queryLog?.writer.reopen()
  }
}

/** What was asked for and cannot be had is no reason to serve in another way, unasked. */
const noBatch =
  (why: string) =>
  ({ address, port }: { readonly address: string; readonly port: number }): ListenFailure => ({
    kind: 'listen-failed',
    transport: 'udp',
    address,
    port,
    code: 'ENOTSUP',
    message: `datagrams cannot be moved in batches here: ${why}`,
  })

/** IPv6 is often switched off altogether; what is configured for it is then told and left out. */
const isMissingFamily = ({ address, code }: ListenFailure): boolean =>
  address.includes(':') && (code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT')
