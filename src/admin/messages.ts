/** What goes between the main thread and the worker of the API, besides calls (`remote.ts`). */
import type { Prefix } from '../dns/address.ts'
import type { EventRecord } from './live/records.ts'
import type { Call, Return } from './remote.ts'

/** Where the API listens. */
export type AdminBinding =
  | { readonly kind: 'tcp'; readonly address: string; readonly port: number; readonly tls: boolean }
  | { readonly kind: 'unix'; readonly path: string }

export type Scope = 'read' | 'operate' | 'write' | 'admin'

/** A token of the configuration: only its hash is known. */
export interface TokenSetting {
  readonly name: string
  readonly scope: Scope
  /** SHA-256 of the token, hex, lower case. */
  readonly sha256: string
  /** Seconds since 1970 UTC; null: never. */
  readonly expires: number | null
}

export interface AdminSettings {
  readonly listen: readonly AdminBinding[]
  /** Begins and ends with a slash. */
  readonly pathPrefix: string
  readonly tokens: readonly TokenSetting[]
  /** Are there pages for a browser? */
  readonly dashboard: boolean
  /** Origins of pages elsewhere that may use the API. */
  readonly origins: readonly string[]
  /** Networks that visits may reach though they are not of the public internet. */
  readonly visits: { readonly allow: readonly Prefix[] }
  /** Proxies whose `X-Forwarded-For` counts. */
  readonly proxies: readonly Prefix[]
  /** The certificate with its chain, and its key, in PEM; null where nothing listens with https://. */
  readonly tls: { readonly cert: string; readonly key: string } | null
  /** The directory of what lasts; null: changes are lost at the end of the process. */
  readonly state: string | null
  /** How often streams show that they are alive. */
  readonly heartbeatMs: number
  /** How long a request may take to arrive. */
  readonly requestMs: number
}

export type ToAdmin =
  | Return
  | { readonly kind: 'settings'; readonly settings: AdminSettings }
  /** `rows` as in `live/rows.ts`. `dropped`: queries between the last batch and this one that were not kept. */
  | { readonly kind: 'queries'; readonly rows: string; readonly dropped: number }
  | { readonly kind: 'event'; readonly event: EventRecord }
  | { readonly kind: 'stop' }

export type FromAdmin =
  | Call
  /** Are queries wanted? */
  | { readonly kind: 'watch'; readonly queries: boolean }
  /** A batch of queries was read. */
  | { readonly kind: 'queries-read' }
  | { readonly kind: 'listening'; readonly text: string }
  | { readonly kind: 'listen-failed'; readonly text: string; readonly code: string; readonly message: string }
  | { readonly kind: 'bug'; readonly where: string; readonly text: string }
  | {
      readonly kind: 'audit'
      readonly who: string
      readonly what: string
      readonly from: string
      readonly requestId: string
    }
  /** Something that lasts could not be read or written. */
  | { readonly kind: 'state-failed'; readonly message: string }
  | { readonly kind: 'stopped' }

export const isCall = (message: FromAdmin): message is Call =>
  message.kind === 'call' || message.kind === 'open' || message.kind === 'cancel'

export const isReturn = (message: ToAdmin): message is Return =>
  message.kind === 'item' || message.kind === 'result' || message.kind === 'bug'

/** What the main thread hands to a new worker. */
export const isSettings = (value: unknown): value is AdminSettings =>
  typeof value === 'object' && value !== null && 'listen' in value && 'tokens' in value
