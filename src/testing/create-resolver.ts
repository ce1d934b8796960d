/**
 * A caching resolver for tests: the real engine with caches of its own, and answers as a test reads them. Not the
 * resolver of the library, which lives on the real clock and has no need to be looked into. Who it asks (a simulated
 * internet at once, or servers on sockets) is a matter of the ports that it is given.
 */
import { createCaches, type Caches } from '../cache/caches.ts'
import type { Delegation } from '../cache/delegations.ts'
import type { Question } from '../dns/message.ts'
import { foldName, ROOT } from '../dns/name.ts'
import { formatRdata } from '../presentation/rdata-text.ts'
import { type Rr, recordsOf } from '../dns/rrset.ts'
import { className, edeName, RrClass, typeName } from '../dns/types.ts'
import type { TrustAnchor } from '../dnssec/trust-anchors.ts'
import { type LimitChanges, type Limits, limitsWith } from '../limits.ts'
import { createNetwork, type SystemNetwork } from '../net/upstream/network.ts'
import { systemClock, systemRandom } from '../system/system.ts'
import { type Clock, DNS_PORT, type Network, type Random } from '../ports.ts'
import type { EngineSettings, Validation } from '../resolver/env.ts'
import { Resolver } from '../resolver/resolver.ts'
import type { TraceStep } from '../resolver/trace.ts'
import type { Outcome } from '../steps.ts'
import { makeLocalZones } from '../zone/local-zones.ts'
import { readAnchorLines } from './input/signing.ts'
import { validationOf } from '../simulation/validation.ts'
import { atCaller, mistake } from './input/mistake.ts'
import { described, foldedName, knownFields, plainName, serverOf, typeOf, wireName } from './input/names.ts'
import { createClock, TestClock, withTimersOf } from './input/clock.ts'
import { traceText } from '../render/trace-lines.ts'

export interface AnsweredRecord {
  /** Lower case, without trailing dot. */
  readonly name: string
  readonly type: string
  readonly class: string
  /** Seconds that are left. */
  readonly ttl: number
  /** As in a zone file, where names end in a dot: `192.0.2.1`, `10 mail.example.com.`. */
  readonly data: string
}

export interface TestAnswer {
  readonly rcode: 'NOERROR' | 'NXDOMAIN' | 'SERVFAIL'
  /** Aliases that led to the data first. Empty when there is no such data. */
  readonly answers: readonly AnsweredRecord[]
  /** Of a denial: its TTL is how long that may be remembered. */
  readonly soa: AnsweredRecord | null
  /** RFC 4035 section 4.3; `indeterminate` when nothing is validated or nobody knows. */
  readonly security: 'secure' | 'insecure' | 'indeterminate' | 'bogus'
  /** Why there is no answer; null unless `rcode` is SERVFAIL. `code` and `name` are those of RFC 8914. */
  readonly error: { readonly code: number; readonly name: string; readonly text: string } | null
  /** Nobody was asked. */
  readonly fromCache: boolean
  /** Milliseconds of the resolver's clock. */
  readonly tookMs: number
  /** What was asked, what came, what was decided: a line each. */
  readonly trace: string
}

export interface EngineOptions {
  /** QNAME minimisation (RFC 9156). */
  readonly minimise?: EngineSettings['minimise']
  /** Random letter case in questions (0x20). */
  readonly mixCase?: boolean
  readonly ipv6?: boolean
  /** False: signatures are nothing to it (default true, which means something when there are trust anchors). */
  readonly validate?: boolean
  /** Other bounds than those of the product, such as `{ cache: { maxTtl: 10 } }`. */
  readonly limits?: LimitChanges
}

export const engineFields = ['minimise', 'mixCase', 'ipv6', 'validate', 'limits'] as const

/** How simulations resolve unless told otherwise: as the product does. */
const usual: EngineSettings = {
  minimise: 'relaxed',
  mixCase: true,
  ipv4: true,
  ipv6: true,
  upstreamPort: DNS_PORT,
  doNotQuery: [],
  hardenGlue: true,
}

export interface EngineParts {
  readonly clock: Clock
  readonly random: Random
  readonly network: Network
  readonly hints: () => Delegation
  readonly limits: Limits
  readonly settings: EngineSettings
  /** Absent: nothing is validated. */
  readonly validation?: (() => Validation) | undefined
}

