/** The closed union of things worth telling. Log, query log, metrics and live views are consumers; nobody else logs. */

/** One problem of a configuration or a zone file. Lines and columns count from 1; 0 when unknown. */
export interface Problem {
  readonly file: string
  readonly line: number
  readonly column: number
  readonly severity: 'error' | 'warning'
  readonly message: string
}

export type Event =
  /** `file` is the configuration; null when there is none and the defaults hold. */
  | { readonly kind: 'starting'; readonly version: string; readonly file: string | null }
  | { readonly kind: 'config-warnings'; readonly file: string; readonly problems: readonly Problem[] }
  | { readonly kind: 'stats'; readonly numbers: Readonly<Record<string, unknown>> }
  | { readonly kind: 'listening'; readonly transport: 'udp' | 'tcp'; readonly address: string; readonly port: number }
  | { readonly kind: 'listener-failed'; readonly transport: 'udp' | 'tcp'; readonly address: string; readonly port: number; readonly code: string; readonly message: string }
  | { readonly kind: 'receive-buffer-small'; readonly wantedBytes: number; readonly gotBytes: number }
  /** No descriptor or buffer left for a socket to a server; told at most once a minute. */
  | { readonly kind: 'sockets-exhausted'; readonly code: string }
  | { readonly kind: 'primed'; readonly servers: number }
  | { readonly kind: 'priming-failed'; readonly reason: string }
  | { readonly kind: 'zone-loaded'; readonly zone: string; readonly file: string; readonly records: number }
  | { readonly kind: 'zone-removed'; readonly zone: string; readonly file: string }
  | { readonly kind: 'zone-rejected'; readonly file: string; readonly problems: readonly Problem[]; readonly kept: boolean }
  | { readonly kind: 'zone-warnings'; readonly file: string; readonly problems: readonly Problem[] }
  | { readonly kind: 'config-reloaded'; readonly file: string; readonly needsRestart: readonly string[] }
  | { readonly kind: 'config-rejected'; readonly file: string; readonly problems: readonly Problem[] }
  | { readonly kind: 'family-dead'; readonly family: 4 | 6 }
  | { readonly kind: 'family-alive'; readonly family: 4 | 6 }
  | { readonly kind: 'bug'; readonly where: string; readonly error: unknown; readonly question: string | null }
  | { readonly kind: 'overloaded'; readonly inFlight: number }
  | { readonly kind: 'query-log-failed'; readonly message: string }
  | { readonly kind: 'stopping'; readonly signal: string }
  | { readonly kind: 'stopped' }
