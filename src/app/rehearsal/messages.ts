/** What goes between the main thread and the thread of a rehearsal. Plain values. */
import type { PolicyTestProgress } from '../../admin/policy-tests/controls.ts'
import type { Question } from '../../dns/message.ts'
import type { Config, ConfigResult } from '../../config/types.ts'
import type { Problem } from '../../events.ts'
import type { ExchangeResult, ServerAddress, Transport } from '../../ports.ts'
import type { Lent } from './borrowed-cache.ts'
import type { Frozen } from './frozen.ts'
import type { LoggedQuery } from './questions.ts'

export interface RehearsalStart {
  readonly running: Config
  /** Without what can say where a setting comes from. */
  readonly candidate: Exclude<ConfigResult, { kind: 'config' }> | { readonly kind: 'config'; readonly config: Config }
  readonly frozen: Frozen
  /** See `rulesText`. */
  readonly rules: string
  /** `lent`: the main thread asks servers, as it has an internet of its own. */
  readonly network: 'own' | 'lent' | 'none'
  readonly questions: QuestionSource
  /** The candidate is opened, and nothing is asked. */
  readonly onlyCheck: boolean
}

export type QuestionSource =
  /** They come as messages. */
  | { readonly kind: 'sent' }
  /** JSON: a list of `AskedQuestion`. */
  | { readonly kind: 'list'; readonly json: string }
  /** `since` in seconds since 1970; null: all. */
  | { readonly kind: 'log'; readonly file: string; readonly since: number | null }

export type ToRehearsal =
  | { readonly kind: 'lent'; readonly id: number; readonly lent: Lent | null }
  | { readonly kind: 'exchanged'; readonly id: number; readonly result: ExchangeResult }
  | { readonly kind: 'queries'; readonly queries: readonly LoggedQuery[] }
  /** `problem` null: these were all. */
  | { readonly kind: 'queries-end'; readonly problem: string | null }

export type FromRehearsal =
  | { readonly kind: 'borrow'; readonly id: number; readonly partition: string; readonly question: Question }
  | {
      readonly kind: 'exchange'
      readonly id: number
      readonly server: ServerAddress
      readonly transport: Transport
      readonly query: Uint8Array
      readonly timeoutMs: number
    }
  | { readonly kind: 'cancel'; readonly id: number }
  | { readonly kind: 'invalid'; readonly problems: readonly Problem[] }
  /** Both are open. `missing`: what of the candidate is not here, in a sentence each. */
  | { readonly kind: 'ready'; readonly missing: readonly string[] }
  | { readonly kind: 'progress'; readonly progress: PolicyTestProgress }
  /** JSON of `Change`, each. */
  | { readonly kind: 'compared'; readonly changed: readonly string[]; readonly unknown: readonly string[] }
  | { readonly kind: 'done'; readonly progress: PolicyTestProgress }
  | { readonly kind: 'failed'; readonly reason: string }

export const isRehearsalStart = (value: unknown): value is RehearsalStart =>
  typeof value === 'object' && value !== null && 'candidate' in value && 'frozen' in value
