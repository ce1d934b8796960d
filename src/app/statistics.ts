/** What a running server counts, as plain numbers. */
import type { Counters } from '../server/counters.ts'
import type { WaitingClients } from '../server/pending-queries.ts'
import type { Recursor } from './recursor.ts'

export interface ServerNumbers {
  readonly queries: Readonly<Record<string, number>>
  readonly waiting: number
  readonly resolutions: number
  readonly tcpConnections: number
  readonly cacheBytes: number
  readonly cached: { readonly rrsets: number; readonly answers: number }
  readonly queryLogDropped: number
}

export interface Counted {
  readonly counters: Counters
  readonly waiting: WaitingClients
  readonly recursor: Pick<Recursor, 'caches' | 'resolver'>
  readonly tcpConnections: number
  readonly queryLog: { readonly dropped: number }
}

export const numbersOf = ({ counters, waiting, recursor, tcpConnections, queryLog }: Counted): ServerNumbers => ({
  queries: counters.snapshot(),
  waiting: waiting.total,
  resolutions: recursor.resolver.inFlight,
  tcpConnections,
  cacheBytes: recursor.caches.bytes,
  cached: { rrsets: recursor.caches.rrsets.size, answers: recursor.caches.answers.size },
  queryLogDropped: queryLog.dropped,
})
