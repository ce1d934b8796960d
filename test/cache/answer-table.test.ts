import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  BUCKETS_IN_USE,
  ENTRY_HEADER,
  LENGTHS,
  LIFE,
  MARKS,
  REFERENCES,
  TIME,
  USED,
  BUCKET_WORDS,
  bucketOf,
} from '../../src/cache/answer-memory.ts'
import { AnswerTable } from '../../src/cache/answer-table.ts'

const RUNS = process.env.ROOTWALK_LONG === '1' ? 5_000 : 150
const FOREVER = 1_000_000

/** An entry whose octets all say which one it is, so that a mixture shows. */
const made = (id: number, version: number, length: number): Uint8Array => {
  const octets = new Uint8Array(length).fill((id * 7 + version) & 0xff)
  octets[0] = id >> 8
  octets[1] = id & 0xff
  octets[2] = 0xaa
  octets[3] = 0xbb
  octets[4] = version
  return octets
}
const KEY = 4
const keyOf = (id: number): Int32Array => new Int32Array(made(id, 0, 8).buffer, 0, 1)
const mix = (id: number): number => Math.imul(id + 1, 0x9e37_79b1) | 0
const put = (
  table: AnswerTable,
  hash: number,
  id: number,
  version: number,
  length: number,
  life = FOREVER,
  time = id + 0.5,
): boolean =>
  table.put(
    {
      hash,
      tag: 1,
      time,
      life,
      words: wordsOf(made(id, version, length), [version, id & 0xff]),
      first: length,
      second: 2,
    },
    keyOf(id),
    KEY,
    0,
  )
const wordsOf = (first: Uint8Array, second: readonly number[]): Int32Array => {
  const octets = new Uint8Array(Math.ceil((first.length + second.length) / 4) * 4)
  octets.set(first)
  octets.set(second, first.length)
  return new Int32Array(octets.buffer)
}
const wayOf = (table: AnswerTable, hash: number, id: number, tag = 1): number =>
  table.find(hash, tag, keyOf(id), KEY, 0)
const has = (table: AnswerTable, id: number): boolean => wayOf(table, mix(id), id) >= 0

/** What a reader does, but for the haste. */
function read(table: AnswerTable, way: number): { octets: Uint8Array; life: number; time: number; second: Uint8Array } {
  const {
    buckets,
    octets: [octets = new Uint8Array(0)],
    words: [words = new Int32Array(0)],
    times: [times = new Float64Array(0)],
  } = table.memory
  const unit = (buckets[way] ?? 0) - 1
  const lengths = words[unit * 2 + LENGTHS] ?? 0
  const from = unit * 8 + ENTRY_HEADER
  const to = from + (lengths >>> 16)
  return {
    octets: octets.slice(from, to),
    life: words[unit * 2 + LIFE] ?? 0,
    time: times[unit + TIME] ?? 0,
    second: octets.slice(to, to + (lengths & 0xffff)),
  }
}

function markUsed(table: AnswerTable, way: number): void {
  const bucket = way - (way % BUCKET_WORDS)
  Atomics.or(table.memory.buckets, bucket + MARKS, USED << (way - bucket - REFERENCES))
}

