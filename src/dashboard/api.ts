/** The API as the pages ask it: next to the page, with the cookie of the session. Problems are values. */
import type { CacheControls, CacheEntry, Flushed, ServerEntry } from '../admin/cache-controls.ts'
import type { ConfigChanged, ConfigView } from '../admin/config-controls.ts'
import type { TrustPointEntry } from '../admin/anchor-controls.ts'
import type { TopView } from '../admin/now/top-lists.ts'
import type { Columns } from './model/series.ts'

interface Problem {
  readonly status: number
  readonly detail: string
  readonly errors?: readonly { readonly pointer: string; readonly detail: string }[]
}

/** Not a success. */
export type Failure =
  | { readonly kind: 'problem'; readonly problem: Problem }
  /** The server does not answer. */
  | { readonly kind: 'away' }

/** `etag`: of the state that the answer is of. */
export type Answer<T> = { readonly kind: 'ok'; readonly value: T; readonly etag: string | null } | Failure

type Scope = 'read' | 'operate' | 'write' | 'admin'
export interface Principal {
  readonly name: string
  readonly scope: Scope
  readonly expires: number | null
}

export interface Status {
  readonly version: string
  readonly node: string
  readonly startedAt: number
  readonly uptimeS: number
  readonly listening: readonly { readonly transport: string; readonly address: string; readonly port: number }[]
  readonly stopping: boolean
  readonly configFile: string | null
  readonly trustAnchors: readonly string[]
  readonly counters: Readonly<Record<string, number>>
}

export interface Mark {
  readonly at: number
  readonly kind: string
  readonly text: string
}

interface Limit {
  readonly limit: string
  readonly used: number | null
  readonly most: number
  readonly hits: number | null
}

export interface Now {
  readonly at: number
  readonly startedAt: number
  readonly stepMs: number
  readonly series: Columns
  readonly marks: readonly Mark[]
  readonly limits: readonly Limit[]
  readonly stores: readonly { readonly store: string; readonly entries: number; readonly bytes: number }[]
  readonly memory: Readonly<Record<string, number>>
  readonly waiting: number
  readonly resolutions: number
  readonly tcpConnections: number
  readonly queries: number
}

export type { CacheEntry, ServerEntry, TopView, TrustPointEntry }
export type SettingsView = Omit<ConfigView, 'etag'>
export type SettingsChange = Pick<ConfigChanged, 'revision' | 'difference' | 'warnings'>
export type CacheView = NonNullable<ReturnType<CacheControls['cacheOf']>>

export interface NegativeAnchor {
  readonly name: string
  readonly until: string
  readonly from: 'configuration' | 'api'
}

export interface FlushResult {
  readonly dryRun: boolean
  readonly removed: Flushed
}

export interface ZoneEntry {
  readonly name: string
  readonly source: 'file' | 'api' | 'transfer'
  readonly file: string | null
  readonly editable: boolean
  readonly changed: boolean
  readonly records: number
  readonly serial: number | null
  readonly revision: number
}

export interface ZoneChange {
  readonly zone: ZoneEntry | null
  readonly difference: {
    readonly removed: readonly string[]
    readonly added: readonly string[]
    readonly removedCount: number
    readonly addedCount: number
  }
  readonly warnings: readonly { readonly detail: string }[]
}

export interface Revision {
  readonly number: number
  readonly at: string
  readonly author: string
  readonly comment: string | null
}

export interface TokenEntry {
  readonly name: string
  readonly scope: string
  readonly expires: string | null
  readonly from: 'configuration' | 'api'
  readonly lastUsedAt: string | null
}

interface Asking {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly body?: unknown
  /** Instead of a body in JSON: a master file (text/dns). */
  readonly zoneText?: string
  readonly ifMatch?: string | null
}

/** Called when the server says that nobody is logged in. */
const listeners = new Set<() => void>()
export const onLoggedOut = (listener: () => void): void => void listeners.add(listener)

export async function ask<T>(path: string, asking: Asking = {}): Promise<Answer<T>> {
  const { method = 'GET', body, zoneText, ifMatch = null } = asking
  const sent = zoneText ?? (body === undefined ? null : JSON.stringify(body))
  const type = zoneText === undefined ? 'application/json' : 'text/dns'
  const headers = {
    ...(sent === null ? {} : { 'content-type': type }),
    ...(ifMatch === null ? {} : { 'if-match': ifMatch }),
  }
  const content = { headers, ...(sent === null ? {} : { body: sent }) }
  try {
    const response = await fetch(`api/v1/${path}`, { method, credentials: 'same-origin', ...content })
    const etag = response.headers.get('etag')
    if (response.status === 204) {
      const value: T = JSON.parse('null')
      return { kind: 'ok', value, etag }
    }
    if (response.ok) {
      const value: T = await response.json()
      return { kind: 'ok', value, etag }
    }
    if (response.status === 401 && path !== 'session') for (const listener of listeners) listener()
    return { kind: 'problem', problem: await problemOf(response) }
  } catch {
    return { kind: 'away' }
  }
}

/** The text of a zone, and the tag of the zone that it is of. */
export async function askZoneText(name: string): Promise<Answer<string>> {
  try {
    const response = await fetch(`api/v1/zones/${encodeURIComponent(name)}`, { headers: { accept: 'text/dns' } })
    if (!response.ok) return { kind: 'problem', problem: await problemOf(response) }
    return { kind: 'ok', value: await response.text(), etag: response.headers.get('etag') }
  } catch {
    return { kind: 'away' }
  }
}

async function problemOf(response: Response): Promise<Problem> {
  const isProblem = (response.headers.get('content-type') ?? '').includes('problem+json')
  if (!isProblem) return { status: response.status, detail: `The server answered ${response.status}.` }
  const problem: Problem = await response.json()
  return problem
}

/** What to show of an answer that is none. */
export function troubleText(answer: Failure): string {
  if (answer.kind === 'away') return 'The server does not answer.'
  const { detail, errors = [] } = answer.problem
  return [detail, ...errors.map(error => `${error.pointer.slice(1)}: ${error.detail}`)].join(' ')
}

/** A query string of what is set. */
export const queryOf = (fields: Readonly<Record<string, string | number | boolean | undefined>>): string => {
  const set = Object.entries(fields).filter(([, value]) => value !== undefined && value !== '' && value !== false)
  return new URLSearchParams(set.map(([name, value]) => [name, String(value)])).toString()
}
