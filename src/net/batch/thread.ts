/**
 * The part of a listener thread that belongs to the network: reads what the main thread gave it, and runs the loop.
 * What its datagrams mean comes from whoever starts it.
 *
 * Invariant: it never runs an event loop; what the main thread says is fetched, between two batches, when a word in
 * shared memory says that there is something.
 */
import { writeFileSync } from 'node:fs'
import { MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import type { Clock } from '../../ports.ts'
import { loadLibc } from '../linux/libc.ts'
import { RingWriter } from './handover-ring.ts'
import { askForShortSlices } from './scheduling.ts'
import { clockOrigin, systemClock } from '../../system/system.ts'
import {
  type DatagramHandler,
  type LoopUpdate,
  type LoopOptions,
  type LoopSocket,
  type LoopMessage,
  runLoop,
} from './loop.ts'

/** What a thread is started with. */
export interface ThreadData {
  readonly port: MessagePort
  readonly control: SharedArrayBuffer
  readonly ring: SharedArrayBuffer
  readonly reports: SharedArrayBuffer
  readonly sockets: readonly LoopSocket[]
  readonly wakeFd: number
  readonly shape: LoopOptions['shape'] & { readonly sliceMicros: number }
  /** Of the main thread's clock, see `clockOrigin`. */
  readonly clockOrigin: number
  /** Belongs to the program of the thread. */
  readonly program: unknown
}

/** What the main thread sends later. */
export type ThreadUpdate =
  | { readonly kind: 'settings'; readonly settings: unknown }
  | { readonly kind: 'sockets'; readonly sockets: readonly LoopSocket[] }

export interface ThreadStart {
  readonly program: unknown
  /** The time of the main thread's clock. */
  readonly now: Clock['now']
}

/** Runs until the main thread ends it. Throws what is a bug, which ends the thread and is noticed. */
export function runListenerThread(makeHandler: (start: ThreadStart) => DatagramHandler): void {
  const data: unknown = workerData
  const found = loadLibc()
  if (parentPort === null || !isThreadData(data)) throw new Error('this is no listener thread')
  if (found.kind === 'unavailable') throw new Error(found.reason)
  const parent = parentPort
  nameThread()
  askForShortSlices(found.libc, data.shape.sliceMicros)
  const clock = systemClock()
  const shift = clockOrigin(clock) - data.clockOrigin
  const tell = (message: LoopMessage): void => parent.postMessage(message)
  tell({ kind: 'serving' })
  runLoop({
    libc: found.libc,
    handler: makeHandler({ program: data.program, now: () => clock.now() + shift }),
    ring: new RingWriter(data.ring),
    reports: new RingWriter(data.reports),
    sockets: data.sockets,
    control: new Int32Array(data.control),
    wakeFd: data.wakeFd,
    shape: data.shape,
    news: () => fetchNews(data.port),
    tell,
  })
}

/** For `top -H` and its like. */
function nameThread(): void {
  try {
    writeFileSync('/proc/thread-self/comm', 'listener')
  } catch {
    // Without /proc it has the name of the program.
  }
}

function fetchNews(port: MessagePort): LoopUpdate {
  let settings: unknown
  const added: LoopSocket[] = []
  for (;;) {
    const received = receiveMessageOnPort(port)
    const news: unknown = received?.message
    if (!isThreadNews(news)) return { settings, added }
    switch (news.kind) {
      case 'settings':
        settings = news.settings
        break
      case 'sockets':
        added.push(...news.sockets)
        break
      default:
        news satisfies never
    }
  }
}

const isThreadData = (value: unknown): value is ThreadData =>
  typeof value === 'object' &&
  value !== null &&
  'port' in value &&
  value.port instanceof MessagePort &&
  'control' in value &&
  'ring' in value &&
  'reports' in value &&
  'sockets' in value

const isThreadNews = (value: unknown): value is ThreadUpdate =>
  typeof value === 'object' && value !== null && 'kind' in value
