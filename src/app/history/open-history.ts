/** From a configuration to the query history of a running server. Loaded only when it is configured. */
import type {
  HistoryControls,
  HistoryNumbers,
  HistoryReply,
  HistoryRefusal,
  PageRequest,
  QueryPage,
  QuerySummary,
  SummaryRequest,
} from '../../admin/history/messages.ts'
import type { HistoryConfig } from '../../config/types.ts'
import type { EventSink } from '../../ports.ts'
import type { ClientPrivacy, QueryLog } from '../../server/query-log.ts'
import { QueryBatch } from '../admin/query-batch.ts'
import { HistoryHost } from './host.ts'

export interface HistoryParts {
  readonly config: HistoryConfig
  readonly events: EventSink
  /** The program of the threads; by default the built one. */
  readonly entry?: URL | undefined
}

type Reply<K extends keyof HistoryControls> = Promise<ReturnType<HistoryControls[K]>>

export interface History {
  /** Gets every query. */
  readonly log: QueryLog
  readonly numbers: HistoryNumbers
  queryPage(request: PageRequest): Reply<'queryPage'>
  querySummary(request: SummaryRequest): Reply<'querySummary'>
  configure(config: HistoryConfig): void
  stop(): Promise<void>
}

const PRIVACY: Readonly<Record<HistoryConfig['clients'], ClientPrivacy>> = {
  full: 'full',
  masked: 'prefix',
  none: 'none',
}

export function openHistory({ config, events, entry }: HistoryParts): History {
  let settings = config
  const batch = new QueryBatch({
    send: (rows, dropped) => {
      host.lost(dropped)
      host.send(rows)
    },
    privacy: () => PRIVACY[settings.clients],
    after: (ms, call) => void setTimeout(call, ms),
  })
  const host = new HistoryHost({ settings: config, events, taken: () => batch.wasRead(), entry })
  return {
    log: entry => batch.add(entry),
    get numbers() {
      return host.numbers
    },
    queryPage: async request => pageOf(await host.ask({ kind: 'page', ...request })),
    querySummary: async request => summaryOf(await host.ask({ kind: 'summary', ...request })),
    configure(next) {
      settings = next
      host.configure(next)
    },
    stop() {
      batch.finish()
      return host.stop()
    },
  }
}

const mixed = (): HistoryRefusal => ({ kind: 'failed', detail: 'the thread answered something else' })
const pageOf = (reply: HistoryReply): QueryPage | HistoryRefusal => (reply.kind === 'summary' ? mixed() : reply)
const summaryOf = (reply: HistoryReply): QuerySummary | HistoryRefusal => (reply.kind === 'page' ? mixed() : reply)
