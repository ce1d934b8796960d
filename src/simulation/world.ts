/**
 * A whole internet behind synchronous calls: `simulate(...)` puts the real engine on a virtual clock, a seeded network
 * and simulated servers; `world.resolve(name, type)` pops events until the outcome is there. When nothing is left to
 * happen before that, it throws: somebody waits for a wake-up that was lost. There is no fake timer and no promise in
 * it.
 *
 * Invariant: equal options and equal calls give equal traces, octet for octet.
 */
import type { ZoneTtl } from '../cache/ttl.ts'
import type { Caches } from '../cache/caches.ts'
import type { Event } from '../events.ts'
import { type LimitChanges, type Limits, limitsWith } from '../limits.ts'
import type { Delegation } from '../cache/delegations.ts'
import { ownerOf } from '../fairness/owner.ts'
import type { Outcome } from '../steps.ts'
import type { EngineSettings } from '../resolver/env.ts'
import { createEngine, type Engine } from '../engine/engine.ts'
import type { Resolver } from '../resolver/resolver.ts'
import type { TraceStep } from '../resolver/trace.ts'
import type { Question } from '../dns/message.ts'
import { formatName } from '../presentation/text.ts'
import { ForwardZones, type ForwardZone } from '../zone/forward-zones.ts'
import { type LocalZones, makeLocalZones } from '../zone/local-zones.ts'
import { builtInZones } from '../zone/special-use.ts'
import { parseUpstream } from '../zone/upstream-text.ts'
import { buildInternet, type Internet, type InternetSource, readZone, signedBy } from './internet.ts'
import { SimForwarder, type ForwarderSource } from './forwarder.ts'
import { ip, nameOf, question } from './records.ts'
import { parseDuration, SimClock } from './clock.ts'
import { calm, type Host, type SimExchange, SimNetwork, type SimTls, type Weather } from './network.ts'
import { SimRandom } from './random.ts'
import { simSettings } from './settings.ts'
import { type SimValidation, validationOf } from './validation.ts'
import { traceText } from '../render/trace-lines.ts'

export interface WorldOptions extends InternetSource {
  /** Equal seeds give equal worlds. Default 1. */
  readonly seed?: number
  /** Share of datagrams lost each way, 0 to 1. */
  readonly loss?: number
  /** Share of replies that arrive twice, 0 to 1. */
  readonly duplicates?: number
  /** Largest addition to a round trip, as a share of it: 0.2 is 20 %. */
  readonly jitter?: number
  /** Round trip of servers that say nothing about it: a duration such as `20ms`. */
  readonly delay?: string | number
  readonly unrouted?: Weather['unrouted']
  readonly deadFamilies?: readonly (4 | 6)[]
  readonly limits?: LimitChanges
  /** Bounds of TTLs for single zones. */
  readonly ttls?: readonly ZoneTtl[]
  readonly settings?: Partial<EngineSettings>
  /** Zones that the resolver holds itself, as master-file text with absolute names. */
  readonly localZones?: readonly { readonly origin: string; readonly text: string }[]
  /** Resolvers that can be forwarded to: each has the same internet in front of it. */
  readonly forwarders?: readonly ForwarderSource[]
  /** What servers do at the port of TLS, by address; without an entry it is closed. */
  readonly tls?: Readonly<Record<string, SimTls>>
  /** Zones that are forwarded, and stub zones. */
  readonly forward?: readonly ConfiguredSource[]
  readonly stub?: readonly ConfiguredSource[]
  /** Are special-use names answered here? Default false. */
  readonly specialUse?: boolean
  /** Instead of the root zone's own servers. */
  readonly hints?: Delegation
  /**
   * What is validated, and against what. A world with a signed root validates by its keys unless this says otherwise;
   * any other does not.
   */
  readonly validation?: SimValidation
}

/** As in a configuration file. */
interface ConfiguredSource {
  readonly zone: string
  readonly to: readonly string[]
  readonly recurseOnFailure?: boolean
}

export interface QueryFlags {
  /** RD, default true. */
  readonly recursionDesired?: boolean
  /** CD, default false. */
  readonly checkingDisabled?: boolean
  /** Address of the client. Default: the resolver asks for itself. */
  readonly client?: string
}

