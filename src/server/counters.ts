/**
 * What the server counts. A typed array and an index a counter: an increment costs a few nanoseconds and allocates
 * nothing, so the byte path can afford it. Readers take a snapshot.
 */

const names = [
  'udpQueries', 'tcpQueries', 'answeredFromCache', 'answeredByValuePath', 'refusedClients', 'droppedResponses', 'droppedPortZero', 'droppedShort',
  'droppedByGate', 'droppedByPolicy', 'droppedWaiting', 'droppedLate', 'formatErrors', 'notImplemented', 'badVersions', 'truncatedReplies',
  'noError', 'nxDomain', 'servFail', 'refused', 'otherRcodes',
] as const

export type CounterName = (typeof names)[number]

export class Counters {
  readonly #values = new Float64Array(names.length)
  readonly #index: ReadonlyMap<CounterName, number> = new Map(names.map((name, index) => [name, index]))

  /** The position to increment with `add`; look it up once, not for each query. */
  index(name: CounterName): number {
    return this.#index.get(name) ?? 0
  }

  add(index: number): void {
    this.#values[index] = (this.#values[index] ?? 0) + 1
  }

  get(name: CounterName): number {
    return this.#values[this.index(name)] ?? 0
  }

  snapshot(): Record<string, number> {
    return Object.fromEntries(names.map((name, index) => [name, this.#values[index] ?? 0]))
  }
}
