/**
 * `createInternet`: a whole delegation tree for a test, out of a few lines. In memory it is the simulation that
 * rootwalk is tested with, so a resolution is one synchronous call and hours pass in no time; on sockets every server
 * has its own loopback address and any resolver can walk from its root.
 *
 * Invariants: equal options and equal calls give equal traces in memory; a mistake is a TypeError at the caller's line
 * and has changed nothing; nothing is left open after `stop`.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Delegation } from '../cache/delegations.ts'
import type { Question } from '../dns/message.ts'
import { foldName, type Name, ROOT } from '../dns/name.ts'
import { packetRecord, type PacketRecord } from '../presentation/packet-record.ts'
import type { Rr } from '../dns/rrset.ts'
import { formatName } from '../presentation/text.ts'
import type { TrustAnchor } from '../dnssec/trust-anchors.ts'
import { limitsWith } from '../limits.ts'
import { systemClock, systemRandom } from '../system/system.ts'
import { type FrontOptions, frontFields, startFront } from './internet/front-server.ts'
import { buildInternet, type Internet, signedBy } from '../simulation/internet.ts'
import { forwardFields, readForwarding, resolverAddress, resolverHost } from './internet/forwarding.ts'
import { faultsOf, located } from './internet/input.ts'
import { InternetPlan } from './internet/plan.ts'
import { readSigning, readSigns, type ZoneSigning } from './input/signing.ts'
import { QueryLog } from './internet/queries.ts'
import type {
  InternetBase,
  InternetOptions,
  InternetResolverOptions,
  InternetZones,
  MemoryInternet,
  MemoryResolver,
  RunningResolver,
  ServerFault,
  ServerQuery,
  SetOptions,
  SocketInternet,
} from './internet/types.ts'
import { type LoopbackInternet, openLoopbackInternet } from './internet/loopback.ts'
import { formatMisbehaviour } from '../simulation/misbehaviour.ts'
import { calm, type Host, SimNetwork } from '../simulation/network.ts'
import { SimRandom } from '../simulation/random.ts'
import { anchorLines } from '../simulation/signed-internet.ts'
import { simSettings } from '../simulation/settings.ts'
import { dataSet, setsOf } from '../input/record-data.ts'
import { atCaller, mistake } from '../input/mistake.ts'
import {
  dataTypeOf,
  described,
  foldedName,
  knownFields,
  plainName,
  ttlOf,
  wholeNumber,
  wireName,
} from '../input/names.ts'
import { stubSettings } from './stub/settings.ts'
import type { NameRecords } from './stub/types.ts'
import type { RecordData } from '../input/packet-answer.ts'
import { createClock, durationMs, TestClock } from './input/clock.ts'
import { resolverOver } from './create-resolver.ts'
import {
  answeredRecord,
  type AnsweredRecord,
  type AnswerFormat,
  type CachingResolver,
  engineFields,
  type EngineOptions,
  formatOf,
  questionOf,
  type RootHints,
  settingsOf,
  type TestAnswer,
  TestEngine,
  validationBy,
} from './internet/test-engine.ts'

const FIELDS = ['seed', 'clock', 'loss', 'latency', 'sockets', 'port', 'dnssec', ...engineFields] as const

/**
 * A delegation tree: `createInternet({ 'example.com': { records: { www: '192.0.2.1' }, faults: { ns1: 'lame' } } })`.
 * In memory unless `sockets` is set; then a promise, which rejects with the system's error when loopback addresses or
 * the port cannot be bound (only Linux has all of 127.0.0.0/8, and ports below 1024 want rights).
 */
export function createInternet(
  zones: InternetZones,
  options: InternetOptions & { readonly sockets: true },
): Promise<SocketInternet>
export function createInternet(
  zones: InternetZones,
  options?: InternetOptions & { readonly sockets?: false },
): MemoryInternet
export function createInternet(
  zones: InternetZones,
  options: InternetOptions = {},
): MemoryInternet | Promise<SocketInternet> {
  if (options?.sockets === true) {
    try {
      const settings = atCaller(createInternet, () => readSettings(zones, options))
      return Sockets.open(settings)
    } catch (error) {
      return Promise.reject(error)
    }
  }
  return new Memory(atCaller(createInternet, () => readSettings(zones, options)))
}

