import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AnswerTable, ENTRY_HEADER } from '../../src/cache/answer-table.ts'

const RUNS = process.env.ROOTWALK_LONG === '1' ? 5_000 : 200

/** An entry whose octets all say which one it is, so that a mixture shows. */
const made = (id: number, version: number, length: number): Uint8Array => {
  const octets = new Uint8Array(length).fill((id * 7 + version) & 0xff)
  octets[0] = id >> 8
  octets[1] = id & 0xff
  octets[2] = version
  return octets
}
const keyOf = (id: number): Int32Array => new Int32Array(Uint8Array.of(id >> 8, id & 0xff, 0, 0).buffer)
const put = (table: AnswerTable, hash: number, id: number, version: number, length: number): boolean => {
  const old = table.find(hash, 1, keyOf(id), 2, 0)
  if (old >= 0) table.remove(old)
  return table.insert(hash, 1, id + 0.5, version, made(id, version, length), Uint8Array.of(version, id & 0xff))
}
const read = (table: AnswerTable, at: number): Uint8Array => table.octets.slice(at + ENTRY_HEADER, at + ENTRY_HEADER + table.lengthAt(at))
const mix = (id: number): number => Math.imul(id + 1, 0x9e3779b1) | 0

describe('the table of answers', () => {
  it('never gives anything but what was last put, whatever was overwritten (against a map)', () => {
    const step = fc.record({ id: fc.nat(300), length: fc.integer({ min: 3, max: 900 }), what: fc.constantFrom('put', 'put', 'put', 'find', 'remove', 'use') })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), fc.integer({ min: 1_000, max: 60_000 }), fc.boolean(), (steps, budget, collide) => {
        const table = new AnswerTable(budget)
        const last = new Map<number, { readonly version: number; readonly length: number }>()
        const hash = (id: number): number => (collide ? id % 3 : mix(id))
        steps.forEach(({ id, length, what }, i) => {
          const version = i & 0xff
          const at = table.find(hash(id), 1, keyOf(id), 2, 0)
          if (what === 'put') {
            if (put(table, hash(id), id, version, length)) last.set(id, { version, length })
            else last.delete(id)
          } else if (at >= 0) {
            const known = last.get(id)
            expect(known).toBeDefined()
            expect(read(table, at)).toEqual(made(id, known?.version ?? 0, known?.length ?? 0))
            expect([table.timeAt(at), table.lifeAt(at), table.tailLengthAt(at), table.tagAt(at)]).toEqual([id + 0.5, known?.version, 2, 1])
            if (what === 'use') table.markUsed(at)
            if (what === 'remove') {
              table.remove(at)
              last.delete(id)
              expect(table.find(hash(id), 1, keyOf(id), 2, 0)).toBe(-1)
            }
          }
          expect(table.bytes).toBeLessThanOrEqual(budget)
        })
      }),
      { numRuns: RUNS },
    )
  })

  it('keeps everything while there is room', () => {
    const table = new AnswerTable(1_000_000)
    for (let id = 0; id < 3_000; id++) put(table, mix(id), id, 1, 60)
    const found = Array.from({ length: 3_000 }, (_, id) => table.find(mix(id), 1, keyOf(id), 2, 0)).filter(at => at >= 0).length
    expect(found).toBe(table.size)
    expect(found).toBeGreaterThan(2_980)
  })

  it('gives up the oldest first, and what was used later than the rest', () => {
    const table = new AnswerTable(50_000)
    const has = (id: number): boolean => table.find(mix(id), 1, keyOf(id), 2, 0) >= 0
    for (let id = 0; id < 200; id++) put(table, mix(id), id, 1, 60)
    for (let id = 200; id < 3_000; id++) {
      for (const hot of [0, 1, 2]) {
        const at = table.find(mix(hot), 1, keyOf(hot), 2, 0)
        if (at >= 0) table.markUsed(at)
      }
      put(table, mix(id), id, 1, 60)
    }
    expect([has(0), has(1), has(2)]).toEqual([true, true, true])
    expect([has(3), has(199)]).toEqual([false, false])
    expect([has(2_999), has(2_900)]).toEqual([true, true])
  })

  it('tells tags apart, refuses what is larger than itself, forgets all at once', () => {
    const table = new AnswerTable(10_000)
    for (const tag of [0, 1, 2, 3]) table.insert(5, tag, 1, tag, made(9, tag, 50), new Uint8Array(0))
    expect([0, 1, 2, 3].map(tag => table.lifeAt(table.find(5, tag, keyOf(9), 2, 0)))).toEqual([0, 1, 2, 3])
    expect(table.find(5, 4, keyOf(9), 2, 0)).toBe(-1)
    expect(table.insert(6, 0, 1, 1, new Uint8Array(20_000), new Uint8Array(0))).toBe(false)
    expect(new AnswerTable(0).insert(6, 0, 1, 1, made(1, 1, 10), new Uint8Array(0))).toBe(false)
    table.clear()
    expect([table.size, table.bytes, table.find(5, 0, keyOf(9), 2, 0)]).toEqual([0, 0, -1])
  })

  it('takes memory as it is needed', () => {
    const table = new AnswerTable(100_000_000)
    expect(table.octets.length).toBeLessThan(100_000)
    for (let id = 0; id < 1_000; id++) put(table, mix(id), id, 1, 500)
    expect(table.octets.length).toBeLessThan(2_000_000)
  })
})