/** A resolution that was started and not waited for. */
export interface Started {
  readonly outcome: Outcome | null
  cancel(): void
}

const worldSettings: EngineSettings = {
  minimise: 'relaxed',
  mixCase: true,
  ipv4: true,
  ipv6: true,
  upstreamPort: simSettings.serverPort,
  doNotQuery: [],
  hardenGlue: true,
}

function forwardZonesOf({ forward = [], stub = [] }: Pick<WorldOptions, 'forward' | 'stub'>): ForwardZones {
  const read = (kind: 'forward' | 'stub', { zone, to, recurseOnFailure = false }: ConfiguredSource): ForwardZone => ({
    kind,
    zone: nameOf(zone),
    recurseOnFailure,
    upstreams: to.map(text => {
      const upstream = parseUpstream(text)
      if ('error' in upstream) throw new Error(upstream.error)
      return upstream
    }),
  })
  return new ForwardZones([...forward.map(one => read('forward', one)), ...stub.map(one => read('stub', one))])
}

export function simulate(options: WorldOptions): World {
  return new World(options)
}

export class World {
  readonly clock: SimClock
  readonly network: SimNetwork
  readonly resolver: Resolver
  readonly caches: Caches
  readonly limits: Limits
  readonly internet: Internet
  /** Events of the resolutions of this world, in order. */
  readonly trace: TraceStep[] = []
  readonly events: Event[] = []
  /** Exchanges that ended, in the order in which they ended. */
  readonly exchanges: SimExchange[] = []
  /** May be changed on the way. */
  readonly tls: Map<string, SimTls>
  forwardZones: ForwardZones
  readonly #engine: Engine

  constructor(options: WorldOptions) {
    const random = new SimRandom(options.seed ?? 1)
    this.clock = new SimClock()
    this.limits = limitsWith(options.limits ?? {})
    const latencyMs = parseDuration(options.delay ?? simSettings.latencyMs)
    this.internet = buildInternet(
      options,
      random.fork('servers'),
      latencyMs,
      signedBy(() => this.clock.wall()),
    )
    const hosts = new Map([
      ...this.internet.hosts,
      ...(options.forwarders ?? []).flatMap(source => this.#forwarderHosts(source, options, random, latencyMs)),
    ])
    const permille = (share: number | undefined): number => Math.round((share ?? 0) * 1_000)
    const weather: Weather = {
      lossPermille: permille(options.loss),
      duplicatePermille: permille(options.duplicates),
      jitterPermille: permille(options.jitter),
      unrouted: options.unrouted ?? calm.unrouted,
      deadFamilies: options.deadFamilies ?? [],
    }
    this.tls = new Map(Object.entries(options.tls ?? {}))
    this.network = new SimNetwork({
      clock: this.clock,
      random: random.fork('network'),
      limits: this.limits.upstream,
      weather,
      tlsAt: address => this.tls.get(address.text),
      hostAt: address => hosts.get(address.text),
      onExchange: exchange => this.exchanges.push(exchange),
    })
    const localZones = makeLocalZones(
      (options.localZones ?? []).map(zone => readZone({ ...zone, at: [] })),
      options.specialUse === true ? builtInZones([]) : [],
    )
    const hints = options.hints ?? this.internet.hints
    const validation = validationOf(this.internet.anchors, this.limits.dnssec, options.validation)
    const settings: EngineSettings = { ...worldSettings, ...options.settings }
    this.forwardZones = forwardZonesOf(options)
    const engine = createEngine({
      clock: this.clock,
      random: random.fork('resolver'),
      network: this.network,
      limits: this.limits,
      ttls: options.ttls,
      localZones: (): LocalZones => localZones,
      hints: () => hints,
      forwardZones: () => this.forwardZones,
      settings: () => settings,
      validation: () => validation,
      events: event => this.events.push(event),
    })
    this.#engine = engine
    this.caches = engine.caches
    this.resolver = engine.resolver
  }

  /** Other forward and stub zones from now on, as after a reload. */
  reconfigure(options: Pick<WorldOptions, 'forward' | 'stub'>): void {
    this.forwardZones = forwardZonesOf(options)
    this.#engine.forwardZonesChanged()
  }

  /** A resolver with an engine of its own, whose clock follows this one. It is made when it is first asked. */
  #forwarderHosts(
    source: ForwarderSource,
    { zones, servers, keys, seed, specialUse }: WorldOptions,
    random: SimRandom,
    latencyMs: number,
  ): readonly (readonly [string, Host])[] {
    let inner: World | undefined
    const { validates, localZones } = source
    const resolve = (asked: Question, checkingDisabled: boolean): Outcome => {
      inner ??= new World({
        zones,
        ...(servers === undefined ? {} : { servers }),
        ...(keys === undefined ? {} : { keys }),
        ...(seed === undefined ? {} : { seed }),
        ...(specialUse === undefined ? {} : { specialUse }),
        ...(validates === undefined ? {} : { validation: { validate: validates } }),
        ...(localZones === undefined ? {} : { localZones }),
      })
      inner.advance(Math.max(0, this.clock.now() - inner.clock.now()))
      return inner.resolve(formatName(asked.name), asked.type, { checkingDisabled })
    }
    const server = new SimForwarder(source, resolve, random.fork(`forwarder ${source.at.join(' ')}`))
    return source.at.map(text => [ip(text).text, { ip: ip(text), latencyMs: source.latencyMs ?? latencyMs, server }])
  }