interface Settled {
  readonly plan: InternetPlan
  readonly clock: TestClock
  readonly random: SimRandom
  readonly seed: number
  readonly latencyMs: number | undefined
  readonly options: InternetOptions
}

function readSettings(zones: unknown, options: InternetOptions): Settled {
  knownFields(options, FIELDS, 'the options of createInternet')
  const { seed = stubSettings.seed, clock = createClock(), loss = 0, latency, sockets = false, port = 0 } = options
  if (typeof seed !== 'number' || !Number.isFinite(seed))
    mistake(`expected seed to be a number, found ${described(seed)}`)
  if (!(clock instanceof TestClock)) mistake(`expected clock to be one of createClock(), found ${described(clock)}`)
  if (!(typeof loss === 'number' && loss >= 0 && loss <= 1))
    mistake(`expected loss to be a share from 0 to 1, found ${described(loss)}`)
  if (typeof sockets !== 'boolean') mistake(`expected sockets to be true or false, found ${described(sockets)}`)
  wholeNumber(port, 'port', 0xffff)
  if (!sockets && port !== 0) mistake('port: an internet in memory has no port; with sockets: true it has')
  if (sockets && loss > 0) mistake('loss: only an internet in memory loses datagrams')
  settingsOf(options)
  const latencyMs = latency === undefined ? undefined : durationMs(latency, readSettings)
  return {
    plan: new InternetPlan(zones, readSigns(options.dnssec)),
    clock,
    seed,
    random: new SimRandom(seed),
    latencyMs,
    options,
  }
}

/** What both kinds do alike. */
abstract class Base implements InternetBase {
  readonly clock: TestClock
  protected readonly plan: InternetPlan
  protected readonly log: QueryLog
  abstract readonly rootHints: RootHints

  constructor({ plan, clock }: Settled, log: QueryLog) {
    this.clock = clock
    this.plan = plan
    this.log = log
  }

  /** The plan is another now. */
  protected abstract changed(): void
  abstract addressesOf(server: string): readonly string[]
  abstract stop(): Promise<void>

  /** The anchor that each signed zone would have. */
  protected abstract zoneAnchors(): ReadonlyMap<Name, TrustAnchor>

  get anchors(): readonly string[] {
    return this.rootAnchors().flatMap(anchorLines)
  }

  anchorsOf(zone: string): readonly string[] {
    return atCaller(this.anchorsOf, () => {
      const anchor = this.zoneAnchors().get(foldedName(zone))
      return anchor === undefined
        ? mistake(
            `${zone} is not signed here; signed are ` +
              `${[...this.zoneAnchors().keys()].map(plainName).join(', ') || 'none'}`,
          )
        : anchorLines(anchor)
    })
  }

  sign(zone: string, how: ZoneSigning): this {
    return this.#change(this.sign, () => this.plan.sign(foldedName(zone), readSigning(how)))
  }

  protected rootAnchors(): readonly TrustAnchor[] {
    const root = this.zoneAnchors().get(ROOT)
    return root === undefined ? [] : [root]
  }

  get servers(): readonly string[] {
    return this.plan.serverNames
  }

