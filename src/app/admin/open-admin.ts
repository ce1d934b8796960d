/** From a configuration to the API of a running server. Loaded only when it is configured. */
import type { AdminSettings, EventRecord, QueryRecord } from '../../admin/messages.ts'
import type { Config } from '../../config/types.ts'
import type { Event } from '../../events.ts'
import type { EventSink } from '../../ports.ts'
import { logLine } from '../../render/event.ts'
import { formatName } from '../../presentation/text.ts'
import { className, rcodeName, typeName } from '../../dns/types.ts'
import { clientText, type QueryLog, type QueryLogEntry } from '../../server/query-log.ts'
import { adminLimits } from '../../admin/limits.ts'
import { makeControls, makeStreams, type Served } from './controls.ts'
import { AdminHost } from './host.ts'

export interface AdminParts {
  readonly served: Served
  readonly events: EventSink
  /** Sets who sees every query; null: no one. */
  readonly watchQueries: (log: QueryLog | null) => void
  /** The program of the thread; by default the built one. */
  readonly entry?: URL | undefined
}

export interface Admin {
  configure(config: Config): void
  /** What was reported. */
  tell(event: Event): void
  stop(): Promise<void>
}

export function openAdmin(parts: AdminParts): Admin {
  const { served, events, watchQueries } = parts
  const batch = new QueryBatch((records, dropped) => host.send({ kind: 'queries', records, dropped }))
  const host = new AdminHost({
    settings: settingsOf(served.config()),
    controls: makeControls(served),
    streams: makeStreams(),
    events,
    watch: on => watchQueries(on ? entry => batch.add(entry) : null),
    entry: parts.entry,
  })
  return {
    configure: config => host.configure(settingsOf(config)),
    tell: event => host.send({ kind: 'event', event: eventRecord(event) }),
    stop: () => host.stop(),
  }
}

const settingsOf = ({ admin, state, proxies }: Config): AdminSettings => ({ ...admin, proxies, state })

function eventRecord(event: Event): EventRecord {
  const { level, message } = logLine(event)
  return { at: Date.now(), kind: event.kind, level, text: message }
}

/** Queries are handed over together: a message for each would cost as much as the query. */
class QueryBatch {
  readonly #send: (records: readonly QueryRecord[], dropped: number) => void
  #records: QueryRecord[] = []
  #dropped = 0
  #timer: NodeJS.Timeout | null = null

  constructor(send: (records: readonly QueryRecord[], dropped: number) => void) {
    this.#send = send
  }

  add(entry: QueryLogEntry): void {
    if (this.#records.length >= adminLimits.batchRecords) {
      this.#dropped++
      return
    }
    this.#records.push(queryRecord(entry))
    this.#timer ??= setTimeout(() => this.#flush(), adminLimits.batchMs)
  }

  #flush(): void {
    this.#timer = null
    this.#send(this.#records, this.#dropped)
    this.#records = []
    this.#dropped = 0
  }
}

const queryRecord = (entry: QueryLogEntry): QueryRecord => ({
  at: Math.round(entry.wall * 1_000),
  client: clientText(entry.client, 'full'),
  transport: entry.client.transport,
  name: formatName(entry.name),
  type: typeName(entry.type),
  class: className(entry.class),
  rcode: entry.rcode === null ? 'none' : rcodeName(entry.rcode),
  octets: entry.octets,
  ms: entry.tookMs,
  by: entry.by,
})
