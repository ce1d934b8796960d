/**
 * `rootwalk policy test`: what clients asked, answered by the configuration of now and by another one, and what
 * differs. Against a running server it is the server that compares (`server-test.ts`), against a file it is done here.
 * Nothing listens and nothing is written.
 */
import { resolve } from 'node:path'
import { checkAllBeside } from '../../app/config-check.ts'
import type { Change } from '../../app/rehearsal/compare.ts'
import type { GatheredQuestions } from '../../app/rehearsal/questions.ts'
import { openRehearsal, type Rehearsal } from '../../app/rehearsal/rehearsal.ts'
import { replay } from '../../app/rehearsal/replay.ts'
import { loadConfig } from '../../config/sources.ts'
import type { Config } from '../../config/types.ts'
import type { Event, Problem } from '../../events.ts'
import type { Network } from '../../ports.ts'
import { counted } from '../../presentation/counted.ts'
import { logLine } from '../../render/event.ts'
import { problemText } from '../../render/problem.ts'
import { systemClock } from '../../system/system.ts'
import { AdminFault } from '../admin/client.ts'
import type { CliContext } from '../commands/options.ts'
import { Exit } from '../startup-problems.ts'
import { barOf, logOf, type PolicyTestOptions } from './options.ts'
import { type PolicyTestReport, reportText } from './report.ts'

/** `network`: an internet instead of the real one, where it is done here. */
export async function runPolicyTest(
  options: PolicyTestOptions,
  around: CliContext,
  network?: Network,
): Promise<number> {
  try {
    const report =
      options.against === undefined
        ? await (await import('./server-test.ts')).testAtServer(options, around)
        : await testHere({ ...options, against: options.against }, around, network)
    around.out(options.json ? `${JSON.stringify(report, null, 2)}\n` : reportText(report))
    return report.changed > 0 ? Exit.Failure : Exit.Ok
  } catch (error) {
    if (!(error instanceof AdminFault)) throw error
    around.err(`rootwalk policy test: ${error.message}\n`)
    return error.exitCode
  }
}

async function testHere(
  options: PolicyTestOptions & { readonly against: string },
  around: CliContext,
  network: Network | undefined,
): Promise<PolicyTestReport> {
  const old = await checked(options.against, around)
  const candidate = await checked(options.config, around)
  const gathered = await questionsFor(options, old, around)
  if (gathered.skipped > 0) around.err(`${counted(gathered.skipped, 'line')} skipped, which are no queries\n`)
  const open = { offline: options.offline, network }
  const rehearsals: Rehearsal[] = []
  try {
    for (const config of [old, candidate]) {
      const opened = await openRehearsal(config, troubleTo(around), open)
      if (opened.kind === 'invalid') throw badConfig(opened.problems)
      rehearsals.push(opened.rehearsal)
    }
    const [before, after] = rehearsals
    if (before === undefined || after === undefined) throw new Error('two configurations were opened')
    return await compareAll(gathered, before, after, around)
  } finally {
    await Promise.all(rehearsals.map(one => one.close()))
  }
}

/** All that is wrong with it, and with what it names, at once. */
async function checked(file: string, { environment, directory }: CliContext): Promise<Config> {
  const read = loadConfig({ file, environment, flags: [], directory })
  const { problems, zoneProblems, listProblems } = await checkAllBeside(read)
  const wrong = [...problems, ...zoneProblems, ...listProblems].filter(({ severity }) => severity === 'error')
  if (read.kind === 'invalid' || wrong.length > 0) throw badConfig(wrong)
  return read.config
}

const badConfig = (problems: readonly Problem[]): AdminFault =>
  new AdminFault(`the configuration cannot be used:\n${problems.map(problemText).join('\n')}`, Exit.BadConfig)

async function questionsFor(options: PolicyTestOptions, old: Config, around: CliContext): Promise<GatheredQuestions> {
  if (options.queries === 'history') return (await import('./server-test.ts')).historyOf(options, around)
  const log = options.queries === undefined ? old.queryLog?.file : resolve(around.directory, options.queries)
  if (log === undefined)
    throw new AdminFault(
      'needs --queries FILE, or --queries history: the configuration of now has no query log',
      Exit.Usage,
    )
  return logOf(log, options.sinceS)
}

async function compareAll(
  { questions, leftOut }: GatheredQuestions,
  before: Rehearsal,
  after: Rehearsal,
  around: CliContext,
): Promise<PolicyTestReport> {
  const changes: Change[] = []
  const unknown = new Set<string>()
  const bar = barOf(around)
  const {
    asked,
    compared: _,
    ...totals
  } = await replay(questions, {
    ...{ before, after, clock: systemClock() },
    onChange: change => changes.push(change),
    onUnknown: ({ question: { name, type } }) => unknown.add(`${name} ${type}`),
    onProgress: totalsOf => {
      const { compared, changed } = totalsOf()
      bar?.update(compared / questions.length, counted(changed, 'change'))
    },
  })
  bar?.end()
  const notes = [
    ...after.missing(),
    ...(leftOut === 0 ? [] : [`${leftOut} questions are more than are compared`]),
    ...(asked === questions.length ? [] : [`time ran out: ${questions.length - asked} questions were not compared`]),
  ]
  return { version: 1, ...totals, questions: questions.length, unknown: [...unknown], notes, changes }
}

/** What is of no use of what the configurations name; the rest is quiet. */
const troubleTo =
  ({ err }: CliContext): ((event: Event) => void) =>
  event => {
    const { level, message } = logLine(event)
    if (level === 'error') err(`${message}\n`)
  }