describe('the table of answers', () => {
  it('never gives anything but what was last put, whatever was overwritten (against a map)', () => {
    const step = fc.record({
      id: fc.nat(300),
      length: fc.integer({ min: 5, max: 900 }),
      what: fc.constantFrom('put', 'put', 'put', 'put', 'find', 'remove', 'use'),
      clear: fc.integer({ min: 0, max: 200 }),
    })
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 400 }),
        fc.integer({ min: 1_000, max: 60_000 }),
        fc.boolean(),
        (steps, budget, collide) => {
          const table = new AnswerTable(budget)
          const last = new Map<number, { readonly version: number; readonly length: number }>()
          const hash = (id: number): number => (collide ? id % 3 : mix(id))
          steps.forEach(({ id, length, what, clear }, i) => {
            const version = i & 0xff
            const way = wayOf(table, hash(id), id)
            if (clear === 0) {
              table.clear()
              last.clear()
            } else if (what === 'put') {
              if (put(table, hash(id), id, version, length)) last.set(id, { version, length })
              else last.delete(id)
            } else if (way >= 0) {
              const known = last.get(id)
              expect(known).toBeDefined()
              expect(read(table, way)).toEqual({
                octets: made(id, known?.version ?? 0, known?.length ?? 0),
                life: FOREVER,
                time: id + 0.5,
                second: Uint8Array.of(known?.version ?? 0, id & 0xff),
              })
              if (what === 'use') markUsed(table, way)
              if (what === 'remove') {
                expect(table.remove(hash(id), 1, keyOf(id), KEY, 0)).toBe(true)
                last.delete(id)
                expect(wayOf(table, hash(id), id)).toBe(-1)
              }
            }
            expect(table.bytes).toBeLessThanOrEqual(budget)
          })
          const ids = Array.from({ length: 301 }, (_, id) => id)
          expect(ids.filter(id => wayOf(table, hash(id), id) >= 0)).toHaveLength(table.size)
        },
      ),
      { numRuns: RUNS },
    )
  })

  it('keeps everything while there is room, at about 43 octets of buckets for each', () => {
    const table = new AnswerTable(8_000_000)
    for (let id = 0; id < 30_000; id++) put(table, mix(id), id, 1, 60)
    const found = Array.from({ length: 30_000 }, (_, id) => has(table, id)).filter(Boolean).length
    expect(found).toBe(table.size)
    expect(found).toBeGreaterThan(29_990)
    const buckets = table.memory.control[BUCKETS_IN_USE] ?? 0
    expect(buckets * 1.5).toBeGreaterThanOrEqual(found)
    expect(buckets).toBeLessThan(21_000)
  })

  it('gives up the oldest first, but what was used is moved', () => {
    const table = new AnswerTable(50_000)
    for (let id = 0; id < 200; id++) put(table, mix(id), id, 1, 60)
    for (let id = 200; id < 3_000; id++) {
      for (const hot of [0, 1, 2]) markUsed(table, wayOf(table, mix(hot), hot))
      put(table, mix(id), id, 1, 60)
    }
    expect([0, 1, 2].map(id => has(table, id))).toEqual([true, true, true])
    expect(read(table, wayOf(table, mix(1), 1)).octets).toEqual(made(1, 1, 60))
    expect([3, 199].map(id => has(table, id))).toEqual([false, false])
    expect([2_999, 2_900].map(id => has(table, id))).toEqual([true, true])
  })

  it('moves nothing that has ended', () => {
    const table = new AnswerTable(50_000)
    put(table, mix(0), 0, 1, 60, 10, 0)
    put(table, mix(1), 1, 1, 60, 11, 0)
    for (let id = 2; id < 3_000; id++) {
      for (const hot of [0, 1]) if (has(table, hot)) markUsed(table, wayOf(table, mix(hot), hot))
      put(table, mix(id), id, 1, 60, FOREVER, 10_000)
    }
    expect([has(table, 0), has(table, 1)]).toEqual([false, true])
  })

  it('has room for new entries also when all is used', () => {
    const table = new AnswerTable(50_000)
    let kept = 0
    for (let id = 0; id < 1_000; id++) {
      put(table, mix(id), id, 1, 60)
      if (has(table, id)) kept++
      for (let old = Math.max(0, id - 400); old <= id; old += 2) {
        const way = wayOf(table, mix(old), old)
        if (way >= 0) markUsed(table, way)
      }
    }
    expect(kept).toBe(1_000)
  })

  it('lets what is put again and again in the same length drive nothing out', () => {
    const table = new AnswerTable(50_000)
    for (let id = 0; id < 100; id++) put(table, mix(id), id, 1, 60)
    for (let i = 0; i < 5_000; i++) put(table, mix(7), 7, i & 0xff, 60)
    expect(Array.from({ length: 100 }, (_, id) => has(table, id)).every(Boolean)).toBe(true)
    expect(read(table, wayOf(table, mix(7), 7)).octets).toEqual(made(7, 4_999 & 0xff, 60))
  })

  it('tells tags apart, refuses what is larger than a block, forgets all at once', () => {
    const table = new AnswerTable(10_000)
    const tagged = (tag: number): boolean =>
      table.put(
        { hash: 5, tag, time: 1, life: tag, words: wordsOf(made(9, tag, 50), []), first: 50, second: 0 },
        keyOf(9),
        KEY,
        0,
      )
    for (const tag of [0, 1, 2, 0xffff]) tagged(tag)
    expect([0, 1, 2, 0xffff].map(tag => read(table, wayOf(table, 5, 9, tag)).life)).toEqual([0, 1, 2, 0xffff])
    expect(wayOf(table, 5, 9, 4)).toBe(-1)
    expect(put(table, 6, 6, 1, 20_000)).toBe(false)
    expect([0, 1, 2_000].map(budget => put(new AnswerTable(budget), 6, 1, 1, 10))).toEqual([false, false, false])
    table.clear()
    expect([table.size, table.bytes, wayOf(table, 5, 9, 0)]).toEqual([0, 0, -1])
    expect(tagged(3)).toBe(true)
    expect(read(table, wayOf(table, 5, 9, 3)).octets).toEqual(made(9, 3, 50))
  })

  it('takes addresses at once, and memory as it is needed', () => {
    const before = process.memoryUsage().rss
    const table = new AnswerTable(3 * 2 ** 30)
    expect(table.memory.octets.length).toBe(3)
    for (let id = 0; id < 1_000; id++) put(table, mix(id), id, 1, 500)
    expect(process.memoryUsage().rss - before).toBeLessThan(30 * 2 ** 20)
  })
})

it('buckets split one by one: what was in one is in it or in the new one', () => {
  for (let count = 2; count < 300; count++) {
    const places = Array.from(
      { length: 100 },
      (_, i) => [bucketOf(mix(i), count), bucketOf(mix(i), count + 1)] as const,
    )
    expect(
      places.every(
        ([before, after]) => before < count * BUCKET_WORDS && (after === before || after === count * BUCKET_WORDS),
      ),
    ).toBe(true)
  }
})
