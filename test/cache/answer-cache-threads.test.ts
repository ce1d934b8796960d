/**
 * Threads that read while one writes: whatever they get is whole, of the name and variant they asked for, no older than
 * what was known when they asked, and not past its end. The tables are so small that everything is overwritten all the
 * time.
 */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'
import { rolldown } from 'rolldown'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { AnswerCache } from '../../src/cache/answer-cache.ts'
import { limitsOf } from './made.ts'
import {
  CLOCK,
  FLOORS,
  HITS,
  LEAST_DATA,
  makeAnswer,
  NAMES,
  READY,
  type Report,
  STOP,
  TTL_AT,
  WRONG,
} from './threads/answers.ts'

const LONG = process.env.ROOTWALK_LONG === '1'
/** What is done before it ends: fewer on a busy machine would say less, more on a quick one takes no longer. */
const HITS_WANTED = LONG ? 4_000_000 : 8_000
const WRITES_WANTED = LONG ? 1_000_000 : 2_000
const READERS = LONG ? 3 : 2
/** A thread of Node.js 20 reads no TypeScript. */
const folder = fileURLToPath(new URL(`../../node_modules/.cache/answers-${process.pid}/`, import.meta.url))
const program = join(folder, 'reader.mjs')

beforeAll(async () => {
  mkdirSync(folder, { recursive: true })
  const bundle = await rolldown({
    input: fileURLToPath(new URL('threads/reader.ts', import.meta.url)),
    platform: 'node',
    external: /^node:/,
  })
  await bundle.write({ file: program, format: 'esm' })
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const keyOf = (name: number): string => `\x04n${String(name).padStart(3, '0')}\x04test\x00\x01\x01`

async function run(budget: number, dataOctets: number): Promise<readonly Report[]> {
  const cache = new AnswerCache(limitsOf(), budget)
  const buffer = new SharedArrayBuffer((FLOORS + 2 * NAMES) * 4)
  const words = new Int32Array(buffer)
  const workers = Array.from(
    { length: READERS },
    () => new Worker(pathToFileURL(program), { workerData: { handle: cache.handle, words: buffer } }),
  )
  const reports = Promise.all(
    workers.map(
      worker => new Promise<Report>((resolve, reject) => worker.once('message', resolve).once('error', reject)),
    ),
  )
  while (Atomics.load(words, READY) < READERS) await new Promise(resolve => setImmediate(resolve))
  let version = 2
  let now = 0
  let state = 1
  const below = (limit: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return Math.floor((state / 2 ** 32) * limit)
  }
  const raise = (slot: number): void => void Atomics.store(words, FLOORS + slot, version)
  const step = (): void => {
    const name = below(NAMES)
    const what = below(2_000)
    now += below(40)
    Atomics.store(words, CLOCK, now)
    if (what === 0) {
      cache.clear()
      version += 2
      for (let slot = 0; slot < 2 * NAMES; slot++) raise(slot)
    } else if (what < 100) {
      cache.remove(keyOf(name))
      version += 2
      raise(2 * name)
      raise(2 * name + 1)
    } else {
      const dnssecOk = below(2)
      version += 2
      const ttl = 1 + below(5)
      const octets = what < 1_000 ? dataOctets : LEAST_DATA + below(dataOctets - LEAST_DATA)
      const wire = makeAnswer(name, version + dnssecOk, now, ttl, octets)
      if (
        !cache.put(
          {
            key: keyOf(name),
            dnssecOk: dnssecOk === 1,
            checkingDisabled: false,
            wire,
            ttlOffsets: Uint16Array.of(TTL_AT),
            ttlSeconds: ttl,
          },
          now,
        )
      )
        throw new Error('not kept')
      raise(2 * name + dnssecOk)
    }
  }
  let writes = 0
  const enough = (): boolean => writes >= WRITES_WANTED && Atomics.load(words, HITS) >= HITS_WANTED
  while (!enough() && Atomics.load(words, WRONG) === 0) for (let i = 0; i < 100; i++, writes++) step()
  Atomics.store(words, STOP, 1)
  const told = await reports
  await Promise.all(workers.map(worker => worker.terminate()))
  return told
}

it.each([
  ['blocks of a few entries, overwritten all the time', 3_000, 300],
  ['entries rewritten in their places', 40_000, 200],
  ['long entries, copied by the native call', 40_000, 900],
])(
  '%s',
  async (_, budget, dataOctets) => {
    const reports = await run(budget, dataOctets)
    expect(reports.flatMap(({ problems }) => problems)).toEqual([])
    expect(reports.every(({ hits }) => hits > 0)).toBe(true)
  },
  LONG ? 600_000 : 20_000,
)
