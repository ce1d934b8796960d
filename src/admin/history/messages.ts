/** What goes between the main thread and the threads of the query history. Plain values. */
import type { QueryRecord } from '../live/records.ts'

export interface HistorySettings {
  /** Absolute path. */
  readonly directory: string
  /** Days of UTC, the present one among them. */
  readonly days: number
  /** Octets of all files together. */
  readonly bytes: number
}

/** A page of queries, newest first. Times in ms since 1970 UTC; `from` is in the range and `to` is not. */
export interface PageRequest {
  readonly filter: string
  readonly from: number
  readonly to: number
  readonly limit: number
  /** What the page before has as `next`. */
  readonly cursor: string | null
}

export interface QueryPage {
  readonly kind: 'page'
  readonly queries: readonly QueryRecord[]
  /** Null: there are no more. */
  readonly next: string | null
  /** Back to when was searched; later than `from` when time ran out, and `next` goes on from there. */
  readonly searchedTo: number
  /** Files that could not be read. */
  readonly unreadable: number
}

export interface SummaryRequest {
  readonly from: number
  readonly to: number
}

interface KeyCount {
  readonly key: string
  readonly count: number
}

export interface QuerySummary {
  readonly kind: 'summary'
  readonly from: number
  readonly to: number
  readonly queries: number
  readonly stepMs: number
  /** A column each; `at` is the beginning of a step. Steps without queries are left out. */
  readonly series: Readonly<Record<'at' | 'queries' | 'cache' | 'servfail' | 'nxdomain' | 'meanMs', readonly number[]>>
  readonly rcodes: readonly KeyCount[]
  readonly sources: readonly KeyCount[]
  /** Of the whole hours that the range touches. */
  readonly names: readonly KeyCount[]
  readonly clients: readonly KeyCount[]
  readonly failing: readonly KeyCount[]
  readonly absent: readonly KeyCount[]
  readonly unreadable: number
}

/** Why there is no page. */
export type HistoryRefusal =
  | { readonly kind: 'off' }
  | { readonly kind: 'wrong'; readonly field: 'filter' | 'cursor'; readonly detail: string }
  | { readonly kind: 'failed'; readonly detail: string }

export type HistoryRequest = ({ readonly kind: 'page' } & PageRequest) | ({ readonly kind: 'summary' } & SummaryRequest)
export type HistoryReply = QueryPage | QuerySummary | HistoryRefusal

/** What the API asks of the history. */
export interface HistoryControls {
  queryPage(request: PageRequest): QueryPage | HistoryRefusal
  querySummary(request: SummaryRequest): QuerySummary | HistoryRefusal
}

/** How much is kept, and what was lost since the start. */
export interface HistoryNumbers {
  /** Since the start. */
  readonly kept: number
  /** Not kept: the thread was too slow, or the disk did not take them. */
  readonly dropped: number
  /** Kept under the name `<other>`, since the day has too many names. */
  readonly unnamed: number
  readonly files: number
  readonly bytes: number
}

/** A thread that writes, or one that only reads. */
export interface HistoryStart {
  readonly role: 'writer' | 'reader'
  readonly settings: HistorySettings
}

export type ToHistory =
  | { readonly kind: 'rows'; readonly rows: string }
  | { readonly kind: 'settings'; readonly settings: HistorySettings }
  | { readonly kind: 'request'; readonly id: number; readonly request: HistoryRequest }
  /** A reader found that this file is damaged. */
  | { readonly kind: 'damaged'; readonly file: string }
  | { readonly kind: 'stop' }

export type FromHistory =
  /** `memory`: there is no SQLite, and what is kept is lost at the end. */
  | { readonly kind: 'open'; readonly where: 'disk' | 'memory' }
  /** Batches were read; of their queries some are kept, and some are lost. */
  | {
      readonly kind: 'taken'
      readonly batches: number
      readonly kept: number
      readonly lost: number
      readonly unnamed: number
    }
  | { readonly kind: 'size'; readonly files: number; readonly bytes: number }
  | { readonly kind: 'reply'; readonly id: number; readonly reply: HistoryReply }
  | { readonly kind: 'damaged'; readonly file: string; readonly message: string }
  | { readonly kind: 'set-aside'; readonly file: string; readonly as: string }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'works'; readonly lost: number }
  | { readonly kind: 'removed'; readonly file: string; readonly why: 'age' | 'size' }
  | { readonly kind: 'stopped' }

export const isHistoryStart = (value: unknown): value is HistoryStart =>
  typeof value === 'object' && value !== null && 'role' in value && 'settings' in value
