/**
 * Candidates of the configuration that are held against a running server: what is asked of clients' questions is asked
 * in a thread, of two servers that are put together there, so that nothing of this one changes and no client waits.
 *
 * Invariants: few at once; results are bounded and kept for a time; a candidate names no file that the server does not
 * read already, unless its author may read what the server may.
 */
import { randomBytes } from 'node:crypto'
import type { PageRequest, QueryPage, HistoryRefusal } from '../../admin/history/messages.ts'
import { adminLimits } from '../../admin/limits.ts'
import type {
  PolicyTestControls,
  PolicyTestQuestions,
  PolicyTestRequest,
  PolicyTestStarted,
} from '../../admin/policy-tests/controls.ts'
import type { ControlsOf } from '../../admin/controls.ts'
import type { Fault } from '../../admin/zone-controls.ts'
import { strangeFiles } from '../../config/named-files.ts'
import type { Config, ConfigResult } from '../../config/types.ts'
import type { Delegation } from '../../cache/delegations.ts'
import type { TrustAnchor } from '../../dnssec/trust-anchors.ts'
import { errorText, type Problem } from '../../events.ts'
import type { EventSink, Network } from '../../ports.ts'
import { problemText } from '../../render/problem.ts'
import type { Lists } from '../lists/lists.ts'
import type { OpenEngine } from '../open-engine.ts'
import { type Candidate, type ConfigChanges, faultOf } from '../revisions/config-changes.ts'
import type { ZoneChanges } from '../revisions/zone-changes.ts'
import type { Transfers } from '../transfer/transfers.ts'
import { rulesText } from './borrowed-cache.ts'
import type { Frozen } from './frozen.ts'
import type { QuestionSource, RehearsalStart } from './messages.ts'
import { PolicyTest } from './policy-test.ts'

export interface RehearsalsParts {
  readonly config: () => Config
  readonly engine: OpenEngine
  readonly settings: ConfigChanges
  readonly zones: Pick<ZoneChanges, 'values'>
  readonly lists: Pick<Lists, 'held'>
  readonly transfers: { readonly current: Pick<Transfers, 'held'> | null }
  readonly history: () => { queryPage(request: PageRequest): Promise<QueryPage | HistoryRefusal> } | null
  readonly log: { readonly events: EventSink }
  /** What the server was given instead of what its configuration names. */
  readonly options: {
    readonly network?: Network | undefined
    readonly hints?: Delegation | undefined
    readonly anchors?: readonly TrustAnchor[] | undefined
    /** The program of the thread; by default the built one. */
    readonly rehearsalEntry?: URL | undefined
  }
}

type Chosen = Exclude<PolicyTestQuestions, { kind: 'kept' }>

/** It stands next to this file where the program is built. */
const BUILT = new URL('rehearsal-thread.js', import.meta.url)
const MS = 1_000
const ID_OCTETS = 6

const wall = (): number => Math.floor(Date.now() / MS)

export class Rehearsals {
  readonly #parts: RehearsalsParts
  readonly #tests = new Map<string, PolicyTest>()
  #isClosed = false

  constructor(parts: RehearsalsParts) {
    this.#parts = parts
  }

  get controls(): ControlsOf<PolicyTestControls> {
    return {
      startPolicyTest: request => this.#start(request),
      policyTests: () => this.#kept().map(test => test.status()),
      policyTest: id => this.#find(id)?.status() ?? null,
      policyTestChanges: (id, { of, from, limit }) => this.#find(id)?.page(of, from, limit) ?? null,
      removePolicyTest: id => {
        this.#tests.get(id)?.close()
        return this.#tests.delete(id)
      },
    }
  }

  close(): void {
    this.#isClosed = true
    for (const test of this.#tests.values()) test.close()
    this.#tests.clear()
  }

  #find(id: string): PolicyTest | undefined {
    return this.#kept().find(test => test.id === id)
  }

