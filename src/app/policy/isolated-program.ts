/**
 * A policy in a thread of its own, as the server sees it: calls go there and verdicts come back. A thread that does not
 * react, or takes too much memory, is ended, and another one started. That costs the call that it worked on; others
 * that waited are made again, once. It is a boundary for faults: a program can still open files and sockets.
 *
 * Invariant: each call gets one verdict, within `callMs`.
 */
import { Worker } from 'node:worker_threads'
import { errorText } from '../../events.ts'
import type { CodeLimits } from '../../limits.ts'
import type { Traits } from '../../policy/code/check.ts'
import type { Call, Fault, LookUp, Verdict } from '../../policy/code/run.ts'
import type { Program } from '../../policy/code/stage.ts'
import type { ProgramStatus } from '../../policy/code/status.ts'
import type { Cancel, Clock } from '../../ports.ts'
import { type FromThread, isFromThread, type ThreadStart, type ToThread } from './messages.ts'

export interface IsolatedParts {
  readonly file: string
  readonly name: string
  readonly clock: Clock
  readonly limits: CodeLimits
  /** The program of `policy-thread.ts`. */
  readonly entry: URL
  readonly onCall: () => void
  readonly onFault: (fault: Fault, text: string) => void
  /** Its thread ended by a fault; `pauseMs` until there is another one. */
  readonly onRestart: (pauseMs: number) => void
}

interface Waiting {
  readonly call: Call
  readonly lookUp: LookUp
  readonly settle: (verdict: Verdict) => void
  readonly since: number
  /** Made again after its thread had ended. */
  readonly isSecond: boolean
}

interface Thread {
  readonly worker: Worker
  readonly current: Int32Array
  isReady: boolean
  /** When it said something last. */
  heardAt: number
  /** A message that it has not answered; null: there is none. */
  pingedAt: number | null
  /** Octets of the process when it was found not to react. */
  rss: number | null
}

/** Young objects of one thread, MiB, and its stack: what Node gives a thread without bounds. */
const YOUNG_MIB = 16
const STACK_MIB = 4
const LAST_ID = 0x7fff_ffff

export class IsolatedProgram implements Program {
  readonly name: string
  readonly #parts: IsolatedParts
  #traits: Traits = { name: null, reads: null, onFault: 'open', hooks: [] }
  #thread: Thread | null = null
  #memory: ProgramStatus['memory'] = null
  readonly #waiting = new Map<number, Waiting>()
  readonly #outbox: ToThread[] = []
  #lastId = 0
  #cancelLook: Cancel | null = null
  #cancelRestart: Cancel | null = null
  #pauseMs = 0
  #faultAt = Number.NEGATIVE_INFINITY
  #isClosed = false
  /** Was its program ever loaded? */
  #wasReady = false

  constructor(parts: IsolatedParts) {
    this.#parts = parts
    this.name = parts.name
  }

  get traits(): Traits {
    return this.#traits
  }

