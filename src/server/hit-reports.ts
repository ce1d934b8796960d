/**
 * Reports by listener threads about queries they answered themselves: a hit for the query log, or an answer to
 * prefetch. The query itself comes along, as octets.
 */
import type { Question } from '../dns/message.ts'
import { foldName, trustWireName } from '../dns/name.ts'
import { keyOf, newPeek, peekQuery } from '../dns/wire.ts'
import type { Client, Clock } from '../ports.ts'
import type { Decided } from './decided.ts'
import type { QueryLog } from './query-log.ts'

/** Kinds of reports; one report may be both. */
export const HIT_REPORT = 1
export const PREFETCH_REPORT = 2

/** Octets of the reply and its rcode in one number. */
export const reportValue = (octets: number, rcode: number): number => (rcode << 16) | octets

export interface HitReporterParts {
  readonly clock: Pick<Clock, 'wall'>
  readonly queryLog: QueryLog | null
  readonly decided?: Pick<Decided, 'of'> | undefined
  /** Absent: all are in view 0. */
  readonly viewOf?: ((client: Client) => number) | undefined
  /** For the client that asked. */
  readonly prefetch: (question: Question, client: Client, view: number) => void
}

export type OnHitReport = (kind: number, value: number, query: Uint8Array, client: Client) => void

export function makeHitReporter({ clock, queryLog, decided, viewOf, prefetch }: HitReporterParts): OnHitReport {
  const peek = newPeek()
  return (kind, value, query, client) => {
    if (!peekQuery(query, query.length, peek)) return
    const name = trustWireName(keyOf(peek).slice(0, -2))
    const view = viewOf?.(client) ?? 0
    if ((kind & PREFETCH_REPORT) !== 0)
      prefetch({ name: foldName(name), type: peek.type, class: peek.class }, client, view)
    if ((kind & HIT_REPORT) === 0 || queryLog === null) return
    // A hit is answered within the batch that it came with: its time is below what the log shows.
    queryLog({
      client,
      view,
      name,
      type: peek.type,
      class: peek.class,
      rcode: value >>> 16,
      octets: value & 0xffff,
      tookMs: 0,
      by: 'cache',
      decisions: decided?.of(view, keyOf(peek)),
      wall: clock.wall(),
    })
  }
}
