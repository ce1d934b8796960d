/** The thread of dnstap as the server sees it. It can end by a bug: that is reported, and DNS goes on. */
import { Worker } from 'node:worker_threads'
import type { EventSink } from '../../ports.ts'
import type { DnstapSettings, FromDnstap, ToDnstap } from './messages.ts'
import { dnstapLimits } from './limits.ts'
import { Tap } from './tap.ts'

/** What the built program has next to the bundles. */
const BUILT = new URL('../../dnstap.bundle.js', import.meta.url)

export interface DnstapNumbers {
  /** Frames that were handed to the receiver, or to the file. */
  readonly sent: number
  readonly dropped: number
  readonly isOpen: boolean
}

export interface DnstapParts {
  readonly settings: DnstapSettings
  readonly events: EventSink
  /** The program of the thread; by default the built one. */
  readonly entry?: URL | undefined
}

export class Dnstap {
  readonly tap: Tap
  readonly #parts: DnstapParts
  readonly #worker: Worker
  readonly #ended: Promise<void>
  #isOver = false
  #numbers: DnstapNumbers = { sent: 0, dropped: 0, isOpen: false }

  constructor(parts: DnstapParts) {
    this.#parts = parts
    const { settings, events, entry = BUILT } = parts
    this.#worker = new Worker(entry, { workerData: settings, name: 'dnstap' })
    this.tap = new Tap({
      now: () => performance.now(),
      wallMs: () => Date.now(),
      send: chunk => this.#post({ kind: 'chunk', chunk }),
      dropped: count => this.#count(0, count),
      after: (ms, call) => void setTimeout(call, ms),
    })
    this.#worker.on('message', (message: FromDnstap) => this.#take(message))
    this.#worker.on('error', error => events({ kind: 'bug', where: 'dnstap', error, question: null }))
    this.#ended = new Promise(resolve => {
      this.#worker.on('exit', () => {
        this.#isOver = true
        resolve()
      })
    })
  }

  get numbers(): DnstapNumbers {
    return this.#numbers
  }

  reopen(): void {
    this.#post({ kind: 'reopen' })
  }

  async stop(): Promise<void> {
    this.tap.flush()
    this.#post({ kind: 'stop' })
    const patience = setTimeout(() => void this.#worker.terminate(), dnstapLimits.finishMs * 2)
    await this.#ended
    clearTimeout(patience)
  }

  #post(message: ToDnstap): void {
    if (!this.#isOver) this.#worker.postMessage(message)
  }

  #take(message: FromDnstap): void {
    const { events, settings } = this.#parts
    switch (message.kind) {
      case 'read':
        this.tap.wasRead()
        this.#count(message.sent, message.dropped)
        return
      case 'connected':
        this.#numbers = { ...this.#numbers, isOpen: true }
        events({ kind: 'dnstap-open', to: settings.text })
        return
      case 'failed':
        this.#numbers = { ...this.#numbers, isOpen: false }
        events({ kind: 'dnstap-failed', to: settings.text, message: message.message })
        return
      case 'stopped':
        return
      default:
        message satisfies never
    }
  }

  #count(sent: number, dropped: number): void {
    const before = this.#numbers
    this.#numbers = { ...before, sent: before.sent + sent, dropped: before.dropped + dropped }
  }
}
