/** The chain of trust of a walk as links, from the anchor to the answer; the first broken one ends it. Pure. */
import type { Report, Step } from './report.ts'
import { isWithin } from './walk.ts'

export interface Link {
  /** `com. DS`. */
  readonly label: string
  /** `key 19718 · RSASHA256 · until 2026-12-14`, or why it is broken. */
  readonly detail: string
  readonly state: 'closed' | 'open' | 'broken'
}

const depthOf = (name: string): number => name.split('.').filter(label => label !== '').length
/** Within a zone: what its parent says of it, its keys, then what they signed. */
const rank = ({ subject, type }: Step): number =>
  subject === 'delegation' || type === 'DS' ? 0 : type === 'DNSKEY' ? 1 : 2

/** Only what leads to the question; a set that validated only as another server had it counts as it ended. */
export function trustChain(report: Report): readonly Link[] {
  const [name = '.', type = ''] = report.question.split(' ')
  const last = new Map<string, Step>()
  for (const step of report.steps) if (isOfChain(step, name, type)) last.set(labelOf(step), step)
  const links = [...last.values()].sort(
    (one, other) => depthOf(one.name ?? '.') - depthOf(other.name ?? '.') || rank(one) - rank(other),
  )
  const broken = links.findIndex(({ verdict }) => verdict === 'bogus')
  return (broken < 0 ? links : links.slice(0, broken + 1)).map(step => ({
    label: labelOf(step),
    detail: detailOf(step),
    state: step.verdict === 'secure' ? 'closed' : step.verdict === 'bogus' ? 'broken' : 'open',
  }))
}

function isOfChain(step: Step, name: string, type: string): boolean {
  if (step.kind !== 'validated' || step.name === undefined) return false
  const { subject } = step
  if (step.type === 'DS' || step.type === 'DNSKEY' || subject === 'delegation') return isWithin(name, step.name)
  if (subject === 'denial' || subject === 'proof') return step.claim !== 'no-ds' && isWithin(name, step.name)
  return step.depth === 0 && (step.type === type || step.type === 'CNAME' || step.type === 'DNAME')
}

function labelOf({ subject, name, type, claim }: Step): string {
  switch (subject) {
    case 'delegation':
      return `${name} delegation`
    case 'denial':
      return `${name} denial`
    case 'proof':
      return `${name} ${claim ?? 'proof'}`
    default:
      return `${name} ${type}`
  }
}

function detailOf({ verdict, reason, keyTag, algorithm, expires }: Step): string {
  if (verdict !== 'secure') return reason ?? verdict ?? ''
  if (keyTag === undefined) return 'proven'
  const until = expires === undefined ? '' : ` · until ${new Date(expires * 1_000).toISOString().slice(0, 10)}`
  return `key ${keyTag} · ${algorithm ?? ''}${until}`
}
