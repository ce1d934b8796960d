/**
 * What a test sees of its internet: how it is described, and what can be done to it while it runs. Types only; the tree
 * is made in `plan.ts`, and run in `testing/create-internet.ts`.
 */
import type { Transport } from '../../ports.ts'
import type { PacketRecord } from '../../presentation/packet-record.ts'
import type { AnswerFormat } from './test-engine.ts'
import type { DnssecOptions, ZoneSigning } from '../input/signing.ts'
import type { NameRecords, StubRecords } from '../stub/types.ts'
import type { RecordData } from '../../input/packet-answer.ts'
import type { Duration, TestClock } from '../input/clock.ts'
import type { AnsweredRecord, CachingResolver, EngineOptions, RootHints, TestAnswer } from './test-engine.ts'

/**
 * By the names of zones. Root and top-level domains are made for you, with delegations and glue; one that is listed
 * here (`'.'`, `com`) is yours.
 */
export type InternetZones = Readonly<Record<string, InternetZone>>

export interface InternetZone {
  /** Names are relative to the zone (`www`, `@`) unless they end in the zone's name or in a dot. */
  readonly records?: StubRecords
  /** Zone text; SOA and NS records that it does not have are made. */
  readonly zone?: string
  readonly zoneFile?: string
  /**
   * Name servers: `['ns1', 'ns2']` (the default), or each with options. A name with a dot is one in another zone:
   * `ns1.hosting.net`.
   */
  readonly ns?: readonly string[] | Readonly<Record<string, NameServer>>
  /** How name servers misbehave for this zone. */
  readonly faults?: Readonly<Record<string, string | readonly string[]>>
  /** False: the parent gives no addresses along with the delegation. */
  readonly glue?: boolean
  /** Seconds, for records without a TTL. Default 60. */
  readonly ttl?: number
}

export interface NameServer {
  /** Default: one is made up (and is on a loopback address with `sockets`). */
  readonly address?: string | readonly string[]
  /** What the parent says of its address: `false` nothing, a text another address than its own. */
  readonly glue?: boolean | string | readonly string[]
  /** Misbehaviours: `lame`, `silent`, `slow(200)`, `refuses for www.example.com AAAA` … */
  readonly faults?: string | readonly string[]
  /** Round trip. Default 20ms; not with `sockets`, where replies are sent at once unless `latency` is set. */
  readonly latency?: Duration
  /** Its own version of the zone, instead of the common one: split brain, an old copy. */
  readonly records?: StubRecords
  readonly zone?: string
}

export interface InternetOptions extends EngineOptions {
  /** Equal seeds give equal traces. Default 1. */
  readonly seed?: number
  /** Shared with others; default a new one. */
  readonly clock?: TestClock
  /** Share of datagrams lost each way, 0 to 1. In memory only. */
  readonly loss?: number
  /** Round trip of servers that give none, default 20ms; `sockets`: default 0. */
  readonly latency?: Duration
  /**
   * Signs all zones, the made ones too, or as it says; its own resolvers validate then, from `anchors`. Keys come from
   * `seed`, signatures are made as they are asked for and are always of today.
   */
  readonly dnssec?: boolean | DnssecOptions
  /** On loopback sockets: the answer is a promise then. */
  readonly sockets?: boolean
  /** With `sockets`: the one port of all servers. Default any that is free; other resolvers than rootwalk want 53. */
  readonly port?: number
}

/** Options of a resolver in front of the internet. */
export interface InternetResolverOptions extends EngineOptions {
  /** Zones that other resolvers answer, as with `"forward"` in a configuration: asked with RD=1, validated. */
  readonly forward?: readonly (ForwardedZone & {
    /** Resolve from the root when all of them fail. Default false. */
    readonly recurseOnFailure?: boolean
  })[]
  /** Zones whose own servers are at these addresses, as with `"stub"`. */
  readonly stub?: readonly ForwardedZone[]
}

export interface ForwardedZone {
  /** `'.'` is all names; the longest zone wins. */
  readonly zone: string
  /** A resolver of this internet, a stub, an address, or any form that the setting has. */
  readonly to: ForwardedTo | readonly ForwardedTo[]
}

type ForwardedTo = string | { readonly address: string }

