/**
 * What the core wants from the world: time, randomness, a way to reach servers, a receiver of events. Adapters are in
 * `net/` and `testing/`.
 */
import type { IpAddress } from './dns/address.ts'
import type { Decoded } from './dns/decode.ts'
import type { Question } from './dns/message.ts'
import type { Name } from './dns/name.ts'
import type { Event } from './events.ts'

export type Cancel = () => void

export interface Clock {
  /** Monotonic milliseconds: TTLs, timers, round trips. Starts above zero. */
  now(): number
  /** Seconds since 1970 UTC: signature validity and logs only. */
  wall(): number
  /** Calls `fire` once after `delayMs`. */
  after(delayMs: number, fire: () => void): Cancel
}

/** From a CSPRNG in production, seeded in simulations. */
export interface Random {
  /** Uniform integer, 0 <= result < n, n <= 2^32. */
  below(n: number): number
  bytes(into: Uint8Array): void
}

/** RFC 1035 section 4.2. */
export const DNS_PORT = 53

/**
 * How a message travels: RFC 1035 section 4.2, DNS over TLS (RFC 7858), DNS over HTTPS (RFC 8484). `http` is the last
 * without TLS, towards clients only: what encrypts is a proxy in front.
 */
export type Transport = 'udp' | 'tcp' | 'tls' | 'https' | 'http'

/** Where a server is asked. `key` is equal for equal servers, `secure` being part of what is compared. */
export interface ServerAddress {
  readonly ip: IpAddress
  readonly port: number
  readonly key: string
  /** It is asked in this way and never in another one. Absent: over UDP and TCP. */
  readonly secure?: SecureService | undefined
}

/**
 * A server asked over TLS or HTTPS, and how it proves who it is (RFC 8310 section 8, strict privacy). One without name
 * and pins proves nothing and is sent no name: a server of a zone that happens to speak TLS (RFC 9539).
 */
export interface SecureService {
  readonly transport: 'tls' | 'https'
  /** What the certificate has to be valid for: a DNS name without the last dot, or an address. Null: pins decide. */
  readonly name: string | null
  /** SHA-256 of acceptable public keys (SPKI) in base64 (RFC 7858 section 4.2); empty: `name` decides alone. */
  readonly pins: readonly string[]
  /** HTTPS: what the request asks for, with what stands in front of `dns=` or nothing; TLS: empty. */
  readonly path: string
  /** Certificates in PEM that are trusted for it instead of the system's; empty: the system's. */
  readonly authorities: readonly string[]
}

export const serverAddress = (ip: IpAddress, port: number): ServerAddress => ({ ip, port, key: `${ip.text}#${port}` })

/** RFC 7858 section 3.1. */
export const DNS_OVER_TLS_PORT = 853

/** Does it prove nothing? Who listens on the way learns nothing then, who stands in it everything. */
export const isUnauthenticated = ({ name, pins }: SecureService): boolean => name === null && pins.length === 0

/** `key` has all that makes two connections different, so that none is used for another server's name (RFC 7858). */
export function secureServerAddress(ip: IpAddress, port: number, secure: SecureService): ServerAddress {
  const { transport, name, pins, path, authorities } = secure
  const identity = [name ?? '', ...pins, ...authorities].join(' ')
  return { ip, port, key: `${transport}://${ip.text}#${port}${path} ${identity}`, secure }
}

/**
 * What became of one message to one server. Datagrams that do not belong to the query (other ID, question, QR=0,
 * malformed) never become a result: the adapter goes on waiting and counts them in `mismatches`.
 */
export type ExchangeResult =
  | {
      readonly kind: 'reply'
      readonly bytes: Uint8Array
      /**
       * What the octets say, from adapters that have read them; the name of an echoed question is then lower-cased, in
       * `bytes` too.
       */
      readonly decoded?: Decoded | undefined
      readonly rttMs: number
      /** No letter of the question came back changed (so also true for an error reply that carries no question). */
      readonly caseEchoed: boolean
      readonly mismatches: number
    }
  | { readonly kind: 'timeout'; readonly mismatches: number }
  /** Too many mismatches came, the ID was likely being guessed: ask over TCP. */
  | { readonly kind: 'spoofing-suspected'; readonly mismatches: number }
  /** TLS: the server did not prove that it is the one meant. Nothing was sent to it. */
  | { readonly kind: 'unverified'; readonly reason: string }
  /** HTTPS: it cannot answer now (429, 503) or ever in this way; `retryAfterMs` is what it asked for, uncapped. */
  | { readonly kind: 'http-status'; readonly status: number; readonly retryAfterMs: number | null }
  /** The kernel said so: port closed, network or host unreachable, connection refused or reset. */
  | { readonly kind: 'unreachable'; readonly reason: string; readonly family: boolean }
  /**
   * Nothing left this machine: no socket or descriptor in time, or the network is closed. Says nothing about the
   * server.
   */
  | { readonly kind: 'not-sent'; readonly reason: string }

