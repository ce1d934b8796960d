/**
 * Queries and events as they come, for all who watch: one ring of the latest, with a number for each, and a place in it
 * for each subscriber. Who is too slow for the ring loses the oldest, and their number is reported; a slow subscriber
 * costs no memory, since what is not yet sent is in the ring and nowhere else. Knows no socket.
 *
 * Invariant: while no one watches queries, the main thread collects none; what is sent as text is made once for all.
 */
import type { Filter, LiveRecord } from '../filter.ts'
import type { EventRecord, QueryRecord } from './records.ts'
import { adminLimits } from '../limits.ts'

/** One place in the ring. A gap is queries that the main thread had to leave out, or did not collect (null). */
type Entry =
  | { readonly kind: 'gap'; readonly dropped: number | null }
  | { readonly kind: 'record'; readonly id: number; readonly record: LiveRecord; json: string | null }

/** What a subscriber sends on. `id` is what it can go on after, in a later subscription. */
export type Delivery =
  /** Null: the number is not known, since the server was restarted or no one watched. */
  | { readonly kind: 'gap'; readonly dropped: number | null }
  | { readonly kind: 'query' | 'event'; readonly id: string; readonly json: string }

export interface HubParts {
  /** Queries are wanted from now on, or no more. */
  readonly watch: (queries: boolean) => void
  /** Calls back after that many ms; the result cancels. */
  readonly after: (ms: number, call: () => void) => () => void
  /** Differs from start to start: ids of another are not those of this one. */
  readonly epoch: string
  readonly ringRecords?: number
}

export interface Subscription {
  filter: Filter
  /** Some of what came since the last call, oldest first; empty when there is nothing now. */
  take(most?: number): readonly Delivery[]
  close(): void
}

export class Hub {
  readonly #parts: HubParts
  readonly #ringRecords: number
  readonly #ring: (Entry | undefined)[]
  readonly #subscribers = new Set<Place>()
  /** The number of the next entry; those from `#next - #ring.length` on are there. */
  #next = 0
  #watching = false
  #endWatch: (() => void) | null = null

  constructor(parts: HubParts) {
    this.#parts = parts
    this.#ringRecords = parts.ringRecords ?? adminLimits.ringRecords
    this.#ring = []
  }

  get subscribers(): number {
    return this.#subscribers.size
  }

  /** A batch of the main thread. */
  queries(records: readonly QueryRecord[], dropped: number): void {
    if (dropped > 0) this.#put({ kind: 'gap', dropped })
    for (const query of records)
      this.#put({ kind: 'record', id: this.#next, record: { kind: 'query', query }, json: null })
    this.#wake()
  }

  event(event: EventRecord): void {
    this.#put({ kind: 'record', id: this.#next, record: { kind: 'event', event }, json: null })
    this.#wake()
  }

  /** From now on, or after the id `after`, as far as the ring goes back. `wake`: there may be something to take. */
  subscribe(filter: Filter, after: string | null, wake: () => void): Subscription {
    const { at, isElsewhere } = this.#placeAfter(after)
    const place = new Place(this, filter, at, isElsewhere, wake)
    this.#subscribers.add(place)
    this.review()
    return place
  }

  /** Somebody came, went, or watches something else. */
  review(): void {
    const wanted = [...this.#subscribers].some(({ filter }) => filter.kinds.includes('query'))
    if (wanted) {
      this.#endWatch?.()
      this.#endWatch = null
      if (!this.#watching) this.#setWatching(true)
    } else if (this.#watching) {
      // Whoever was cut off comes back in seconds, and shall miss nothing.
      this.#endWatch ??= this.#parts.after(adminLimits.lingerMs, () => {
        this.#endWatch = null
        this.#setWatching(false)
        // Seen by those who come back later than that.
        this.#put({ kind: 'gap', dropped: null })
      })
    }
  }

  remove(place: Place): void {
    if (this.#subscribers.delete(place)) this.review()
  }

  get next(): number {
    return this.#next
  }

  /** The number of the oldest that is there. */
  get oldest(): number {
    return this.#next - this.#ring.length
  }

  at(number: number): Entry | undefined {
    return this.#ring[number % this.#ringRecords]
  }

  idText(number: number): string {
    return `${this.#parts.epoch}-${number}`
  }

  #put(entry: Entry): void {
    this.#ring[this.#next % this.#ringRecords] = entry
    this.#next++
  }

  #wake(): void {
    for (const { wake } of this.#subscribers) wake()
  }

  #setWatching(on: boolean): void {
    this.#watching = on
    this.#parts.watch(on)
  }

  #placeAfter(after: string | null): { readonly at: number; readonly isElsewhere: boolean } {
    if (after === null) return { at: this.#next, isElsewhere: false }
    const [epoch, number = ''] = after.split('-')
    const at = /^\d{1,15}$/.test(number) ? Number(number) + 1 : Number.NaN
    // A client of an earlier process missed all that this one has.
    if (epoch !== this.#parts.epoch || !(at <= this.#next)) return { at: this.oldest, isElsewhere: true }
    return { at, isElsewhere: false }
  }
}

class Place implements Subscription {
  readonly #hub: Hub
  readonly wake: () => void
  #filter: Filter
  #at: number
  #isElsewhere: boolean

  constructor(hub: Hub, filter: Filter, at: number, isElsewhere: boolean, wake: () => void) {
    this.#hub = hub
    this.#filter = filter
    this.#at = at
    this.#isElsewhere = isElsewhere
    this.wake = wake
  }

  get filter(): Filter {
    return this.#filter
  }

  set filter(filter: Filter) {
    this.#filter = filter
    this.#hub.review()
  }

  take(most: number = adminLimits.deliveriesAtOnce): readonly Delivery[] {
    const hub = this.#hub
    const taken: Delivery[] = []
    if (this.#isElsewhere) taken.push({ kind: 'gap', dropped: null })
    this.#isElsewhere = false
    const lost = hub.oldest - this.#at
    if (lost > 0) {
      taken.push({ kind: 'gap', dropped: lost })
      this.#at = hub.oldest
    }
    while (this.#at < hub.next && taken.length < most) {
      const entry = hub.at(this.#at++)
      if (entry === undefined) continue
      if (entry.kind === 'gap') {
        if (this.#filter.kinds.includes('query')) taken.push(entry)
      } else if (this.#filter.passes(entry.record)) taken.push(this.#delivery(entry))
    }
    return taken
  }

  close(): void {
    this.#hub.remove(this)
  }

  #delivery(entry: Extract<Entry, { kind: 'record' }>): Delivery {
    const { record, id } = entry
    entry.json ??= JSON.stringify(record.kind === 'query' ? record.query : record.event)
    return { kind: record.kind, id: this.#hub.idText(id), json: entry.json }
  }
}