/** A query that reached a server. */
export interface ServerQuery {
  /** The server's name: lower case, no trailing dot. */
  readonly server: string
  readonly address: string
  readonly name: string
  readonly type: string
  readonly class: string
  readonly transport: Transport
  /** The EDNS payload size asked with, null without EDNS. */
  readonly payloadSize: number | null
  readonly dnssecOk: boolean
  /** The clock of the test when it came. */
  readonly at: Date
  readonly atMs: number
  /** The rcode of the reply, with ` tc` when it was cut; `nothing`, `closed`, `garbage` when there was none. */
  readonly answeredWith: string
}

/** A misbehaviour set at run time. */
export interface ServerFault {
  readonly server: string
  readonly faults: readonly string[]
  remove(): void
}

export interface SetOptions {
  /** Seconds. */
  readonly ttl?: number
  /** Only this server's version of the zone. */
  readonly server?: string
}

/** What both kinds have. */
export interface InternetBase extends AsyncDisposable {
  readonly clock: TestClock
  /** Where a resolver begins. */
  readonly rootHints: RootHints
  /** The root's keys as lines of DS records, for files of trust anchors; none without `dnssec`. */
  readonly anchors: readonly string[]
  /** The same for any signed zone: an island of security. */
  anchorsOf(zone: string): readonly string[]
  /** Names of all servers. */
  readonly servers: readonly string[]
  /** The addresses of a server. */
  addressesOf(server: string): readonly string[]
  /** Replaces the records of a name (those of a type). The deepest zone that holds the name has them. */
  set(name: string, records: NameRecords, options?: Omit<SetOptions, 'ttl'>): this
  set(name: string, type: string, data: RecordData | readonly RecordData[], options?: SetOptions): this
  /** Takes records away; a name that has none is no mistake. */
  remove(name: string, type?: string, options?: Omit<SetOptions, 'ttl'>): this
  /** A misbehaviour, or several, of one server from now on: for all its zones unless the text says otherwise. */
  fault(server: string, faults: string | readonly string[]): ServerFault
  /**
   * Signs a zone in another way from now on: `net.sign('example.com', 'expired')`. What resolvers remember stays as it
   * was.
   */
  sign(zone: string, how: ZoneSigning): this
  /** The parent of `zone` knows it no more: NXDOMAIN there, whatever its servers say. */
  removeDelegation(zone: string): this
  restoreDelegation(zone: string): this
  /** What a zone holds now, made records included. */
  records(zone: string): readonly AnsweredRecord[]
  readonly queries: readonly ServerQuery[]
  /** By the name of a server or one of its addresses. */
  queriesTo(server: string): readonly ServerQuery[]
  queriesFor(name: string, type?: string): readonly ServerQuery[]
  clearQueries(): void
  stop(): Promise<void>
}

/** In memory: nothing waits, and time is the clock's. */
export interface MemoryInternet extends InternetBase {
  /** Asks the internet's own resolver, at once. */
  resolve(name: string, type?: string, options?: AnswerFormat<'text'>): TestAnswer
  resolve(name: string, type: string | undefined, options: AnswerFormat<'dns-packet'>): TestAnswer<PacketRecord>
  /** Another resolver with its own caches. */
  resolver(options?: InternetResolverOptions): MemoryResolver
}

export interface MemoryResolver {
  /** Where other resolvers of this internet can forward to. */
  readonly address: string
  query(name: string, type?: string, options?: AnswerFormat<'text'>): TestAnswer
  query(name: string, type: string | undefined, options: AnswerFormat<'dns-packet'>): TestAnswer<PacketRecord>
  clearCache(): void
}

/** On loopback sockets, for resolvers in this or another process. */
export interface SocketInternet extends InternetBase {
  readonly port: number
  resolve(name: string, type?: string, options?: AnswerFormat<'text'>): Promise<TestAnswer>
  resolve(
    name: string,
    type: string | undefined,
    options: AnswerFormat<'dns-packet'>,
  ): Promise<TestAnswer<PacketRecord>>
  resolver(options?: InternetResolverOptions): CachingResolver
  /** The path of a hints file with the root's servers; it is removed by `stop`. */
  hintsFile(): string
  /** Likewise a file with `anchors`, which every resolver reads. */
  anchorsFile(): string
  /** rootwalk's server in front of this internet, its TTLs on `clock`. */
  startResolver(options?: InternetResolverOptions & { readonly port?: number }): Promise<RunningResolver>
}

export interface RunningResolver extends AsyncDisposable {
  readonly host: string
  readonly port: number
  /** `127.0.0.1:53124`, as `setServers` takes it. */
  readonly address: string
  /** Forgets everything. */
  clearCache(): void
  stop(): Promise<void>
}
