/**
 * What a user of the DNS stub sees: records, faults, recorded queries and the stub itself. Types only; what they mean
 * is in `testing/create-dns-stub.ts` and its neighbours. Names are presentation text in any case, with or without a
 * trailing dot; results have lower case and no trailing dot (the root is `.`).
 *
 * Invariant: a mistake in a call (impossible record, unknown fault or type, bad zone text) throws a `TypeError` whose
 * stack begins at the caller's line and whose message says what was expected; nothing has changed then.
 */
import type { lookup, promises } from 'node:dns'
import type { Socket } from 'node:net'
import type { Question, Message } from '../../dns/message.ts'
import type { Transport } from '../../ports.ts'
import type { PacketAnswer, RecordData } from '../../input/packet-answer.ts'

/**
 * The records of one name. A text or an array of texts is addresses, A or AAAA by family; otherwise types with their
 * data: `{ A: ['192.0.2.1', '192.0.2.2'], MX: '10 mail.a.test', ttl: 30 }`. `ttl` in seconds.
 */
export type NameRecords = string | readonly string[] | TypedRecords

export interface TypedRecords {
  readonly ttl?: number
  readonly [type: string]: RecordData | readonly RecordData[] | DataWithTtl | undefined
}

/** The records of one type with their own TTL: `{ A: { data: ['192.0.2.1'], ttl: 5 }, MX: '10 mail.a.test' }`. */
export interface DataWithTtl {
  readonly data: RecordData | readonly RecordData[]
  /** Seconds. */
  readonly ttl?: number
}

/**
 * `{ 'api.internal': { A: ['192.0.2.1'], ttl: 30 }, '*.cdn.test': '192.0.2.9' }`. A wildcard is one of RFC 4592.
 */
export type StubRecords = Readonly<Record<string, NameRecords>>

export type RcodeFault = 'SERVFAIL' | 'REFUSED' | 'NXDOMAIN' | 'FORMERR' | 'NOTIMP'

/**
 * `timeout` no reply · an rcode, with `ede` if given · `truncate` TC over UDP, everything over TCP · `wrongId` and
 * `wrongQuestion` a reply to another query · `wrongSource` a reply from another port (over TCP: as listed) · `garbage`
 * octets that are no message · `halfFrame` half of the reply, then the end of the connection (over UDP: half a
 * datagram, over HTTPS: half a body) · `tcpReset` the connection is reset (over UDP: as listed) · `stripEdns` a reply
 * without OPT · `empty` NOERROR without records.
 */
export type FaultKind =
  | RcodeFault
  | Lowercase<RcodeFault>
  | 'timeout'
  | 'truncate'
  | 'wrongId'
  | 'wrongQuestion'
  | 'wrongSource'
  | 'garbage'
  | 'halfFrame'
  | 'tcpReset'
  | 'stripEdns'
  | 'empty'

/**
 * What is wrong with a stub over TLS, for connections from then on: its certificate `expired`, is for another name
 * (`otherName`) or of an authority that is not trusted (`otherAuthority`); or the connection is reset, or closed
 * without an answer, when the handshake is over; or the handshake begins late (`slowHandshake`).
 */
export type TlsFault =
  | 'expired'
  | 'otherName'
  | 'otherAuthority'
  | 'resetAfterHandshake'
  | 'closeAfterHandshake'
  | 'slowHandshake'

export interface TlsFaultOptions {
  /** How late a `slowHandshake` begins. Default 1000; after 10,000 the stub closes the connection. */
  readonly ms?: number
}

/** How a stub is reached over TLS (RFC 7858). */
export interface StubTls {
  readonly port: number
  /** What its certificate is for, besides its address: `stub.test`. */
  readonly name: string
  /** The authority that signed it, in PEM: what a client has to trust. */
  readonly ca: string
  /** Null: nothing is wrong any more. */
  fail(fault: TlsFault | null, options?: TlsFaultOptions): void
}

/**
 * What is wrong with a stub over HTTPS: what can be wrong over TLS, for connections from then on; or, for queries from
 * then on, HTTP status 429 (`tooManyRequests`) or 503 (`unavailable`) with Retry-After · `goAway` the connection ends
 * with a GOAWAY that says that nothing was looked at (over HTTP/1.1 it just ends) · `slowBody` the second half of the
 * body comes late · `wrongMediaType` the answer calls itself `text/html`.
 */
