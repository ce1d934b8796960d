/** From a configuration to the API of a running server. Loaded only when it is configured. */
import type { AdminSettings } from '../../admin/messages.ts'
import type { EventRecord } from '../../admin/live/records.ts'
import type { Config } from '../../config/types.ts'
import type { Event } from '../../events.ts'
import type { TlsIdentity } from '../../net/listen/identity.ts'
import type { EventSink } from '../../ports.ts'
import { logLine } from '../../render/event.ts'
import type { QueryLog } from '../../server/query-log.ts'
import { adminLimits } from '../../admin/limits.ts'
import { makeControls, makeStreams, type Served } from './controls.ts'
import { Rehearsals, type RehearsalsParts } from '../rehearsal/rehearsals.ts'
import { AdminHost } from './host.ts'
import { watchLoopLag } from './loop-lag.ts'
import { QueryBatch } from './query-batch.ts'

/** In ms. */
export interface AdminTimes {
  /** How often streams show that they are alive. */
  readonly heartbeatMs?: number
  /** How long a request may take to arrive. */
  readonly requestMs?: number
}

export interface AdminParts {
  readonly served: Omit<Served, 'rehearsals'>
  /** Of what candidates are held against. */
  readonly rehearsals: RehearsalsParts
  readonly events: EventSink
  /** Sets who sees every query; null: no one. */
  readonly watchQueries: (log: QueryLog | null) => void
  /** The program of the thread; by default the built one. */
  readonly entry?: URL | undefined
  /** What https:// shows; null where nothing is encrypted. */
  readonly identity: TlsIdentity | null
  /** By default as in `adminLimits`. */
  readonly times?: AdminTimes | undefined
}

export interface Admin {
  configure(config: Config): void
  /** What was reported. */
  report(event: Event): void
  stop(): Promise<void>
}

export function openAdmin(parts: AdminParts): Admin {
  const { events, watchQueries } = parts
  const served: Served = { ...parts.served, rehearsals: new Rehearsals(parts.rehearsals) }
  const { heartbeatMs = adminLimits.heartbeatMs, requestMs = adminLimits.requestMs } = parts.times ?? {}
  const material = (): AdminSettings['tls'] => {
    const now = parts.identity?.current()
    return now === undefined ? null : { cert: now.cert, key: now.key }
  }
  const settings = (config: Config): AdminSettings => ({
    ...config.admin,
    proxies: config.proxies,
    state: config.state,
    heartbeatMs,
    requestMs,
    tls: material(),
  })
  const lag = watchLoopLag(() => performance.now())
  const batch = new QueryBatch({
    send: (rows, dropped) => host.send({ kind: 'queries', rows, dropped }),
    // One setting for all that is written or shown of clients.
    privacy: () => served.config().queryLog?.clients ?? 'full',
    after: (ms, call) => void setTimeout(call, ms),
  })
  const host = new AdminHost({
    settings: settings(served.config()),
    controls: makeControls(served, lag),
    streams: makeStreams(served),
    events,
    watch: on => {
      batch.reset()
      watchQueries(on ? entry => batch.add(entry) : null)
    },
    queriesRead: () => batch.wasRead(),
    entry: parts.entry,
  })
  const unfollow = parts.identity?.follow(() => host.configure(settings(served.config())))
  return {
    configure: config => host.configure(settings(config)),
    report: event => host.send({ kind: 'event', event: eventRecord(event) }),
    stop: () => {
      unfollow?.()
      lag.stop()
      served.rehearsals.close()
      return host.stop()
    },
  }
}

function eventRecord(event: Event): EventRecord {
  const { level, message } = logLine(event)
  return { at: Date.now(), kind: event.kind, level, text: message }
}
