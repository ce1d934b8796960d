/** How a visit is made: what the command line and the API set. */
import type { IpAddress } from '../dns/address.ts'
import type { VisitLimits } from '../limits.ts'
import type { Clock, ServerAddress } from '../ports.ts'
import type { Reach } from './private-targets.ts'
import type { Alpn, Names, Progress } from './types.ts'

export interface VisitOptions {
  readonly names: Names
  readonly clock: Clock
  readonly limits: VisitLimits
  /** What may be connected to, after redirects too. */
  readonly reach: Reach
  readonly method: string
  /** Sent in addition, or instead of what is sent anyhow. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** HTTP versions that may be spoken, best first. */
  readonly offer: readonly Alpn[]
  readonly families: readonly (4 | 6)[]
  /** Connect here, whatever the names say; nothing is looked up then. */
  readonly address: IpAddress | null
  /** Certificates in PEM that are trusted instead of those built in; empty: those. */
  readonly authorities: readonly string[]
  /** Any certificate is accepted. */
  readonly insecure: boolean
  /** 1: cold only. With more, the last pass but this many is over the connections that are open then. */
  readonly repeat: number
  readonly redirects: number
  readonly contentBytes: number
  /** Of each pass. */
  readonly passMs: number
  /** The look-ups are made once more there. */
  readonly comparison: { readonly server: ServerAddress; readonly names: Names } | null
  /** Called as things happen, in their order. */
  readonly report?: (progress: Progress) => void
  /** Ends what is under way as the end of its time would. */
  readonly signal?: AbortSignal
}
