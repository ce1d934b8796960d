/** How much of what one question may cost an explanation used, as far as its steps say it. Pure. */
import { durationText } from './format.ts'
import type { Report } from './report.ts'

export interface Used {
  /** The setting that bounds it. */
  readonly setting: string
  readonly label: string
  readonly used: number
  readonly most: number
  readonly text: string
}

interface Count {
  readonly setting: string
  readonly label: string
  readonly of: (report: Report) => number
}

const COUNTS: readonly Count[] = [
  {
    setting: 'budget.queries',
    label: 'messages to servers',
    of: ({ steps }) => steps.filter(({ kind }) => kind === 'exchange').length,
  },
  { setting: 'budget.timeMs', label: 'time', of: ({ tookMs }) => tookMs },
  {
    setting: 'budget.depth',
    label: 'look-ups nested',
    of: ({ steps }) => Math.max(0, ...steps.map(({ depth }) => depth)),
  },
  {
    setting: 'budget.aliases',
    label: 'aliases followed',
    of: ({ records }) => records.filter(({ type }) => type === 'CNAME').length,
  },
]

/** `limits`: values of settings by path; what is not known there is left out. */
export function budgetOf(report: Report, limits: ReadonlyMap<string, unknown>): readonly Used[] {
  return COUNTS.flatMap(({ setting, label, of }) => {
    const most = limits.get(setting)
    if (typeof most !== 'number') return []
    const used = of(report)
    const text = setting.endsWith('Ms') ? `${durationText(used)} of ${durationText(most)}` : `${used} of ${most}`
    return [{ setting, label, used, most, text }]
  })
}
