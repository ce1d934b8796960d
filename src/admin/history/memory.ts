/** The history where Node has no SQLite: the latest queries in memory, searched one by one. */
import type { QueryRecord } from '../live/records.ts'
import { historyLimits } from './limits.ts'
import type { HistoryRefusal, PageRequest, QueryPage, QuerySummary, SummaryRequest } from './messages.ts'
import { readRequest } from './search.ts'
import { summariseRecords } from './summary.ts'

export class MemoryHistory {
  readonly #most: number
  /** In the order of their numbers; the one numbered n is at n modulo the length. */
  readonly #ring: QueryRecord[] = []
  #next = 0

  constructor(most: number = historyLimits.memoryRecords) {
    this.#most = most
  }

  get rows(): number {
    return this.#ring.length
  }

  add(records: readonly QueryRecord[]): void {
    for (const record of records) this.#ring[this.#next++ % this.#most] = { ...record, name: record.name.toLowerCase() }
  }

  page({ filter, from, to, limit, cursor }: PageRequest): QueryPage | HistoryRefusal {
    const read = readRequest({ filter, to, cursor })
    if (read.kind !== 'read') return read
    const queries: QueryRecord[] = []
    const first = this.#next - this.#ring.length
    let at = cursor === null ? this.#next : Math.min(Number(cursor), this.#next)
    while (at > first && queries.length <= limit) {
      const query = this.#ring[--at % this.#most]
      if (query === undefined || query.at < from || query.at >= to) continue
      if (!read.filter.passes({ kind: 'query', query })) continue
      queries.push(query)
    }
    const isMore = queries.length > limit
    const shown = queries.slice(0, limit)
    return {
      kind: 'page',
      queries: shown,
      // The one that was too many comes first on the next page.
      next: isMore ? String(at + 1) : null,
      searchedTo: isMore ? (shown.at(-1)?.at ?? from) : from,
      unreadable: 0,
    }
  }

  summary(request: SummaryRequest): QuerySummary {
    return summariseRecords(this.#ring, request)
  }
}
