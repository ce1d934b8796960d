/** `rootwalk explain`: resolves once with a resolver that knows nothing yet, and shows the walk. */
import { readFileSync } from 'node:fs'
import type { Question } from '../dns/message.ts'
import { questionText, type TraceStep } from '../resolver/trace.ts'
import type { Outcome } from '../steps.ts'
import type { EventSink } from '../ports.ts'
import { logLine } from '../render/event.ts'
import { foldName } from '../dns/name.ts'
import { RrClass, typeNumber } from '../dns/types.ts'
import type { Config } from '../config/types.ts'
import type { Output } from './output.ts'
import { paint } from './paint.ts'
import { resolutionOf } from '../app/library.ts'
import { jsonRecord } from '../render/message.ts'
import { reportLines, reportMermaid, reportSvg } from '../render/explain-picture.ts'
import { explainReport, readReport } from '../render/explain-report.ts'
import { rootCause } from '../render/root-cause.ts'
import { chainText, explainText, noPaint, type Paint } from '../render/walk.ts'
import { problemText } from '../render/problem.ts'
import { parseIp } from '../dns/address.ts'
import { allProblems, openEngine } from '../app/open-engine.ts'
import { viewEngines } from '../app/views/engine-of.ts'
import { errorText, type Problem } from '../events.ts'
import { Exit } from './startup-problems.ts'
import { whyWith } from './admin/why-inside.ts'
import { positionsText, type WhyReport } from '../render/why.ts'
import { readName } from '../system/idna.ts'

export interface ExplainOptions {
  readonly name: string
  readonly type: string
  readonly format: 'text' | 'json' | 'mermaid' | 'svg'
  readonly colour: boolean
  /** CD: take data whatever its signatures say. */
  readonly checkingDisabled: boolean
  /** Whose rules are shown: an address. */
  readonly client: string
}

export async function runExplain(config: Config, options: ExplainOptions, output: Output): Promise<number> {
  const cased = readName(options.name)
  const type = typeNumber(options.type)
  if (typeof cased !== 'string' || type === null) {
    output.err(`rootwalk explain: ${typeof cased === 'string' ? `"${options.type}" is no record type` : cased.error}\n`)
    return Exit.Usage
  }
  const opened = openEngine(config, { events: tellTrouble(output) })
  const { hints, anchors } = opened.warnings
  output.err(lines([...hints, ...anchors]))
  if (opened.kind === 'invalid') {
    output.err(lines(allProblems(opened.problems)))
    return opened.problems.zones.length < allProblems(opened.problems).length ? Exit.BadConfig : Exit.BadData
  }
  // Keys that a roll-over added are trusted here too; nothing is written, since it is not started.
  const { recursor, trust, partitions } = opened
  try {
    const steps: TraceStep[] = []
    const startedAt = new Date()
    const ip = parseIp(options.client)
    // Who asks may be in a view that asks something else.
    const { resolver } =
      ip === null ? recursor : viewEngines(() => config, partitions).of({ ip, port: 0, transport: 'udp' })
    const question = { name: foldName(cased), type, class: RrClass.IN }
    const outcome = await new Promise<Outcome>(done =>
      resolver.resolve(
        question,
        {
          recursionDesired: true,
          because: 'client',
          checkingDisabled: options.checkingDisabled,
          trace: step => steps.push(step),
        },
        done,
      ),
    )
    const { name, type: typeText, client } = options
    const said = await whyWith(opened, config, { name, type: typeText, client }, tellTrouble(output))
    if (said.kind === 'wrong') output.err(`rootwalk explain: --${said.field}: ${said.detail}\n`)
    const policy = said.kind === 'report' ? said.report : null
    const painted = options.colour ? paint : noPaint
    const verdict = verdictText(outcome, trust.validation().validate && !options.checkingDisabled, painted)
    const { format } = options
    if (format === 'text')
      output.out(
        `${causeLine(steps, outcome)}${explainText(steps, painted)}${recordLines(outcome)}` +
          `${chainText(steps, painted)}${verdict}${policyLines(policy)}`,
      )
    else {
      const form = shownExplanation(
        JSON.stringify({ ...reportOf(question, steps, outcome, startedAt), policy }, null, 2),
        format,
      )
      if (typeof form === 'string') output.out(form)
    }
    return outcome.kind === 'failure' ? Exit.Failure : Exit.Ok
  } finally {
    await opened.close()
  }
}