export type HttpsFault = TlsFault | 'tooManyRequests' | 'unavailable' | 'goAway' | 'slowBody' | 'wrongMediaType'

export interface HttpsFaultOptions {
  /** For that many queries, then nothing is wrong any more. Not for faults of TLS. */
  readonly times?: number
  /** Seconds, or the text of the field, a date for one; null: without it. Default 1. */
  readonly retryAfter?: number | string | null
  /** How late a `slowHandshake` begins, or the rest of a `slowBody` comes. Default 1000. */
  readonly ms?: number
}

/** How a stub is reached over HTTPS (RFC 8484), by HTTP/2 and HTTP/1.1. */
export interface StubHttps {
  readonly port: number
  /** `/dns-query`; what follows it after a `/` is what a client calls itself. */
  readonly path: string
  /** `https://127.0.0.1:53124/dns-query`: the certificate is for the address, too. */
  readonly url: string
  /** What its certificate is for, besides its address: `stub.test`. */
  readonly name: string
  /** The authority that signed it, in PEM: what a client has to trust. The same as for TLS. */
  readonly ca: string
  /** Replaces the fault that was there. Null: nothing is wrong any more. */
  fail(fault: HttpsFault | null, options?: HttpsFaultOptions): void
}

/** An extended DNS error (RFC 8914). */
export interface StubEde {
  readonly code: number
  readonly text?: string
}

/** To which queries a rule applies; all that are given must hold. */
export interface RuleOptions {
  /** Only queries of this type. */
  readonly type?: string
  readonly transport?: Exclude<Transport, 'http'>
  /** An address or a prefix. */
  readonly client?: string
  /** For that many queries, then the rule rests. */
  readonly times?: number
  /** From 0 to 1, of the stub's `seed`: the same seed, the same queries hit. */
  readonly probability?: number
  /** For the first queries in turn; after the last one the rule rests. */
  readonly schedule?: readonly ('fail' | 'pass')[]
}

export interface FaultOptions extends RuleOptions {
  readonly ede?: StubEde
}

/** Milliseconds. A delay with jitter is uniform from `ms - jitter` to `ms + jitter`, of the stub's `seed`. */
export interface Delay {
  readonly ms: number
  readonly jitter?: number
}

/** A rule of the stub: what `fail`, `delay`, `ttl`, `sequence`, `on`, `forwardTo` and `passthrough` make. */
export interface Fault {
  /** Unique within its stub. */
  readonly id: string
  /** The pattern, in lower case and without trailing dot. */
  readonly name: string
  readonly kind: FaultKind | 'delay' | 'ttl' | 'sequence' | 'handler' | 'forward' | 'passthrough'
  /** Queries that it acted on. */
  readonly hits: number
  remove(): void
}

/** What a handler gets. */
export interface StubQuery {
  /** Lower case, without trailing dot. */
  readonly name: string
  /** `A`, `TYPE65280`. */
  readonly type: string
  /** `IN`. */
  readonly class: string
  readonly transport: Transport
  readonly client: { readonly address: string; readonly port: number }
  /** Null when the query has no OPT record. */
  readonly edns: StubEdns | null
}

export interface StubEdns {
  /** Octets, as sent. */
  readonly payloadSize: number
  readonly dnssecOk: boolean
  readonly options: readonly { readonly code: number; readonly data: Uint8Array }[]
}

export interface RecordedQuery extends StubQuery {
  /** The ID of the message. */
  readonly id: number
  readonly at: Date
  /** Milliseconds since the stub was started, with fractions. */
  readonly atMs: number
  /**
   * False when neither a record nor an answer of a rule or handler was there for the name. A known name without the
   * type is matched.
   */
  readonly matched: boolean
  /**
   * The fault that acted, else the mnemonic of the rcode sent; `pending` until then, `dropped` when nothing was sent.
   */
  readonly answeredWith: string
}

