/**
 * `createDnsStub`: a DNS server for a test, and the object through which the test speaks with it. It reads what it is
 * given, keeps the parts together and has no opinion on DNS; records are in `testing/stub/record-store.ts`, rules in
 * `testing/stub/rules.ts`, serving in `testing/stub/server.ts`.
 *
 * Invariants: no state is shared between stubs; a call that throws has changed nothing; every mistake has the caller's
 * line.
 */
import type { lookup, promises } from 'node:dns'
import { isIP, type Socket } from 'node:net'
import { formatEndpoint, parseIp } from '../dns/address.ts'
import { foldName } from '../dns/name.ts'
import type { Rr } from '../dns/rrset.ts'
import { className, RrClass } from '../dns/types.ts'
import { addressSets, dataSet, setsOf } from '../input/record-data.ts'
import type { ListenFailure } from '../net/listener.ts'
import { serverAddress, type ServerAddress } from '../ports.ts'
import { parseUpstream } from '../zone/upstream-text.ts'
import { openCassette } from './stub/cassette.ts'
import { install, type InstallOptions } from './node-dns/install.ts'
import { makeLookup } from './node-dns/lookup.ts'
import { answersOf, type PacketAnswer, type RecordData } from '../input/packet-answer.ts'
import { makeResolver } from './node-dns/resolver.ts'
import { makeStream } from './node-dns/stream.ts'
import { edeOf, faultKind, RULE_OPTIONS, RuleMaker } from './stub/rules.ts'
import { atCaller, callSite, Mistake, mistake, withSite } from '../input/mistake.ts'
import {
  dataTypeOf,
  described,
  duration,
  foldedName,
  knownFields,
  listedName,
  near,
  plainName,
  rcodeOf,
  serverOf,
  ttlOf,
  typeOf,
  wholeNumber,
  wireName,
} from '../input/names.ts'
import { QueryBook } from './stub/query-book.ts'
import { meaningOf } from './stub/reply.ts'
import { StubServer, type ServerParts, type Unlisted } from './stub/server.ts'
import { StubServices } from './stub/services.ts'
import { stubSettings } from './stub/settings.ts'
import { readZoneText, RecordStore, type Snapshot } from './stub/record-store.ts'
import type {
  Cassette,
  Delay,
  DnsStub,
  Fault,
  FaultKind,
  FaultOptions,
  ListedRecord,
  NameRecords,
  RecordedQuery,
  ReplyMakers,
  ReplyParts,
  RuleOptions,
  SequenceOptions,
  StubEde,
  StubHandler,
  StubHttps,
  StubInstallation,
  StubOptions,
  StubQuery,
  StubRecords,
  StubReply,
  StubTls,
} from './stub/types.ts'

const OPTIONS = [
  'records',
  'zone',
  'zoneFile',
  'origin',
  'handler',
  'ttl',
  'port',
  'address',
  'seed',
  'unlisted',
  'forward',
  'cassette',
  'mode',
  'strict',
  'tls',
  'https',
] as const satisfies readonly (keyof StubOptions)[]
const UNLISTED: readonly Unlisted[] = ['nxdomain', 'refused', 'servfail', 'timeout', 'forward']

/**
 * Starts a stub on a free port of 127.0.0.1. Rejects with a `TypeError` for options that cannot be, and with an `Error`
 * that has the `code` of the system (`EADDRINUSE`, `EACCES`) when the port cannot be had.
 */
export function createDnsStub(options: StubOptions = {}): Promise<DnsStub> {
  try {
    const settings = atCaller(createDnsStub, () => readOptions(options))
    return new Stub(settings).start(callSite(createDnsStub))
  } catch (error) {
    return Promise.reject(error)
  }
}

interface Settings extends Omit<ServerParts, 'book' | 'failed'> {
  readonly strict: boolean
}