const lines = (problems: readonly Problem[]): string => problems.map(problem => `${problemText(problem)}\n`).join('')

const tellTrouble =
  (output: Output): EventSink =>
  event => {
    if (event.kind === 'anchor-state-failed') output.err(`${logLine(event).message}\n`)
  }

/** What validation says in the end, in a line. */
function verdictText(outcome: Outcome, validated: boolean, painted: Paint): string {
  if (!validated) return `\n; ${painted('yellow', 'not validated')}\n`
  const { security } = resolutionOf(outcome, jsonRecord)
  switch (security) {
    case 'secure':
      return `\n; ${painted('green', 'secure')}: signed, and valid from the trust anchor down\n`
    case 'insecure': {
      const note =
        outcome.kind !== 'failure' && outcome.security.kind === 'insecure' ? outcome.security.note : undefined
      return (
        `\n; ${painted('yellow', 'insecure')}: ` +
        `${note === undefined ? 'not signed, which the zone above says itself' : note.text}\n`
      )
    }
    case 'bogus':
      return `\n; ${painted('red', 'bogus')}: not what its zone signed; clients get SERVFAIL\n`
    case 'indeterminate':
      return outcome.kind === 'failure'
        ? ''
        : `\n; ${painted('yellow', 'indeterminate')}: no trust anchor is above it\n`
    default:
      return security satisfies never
  }
}

/** One cause, before all that followed from it. */
function causeLine(steps: readonly TraceStep[], outcome: Outcome): string {
  const cause = rootCause(steps, outcome)
  if (cause === null) return ''
  return `; SERVFAIL: ${cause.text}${cause.zone === null ? '' : ` (zone ${cause.zone}, ${cause.kind})`}\n`
}

function reportOf(question: Question, steps: readonly TraceStep[], outcome: Outcome, startedAt: Date) {
  const times = steps.flatMap(step => ('atMs' in step ? [step.atMs] : []))
  const [startedAtMs = 0] = times
  const resolution = resolutionOf(outcome, jsonRecord)
  const tookMs = (times.at(-1) ?? startedAtMs) - startedAtMs
  return explainReport({ question: questionText(question), resolution, outcome, steps, startedAt, startedAtMs, tookMs })
}

/** A report in another form than lines for people. */
export function shownExplanation(text: string, format: ExplainOptions['format']): string | { readonly error: string } {
  const report = readReport(text)
  if ('error' in report) return report
  switch (format) {
    case 'text':
      return reportLines(report)
    case 'json':
      return text.endsWith('\n') ? text : `${text}\n`
    case 'mermaid':
      return reportMermaid(report)
    case 'svg':
      return reportSvg(report)
    default:
      return format satisfies never
  }
}

/** `explain --of FILE`: a walk that was saved, here or by the API; nothing is resolved. */
export function runExplainSaved(path: string, format: ExplainOptions['format'], output: Output): number {
  try {
    const form = shownExplanation(readFileSync(path, 'utf8'), format)
    if (typeof form === 'string') {
      output.out(form)
      return Exit.Ok
    }
    output.err(`rootwalk explain: ${path} ${form.error}\n`)
    return Exit.BadData
  } catch (error) {
    output.err(`rootwalk explain: ${path}: ${errorText(error)}\n`)
    return Exit.NoInput
  }
}

/** Which rules change what a client gets; nothing where there are none. */
function policyLines(policy: WhyReport | null): string {
  if (policy === null) return ''
  const changing = policy.positions.filter(({ name, state }) => state === 'decided' && !ALWAYS.includes(name))
  if (changing.length === 0 && policy.answer !== null) return ''
  return `\n; what ${policy.client.address} gets (view ${policy.view}):\n${positionsText(policy.positions, true)}`
}

/** What decides on every query. */
const ALWAYS: readonly string[] = ['access', 'view', 'resolution', 'local-data']

function recordLines(outcome: Outcome): string {
  const { records, soa, error } = resolutionOf(outcome, jsonRecord)
  const lines = [...records, ...(soa === null ? [] : [soa])].map(
    ({ name, ttl, class: klass, type, data }) => `${name}\t${ttl}\t${klass}\t${type}\t${data}\n`,
  )
  if (error !== null) lines.push(`; ${error.name} (EDE ${error.code}): ${error.text}\n`)
  return lines.length === 0 ? '' : `\n${lines.join('')}`
}