  set(name: string, given: NameRecords, options?: Omit<SetOptions, 'ttl'>): this
  set(name: string, type: string, data: RecordData | readonly RecordData[], options?: SetOptions): this
  set(name: string, second: unknown, third?: unknown, fourth?: unknown): this {
    return this.#change(this.set, () => {
      const owner = wireName(name)
      // A type is text too, but then the data follows it.
      const typed = typeof second === 'string' && third !== undefined && !isSetOptions(third)
      const { ttl, server } = setOptions(typed ? fourth : third, typed)
      const sets = typed ? [dataSet(dataTypeOf(second), third, null)] : setsOf(owner, second)
      this.plan.replace(
        foldName(owner),
        typed ? sets.map(({ type }) => type) : null,
        located(owner, sets, ttl ?? this.plan.ttlFor(foldName(owner))),
        server,
      )
    })
  }

  remove(name: string, type?: string, options?: Omit<SetOptions, 'ttl'>): this {
    return this.#change(this.remove, () =>
      this.plan.replace(
        foldedName(name),
        type === undefined ? null : [dataTypeOf(type)],
        [],
        setOptions(options, false).server,
      ),
    )
  }

  fault(server: string, faults: string | readonly string[]): ServerFault {
    return atCaller(this.fault, () => {
      const planned = this.plan.server(server)
      const set = faultsOf(faults, null)
      planned.faults.add(set)
      this.changed()
      return {
        server: plainName(planned.name),
        faults: set.map(formatMisbehaviour),
        remove: () => {
          planned.faults.delete(set)
          this.changed()
        },
      }
    })
  }

  removeDelegation(zone: string): this {
    return this.#change(this.removeDelegation, () => this.plan.removeDelegation(foldedName(zone)))
  }

  restoreDelegation(zone: string): this {
    return this.#change(this.restoreDelegation, () => this.plan.restoreDelegation(foldedName(zone)))
  }

  records(zone: string): readonly AnsweredRecord[] {
    return atCaller(this.records, () => this.plan.recordsOf(foldedName(zone)).map(answeredRecord))
  }

  get queries(): readonly ServerQuery[] {
    return this.log.queries
  }

  queriesTo(server: string): readonly ServerQuery[] {
    const name = atCaller(this.queriesTo, () => this.serverNamed(server))
    return this.log.queries.filter(query => query.server === name)
  }

  queriesFor(name: string, type?: string): readonly ServerQuery[] {
    const question = atCaller(this.queriesFor, () => questionOf(name, type ?? 'A'))
    return this.log.queries.filter(
      query => query.name === plainName(question.name) && (type === undefined || query.type === type.toUpperCase()),
    )
  }

  clearQueries(): void {
    this.log.clear()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  protected serverNamed(server: string): string {
    return plainName(this.plan.server(server).name)
  }

  #change(entry: (...args: never[]) => unknown, change: () => void): this {
    atCaller(entry, change)
    this.changed()
    return this
  }
}

const isSetOptions = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  Object.keys(value).every(key => key === 'server' || key === 'ttl')

function setOptions(options: unknown, withTtl: boolean): { readonly ttl?: number; readonly server?: unknown } {
  if (options === undefined) return {}
  knownFields(options, withTtl ? ['ttl', 'server'] : ['server'], 'the options')
  const server = typeof options === 'object' && options !== null && 'server' in options ? options.server : undefined
  const ttl =
    typeof options === 'object' && options !== null && 'ttl' in options && options.ttl !== undefined
      ? ttlOf(options.ttl)
      : undefined
  return ttl === undefined ? { server } : { ttl, server }
}

/** Names and addresses of the root's servers. */
function hintsFrom(hints: Delegation, port: number): RootHints {
  const servers = hints.servers.map(({ name, addresses }) => ({
    name: plainName(name),
    addresses: addresses.map(({ text }) => text),
  }))
  const lines = hints.servers.flatMap(({ name, addresses }) => [
    `. 3600000 IN NS ${formatName(name)}`,
    ...addresses.map(({ text, family }) => `${formatName(name)} 3600000 IN ${family === 4 ? 'A' : 'AAAA'} ${text}`),
  ])
  return { servers, port, text: `${lines.join('\n')}\n` }
}

class Memory extends Base implements MemoryInternet {
  readonly #settled: Settled
  readonly #network: SimNetwork
  readonly #serverRandom: SimRandom
  readonly #own: MemoryResolver
  /** Resolvers that others can forward to, by address. */
  readonly #resolvers = new Map<string, Host>()
  /** Null when the plan has changed since. */
  #internet: Internet | null = null

