/**
 * The program of a thread that holds a candidate against what runs: started by `rehearsals.ts`, never imported. It puts
 * both together, asks them, and reports what differs; the thread that answers clients only lends what it has cached.
 */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { adminLimits } from '../../admin/limits.ts'
import type { PolicyTestProgress, PolicyTestTotals } from '../../admin/policy-tests/controls.ts'
import type { Config } from '../../config/types.ts'
import type { Question } from '../../dns/message.ts'
import { errorText, type Problem } from '../../events.ts'
import { createNetwork, type SystemNetwork } from '../../net/upstream/network.ts'
import type { ExchangeResult, Network } from '../../ports.ts'
import { problemText } from '../../render/problem.ts'
import { systemClock, systemRandom } from '../../system/system.ts'
import { checkAllBeside } from '../config-check.ts'
import { BorrowedCache, FoundValues, type Lent } from './borrowed-cache.ts'
import { ExchangeBound } from './bounded-network.ts'
import type { Change } from './compare.ts'
import { type FromRehearsal, isRehearsalStart, type RehearsalStart, type ToRehearsal } from './messages.ts'
import { type AskedQuestion, type GatheredQuestions, Questions } from './questions.ts'
import { readLog } from './read-log.ts'
import { openRehearsal, type Rehearsal } from './rehearsal.ts'
import { replay } from './replay.ts'

/** How often it says how far it is, in ms. */
const TELL_MS = 200
const NOTHING_YET: PolicyTestTotals = { compared: 0, changed: 0, queries: 0, clients: 0, unknown: 0, rules: [] }

class RehearsalThread {
  readonly #start: RehearsalStart
  readonly #port: MessagePort
  readonly #bound = new ExchangeBound(adminLimits.policyTestExchanges)
  readonly #found = new FoundValues()
  readonly #lent = new Map<number, (lent: Lent | null) => void>()
  readonly #exchanges = new Map<number, (result: ExchangeResult) => void>()
  readonly #networks: SystemNetwork[] = []
  readonly #sent = new Questions()
  readonly #sentAll: Promise<string | null>
  #sentEnd: (problem: string | null) => void = () => {}
  #ids = 0
  #told = Number.NEGATIVE_INFINITY
  #kept = 0
  #news: { changed: string[]; unknown: string[] } = { changed: [], unknown: [] }

