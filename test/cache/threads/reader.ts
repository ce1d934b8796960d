/** A thread that reads the shared answer cache as fast as it can and looks at every octet it gets. A test program. */
import { parentPort, workerData } from 'node:worker_threads'
import { AnswerReader } from '../../../src/cache/answer-cache.ts'
import { newPeek, peekQuery } from '../../../src/dns/wire.ts'
import {
  CLOCK,
  DATA_AT,
  FLOORS,
  HITS,
  LEAST_DATA,
  NAMES,
  QUESTION_END,
  READY,
  type Report,
  type Shared,
  STOP,
  sumOf,
  TTL_AT,
  WRONG,
  writeName,
} from './answers.ts'

const SLOT = 1_600
const GUARD = 0x5a
const shared: Shared = workerData
const words = new Int32Array(shared.words)
const reader = new AnswerReader(shared.handle)
const peek = newPeek()
const query = new Uint8Array(QUESTION_END + 11)
const out = new Uint8Array(3 * SLOT)
const view = new DataView(out.buffer)
const problems: string[] = []
let state = 99
let hits = 0

/** Small and its own, so that a run is the same but for the threads. */
const below = (limit: number): number => {
  state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
  return Math.floor((state / 2 ** 32) * limit)
}
/** The sum was made with zeros in its place. */
const sumHolds = (from: number, to: number): boolean => {
  const told = view.getInt32(from + 16)
  view.setUint32(from + 16, 0)
  return sumOf(out, from, to) === told
}

function readOne(): void {
  const name = below(NAMES)
  const dnssecOk = below(2)
  const capital = below(2) === 1
  query.fill(0)
  query.set([0x12, name, 1, 0, 0, 1, 0, 0, 0, 0, 0, dnssecOk])
  writeName(query, 12, name, capital)
  if (dnssecOk === 1) query.set([0, 0, 41, 4, 208, 0, 0, 0x80, 0, 0, 0], QUESTION_END)
  if (!peekQuery(query, QUESTION_END + (dnssecOk === 1 ? 11 : 0), peek)) throw new Error('not a query')
  // In this order: what was put before its floor was raised has to be there, or gone, when we look.
  const floor = Atomics.load(words, FLOORS + 2 * name + dnssecOk)
  const now = Atomics.load(words, CLOCK)
  out[SLOT - 1] = GUARD
  out[2 * SLOT] = GUARD
  const length = reader.write(peek, query, out, SLOT, now, SLOT, 1_232)
  if (out[SLOT - 1] !== GUARD || out[2 * SLOT] !== GUARD) problems.push('wrote outside')
  if (length === 0) return
  hits++
  const end = SLOT + length - (dnssecOk === 1 ? 11 : 0)
  const data = SLOT + DATA_AT
  const [told, version, put, ttl] = [0, 4, 8, 12].map(at => view.getUint32(data + at)) as [
    number,
    number,
    number,
    number,
  ]
  const left = ttl - Math.max(0, Math.floor((now - put) / 1_000))
  if (end - data < LEAST_DATA || view.getUint16(SLOT + QUESTION_END + 10) !== end - data || !sumHolds(data, end))
    problems.push('torn')
  else if (told !== name || out[SLOT + 1] !== name || out[SLOT + 13] !== (capital ? 0x4e : 0x6e))
    problems.push(`asked for ${name}, got ${told}`)
  else if (version % 2 !== dnssecOk) problems.push('of the other DO')
  else if (version < floor) problems.push(`version ${version} after ${floor}`)
  else if (left <= 0) problems.push(`${-left} s behind its end`)
  else if (view.getUint32(SLOT + TTL_AT) !== left) problems.push(`TTL ${view.getUint32(SLOT + TTL_AT)}, not ${left}`)
}

Atomics.add(words, READY, 1)
while (Atomics.load(words, STOP) === 0 && problems.length === 0) {
  const before = hits
  for (let i = 0; i < 50; i++) readOne()
  Atomics.add(words, HITS, hits - before)
}
if (problems.length > 0) Atomics.store(words, WRONG, 1)
parentPort?.postMessage({ hits, problems } satisfies Report)
