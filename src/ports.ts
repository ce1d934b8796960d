/**
 * What the core wants from the world: time, randomness, a way to reach servers, a receiver of events. Adapters are in
 * `net/` and `testing/`.
 */
import type { IpAddress } from './dns/address.ts'
import type { Decoded } from './dns/decode.ts'
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

export type Transport = 'udp' | 'tcp'

/** Where a server is asked. `key` is `address#port`, equal for equal servers. */
export interface ServerAddress {
  readonly ip: IpAddress
  readonly port: number
  readonly key: string
}

export const serverAddress = (ip: IpAddress, port: number): ServerAddress => ({ ip, port, key: `${ip.text}#${port}` })

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

/** What to listen on, over every transport. */
export interface Binding {
  /** An IP address as text; `0.0.0.0` and `::` are all addresses of their family. */
  readonly address: string
  /** 0 lets the kernel choose one, the same for all transports. */
  readonly port: number
}

/** Where a query came from. */
export interface Client {
  readonly ip: IpAddress
  readonly port: number
  readonly transport: Transport
}

export type EventSink = (event: Event) => void

/**
 * Hands the answer to one query to its listener: called once for each query, at once or later. `bytes` belongs to the
 * caller again when the call returns, so a listener that sends later copies. Length 0 means that nothing is to be sent
 * and the listener only forgets the query.
 */
export type Reply = (bytes: Uint8Array, length: number) => void

/**
 * What a listener does with the first `length` octets of `bytes`, which are the listener's again when the call returns.
 */
export type Serve = (bytes: Uint8Array, length: number, client: Client, reply: Reply) => void
