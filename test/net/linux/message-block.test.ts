import { describe, expect, it } from 'vitest'
import { HEADER_OCTETS, MessageBlock, ORIGIN_WORDS, originPort } from '../../../src/net/linux/message-block.ts'
import { addressIn, PeerAddresses } from '../../../src/net/batch/peer-addresses.ts'

const BASE = 0x7f12_3456_7000
const block = (count = 4, octets = 100): MessageBlock =>
  new MessageBlock({ libc: { addressOf: () => BASE }, count, octets })
/** The address that stands in two words. */
const pointerAt = ({ words }: MessageBlock, word: number): number =>
  (words[word] ?? 0) + (words[word + 1] ?? 0) * 2 ** 32
const headerWord = (i: number): number => (i * HEADER_OCTETS) / 4

/** Family, port and address as the kernel writes them. */
function origin(family: 4 | 6, address: readonly number[], port: number): Uint32Array {
  const octets = new Uint8Array(ORIGIN_WORDS * 4)
  octets.set([family === 4 ? 2 : 10, 0, port >> 8, port & 0xff])
  octets.set(address, family === 4 ? 4 : 8)
  return new Uint32Array(octets.buffer)
}

describe('MessageBlock', () => {
  it('points into itself, and the datagrams do not touch each other', () => {
    for (const [count, octets] of [
      [1, 1],
      [4, 100],
      [64, 4_096],
      [64, 1_232],
    ] as const) {
      const b = block(count, octets)
      const ends = BASE + b.octets.length
      for (let i = 0; i < count; i++) {
        const vector = pointerAt(b, headerWord(i) + 4) - BASE
        for (const [at, room] of [
          [pointerAt(b, headerWord(i)), 32],
          [pointerAt(b, headerWord(i) + 8), 48],
          [pointerAt(b, vector / 4), octets],
        ] as const) {
          expect(at).toBeGreaterThanOrEqual(BASE + count * HEADER_OCTETS)
          expect(at + room).toBeLessThanOrEqual(ends)
        }
        expect(pointerAt(b, vector / 4)).toBe(BASE + b.dataAt(i))
        // Copies by four octets may write three too many.
        if (i > 0) expect(b.dataAt(i) - b.dataAt(i - 1)).toBeGreaterThanOrEqual(Math.ceil(octets / 4) * 4)
        expect(b.dataAt(i) % 64).toBe(0)
        expect(b.view(i).length).toBe(octets)
      }
    }
  })

  it('offers all the room it has, and control data only where it is wanted', () => {
    const b = block()
    b.prepare(4, true)
    const vector = (pointerAt(b, headerWord(3) + 4) - BASE) / 4
    expect([b.words[headerWord(3) + 2], b.words[headerWord(3) + 10], b.words[vector + 2]]).toEqual([28, 48, 100])
    b.prepare(4, false)
    expect(b.words[headerWord(3) + 10]).toBe(0)
  })

  it('aims at where a datagram came from', () => {
    const b = block()
    const from = origin(4, [192, 0, 2, 7], 5_353)
    b.aim(2, 77, from, 0, 4, false)
    const at = b.originWord(2)
    const vector = (pointerAt(b, headerWord(2) + 4) - BASE) / 4
    expect([(b.words[at] ?? 0) & 0xffff, originPort(b.words, at), addressIn(b.words, at, 4).text]).toEqual([
      2,
      5_353,
      '192.0.2.7',
    ])
    expect([b.words[headerWord(2) + 2], b.words[headerWord(2) + 10], b.words[vector + 2]]).toEqual([16, 0, 77])
    b.aim(2, 78, origin(6, [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9], 53), 0, 6, true)
    expect([(b.words[at] ?? 0) & 0xffff, originPort(b.words, at), addressIn(b.words, at, 6).text]).toEqual([
      10,
      53,
      '2001:db8::9',
    ])
    expect([b.words[headerWord(2) + 2], b.words[headerWord(2) + 10]]).toEqual([28, 40])
  })

  const v4 = (interfaceIndex: number): number[] => [28, 0, 0, 8, interfaceIndex, 0x0200_007f, 0x0200_007f, 0]
  const v6 = (first: number, interfaceIndex: number): number[] => [
    36,
    0,
    41,
    50,
    first,
    0,
    0,
    0x0100_0000,
    interfaceIndex,
  ]
  it.each([
    ['IPv4: the way back is found again', 4, 32, v4(3), v4(0)],
    ['IPv6: likewise', 6, 40, v6(0xb80d_0120, 3), v6(0xb80d_0120, 0)],
    ['link-local addresses mean nothing without their interface', 6, 40, v6(0x0000_80fe, 3), v6(0x0000_80fe, 3)],
    ['and end at febf', 6, 40, v6(0x0000_bffe, 3), v6(0x0000_bffe, 3)],
    ['site-local ones are no longer special', 6, 40, v6(0x0000_c0fe, 3), v6(0x0000_c0fe, 0)],
    ['nothing was told', 4, 0, v4(3), null],
    ['too little was told', 4, 24, v4(3), null],
    ['something else was told', 4, 32, [28, 0, 0, 9, 3, 1, 1, 0], null],
    ['of the other family', 6, 40, v4(3), null],
  ] as const)('control data: %s', (_what, family, octets, told, expected) => {
    const b = block()
    const at = b.originWord(1) + 8
    b.words.set(told, at)
    b.words[headerWord(1) + 10] = octets
    expect(b.turnControl(1, family)).toBe(expected !== null)
    if (expected !== null) expect([...b.words.subarray(at, at + expected.length)]).toEqual(expected)
  })
})

describe('PeerAddresses', () => {
  it('makes each address once and forgets when full', () => {
    const peers = new PeerAddresses(2)
    const first = peers.ipOf(origin(4, [192, 0, 2, 1], 1), 4)
    expect(peers.ipOf(origin(4, [192, 0, 2, 1], 2), 4)).toBe(first)
    const other = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    expect(peers.ipOf(origin(6, other, 1), 6)).toBe(peers.ipOf(origin(6, other, 9), 6))
    expect(peers.ipOf(origin(6, other.toReversed(), 1), 6).text).toBe('100::b80d:120')
    expect(peers.size).toBe(3)
    for (let last = 2; last <= 3; last++) peers.ipOf(origin(4, [192, 0, 2, last], 1), 4)
    expect(peers.size).toBe(3)
    expect(peers.ipOf(origin(4, [192, 0, 2, 1], 1), 4)).toEqual(first)
  })
})
