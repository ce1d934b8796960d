/**
 * What goes between a server and the thread of a policy, several at a time: each message that is sent alone wakes the
 * other thread up, which costs more than most policies do. Both ends are of one version.
 */
import type { CodeLimits } from '../../limits.ts'
import type { Traits } from '../../policy/code/check.ts'
import type { PolicyResult } from '../../policy/code/language.ts'
import type { Call, Verdict } from '../../policy/code/run.ts'

/** What a thread is started with. `current` has the number of the call that it works on: 32 bits. */
export interface ThreadStart {
  readonly file: string
  readonly limits: CodeLimits
  readonly current: Int32Array
}

export type ToThread =
  | { readonly kind: 'call'; readonly id: number; readonly call: Call }
  /** Of a look-up; `error`: why there is nothing. */
  | {
      readonly kind: 'found'
      readonly id: number
      readonly lookUp: number
      readonly result: PolicyResult | null
      readonly error: string
    }
  /** No one waits for the call any more. */
  | { readonly kind: 'forget'; readonly id: number }
  | { readonly kind: 'ping' }

export type FromThread =
  | { readonly kind: 'ready'; readonly traits: Traits }
  /** The program cannot be used. */
  | { readonly kind: 'broken'; readonly problem: string }
  | { readonly kind: 'verdict'; readonly id: number; readonly verdict: Verdict }
  | {
      readonly kind: 'look-up'
      readonly id: number
      readonly lookUp: number
      readonly name: string
      readonly type: string
    }
  | { readonly kind: 'pong' }
  /** An error that no call waits for. */
  | { readonly kind: 'stray'; readonly text: string }
  /** Octets of its own, now and then. */
  | { readonly kind: 'memory'; readonly heap: number; readonly buffers: number }
  /** Its buffers have more octets than they may. */
  | { readonly kind: 'full'; readonly octets: number }

const has = (value: unknown, ...keys: readonly string[]): boolean =>
  typeof value === 'object' && value !== null && keys.every(key => key in value)
export const isThreadStart = (value: unknown): value is ThreadStart => has(value, 'file', 'limits', 'current')
const isBatch = (value: unknown): boolean => Array.isArray(value) && value.every(one => has(one, 'kind'))
export const isToThread = (value: unknown): value is readonly ToThread[] => isBatch(value)
export const isFromThread = (value: unknown): value is readonly FromThread[] => isBatch(value)
