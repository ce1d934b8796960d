/** What the API asks of the server to hold a candidate of a configuration against what runs. */
import type { Fault } from '../zone-controls.ts'

/** Answers that are made by one rule now and by another one then; null: by no rule. */
interface RuleChange {
  readonly before: string | null
  readonly after: string | null
  readonly answers: number
  readonly clients: number
}

export interface PolicyTestTotals {
  readonly compared: number
  /** Questions of a client whose answer is another one. */
  readonly changed: number
  /** How often these were asked. */
  readonly queries: number
  readonly clients: number
  readonly unknown: number
  /** Those that change most answers first. */
  readonly rules: readonly RuleChange[]
}

/** How far it is. */
export interface PolicyTestProgress extends PolicyTestTotals {
  /** Different questions of clients; 0: they are not known yet. */
  readonly questions: number
  readonly asked: number
  readonly skipped: number
  readonly leftOut: number
  /** Messages to servers, and those beyond the bound, which were not sent. */
  readonly exchanges: number
  readonly exchangesLeftOut: number
}

export type PolicyTestQuestions =
  /** The history, or where none is kept the query log. */
  | { readonly kind: 'kept'; readonly sinceS: number | null }
  | { readonly kind: 'history'; readonly sinceS: number | null }
  /** `file` null: that of the running configuration. */
  | { readonly kind: 'query-log'; readonly file: string | null; readonly sinceS: number | null }
  /** A list of questions as JSON, which passes the thread of DNS as it is. */
  | { readonly kind: 'list'; readonly json: string }

export interface PolicyTestRequest {
  readonly candidate: /** `file`: where it would be, absolute; null: where that of the server is. */
    | { readonly kind: 'text'; readonly text: string; readonly file: string | null }
    /** Members as in the file; null means: as without the API. */
    | { readonly kind: 'patch'; readonly settings: Readonly<Record<string, unknown>> }
  readonly questions: PolicyTestQuestions
  /** No server is asked. */
  readonly offline: boolean
  /** Files that the running configuration does not name. */
  readonly mayNameFiles: boolean
  readonly author: string
  /** The candidate is looked at only. */
  readonly dryRun: boolean
}

export type PolicyTestStarted =
  | { readonly kind: 'started'; readonly id: string }
  /** By `dryRun`: nothing is wrong. */
  | { readonly kind: 'checked' }
  | { readonly kind: 'invalid'; readonly faults: readonly Fault[] }
  /** It names these, and may not. */
  | { readonly kind: 'files'; readonly files: readonly string[] }
  | { readonly kind: 'no-questions'; readonly why: string }
  | { readonly kind: 'failed'; readonly reason: string }
  /** As many as may be are under way. */
  | { readonly kind: 'busy' }

export interface PolicyTestStatus extends PolicyTestProgress {
  readonly id: string
  readonly author: string
  /** Seconds since 1970. */
  readonly startedAt: number
  readonly endedAt: number | null
  /** `invalid`: the candidate, see `errors`; `failed`: see `problem`. */
  readonly state: 'preparing' | 'running' | 'done' | 'invalid' | 'failed'
  readonly source: 'history' | 'query-log' | 'list'
  readonly sinceS: number | null
  readonly offline: boolean
  readonly errors: readonly Fault[]
  readonly problem: string | null
  /** What could not be looked at, in a sentence each. */
  readonly notes: readonly string[]
}

export interface PolicyTestControls {
  startPolicyTest(request: PolicyTestRequest): Promise<PolicyTestStarted>
  /** The newest first. */
  policyTests(): readonly PolicyTestStatus[]
  /** Null: there is none of this id. */
  policyTest(id: string): PolicyTestStatus | null
  /** JSON each; `from` and `next` are numbers of them. Null: there is no such test. */
  policyTestChanges(
    id: string,
    page: { readonly of: 'changed' | 'unknown'; readonly from: number; readonly limit: number },
  ): { readonly items: readonly string[]; readonly next: number | null } | null
  /** Ends and forgets it; false: there was none. */
  removePolicyTest(id: string): boolean
}