export interface Network {
  /**
   * Sends `query` (a complete message with its ID) and calls `done` exactly once, never before `exchange` returned.
   * Cancelling frees what it held and `done` is not called.
   */
  exchange(
    server: ServerAddress,
    transport: Transport,
    query: Uint8Array,
    timeoutMs: number,
    done: (result: ExchangeResult) => void,
  ): Cancel
}

/** What to listen on. */
export interface Binding {
  /** An IP address as text; `0.0.0.0` and `::` are all addresses of their family. */
  readonly address: string
  /** 0 lets the kernel choose one, the same for UDP and TCP. */
  readonly port: number
  /** Absent: plain DNS, over UDP and TCP. */
  readonly service?: BindingService | undefined
}

/** What one port of TCP serves, when it is not plain DNS over both transports. */
export interface BindingService {
  readonly transport: Exclude<Transport, 'udp'>
  /** HTTPS and HTTP: the path of queries, `/dns-query`; others: empty. */
  readonly path: string
  /** Each connection begins with a PROXY header (version 2), and comes from a listed proxy. */
  readonly proxy: boolean
}

/** Where a query came from. */
export interface Client {
  readonly ip: IpAddress
  readonly port: number
  readonly transport: Transport
  /** The name in its TLS handshake (SNI), lower case. */
  readonly serverName?: string | undefined
  /** What it calls itself in the path of its requests or the first label of `serverName`: a label, not a proof. */
  readonly clientId?: string | undefined
  /** The proxy that named `ip`. */
  readonly proxy?: IpAddress | undefined
  /** Where it came in: what is listened on, `0.0.0.0` and `::` as such. */
  readonly listener?: Pick<Binding, 'address' | 'port'> | undefined
}

/**
 * What other instances have found out, as octets whose meaning is known in `cache/snapshot/shared-value.ts`. Whether
 * they are genuine, how old they are, and which instances share what, is the adapter's business.
 */
export interface SharedCache {
  /** How long one resolution waits for it in all, ms. */
  readonly deadlineMs: number
  /** False while there is no use in asking. */
  readonly isUsable: boolean
  /** Counts up with every removal of names on purpose: to be read when a resolution begins. */
  readonly removals: number
  /** Calls `done` once, within `waitMs`, possibly before it returns; not after it was cancelled. */
  find(question: Question, waitMs: number, done: (found: SharedFound) => void): Cancel
  /**
   * Takes what a resolution found for others, to be stored after a while, or not at all. `leftMs` is how long it lives.
   * Nothing of it is stored when names were removed since its resolution began, with `removals` at `begun`.
   */
  offer(question: Question, octets: Uint8Array, leftMs: number, begun: number): void
}

export type SharedFound =
  /** `ageMs`: since it was stored; `isRemoved`: was a name removed on purpose since then? */
  | {
      readonly kind: 'hit'
      readonly octets: Uint8Array
      readonly ageMs: number
      readonly isRemoved: (name: Name) => boolean
    }
  | { readonly kind: 'miss' | 'timeout' }

export type EventSink = (event: Event) => void

/**
 * Hands the answer to one query to its listener: called once for each query, at once or later. `bytes` belongs to the
 * caller again when the call returns, so a listener that sends later copies. Length 0 means that nothing is to be sent
 * and the listener only forgets the query. `want` is why there is no answer, for those who can say so in another way
 * than DNS can; there may be octets all the same.
 */
export type Reply = (bytes: Uint8Array, length: number, want?: Want) => void

/**
 * Of what there is too little: the client has too many queries waiting, or asks more in a second than it may, or too
 * many are being resolved.
 */
export type Want = 'client-limit' | 'rate-limit' | 'overload'

/**
 * What a listener does with the first `length` octets of `bytes`, which are the listener's again when the call returns.
 */
export type Serve = (bytes: Uint8Array, length: number, client: Client, reply: Reply) => void
