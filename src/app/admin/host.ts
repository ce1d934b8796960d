/**
 * The API's thread as the server sees it: started after the DNS sockets answer, given what it asks for, and stopped.
 * The thread can end by a bug or by want of memory: that is reported, and DNS goes on.
 */
import { Worker } from 'node:worker_threads'
import type { ControlsOf, Controls, ControlStreams } from '../../admin/controls.ts'
import { type AdminSettings, type FromAdmin, isCall, type ToAdmin } from '../../admin/messages.ts'
import { Callee } from '../../admin/remote.ts'
import type { EventSink } from '../../ports.ts'

export interface AdminHostParts {
  readonly settings: AdminSettings
  readonly controls: ControlsOf<Controls>
  readonly streams: ControlStreams
  readonly events: EventSink
  /** Queries are wanted from now on, or no more. */
  readonly watch: (on: boolean) => void
  /** A batch of queries was read. */
  readonly queriesRead: () => void
  /** The program of the thread; by default the built one. */
  readonly entry?: URL | undefined
}

/** What the built program has next to the bundles. */
const BUILT = new URL('../../admin.bundle.js', import.meta.url)

export class AdminHost {
  readonly #parts: AdminHostParts
  readonly #worker: Worker
  readonly #callee: Callee
  #ended: () => void = () => {}
  readonly #end: Promise<void>
  #over = false

  constructor(parts: AdminHostParts) {
    this.#parts = parts
    this.#worker = new Worker(parts.entry ?? BUILT, { workerData: parts.settings, name: 'admin' })
    this.#callee = new Callee(parts.controls, parts.streams, message => this.#post(message))
    this.#end = new Promise(resolve => {
      this.#ended = resolve
    })
    this.#worker.on('message', (message: FromAdmin) => this.#take(message))
    this.#worker.on('error', error => parts.events({ kind: 'bug', where: 'admin', error, question: null }))
    this.#worker.on('exit', () => {
      this.#over = true
      this.#callee.close()
      this.#parts.watch(false)
      this.#ended()
    })
  }

  configure(settings: AdminSettings): void {
    this.#post({ kind: 'settings', settings })
  }

  send(message: Extract<ToAdmin, { kind: 'queries' | 'event' }>): void {
    this.#post(message)
  }

  /** Answers that are under way go out. */
  async stop(): Promise<void> {
    this.#callee.close()
    this.#post({ kind: 'stop' })
    await this.#end
  }

  #post(message: ToAdmin): void {
    if (!this.#over) this.#worker.postMessage(message)
  }

  #take(message: FromAdmin): void {
    if (isCall(message)) {
      void this.#callee.take(message)
      return
    }
    const { events, watch, queriesRead } = this.#parts
    switch (message.kind) {
      case 'watch':
        watch(message.queries)
        return
      case 'queries-read':
        queriesRead()
        return
      case 'listening':
        events({ kind: 'admin-listening', at: message.text })
        return
      case 'listen-failed':
        events({ kind: 'admin-listener-failed', at: message.text, code: message.code, message: message.message })
        return
      case 'audit':
        events({
          kind: 'admin-audit',
          who: message.who,
          what: message.what,
          from: message.from,
          requestId: message.requestId,
        })
        return
      case 'state-failed':
        events({ kind: 'admin-state-failed', message: message.message })
        return
      case 'bug':
        events({ kind: 'bug', where: `admin: ${message.where}`, error: message.text, question: null })
        return
      case 'stopped':
        void this.#worker.terminate()
        return
      default:
        message satisfies never
    }
  }
}
