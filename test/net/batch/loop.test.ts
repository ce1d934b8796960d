/**
 * The loop of a listener thread over a kernel that does what the test says: what it does about replies that cannot be
 * sent.
 */
import { describe, expect, it } from 'vitest'
import { emptyHandover, newRing, RingReader, RingWriter } from '../../../src/net/batch/handover-ring.ts'
import type { Libc } from '../../../src/net/linux/libc.ts'
import { HEADER_OCTETS } from '../../../src/net/linux/message-block.ts'
import { CONTROL_WORDS, END, HAND_OVER, type LoopMessage, runLoop } from '../../../src/net/batch/loop.ts'
import { query } from '../support.ts'

const EPERM = 1
const EINTR = 4
const EAGAIN = 11
const BATCH = 4
const NAME_LENGTH = 2
const LENGTH = 14
const HEADER_WORDS = HEADER_OCTETS / 4
const BASE = 2 ** 20

/**
 * `batches` datagrams arrive at a time, then it ends; each call of sendmmsg gives what stands next in `sends`, else
 * takes all.
 */
function run(
  batches: number[],
  sends: number[],
  { note = 0, handsOver = (_n: number): boolean => false, ring = 4_096, reports = 4_096 } = {},
): {
  readonly sent: string[]
  readonly lost: string[]
  readonly told: LoopMessage[]
  readonly taken: () => number
  readonly handedOver: () => string
} {
  const blocks: Uint8Array[] = []
  const sent: string[] = []
  const lost: string[] = []
  const told: LoopMessage[] = []
  const control = new Int32Array(new SharedArrayBuffer(CONTROL_WORDS * 4))
  const asked = query()
  let taken = 0
  const never = (): number => {
    throw new Error('not to be called')
  }
  const libc: Libc = {
    addressOf: memory => BASE * blocks.push(memory),
    recvmmsg() {
      const count = batches.shift() ?? 0
      if (batches.length === 0) Atomics.store(control, END, 1)
      const [block = new Uint8Array(0)] = blocks
      const words = new Uint32Array(block.buffer)
      for (let i = 0; i < count; i++) {
        words[i * HEADER_WORDS + NAME_LENGTH] = 16
        words[i * HEADER_WORDS + LENGTH] = asked.length
        // Of the origin: family and port. Its place is where the header's pointer says.
        words[((words[i * HEADER_WORDS] ?? 0) - BASE) / 4] = 0x3500_0002
      }
      return count
    },
    sendmmsg(_fd, headers, count) {
      const result = sends.shift() ?? count
      sent.push(`${(headers % BASE) / HEADER_OCTETS}+${count} ${result}`)
      return result
    },
    socket: never,
    bind: never,
    getsockname: never,
    setsockopt: never,
    getsockopt: never,
    poll: never,
    shutdown: never,
    eventfd: never,
    read: never,
    write: never,
    fcntl: never,
    close: never,
    syscall: never,
    ifNameToIndex: never,
    connect: never,
    send: never,
    recv: never,
    epollCreate: never,
    epollControl: never,
    epollWait: never,
    watch: () => {
      throw new Error('not called')
    },
  }
  const rings = { ring: newRing(ring), reports: newRing(reports) }
  runLoop({
    libc,
    control,
    wakeFd: -1,
    ring: new RingWriter(rings.ring),
    reports: new RingWriter(rings.reports),
    news: () => ({ settings: undefined, added: [] }),
    tell: one => told.push(one),
    sockets: [
      {
        id: 3,
        fd: 9,
        family: 4,
        wildcard: false,
        at: { address: '0.0.0.0', port: 53 },
        stop: new Int32Array(new SharedArrayBuffer(4)),
      },
    ],
    shape: { batch: BATCH, queryOctets: 512, replyOctets: 512, wakeMs: 1_000 },
    handler: {
      updateSettings: () => {},
      begin: () => {},
      take: () => {
        return handsOver(taken++) ? HAND_OVER : 20
      },
      note,
      reportValue: 7,
      lost: (why, count) => lost.push(`${why} ${count}`),
    },
  })
  const kindsIn = (memory: SharedArrayBuffer): string => {
    const reader = new RingReader(memory)
    const record = emptyHandover()
    const kinds: string[] = []
    while (reader.next(record)) kinds.push(`${record.kind}/${record.value}`)
    return kinds.join(' ')
  }
  return { sent, lost, told, taken: () => taken, handedOver: () => `${kindsIn(rings.ring)}; ${kindsIn(rings.reports)}` }
}

describe('replies of a listener thread', () => {
  it('leave with one call for each batch', () => {
    const { sent, lost, told, taken } = run([4, 2], [])
    expect([taken(), sent, lost, told]).toEqual([6, ['0+4 4', '0+2 2'], [], []])
  })

  it('go on where the kernel stopped, and after an interruption', () => {
    expect(run([4], [1, -EINTR, 2])).toMatchObject({ sent: ['0+4 1', '1+3 -4', '1+3 2', '3+1 1'], lost: [], told: [] })
  })

  it('are dropped and counted when the link takes no more; the next batch is sent as ever, and nothing waits', () => {
    expect(run([4, 3], [1, -EAGAIN])).toMatchObject({
      sent: ['0+4 1', '1+3 -11', '0+3 3'],
      lost: ['unsent 3'],
      told: [],
    })
  })

  it('one that cannot be sent costs itself; the same trouble is told once', () => {
    const { sent, lost, told } = run([3, 2], [-EPERM, 1, -EPERM, -EPERM])
    expect(sent).toEqual(['0+3 -1', '1+2 1', '2+1 -1', '0+2 -1', '1+1 1'])
    expect(lost).toEqual(['unsent 1', 'unsent 1', 'unsent 1'])
    expect(told).toEqual([{ kind: 'trouble', socket: 3, errno: EPERM }])
  })
})

describe('what a listener thread hands over', () => {
  it('are queries, and apart from them reports of what it answered', () => {
    const { handedOver, lost, told } = run([4], [], { note: 2, handsOver: n => n % 2 === 1 })
    expect([handedOver(), lost, told]).toEqual(['0/0 0/0; 2/7 2/7', [], [{ kind: 'bell' }]])
  })

  it('are queries also when nothing takes its reports, which are counted', () => {
    const { handedOver, lost } = run([4, 4], [], { note: 1, handsOver: n => n > 5, reports: 256 })
    expect(handedOver()).toBe('0/0 0/0; 1/7 1/7')
    expect(lost).toEqual(Array(4).fill('unreported 1'))
  })

  it('are no more queries than there is room for; those lost are counted', () => {
    const { handedOver, lost, sent } = run([4], [], { handsOver: () => true, ring: 256 })
    expect([handedOver(), lost, sent]).toEqual(['0/0 0/0; ', ['no-room 1', 'no-room 1'], []])
  })
})