/** One engine with its caches. */
export class TestEngine {
  readonly caches: Caches
  readonly resolver: Resolver
  readonly #clock: Clock

  constructor(parts: EngineParts) {
    const { limits } = parts
    const none = makeLocalZones([], [])
    this.#clock = parts.clock
    this.caches = createCaches(limits.cache, limits.upstream)
    this.resolver = new Resolver({ ...parts, caches: this.caches, localZones: () => none, events: () => {} })
  }

  /** Caches, what is known of servers, the primed root: all as new. */
  forget(): void {
    this.caches.clear()
    this.resolver.unprime()
  }

  ask(question: Question, done: (answer: TestAnswer) => void): void {
    const clock = this.#clock
    const startedAt = clock.now()
    const steps: TraceStep[] = []
    this.resolver.resolve(
      question,
      { recursionDesired: true, because: 'client', trace: step => steps.push(step) },
      outcome => {
        done(answerOf(outcome, steps, startedAt, clock.now() - startedAt))
      },
    )
  }
}

export function settingsOf(options: EngineOptions, changes: Partial<EngineSettings> = {}): EngineSettings {
  const { minimise = usual.minimise, mixCase = usual.mixCase, ipv6 = usual.ipv6 } = options
  if (!['off', 'relaxed', 'strict'].includes(minimise))
    mistake(`expected minimise to be off, relaxed or strict, found ${described(minimise)}`)
  return { ...usual, minimise, mixCase, ipv6, ...changes }
}

/** By these anchors, unless a test does not want it. */
export function validationBy(
  anchors: readonly TrustAnchor[],
  limits: Limits,
  { validate = true }: EngineOptions,
): Validation {
  if (typeof validate !== 'boolean') mistake(`expected validate to be true or false, found ${described(validate)}`)
  return validationOf(new Map(), limits.dnssec, { anchors, ...(validate ? {} : { validate: false }) })
}

/** Reads what a test asks. */
export function questionOf(name: unknown, type: unknown): Question {
  return { name: foldName(wireName(name)), type: typeOf(type), class: RrClass.IN }
}

function answerOf(outcome: Outcome, steps: readonly TraceStep[], startedAt: number, tookMs: number): TestAnswer {
  const answers = outcome.rrsets.flatMap(rrset => recordsOf(rrset)).map(answeredRecord)
  const soa = outcome.kind === 'nodata' || outcome.kind === 'nxdomain' ? outcome.soa : null
  return {
    rcode: outcome.kind === 'failure' ? 'SERVFAIL' : outcome.kind === 'nxdomain' ? 'NXDOMAIN' : 'NOERROR',
    answers,
    security: outcome.kind !== 'failure' ? outcome.security.kind : outcome.why === 'bogus' ? 'bogus' : 'indeterminate',
    soa: soa === null ? null : (recordsOf(soa).map(answeredRecord)[0] ?? null),
    error: outcome.kind === 'failure' ? { code: outcome.ede, name: edeName(outcome.ede), text: outcome.text } : null,
    fromCache: outcome.kind !== 'failure' && !steps.some(step => step.kind === 'exchange'),
    tookMs,
    // Made when somebody reads it: most answers are looked at, few walks are.
    get trace() {
      return traceText(steps, startedAt)
    },
  }
}

export const answeredRecord = (rr: Rr): AnsweredRecord => ({
  name: plainName(rr.owner),
  type: typeName(rr.type),
  class: className(rr.class),
  ttl: rr.ttl,
  data: formatRdata(rr.type, rr.rdata),
})

/** Servers of the root, as text for a hints file too. */
export interface RootHints {
  readonly servers: readonly { readonly name: string; readonly addresses: readonly string[] }[]
  /** The port of all servers of this internet. */
  readonly port: number
  /** A hints file (it has no place for a port). */
  readonly text: string
}

export interface ResolverOptions extends EngineOptions {
  /** One server for all names: `'127.0.0.1:53124'`, or a stub. */
  readonly upstream?: string | { readonly address: string }
  /** Or a whole internet: `net.rootHints` of one on sockets. */
  readonly roots?: RootHints
  /** Lines of DS or DNSKEY records to validate by: `net.anchors`. */
  readonly anchors?: readonly string[]
  /** Where TTLs count down; default a clock of its own. Time-outs are real. */
  readonly clock?: TestClock
}

