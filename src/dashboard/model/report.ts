/** An explanation as the API gives it: the fields that the dashboard reads. `docs/api.md` has where they come from. */

/** One step of a walk. Fields that do not apply are absent; times are ms from the first step. */
export interface Step {
  readonly kind: string
  readonly id: number
  readonly parent?: number
  readonly depth: number
  readonly atMs?: number
  readonly tookMs?: number
  readonly question?: string
  readonly because?: string
  readonly zone?: string
  readonly from?: string
  readonly servers?: number
  readonly server?: string
  readonly serverName?: string
  readonly transport?: string
  readonly came?: string
  readonly rcode?: string
  readonly reason?: string
  readonly status?: number
  readonly mismatches?: number
  readonly verdict?: string
  readonly decided?: string
  readonly subject?: string
  readonly claim?: string
  readonly name?: string
  readonly type?: string
  readonly ttl?: number
  readonly what?: string
  readonly keyTag?: number
  readonly algorithm?: string
  /** Seconds since 1970 UTC. */
  readonly expires?: number
  readonly note?: string
  readonly outcome?: string
  readonly text?: string
}

interface ReportRecord {
  readonly name: string
  readonly type: string
  readonly ttl: number
  readonly data: string
}

export interface Report {
  readonly version: number
  readonly question: string
  readonly status: string
  readonly rootCause: {
    readonly kind: string
    readonly text: string
    readonly question: string | null
    readonly zone: string | null
    readonly servers: readonly { readonly server: string; readonly did: string; readonly asked: number }[]
    readonly edeName?: string
  } | null
  readonly security: string
  readonly records: readonly ReportRecord[]
  readonly startedAt: string
  readonly tookMs: number
  readonly steps: readonly Step[]
}