function readOptions(options: StubOptions): Settings {
  knownFields(options, OPTIONS, 'the options of the stub')
  const {
    address = stubSettings.address,
    port = 0,
    seed = stubSettings.seed,
    handler,
    strict = false,
    tls = false,
    https = false,
  } = options
  const ttl = options.ttl === undefined ? stubSettings.ttl : ttlOf(options.ttl)
  if (typeof address !== 'string' || isIP(address) === 0)
    mistake(`expected address to be an IP address of this machine, found ${described(address)}`)
  if (typeof seed !== 'number' || !Number.isFinite(seed))
    mistake(`expected seed to be a number, found ${described(seed)}`)
  if (handler !== undefined && typeof handler !== 'function')
    mistake(`expected handler to be a function, found ${described(handler)}`)
  if (typeof strict !== 'boolean') mistake(`expected strict to be true or false, found ${described(strict)}`)
  if (typeof tls !== 'boolean') mistake(`expected tls to be true or false, found ${described(tls)}`)
  if (typeof https !== 'boolean') mistake(`expected https to be true or false, found ${described(https)}`)
  const own = parseIp(address)?.text ?? address
  const forward = options.forward === undefined ? null : addressOf(options.forward)
  const unlisted = unlistedOf(options.unlisted, forward)
  const store = new RecordStore(ttl)
  fill(store, options)
  return {
    store,
    ttl,
    seed,
    unlisted,
    forward,
    strict,
    handler: handler ?? null,
    address: own,
    port: wholeNumber(port, 'port', 0xffff),
    cassette: cassetteOf(options),
    services: new StubServices(own, [...(tls ? (['tls'] as const) : []), ...(https ? (['https'] as const) : [])]),
  }
}

function fill(store: RecordStore, { zone, zoneFile, origin, records = {} }: StubOptions): void {
  const files: readonly unknown[] = zoneFile === undefined ? [] : Array.isArray(zoneFile) ? zoneFile : [zoneFile]
  for (const file of files) store.addZone({ ...readZoneText(file), origin })
  if (zone !== undefined) store.addZone({ text: textOf(zone), file: null, origin })
  addRecords(store, records, store.defaultTtl)
}

function addRecords(store: RecordStore, records: unknown, ttl: number): void {
  if (Array.isArray(records)) {
    const sets = new Map<string, Rr[]>()
    for (const rr of answersOf(records, null, ttl)) {
      if (rr.class !== RrClass.IN)
        mistake(`${plainName(rr.owner)}: a stub lists records of class IN, this is ${className(rr.class)}`)
      const key = `${rr.type} ${foldName(rr.owner)}`
      sets.set(key, [...(sets.get(key) ?? []), rr])
    }
    for (const [first, ...more] of sets.values()) {
      if (first !== undefined)
        store.setType(first.owner, {
          type: first.type,
          ttl: first.ttl,
          rdatas: [first, ...more].map(({ rdata }) => rdata),
        })
    }
    return
  }
  if (typeof records !== 'object' || records === null)
    mistake(`expected records like { "api.test": { A: "192.0.2.1" } }, found ${described(records)}`)
  const seen = new Set<string>()
  for (const [text, given] of Object.entries(records)) {
    try {
      const name = wireName(text)
      const folded = foldName(name)
      if (seen.has(folded)) mistake(`${described(text)} stands twice in the records`)
      seen.add(folded)
      store.set(name, setsOf(name, given))
    } catch (error) {
      if (error instanceof Mistake) error.record = text
      throw error
    }
  }
}

const textOf = (text: unknown): string =>
  typeof text === 'string' ? text : mistake(`expected zone text, found ${described(text)}`)

function unlistedOf(value: unknown, forward: ServerAddress | null): Unlisted {
  if (value === undefined) return forward === null ? 'nxdomain' : 'forward'
  const known =
    UNLISTED.find(one => one === value) ??
    mistake(`expected unlisted to be one of ${UNLISTED.join(', ')}, found ${near(value, UNLISTED)}`)
  if (known === 'forward' && forward === null)
    mistake(`unlisted: "forward" needs a server to ask, as in forward: "192.0.2.53:53"`)
  return known
}

function cassetteOf({ cassette, mode }: StubOptions): Cassette | null {
  if (cassette === undefined) return mode === undefined ? null : mistake('mode is about a cassette, and there is none')
  return typeof cassette === 'string'
    ? openCassette(cassette, mode)
    : mistake(`expected cassette to be the path of a file, found ${described(cassette)}`)
}