/** A caching resolver in front of servers on sockets. */
export interface CachingResolver extends AsyncDisposable {
  readonly clock: TestClock
  /** Rejects with a TypeError for a name or type that cannot be; whatever the DNS says is an answer. */
  query(name: string, type?: string): Promise<TestAnswer>
  /** Forgets everything. */
  clearCache(): void
  stop(): Promise<void>
}

/**
 * A caching resolver whose cache is in a test's hands: in front of a stub (`upstream`), or of an internet on sockets
 * (`roots`). It asks the servers over real sockets, and its TTLs count down on `clock` alone.
 *
 * Not a forwarder: with `upstream` that server is taken for the only one of the root, authoritative for every name. It
 * is asked with RD=0 for exactly the names queried (no minimisation), aliases that it does not follow are asked for one
 * by one, and a reply without AA counts only when it has RA. A denial without SOA is not remembered (RFC 2308 section
 * 5): a stub has one when its zone has.
 */
export function createResolver(options: ResolverOptions): CachingResolver {
  return atCaller(createResolver, () => {
    knownFields(options, ['upstream', 'roots', 'anchors', 'clock', ...engineFields], 'the options of createResolver')
    const { upstream, roots, clock = createClock() } = options
    if (!(clock instanceof TestClock)) mistake(`expected clock to be one of createClock(), found ${described(clock)}`)
    if ((upstream === undefined) === (roots === undefined))
      mistake('expected either upstream (one server for all names, like dns.address) or roots (net.rootHints)')
    const { hints, port } = roots === undefined ? onlyServer(upstream) : hintsOf(roots)
    // Nobody delegates within one server's names, so asking for parts of a name would only show as queries of the test.
    const settings = settingsOf(upstream === undefined ? options : { minimise: 'off', mixCase: false, ...options }, {
      upstreamPort: port,
    })
    const limits = limitsWith(options.limits ?? {})
    const validation = validationBy(readAnchorLines(options.anchors), limits, options)
    return new SocketResolver(clock, hints, settings, limits, () => validation)
  })
}

class SocketResolver implements CachingResolver {
  readonly clock: TestClock
  readonly #engine: TestEngine
  readonly #network: SystemNetwork

  constructor(
    clock: TestClock,
    hints: Delegation,
    settings: EngineSettings,
    limits: Limits,
    validation: () => Validation,
  ) {
    this.clock = clock
    const real = systemClock()
    const random = systemRandom()
    this.#network = createNetwork({ clock: real, random, limits, events: () => {} })
    this.#engine = new TestEngine({
      clock: withTimersOf(clock, real),
      random,
      network: this.#network,
      hints: () => hints,
      limits,
      settings,
      validation,
    })
  }

  query(name: string, type = 'A'): Promise<TestAnswer> {
    try {
      const question = atCaller(this.query, () => questionOf(name, type))
      return new Promise(done => this.#engine.ask(question, done))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  clearCache(): void {
    this.#engine.forget()
  }

  stop(): Promise<void> {
    this.#network.close()
    return Promise.resolve()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }
}

interface Hints {
  readonly hints: Delegation
  readonly port: number
}

function onlyServer(upstream: unknown): Hints {
  const address =
    typeof upstream === 'object' && upstream !== null && 'address' in upstream ? upstream.address : upstream
  const { ip, port } = serverOf(address)
  return {
    port,
    hints: {
      zone: ROOT,
      servers: [{ name: foldedName('the-only-server'), addresses: [ip] }],
      ds: null,
      expiresAt: Number.POSITIVE_INFINITY,
    },
  }
}

function hintsOf(roots: RootHints): Hints {
  if (typeof roots !== 'object' || roots === null || !('servers' in roots && 'port' in roots))
    mistake(`expected roots to be net.rootHints, found ${described(roots)}`)
  const servers = roots.servers.map(({ name, addresses }) => ({
    name: foldedName(name),
    addresses: addresses.map(address => serverOf(address).ip),
  }))
  return { port: roots.port, hints: { zone: ROOT, servers, ds: null, expiresAt: Number.POSITIVE_INFINITY } }
}
