/**
 * What answers the datagrams of a running server, by the configuration of the moment: the value path, what listener
 * threads report and are sent, the query log, the counters. Sockets are opened and closed elsewhere.
 */
import type { Config } from '../config/types.ts'
import { ownerOf } from '../fairness/owner.ts'
import type { Limits } from '../limits.ts'
import type { BatchOptions } from '../net/batch/batch-listener.ts'
import type { Designation } from '../policy/designation.ts'
import type { Program } from '../policy/code/stage.ts'
import type { ListsInForce } from '../policy/lists/stages.ts'
import type { CookieSettings } from '../policy/cookies/server-cookies.ts'
import type { LimitedNetwork } from '../policy/limits/limited-networks.ts'
import { RateLimiter, type RateMemory, rateMemory } from '../policy/limits/rate-limiter.ts'
import type { Watch } from '../policy/recursion.ts'
import type { Client, EventSink, Serve } from '../ports.ts'
import { counterMemory, Counters } from '../server/counters.ts'
import { makeIntake } from '../server/intake.ts'
import { Decided } from '../server/decided.ts'
import { makeHitReporter, type OnHitReport } from '../server/hit-reports.ts'
import { WaitingClients } from '../server/pending-queries.ts'
import type { QueryLog } from '../server/query-log.ts'
import { Tally } from '../server/tally.ts'
import { countLoss, type ThreadProgram, type ThreadSettings } from './listener-handler.ts'
import type { OpenEngine } from './open-engine.ts'
import { readCookieKeys } from './policy/cookie-keys.ts'
import type { Tap } from './dnstap/tap.ts'
import { QueryLogFile } from './query-log-file.ts'
import { makeAdmission } from '../server/pipeline.ts'
import type { Inspect } from '../server/inspect.ts'
import { inspectOf, makeServe, type ServingParts } from '../server/serve-parts.ts'
import type { PolicyZones } from './transfer/policy-zones.ts'
import { numbersOf, type ServerNumbers } from './statistics.ts'
import type { UdpMode } from './udp-mode.ts'

export interface ServingOptions {
  readonly events: EventSink
  readonly watch?: Watch | undefined
  /** Sees every answered query, besides the query log of the configuration. */
  readonly onQuery?: QueryLog | undefined
  /** What is designated now, where anything is encrypted. */
  readonly designation?: (() => Designation | null) | undefined
  /** Response policy zones; null: there are none. */
  readonly policies?: (() => PolicyZones | null) | undefined
  /** What is replied to NOTIFY. */
  readonly notify?: ((bytes: Uint8Array, client: Client) => Uint8Array | null) | undefined
  /** May clients be sent here? Absent: always. */
  readonly isReady?: (() => boolean) | undefined
  readonly lists: ListsInForce
  /** Policies written as programs. */
  readonly programs: () => readonly Program[]
}

/** RFC 9018 section 4.4. */
const COOKIE_KEY_OCTETS = 16

/** What a configuration makes of it. */
interface Current {
  readonly serve: Serve
  readonly takeNote: OnHitReport
  readonly threads: ThreadSettings
  readonly rate: RateLimiter | null
  readonly inspect: () => Inspect
}

/** Who may see every query besides the log. */
export type QueryWatcher = 'api' | 'history' | 'diagnostics'

export class Serving {
  readonly waiting: WaitingClients
  /** What a socket received: served in turns of the clients. */
  readonly take: Serve
  readonly #engine: OpenEngine
  readonly #options: ServingOptions
  /** Those of the start: sockets and stores were made for them. */
  readonly #limits: Limits
  readonly #counters = new Counters()
  readonly #tallies: { readonly refusals: Tally; readonly failures: Tally }
  readonly #queryLog: QueryLogFile
  readonly #decided: Decided
  /** Of the networks of clients; none where there is no limit. */
  #rateMemory: RateMemory | null = null
  /** Where no file has a key. */
  #cookieKey: Uint8Array | null = null
  #current: Current
  #config: Config
  /** Sees the octets of what passes; null: nobody does. */
  #tap: Pick<Tap, 'around'> | null = null
  /** Who else sees every query: the API, while somebody watches, and the history. */
  readonly #watchers = new Map<string, QueryLog>()

