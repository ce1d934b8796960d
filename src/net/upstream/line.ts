/**
 * One connection to a server as the pool sees it: something that is asked and answers in any order, until it ends. What
 * goes over the wire is the line's own business.
 */
import type { Decoded } from '../../dns/decode.ts'
import type { Cancel, ServerAddress } from '../../ports.ts'

/** What became of one query on a line. */
export type LineAnswer =
  /** It belongs to the query and has its ID. */
  | {
      readonly kind: 'reply'
      readonly bytes: Uint8Array
      readonly decoded: Decoded | undefined
      readonly caseEchoed: boolean
    }
  | { readonly kind: 'http-status'; readonly status: number; readonly retryAfterMs: number | null }
  /** What came is no reply; the line is as good as before. */
  | { readonly kind: 'unusable'; readonly reason: string }
  /** The server has not looked at it, so that it may be asked elsewhere at once. */
  | { readonly kind: 'not-processed'; readonly reason: string }

/** Why a line ended: `reason` is the code of a system error or a text. */
export interface LineEnd {
  readonly kind: 'failed' | 'unverified'
  readonly reason: string
}

export interface LineUser {
  /** What was asked leaves from now on. */
  ready(): void
  /** It takes no further query; what is open goes on. */
  leaving(): void
  /** The server closes it when it has been idle for this long (RFC 7828 section 3.1). */
  keptFor(idleMs: number): void
  /** What is open gets no answer. Nothing is heard after it. */
  ended(end: LineEnd): void
}

export interface Line {
  /** Queries that it takes at the same time; more wait in it. */
  readonly capacity: number
  /**
   * `heard` is called at most once, never within the call. Cancelling is silent: a late answer is passed over.
   */
  ask(query: Uint8Array, heard: (answer: LineAnswer) => void): Cancel
  /** Finds out whether the server is still there; the line ends when it is not. Absent: there is no way to. */
  readonly probe?: (() => void) | undefined
  /** Its user hears nothing more. */
  close(): void
}

/** The user hears nothing within the call. */
export type OpenLine = (server: ServerAddress, user: LineUser) => Line
