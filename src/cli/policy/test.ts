/**
 * `rootwalk policy test`: what clients asked, answered by the configuration of now and by another one, and what
 * differs. Nothing listens and nothing is written.
 */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { compareAnswers, type Change, type Rehearsed, readQuestions } from '../../app/rehearsal/compare.ts'
import { openRehearsal, type Rehearsal } from '../../app/rehearsal/rehearsal.ts'
import { loadConfig } from '../../config/sources.ts'
import { errorText, type Event } from '../../events.ts'
import type { Network } from '../../ports.ts'
import { counted } from '../../presentation/counted.ts'
import { logLine } from '../../render/event.ts'
import { problemText } from '../../render/problem.ts'
import type { CliContext } from '../commands/options.ts'
import { ProgressBar } from '../progress-bar.ts'
import { Exit } from '../startup-problems.ts'

export interface PolicyTestOptions {
  /** The candidate. */
  readonly config: string
  /** Undefined: the configuration that `serve` would use. */
  readonly against: string | undefined
  /** A query log. Undefined: that of the configuration of now. */
  readonly queries: string | undefined
  /** Only queries of the last so many seconds; null: all. */
  readonly sinceS: number | null
  readonly offline: boolean
  readonly json: boolean
}

/** What is compared, in the form that programs read. */
interface PolicyTestReport {
  readonly version: 1
  readonly questions: number
  readonly changed: number
  readonly clients: number
  readonly unknown: readonly string[]
  readonly changes: readonly Change[]
}

/** `network`: an internet instead of the real one. */
export async function runPolicyTest(
  options: PolicyTestOptions,
  around: CliContext,
  network?: Network,
): Promise<number> {
  const fail = (text: string, code: number): number => {
    around.err(`rootwalk policy test: ${text}\n`)
    return code
  }
  const { environment, directory } = around
  const [old, candidate] = [options.against, options.config].map(file =>
    loadConfig({ file, environment, flags: [], directory }),
  )
  for (const read of [old, candidate])
    if (read?.kind === 'invalid') return fail(read.problems.map(problemText).join('\n'), Exit.BadConfig)
  if (old?.kind !== 'config' || candidate?.kind !== 'config') return Exit.BadConfig
  const log = options.queries === undefined ? old.config.queryLog?.file : resolve(directory, options.queries)
  if (log === undefined) return fail('needs --queries FILE: the configuration of now has no query log', Exit.Usage)
  const text = textOf(log)
  if (text.kind === 'failed') return fail(`${log}: ${text.reason}`, Exit.NoInput)
  const since = options.sinceS === null ? null : Math.floor(Date.now() / MS_PER_S) - options.sinceS
  const { questions, skipped } = readQuestions(text.text, since)
  if (skipped > 0) around.err(`${log}: ${counted(skipped, 'line')} skipped, which are no queries\n`)
  const open = { offline: options.offline, ...(network === undefined ? {} : { network }) }
  const opened = [
    await openRehearsal(old.config, troubleTo(around), open),
    await openRehearsal(candidate.config, troubleTo(around), open),
  ]
  const rehearsals = opened.flatMap(one => (one.kind === 'rehearsal' ? [one.rehearsal] : []))
  const [before, after] = rehearsals
  try {
    const problems = opened.flatMap(one => (one.kind === 'invalid' ? one.problems : []))
    if (before === undefined || after === undefined) return fail(problems.map(problemText).join('\n'), Exit.BadConfig)
    const report = await compareAll(questions, before, after, barOf(around))
    around.out(options.json ? `${JSON.stringify(report, null, 2)}\n` : reportText(report))
    return report.changed > 0 ? Exit.Failure : Exit.Ok
  } finally {
    await Promise.all(rehearsals.map(one => one.close()))
  }
}

const MS_PER_S = 1_000

function textOf(file: string): { kind: 'text'; text: string } | { kind: 'failed'; reason: string } {
  try {
    return { kind: 'text', text: readFileSync(file, 'utf8') }
  } catch (error) {
    return { kind: 'failed', reason: errorText(error) }
  }
}

const barOf = ({ errorTerminal }: CliContext): ProgressBar | null =>
  errorTerminal === undefined ? null : new ProgressBar(errorTerminal, 'comparing')

async function compareAll(
  questions: ReturnType<typeof readQuestions>['questions'],
  before: Rehearsal,
  after: Rehearsal,
  bar: ProgressBar | null,
): Promise<PolicyTestReport> {
  const changes: Change[] = []
  const unknown = new Set<string>()
  for (const [index, question] of questions.entries()) {
    const [a, b] = await Promise.all([before.ask(question), after.ask(question)])
    const { kind } = compareAnswers(a, b)
    if (kind === 'changed') changes.push({ question, before: a, after: b })
    if (kind === 'unknown') unknown.add(`${question.name} ${question.type}`)
    bar?.update((index + 1) / questions.length, `${counted(changes.length, 'change')}`)
  }
  bar?.end()
  return {
    version: 1,
    questions: questions.length,
    changed: changes.length,
    clients: new Set(changes.map(({ question }) => question.client)).size,
    unknown: [...unknown],
    changes,
  }
}

/** So many names are listed that could not be compared. */
const UNKNOWN_SHOWN = 20

/** A line for each change, and what it comes to. */
function reportText({ questions, changed, clients, unknown, changes }: PolicyTestReport): string {
  const lines = changes.map(({ question: { client, name, type, times }, before, after }) => {
    const often = times === 1 ? '' : ` (asked ${times} times)`
    const who = client === '' ? 'a client' : client
    return `${who}  ${name} ${type}${often}\n  now:  ${answerText(before)}\n  then: ${answerText(after)}\n`
  })
  const shown = unknown.slice(0, UNKNOWN_SHOWN)
  const rest = unknown.length - shown.length
  const lost =
    unknown.length === 0
      ? ''
      : `not compared, since no server answered: ${shown.join(', ')}${rest === 0 ? '' : ` and ${rest} more`}\n`
  const sum =
    changed === 0
      ? `would change no answer of ${counted(questions, 'question')}\n`
      : `would change ${counted(changed, 'answer')} of ${counted(clients, 'client')}, ` +
        `of ${counted(questions, 'question')}\n`
  return `${lines.join('')}${lost}${sum}`
}

function answerText({ rcode, records, rule, isUnknown }: Rehearsed): string {
  const what = isUnknown
    ? 'what servers say'
    : rcode === null
      ? 'no answer'
      : [rcode, ...(records.length === 0 ? [] : [records.join(', ')])].join(' ')
  return rule === null ? what : `${what}, by ${rule}`
}

/** What is of no use of what the configurations name; the rest is quiet. */
const troubleTo =
  ({ err }: CliContext): ((event: Event) => void) =>
  event => {
    const { level, message } = logLine(event)
    if (level === 'error') err(`${message}\n`)
  }
