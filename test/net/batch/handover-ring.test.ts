import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { emptyHandover, newRing, RingReader, RingWriter } from '../../../src/net/batch/handover-ring.ts'
import { ORIGIN_WORDS } from '../../../src/net/linux/message-block.ts'

const originOf = (seed: number): Uint32Array =>
  Uint32Array.from({ length: ORIGIN_WORDS }, (_, i) => (seed * 31 + i * 7) >>> 0)

describe('the ring', () => {
  it('gives back what was put in, in order, whatever its length and wherever the end of the memory falls', () => {
    const step = fc.oneof({ weight: 3, arbitrary: fc.nat(300) }, { weight: 2, arbitrary: fc.constant(-1) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), steps => {
        const memory = newRing(2_048)
        const writer = new RingWriter(memory)
        const reader = new RingReader(memory)
        const expected: { socket: number; kind: number; value: number; seed: number; length: number }[] = []
        const record = emptyHandover()
        let seed = 0
        for (const length of steps) {
          seed++
          if (length < 0) {
            const next = expected.shift()
            expect(reader.next(record)).toBe(next !== undefined)
            if (next === undefined) continue
            expect([record.socket, record.kind, record.value, record.bytes.length]).toEqual([
              next.socket,
              next.kind,
              next.value,
              next.length,
            ])
            expect(record.origin).toEqual(originOf(next.seed))
            expect(record.bytes.every((octet, i) => octet === ((next.seed + i) & 0xff))).toBe(true)
          } else {
            const bytes = Uint8Array.from({ length: length + 5 }, (_, i) => (seed + i) & 0xff)
            const entry = { socket: (seed * 997) & 0xffff, kind: seed & 3, value: (seed << 20) >>> 0, seed, length }
            // In front of the origin stands something that is not part of it.
            const origins = Uint32Array.from([1, 2, ...originOf(seed)])
            if (writer.put(entry.socket, entry.kind, entry.value, origins, 2, bytes, length)) expected.push(entry)
            else expect(expected.length).toBeGreaterThan(0)
          }
          expect(reader.isEmpty).toBe(expected.length === 0)
        }
      }),
      { numRuns: process.env.ROOTWALK_LONG === '1' ? 20_000 : 200, seed: 3 },
    )
  })

  it('takes no more than there is room for, and again when there is', () => {
    const memory = newRing(1_000)
    const [writer, reader] = [new RingWriter(memory), new RingReader(memory)]
    const put = (): boolean => writer.put(1, 0, 0, originOf(1), 0, new Uint8Array(20), 20)
    let count = 0
    while (put()) count++
    // 512 octets, of which each record takes 28 words.
    expect(count).toBe(4)
    expect(reader.mostRecords).toBe(5)
    expect(put()).toBe(false)
    expect(reader.next(emptyHandover())).toBe(true)
    expect(put()).toBe(true)
    expect(put()).toBe(false)
  })

  it('goes on where the count of words passes 2^32', () => {
    const memory = newRing(2_048)
    new Int32Array(memory)[0] = -40
    new Int32Array(memory)[16] = -40
    const [writer, reader] = [new RingWriter(memory), new RingReader(memory)]
    const record = emptyHandover()
    for (let i = 1; i <= 20; i++) {
      expect(writer.put(i, 0, i, originOf(i), 0, Uint8Array.of(i), 1)).toBe(true)
      expect(reader.next(record)).toBe(true)
      expect([record.socket, record.value, record.bytes[0]]).toEqual([i, i, i])
    }
    expect(reader.isEmpty).toBe(true)
  })
})