  constructor(config: Config, engine: OpenEngine, options: ServingOptions) {
    const { server } = config.limits
    this.#engine = engine
    this.#options = options
    this.#limits = config.limits
    this.waiting = new WaitingClients(server)
    this.#tallies = { refusals: new Tally(server.tellAgainMs), failures: new Tally(server.tellAgainMs) }
    this.#queryLog = new QueryLogFile(server.queryLogBufferBytes, options.events)
    this.#decided = new Decided(server)
    this.#config = config
    this.#current = this.#make(config)
    this.take = makeIntake({
      clock: engine.recursor.clock,
      limits: server,
      // By way of the member, so that a reload changes what the sockets do.
      serve: (bytes, length, client, reply) => this.#current.serve(bytes, length, client, reply),
      dropped: () => countLoss(this.#counters, 'no-room', 1),
    })
  }

  /** Of the listener threads. */
  get threadSettings(): ThreadSettings {
    return this.#current.threads
  }

  /** By the rules of the moment. */
  get inspect(): Inspect {
    return this.#current.inspect()
  }

  /** Another configuration, for the queries from now on. */
  configure(config: Config): void {
    const isOther = !sameShaping(this.#config, config)
    this.#config = config
    this.#current = this.#make(config)
    if (isOther) this.policyChanged()
  }

  /** Other rules hold from the next query on. */
  policyChanged(): void {
    this.#decided.clear()
    this.#engine.recursor.policyChanged()
    this.#engine.partitions.policyChanged()
  }

  /** From the next query on; null: no more. Listener threads need the new settings, too (`threadSettings`). */
  watchQueries(who: QueryWatcher, watcher: QueryLog | null): void {
    if (watcher === null) this.#watchers.delete(who)
    else this.#watchers.set(who, watcher)
    this.#current = this.#make(this.#config)
  }

  /** From the next query on. Listener threads need the new settings, too (`threadSettings`). */
  tapMessages(tap: Pick<Tap, 'around'>): void {
    this.#tap = tap
    this.#current = this.#make(this.#config)
  }

  /** Those of views that are not logged are not for others either. */
  #tapped(serve: Serve, config: Config, viewOf: (client: Client) => number): Serve {
    if (this.#tap === null) return serve
    const silent = silentViews(config)
    return this.#tap.around(serve, client => silent.size === 0 || !silent.has(viewOf(client)))
  }

  /** How datagrams are moved in batches, with counters for each thread. */
  batch({ libc, entry }: Extract<UdpMode, { kind: 'batch' }>, threads: number): BatchOptions {
    const memories = Array.from({ length: threads }, counterMemory)
    for (const memory of memories) this.#counters.include(new Counters(memory))
    return {
      libc,
      entry,
      threads,
      program: (thread): ThreadProgram => ({
        answers: this.#engine.recursor.caches.answers.handle,
        counters: memories[thread] ?? counterMemory(),
        settings: this.threadSettings,
      }),
      onHitReport: (kind, value, query, client) => this.#current.takeNote(kind, value, query, client),
      onLost: (why, count) => countLoss(this.#counters, why, count),
    }
  }

  /** The networks of clients above a limit now; null: there is none. */
  limited(): readonly LimitedNetwork[] | null {
    return this.#current.rate?.limited(this.#engine.recursor.clock.now()) ?? null
  }

  /** Queries and answers by protocol, type, source and so on (`request-cells.ts`). */
  cells(): Float64Array {
    return this.#counters.cells()
  }

  numbers(tcpConnections: number): ServerNumbers {
    const { recursor } = this.#engine
    return numbersOf({
      counters: this.#counters,
      waiting: this.waiting,
      recursor,
      tcpConnections,
      queryLog: this.#queryLog,
    })
  }

  /** What was logged is on the disk. */
  close(): Promise<void> {
    return this.#queryLog.close()
  }

  #make(config: Config): Current {
    const { allow, access, identity, dnssec } = config
    const { recursor, trust, partitions } = this.#engine
    const { events, watch, designation, notify, isReady } = this.#options
    const limits = this.#limits
    const queryLog = this.#logQuery(config)
    const views = config.views.map(({ selector }) => selector)
    const gate = { allow, access, views, limits: { accessVerdicts: limits.server.accessVerdicts } }
    const served = partitions.served()
    const [rate, cookies] = [this.#rateOf(config), this.#cookiesOf(config)]
    const { viewOf } = makeAdmission(gate)
    const parts: ServingParts = {
      engine: recursor,
      allow,
      access,
      views,
      served,
      cookies,
      rate: rate === null ? undefined : new RateLimiter(rate.settings, rate.memory),
      ...{ identity, isReady },
      limits,
      watch,
      any: config.any,
      notify: config.secondaries.length + config.rpz.length === 0 ? undefined : notify,
      rpz: config.rpz.length === 0 ? undefined : this.#rpz(),
      shaping: {
        settings: config.shaping,
        views: config.views.map(({ shaping }) => shaping),
        configuredZone: (question, view) => partitions.forwardZonesOf(view).of(question)?.zone ?? null,
      },
      designation: config.ddr ? designation : undefined,
      rootKeyTags: dnssec.rootKeySentinel ? () => trust.rootKeyTags() : undefined,
      // Nothing stands in the way of a query where there are none.
      lists: config.lists.length === 0 ? undefined : this.#options.lists,
      code: config.policies.length === 0 ? undefined : this.#code(config),
      waiting: this.waiting,
      counters: this.#counters,
      tallies: this.#tallies,
      events,
      queryLog,
      decided: this.#decided,
    }
    return {
      takeNote: makeHitReporter({
        clock: recursor.clock,
        queryLog,
        decided: this.#decided,
        viewOf,
        prefetch: (question, client, view) => {
          this.#counters.add(this.#counters.index('prefetches'))
          ;(served[view] ?? recursor).resolver.prefetch(question, ownerOf(client.ip))
        },
      }),
      serve: this.#tapped(makeServe(parts), config, viewOf ?? (() => 0)),
      ...{ inspect: () => inspectOf(parts), rate: parts.rate ?? null },
      threads: {
        gate,
        rate,
        bytePath: {
          udpReplyBytes: limits.server.udpReplyBytes,
          paddingBlock: limits.tls.paddingBlock,
          sendsNsid: identity.id !== null,
          cookies,
        },
        reportsHits: queryLog !== null,
        handsOver: this.#tap !== null,
      },
    }
  }

  /** Reloads keep what is known of the clients. */
  #rateOf({ rateLimit: settings }: Config): NonNullable<ThreadSettings['rate']> | null {
    if (settings === null) return null
    const { random } = this.#engine.recursor
    const seed = (): number => random.below(2 ** 32) | 0
    this.#rateMemory ??= rateMemory(this.#limits.server.rateTableEntries, [seed(), seed()])
    return { settings, memory: this.#rateMemory }
  }

  #cookiesOf({ cookies }: Config): CookieSettings | null {
    if (cookies === null) return null
    const { secret, require } = cookies
    const read = secret === null ? null : readCookieKeys(secret)
    if (read?.kind === 'keys') return { keys: read.keys, require }
    if (read !== null)
      this.#options.events({ kind: 'config-warnings', file: read.problem.file, problems: [read.problem] })
    if (this.#cookieKey === null) {
      this.#cookieKey = new Uint8Array(COOKIE_KEY_OCTETS)
      this.#engine.recursor.random.bytes(this.#cookieKey)
    }
    return { keys: [this.#cookieKey], require }
  }

  #code({ views }: Config): ServingParts['code'] {
    const { programs } = this.#options
    return { programs, viewName: view => views[view - 1]?.name ?? null, now: () => Date.now() }
  }

  #rpz(): ServingParts['rpz'] {
    const { policies } = this.#options
    return { rules: () => policies?.()?.rules() ?? null, onHit: (hit, query) => policies?.()?.noteHit(hit, query) }
  }

  #logQuery(config: Config): QueryLog | null {
    const { onQuery } = this.#options
    const write = this.#queryLog.configure(config)
    const wanted = [write, onQuery, ...this.#watchers.values()].flatMap(log => log ?? [])
    const silent = silentViews(config)
    if (wanted.length <= 1 && silent.size === 0) return wanted[0] ?? null
    if (wanted.length === 0) return null
    return entry => {
      if (silent.has(entry.view)) return
      for (const log of wanted) log(entry)
    }
  }
}

const silentViews = ({ views }: Config): ReadonlySet<number> =>
  new Set(views.flatMap(({ isLogged }, index) => (isLogged ? [] : [index + 1])))

const sameShaping = ({ raw: a }: Config, { raw: b }: Config): boolean =>
  (['canary', 'dns64', 'rebinding'] as const).every(key => JSON.stringify(a[key]) === JSON.stringify(b[key]))