  /** Resolves to why the program cannot be used; null: it can. */
  start(): Promise<string | null> {
    return new Promise(resolve =>
      this.#open(problem => {
        if (problem !== null) this.close()
        resolve(problem)
      }),
    )
  }

  /** Octets of its thread, when it last said; null: it has not. */
  get memory(): ProgramStatus['memory'] {
    return this.#memory
  }

  ask(call: Call, lookUp: LookUp): Promise<Verdict> {
    const { clock, limits, onCall } = this.#parts
    onCall()
    if (this.#isClosed) return this.#refused('ended', 'the server is stopping')
    if (this.#waiting.size >= limits.waiting)
      return this.#refused('overload', `more than ${limits.waiting} queries wait for it`)
    if (this.#thread === null && this.#pauseMs > limits.stuckMs)
      return this.#refused('restarting', 'its thread ended by faults and is started again')
    return new Promise(settle => {
      this.#send({ call, lookUp, settle, since: clock.now(), isSecond: false })
      this.#cancelLook ??= clock.after(limits.lookMs, () => this.#look())
    })
  }

  faulted(text: string): void {
    this.#parts.onFault('bad-answer', text)
  }

  /** Nothing new comes: the thread ends with the last call that waits. */
  async retire(): Promise<void> {
    const { clock, limits } = this.#parts
    const end = clock.now() + limits.callMs
    while (this.#waiting.size > 0 && clock.now() < end)
      await new Promise<void>(resolve => clock.after(limits.lookMs, resolve))
    this.close()
  }

  close(): void {
    this.#isClosed = true
    this.#cancelLook?.()
    this.#cancelRestart?.()
    void this.#thread?.worker.terminate()
    this.#thread = null
    for (const { settle } of this.#waiting.values())
      settle({ kind: 'fault', fault: 'ended', text: 'the server is stopping' })
    this.#waiting.clear()
  }

  #refused(fault: Fault, text: string): Promise<Verdict> {
    this.#parts.onFault(fault, text)
    return Promise.resolve({ kind: 'fault', fault, text })
  }

  #open(opened: (problem: string | null) => void): void {
    const { file, limits, entry, clock } = this.#parts
    const current = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
    const workerData: ThreadStart = { file, limits, current }
    const worker = new Worker(entry, {
      workerData,
      execArgv: [],
      resourceLimits: {
        maxOldGenerationSizeMb: limits.heapMib,
        maxYoungGenerationSizeMb: YOUNG_MIB,
        stackSizeMb: STACK_MIB,
      },
    })
    const thread: Thread = { worker, current, isReady: false, heardAt: clock.now(), pingedAt: null, rss: null }
    this.#thread = thread
    const isCurrent = (): boolean => this.#thread === thread
    const giveUp = clock.after(limits.startMs, () => {
      if (!thread.isReady) ended('endless', `was not loaded within ${limits.startMs} ms`)
    })
    worker.on('message', (messages: unknown) => {
      if (!isCurrent() || !isFromThread(messages)) return
      thread.heardAt = clock.now()
      thread.pingedAt = null
      thread.rss = null
      for (const message of messages) {
        if (!isCurrent()) return
        if (message.kind === 'ready' || message.kind === 'broken') {
          this.#began(thread, message)
          opened(message.kind === 'ready' ? null : message.problem)
        } else this.#take(thread, message)
      }
    })
    const ended = (fault: Fault, text: string): void => {
      if (!isCurrent()) return
      if (!thread.isReady) opened(`${file}: ${text}`)
      this.#ended(thread, fault, text)
    }
    worker.on('error', (error: unknown) => {
      const isMemory = error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY'
      if (isMemory) ended('memory', `took more than ${limits.heapMib} MiB of heap`)
      else ended('ended', errorText(error))
    })
    worker.on('exit', () => {
      giveUp()
      ended('ended', 'ended its own thread')
    })
  }

  #began(thread: Thread, message: Extract<FromThread, { kind: 'ready' | 'broken' }>): void {
    if (message.kind === 'broken') {
      this.#ended(thread, 'ended', message.problem)
      return
    }
    thread.isReady = true
    this.#wasReady = true
    this.#traits = message.traits
    const waiting = [...this.#waiting]
    for (const [id, { call }] of waiting) this.#post({ kind: 'call', id, call })
  }

  #send(waiting: Waiting): void {
    this.#lastId = this.#lastId === LAST_ID ? 1 : this.#lastId + 1
    const id = this.#lastId
    this.#waiting.set(id, waiting)
    if (this.#thread?.isReady === true) this.#post({ kind: 'call', id, call: waiting.call })
  }

  /** With all others of this turn of the event loop. */
  #post(message: ToThread): void {
    this.#outbox.push(message)
    if (this.#outbox.length > 1) return
    setImmediate(() => {
      const messages = this.#outbox.splice(0)
      if (messages.length > 0) this.#thread?.worker.postMessage(messages)
    })
  }

  #take(thread: Thread, message: Exclude<FromThread, { kind: 'ready' | 'broken' }>): void {
    switch (message.kind) {
      case 'verdict':
        this.#settle(message.id, message.verdict)
        return
      case 'look-up':
        this.#lookUp(message)
        return
      case 'pong':
        return
      case 'stray':
        this.#parts.onFault('threw', message.text)
        return
      case 'memory':
        this.#memory = { heap: message.heap, buffers: message.buffers }
        return
      case 'full':
        // No one call is to blame.
        Atomics.store(thread.current, 0, 0)
        this.#ended(thread, 'memory', `holds ${message.octets} octets in buffers`)
        return
      default:
        message satisfies never
    }
  }

  #lookUp({ id, lookUp, name, type }: Extract<FromThread, { kind: 'look-up' }>): void {
    const waiting = this.#waiting.get(id)
    waiting
      ?.lookUp(name, type)
      .then(result => this.#post({ kind: 'found', id, lookUp, result, error: '' }))
      .catch((error: unknown) => this.#post({ kind: 'found', id, lookUp, result: null, error: errorText(error) }))
  }

  #settle(id: number, verdict: Verdict): void {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (verdict.kind === 'fault' && waiting !== undefined) this.#parts.onFault(verdict.fault, verdict.text)
    waiting?.settle(verdict)
  }

  /** Now and then while calls wait. */
  #look(): void {
    const { clock, limits } = this.#parts
    this.#cancelLook = null
    const now = clock.now()
    for (const [id, { since }] of this.#waiting) {
      if (now - since <= limits.callMs) continue
      this.#settle(id, { kind: 'fault', fault: 'timed-out', text: `did not answer within ${limits.callMs} ms` })
      this.#post({ kind: 'forget', id })
    }
    if (this.#thread?.isReady === true) this.#lookAt(this.#thread, now)
    if (this.#waiting.size > 0) this.#cancelLook = clock.after(limits.lookMs, () => this.#look())
  }

  #lookAt(thread: Thread, now: number): void {
    const { limits } = this.#parts
    const [oldest] = this.#waiting.values()
    if (oldest === undefined) return
    const silentMs = now - Math.max(thread.heardAt, oldest.since)
    if (silentMs < limits.lookMs) return
    if (thread.pingedAt === null) {
      thread.pingedAt = now
      thread.rss = process.memoryUsage.rss()
      this.#post({ kind: 'ping' })
    } else if (now - thread.pingedAt > limits.stuckMs)
      this.#ended(thread, 'endless', `did not come back within ${limits.stuckMs} ms`)
    else if (process.memoryUsage.rss() - (thread.rss ?? 0) > limits.growthBytes)
      this.#ended(thread, 'memory', 'took too much memory without coming back')
  }

  /** The thread is no more, or shall not be: who is to blame gets the fault, the others are asked for again. */
  #ended(thread: Thread, fault: Fault, text: string): void {
    const { clock, limits, onFault, onRestart } = this.#parts
    this.#thread = null
    this.#outbox.length = 0
    void thread.worker.terminate()
    if (this.#isClosed || !this.#wasReady) return
    const blamed = Atomics.load(thread.current, 0)
    const again = [...this.#waiting]
    this.#waiting.clear()
    let isTold = false
    for (const [id, waiting] of again) {
      if (id === blamed || waiting.isSecond) {
        isTold = true
        onFault(fault, text)
        waiting.settle({ kind: 'fault', fault, text })
      } else this.#send({ ...waiting, isSecond: thread.isReady })
    }
    if (!isTold) onFault(fault, text)
    const now = clock.now()
    this.#pauseMs =
      now - this.#faultAt > limits.calmMs ? limits.restartMs : Math.min(this.#pauseMs * 2, limits.restartMsMost)
    this.#faultAt = now
    onRestart(this.#pauseMs)
    this.#cancelRestart = clock.after(this.#pauseMs, () => {
      this.#cancelRestart = null
      this.#open(() => {})
    })
  }
}
