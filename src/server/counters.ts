/**
 * What the server counts. A typed array and an index a counter: an increment costs a few nanoseconds and allocates
 * nothing, so the byte path can afford it. Readers take a snapshot. Every thread that counts has its own memory, since
 * two writers of one counter would lose counts; the reported numbers are sums.
 */

import { Rcode } from '../dns/types.ts'
import type { Transport } from '../ports.ts'
import {
  durationCell,
  durationSumCell,
  REQUEST_CELLS,
  requestCell,
  responseCell,
  type Source,
} from './request-cells.ts'

const names = [
  'udpQueries',
  'tcpQueries',
  'tlsQueries',
  'httpsQueries',
  'httpQueries',
  'answeredFromCache',
  'answeredByValuePath',
  'refusedClients',
  'droppedResponses',
  'droppedPortZero',
  'droppedShort',
  'droppedByGate',
  'droppedByPolicy',
  'droppedWaiting',
  'droppedByRate',
  'truncatedByRate',
  'delayedByRate',
  'aboveRate',
  'aboveAnswerRate',
  'droppedByAnswerRate',
  'truncatedByAnswerRate',
  'droppedLate',
  'answeredInTime',
  'answeredStale',
  'answeredByDns64',
  'blockedRebinding',
  'deniedCanaries',
  'droppedTooLarge',
  'droppedOverload',
  'droppedUnsent',
  'unreportedHits',
  'formatErrors',
  'notImplemented',
  'badVersions',
  'truncatedReplies',
  'prefetches',
  'notifies',
  'noError',
  'nxDomain',
  'servFail',
  'refused',
  'otherRcodes',
] as const

export type CounterName = (typeof names)[number]

/** Under which name a reply is counted, by what it says. */
export function rcodeCounter(rcode: number): CounterName {
  switch (rcode) {
    case Rcode.NOERROR:
      return 'noError'
    case Rcode.NXDOMAIN:
      return 'nxDomain'
    case Rcode.SERVFAIL:
      return 'servFail'
    case Rcode.REFUSED:
      return 'refused'
    case Rcode.FORMERR:
      return 'formatErrors'
    case Rcode.NOTIMP:
      return 'notImplemented'
    case Rcode.BADVERS:
      return 'badVersions'
    default:
      return 'otherRcodes'
  }
}

/** The four bits of the header: EDNS widens an rcode only for errors that no cache has. */
const HEADER_RCODES = 16
const PLAIN_INDEXES: Uint8Array = Uint8Array.from({ length: HEADER_RCODES }, (_, rcode) =>
  names.indexOf(rcodeCounter(rcode)),
)

/** The position to increment for the fourth octet of a finished reply. */
export const rcodeIndex = (octet: number): number => PLAIN_INDEXES[octet & (HEADER_RCODES - 1)] ?? 0

const HIT_DURATION = durationCell('cache', 0)

/** Named counters first, then those by protocol, type, source and so on (`request-cells.ts`). */
const CELLS = names.length + REQUEST_CELLS

export class Counters {
  readonly #values: Float64Array
  readonly #others: Counters[] = []
  readonly #index: ReadonlyMap<CounterName, number> = new Map(names.map((name, index) => [name, index]))

  /** Over memory from `counterMemory`, which another thread may have as well; over its own when there is none. */
  constructor(memory: SharedArrayBuffer | null = null) {
    this.#values = memory === null ? new Float64Array(CELLS) : new Float64Array(memory)
  }

  /** Adds the counts of the others to every number reported here. */
  include(other: Counters): void {
    this.#others.push(other)
  }

  /** The position to increment with `add`; look it up once, not for each query. */
  index(name: CounterName): number {
    return this.#index.get(name) ?? 0
  }

  add(index: number): void {
    this.#values[index] = (this.#values[index] ?? 0) + 1
  }

  addMany(index: number, count: number): void {
    this.#values[index] = (this.#values[index] ?? 0) + count
  }

  /** A query; `type` null when no question was read. */
  request(transport: Transport, family: 4 | 6, type: number | null): void {
    this.add(names.length + requestCell(transport, family, type))
  }

  /** An answer of the byte path: its time is within the first bucket, and its rcode in the fourth octet. */
  hit(rcodeOctet: number): void {
    this.add(names.length + responseCell('cache', rcodeOctet & (HEADER_RCODES - 1)))
    this.add(names.length + HIT_DURATION)
  }

  /** An answer of the value path, which took `ms`. */
  response(source: Source, rcode: number, ms: number): void {
    this.add(names.length + responseCell(source, rcode))
    this.add(names.length + durationCell(source, ms))
    this.addMany(names.length + durationSumCell(source), ms)
  }

  /** One of `request-cells.ts`, which is computed there. */
  cell(cell: number): void {
    this.add(names.length + cell)
  }

  /** Those of `request-cells.ts`, of all threads. */
  cells(): Float64Array {
    const sum = this.#values.slice(names.length)
    for (const other of this.#others)
      for (const [cell, count] of other.cells().entries()) sum[cell] = (sum[cell] ?? 0) + count
    return sum
  }

  get(name: CounterName): number {
    return this.#others.reduce((sum, other) => sum + other.get(name), this.#values[this.index(name)] ?? 0)
  }

  snapshot(): Record<string, number> {
    return Object.fromEntries(names.map(name => [name, this.get(name)]))
  }
}

/** For the counters of one thread. */
export const counterMemory = (): SharedArrayBuffer => new SharedArrayBuffer(CELLS * Float64Array.BYTES_PER_ELEMENT)
