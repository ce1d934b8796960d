/** The explanation that others are laid next to, and the one that is shown. */
import { signal } from '@preact/signals'
import type { Report } from '../model/report.ts'

export interface Kept {
  readonly report: Report
  /** `from the root`, `as cached`, a file. */
  readonly how: string
}

export const kept = signal<Kept | null>(null)
export const shown = signal<Kept | null>(null)
