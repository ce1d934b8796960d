import { describe, expect, it } from 'vitest'
import { HEADER_OCTETS, ORIGIN_WORDS } from '../../../src/net/linux/message-block.ts'
import { ReplyBatch } from '../../../src/net/batch/reply-batch.ts'
import type { LoopSocket } from '../../../src/net/batch/loop.ts'
import { SimClock } from '../../../src/simulation/clock.ts'
import { settle } from '../support.ts'

const EAGAIN = 11
const EINTR = 4
const EPERM = 1
const BASE = 1_000_000

const socket = (id: number): LoopSocket => ({
  id,
  fd: 100 + id,
  family: 4,
  wildcard: false,
  at: { address: '0.0.0.0', port: 53 },
  stop: new Int32Array(new SharedArrayBuffer(4)),
})

/** A kernel that does with each call what stands next in `answers`, else takes everything. */
function setUp(answers: number[]): {
  readonly batch: ReplyBatch
  readonly calls: string[]
  readonly clock: SimClock
  readonly troubles: string[]
  readonly unsent: () => number
  add(socket: LoopSocket): void
} {
  const calls: string[] = []
  const troubles: string[] = []
  const clock = new SimClock()
  let lost = 0
  const batch = new ReplyBatch({
    libc: {
      addressOf: () => BASE,
      sendmmsg(fd, headers, count) {
        const taken = answers.shift() ?? count
        calls.push(`${fd}: ${(headers - BASE) / HEADER_OCTETS}+${count} ${taken}`)
        return taken
      },
    },
    clock,
    limits: { udpBatch: 4, udpReplyBytes: 512, sendRetryMs: 1 },
    onUnsent: count => (lost += count),
    onError: (id, errno) => troubles.push(`${id} ${errno}`),
  })
  return {
    batch,
    calls,
    clock,
    troubles,
    unsent: () => lost,
    add: to => batch.add(to, new Uint32Array(ORIGIN_WORDS), new Uint8Array(50), 50),
  }
}

describe('ReplyBatch', () => {
  it('sends with one call what was given in one turn, a full batch at once', async () => {
    const { calls, add } = setUp([])
    const one = socket(1)
    for (let i = 0; i < 3; i++) add(one)
    expect(calls).toEqual([])
    await settle(2)
    expect(calls).toEqual(['101: 0+3 3'])
    for (let i = 0; i < 5; i++) add(one)
    expect(calls).toEqual(['101: 0+3 3', '101: 0+4 4'])
    await settle(2)
    expect(calls.at(-1)).toBe('101: 0+1 1')
  })

  it('a batch holds replies of one socket only', async () => {
    const { calls, add } = setUp([])
    const [one, two] = [socket(1), socket(2)]
    for (const to of [one, one, two, one]) add(to)
    await settle(2)
    expect(calls).toEqual(['101: 0+2 2', '102: 0+1 1', '101: 0+1 1'])
  })

  it('offers again what the kernel had no room for, and drops what finds none here', async () => {
    const { calls, add, clock, unsent } = setUp([1, -EAGAIN, -EAGAIN, -EAGAIN])
    const one = socket(1)
    for (let i = 0; i < 3; i++) add(one)
    await settle(2)
    expect(calls).toEqual(['101: 0+3 1', '101: 1+2 -11'])
    add(one)
    expect(unsent()).toBe(0)
    add(one)
    expect(unsent()).toBe(1)
    clock.advance(1)
    expect(calls.slice(3)).toEqual(['101: 1+3 -11'])
    clock.advance(1)
    expect(calls.slice(4)).toEqual(['101: 1+3 3'])
    expect(clock.pending).toBe(0)
    add(one)
    await settle(2)
    expect(calls.at(-1)).toBe('101: 0+1 1')
    expect(unsent()).toBe(1)
  })

  it('passes over a reply that cannot be sent, and tells why', async () => {
    const { calls, add, troubles, unsent } = setUp([-EINTR, 1, -EPERM])
    for (let i = 0; i < 3; i++) add(socket(7))
    await settle(2)
    const same = socket(8)
    for (let i = 0; i < 3; i++) add(same)
    await settle(2)
    expect([troubles.length, unsent()]).toEqual([1, 1])
    expect(calls.at(-1)).toBe('108: 0+3 3')
  })

  it('forgets what waits for a socket that is closed', async () => {
    const { batch, calls, add, clock } = setUp([-EAGAIN])
    const one = socket(1)
    add(one)
    batch.flush()
    batch.forget(one)
    clock.advance(5)
    await settle(2)
    expect(calls).toEqual(['101: 0+1 -11'])
  })
})
