/**
 * Listener threads under test: their program is bundled from the sources, since a thread of Node.js 20 reads no
 * TypeScript, and lies inside `node_modules` so that it finds its packages.
 */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { rolldown } from 'rolldown'
import { afterAll } from 'vitest'
import { AnswerCache } from '../../../src/cache/answer-cache.ts'
import { parsePrefix } from '../../../src/dns/address.ts'
import type { Event } from '../../../src/events.ts'
import { countLoss, type ThreadProgram, type ThreadSettings } from '../../../src/app/listener-handler.ts'
import { type Limits, limitsWith } from '../../../src/limits.ts'
import { loadLibc } from '../../../src/net/linux/libc.ts'
import type { Listener } from '../../../src/net/listener.ts'
import { systemClock } from '../../../src/system/system.ts'
import { type BatchOptions, BatchUdp } from '../../../src/net/batch/batch-listener.ts'
import type { Clock, Serve } from '../../../src/ports.ts'
import { counterMemory, Counters } from '../../../src/server/counters.ts'
import { unless } from '../../tools.ts'
import { atEnd, eventsInto, until } from '../support.ts'

const found = loadLibc()
/** `describe` where datagrams can be moved in batches. */
export const needsBatch = unless(found.kind === 'libc' ? null : found.reason)
export const hasBatch = found.kind === 'libc'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const built = join(root, 'node_modules', '.cache', `threads-${process.pid}`)
afterAll(() => rmSync(built, { recursive: true, force: true }))

/** Bundles a TypeScript program, given from the root of the project; gives the module. */
export async function bundled(source: string): Promise<URL> {
  const file = join(built, `${source.replaceAll('/', '-')}.mjs`)
  mkdirSync(built, { recursive: true })
  const bundle = await rolldown({ input: join(root, source), platform: 'node', external: /^node:/ })
  // One file, whatever is imported when it is needed.
  await bundle.write({ file, format: 'esm', codeSplitting: false })
  return pathToFileURL(file)
}

const started: { entry: Promise<URL> | null } = { entry: null }
/** The program that listener threads run. */
export const threadEntry = (): Promise<URL> => (started.entry ??= bundled('src/app/listener-thread.ts'))

export const settingsFor = (allow: readonly string[], more: Partial<ThreadSettings> = {}): ThreadSettings => ({
  gate: { allow: allow.flatMap(text => parsePrefix(text) ?? []), limits: { accessVerdicts: 100 } },
  bytePath: { udpReplyBytes: 1_232, paddingBlock: 468, sendsNsid: false },
  reportsHits: false,
  ...more,
})

export interface OpenedBatch {
  readonly batch: BatchUdp
  readonly answers: AnswerCache
  readonly counters: Counters
  readonly events: Event[]
  readonly clock: Clock
  open(address: string, port?: number): Listener
  /** Resolves when the threads are at their sockets: before that the main thread answers everything. */
  begin(): Promise<void>
}

export interface BatchSetup {
  readonly onMessage: Serve
  readonly limits?: Limits
  readonly threads?: number
  readonly entry?: URL
  readonly settings?: ThreadSettings
  readonly onHitReport?: BatchOptions['onHitReport']
  readonly events?: Event[]
}

/** Threads without sockets yet; `open` one, then `begin`. */
export async function openBatch({
  onMessage,
  limits = limitsWith({}),
  threads = 1,
  settings,
  onHitReport = () => {},
  ...more
}: BatchSetup): Promise<OpenedBatch> {
  if (found.kind !== 'libc') throw new Error(found.reason)
  const entry = more.entry ?? (await threadEntry())
  const events = more.events ?? []
  const clock = systemClock()
  const answers = new AnswerCache(limits.cache, 2 ** 20)
  const memories = Array.from({ length: threads }, counterMemory)
  const counters = new Counters()
  for (const memory of memories) counters.include(new Counters(memory))
  const batch = new BatchUdp({
    libc: found.libc,
    entry,
    threads,
    onMessage,
    clock,
    limits,
    events: eventsInto(events),
    onHitReport,
    program: (thread): ThreadProgram => ({
      answers: answers.handle,
      counters: memories[thread] ?? counterMemory(),
      settings: settings ?? settingsFor(['0.0.0.0/0', '::/0']),
    }),
    onLost: (why, count) => countLoss(counters, why, count),
  })
  atEnd(() => batch.close())
  const open = (address: string, port = 0): Listener => {
    const listener = batch.open(address, port)
    if (listener.kind !== 'listener') throw new Error(listener.message)
    return listener
  }
  const begin = (): Promise<void> => {
    batch.start(false)
    return until(() => batch.isServed, 'threads')
  }
  return { batch, answers, counters, events, clock, open, begin }
}
