/**
 * The threads of the query history as the server sees them: one that writes, from the start, and one that reads, from
 * the first request on. Either can end by a bug or by want of memory: that is reported, and DNS goes on.
 */
import { Worker } from 'node:worker_threads'
import { historyLimits } from '../../admin/history/limits.ts'
import type {
  FromHistory,
  HistoryNumbers,
  HistoryReply,
  HistoryRequest,
  HistorySettings,
  HistoryStart,
  ToHistory,
} from '../../admin/history/messages.ts'
import type { EventSink } from '../../ports.ts'

export interface HistoryHostParts {
  readonly settings: HistorySettings
  readonly events: EventSink
  /** A batch of queries was read. */
  readonly taken: () => void
  /** The program of the threads; by default the built one. */
  readonly entry?: URL | undefined
}

/** What the built program has next to the bundles. */
const BUILT = new URL('../../history.bundle.js', import.meta.url)
const GONE: HistoryReply = { kind: 'failed', detail: 'the thread of the query history has ended; its log says why' }

/** A thread, and what it was asked. */
class Thread {
  readonly worker: Worker
  readonly #asked = new Map<number, (reply: HistoryReply) => void>()
  readonly ended: Promise<void>
  isOver = false

  constructor(
    entry: URL,
    start: HistoryStart,
    { events }: HistoryHostParts,
    take: (message: Exclude<FromHistory, { kind: 'reply' }>) => void,
  ) {
    this.worker = new Worker(entry, {
      workerData: start,
      name: `history-${start.role}`,
      // Node 22 calls node:sqlite experimental.
      execArgv: ['--disable-warning=ExperimentalWarning'],
    })
    this.worker.on('message', (message: FromHistory) => {
      if (message.kind !== 'reply') take(message)
      else {
        this.#asked.get(message.id)?.(message.reply)
        this.#asked.delete(message.id)
      }
    })
    this.worker.on('error', error => events({ kind: 'bug', where: `history, ${start.role}`, error, question: null }))
    this.ended = new Promise(resolve => {
      this.worker.on('exit', () => {
        this.isOver = true
        for (const reply of this.#asked.values()) reply(GONE)
        this.#asked.clear()
        resolve()
      })
    })
  }

  send(message: ToHistory): void {
    if (!this.isOver) this.worker.postMessage(message)
  }

  ask(id: number, request: HistoryRequest): Promise<HistoryReply> {
    if (this.isOver) return Promise.resolve(GONE)
    return new Promise(resolve => {
      this.#asked.set(id, resolve)
      this.worker.postMessage({ kind: 'request', id, request } satisfies ToHistory)
    })
  }
}

export class HistoryHost {
  readonly #parts: HistoryHostParts
  readonly #writer: Thread
  #reader: Thread | null = null
  #settings: HistorySettings
  #where: 'disk' | 'memory' | null = null
  #requests = 0
  #numbers: HistoryNumbers = { kept: 0, dropped: 0, unnamed: 0, files: 0, bytes: 0 }

  constructor(parts: HistoryHostParts) {
    this.#parts = parts
    this.#settings = parts.settings
    this.#writer = this.#start('writer')
  }

  get numbers(): HistoryNumbers {
    return this.#numbers
  }

  /** Queries that never got here. */
  lost(count: number): void {
    this.#add({ dropped: count })
  }

  send(rows: string): void {
    this.#writer.send({ kind: 'rows', rows })
  }

  configure(settings: HistorySettings): void {
    this.#settings = settings
    for (const thread of [this.#writer, this.#reader]) thread?.send({ kind: 'settings', settings })
  }

  ask(request: HistoryRequest): Promise<HistoryReply> {
    const id = this.#requests++
    if (this.#where === 'memory') return this.#writer.ask(id, request)
    if (this.#reader === null || this.#reader.isOver) this.#reader = this.#start('reader')
    return this.#reader.ask(id, request)
  }

  /** What came is written. */
  async stop(): Promise<void> {
    const threads = [this.#writer, this.#reader].flatMap(thread => thread ?? [])
    for (const thread of threads) thread.send({ kind: 'stop' })
    const patience = setTimeout(() => {
      for (const { worker } of threads) void worker.terminate()
    }, historyLimits.stopMs)
    await Promise.all(threads.map(({ ended }) => ended))
    clearTimeout(patience)
  }

  #start(role: HistoryStart['role']): Thread {
    const { entry = BUILT } = this.#parts
    return new Thread(entry, { role, settings: this.#settings }, this.#parts, message => this.#take(role, message))
  }

  #take(role: HistoryStart['role'], message: Exclude<FromHistory, { kind: 'reply' }>): void {
    const { events, taken } = this.#parts
    switch (message.kind) {
      case 'open': {
        if (role === 'reader') return
        this.#where = message.where
        const { directory, days, bytes } = this.#settings
        events({
          kind: 'history-open',
          where: message.where,
          directory,
          days,
          bytes,
          queries: historyLimits.memoryRecords,
        })
        return
      }
      case 'taken': {
        const { batches, kept, lost, unnamed } = message
        for (let i = 0; i < batches; i++) taken()
        this.#add({ kept, dropped: lost, unnamed })
        return
      }
      case 'size':
        this.#numbers = { ...this.#numbers, files: message.files, bytes: message.bytes }
        return
      case 'damaged':
        // Who writes there gets it out of the way.
        this.#writer.send({ kind: 'damaged', file: message.file })
        return
      case 'set-aside':
        events({ kind: 'history-set-aside', file: message.file, as: message.as })
        return
      case 'failed':
        events({ kind: 'history-failed', message: message.message })
        return
      case 'works':
        events({ kind: 'history-works', lost: message.lost })
        return
      case 'removed':
        events({ kind: 'history-removed', file: message.file, why: message.why })
        return
      case 'stopped':
        return
      default:
        message satisfies never
    }
  }

  #add({ kept = 0, dropped = 0, unnamed = 0 }: Partial<HistoryNumbers>): void {
    const before = this.#numbers
    this.#numbers = {
      ...before,
      kept: before.kept + kept,
      dropped: before.dropped + dropped,
      unnamed: before.unnamed + unnamed,
    }
  }
}
