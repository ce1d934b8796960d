/** What the API asks of the configuration. Settings are named by their path: `dnssec.validate`. */
import type { Difference, Fault, Refusal, RevisionEntry } from './zone-controls.ts'

export interface SettingEntry {
  readonly path: string
  /** What holds now; secrets are left out. */
  readonly value: unknown
  readonly default: unknown
  readonly source: 'default' | 'file' | 'environment' | 'flag' | 'api'
  /** `file:line:column`, the variable or the flag; null of a default. */
  readonly where: string | null
  readonly takesEffect: 'reload' | 'restart'
  /** It is another one in what would be read now: a reload or restart takes it over. */
  readonly isPending: boolean
  /** Why it cannot be changed through the API; null: it can. */
  readonly fixed: string | null
  readonly description: string
}

export interface ConfigView {
  readonly file: string | null
  readonly revision: number
  readonly etag: string
  readonly settings: readonly SettingEntry[]
  /** What is wrong with what would be read now; the old holds. */
  readonly problems: readonly string[]
}

export type ConfigAction =
  /** Members as in the file; of `patch` null means: as without the API. */
  | { readonly kind: 'put' | 'patch'; readonly settings: Readonly<Record<string, unknown>> }
  | { readonly kind: 'undo' }
  | { readonly kind: 'revert'; readonly revision: number }

export interface ConfigChangeRequest {
  readonly action: ConfigAction
  readonly ifMatch: readonly string[] | null
  readonly author: string
  readonly comment: string | null
  readonly requestId: string
  readonly dryRun: boolean
}

export interface ConfigChanged {
  readonly kind: 'changed'
  readonly revision: number
  readonly etag: string
  /** Lines `path = value`. */
  readonly difference: Difference
  readonly warnings: readonly Fault[]
}

/** With the pointer of each setting that is not changed here. */
export interface Fixed {
  readonly kind: 'fixed'
  readonly faults: readonly Fault[]
}

export interface ConfigControls {
  configuration(): ConfigView
  changeConfiguration(request: ConfigChangeRequest): Promise<ConfigChanged | Fixed | Refusal>
  /** Newest first. */
  configurationRevisions(): readonly RevisionEntry[]
}
