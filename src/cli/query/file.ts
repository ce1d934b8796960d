/**
 * The queries that a stub recorded, in a file, a JSON object a line. A line is written when what became of the query is
 * known, in the order they came; those of which nothing is known are written at the end.
 */
import { closeSync, openSync, writeSync } from 'node:fs'
import { queryJson } from '../../testing/control/query-json.ts'
import type { DnsStub, RecordedQuery } from '../../testing/stub/types.ts'

/** Somebody who watches the file sees a query after this time at the latest. */
const EVERY_MS = 200

export class QueryFile {
  readonly #stub: DnsStub
  readonly #file: number
  readonly #timer: NodeJS.Timeout
  /** It and those before have been written. */
  #last: RecordedQuery | undefined

  /** Truncates the file. Throws when it cannot be written. */
  constructor(path: string, stub: DnsStub) {
    this.#stub = stub
    this.#file = openSync(path, 'w')
    this.#timer = setInterval(() => this.#write(false), EVERY_MS).unref()
  }

  /** Writes all of them, before they are forgotten. */
  flush(): void {
    this.#write(true)
  }

  close(): void {
    clearInterval(this.#timer)
    this.#write(true)
    closeSync(this.#file)
  }

  #write(all: boolean): void {
    const { queries } = this.#stub
    // By the query and not by its index: a stub drops queries on request and when there are too many.
    const fresh = queries.slice(this.#last === undefined ? 0 : queries.lastIndexOf(this.#last) + 1)
    const pending = all ? -1 : fresh.findIndex(({ answeredWith }) => answeredWith === 'pending')
    const known = pending < 0 ? fresh : fresh.slice(0, pending)
    if (known.length > 0) writeSync(this.#file, known.map(query => `${JSON.stringify(queryJson(query))}\n`).join(''))
    this.#last = known.at(-1) ?? this.#last
  }
}
