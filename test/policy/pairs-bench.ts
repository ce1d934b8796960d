/**
 * A whole server on the virtual clock: datagrams in, replies out, through gates, cookies, limits, finished answers, the
 * chain of policies and the real engine, in front of a simulated internet whose servers fail on the way. For the table
 * of pairs of features.
 */
import { parsePrefix } from '../../src/dns/address.ts'
import { decodeMessage } from '../../src/dns/decode.ts'
import { findOption, readExtendedErrors } from '../../src/dns/edns.ts'
import { EdnsOptionCode, rcodeName, RrType, typeName, typeNumber } from '../../src/dns/types.ts'
import { createEngine, type Engine } from '../../src/engine/engine.ts'
import { defaultLimits } from '../../src/limits.ts'
import type { CookieSettings } from '../../src/policy/cookies/server-cookies.ts'
import type { Program } from '../../src/policy/code/stage.ts'
import type { RuleSet } from '../../src/policy/lists/rule-set.ts'
import type { PolicyRules } from '../../src/policy/rpz/rules.ts'
import { RateLimiter, rateMemory, type RateSettings } from '../../src/policy/limits/rate-limiter.ts'
import type { Dns64 } from '../../src/policy/shaping/dns64.ts'
import { WELL_KNOWN_PREFIX } from '../../src/policy/shaping/nat64.ts'
import { addressRanges, parseRange } from '../../src/policy/shaping/private-addresses.ts'
import type { Rebinding } from '../../src/policy/shaping/rebinding.ts'
import type { ViewShaping } from '../../src/policy/shaping/stages.ts'
import type { Transport } from '../../src/ports.ts'
import { formatRdata } from '../../src/presentation/rdata-text.ts'
import { formatName } from '../../src/presentation/text.ts'
import { Counters } from '../../src/server/counters.ts'
import { WaitingClients } from '../../src/server/pending-queries.ts'
import type { QueryLogEntry } from '../../src/server/query-log.ts'
import { makeServe } from '../../src/server/serve-parts.ts'
import { SimRandom } from '../../src/simulation/random.ts'
import { validationOf } from '../../src/simulation/validation.ts'
import type { World } from '../../src/simulation/world.ts'
import { ForwardZones } from '../../src/zone/forward-zones.ts'
import { makeLocalZones } from '../../src/zone/local-zones.ts'
import { parseUpstream } from '../../src/zone/upstream-text.ts'
import { asked, bytesOf, client, edns, name } from '../server/make.ts'
import { type Mood, staleWorld, type StaleOptions } from '../sim/stale-world.ts'

export const dns64: Dns64 = {
  prefix: WELL_KNOWN_PREFIX,
  clients: null,
  exclude: ['127.0.0.0/8', '::ffff:0:0/96'].flatMap(text => parseRange(text) ?? []),
}
export const rebinding: Rebinding = {
  ranges: addressRanges(parseRange('private') ?? [], WELL_KNOWN_PREFIX),
  allow: [],
}

/** `perSecond` and `burst` of datagrams without a cookie; who is verified has ten times as many. */
export const rate = (burst: number, perSecond = 1, more: Partial<RateSettings> = {}): RateLimiter =>
  new RateLimiter(
    {
      unverified: { perSecond, burst },
      verified: { perSecond: 10 * perSecond, burst: 10 * burst },
      prefix4: 24,
      prefix6: 56,
      exempt: [],
      slip: 2,
      dryRun: false,
      ...more,
    },
    rateMemory(1_024, [1, 2]),
  )

export const cookies: CookieSettings = { keys: [new Uint8Array(16).fill(7)], require: false }

interface ViewOptions {
  readonly clients: string
  /** Whom it asks for `stale.`; absent: it asks as all do, and shares their cache. */
  readonly stub?: string
  /** Absent: as for all. */
  readonly shaping?: ViewShaping
  /** Which lists are for it, by their place. Absent: all. */
  readonly lists?: readonly number[]
}

export interface BenchOptions extends StaleOptions {
  readonly dns64?: Dns64
  readonly rebinding?: Rebinding
  readonly cookies?: CookieSettings
  readonly rate?: RateLimiter
  readonly views?: readonly ViewOptions[]
  readonly lists?: RuleSet
  /** Which lists are for who is in no view, by their place. Absent: all. */
  readonly listsForAll?: readonly number[]
  readonly rpz?: PolicyRules
  readonly code?: readonly Program[]
}

interface Asking {
  readonly from?: string
  readonly transport?: Transport
  readonly dnssec?: boolean
  readonly checkingDisabled?: boolean
  readonly cookie?: Uint8Array
}

/** What a client saw: `NOERROR ad | 60 A 192.0.2.1 | ede 3`; `nothing`. */
export interface Seen {
  readonly said: string
  /** The cookie of the reply. */
  readonly cookie: Uint8Array | null
  /** Who made it, as the query log has it; null: it is not logged. */
  readonly by: string | null
  /** Those that decided, as the query log has them. */
  readonly rules: readonly string[]
  /** Exchanges with servers from the query to the reply. */
  readonly sent: number
}

export interface Bench {
  readonly world: World
  readonly counters: Counters
  mood(mood: Mood, address?: string): void
  ask(name: string, type?: string, asking?: Asking): Promise<Seen>
  /** Other lists, as a reload does it. */
  setLists(set: RuleSet | null): void
  /** Lets what is under way come to an end. */
  rest(): void
}

