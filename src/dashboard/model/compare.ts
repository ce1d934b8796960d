/** Two explanations side by side: before and after, cached and from the root, here and elsewhere. Pure. */
import { counted, durationText } from './format.ts'
import type { Report } from './report.ts'
import { layoutWalk } from './walk.ts'

export interface Row {
  readonly label: string
  readonly first: string
  readonly second: string
  readonly isSame: boolean
}

/** What both have, and where they differ. Times differ always, and say nothing of themselves. */
export function compared(first: Report, second: Report): readonly Row[] {
  const [a, b] = [factsOf(first), factsOf(second)]
  return a.map(([label, text], index) => {
    const other = b[index]?.[1] ?? ''
    return { label, first: text, second: other, isSame: text === other || label === TIME }
  })
}

const TIME = 'took'

function factsOf(report: Report): readonly (readonly [label: string, text: string])[] {
  const walk = layoutWalk(report)
  const { question, status, security, rootCause, records, tookMs, steps } = report
  const data = records.map(({ name, type, data: text }) => `${name} ${type} ${text}`).sort()
  const ttls = records.map(({ ttl }) => ttl)
  const servers = new Set(
    steps.flatMap(step => (step.kind === 'exchange' ? (step.serverName ?? step.server ?? []) : [])),
  )
  return [
    ['question', question],
    ['status', status],
    ['security', security],
    ['failed because', rootCause === null ? '' : `${rootCause.kind}: ${rootCause.text}`],
    ['records', data.join('\n')],
    ['least TTL', ttls.length === 0 ? '' : `${Math.min(...ttls)} s`],
    [TIME, durationText(tookMs)],
    ['messages', String(walk.messages)],
    ['zones', walk.lanes.map(({ zone }) => zone).join('\n')],
    ['servers', [...servers].sort().join('\n')],
    ['signatures', counted(walk.signatures, 'signature')],
    ['without asking', walk.found.join('\n')],
  ]
}

/** A report that was saved as JSON; null: it is none. */
export function readSaved(text: string): Report | null {
  try {
    const value: unknown = JSON.parse(text)
    return isReport(value) ? value : null
  } catch {
    return null
  }
}

const isReport = (value: unknown): value is Report =>
  typeof value === 'object' &&
  value !== null &&
  'version' in value &&
  value.version === 1 &&
  'question' in value &&
  typeof value.question === 'string' &&
  'steps' in value &&
  Array.isArray(value.steps) &&
  'records' in value &&
  Array.isArray(value.records) &&
  'rootCause' in value