  /** The newest first; what is too old goes. */
  #kept(): readonly PolicyTest[] {
    const oldest = wall() - adminLimits.policyTestKeptSeconds
    for (const [id, { endedAt }] of this.#tests) if (endedAt !== null && endedAt < oldest) this.#tests.delete(id)
    return [...this.#tests.values()].reverse()
  }

  async #start(request: PolicyTestRequest): Promise<PolicyTestStarted> {
    const running = this.#parts.config()
    if (this.#isClosed || this.#kept().filter(test => !test.isOver).length >= adminLimits.policyTestsAtOnce)
      return { kind: 'busy' }
    const wanted = candidateOf(request, running)
    const read = this.#parts.settings.candidate(wanted, running)
    if (!('problems' in read) && read.kind === 'invalid') return read
    const candidate = read.kind === 'config' ? read.config : read.rest
    const files = request.mayNameFiles || candidate === null ? [] : strangeFiles(candidate, running)
    if (files.length > 0) return { kind: 'files', files }
    const questions = this.#questionsFor(request.questions, running)
    if ('why' in questions) return { kind: 'no-questions', ...questions }
    if (questions.kind === 'query-log' && questions.file !== running.queryLog?.file && !request.mayNameFiles)
      return { kind: 'files', files: [questions.file ?? ''] }
    const faultIn = (problem: Problem): Fault => candidateFault(problem, wanted)
    const test = this.#open(request, questions, this.#startOf(request, questions, read, running), faultIn)
    return this.#begun(test, request, questions)
  }

  #open(
    { author, offline }: PolicyTestRequest,
    questions: Chosen,
    start: RehearsalStart,
    faultIn: (problem: Problem) => Fault,
  ): PolicyTest {
    const { engine, log, options } = this.#parts
    const test = new PolicyTest({
      id: randomBytes(ID_OCTETS).toString('hex'),
      facts: { author, offline, source: questions.kind, sinceS: 'sinceS' in questions ? questions.sinceS : null },
      ...{ start, engine, wall, events: log.events, faultOf: faultIn },
      entry: options.rehearsalEntry ?? BUILT,
    })
    this.#tests.set(test.id, test)
    const over = [...this.#tests.values()].filter(one => one.isOver)
    for (const { id } of over.slice(0, Math.max(0, this.#tests.size - adminLimits.policyTestsKept)))
      this.#tests.delete(id)
    return test
  }

  /** What is wrong with a candidate is said at once, where it is found soon. */
  async #begun(test: PolicyTest, { dryRun }: PolicyTestRequest, questions: Chosen): Promise<PolicyTestStarted> {
    if (questions.kind === 'history' && !dryRun)
      void test.opened
        .then(how => (how === 'open' ? this.#feed(test, questions.sinceS) : undefined))
        .catch((error: unknown) => test.send({ kind: 'queries-end', problem: errorText(error) }))
    let giveUp: NodeJS.Timeout | undefined
    const late = new Promise<'late'>(resolve => {
      giveUp = setTimeout(() => resolve('late'), adminLimits.policyTestCheckMs)
    })
    const opened = await (dryRun ? test.opened : Promise.race([test.opened, late]))
    clearTimeout(giveUp)
    const { errors, problem, isOver } = test
    if (isOver && errors.length > 0) {
      this.#tests.delete(test.id)
      return { kind: 'invalid', faults: errors }
    }
    if (!dryRun) return { kind: 'started', id: test.id }
    test.close()
    this.#tests.delete(test.id)
    return opened === 'over' ? { kind: 'failed', reason: problem ?? '' } : { kind: 'checked' }
  }

  #startOf(
    { offline, dryRun }: PolicyTestRequest,
    questions: Chosen,
    read: ConfigResult,
    running: Config,
  ): RehearsalStart {
    const { engine, options } = this.#parts
    return {
      running,
      candidate: read.kind === 'config' ? { kind: 'config', config: read.config } : read,
      frozen: this.#frozen(),
      rules: rulesText(engine),
      network: offline ? 'none' : options.network === undefined ? 'own' : 'lent',
      questions: sourceOf(questions),
      onlyCheck: dryRun,
    }
  }

  #frozen(): Frozen {
    const { engine, zones, lists, transfers, options } = this.#parts
    return {
      hints: options.hints,
      anchors: options.anchors,
      negatives: engine.trust.negative().added,
      zones: zones.values,
      lists: lists.held,
      transfers: transfers.current?.held ?? null,
    }
  }

  /** What the server has kept, where nothing is said. */
  #questionsFor(wanted: PolicyTestRequest['questions'], { queryLog }: Config): Chosen | { readonly why: string } {
    const hasHistory = this.#parts.history() !== null
    const chosen: Chosen =
      wanted.kind !== 'kept'
        ? wanted
        : hasHistory || queryLog === null
          ? { kind: 'history', sinceS: wanted.sinceS }
          : { kind: 'query-log', file: null, sinceS: wanted.sinceS }
    if (chosen.kind === 'history' && !hasHistory)
      return { why: 'no history of queries is kept: see the setting "history", or bring the questions along' }
    if (chosen.kind !== 'query-log') return chosen
    const file = chosen.file ?? queryLog?.file
    return file === undefined
      ? { why: 'no query log is written: see the setting "queryLog", or bring the questions along' }
      : { ...chosen, file }
  }

  /** Page by page, the newest first: each is passed on as it is. */
  async #feed(test: PolicyTest, sinceS: number | null): Promise<void> {
    const history = this.#parts.history()
    const to = Date.now()
    const from = sinceS === null ? 0 : to - sinceS * MS
    let cursor: string | null = null
    for (let left: number = adminLimits.policyTestHistoryQueries; !test.isOver && left > 0; ) {
      const limit = Math.min(left, adminLimits.policyTestHistoryPage)
      const page: QueryPage | HistoryRefusal | undefined = await history?.queryPage({
        filter: '',
        from,
        to,
        limit,
        cursor,
      })
      if (page?.kind !== 'page') {
        const why = page?.kind === 'failed' ? page.detail : 'no history is kept any more'
        test.send({ kind: 'queries-end', problem: `the history cannot be read: ${why}` })
        return
      }
      if (page.unreadable > 0) test.note(`${page.unreadable} files of the history could not be read`)
      test.send({
        kind: 'queries',
        queries: page.queries.map(({ client, transport, name, type, class: klass }) => ({
          ...{ client, transport, name, type },
          class: klass,
        })),
      })
      left -= page.queries.length
      cursor = page.next
      if (cursor === null) break
      if (left === 0) test.note(`the newest ${adminLimits.policyTestHistoryQueries} queries of the history were taken`)
    }
    test.send({ kind: 'queries-end', problem: null })
  }
}

function candidateOf({ candidate }: PolicyTestRequest, { file }: Config): Candidate {
  if (candidate.kind === 'patch') return candidate
  return { kind: 'text', text: candidate.text, path: candidate.file ?? file ?? '/resolver.config.json' }
}

/** Of its own text the line and the column, of a setting its pointer, of other files all in one. */
function candidateFault(problem: Problem, candidate: Candidate): Fault {
  const { file, line, column, message } = problem
  if (candidate.kind === 'text' && file === candidate.path) return { pointer: '', line, column, detail: message }
  return candidate.kind === 'patch' ? faultOf(problem) : { pointer: '', detail: problemText(problem) }
}

function sourceOf(questions: Chosen): QuestionSource {
  switch (questions.kind) {
    case 'history':
      return { kind: 'sent' }
    case 'list':
      return questions
    case 'query-log': {
      const { file, sinceS } = questions
      return { kind: 'log', file: file ?? '', since: sinceS === null ? null : wall() - sinceS }
    }
    default:
      return questions satisfies never
  }
}
