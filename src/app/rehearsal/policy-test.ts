/**
 * One candidate held against what runs, as the main thread sees it: its thread, what is lent to that, and what came of
 * it so far.
 */
import { Worker } from 'node:worker_threads'
import { adminLimits } from '../../admin/limits.ts'
import type { PolicyTestProgress, PolicyTestStatus } from '../../admin/policy-tests/controls.ts'
import type { Fault } from '../../admin/zone-controls.ts'
import { errorText, type Problem } from '../../events.ts'
import type { Cancel, EventSink } from '../../ports.ts'
import type { OpenEngine } from '../open-engine.ts'
import { lend } from './lend.ts'
import type { FromRehearsal, RehearsalStart, ToRehearsal } from './messages.ts'

export interface PolicyTestParts {
  readonly id: string
  readonly facts: Pick<PolicyTestStatus, 'author' | 'source' | 'sinceS' | 'offline'>
  readonly start: RehearsalStart
  readonly entry: URL
  readonly engine: OpenEngine
  readonly faultOf: (problem: Problem) => Fault
  readonly events: EventSink
  /** Seconds since 1970. */
  readonly wall: () => number
}

const NOTHING_YET: PolicyTestProgress = {
  ...{ compared: 0, changed: 0, queries: 0, clients: 0, unknown: 0, rules: [] },
  ...{ questions: 0, asked: 0, skipped: 0, leftOut: 0, exchanges: 0, exchangesLeftOut: 0 },
}

/** How the opening of a candidate went. */
export type Opened = 'open' | 'over'

export class PolicyTest {
  readonly #parts: PolicyTestParts
  readonly #worker: Worker
  readonly #startedAt: number
  readonly #exchanges = new Map<number, Cancel>()
  readonly #items: Readonly<Record<'changed' | 'unknown', string[]>> = { changed: [], unknown: [] }
  #state: PolicyTestStatus['state'] = 'preparing'
  #endedAt: number | null = null
  #progress = NOTHING_YET
  #errors: readonly Fault[] = []
  #problem: string | null = null
  #notes: readonly string[] = []
  #settle: (opened: Opened) => void = () => {}
  /** Resolves when the candidate is open, or it is over. */
  readonly opened: Promise<Opened>

  constructor(parts: PolicyTestParts) {
    this.#parts = parts
    this.#startedAt = parts.wall()
    this.opened = new Promise(resolve => {
      this.#settle = resolve
    })
    this.#worker = new Worker(parts.entry, { workerData: parts.start, name: `policy test ${parts.id}` })
    this.#worker.on('message', (message: FromRehearsal) => this.#take(message))
    this.#worker.on('error', (error: unknown) => {
      parts.events({ kind: 'bug', where: 'policy test', error, question: null })
      this.#failed(errorText(error))
    })
    this.#worker.on('exit', () => this.#failed('its thread has ended'))
  }

  get id(): string {
    return this.#parts.id
  }

  get isOver(): boolean {
    return this.#endedAt !== null
  }

  get endedAt(): number | null {
    return this.#endedAt
  }

  get errors(): readonly Fault[] {
    return this.#errors
  }

  get problem(): string | null {
    return this.#problem
  }

  status(): PolicyTestStatus {
    const { id, facts } = this.#parts
    return {
      ...{ id, ...facts, startedAt: this.#startedAt, endedAt: this.#endedAt, state: this.#state },
      ...this.#progress,
      ...{ errors: this.#errors, problem: this.#problem, notes: this.#notes },
    }
  }

  page(of: 'changed' | 'unknown', from: number, limit: number): { items: readonly string[]; next: number | null } {
    const all = this.#items[of]
    const next = from + limit
    // While it runs there may be more.
    return { items: all.slice(from, next), next: next < all.length ? next : null }
  }

  send(message: ToRehearsal): void {
    if (!this.isOver) this.#worker.postMessage(message)
  }

  note(text: string): void {
    this.#notes = [...this.#notes, text]
  }

  /** Ends it wherever it is. */
  close(): void {
    this.#failed('it was ended')
  }

  #take(message: FromRehearsal): void {
    if (this.isOver) return
    switch (message.kind) {
      case 'borrow': {
        const { id, partition, question } = message
        this.send({ kind: 'lent', id, lent: lend(this.#parts.engine, partition, question) })
        return
      }
      case 'exchange':
        this.#exchange(message)
        return
      case 'cancel':
        this.#exchanges.get(message.id)?.()
        this.#exchanges.delete(message.id)
        return
      case 'ready':
        this.#state = 'running'
        this.#notes = [...this.#notes, ...message.missing]
        this.#settle('open')
        return
      case 'progress':
        this.#progress = message.progress
        return
      case 'compared':
        this.#items.changed.push(...message.changed)
        this.#items.unknown.push(...message.unknown)
        return
      case 'done':
        this.#progress = message.progress
        this.#noteBounds(message.progress)
        this.#end('done')
        return
      case 'invalid':
        this.#errors = message.problems.map(this.#parts.faultOf)
        this.#end('invalid')
        return
      case 'failed':
        this.#failed(message.reason)
        return
      default:
        message satisfies never
    }
  }

  /** Of a server that asks an internet of its own. */
  #exchange({ id, server, transport, query, timeoutMs }: Extract<FromRehearsal, { kind: 'exchange' }>): void {
    const { network } = this.#parts.engine.recursor
    const cancel = network.exchange(server, transport, query, timeoutMs, result => {
      this.#exchanges.delete(id)
      this.send({
        kind: 'exchanged',
        id,
        result: result.kind === 'reply' ? { ...result, decoded: undefined } : result,
      })
    })
    this.#exchanges.set(id, cancel)
  }

  #noteBounds({ questions, asked, leftOut, exchangesLeftOut, changed, unknown }: PolicyTestProgress): void {
    if (leftOut > 0) this.note(`${leftOut} questions are more than are compared`)
    if (asked < questions) this.note(`time ran out: ${questions - asked} questions were not compared`)
    if (exchangesLeftOut > 0) this.note(`${exchangesLeftOut} messages to servers were more than are sent for a test`)
    if (changed + unknown > adminLimits.policyTestChanges)
      this.note(`the first ${adminLimits.policyTestChanges} are kept, the others counted`)
  }

  #failed(reason: string): void {
    if (this.isOver) return
    this.#problem = reason
    this.#end('failed')
  }

  #end(state: PolicyTestStatus['state']): void {
    this.#state = state
    this.#endedAt = this.#parts.wall()
    for (const cancel of this.#exchanges.values()) cancel()
    this.#exchanges.clear()
    this.#settle('over')
    void this.#worker.terminate()
  }
}
