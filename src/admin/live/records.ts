/** What streams, the log search and the history are made of: queries and events, as plain values. */
import type { Decision } from '../../policy/handler.ts'

/** One query as streams, the log search and `tail` know it: `server/query-log.ts` has the same for the file. */
export interface QueryRecord {
  /** Milliseconds since 1970 UTC. */
  readonly at: number
  readonly client: string
  readonly transport: string
  readonly name: string
  readonly type: string
  readonly class: string
  /** `none` when nothing was sent. */
  readonly rcode: string
  readonly octets: number
  readonly ms: number
  /** Which path or stage made the answer. */
  readonly by: string
  /** Which rules decided; absent: none. */
  readonly decisions?: readonly Decision[] | undefined
}

/** What is reported: an event's kind, its sentence and its level. */
export interface EventRecord {
  readonly at: number
  readonly kind: string
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly text: string
}
