import { describe, expect, it } from 'vitest'
import { frame, FrameBatch, Framing } from '../../src/dns/framing.ts'
import { hex, join, octets, seeded, toHex } from './make.ts'

const push = (reader: Framing, text: string) => Array.from(reader.push(hex(text)), toHex)

describe('Framing', () => {
  it.each([
    ['one message', ['0002 6162'], [['6162']]],
    ['two in one chunk', ['0001 61 0002 6263'], [['61', '6263']]],
    ['cut in the length', ['00', '02 6162'], [[], ['6162']]],
    ['cut behind the length', ['0002', '6162'], [[], ['6162']]],
    ['cut in the message', ['0002 61', '62 0001'], [[], ['6162']]],
    ['octet by octet', ['00', '02', '61', '62', '00', '01', '63'], [[], [], [], ['6162'], [], [], ['63']]],
    ['an empty message', ['0000'], [['']]],
    ['an empty message, cut', ['00', '00 0001 61'], [[], ['', '61']]],
    ['an empty chunk', [''], [[]]],
  ])('%s', (_what, chunks, expected) => {
    const reader = new Framing()
    expect(chunks.map(chunk => push(reader, chunk))).toEqual(expected)
  })

  it('says when a message is half read', () => {
    const reader = new Framing()
    expect(reader.halfRead).toBe(false)
    for (const [chunk, half] of [
      ['00', true],
      ['02', true],
      ['61', true],
      ['62', false],
      ['0001 61 00', true],
      ['01 61', false],
    ] as const) {
      push(reader, chunk)
      expect([chunk, reader.halfRead]).toEqual([chunk, half])
    }
  })

  it('cuts the same messages however the stream is cut', () => {
    const below = seeded(11)
    for (let run = 0; run < 200; run++) {
      const messages = Array.from({ length: 1 + below(6) }, () =>
        Uint8Array.from({ length: below(run % 20 === 0 ? 5_000 : 40) }, () => below(256)),
      )
      const stream = join(...messages.map(frame))
      const reader = new Framing()
      const found: Uint8Array[] = []
      for (let at = 0; at < stream.length; ) {
        const next = at + 1 + below(run % 3 === 0 ? 3 : 700)
        found.push(...reader.push(stream.subarray(at, next)))
        at = next
      }
      expect(found).toEqual(messages)
      expect(reader.halfRead).toBe(false)
    }
  })

  it('a message of 65,535 octets passes the framing', () => {
    const message = new Uint8Array(65_535).fill(7)
    const stream = frame(message)
    const reader = new Framing()
    expect(reader.push(stream.subarray(0, 40_000))).toEqual([])
    expect(reader.heldBytes).toBe(40_000)
    expect(reader.push(stream.subarray(40_000))).toEqual([message])
    expect(reader.heldBytes).toBe(0)
  })

  it('holds what came, not what was announced, and never more than one frame', () => {
    const reader = new Framing()
    reader.push(hex('ffff'))
    expect(reader.heldBytes).toBe(2)
    const below = seeded(5)
    for (let i = 0; i < 2_000; i++) {
      reader.push(Uint8Array.from({ length: 512 }, () => below(256)))
      expect(reader.heldBytes).toBeLessThanOrEqual(65_537)
    }
  })

  it('messages outlive the chunk they came in', () => {
    const chunk = join(frame(octets('first')), frame(octets('second')))
    const messages = new Framing().push(chunk)
    chunk.fill(0)
    expect(messages).toEqual([octets('first'), octets('second')])
  })
})

describe('frame', () => {
  it('puts the length in front', () => {
    expect(frame(octets('ab'))).toEqual(hex('0002 6162'))
  })

  it('a message too long for it is a bug', () => {
    expect(() => frame(new Uint8Array(65_536))).toThrow(RangeError)
  })
})

describe('FrameBatch', () => {
  it('holds what single frames would be, in order', () => {
    const batch = new FrameBatch()
    expect([batch.size, batch.take().length]).toEqual([0, 0])
    const messages = ['6162', '', '63'].map(hex)
    for (const message of messages) expect(batch.add(message, message.length)).toBe(true)
    expect(batch.size).toBe(9)
    expect(toHex(batch.take())).toBe(toHex(join(...messages.map(frame))))
    expect([batch.size, batch.take().length]).toEqual([0, 0])
  })

  it('takes the first octets of a larger buffer, and its own copy of them', () => {
    const batch = new FrameBatch()
    const buffer = hex('616263')
    batch.add(buffer, 2)
    buffer.fill(0)
    expect(toHex(batch.take())).toBe('00026162')
  })

  it('refuses what does not fit, beside the rest or at all', () => {
    const batch = new FrameBatch()
    const small = new Uint8Array(1_500).fill(1)
    expect([batch.add(small, small.length), batch.add(small, small.length), batch.size]).toEqual([true, false, 1_502])
    const first = batch.take()
    const large = new Uint8Array(2_047).fill(2)
    expect([batch.add(large, large.length), batch.size]).toEqual([false, 0])
    expect(batch.add(large, 2_046)).toBe(true)
    expect(toHex(batch.take())).toBe(toHex(frame(large.subarray(0, 2_046))))
    // What was taken is not written over.
    expect(toHex(first)).toBe(toHex(frame(small)))
  })
})
