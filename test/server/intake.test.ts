import { describe, expect, test } from 'vitest'
import type { Cancel } from '../../src/ports.ts'
import { makeIntake } from '../../src/server/intake.ts'
import { client } from './make.ts'

const ADDRESSES: Readonly<Record<string, string>> = {
  a: '192.0.2.1',
  A: '192.0.2.2',
  b: '198.51.100.1',
  c: '203.0.113.1',
  v: '2001:db8:0:1::1',
  w: '2001:db8:0:1::2',
}

interface Limits {
  readonly intakeWaiting?: number
  readonly intakeLeastTaken?: number
}

/** A loop whose turns the test makes; each query costs a millisecond, so that two are taken up in a turn. */
function open({ intakeWaiting = 100, intakeLeastTaken = 1 }: Limits = {}) {
  let now = 1
  const next: (() => void)[] = []
  const served: string[] = []
  const silent: string[] = []
  let dropped = 0
  const take = makeIntake({
    clock: {
      now: () => now,
      wall: () => 0,
      after(_ms, fire): Cancel {
        next.push(fire)
        return () => {}
      },
    },
    limits: { intakeWaiting, intakeLeastTaken, intakeTurnMs: 2, discardAfterMs: 1_900 },
    serve: (bytes, length) => {
      now += 1
      served.push(Buffer.from(bytes.subarray(0, length)).toString('latin1'))
    },
    dropped: () => dropped++,
  })
  const buffer = Buffer.alloc(8)
  const come = (text: string, transport: 'udp' | 'tcp' = 'udp'): void => {
    buffer.fill(0xff)
    buffer.write(text, 'latin1')
    const address = ADDRESSES[text.slice(0, 1)] ?? ''
    take(buffer, text.length, client(address, transport), (_, length) => silent.push(`${text}:${length}`))
    buffer.fill(0xff)
  }
  const turn = (): string => {
    const before = served.length
    for (const fire of next.splice(0)) fire()
    return served.slice(before).join(' ')
  }
  return {
    come,
    turn,
    served,
    silent,
    dropped: () => dropped,
    wait: (ms: number) => {
      now += ms
    },
  }
}

describe('datagrams are taken up', () => {
  test.each([
    // a and A are of one /24, v and w of one /64
    ['at once while nothing waits', 'a1', 'a1', ['']],
    ['as many at once as a turn has time for', 'a1 a2 a3', 'a1 a2', ['a3', '']],
    ['in the order in which one client sent them', 'a1 a2 a3 a4 a5', 'a1 a2', ['a3 a4', 'a5', '']],
    ['of another client after one of a flood', 'a1 a2 a3 a4 a5 b1', 'a1 a2', ['a3 b1', 'a4 a5', '']],
    ['of the block of a flood after one of it, by turns', 'a1 a2 a3 a4 A1 b1', 'a1 a2', ['a3 b1', 'A1 a4', '']],
    ['of many clients by turns', 'a1 a2 a3 a4 b1 b2 c1', 'a1 a2', ['a3 b1', 'c1 a4', 'b2', '']],
    ['of a link of IPv6 by turns of its addresses', 'v1 v2 v3 v4 w1 a1', 'v1 v2', ['v3 a1', 'w1 v4', '']],
  ])('%s', (_about, coming, atOnce, later) => {
    const { come, turn, served, silent } = open()
    for (const text of coming.split(' ')) come(text)
    expect(served.join(' ')).toBe(atOnce)
    expect(later.map(turn)).toEqual(later)
    expect(silent).toEqual([])
  })

  test('eight a turn in any case, where other programs have the core', () => {
    const { come, turn } = open({ intakeLeastTaken: 8 })
    for (let n = 0; n < 30; n++) come(`a${n}`)
    expect(turn().split(' ')).toHaveLength(8)
  })

  test('over TCP when they come: they have had their turn', () => {
    const { come, served } = open()
    for (const text of 'a1 a2 a3 a4 a5'.split(' ')) come(text)
    come('b1', 'tcp')
    expect(served.join(' ')).toBe('a1 a2 b1')
  })
})

describe('a datagram is dropped, and its listener told so', () => {
  test.each([
    ['the oldest of a flood, beyond the bound', 'a1 a2 a3 a4 a5 a6 a7', ['a3', 'a4'], 'a5 a6 a7'],
    ['of the flood when another comes', 'a1 a2 a3 a4 a5 b1', ['a3'], 'a4 b1 a5'],
    ['of the block that has most', 'a1 a2 a3 A1 b1 c1', ['a3'], 'A1 b1 c1'],
    ['not of who has one where others have more', 'a1 a2 b1 a3 a4 a5 a6', ['a3', 'a4'], 'b1 a5 a6'],
  ])('%s', (_about, coming, gone, rest) => {
    const { come, turn, silent, dropped } = open({ intakeWaiting: 3 })
    for (const text of coming.split(' ')) come(text)
    expect([silent, dropped()]).toEqual([gone.map(text => `${text}:0`), gone.length])
    expect([turn(), turn()].join(' ')).toBe(rest)
  })

  test('when its client has given up by the time that its turn comes', () => {
    const { come, turn, wait, silent, served, dropped } = open()
    for (const text of 'a1 a2 a3 a4'.split(' ')) come(text)
    wait(1_900)
    come('b1')
    expect(turn()).toBe('b1')
    expect([silent, dropped(), served.join(' ')]).toEqual([['a3:0', 'a4:0'], 2, 'a1 a2 b1'])
  })
})