/** Over TLS and HTTPS written as in a forward zone; a test has no other resolver that could find an address. */
const addressOf = (text: unknown): ServerAddress => {
  if (typeof text === 'string' && text.includes('://')) {
    const upstream = parseUpstream(text)
    if ('error' in upstream) mistake(upstream.error)
    if (upstream.kind === 'name') mistake(`${described(text)} has no address: write it after an @, as in @192.0.2.53`)
    return upstream.server
  }
  const { ip, port } = serverOf(text)
  return serverAddress(ip, port)
}

class Stub implements DnsStub {
  readonly reply: ReplyMakers
  readonly lookup: typeof lookup
  readonly stream: () => Socket
  readonly #settings: Settings
  readonly #store: RecordStore
  readonly #initial: Snapshot
  readonly #book = new QueryBook()
  readonly #server: StubServer
  readonly #rules: RuleMaker
  /** Places of the rotations, by addresses and question. */
  readonly #turns = new Map<string, number>()
  #errors: unknown[] = []
  #stopping: Promise<void> | null = null
  readonly #installations: StubInstallation[] = []

  constructor(settings: Settings) {
    this.#settings = settings
    this.#store = settings.store
    this.#initial = settings.store.snapshot()
    this.#rules = new RuleMaker(settings.seed)
    this.#server = new StubServer({ ...settings, book: this.#book, failed: error => this.#errors.push(error) })
    this.reply = this.#replyMakers()
    this.lookup = makeLookup(this)
    this.stream = makeStream(this)
  }

  async start(site: string): Promise<DnsStub> {
    const opened = await this.#server.start()
    if (opened.kind === 'listen-failed') throw withSite(listenError(opened), site)
    const { forward } = this.#settings
    if (forward !== null && this.#server.isSelf(forward)) {
      await this.#server.stop()
      throw withSite(new TypeError('forward is the address of this stub itself: it would ask itself for ever'), site)
    }
    return this
  }

  get port(): number {
    return this.#server.port
  }

  get host(): string {
    return this.#settings.address
  }

  get address(): string {
    return formatEndpoint(this.host, this.port)
  }

  get tls(): StubTls | null {
    const port = this.#server.portOf('tls')
    return port === null ? null : this.#settings.services.tlsAt(port)
  }

  get https(): StubHttps | null {
    const port = this.#server.portOf('https')
    return port === null ? null : this.#settings.services.httpsAt(port)
  }

  // --- records

  set(name: string, records: NameRecords): this
  set(name: string, type: string, data: RecordData | readonly RecordData[], options?: { readonly ttl?: number }): this
  set(name: string, second: unknown, ...rest: readonly unknown[]): this {
    return atCaller(this.set, () => {
      const owner = wireName(name)
      if (rest.length === 0) this.#store.set(owner, setsOf(owner, second))
      else {
        const [data, options = {}] = rest
        knownFields(options, ['ttl'], 'the options')
        const ttl =
          typeof options === 'object' && options !== null && 'ttl' in options && options.ttl !== undefined
            ? ttlOf(options.ttl)
            : null
        this.#store.setType(owner, dataSet(dataTypeOf(second), data, ttl))
      }
      return this
    })
  }

  setAll(records: StubRecords | readonly PacketAnswer[]): this {
    return atCaller(this.setAll, () => {
      const before = this.#store.snapshot()
      this.#store.restore(new Map())
      try {
        addRecords(this.#store, records, this.#store.defaultTtl)
      } catch (error) {
        this.#store.restore(before)
        throw error
      }
      return this
    })
  }

  remove(name: string, type?: string): this {
    return atCaller(this.remove, () => {
      this.#store.remove(foldedName(name), type === undefined ? null : typeOf(type))
      return this
    })
  }

  clear(): this {
    this.#store.restore(this.#initial)
    this.#server.clear()
    this.#rules.restart()
    this.#book.clear()
    this.#turns.clear()
    this.#errors = []
    return this
  }

  zone(text: string, options: { readonly origin?: string; readonly file?: string } = {}): this {
    return atCaller(this.zone, () => {
      knownFields(options, ['origin', 'file'], 'the options')
      this.#store.addZone({ text: textOf(text), file: options.file ?? null, origin: options.origin })
      return this
    })
  }

  get records(): readonly ListedRecord[] {
    return this.#store.list()
  }

  get names(): readonly string[] {
    return this.#store.names()
  }

  recordsFor(name: string, type?: string): readonly ListedRecord[] | null {
    return atCaller(this.recordsFor, () =>
      this.#store.listOf(foldedName(name), type === undefined ? null : typeOf(type)),
    )
  }

  // --- rules

  fail(name: string, kind: FaultKind, options: FaultOptions = {}): Fault {
    return atCaller(this.fail, () => {
      const fault = faultKind(kind)
      knownFields(options, [...RULE_OPTIONS, 'ede'], 'the options')
      return this.#rules.make(
        { name, kind: fault, options, moreOptions: ['ede'], action: { fault, ede: edeOf(options.ede) } },
        this.#server.faults,
      )
    })
  }

