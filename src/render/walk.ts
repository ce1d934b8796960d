/**
 * The walk of one resolution for a person: a tree of zones, servers asked and look-ups made on the way, with what came,
 * what was concluded and how long it took. Only the form; the words are those of `trace-words.ts`.
 */
import { counted } from '../presentation/counted.ts'
import { formatName } from '../presentation/text.ts'
import { typeName } from '../dns/types.ts'
import { questionText, type TraceStep, type TraceVerdict } from '../resolver/trace.ts'
import {
  CACHE_TEXTS,
  cameText,
  DECIDED_TEXTS,
  groundsText,
  noteText,
  outcomeText,
  serverText,
  subjectText,
  verdictText,
} from './trace-words.ts'

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan'
export type Paint = (style: Style, text: string) => string

export const noPaint: Paint = (_style, text) => text

/** A line and what hangs below it. */
interface Branch {
  line: string
  readonly below: Branch[]
  /** Servers that cannot be reached for the same reason have one line: without a network there are dozens. */
  readonly unreachable?: { readonly why: string; readonly line: string; servers: number }
}

/** The steps of one resolution as a tree. Times are milliseconds since its start. */
export function explainText(steps: readonly TraceStep[], paint: Paint = noPaint): string {
  const root: Branch = { line: '', below: [] }
  const open = new Map<number, { readonly branch: Branch; zone: Branch }>()
  const start = steps.find(step => step.kind === 'lookup')
  const startedAt = start !== undefined && 'atMs' in start ? start.atMs : 0
  for (const step of steps) {
    if (step.kind === 'lookup' || step.kind === 'joined') {
      const above = open.get(step.parent)?.zone ?? root
      const branch: Branch = { line: lookupLine(step, startedAt, paint), below: [] }
      above.below.push(branch)
      if (step.kind === 'lookup') open.set(step.id, { branch, zone: branch })
      continue
    }
    const lookup = open.get(step.id)
    if (lookup === undefined) continue
    if (joinsLast(step, lookup.zone.below.at(-1), paint)) continue
    const branch = branchOf(step, paint)
    if (step.kind === 'cut') lookup.zone = branch
    // What is asked of the servers of a zone hangs below the zone; a zone and the end hang below the look-up.
    if (step.kind === 'cut' || step.kind === 'end') lookup.branch.below.push(branch)
    else lookup.zone.below.push(branch)
  }
  return root.below
    .flatMap(branch => [branch.line, ...treeLines(branch.below, '', paint)])
    .map(line => `${line}\n`)
    .join('')
}

function branchOf(step: Exclude<TraceStep, { kind: 'lookup' | 'joined' }>, paint: Paint): Branch {
  const line = stepLine(step, paint)
  const why = whyUnreachable(step)
  return why === null ? { line, below: [] } : { line, below: [], unreachable: { why, line, servers: 1 } }
}

const whyUnreachable = (step: TraceStep): string | null =>
  step.kind === 'exchange' && step.came.kind === 'unreachable'
    ? `${step.came.reason} ${step.transport} ${questionText(step.question)}`
    : null

function joinsLast(step: TraceStep, last: Branch | undefined, paint: Paint): boolean {
  const unreachable = last?.unreachable
  if (last === undefined || unreachable === undefined || unreachable.why !== whyUnreachable(step)) return false
  unreachable.servers++
  last.line = `${unreachable.line} ${paint('dim', `and ${unreachable.servers - 1} more alike`)}`
  return true
}

function treeLines(branches: readonly Branch[], indent: string, paint: Paint): string[] {
  return branches.flatMap((branch, index) => {
    const last = index === branches.length - 1
    const prefix = paint('dim', `${indent}${last ? '└─' : '├─'}`)
    return [`${prefix} ${branch.line}`, ...treeLines(branch.below, `${indent}${last ? '   ' : '│  '}`, paint)]
  })
}

function lookupLine(step: Extract<TraceStep, { kind: 'lookup' | 'joined' }>, startedAt: number, paint: Paint): string {
  const what = paint('bold', questionText(step.question))
  if (step.kind === 'joined') return `${what} is already being resolved: joins that resolution`
  if (step.because === 'client') return what
  return `${what} ${paint('dim', `${becauseText(step.because)}, after ${ms(step.atMs - startedAt)}`)}`
}

