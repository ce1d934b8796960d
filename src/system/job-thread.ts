/**
 * One piece of work in a separate thread: it gets a value, may report progress, returns a value and ends. What the
 * values mean is known by those at both ends. Large arrays are handed over, not copied.
 */
import { parentPort, Worker, workerData } from 'node:worker_threads'
import { errorText } from '../events.ts'

export type JobEnd =
  | { readonly kind: 'done'; readonly value: unknown }
  /** By a bug, or for want of memory. */
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'stopped' }

export interface Job {
  readonly end: Promise<JobEnd>
  /** Ends it at once. */
  stop(): void
}

type Told = { readonly kind: 'progress'; readonly value: unknown } | { readonly kind: 'done'; readonly value: unknown }

const isTold = (value: unknown): value is Told =>
  typeof value === 'object' && value !== null && 'kind' in value && 'value' in value

/** Starts the program `entry`, a module that calls `runJob`. `value` must be cloneable. */
export function startJob(entry: URL, value: unknown, onProgress: (value: unknown) => void): Job {
  let stopped = false
  const worker = new Worker(entry, { workerData: value })
  const end = new Promise<JobEnd>(resolve => {
    worker.on('message', (told: unknown) => {
      if (!isTold(told)) return
      if (told.kind === 'progress') onProgress(told.value)
      else resolve({ kind: 'done', value: told.value })
    })
    worker.on('error', (error: unknown) => resolve({ kind: 'failed', reason: errorText(error) }))
    // It comes after 'message' and 'error', which then have decided.
    worker.on('exit', code =>
      resolve(stopped ? { kind: 'stopped' } : { kind: 'failed', reason: `the thread ended with code ${code}` }),
    )
  })
  const stop = (): void => {
    stopped = true
    void worker.terminate()
  }
  return { end, stop }
}

interface JobResult {
  readonly value: unknown
  readonly arrays: readonly ArrayBufferView[]
}

/** In the thread: does the work, reports the result, and ends. `arrays` in the value are handed over. */
export async function runJob(
  work: (value: unknown, onProgress: (value: unknown) => void) => JobResult | Promise<JobResult>,
): Promise<void> {
  const port = parentPort
  if (port === null) throw new Error('this is no thread')
  const tell = (told: Told, arrays: readonly ArrayBufferView[] = []): void =>
    port.postMessage(
      told,
      arrays.flatMap(({ buffer }) => (buffer instanceof ArrayBuffer ? [buffer] : [])),
    )
  const { value, arrays } = await work(workerData, progress => tell({ kind: 'progress', value: progress }))
  tell({ kind: 'done', value }, arrays)
}