  constructor(start: RehearsalStart, port: MessagePort) {
    this.#start = start
    this.#port = port
    this.#sentAll = new Promise(resolve => {
      this.#sentEnd = resolve
    })
    port.on('message', (message: ToRehearsal) => this.#take(message))
  }

  /** To its end; what goes wrong is reported. */
  async run(): Promise<void> {
    const { running, candidate, onlyCheck } = this.#start
    const { problems, zoneProblems, listProblems } = await checkAllBeside(
      candidate.kind === 'config' ? { ...candidate, warnings: [] } : candidate,
    )
    const wrong = [...problems, ...zoneProblems, ...listProblems].filter(({ severity }) => severity === 'error')
    if (wrong.length > 0 || candidate.kind !== 'config') return this.#post({ kind: 'invalid', problems: wrong })
    const open: Rehearsal[] = []
    try {
      const before = await this.#open(running)
      if (before.kind === 'invalid')
        return this.#post({ kind: 'failed', reason: `what runs cannot be opened again: ${textOf(before.problems)}` })
      open.push(before.rehearsal)
      const after = await this.#open(candidate.config)
      if (after.kind === 'invalid') return this.#post(after)
      open.push(after.rehearsal)
      this.#post({ kind: 'ready', missing: after.rehearsal.missing() })
      if (!onlyCheck) await this.#compare(before.rehearsal, after.rehearsal)
    } finally {
      await Promise.all(open.map(one => one.close()))
      for (const network of this.#networks) network.close()
    }
    return undefined
  }

  failed(error: unknown): void {
    this.#post({ kind: 'failed', reason: errorText(error) })
  }

  #post(message: FromRehearsal): void {
    this.#port.postMessage(message)
  }

  #take(message: ToRehearsal): void {
    switch (message.kind) {
      case 'lent':
        this.#lent.get(message.id)?.(message.lent)
        this.#lent.delete(message.id)
        return
      case 'exchanged':
        this.#exchanges.get(message.id)?.(message.result)
        this.#exchanges.delete(message.id)
        return
      case 'queries':
        for (const query of message.queries) this.#sent.add(query)
        return
      case 'queries-end':
        this.#sentEnd(message.problem)
        return
      default:
        message satisfies never
    }
  }

  #open(config: Config): ReturnType<typeof openRehearsal> {
    const { frozen, rules, network } = this.#start
    const ask = (partition: string, question: Question): Promise<Lent | null> => this.#borrow(partition, question)
    const options = {
      offline: network === 'none',
      network: network === 'none' ? undefined : this.#network(config),
      cache: new BorrowedCache({ ask, found: this.#found, rules }),
    }
    return openRehearsal(config, () => {}, { ...options, frozen })
  }

  #network({ limits }: Config): Network {
    if (this.#start.network === 'lent') return this.#bound.around(this.#lentNetwork)
    const [clock, random] = [systemClock(), systemRandom()]
    const network = createNetwork({ clock, random, limits, events: () => {} })
    this.#networks.push(network)
    return this.#bound.around(network)
  }

  readonly #lentNetwork: Network = {
    exchange: (server, transport, query, timeoutMs, done) => {
      const id = this.#ids++
      this.#exchanges.set(id, done)
      this.#post({ kind: 'exchange', id, server, transport, query, timeoutMs })
      return () => {
        if (this.#exchanges.delete(id)) this.#post({ kind: 'cancel', id })
      }
    },
  }

  #borrow(partition: string, question: Question): Promise<Lent | null> {
    const id = this.#ids++
    return new Promise(resolve => {
      this.#lent.set(id, resolve)
      this.#post({ kind: 'borrow', id, partition, question })
    })
  }

  async #compare(before: Rehearsal, after: Rehearsal): Promise<void> {
    const gathered = await this.#questions()
    if ('problem' in gathered) return this.#post({ kind: 'failed', reason: gathered.problem })
    const { questions } = gathered
    const clock = systemClock()
    const progress = (asked: number, totals: PolicyTestTotals): PolicyTestProgress => ({
      ...totals,
      ...{ questions: questions.length, asked, skipped: gathered.skipped, leftOut: gathered.leftOut },
      ...{ exchanges: this.#bound.made, exchangesLeftOut: this.#bound.leftOut },
    })
    this.#post({ kind: 'progress', progress: progress(0, NOTHING_YET) })
    const replayed = await replay(questions, {
      ...{ before, after, clock },
      onChange: change => this.#keep('changed', change),
      onUnknown: change => this.#keep('unknown', change),
      onProgress: totalsOf => {
        if (clock.now() - this.#told < TELL_MS) return
        this.#told = clock.now()
        const totals = totalsOf()
        this.#tellNews()
        this.#post({ kind: 'progress', progress: progress(totals.compared, totals) })
      },
    })
    this.#tellNews()
    const { asked, ...totals } = replayed
    return this.#post({ kind: 'done', progress: progress(asked, totals) })
  }

  async #questions(): Promise<GatheredQuestions | { readonly problem: string }> {
    const { questions } = this.#start
    switch (questions.kind) {
      case 'sent': {
        const problem = await this.#sentAll
        return problem === null ? this.#sent.gathered() : { problem }
      }
      case 'list': {
        const list: readonly AskedQuestion[] = JSON.parse(questions.json)
        const all = new Questions()
        for (const { times, ...query } of list) all.add(query, times)
        return all.gathered()
      }
      case 'log':
        return readLog(questions.file, questions.since).catch((error: unknown) => ({
          problem: `${questions.file}: ${errorText(error)}`,
        }))
      default:
        return questions satisfies never
    }
  }

  /** What is beyond the bound is counted only. */
  #keep(kind: 'changed' | 'unknown', change: Change): void {
    if (this.#kept >= adminLimits.policyTestChanges) return
    this.#kept += 1
    this.#news[kind].push(JSON.stringify(change))
  }

  #tellNews(): void {
    if (this.#news.changed.length + this.#news.unknown.length === 0) return
    this.#post({ kind: 'compared', ...this.#news })
    this.#news = { changed: [], unknown: [] }
  }
}

const textOf = (problems: readonly Problem[]): string => problems.map(problemText).join('; ')

async function serve(): Promise<void> {
  const port = parentPort
  const start: unknown = workerData
  if (port === null || !isRehearsalStart(start)) throw new Error('this is no thread of a rehearsal')
  const thread = new RehearsalThread(start, port)
  await thread.run().catch((error: unknown) => thread.failed(error))
  port.close()
}

await serve()