  /** Resolves and returns the outcome. Time goes on as far as it takes. */
  resolve(name: string, type: string | number = 'A', options: QueryFlags = {}): Outcome {
    const started = this.start(name, type, options)
    this.#until(() => started.outcome !== null, `resolving ${name} ${type}`)
    if (started.outcome === null) throw new Error('unreachable: the condition of the run has just been true')
    return started.outcome
  }

  /** Begins a resolution; time stands still until `run`, `advance` or `resolve`. */
  start(name: string, type: string | number = 'A', options: QueryFlags = {}): Started {
    const state: { outcome: Outcome | null } = { outcome: null }
    let calls = 0
    const cancel = this.resolver.resolve(
      question(name, type),
      {
        recursionDesired: options.recursionDesired ?? true,
        checkingDisabled: options.checkingDisabled ?? false,
        because: 'client',
        ...(options.client === undefined ? {} : { owner: ownerOf(ip(options.client)) }),
        trace: step => this.trace.push(step),
      },
      outcome => {
        if (++calls > 1) throw new Error(`${name} ${type} was answered ${calls} times`)
        state.outcome = outcome
      },
    )
    return {
      get outcome() {
        return state.outcome
      },
      cancel,
    }
  }

  /** Lets everything happen that is going to happen. Throws when something is still in flight then. */
  run(): void {
    this.#until(() => this.resolver.inFlight === 0 && this.network.inFlight === 0, 'coming to rest')
  }

  /** Asks the root's servers who they are, as a resolver does when it starts. */
  prime(): boolean {
    const state: { primed: boolean | null } = { primed: null }
    this.resolver.prime(
      primed => {
        state.primed = primed.kind === 'primed'
      },
      step => this.trace.push(step),
    )
    this.#until(() => state.primed !== null, 'priming')
    return state.primed === true
  }

  /** Lets time pass: `'59s'`, `'1h30m'` or milliseconds. */
  advance(duration: string | number): void {
    this.clock.advance(parseDuration(duration))
  }

  /** The exchanges with one address, ended ones only. */
  exchangesTo(address: string): readonly SimExchange[] {
    const { text } = ip(address)
    return this.exchanges.filter(exchange => exchange.server.ip.text === text)
  }

  /** The trace as text, one line a step. */
  traceText(): string {
    return traceText(this.trace, simSettings.clockStartMs)
  }

  /** What is due at the moment of the end still happens: a turn of the loop ends after what was done in it. */
  #until(done: () => boolean, what: string): void {
    if (this.clock.runUntil(done)) {
      this.clock.settle()
      return
    }
    const open = this.resolver.questionsInFlight.join(', ')
    throw new Error(
      `nothing left to happen while ${what}; in flight: ${open === '' ? 'nothing' : open}\n${this.traceText()}`,
    )
  }
}
