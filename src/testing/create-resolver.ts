/**
 * A caching resolver for tests: the real engine with its own caches, and answers as a test reads them. Not the resolver
 * of the library, which lives on the real clock and has no need to be looked into. Who it asks (a simulated internet at
 * once, or servers on sockets) is a matter of the ports that it is given.
 */
import type { Delegation } from '../cache/delegations.ts'
import { ROOT } from '../dns/name.ts'
import { packetRecord, type PacketRecord } from '../presentation/packet-record.ts'
import { type Limits, limitsWith } from '../limits.ts'
import { createNetwork, type SystemNetwork } from '../net/upstream/network.ts'
import { systemClock, systemRandom } from '../system/system.ts'
import type { EngineSettings, Validation } from '../resolver/env.ts'
import { DNS_PORT } from '../ports.ts'
import { ForwardZones, noForwardZones } from '../zone/forward-zones.ts'
import { parseUpstream } from '../zone/upstream-text.ts'
import { readAnchorLines } from './input/signing.ts'
import { atCaller, mistake } from '../input/mistake.ts'
import { described, foldedName, knownFields, serverOf } from '../input/names.ts'
import { createClock, TestClock, withTimersOf } from './input/clock.ts'
import {
  type AnswerFormat,
  answeredRecord,
  type CachingResolver,
  engineFields,
  formatOf,
  type EngineOptions,
  questionOf,
  type RootHints,
  settingsOf,
  type TestAnswer,
  TestEngine,
  validationBy,
} from './internet/test-engine.ts'

export interface ResolverOptions extends EngineOptions {
  /** One server for all names: `'127.0.0.1:53124'`, or a stub. */
  readonly upstream?: string | { readonly address: string }
  /**
   * Or a server that resolves for it, as with `"forward"` in a configuration: asked with RD=1, and with CD=1 after
   * SERVFAIL where something is validated. An address, a stub, or any form that the setting has (`tls://…`).
   */
  readonly forward?: string | { readonly address: string }
  /** Or a whole internet: `net.rootHints` of one on sockets. */
  readonly roots?: RootHints
  /** Lines of DS or DNSKEY records to validate by: `net.anchors`. */
  readonly anchors?: readonly string[]
  /** Where TTLs count down; default a new clock. Time-outs are real. */
  readonly clock?: TestClock
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
    const fields = ['upstream', 'forward', 'roots', 'anchors', 'clock', ...engineFields]
    knownFields(options, fields, 'the options of createResolver')
    const { upstream, forward, roots, clock = createClock() } = options
    if (!(clock instanceof TestClock)) mistake(`expected clock to be one of createClock(), found ${described(clock)}`)
    if ([upstream, forward, roots].filter(one => one !== undefined).length !== 1)
      mistake(
        'expected one of upstream (one server for all names, like dns.address), forward (one that resolves for it) ' +
          'and roots (net.rootHints)',
      )
    const forwardZones = forward === undefined ? noForwardZones : forwardedTo(forward)
    const { hints, port } =
      upstream !== undefined ? onlyServer(upstream) : roots === undefined ? noServer : hintsOf(roots)
    return resolverOver(options, clock, hints, port, forwardZones)
  })
}

/** The same for who has read what is asked: `options` has neither mistakes nor unknown fields. */
export function resolverOver(
  options: EngineOptions & Pick<ResolverOptions, 'upstream' | 'anchors'>,
  clock: TestClock,
  hints: Delegation,
  upstreamPort: number,
  forwardZones: ForwardZones,
): CachingResolver {
  // Names of one server have no delegations between them, so queries for parts of a name would only clutter the test's
  // query list.
  const isOneServer = options.upstream !== undefined
  const settings = settingsOf(isOneServer ? { minimise: 'off', mixCase: false, ...options } : options, { upstreamPort })
  const limits = limitsWith(options.limits ?? {})
  const validation = validationBy(readAnchorLines(options.anchors), limits, options)
  return new SocketResolver(clock, hints, forwardZones, settings, limits, () => validation)
}

class SocketResolver implements CachingResolver {
  readonly clock: TestClock
  readonly #engine: TestEngine
  readonly #network: SystemNetwork

  constructor(
    clock: TestClock,
    hints: Delegation,
    forwardZones: ForwardZones,
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
      forwardZones: () => forwardZones,
      limits,
      settings: () => settings,
      validation,
    })
  }

  query(name: string, type?: string, options?: AnswerFormat<'text'>): Promise<TestAnswer>
  query(name: string, type: string | undefined, options: AnswerFormat<'dns-packet'>): Promise<TestAnswer<PacketRecord>>
  query(name: string, type = 'A', options?: AnswerFormat): Promise<TestAnswer | TestAnswer<PacketRecord>> {
    try {
      const { question, format } = atCaller(this.query, () => ({
        question: questionOf(name, type),
        format: formatOf(options),
      }))
      return format === 'text'
        ? new Promise(done => this.#engine.ask(question, answeredRecord, done))
        : new Promise(done => this.#engine.ask(question, packetRecord, done))
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

/** All names are forwarded: the root is not asked for. */
const noServer: Hints = {
  port: DNS_PORT,
  hints: { zone: ROOT, servers: [], ds: null, expiresAt: Number.POSITIVE_INFINITY },
}

function forwardedTo(forward: unknown): ForwardZones {
  const text = typeof forward === 'object' && forward !== null && 'address' in forward ? forward.address : forward
  const upstream = typeof text === 'string' ? parseUpstream(text) : mistake(notAServer(forward))
  if ('error' in upstream) mistake(upstream.error)
  return new ForwardZones([{ kind: 'forward', zone: ROOT, upstreams: [upstream], recurseOnFailure: false }])
}

const notAServer = (forward: unknown): string =>
  `expected forward to be a server such as "127.0.0.1:5353", or a stub, found ${described(forward)}`

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
