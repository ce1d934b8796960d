import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { countDown, rotateRun } from '../../src/cache/answer-patch.ts'

/** The note of a run, as it stands in the last octets of an entry. */
const noteOf = (at: number, stride: number, count: number): Uint8Array =>
  Uint8Array.of(at >> 8, at & 0xff, stride, count >> 8, count & 0xff)
const u16 = fc.nat(0xffff)

describe('what a note says is obeyed within the answer only (a reader may look at a note that is being overwritten)', () => {
  it('a run that ends behind the answer is left alone, one that ends with it is turned', () => {
    const rotate = (length: number): number[] => {
      const octets = new Uint8Array([1, 2, 3, 4, 5, 6, ...noteOf(2, 2, 2)])
      const out = new Uint8Array(8).fill(9)
      rotateRun(out, 0, octets, 0, length, octets.length, 1)
      return [...out]
    }
    expect(rotate(6)).toEqual([9, 9, 5, 6, 3, 4, 9, 9])
    expect(rotate(5)).toEqual([9, 9, 9, 9, 9, 9, 9, 9])
  })

  it('a note with any octets changes nothing outside of the answer', () => {
    fc.assert(
      fc.property(
        u16,
        fc.nat(255),
        u16,
        fc.nat(600),
        fc.nat(20),
        fc.integer(),
        (at, stride, count, length, to, turn) => {
          const octets = new Uint8Array([...new Uint8Array(length).fill(1), ...noteOf(at, stride, count)])
          const out = new Uint8Array(to + length + 100_000).fill(7)
          rotateRun(out, to, octets, 0, length, octets.length, turn)
          expect(
            out.subarray(0, to).every(octet => octet === 7) && out.subarray(to + length).every(octet => octet === 7),
          ).toBe(true)
          // And nothing of the note, or of what is behind it, gets into the answer.
          expect(out.subarray(to, to + length).every(octet => octet === 7 || octet === 1)).toBe(true)
        },
      ),
      {
        numRuns: 100,
        seed: 7,
        examples: [
          [1, 2, 2, 4, 0, 1],
          [0xffff, 255, 0xffff, 600, 0, 1],
        ],
      },
    )
  })

  it('a note with any places of TTLs changes nothing outside of the answer', () => {
    fc.assert(
      fc.property(fc.array(u16, { maxLength: 5 }), fc.nat(200), fc.nat(20), (places, length, to) => {
        const octets = Uint8Array.from(places.flatMap(at => [at >> 8, at & 0xff]))
        const out = new Uint8Array(to + 70_000).fill(7)
        countDown(out, to, length, octets, 0, octets.length, 3)
        expect(
          out.subarray(0, to).every(octet => octet === 7) && out.subarray(to + length).every(octet => octet === 7),
        ).toBe(true)
      }),
      {
        numRuns: 100,
        seed: 7,
        examples: [
          [[197], 200, 0],
          [[196], 200, 0],
        ],
      },
    )
  })
})