  constructor(settled: Settled) {
    super(settled, new QueryLog(settled.clock))
    this.#settled = settled
    const { random, options } = settled
    this.#serverRandom = random.fork('servers')
    this.#network = new SimNetwork({
      clock: this.clock,
      random: random.fork('network'),
      limits: limitsWith(options.limits ?? {}).upstream,
      weather: { ...calm, lossPermille: Math.round((options.loss ?? 0) * 1_000) },
      hostAt: ({ text }) => this.#live().hosts.get(text) ?? this.#resolvers.get(text),
    })
    this.#own = this.#resolver(options)
  }

  get rootHints(): RootHints {
    return hintsFrom(this.#live().hints, simSettings.serverPort)
  }

  resolve(name: string, type?: string, options?: AnswerFormat<'text'>): TestAnswer
  resolve(name: string, type: string | undefined, options: AnswerFormat<'dns-packet'>): TestAnswer<PacketRecord>
  resolve(name: string, type?: string, options?: AnswerFormat): TestAnswer | TestAnswer<PacketRecord> {
    return atCaller(this.resolve, () =>
      formatOf(options) === 'text'
        ? this.#own.query(name, type)
        : this.#own.query(name, type, { format: 'dns-packet' }),
    )
  }

  resolver(options: InternetResolverOptions = {}): MemoryResolver {
    return atCaller(this.resolver, () => {
      knownFields(options, [...engineFields, ...forwardFields], 'the options of a resolver')
      return this.#resolver(options)
    })
  }

  addressesOf(server: string): readonly string[] {
    return atCaller(this.addressesOf, () => this.plan.server(server).addresses)
  }

  stop(): Promise<void> {
    return Promise.resolve()
  }

  protected changed(): void {
    this.#internet = null
  }

  protected zoneAnchors(): ReadonlyMap<Name, TrustAnchor> {
    return this.#live().anchors
  }

  #live(): Internet {
    this.#internet ??= this.#build()
    return this.#internet
  }

  #build(): Internet {
    const internet = buildInternet(
      this.plan.source(),
      this.#serverRandom,
      this.#settled.latencyMs,
      signedBy(() => this.clock.wall(), this.#settled.seed),
    )
    return {
      ...internet,
      hosts: new Map([...internet.hosts].map(([address, host]) => [address, this.log.between(host)])),
    }
  }

  protected override serverNamed(server: string): string {
    return this.#resolvers.get(server)?.server.name ?? super.serverNamed(server)
  }

  #resolver(options: InternetResolverOptions): MemoryResolver {
    const { clock } = this
    const limits = limitsWith(options.limits ?? {})
    // As it was when the resolver was made: keys that change afterwards are what roll-overs are about.
    const validation = validationBy(this.rootAnchors(), limits, options)
    const settings = settingsOf(options)
    const forwardZones = readForwarding(options)
    const number = this.#resolvers.size
    const random = this.#settled.random.fork(`resolver ${number}`)
    const engine = new TestEngine({
      clock,
      random,
      forwardZones: () => forwardZones,
      network: this.#network,
      hints: () => this.#live().hints,
      limits,
      settings: () => settings,
      validation: () => validation,
    })
    const address = resolverAddress(number)
    const host = resolverHost(address, engine, clock, random.fork('as a server'))
    this.#resolvers.set(address, this.log.between(host))
    const ask = <R>(question: Question, recordOf: (rr: Rr) => R): TestAnswer<R> => {
      const state: { answer: TestAnswer<R> | null } = { answer: null }
      engine.ask(question, recordOf, answer => {
        state.answer = answer
      })
      clock.runUntil(() => state.answer !== null)
      if (state.answer !== null) return state.answer
      throw new Error(
        `nothing left to happen while resolving ${formatName(question.name)}: ` +
          `${engine.resolver.questionsInFlight.join(', ')}`,
      )
    }
    function query(name: string, type?: string, options?: AnswerFormat<'text'>): TestAnswer
    function query(
      name: string,
      type: string | undefined,
      options: AnswerFormat<'dns-packet'>,
    ): TestAnswer<PacketRecord>
    function query(name: string, type = 'A', options?: AnswerFormat): TestAnswer | TestAnswer<PacketRecord> {
      const { question, format } = atCaller(query, () => ({
        question: questionOf(name, type),
        format: formatOf(options),
      }))
      return format === 'text' ? ask(question, answeredRecord) : ask(question, packetRecord)
    }
    return { address, query, clearCache: () => engine.forget() }
  }
}

class Sockets extends Base implements SocketInternet {
  readonly rootHints: RootHints
  readonly #loopback: LoopbackInternet
  readonly #own: CachingResolver
  readonly #options: InternetOptions
  /** What `stop` has to end or remove. */
  readonly #open = new Set<() => Promise<void>>()
  #directory: string | null = null

  private constructor(settled: Settled, loopback: LoopbackInternet, log: QueryLog) {
    super(settled, log)
    this.#options = settled.options
    this.#loopback = loopback
    this.rootHints = hintsFrom(loopback.hints, loopback.port)
    this.#own = this.resolver()
  }