export function bench(options: BenchOptions): Bench {
  const { views = [], cookies: own = null, rate: limiter } = options
  const { world, mood } = staleWorld(options)
  const local = { current: () => makeLocalZones([], []) }
  const base = { resolver: world.resolver, zones: local, caches: world.caches }
  const engines = views.map(({ stub }) => (stub === undefined ? null : viewEngine(world, stub, options)))
  const counters = new Counters()
  const log: QueryLogEntry[] = []
  let lists = options.lists ?? null
  const serve = makeServe({
    engine: { clock: world.clock, random: { below: () => 0 }, ...base },
    allow: ['0.0.0.0/0', '::/0'].flatMap(text => parsePrefix(text) ?? []),
    views: views.map(({ clients }) => ({
      clients: [parsePrefix(clients)].flatMap(prefix => prefix ?? []),
      listeners: [],
      serverNames: [],
      clientIds: [],
    })),
    served: [
      base,
      ...engines.map(engine =>
        engine === null ? base : { resolver: engine.resolver, zones: local, caches: engine.caches },
      ),
    ],
    cookies: own,
    rate: limiter,
    identity: { version: null, id: null },
    limits: defaultLimits,
    lists: {
      current: () => lists,
      enabled: view => {
        const places = view === 0 ? options.listsForAll : views[view - 1]?.lists
        return places === undefined
          ? null
          : Uint8Array.from(lists?.lists ?? [], (_, at) => (places.includes(at) ? 1 : 0))
      },
    },
    rpz: options.rpz === undefined ? undefined : { rules: () => options.rpz ?? null },
    code:
      options.code === undefined
        ? undefined
        : {
            programs: () => options.code ?? [],
            viewName: () => null,
            now: () => world.clock.wall() * 1_000,
          },
    shaping: {
      settings: { canaries: null, dns64: options.dns64 ?? null, rebinding: options.rebinding ?? null },
      views: views.map(({ shaping }) => shaping ?? null),
      configuredZone: (question, view) =>
        views[view - 1]?.stub !== undefined && formatName(question.name).endsWith('stale.')
          ? name('stale.')
          : (world.forwardZones.closest(question.name)?.zone ?? null),
    },
    waiting: new WaitingClients(defaultLimits.server),
    counters,
    events: event => world.events.push(event),
    queryLog: entry => log.push(entry),
  })

  async function ask(qname: string, type = 'A', asking: Asking = {}): Promise<Seen> {
    const { from = '198.18.0.1', transport = 'udp', dnssec = false, checkingDisabled = false, cookie } = asking
    const opts = cookie === undefined ? [] : [{ code: EdnsOptionCode.COOKIE, data: cookie }]
    const query = bytesOf({
      question: asked(qname, typeNumber(type) ?? RrType.A),
      checkingDisabled,
      authenticData: dnssec,
      edns: edns({ dnssecOk: dnssec, options: opts }),
    })
    const state: { reply: Uint8Array | null } = { reply: null }
    const logged = log.length
    const before = world.exchanges.length
    serve(query, query.length, client(from, transport), (bytes, length) => {
      state.reply = bytes.slice(0, length)
    })
    for (let turn = 0; turn < 3_000 && state.reply === null; turn++) {
      for (let i = 0; i < 40; i++) await Promise.resolve()
      if (state.reply === null) world.advance(10)
    }
    if (state.reply === null) throw new Error(`${qname} ${type} was not answered`)
    const { by = null, decisions = [] } = log[logged] ?? {}
    return { ...read(state.reply), by, rules: decisions.map(({ rule }) => rule), sent: world.exchanges.length - before }
  }

  return {
    world,
    counters,
    mood,
    ask,
    setLists(set) {
      lists = set
      world.caches.answers.newGeneration()
      for (const { caches, resolver } of [base, ...engines.flatMap(engine => engine ?? [])]) {
        caches.failures.clear()
        resolver.shareNoneInFlight()
      }
    },
    rest: () => world.advance('12s'),
  }
}

/** That of a view with a stub zone of its own, over the same internet. */
function viewEngine(world: World, stub: string, { validation }: BenchOptions): Engine {
  const upstream = parseUpstream(stub)
  if ('error' in upstream) throw new Error(upstream.error)
  const zones = new ForwardZones([
    { kind: 'stub', zone: name('stale.'), recurseOnFailure: false, upstreams: [upstream] },
  ])
  const validating = validationOf(world.internet.anchors, world.limits.dnssec, validation)
  return createEngine({
    clock: world.clock,
    random: new SimRandom(2),
    network: world.network,
    limits: world.limits,
    answers: world.caches.answers,
    settings: () => ({
      minimise: 'relaxed',
      mixCase: true,
      ipv4: true,
      ipv6: true,
      upstreamPort: 53,
      doNotQuery: [],
      hardenGlue: true,
    }),
    hints: () => world.internet.hints,
    forwardZones: () => zones,
    validation: () => validating,
  })
}

function read(reply: Uint8Array): Pick<Seen, 'said' | 'cookie'> {
  if (reply.length === 0) return { said: 'nothing', cookie: null }
  const decoded = decodeMessage(reply)
  if (decoded.kind !== 'message') throw new Error(decoded.why)
  const { rcode, truncated, authenticData, answer, edns: opt } = decoded.message
  const records = answer
    .filter(({ type }) => type !== RrType.RRSIG)
    .map(({ ttl, type, rdata }) => `${ttl} ${typeName(type)} ${formatRdata(type, rdata)}`)
  const [error] = opt === null ? [] : readExtendedErrors(opt)
  const flags = `${truncated ? ' TC' : ''}${authenticData ? ' ad' : ''}`
  const parts = [`${rcodeName(rcode)}${flags}`, ...records, ...(error === undefined ? [] : [`ede ${error.code}`])]
  const cookie = opt === null ? undefined : findOption(opt, EdnsOptionCode.COOKIE)?.data
  return { said: parts.join(' | '), cookie: cookie ?? null }
}