/** A reply in full. What is left out is as in an ordinary answer. */
export interface ReplyParts {
  /** Answer records: those of the name asked, or whole records. */
  readonly records?: NameRecords | readonly PacketAnswer[]
  /** A mnemonic (`SERVFAIL`) or a number. */
  readonly rcode?: string | number
  readonly authority?: readonly PacketAnswer[]
  readonly additional?: readonly PacketAnswer[]
  /** Seconds, for records without one. */
  readonly ttl?: number
  /** The AA bit. Default true. */
  readonly authoritative?: boolean
  readonly ede?: StubEde
  /** Milliseconds before it is sent. */
  readonly delayMs?: number
  /** Nothing is sent. */
  readonly drop?: boolean
}

/** `undefined`: as listed. Text: addresses of the name asked, A or AAAA by family. A function is called in turn. */
export type StubReply = undefined | string | readonly string[] | readonly PacketAnswer[] | ReplyParts | StubHandler

export type StubHandler = (query: StubQuery) => StubReply | Promise<StubReply>

export interface SequenceOptions extends RuleOptions {
  /** What follows the end: the last reply again (default), the listed records, or the sequence from its start. */
  readonly after?: 'last' | 'listed' | 'cycle'
}

/** A listed record, as presentation text. */
export interface ListedRecord {
  readonly name: string
  readonly type: string
  /** Seconds. */
  readonly ttl: number
  readonly data: string
}

export interface StubOptions {
  /**
   * By name; an array is of records in the form of dns-packet's answers, or as `{ format: 'dns-packet' }` gives them.
   */
  readonly records?: StubRecords | readonly PacketAnswer[]
  /** Zone text (RFC 1035 section 5). Records without a TTL get `ttl`. */
  readonly zone?: string
  readonly zoneFile?: string | readonly string[]
  /** For relative names of `zone` and `zoneFile` in front of their first $ORIGIN. */
  readonly origin?: string
  /** Asked for every query that no rule took; `undefined` goes on to the records. */
  readonly handler?: StubHandler
  /** Seconds, for records without one. Default 60. */
  readonly ttl?: number
  /** UDP and TCP. Default 0: a free one. */
  readonly port?: number
  /** Default 127.0.0.1. */
  readonly address?: string
  /** A port of its own for DNS over TLS. Default false. */
  readonly tls?: boolean
  /** A port of its own for DNS over HTTPS. Default false. */
  readonly https?: boolean
  /** For `probability` and `jitter`. Default 1. */
  readonly seed?: number
  /**
   * What a name without anything gets. Default `nxdomain`; `forward` asks `forward`. It is recorded as unmatched in any
   * case.
   */
  readonly unlisted?: 'nxdomain' | 'refused' | 'servfail' | 'timeout' | 'forward'
  /**
   * `192.0.2.53:53`, `tls://192.0.2.53#dns.example` or `https://dns.example/dns-query@192.0.2.53`; alone it means
   * `unlisted: 'forward'`.
   */
  readonly forward?: string
  /** A file of recorded exchanges for names without anything. */
  readonly cassette?: string
  /**
   * `record` asks the real servers (`forward`, else the system's) and writes; `replay` only reads; `once` (default)
   * records without a file.
   */
  readonly mode?: 'record' | 'replay' | 'once'
  /** `stop` rejects when there were unmatched queries, or a handler threw. */
  readonly strict?: boolean
}

/**
 * A DNS server on one random port of UDP and TCP. A query goes: a fault; then rules that answer (sequence, handler,
 * forward), of which one that says `undefined` leaves the query to the next; then the `handler` of the options; then
 * the records; then the cassette; then `unlisted`. Of each kind of rule the first that applies acts, in the order of
 * mocks: rules for a limited number of queries (`times`, `schedule`, a sequence with `after: 'listed'`) in the order
 * they were made, then the others, the newest first. Delays, TTLs and the faults that change the octets of a reply act
 * on whatever the answer is. A rule sees the name that was asked, not those that an alias leads to.
 */
