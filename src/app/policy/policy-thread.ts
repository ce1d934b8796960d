/** The program of a thread that runs one policy: started by `isolated-program.ts`, never imported. */
import { parentPort, workerData } from 'node:worker_threads'
import type { CodeLimits } from '../../limits.ts'
import type { CheckedPolicy } from '../../policy/code/check.ts'
import type { PolicyResult } from '../../policy/code/language.ts'
import { type Call, runHooks, thrownText } from '../../policy/code/run.ts'
import { loadPolicy } from './load-policy.ts'
import { type FromThread, isThreadStart, isToThread, type ToThread } from './messages.ts'

interface Waiting {
  readonly found: (result: PolicyResult) => void
  readonly failed: (error: Error) => void
}

/** Messages that wait at most for the turn to end, few and for a short time: silence is taken for a loop. */
class Outbox {
  readonly #send: (messages: readonly FromThread[]) => void
  #messages: FromThread[] = []
  #since = 0

  constructor(send: (messages: readonly FromThread[]) => void) {
    this.#send = send
  }

  put(message: FromThread): void {
    const now = performance.now()
    this.#messages.push(message)
    if (this.#messages.length === 1) {
      this.#since = now
      setImmediate(() => this.#flush())
    } else if (this.#messages.length >= MOST_MESSAGES || now - this.#since > LONGEST_MS) this.#flush()
  }

  #flush(): void {
    if (this.#messages.length > 0) this.#send(this.#messages)
    this.#messages = []
  }
}

const MOST_MESSAGES = 32
const LONGEST_MS = 5

class PolicyThread {
  readonly #policy: CheckedPolicy
  readonly #file: string
  readonly #limits: CodeLimits
  readonly #post: (message: FromThread) => void
  /** Look-ups that calls wait for. */
  readonly #calls = new Map<number, Map<number, Waiting>>()
  #lookUps = 0
  #looked = Number.NEGATIVE_INFINITY

  constructor(policy: CheckedPolicy, file: string, limits: CodeLimits, post: (message: FromThread) => void) {
    this.#policy = policy
    this.#file = file
    this.#limits = limits
    this.#post = post
  }

  take(message: ToThread): void {
    switch (message.kind) {
      case 'call':
        void this.#run(message.id, message.call)
        return
      case 'found': {
        const { id, lookUp, result, error } = message
        const waiting = this.#calls.get(id)?.get(lookUp)
        this.#calls.get(id)?.delete(lookUp)
        if (result === null) waiting?.failed(new Error(error))
        else waiting?.found(result)
        return
      }
      case 'forget':
        this.#calls.delete(message.id)
        return
      case 'ping':
        this.#post({ kind: 'pong' })
        return
      default:
        message satisfies never
    }
  }

  async #run(id: number, call: Call): Promise<void> {
    const lookUps = new Map<number, Waiting>()
    this.#calls.set(id, lookUps)
    const lookUp = (name: string, type: string): Promise<PolicyResult> =>
      new Promise((found, failed) => {
        const number = ++this.#lookUps
        lookUps.set(number, { found, failed })
        this.#post({ kind: 'look-up', id, lookUp: number, name, type })
      })
    const verdict = await runHooks(this.#policy, call, lookUp, this.#limits, this.#file)
    if (!this.#calls.delete(id)) return
    this.#post({ kind: 'verdict', id, verdict })
    this.lookAtMemory()
  }

  /** Heaps have their bound from Node; buffers are outside of them. */
  lookAtMemory(): void {
    const now = performance.now()
    if (now - this.#looked < this.#limits.lookMs) return
    this.#looked = now
    const { heapUsed: heap, arrayBuffers: buffers } = process.memoryUsage()
    if (buffers > this.#limits.bufferBytes) this.#post({ kind: 'full', octets: buffers })
    else this.#post({ kind: 'memory', heap, buffers })
  }
}

async function serve(): Promise<void> {
  const port = parentPort
  const start: unknown = workerData
  if (port === null || !isThreadStart(start)) throw new Error('this is no thread that runs policies')
  const { file, limits, current } = start
  const outbox = new Outbox(messages => port.postMessage(messages))
  const post = (message: FromThread): void => outbox.put(message)
  const loaded = await loadPolicy(file)
  if (loaded.kind === 'failed') {
    port.postMessage([{ kind: 'broken', problem: loaded.problem }])
    port.close()
    return
  }
  // What a program began and forgot ends no query of others.
  for (const stray of ['uncaughtException', 'unhandledRejection'] as const)
    process.on(stray, (error: unknown) => post({ kind: 'stray', text: thrownText(error, file) }))
  const thread = new PolicyThread(loaded.policy, file, limits, post)
  port.on('message', (messages: unknown) => {
    if (!isToThread(messages)) return
    // Each has a turn of its own: what runs from here to the next one is done for this call, its promises included.
    for (const message of messages)
      setImmediate(() => {
        if ('id' in message) Atomics.store(current, 0, message.id)
        thread.take(message)
      })
  })
  post({ kind: 'ready', traits: loaded.policy.traits })
  thread.lookAtMemory()
}

await serve()