  delay(name: string, delay: number | Delay, options: RuleOptions = {}): Fault {
    return atCaller(this.delay, () => {
      if (typeof delay !== 'number') knownFields(delay, ['ms', 'jitter'], 'the delay')
      const { ms, jitter = 0 } = typeof delay === 'number' ? { ms: delay } : delay
      const action = { ms: duration(ms, 'the delay'), jitter: duration(jitter, 'jitter') }
      return this.#rules.make({ name, kind: 'delay', options, action }, this.#server.delays)
    })
  }

  ttl(name: string, seconds: number, options: RuleOptions = {}): Fault {
    return atCaller(this.ttl, () =>
      this.#rules.make({ name, kind: 'ttl', options, action: ttlOf(seconds) }, this.#server.ttls),
    )
  }

  sequence(name: string, replies: readonly (StubReply | FaultKind)[], options: SequenceOptions = {}): Fault {
    return atCaller(this.sequence, () => {
      if (!Array.isArray(replies) || replies.length === 0)
        mistake(`expected an array of at least one reply or fault, found ${described(replies)}`)
      const { after = 'last' } = options
      if (!['last', 'listed', 'cycle'].includes(after))
        mistake(`expected after to be "last", "listed" or "cycle", found ${near(after, ['last', 'listed', 'cycle'])}`)
      for (const reply of replies) if (typeof reply !== 'function') meaningOf(reply, SAMPLE, this.#settings.ttl, true)
      const steps = [...replies]
      const places = new Map<string, number>()
      const next = (query: StubQuery): unknown => {
        const key = `${query.name} ${query.type}`
        const place = places.get(key) ?? 0
        places.set(key, place + 1)
        if (place < steps.length) return steps[place]
        return after === 'listed' ? undefined : steps[after === 'cycle' ? place % steps.length : steps.length - 1]
      }
      const action = { kind: 'say', next, faults: true } as const
      return this.#rules.make(
        { name, kind: 'sequence', options, moreOptions: ['after'], action, ends: after === 'listed' },
        this.#server.answers,
      )
    })
  }

