/** The engine's door: one class that resolves questions, primes the root and says how much is in flight. */
import type { Caches } from '../cache/caches.ts'
import type { Delegation } from '../cache/delegations.ts'
import { questionKey, type Question } from '../dns/message.ts'
import type { Name } from '../dns/name.ts'
import type { Owner } from '../fairness/owner.ts'
import { ShareTree } from '../fairness/share-tree.ts'
import { formatName } from '../presentation/text.ts'
import type { Limits } from '../limits.ts'
import type { Cancel, Clock, EventSink, Network, Random, SharedCache } from '../ports.ts'
import type { Outcome } from '../steps.ts'
import type { ForwardZones } from '../zone/forward-zones.ts'
import type { LocalZones } from '../zone/local-zones.ts'
import { nothingValidated, zoneCut, type EngineSettings, type Env, type Validation, type ZoneCut } from './env.ts'
import type { NotYet } from './running/not-yet.ts'
import { failure } from './outcome.ts'
import { handOn, type HandedOn, type HandOn } from './asking/hand-on.ts'
import { probeEncryption } from './asking/encryption.ts'
import { UpstreamAddresses } from './asking/upstream-addresses.ts'
import { ADDRESS_TYPES, keepUpstreamAddresses, upstreamQuestion } from './asking/upstreams.ts'
import { UsableServers } from './asking/usable-servers.ts'
import { ClientCookies } from './asking/cookies.ts'
import { ZoneRates } from './asking/zone-rates.ts'
import { Interception } from './interception.ts'
import { LoopProbes } from './loop-probes.ts'
import { prime, primingQuestion, type Primed } from './prime.ts'
import { resolve, resolveFromMemory } from './resolve.ts'
import { type ResolveOptions, Scheduler } from './running/scheduler.ts'
import { StaleAnswers, type StaleCounts } from './stale/stale-answers.ts'
import type { TraceSink } from './trace.ts'

export interface ResolverParts {
  readonly clock: Clock
  readonly random: Random
  readonly network: Network
  readonly limits: Limits
  readonly caches: Caches
  readonly localZones: () => LocalZones
  readonly forwardZones: () => ForwardZones
  readonly hints: () => Delegation
  readonly settings: () => EngineSettings
  /** Absent: nothing is validated. */
  readonly validation?: (() => Validation) | undefined
  /** Absent: there are no other instances. */
  readonly shared?: SharedCache | undefined
  readonly events: EventSink
}

export interface QueryOptions extends ResolveOptions {
  /** RD: false means that only local zones and the cache answer. */
  readonly recursionDesired: boolean
}

/** The part of the resolver that those need who only ask. */
export type Resolves = Pick<Resolver, 'resolve'>

export class Resolver {
  readonly #parts: ResolverParts
  readonly #env: Env
  readonly #scheduler: Scheduler
  readonly #probes: LoopProbes
  /** Null: nothing is kept for longer than its TTL. */
  readonly #stale: StaleAnswers | null
  #primed: Delegation | null = null
  #priming = false
  readonly #prefetching = new ShareTree<string>()
  /** Until when what failed is not prefetched again, ms on the monotonic clock; the oldest is first. */
  readonly #prefetchPauses = new Map<string, number>()
  #primeAgainAt = 0

