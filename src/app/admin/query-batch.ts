/**
 * Queries on their way to the API's thread, handed over together: a message for each would cost as much as the query.
 * Bounded by what the thread has not read yet, so that one that is slow costs some queries of a stream and no memory.
 */
import { adminLimits } from '../../admin/limits.ts'
import { queryRow, rowsText } from '../../admin/live/rows.ts'
import { className, rcodeName, typeName } from '../../dns/types.ts'
import { formatName } from '../../presentation/text.ts'
import { clientText, type ClientPrivacy, type QueryLogEntry } from '../../server/query-log.ts'

export interface QueryBatchParts {
  /** `dropped`: how many before these were left out. */
  readonly send: (rows: string, dropped: number) => void
  /** How much of a client's address leaves this thread. */
  readonly privacy: () => ClientPrivacy
  readonly after: (ms: number, call: () => void) => void
}

export class QueryBatch {
  readonly #parts: QueryBatchParts
  #rows: string[] = []
  /** Left out before, and after, what is in hand. */
  #droppedBefore = 0
  #dropped = 0
  #unread = 0
  #isWaiting = false

  constructor(parts: QueryBatchParts) {
    this.#parts = parts
  }

  add(entry: QueryLogEntry): void {
    if (this.#rows.length >= adminLimits.batchRecords) this.#flush()
    if (this.#rows.length >= adminLimits.batchRecords) {
      this.#dropped++
      return
    }
    this.#rows.push(rowOf(entry, this.#parts.privacy()))
    this.#wait()
  }

  /** The thread has read one of what was sent. */
  wasRead(): void {
    this.#unread = Math.max(0, this.#unread - 1)
  }

  /** Nothing more comes. */
  finish(): void {
    this.#unread = 0
    this.#flush()
  }

  /** Whoever read is gone: the next one begins with nothing. */
  reset(): void {
    this.#rows = []
    this.#droppedBefore = 0
    this.#dropped = 0
    this.#unread = 0
  }

  #wait(): void {
    if (this.#isWaiting) return
    this.#isWaiting = true
    this.#parts.after(adminLimits.batchMs, () => {
      this.#isWaiting = false
      this.#flush()
      if (this.#rows.length > 0) this.#wait()
    })
  }

  #flush(): void {
    if (this.#rows.length === 0 || this.#unread >= adminLimits.batchesUnread) return
    this.#unread++
    const rows = rowsText(this.#rows)
    const dropped = this.#droppedBefore
    this.#rows = []
    this.#droppedBefore = this.#dropped
    this.#dropped = 0
    this.#parts.send(rows, dropped)
  }
}

const rowOf = (entry: QueryLogEntry, privacy: ClientPrivacy): string =>
  queryRow({
    at: Math.round(entry.wall * 1_000),
    client: clientText(entry.client, privacy),
    transport: entry.client.transport,
    name: formatName(entry.name),
    type: typeName(entry.type),
    class: className(entry.class),
    rcode: entry.rcode === null ? 'none' : rcodeName(entry.rcode),
    octets: entry.octets,
    ms: Math.round(entry.tookMs * 1_000) / 1_000,
    by: entry.by,
    decisions: entry.decisions,
  })
