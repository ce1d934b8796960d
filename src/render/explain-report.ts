/**
 * A resolution explained as data: what was asked, what came of it, where it failed its one cause, and every step. The
 * form has a version; docs/explain.schema.json describes it, and whoever saved one can read it again.
 */
import type { TraceStep } from '../resolver/trace.ts'
import type { Outcome } from '../steps.ts'
import { type RootCause, rootCause } from './root-cause.ts'
import { type JsonStep, jsonStep } from './trace-json.ts'

/** Grows when a member goes or means something else; new members leave it as it is. */
const EXPLAIN_VERSION = 1

export interface ExplainReport {
  readonly version: number
  readonly question: string
  /** Null: it did not fail. */
  readonly rootCause: RootCause | null
  /** UTC (RFC 3339). */
  readonly startedAt: string
  readonly tookMs: number
  /** Times count from the start. */
  readonly steps: readonly JsonStep[]
}

interface Explained<R> {
  readonly question: string
  /** What a client gets, as the library says it. */
  readonly resolution: R
  readonly outcome: Outcome
  readonly steps: readonly TraceStep[]
  readonly startedAt: Date
  /** By the clock of the steps, ms. */
  readonly startedAtMs: number
  readonly tookMs: number
}

export function explainReport<R extends object>(explained: Explained<R>): ExplainReport & R {
  const { question, resolution, outcome, steps, startedAt, startedAtMs, tookMs } = explained
  return {
    version: EXPLAIN_VERSION,
    question,
    rootCause: rootCause(steps, outcome),
    ...resolution,
    startedAt: startedAt.toISOString(),
    tookMs: Math.round(tookMs * 1_000) / 1_000,
    steps: steps.map(step => jsonStep(step, startedAtMs)),
  }
}

/** As far as pictures and lines need it. */
export interface SavedReport {
  readonly question: string
  readonly status: string
  readonly security: string
  readonly tookMs: number
  readonly rootCause: { readonly kind: string; readonly text: string; readonly zone: string | null } | null
  readonly steps: readonly Readonly<Record<string, unknown>>[]
}

/** A report that was saved, by this version or an older one. */
export function readReport(text: string): SavedReport | { readonly error: string } {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return { error: 'is no JSON: expected what `explain --json` or the API has written' }
  }
  const report = fieldsOf(value)
  const { version, question, steps } = report
  if (typeof version !== 'number' || typeof question !== 'string' || !Array.isArray(steps))
    return { error: 'is no explanation: expected what `explain --json` or the API has written' }
  if (version > EXPLAIN_VERSION)
    return { error: `has version ${version} of the form, and ${EXPLAIN_VERSION} is the latest known here` }
  const cause = fieldsOf(report.rootCause)
  return {
    question,
    status: textOf(report.status),
    security: textOf(report.security),
    tookMs: typeof report.tookMs === 'number' ? report.tookMs : 0,
    rootCause:
      report.rootCause === null || report.rootCause === undefined
        ? null
        : { kind: textOf(cause.kind), text: textOf(cause.text), zone: textOf(cause.zone) || null },
    steps: steps.map(fieldsOf),
  }
}

const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? { ...value } : {}

const textOf = (value: unknown): string =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : ''