  on(name: string, handler: StubHandler, options: RuleOptions = {}): Fault {
    return atCaller(this.on, () => {
      if (typeof handler !== 'function')
        mistake(`expected a handler, that is a function of the query, found ${described(handler)}`)
      return this.#rules.make(
        { name, kind: 'handler', options, action: { kind: 'say', next: handler, faults: false } },
        this.#server.answers,
      )
    })
  }

  forwardTo(name: string, server: string, options: RuleOptions = {}): Fault {
    return atCaller(this.forwardTo, () => {
      const target = addressOf(server)
      if (this.#server.isSelf(target)) mistake(`${described(server)} is this stub itself: it would ask itself for ever`)
      return this.#rules.make(
        { name, kind: 'forward', options, action: { kind: 'ask', servers: () => [target] } },
        this.#server.answers,
      )
    })
  }

  passthrough(name: string, options: RuleOptions = {}): Fault {
    return atCaller(this.passthrough, () => {
      const action = { kind: 'ask', servers: () => this.#server.systemServers() } as const
      return this.#rules.make({ name, kind: 'passthrough', options, action }, this.#server.answers)
    })
  }

  get faults(): readonly Fault[] {
    const { faults, answers, delays, ttls } = this.#server
    const all: readonly Fault[] = [...faults.all, ...answers.all, ...delays.all, ...ttls.all]
    return [...all].sort((a, b) => numberOf(a) - numberOf(b))
  }

  get errors(): readonly unknown[] {
    return [...this.#errors]
  }

  // --- queries

  get queries(): readonly RecordedQuery[] {
    return this.#book.all
  }

  get unmatched(): readonly RecordedQuery[] {
    return this.#book.unmatched
  }

  queriesFor(name: string, type?: string): RecordedQuery[] {
    return atCaller(this.queriesFor, () => this.#book.for(name, type))
  }

  waitForQuery(
    name: string,
    options?: { readonly type?: string; readonly timeout?: number; readonly count?: number },
  ): Promise<RecordedQuery> {
    try {
      return atCaller(this.waitForQuery, () => this.#book.wait(name, options, this.waitForQuery))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  assertNoUnmatched(): void {
    const { cassette } = this.#settings
    const difference = ({ name, type }: RecordedQuery): string | null =>
      cassette === null ? null : `\n${cassette.difference({ ...SAMPLE, name: listedName(name), type: typeOf(type) })}`
    this.#book.assertNoUnmatched(this.#store.names(), difference, this.assertNoUnmatched)
  }

  clearQueries(): void {
    this.#book.clear()
  }

  // --- hooks

  resolver(options: { readonly timeout?: number; readonly tries?: number } = {}): promises.Resolver {
    return makeResolver(this, options)
  }

  install(options: InstallOptions = {}): StubInstallation {
    const installation = install(this, options, this.install)
    this.#installations.push(installation)
    return installation
  }

  // --- the end

  stop(): Promise<void> {
    if (this.#stopping !== null) return this.#stopping
    this.#stopping = this.#close()
    if (!this.#settings.strict) return this.#stopping
    const site = callSite(this.stop)
    return this.#stopping.then(() => {
      if (this.#errors.length > 0)
        throw this.#errors.length === 1
          ? this.#errors[0]
          : new AggregateError(this.#errors, 'handlers of the stub threw')
      try {
        this.assertNoUnmatched()
      } catch (error) {
        throw error instanceof Error ? withSite(error, site) : error
      }
    })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  async #close(): Promise<void> {
    for (const installation of this.#installations.toReversed()) installation.dispose()
    this.#book.stop()
    await this.#server.stop()
    this.#settings.cassette?.close()
  }

  #replyMakers(): ReplyMakers {
    return {
      rotate: (...addresses) => {
        const all = addresses.flat()
        const { rotate } = this.reply
        atCaller(rotate, () => {
          if (all.length === 0) mistake('expected addresses to rotate, found none')
          addressSets(all)
        })
        return query => this.#rotated(all, query)
      },
      rcode: (rcode: string | number, ede?: StubEde): ReplyParts => {
        const { rcode: entry } = this.reply
        return atCaller(entry, () => {
          edeOf(ede)
          return ede === undefined ? { rcode: rcodeOf(rcode) } : { rcode: rcodeOf(rcode), ede }
        })
      },
      drop: () => ({ drop: true }),
    }
  }

  /** The addresses of the family asked for, each time beginning with the next. */
  #rotated(addresses: readonly string[], { name, type }: StubQuery): readonly string[] {
    const family = type === 'AAAA' ? 6 : 4
    const own = addresses.filter(address => isIP(address) === family)
    const key = `${name} ${type} ${own.join()}`
    const turn = this.#turns.get(key) ?? 0
    this.#turns.set(key, turn + 1)
    const from = own.length === 0 ? 0 : turn % own.length
    return [...own.slice(from), ...own.slice(0, from)]
  }
}

/** A question with which replies are tried when they are given. */
const SAMPLE = { name: foldedName('sample.invalid'), type: typeOf('A'), class: 1 } as const

const numberOf = ({ id }: Fault): number => Number(id.slice(id.lastIndexOf('-') + 1))

function listenError({ address, port, transport, code, message }: ListenFailure): Error {
  return Object.assign(
    new Error(`the stub cannot listen on ${formatEndpoint(address, port)} (${transport}): ${message}`),
    {
      code,
      address,
      port,
    },
  )
}