function becauseText(because: Extract<TraceStep, { kind: 'lookup' }>['because']): string {
  switch (because) {
    case 'client':
      return 'asked'
    case 'server-address':
      return 'a server address is needed'
    case 'upstream-address':
      return 'the address of a server to forward to is needed'
    case 'prefetch':
      return 'soon to expire'
    case 'priming':
      return 'priming'
    case 'ds':
      return 'the DS records are needed'
    case 'dnskey':
      return 'the zone’s keys are needed'
    case 'trust-anchor':
      return 'refresh of a trust anchor'
    default:
      return because satisfies never
  }
}

function stepLine(step: Exclude<TraceStep, { kind: 'lookup' | 'joined' }>, paint: Paint): string {
  switch (step.kind) {
    case 'local':
      return `local zone ${paint('cyan', formatName(step.zone))}: ${step.what}`
    case 'cache':
      return (
        `cache: ${CACHE_TEXTS[step.what]} ${formatName(step.name)} ` +
        `${typeName(step.type)}${paint('dim', `, ttl ${step.ttl}`)}`
      )
    case 'cut':
      return (
        `zone ${paint('cyan', formatName(step.zone))} ` +
        `${paint('dim', `from ${step.from}, ${counted(step.servers, 'server')}`)}`
      )
    case 'exchange': {
      const server = serverText(step)
      const conclusion = paint(verdictStyle(step.verdict), verdictText(step))
      const said = `${cameText(step.came)} → ${conclusion}: ${DECIDED_TEXTS[step.decided]}`
      return `${server}: ${questionText(step.question)} → ${said} ${paint('dim', `[${ms(step.tookMs)}]`)}`
    }
    case 'note':
      return paint('yellow', noteText(step.note))
    case 'validated': {
      const grounds = groundsText(step)
      const verdict = paint(SECURITY_STYLES[step.verdict], step.verdict)
      return `${subjectText(step.subject)}: ${verdict}${grounds === '' ? '' : paint('dim', `, ${grounds}`)}`
    }
    case 'end':
      return (
        `${paint(step.outcome.kind === 'failure' ? 'red' : 'green', outcomeText(step.outcome))} ` +
        `${paint('dim', `[${ms(step.tookMs)}]`)}`
      )
    default:
      return step satisfies never
  }
}

type Validated = Extract<TraceStep, { kind: 'validated' }>

const SECURITY_STYLES: Readonly<Record<Validated['verdict'], Style>> = {
  secure: 'green',
  insecure: 'yellow',
  bogus: 'red',
  indeterminate: 'yellow',
}

/** What was validated on the way, from the trust anchor down, a line each; empty when nothing was. */
export function chainText(steps: readonly TraceStep[], paint: Paint = noPaint): string {
  const validated = steps
    .filter(step => step.kind === 'validated')
    .map(step => ({ subject: subjectText(step.subject), verdict: step.verdict, grounds: groundsText(step) }))
  if (validated.length === 0) return ''
  const width = Math.max(...validated.map(({ subject }) => subject.length))
  const verdictWidth = Math.max(...validated.map(({ verdict }) => verdict.length))
  const lines = validated.map(({ subject, verdict, grounds }) => {
    const padded = `${paint(SECURITY_STYLES[verdict], verdict)}${' '.repeat(verdictWidth - verdict.length)}`
    return `  ${subject.padEnd(width)}  ${padded}  ${paint('dim', grounds)}`.trimEnd()
  })
  return ['', paint('bold', 'Chain of trust'), ...new Set(lines), ''].join('\n')
}

function verdictStyle(verdict: TraceVerdict | null): Style {
  switch (verdict?.kind) {
    case 'answer':
    case 'alias':
    case 'referral':
    case 'nodata':
    case 'nxdomain':
      return 'green'
    default:
      return 'red'
  }
}

/** Three figures are as exact as a network is. */
const ms = (value: number): string =>
  `${value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : Math.round(value)} ms`
