/** What is known of a response policy zone, for people and programs. Times in seconds since 1970. */
export interface PolicyZoneStatus {
  readonly zone: string
  /** Where its rules come from; null: other servers send them. */
  readonly file: string | null
  /** `missing`: it has no rules yet; with `required`, no query is answered until it has. */
  readonly state: 'loaded' | 'missing'
  readonly required: boolean
  /** `given`, `log`, or what is done instead of what the rules say. */
  readonly action: string
  readonly order: 'early' | 'strict'
  readonly serial: number | null
  readonly rules: number
  /** Queries that a rule of it decided, or with `log` would have, since the start. */
  readonly hits: number
  readonly loadedAt: number | null
  /** Why what was read last is not used, so that what came before holds; null: it is. */
  readonly problem: string | null
  /** Lines that are no rules. */
  readonly warnings: number
}
