/** What goes between the main thread and the thread of dnstap. */
import type { DnstapTarget } from '../../config/values.ts'

export interface DnstapSettings {
  readonly target: DnstapTarget
  /** As written, for the log. */
  readonly text: string
  readonly identity: string
  readonly version: string
}

export type ToDnstap =
  | { readonly kind: 'chunk'; readonly chunk: Uint8Array }
  /** A file that was moved away is begun again. */
  | { readonly kind: 'reopen' }
  | { readonly kind: 'stop' }

export type FromDnstap =
  | { readonly kind: 'read'; readonly sent: number; readonly dropped: number }
  | { readonly kind: 'connected' }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'stopped' }

export const isDnstapSettings = (value: unknown): value is DnstapSettings =>
  typeof value === 'object' && value !== null && 'target' in value && 'identity' in value
