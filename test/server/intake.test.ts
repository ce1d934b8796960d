import { describe, expect, test } from 'vitest'
import { makeIntake } from '../../src/server/intake.ts'
import { SimClock } from '../../src/simulation/clock.ts'
import { client } from './make.ts'

/** Each query costs a millisecond. */
function open(intakeWaiting = 100) {
  const clock = new SimClock()
  const served: string[] = []
  const silent: string[] = []
  let dropped = 0
  const take = makeIntake({
    clock,
    limits: { intakeWaiting, intakeTurnMs: 2 },
    serve: (bytes, length, from) => {
      clock.advance(1)
      served.push(`${from.ip.text}:${bytes.subarray(0, length).join()}`)
    },
    dropped: () => dropped++,
  })
  const buffer = new Uint8Array(4)
  let sequence = 0
  const come = (from: string, transport: 'udp' | 'tcp' = 'udp'): void => {
    const n = sequence++
    buffer[0] = n
    take(buffer, 1, client(from, transport), (_, length) => silent.push(`${n}:${length}`))
    buffer.fill(0xff)
  }
  return { clock, served, silent, come, dropped: () => dropped }
}

describe('datagrams', () => {
  test('are served at once while nothing waits', () => {
    const { come, served } = open()
    come('192.0.2.1')
    expect(served).toEqual(['192.0.2.1:0'])
  })

  test('of a flood wait behind each other, those of others behind one of them', () => {
    const { come, served, clock } = open()
    // The clock of this test moves with each that is served, so that the second turn begins within the first.
    for (let i = 0; i < 50; i++) come('192.0.2.1')
    come('10.0.0.2')
    clock.advance(0)
    for (let i = 0; i < 4; i++) clock.advance(0)
    const place = served.indexOf('10.0.0.2:50')
    expect(place).toBeGreaterThan(0)
  })

  test('beyond the bound are dropped: the oldest of who has most', () => {
    const { come, silent, dropped } = open(0)
    for (let i = 0; i < 5; i++) come('192.0.2.1')
    expect(dropped()).toBe(silent.length)
    expect(new Set(silent.map(text => text.split(':')[1]))).toEqual(silent.length === 0 ? new Set() : new Set(['0']))
  })

  test('over TCP have had their turn', () => {
    const { come, served } = open()
    for (let i = 0; i < 5; i++) come('192.0.2.1', 'tcp')
    expect(served).toHaveLength(5)
  })
})
