/** What is known of a policy that is a program, for people and programs. Counted since the start. */
import type { Fault } from './run.ts'

export interface ProgramStatus {
  readonly name: string
  readonly file: string
  readonly isolated: boolean
  /** `everything` where it does not say. */
  readonly reads: string
  readonly onFault: 'open' | 'closed'
  readonly hooks: readonly string[]
  /** False: no version of it could be used. */
  readonly loaded: boolean
  /** Queries that its hooks were asked about; each side of a query counts. */
  readonly calls: number
  /** By kind; those that never were are left out. */
  readonly faults: Readonly<Partial<Record<Fault, number>>>
  /** Of its thread. */
  readonly restarts: number
  /** Octets of its thread when it last answered: heap and buffers; null: it runs in the server's own, or has not. */
  readonly memory: { readonly heap: number; readonly buffers: number } | null
  /** Why the version that was read last cannot be used; null: it is. */
  readonly problem: string | null
}
