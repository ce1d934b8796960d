/**
 * The walk of one resolution for a person: a tree of zones, servers asked and look-ups made on the way, with what came,
 * what was concluded and how long it took. And the same as JSON. Only texts; the steps come from the engine.
 */
import { formatName } from '../presentation/text.ts'
import { typeName } from '../dns/types.ts'
import type { TraceStep } from '../resolver/trace.ts'
import { questionText } from '../resolver/trace.ts'

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan'
export type Paint = (style: Style, text: string) => string

export const noPaint: Paint = (_style, text) => text

/** A line and what hangs below it. */
interface Branch {
  line: string
  readonly below: Branch[]
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
    const branch: Branch = { line: stepLine(step, paint), below: [] }
    if (step.kind === 'cut') lookup.zone = branch
    // What is asked of the servers of a zone hangs below the zone; a zone and the end hang below the look-up.
    if (step.kind === 'cut' || step.kind === 'end') lookup.branch.below.push(branch)
    else lookup.zone.below.push(branch)
  }
  return root.below
    .flatMap(branch => [branch.line, ...limbs(branch.below, '', paint)])
    .map(line => `${line}\n`)
    .join('')
}

function limbs(branches: readonly Branch[], indent: string, paint: Paint): string[] {
  return branches.flatMap((branch, index) => {
    const last = index === branches.length - 1
    const twig = paint('dim', `${indent}${last ? '└─' : '├─'}`)
    return [`${twig} ${branch.line}`, ...limbs(branch.below, `${indent}${last ? '   ' : '│  '}`, paint)]
  })
}

function lookupLine(step: Extract<TraceStep, { kind: 'lookup' | 'joined' }>, startedAt: number, paint: Paint): string {
  const what = paint('bold', questionText(step.question))
  if (step.kind === 'joined') return `${what} is being looked up already: waits for it`
  if (step.because === 'client') return what
  return `${what} ${paint('dim', `${becauseText(step.because)}, after ${ms(step.atMs - startedAt)}`)}`
}

function becauseText(because: Extract<TraceStep, { kind: 'lookup' }>['because']): string {
  switch (because) {
    case 'client':
      return 'asked'
    case 'server-address':
      return 'an address of a server is needed'
    case 'prefetch':
      return 'soon to expire'
    case 'priming':
      return 'priming'
    case 'ds':
      return 'the delegation signer is needed'
    case 'dnskey':
      return 'the zone’s keys are needed'
    case 'trust-anchor':
      return 'the keys of a trust anchor are looked at'
    default:
      return because satisfies never
  }
}

