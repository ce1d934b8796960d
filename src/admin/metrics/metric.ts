/** What a metric is: its name and meaning, and how it is read from the numbers of one moment. */
import type { Numbers } from '../controls.ts'

/** What is read, with what only the API's thread can read. */
export interface Readings extends Numbers {
  /** Datagrams that the kernel dropped since no one took them in time; null where that is not known. */
  readonly udpDrops: number | null
}

export interface Sample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** One histogram: counts up to each bound and of what is above, not added up; bounds and sum in seconds. */
export interface Spread {
  readonly labels: Readonly<Record<string, string>>
  readonly bounds: readonly number[]
  readonly counts: readonly number[]
  readonly sum: number
}

interface Described {
  readonly name: string
  readonly help: string
  readonly labels: readonly string[]
}

export type Metric =
  | (Described & { readonly kind: 'counter' | 'gauge'; readonly read: (from: Readings) => readonly Sample[] })
  | (Described & { readonly kind: 'histogram'; readonly read: (from: Readings) => readonly Spread[] })

export const one = (value: number): readonly Sample[] => [{ labels: {}, value }]
export const seconds = (bounds: readonly number[]): readonly number[] => bounds.map(bound => bound / 1_000)
