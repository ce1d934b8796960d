/** What is known of a list that is in use, for people and programs. Times in seconds. */
export interface ListStatus {
  readonly name: string
  readonly layer: 'own' | 'allow' | 'block'
  readonly format: string
  /** A path, a URL, or `configuration`. */
  readonly source: string
  /** `waiting`: it was never read; it has no rules. */
  readonly state: 'loaded' | 'waiting' | 'failed'
  /** Why the last reading or fetching was of no use; null: it was. */
  readonly problem: string | null
  readonly rules: number
  readonly exact: number
  readonly suffix: number
  readonly exceptions: number
  readonly patterns: number
  readonly addresses: number
  readonly duplicates: number
  readonly skipped: readonly { readonly reason: string; readonly text: string; readonly lines: number }[]
  /** The first of the skipped lines. */
  readonly shown: readonly {
    readonly line: number
    readonly reason: string
    readonly text: string
    readonly detail: string
  }[]
  /** Answers that it decided since the start. */
  readonly hits: number
  /** Since its content was seen last; null: never. */
  readonly ageS: number | null
  /** Until it is fetched again; null: it is not fetched. */
  readonly nextS: number | null
}