function stepLine(step: Exclude<TraceStep, { kind: 'lookup' | 'joined' }>, paint: Paint): string {
  switch (step.kind) {
    case 'local':
      return `local zone ${paint('cyan', formatName(step.zone))}: ${step.what}`
    case 'cache':
      return `cache: ${step.what} ${formatName(step.name)} ${typeName(step.type)}${paint('dim', `, ttl ${step.ttl}`)}`
    case 'cut':
      return `zone ${paint('cyan', formatName(step.zone))} ${paint('dim', `from ${step.from}, ${serverCount(step.servers)}`)}`
    case 'exchange': {
      const server = `${formatName(step.serverName)} ${step.server.key}${step.transport === 'tcp' ? ' over TCP' : ''}`
      const conclusion = paint(verdictStyle(step.verdict), step.verdict)
      return `${server}: ${questionText(step.question)} → ${step.came} → ${conclusion}: ${step.decided} ${paint('dim', `[${ms(step.tookMs)}]`)}`
    }
    case 'note':
      return paint('yellow', step.text)
    case 'validated': {
      const reason = reasonText(step)
      return `${step.what}: ${paint(SECURITY_STYLES[step.verdict], step.verdict)}${reason === '' ? '' : paint('dim', `, ${reason}`)}`
    }
    case 'end':
      return `${paint(step.outcome.startsWith('failure') ? 'red' : 'green', step.outcome)} ${paint('dim', `[${ms(step.tookMs)}]`)}`
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

/** Which key of which zone, until when; or why not. Times of signatures (RFC 4034 section 3.2) as people write them. */
function reasonText({ zone, what, text }: Validated): string {
  const own = text.startsWith(`${what}: `) ? text.slice(what.length + 2) : text
  const whose = own.replace(/^key (\d+), /, (_, tag) => `signed by key ${tag} of ${formatName(zone)}, `)
  return whose.replace(/\b(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)\b/g, '$1-$2-$3 $4:$5:$6 UTC')
}

/** What was validated on the way, from the trust anchor down, a line each; empty when nothing was. */
export function chainText(steps: readonly TraceStep[], paint: Paint = noPaint): string {
  const judged = steps.filter(step => step.kind === 'validated')
  if (judged.length === 0) return ''
  const width = Math.max(...judged.map(({ what }) => what.length))
  const verdictWidth = Math.max(...judged.map(({ verdict }) => verdict.length))
  const lines = judged.map(step => {
    const verdict = `${paint(SECURITY_STYLES[step.verdict], step.verdict)}${' '.repeat(verdictWidth - step.verdict.length)}`
    return `  ${step.what.padEnd(width)}  ${verdict}  ${paint('dim', reasonText(step))}`.trimEnd()
  })
  return ['', paint('bold', 'Chain of trust'), ...new Set(lines), ''].join('\n')
}

const serverCount = (servers: number): string => `${servers} ${servers === 1 ? 'server' : 'servers'}`

const GOOD_VERDICTS = /^(answer|alias|referral|nodata|nxdomain|priming)/

const verdictStyle = (verdict: string): Style => (GOOD_VERDICTS.test(verdict) ? 'green' : 'red')

/** Three figures are as exact as a network is. */
const ms = (value: number): string =>
  `${value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : Math.round(value)} ms`

export type JsonStep = Readonly<Record<string, string | number>>

/**
 * A step with its names and questions in presentation format; milliseconds since `startedAtMs`, to three digits after
 * the point.
 */
export function jsonStep(step: TraceStep, startedAtMs = 0): JsonStep {
  const plain = plainStep(step)
  const { atMs, tookMs } = plain
  return {
    ...plain,
    ...(typeof atMs === 'number' ? { atMs: rounded(atMs - startedAtMs) } : {}),
    ...(typeof tookMs === 'number' ? { tookMs: rounded(tookMs) } : {}),
  }
}

const rounded = (milliseconds: number): number => Math.round(milliseconds * 1_000) / 1_000

function plainStep(step: TraceStep): JsonStep {
  switch (step.kind) {
    case 'lookup':
      return {
        kind: step.kind,
        id: step.id,
        parent: step.parent,
        depth: step.depth,
        atMs: step.atMs,
        question: questionText(step.question),
        because: step.because,
      }
    case 'joined':
      return {
        kind: step.kind,
        id: step.id,
        parent: step.parent,
        depth: step.depth,
        atMs: step.atMs,
        question: questionText(step.question),
      }
    case 'local':
      return { kind: step.kind, id: step.id, depth: step.depth, zone: formatName(step.zone), what: step.what }
    case 'cache':
      return {
        kind: step.kind,
        id: step.id,
        depth: step.depth,
        what: step.what,
        name: formatName(step.name),
        type: typeName(step.type),
        ttl: step.ttl,
      }
    case 'cut':
      return {
        kind: step.kind,
        id: step.id,
        depth: step.depth,
        zone: formatName(step.zone),
        from: step.from,
        servers: step.servers,
      }
    case 'exchange':
      return {
        kind: step.kind,
        id: step.id,
        depth: step.depth,
        atMs: step.atMs,
        tookMs: step.tookMs,
        server: step.server.key,
        serverName: formatName(step.serverName),
        zone: formatName(step.zone),
        transport: step.transport,
        question: questionText(step.question),
        came: step.came,
        verdict: step.verdict,
        decided: step.decided,
      }
    case 'note':
      return { kind: step.kind, id: step.id, depth: step.depth, text: step.text }
    case 'validated':
      return {
        kind: step.kind,
        id: step.id,
        depth: step.depth,
        zone: formatName(step.zone),
        what: step.what,
        verdict: step.verdict,
        text: step.text,
      }
    case 'end':
      return {
        kind: step.kind,
        id: step.id,
        depth: step.depth,
        atMs: step.atMs,
        tookMs: step.tookMs,
        outcome: step.outcome,
      }
    default:
      return step satisfies never
  }
}
