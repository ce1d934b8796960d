/** What the running server counts, for `/metrics`: read at one moment, as plain values. */
import type { Numbers, TransferStatus } from '../../admin/controls.ts'
import type { HistoryNumbers } from '../../admin/history/messages.ts'
import type { TcpConnections } from '../../net/listen/tcp-connections.ts'
import { version } from '../../system/version.ts'
import { UPSTREAM_BUCKETS_MS } from '../../net/counted-network.ts'
import type { Transport } from '../../ports.ts'
import type { Lists } from '../lists/lists.ts'
import type { LazyPolicies } from '../policy/lazy-policies.ts'
import type { Recursor } from '../recursor.ts'
import type { ServerNumbers } from '../statistics.ts'
import type { Transfers } from '../transfer/transfers.ts'
import type { LoopLag } from './loop-lag.ts'

/** What only the sockets and the counters know. */
export interface Measured {
  readonly cells: Float64Array
  readonly connections: TcpConnections
  readonly handshakes: TcpConnections
}

/** The running server, as far as it counts. */
interface Counting {
  readonly recursor: Recursor
  readonly lists: Pick<Lists, 'status'>
  readonly code: Pick<LazyPolicies, 'status'>
  readonly transfers: () => Transfers | null
  readonly addresses: () => readonly { readonly transport: Transport; readonly port: number }[]
  readonly history: () => { readonly numbers: HistoryNumbers } | null
  readonly dnstap: () => Numbers['dnstap']
  readonly shared: { readonly numbers: NonNullable<Numbers['shared']> } | null
  readonly stats: () => ServerNumbers
  readonly measured: () => Measured
}

const STORES = [
  'rrsets',
  'negatives',
  'failures',
  'delegations',
  'servers',
  'answers',
  'zoneStates',
  'denials',
] as const

export function numbersNow(served: Counting, lag: LoopLag, startedAt: number): Numbers {
  const { recursor } = served
  const { cells, handshakes } = served.measured()
  const { queries, waiting, resolutions, tcpConnections } = served.stats()
  const { rss, heapTotal, heapUsed, external, arrayBuffers } = process.memoryUsage()
  const { user, system } = process.cpuUsage()
  const { requests, timeouts, buckets, sumMs } = recursor.upstream
  return {
    version,
    node: process.version,
    startedAt,
    cpuS: (user + system) / 1_000_000,
    counters: { ...queries, ...staleNumbers(recursor.resolver.staleCounts) },
    cells,
    waiting,
    resolutions,
    tcpConnections,
    stores: STORES.map(store => ({ store, entries: recursor.caches[store].size, bytes: recursor.caches[store].bytes })),
    upstream: { requests: { ...requests }, timeouts, boundsMs: UPSTREAM_BUCKETS_MS, buckets: buckets.slice(), sumMs },
    limits: limitsNow(served),
    handshakes: { ...handshakes.totals },
    memory: { resident: rss, heap: heapTotal, heapUsed, external, arrayBuffers },
    lag: lag.read(),
    lists: served.lists.status().map(({ name, rules, hits, ageS }) => ({ list: name, rules, hits, ageS })),
    transfers: transfersOf(served),
    policyZones: served.transfers()?.policies.statuses() ?? [],
    programs: served.code.status(),
    shared: served.shared?.numbers ?? null,
    history: served.history()?.numbers ?? null,
    dnstap: served.dnstap(),
    udpPorts: [...new Set(served.addresses().flatMap(({ transport, port }) => (transport === 'udp' ? [port] : [])))],
  }
}

export const transfersOf = ({ transfers }: Pick<Counting, 'transfers'>): Numbers['transfers'] =>
  (transfers()?.secondaries.statuses() ?? []).toSorted((a, b) => (placeOf(a) < placeOf(b) ? -1 : 1))

/** By name; of one name that for all clients first. */
const placeOf = ({ zone, views }: TransferStatus): string => `${zone} ${views.join(' ')}`

/** Empty where no expired answers are given. */
const staleNumbers = (counts: Recursor['resolver']['staleCounts']): Readonly<Record<string, number>> =>
  counts === null
    ? {}
    : {
        staleFailed: counts.given.failed,
        staleSlow: counts.given.slow,
        staleFailedBefore: counts.given['failed-before'],
        staleRefreshes: counts.refreshes,
        staleRefreshesFailed: counts.failedRefreshes,
      }

/** The bounds that a whole server shares, by their names in `limits.ts`. */
function limitsNow(served: Counting): Numbers['limits'] {
  const { recursor } = served
  const { limits, caches, resolver } = recursor
  const { connections, handshakes } = served.measured()
  const { queries, queryLogDropped } = served.stats()
  const usage = recursor.usage?.()
  const hits = (name: string): number => queries[name] ?? 0
  return [
    {
      limit: 'engine.resolutionsInFlight',
      used: resolver.inFlight,
      most: limits.engine.resolutionsInFlight,
      hits: null,
    },
    { limit: 'cache.totalBytes', used: caches.bytes, most: limits.cache.totalBytes, hits: null },
    {
      limit: 'server.waitingPerClient',
      used: null,
      most: limits.server.waitingPerClient,
      hits: hits('droppedWaiting'),
    },
    { limit: 'server.discardAfterMs', used: null, most: limits.server.discardAfterMs, hits: hits('droppedLate') },
    {
      limit: 'server.queryLogBufferBytes',
      used: null,
      most: limits.server.queryLogBufferBytes,
      hits: queryLogDropped,
    },
    {
      limit: 'tcp.connections',
      used: connections.size,
      most: limits.tcp.connections,
      hits: connections.totals.refused,
    },
    { limit: 'tcp.queuedBytesInAll', used: connections.queuedBytes, most: limits.tcp.queuedBytesInAll, hits: null },
    { limit: 'tls.handshakes', used: handshakes.size, most: limits.tls.handshakes, hits: handshakes.totals.refused },
    {
      limit: 'upstream.udpSockets',
      used: usage?.udpSockets ?? null,
      most: limits.upstream.udpSockets,
      hits: null,
    },
    {
      limit: 'upstream.tcpConnections',
      used: usage?.tcpConnections ?? null,
      most: limits.upstream.tcpConnections,
      hits: null,
    },
    {
      limit: 'secure.connections',
      used: usage?.secureConnections ?? null,
      most: limits.secure.connections,
      hits: null,
    },
  ]
}