export interface DnsStub {
  readonly port: number
  /** `127.0.0.1`. */
  readonly host: string
  /** `127.0.0.1:53124`, as `setServers` takes it. */
  readonly address: string
  /** Null without `tls` in the options. */
  readonly tls: StubTls | null
  /** Null without `https` in the options. */
  readonly https: StubHttps | null
  /** Replaces the name's records (all of them, or those of a type). */
  set(name: string, records: NameRecords): this
  set(name: string, type: string, data: RecordData | readonly RecordData[], options?: { readonly ttl?: number }): this
  /** Takes records away; a name that has none is no mistake. */
  remove(name: string, type?: string): this
  /** Back to the start: the records of the options, no rules, no recorded queries. */
  clear(): this
  /** Adds the records of zone text; those of the same name and type are replaced. */
  zone(text: string, options?: { readonly origin?: string; readonly file?: string }): this
  /** Replaces all records of the stub by these, or none when one of them is a mistake. */
  setAll(records: StubRecords | readonly PacketAnswer[]): this
  readonly records: readonly ListedRecord[]
  /** All listed names, those without records included. */
  readonly names: readonly string[]
  /** The records of one name, or its records of a type; null when the name is not listed. */
  recordsFor(name: string, type?: string): readonly ListedRecord[] | null
  fail(name: string, kind: FaultKind, options?: FaultOptions): Fault
  delay(name: string, delay: number | Delay, options?: RuleOptions): Fault
  /** The TTL of every record in the answer, in seconds. */
  ttl(name: string, seconds: number, options?: RuleOptions): Fault
  /** One reply or fault after the other. */
  sequence(name: string, replies: readonly (StubReply | FaultKind)[], options?: SequenceOptions): Fault
  on(name: string, handler: StubHandler, options?: RuleOptions): Fault
  /** Asks this server instead, written as `forward` is. */
  forwardTo(name: string, server: string, options?: RuleOptions): Fault
  /** Asks the servers that the system is configured with. */
  passthrough(name: string, options?: RuleOptions): Fault
  /** All rules that were not removed, in the order they were made; one that is used up stays. */
  readonly faults: readonly Fault[]
  /** What handlers threw: each such query was answered SERVFAIL. */
  readonly errors: readonly unknown[]
  readonly reply: ReplyMakers
  readonly queries: readonly RecordedQuery[]
  readonly unmatched: readonly RecordedQuery[]
  queriesFor(name: string, type?: string): RecordedQuery[]
  /**
   * The `count`-th query (default 1) for the name; one that already came counts. Rejects after `timeout` ms (default
   * 1000).
   */
  waitForQuery(
    name: string,
    options?: { readonly type?: string; readonly timeout?: number; readonly count?: number },
  ): Promise<RecordedQuery>
  assertNoUnmatched(): void
  clearQueries(): void
  /** Of `node:dns/promises`, with this server and a short time-out. */
  resolver(options?: { readonly timeout?: number; readonly tries?: number }): promises.Resolver
  /** In the place of `dns.lookup`: the `lookup` of http, undici, net, got. */
  readonly lookup: typeof lookup
  /** A socket that connects through `lookup`: the `stream` of pg. */
  readonly stream: () => Socket
  /**
   * Patches this process's name resolution until disposed, or until the stub stops. Names without anything: an error
   * (default) or what they were before. A stub that is installed already is a mistake that says where, unless `nested`:
   * then that one is asked again when this one is disposed.
   */
  install(options?: { readonly unlisted?: 'error' | 'passthrough'; readonly nested?: boolean }): StubInstallation
  /** Frees the port; pending replies are not sent. Can be called again. */
  stop(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Can be disposed again, and in any order with other installations; then every function of `node:dns` is the very one
 * that it was.
 */
export interface StubInstallation {
  dispose(): void
  [Symbol.dispose](): void
  [Symbol.asyncDispose](): Promise<void>
}

export interface ReplyMakers {
  /** Round robin: all addresses, each time beginning with the next. */
  rotate(...addresses: readonly (string | readonly string[])[]): StubHandler
  rcode(rcode: string | number, ede?: StubEde): ReplyParts
  drop(): ReplyParts
}

/** What the stub wants of an open cassette (`openCassette`). `once` has been decided: it records or it replays. */
export interface Cassette {
  readonly recording: boolean
  /** The recorded reply, null when this was never asked. Records in the order recorded; the ID is of no meaning. */
  replay(question: Question): Message | null
  record(question: Question, reply: Message): void
  /** What is recorded instead, for a person: the answer of a replay to something new. */
  difference(question: Question): string
  /** Writes the file when it recorded. */
  close(): void
}