  constructor(parts: ResolverParts) {
    this.#parts = parts
    const { clock, random, limits, caches, localZones, forwardZones, settings, events } = parts
    const nothing = nothingValidated(limits.dnssec)
    const validation = parts.validation ?? (() => nothing)
    this.#env = {
      clock,
      random,
      limits,
      caches,
      localZones,
      forwardZones,
      settings,
      validation,
      events,
      shared: parts.shared,
      usableServers: new UsableServers(),
      upstreamAddresses: new UpstreamAddresses(limits.upstream),
      refreshUpstream: name => this.#refreshUpstream(name),
      probeEncryption: (server, question) => {
        const task = this.#scheduler.task(question, { because: 'server-address' })
        this.#scheduler.run(task, probeEncryption(this.#env, server, question), () => {})
      },
      interception: new Interception(limits.engine),
      zoneRates: new ZoneRates(limits.engine),
      clientCookies: new ClientCookies(random, limits.upstream),
      suspectLoop: () => this.#probes.suspect(),
      root: () => this.#root(),
    }
    this.#probes = new LoopProbes(this.#env, ({ question }, steps, done) => {
      this.#scheduler.run(this.#scheduler.task(question, { because: 'upstream-address' }), steps, done)
    })
    this.#scheduler = new Scheduler(this.#env, parts.network, task => resolve(this.#env, task))
    this.#stale =
      limits.cache.staleMs === 0
        ? null
        : new StaleAnswers({
            env: this.#env,
            task: (question, options) => this.#scheduler.task(question, options),
            resolve: (question, options, done) => this.#scheduler.resolve(question, options, done),
          })
  }

  /** Of answers whose TTL was over; null when none are given. */
  get staleCounts(): StaleCounts | null {
    return this.#stale?.counts ?? null
  }

  get inFlight(): number {
    return this.#scheduler.inFlight
  }

  get questionsInFlight(): readonly string[] {
    return this.#scheduler.questionsInFlight
  }

  /** `done` is called once, before this returns when no query was needed. */
  resolve(question: Question, options: QueryOptions, done: (outcome: Outcome) => void): Cancel {
    const { because, trace, checkingDisabled, owner } = options
    if (options.recursionDesired) {
      const way = because === 'client' && this.#stale !== null ? this.#stale : this.#scheduler
      return way.resolve(question, { because, trace, checkingDisabled, owner }, done)
    }
    const outcome = resolveFromMemory(this.#env, this.#scheduler.task(question, options))
    done(outcome ?? failure('not-recursive', 'recursion is not desired and there is nothing local or cached'))
    return () => {}
  }

  /** Puts a question of somebody else to these servers, as it came; `done` is called once. */
  handOn(what: HandOn, done: (handed: HandedOn) => void): Cancel {
    const task = this.#scheduler.task(what.question, { because: 'client' })
    return this.#scheduler.run(task, handOn(this.#env, task, what), handed => {
      done(handed ?? { error: 'internal error' })
    })
  }

  /** Who asks from now on shares no resolution with who asked before. */
  shareNoneInFlight(): void {
    this.#scheduler.shareNoneInFlight()
  }

  /** Why a question of a client has no answer yet; null when it is not being resolved. */
  notYet(question: Question, checkingDisabled: boolean): NotYet | null {
    return this.#scheduler.notYet(question, checkingDisabled)
  }

  /**
   * Resolves a popular question again shortly before its answer expires, so that no client waits for it; the finished
   * answer is then made again from what came. This is optional work, for `owner`, who asked last: when much is in
   * flight it is left to the next client, and who has most of it makes room for others. What failed is left alone for a
   * while.
   */
  prefetch(question: Question, owner: Owner): void {
    const { caches, clock, limits } = this.#parts
    const key = questionKey(question)
    if ((this.#prefetchPauses.get(key) ?? 0) > clock.now()) return
    const { size } = this.#prefetching
    const giving = size >= limits.engine.prefetchesInFlight ? this.#prefetching.toGive(owner) : undefined
    if (giving?.own === true) return
    // It goes on, at the expense of its owner, and only makes room here.
    if (giving !== undefined) this.#prefetching.delete(giving.place)
    const place = this.#prefetching.add(owner, key)
    this.#scheduler.resolve(question, { because: 'prefetch', owner }, outcome => {
      this.#prefetching.delete(place)
      if (outcome.kind === 'failure') this.#pausePrefetch(key)
      else {
        this.#prefetchPauses.delete(key)
        caches.answers.remove(key)
      }
    })
  }

  #pausePrefetch(key: string): void {
    const { clock, limits } = this.#parts
    const { prefetchPauseMs, prefetchPauses } = limits.engine
    this.#prefetchPauses.delete(key)
    this.#prefetchPauses.set(key, clock.now() + prefetchPauseMs)
    const [oldest] = this.#prefetchPauses.keys()
    if (oldest !== undefined && this.#prefetchPauses.size > prefetchPauses) this.#prefetchPauses.delete(oldest)
  }

  /** Other anchors or rules: what was judged by the old ones is forgotten. Delegations and server statistics stay. */
  validationChanged(): void {
    const { rrsets, negatives, failures, answers, zoneStates, denials } = this.#parts.caches
    for (const store of [rrsets, negatives, failures, answers, zoneStates, denials]) store.clear()
    this.#stale?.clear()
  }

  /** Asks the hints for the current root servers; failing is no reason to stop, the hints go on serving. */
  prime(done: (primed: Primed) => void, trace?: TraceSink): void {
    if (this.#priming) return
    this.#priming = true
    const { clock, events, hints, limits } = this.#parts
    const task = this.#scheduler.task(primingQuestion, { because: 'priming', trace })
    this.#scheduler.run(task, prime(this.#env, task, hints()), result => {
      this.#priming = false
      const primed: Primed = result ?? { kind: 'failed', reason: 'internal error' }
      if (primed.kind === 'primed') {
        this.#primed = primed.root
        events({ kind: 'primed', servers: primed.root.servers.length })
        if (primed.unproven.length > 0)
          events({ kind: 'root-addresses-unproven', servers: primed.unproven.map(formatName), reason: primed.reason })
      } else {
        this.#primeAgainAt = clock.now() + limits.engine.primingRetryMs
        events({ kind: 'priming-failed', reason: primed.reason })
      }
      done(primed)
    })
  }

  /** Looks whether what is forwarded comes back. */
  probeForwarders(): void {
    this.#probes.start()
  }

  /** Has one of these probes come back? Asked for each query that is not answered from the cache of answers. */
  readonly cameBack = (name: Name): boolean => this.#probes.cameBack(name)

  /** Next to everything else; what is known stays until it ends well. */
  #refreshUpstream(name: Name): void {
    const outcomes: Outcome[] = []
    for (const type of ADDRESS_TYPES)
      this.#scheduler.resolve(upstreamQuestion(name, type), { because: 'upstream-address' }, outcome => {
        outcomes.push(outcome)
        if (outcomes.length === ADDRESS_TYPES.length) keepUpstreamAddresses(this.#env, name, outcomes)
      })
  }

  /** Forgets the primed root (the hints changed). */
  unprime(): void {
    this.#primed = null
    this.#primeAgainAt = 0
  }

  /**
   * The primed root servers while their TTL lasts. When it ends priming starts again and the old set serves meanwhile.
   */
  #root(): ZoneCut {
    const primed = this.#primed
    const now = this.#parts.clock.now()
    if (primed !== null && primed.expiresAt <= now && now >= this.#primeAgainAt) this.prime(() => {})
    // The root has no parent whose clock could end it.
    return zoneCut(
      { ...(primed ?? this.#parts.hints()), expiresAt: Number.POSITIVE_INFINITY },
      primed === null ? 'hints' : 'priming',
    )
  }
}