  static async open(settled: Settled): Promise<SocketInternet> {
    const { plan, clock, random, seed, latencyMs = 0, options } = settled
    const real = systemClock()
    // Our own resolvers live on the clock of the test, those of others on that of the machine.
    const times = (): { earliest: number; latest: number } => ({
      earliest: Math.min(clock.wall(), real.wall()),
      latest: Math.max(clock.wall(), real.wall()),
    })
    const { port = 0 } = options
    const log = new QueryLog(clock)
    const ports = systemRandom()
    for (let tries = 1; ; tries++) {
      try {
        const loopback = await openLoopbackInternet(plan.source(), real, random.fork('servers'), {
          port,
          ports,
          latencyMs,
          signing: { seed, times },
          between: host => log.between(host),
          // Several internets can have one port when their addresses differ.
          ...(port === 0
            ? {}
            : { network: `127.${simSettings.loopbackNetwork + ports.below(simSettings.loopbackNetworks)}` }),
        })
        return new Sockets(settled, loopback, log)
      } catch (error) {
        if (
          port === 0 ||
          tries >= simSettings.loopbackPortTries ||
          !(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')
        )
          throw error
      }
    }
  }

  get port(): number {
    return this.#loopback.port
  }

  resolve(name: string, type?: string, options?: AnswerFormat<'text'>): Promise<TestAnswer>
  resolve(
    name: string,
    type: string | undefined,
    options: AnswerFormat<'dns-packet'>,
  ): Promise<TestAnswer<PacketRecord>>
  resolve(name: string, type?: string, options?: AnswerFormat): Promise<TestAnswer | TestAnswer<PacketRecord>> {
    const format = atCaller(this.resolve, () => formatOf(options))
    return format === 'text' ? this.#own.query(name, type) : this.#own.query(name, type, { format })
  }

  resolver(options: InternetResolverOptions = {}): CachingResolver {
    const resolver = atCaller(this.resolver, () => {
      knownFields(options, [...engineFields, ...forwardFields], 'the options of a resolver')
      const { anchors, clock, port } = this
      const all = { ...ownEngine(this.#options), ...options, anchors }
      return resolverOver(all, clock, this.#loopback.hints, port, readForwarding(options))
    })
    this.#open.add(() => resolver.stop())
    return resolver
  }

  hintsFile(): string {
    return this.#file('root.hints', this.rootHints.text)
  }

  anchorsFile(): string {
    return this.#file('root.anchors', this.anchors.map(line => `${line}\n`).join(''))
  }

  #file(name: string, text: string): string {
    this.#directory ??= mkdtempSync(join(tmpdir(), 'rootwalk-internet-'))
    const file = join(this.#directory, name)
    writeFileSync(file, text)
    return file
  }

  async startResolver(options: FrontOptions = {}): Promise<RunningResolver> {
    atCaller(this.startResolver, () => knownFields(options, frontFields, 'the options of startResolver'))
    const front = await startFront(
      { ...ownEngine(this.#options), ...options },
      this.clock,
      this.#loopback.hints,
      this.port,
      this.rootAnchors(),
    )
    this.#open.add(() => front.stop())
    return front
  }

  addressesOf(server: string): readonly string[] {
    return atCaller(this.addressesOf, () =>
      this.plan
        .server(server)
        .addresses.filter(address => !address.includes(':'))
        .map(address => this.#loopback.addressOf(address)),
    )
  }

  async stop(): Promise<void> {
    const open = [...this.#open]
    this.#open.clear()
    await Promise.all(open.map(end => end()))
    await this.#loopback.close()
    if (this.#directory !== null) rmSync(this.#directory, { recursive: true, force: true })
    this.#directory = null
  }

  protected changed(): void {
    this.#loopback.become(this.plan.source())
  }

  protected zoneAnchors(): ReadonlyMap<Name, TrustAnchor> {
    return this.#loopback.anchors
  }
}

/** The engine's options among those of the internet; IPv6 is left out of the loopback. */
const ownEngine = ({ minimise, mixCase, validate, limits }: InternetOptions): EngineOptions => ({
  ipv6: false,
  ...(minimise === undefined ? {} : { minimise }),
  ...(mixCase === undefined ? {} : { mixCase }),
  ...(validate === undefined ? {} : { validate }),
  ...(limits === undefined ? {} : { limits }),
})
