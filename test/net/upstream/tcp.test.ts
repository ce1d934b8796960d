import { createSocket } from 'node:dgram'
import type { Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { frame } from '../../../src/dns/framing.ts'
import type { Event } from '../../../src/events.ts'
import { limitsWith, type UpstreamLimits } from '../../../src/limits.ts'
import { localAddresses } from '../../../src/net/local-addresses.ts'
import { systemClock, systemRandom } from '../../../src/system/system.ts'
import { createNetwork } from '../../../src/net/upstream/network.ts'
import { tcpUpstream } from '../../../src/net/upstream/tcp.ts'
import type { ExchangeResult, ServerAddress } from '../../../src/ports.ts'
import { SimClock } from '../../../src/simulation/clock.ts'
import {
  addressOf,
  answer,
  atEnd,
  cleanUp,
  eventsInto,
  idIn,
  labelIn,
  patched,
  query,
  resultOf,
  settle,
  tcpServer,
  udpServer,
  until,
} from '../support.ts'

afterEach(cleanUp)

interface Made {
  readonly upstream: ReturnType<typeof tcpUpstream>
  readonly clock: SimClock
  ask(server: ServerAddress, message: Uint8Array, timeoutMs?: number): Promise<ExchangeResult>
}

function makeUpstream(changes: Partial<UpstreamLimits> = {}): Made {
  const clock = new SimClock()
  const upstream = tcpUpstream({
    clock,
    random: systemRandom(),
    limits: limitsWith({ upstream: changes }).upstream,
    exhausted: () => {},
  })
  atEnd(() => upstream.close())
  return {
    upstream,
    clock,
    ask: (server, message, timeoutMs = 3_000) => resultOf(done => upstream.exchange(server, message, timeoutMs, done)),
  }
}

const echo = (q: Uint8Array, socket: Socket): void => {
  socket.write(frame(answer(q)))
}

describe('one exchange over TCP', () => {
  it('brings the reply with the ID that was asked with, whatever went over the wire', async () => {
    const { ask } = makeUpstream()
    const { server, seen } = await tcpServer(echo)
    const results = await Promise.all(Array.from({ length: 20 }, () => ask(server, query({ id: 7 }))))
    for (const result of results) {
      expect(result).toMatchObject({ kind: 'reply', caseEchoed: true, mismatches: 0 })
      expect(result.kind === 'reply' && Buffer.from(result.bytes)).toEqual(Buffer.from(answer(query({ id: 7 }))))
    }
    expect(new Set(seen.map(idIn)).size).toBe(20)
  })

  it('takes replies that come octet by octet, and large ones', async () => {
    const { ask } = makeUpstream()
    const { server } = await tcpServer((q, socket, index) => {
      const bytes = frame(answer(q, index === 0 ? 0 : 60_000))
      if (index === 0) for (const octet of bytes) socket.write(Uint8Array.of(octet))
      else socket.write(bytes)
    })
    expect(await ask(server, query())).toMatchObject({ kind: 'reply' })
    const large = await ask(server, query())
    expect(large.kind === 'reply' && large.bytes.length).toBeGreaterThan(60_000)
  })

  it('believes an error without question: nobody off the path can write into the stream', async () => {
    const { ask } = makeUpstream()
    const { server } = await tcpServer((q, socket) =>
      socket.write(frame(patched(q.subarray(0, 12), { 2: 0x81, 3: 1, 5: 0 }))),
    )
    const result = await ask(server, query({ id: 99 }))
    expect(result).toMatchObject({ kind: 'reply' })
    expect(result.kind === 'reply' && idIn(result.bytes)).toBe(99)
  })

  it('is told that nobody listens there', async () => {
    const { ask, upstream, clock } = makeUpstream()
    const { server } = await udpServer(() => {})
    expect(await ask(server, query())).toEqual({ kind: 'unreachable', reason: 'ECONNREFUSED', family: false })
    expect([upstream.openConnections, clock.pending]).toEqual([0, 0])
  })

  it.each<[string, (q: Uint8Array, socket: Socket) => void, string]>([
    ['closes without a word', (_q, socket) => socket.end(), 'closed by the server'],
    ['resets', (_q, socket) => socket.resetAndDestroy(), 'ECONNRESET'],
    [
      'sends half a message and closes',
      (q, socket) => socket.end(frame(answer(q)).subarray(0, 20)),
      'closed by the server',
    ],
    [
      'answers another question',
      (q, socket) => socket.write(frame(answer(query({ id: idIn(q), name: 'else.example' })))),
      'a reply to another question',
    ],
    ['answers malformed', (q, socket) => socket.write(frame(answer(q).subarray(0, 11))), 'a malformed message'],
    ['sends the query back', (q, socket) => socket.write(frame(q)), 'a malformed message'],
    [
      'answers an ID that is not asked',
      (q, socket) => socket.write(frame(patched(answer(q), { 0: (q[0] ?? 0) ^ 1 }))),
      'a message without a query',
    ],
    ['sends an empty message', (_q, socket) => socket.write(Uint8Array.of(0, 0)), 'a message without a query'],
  ])('ends at once when the server %s', async (_what, act, reason) => {
    const { ask, upstream, clock } = makeUpstream()
    const { server } = await tcpServer(act)
    expect(await ask(server, query())).toEqual({ kind: 'unreachable', reason, family: false })
    expect([upstream.openConnections, clock.pending]).toEqual([0, 0])
  })

  it('times out on a silent or half-sent answer, and the connection is not trusted again', async () => {
    const { ask, clock, upstream } = makeUpstream()
    const { server, connections, seen } = await tcpServer((q, socket) => {
      if (labelIn(q) === 'slow') socket.write(frame(answer(q)).subarray(0, 10))
      else echo(q, socket)
    })
    const slow = ask(server, query({ name: 'slow.example' }), 1_000)
    await until(() => seen.length === 1)
    clock.advance(1_000)
    expect(await slow).toEqual({ kind: 'timeout', mismatches: 0 })
    expect(upstream.openConnections).toBe(0)
    expect(await ask(server, query())).toMatchObject({ kind: 'reply' })
    expect(connections.length).toBe(2)
  })

  it('times out on an answer that drips: octets that come are no answer', async () => {
    const { ask, clock, upstream } = makeUpstream()
    const drip: { send?: () => void } = {}
    const { server } = await tcpServer((q, socket) => {
      const octets = frame(answer(q))
      let sent = 0
      drip.send = () => void (sent < octets.length - 1 && socket.write(octets.subarray(sent, ++sent)))
    })
    let result: ExchangeResult | null = null
    void ask(server, query(), 1_000).then(came => (result = came))
    await until(() => drip.send !== undefined)
    for (let ms = 0; ms < 1_000; ms += 50) {
      expect(result).toBe(null)
      drip.send?.()
      await settle()
      clock.advance(50)
    }
    await settle()
    expect(result).toEqual({ kind: 'timeout', mismatches: 0 })
    expect([upstream.openConnections, upstream.waiting, clock.pending]).toEqual([0, 0, 0])
  })

  it('does not call back after a cancel; the late reply is no nonsense', async () => {
    const { upstream, ask } = makeUpstream()
    const owed: (() => void)[] = []
    const { server, connections } = await tcpServer((q, socket) => {
      if (labelIn(q) === 'late') owed.push(() => echo(q, socket))
      else echo(q, socket)
    })
    const results: ExchangeResult[] = []
    const cancel = upstream.exchange(server, query({ name: 'late.example' }), 3_000, r => results.push(r))
    await until(() => owed.length === 1)
    cancel()
    owed[0]?.()
    await settle()
    expect(await ask(server, query())).toMatchObject({ kind: 'reply' })
    expect(connections.length).toBe(1)
    expect(results).toEqual([])
  })
})

describe('connections to servers', () => {
  it('are shared, and answers may come in any order', async () => {
    const { ask } = makeUpstream()
    const held: Uint8Array[] = []
    const { server, connections } = await tcpServer((q, socket) => {
      held.push(q)
      if (held.length === 10) for (const each of held.reverse()) socket.write(frame(answer(each)))
    })
    const order: number[] = []
    await Promise.all(
      Array.from({ length: 10 }, async (_, id) => {
        const result = await ask(server, query({ id, name: `n${id}.example` }))
        if (result.kind !== 'reply') throw new Error(result.kind)
        expect(labelIn(result.bytes)).toBe(`n${id}`)
        order.push(idIn(result.bytes))
      }),
    )
    expect(order).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0])
    expect(connections.length).toBe(1)
  })

  it('carry no more than the limit each', async () => {
    const { ask } = makeUpstream({ tcpPipelined: 4 })
    const { server, connections } = await tcpServer(echo)
    const results = await Promise.all(Array.from({ length: 10 }, (_, id) => ask(server, query({ id }))))
    expect(results.every(r => r.kind === 'reply')).toBe(true)
    expect(connections.length).toBe(3)
  })

  it('a connection to a server is closed when it is idle', async () => {
    const { ask, clock, upstream } = makeUpstream({ tcpIdleMs: 5_000 })
    const { server, connections } = await tcpServer(echo)
    await ask(server, query())
    clock.advance(4_999)
    await ask(server, query())
    clock.advance(4_999)
    expect(upstream.openConnections).toBe(1)
    clock.advance(1)
    expect([upstream.openConnections, clock.pending]).toEqual([0, 0])
    expect(connections.length).toBe(1)
  })

  it('that the server closed while idle are replaced without anybody noticing', async () => {
    const { ask, upstream } = makeUpstream()
    const { server, connections } = await tcpServer((q, socket, index) => {
      // The second query meets a connection that is just being closed.
      if (index === 0) echo(q, socket)
      else socket.destroy()
    })
    expect(await ask(server, query({ id: 1 }))).toMatchObject({ kind: 'reply' })
    expect(await ask(server, query({ id: 2 }))).toMatchObject({ kind: 'reply' })
    expect(connections.length).toBe(2)
    expect(upstream.openConnections).toBe(1)
  })

  it('that answer one query each and close still answer all that were pipelined', async () => {
    const { ask } = makeUpstream()
    const { server } = await tcpServer((q, socket, index) => {
      if (index === 0) socket.end(frame(answer(q)))
    })
    const results = await Promise.all(Array.from({ length: 8 }, (_, id) => ask(server, query({ id }))))
    expect(results.map(r => r.kind)).toEqual(new Array(8).fill('reply'))
  })

  const queries = (from: number, count: number): Uint8Array[] =>
    Array.from({ length: count }, (_, n) => query({ id: from + n }))

  it.each([
    ['closes when a second query comes before its answer', true],
    ['reads no second query', false],
  ])('of a server that %s are not shared after the first trouble', async (_about, closes) => {
    const { ask, clock, upstream } = makeUpstream()
    const late: (() => void)[] = []
    const { server, connections, seen } = await tcpServer((q, socket, index) => {
      if (index === 0) late.push(() => echo(q, socket))
      else if (closes) socket.destroy()
    })
    const first = queries(1, 4).map(one => ask(server, one, 1_000))
    await until(() => seen.length >= 4 || connections.length >= 2)
    if (closes) {
      await until(() => late.length >= 5)
      for (const reply of late.slice(1)) reply()
      expect((await Promise.all(first)).map(({ kind }) => kind)).toEqual(new Array(4).fill('reply'))
    } else {
      late[0]?.()
      expect((await first[0])?.kind).toBe('reply')
      clock.advance(1_000)
      expect((await Promise.all(first.slice(1))).map(({ kind }) => kind)).toEqual(new Array(3).fill('timeout'))
    }
    const before = connections.length
    const from = late.length
    const again = queries(11, 3).map(one => ask(server, one, 1_000))
    await until(() => late.length === from + 3)
    for (const reply of late.slice(from)) reply()
    expect((await Promise.all(again)).map(({ kind }) => kind)).toEqual(new Array(3).fill('reply'))
    expect([connections.length - before, upstream.openConnections]).toEqual([3, 0])
    // It may have been mended meanwhile.
    clock.advance(limitsWith({}).upstream.tcpLonersMs)
    const shared = ask(server, query({ id: 99 }), 1_000)
    await until(() => late.length === from + 4)
    late.at(-1)?.()
    expect([(await shared).kind, upstream.openConnections]).toEqual(['reply', 1])
  })

  it('of a server that nobody reaches are not tried one by one', async () => {
    const { ask } = makeUpstream()
    const { server } = await udpServer(() => {})
    const results = await Promise.all(queries(1, 8).map(one => ask(server, one)))
    expect(results.map(({ kind }) => kind)).toEqual(new Array(8).fill('unreachable'))
  })

  it('are not retried for ever', async () => {
    const { ask, upstream, clock } = makeUpstream()
    const { server, connections } = await tcpServer((q, socket) => {
      if (connections.length === 1 && labelIn(q) === 'good') echo(q, socket)
      else socket.destroy()
    })
    await ask(server, query({ name: 'good.example' }))
    expect(await ask(server, query({ name: 'bad.example' }))).toMatchObject({ kind: 'unreachable' })
    expect(connections.length).toBe(2)
    expect([upstream.openConnections, upstream.waiting, clock.pending]).toEqual([0, 0, 0])
  })

  it('are never more than the limit: idle ones make room, then exchanges wait', async () => {
    const { ask, upstream } = makeUpstream({ tcpConnections: 2 })
    const [a, b, c, d] = await Promise.all([1, 2, 3, 4].map(() => tcpServer(echo)))
    if (a === undefined || b === undefined || c === undefined || d === undefined) throw new Error('no servers')
    for (const one of [a, b, c]) expect(await ask(one.server, query())).toMatchObject({ kind: 'reply' })
    expect(upstream.openConnections).toBe(2)
    const together = [a, b, c, d].map(one => ask(one.server, query()))
    expect(upstream.waiting).toBeGreaterThan(0)
    expect((await Promise.all(together)).map(r => r.kind)).toEqual(['reply', 'reply', 'reply', 'reply'])
    expect([upstream.openConnections, upstream.waiting]).toEqual([2, 0])
  })

  it('that never come free cost a waiting exchange the time to wait, and the server no blame', async () => {
    const { ask, upstream, clock } = makeUpstream({ tcpConnections: 1, waitingExchanges: 1, socketWaitMs: 1_000 })
    const silent = await tcpServer(() => {})
    const other = await tcpServer(echo)
    const first = ask(silent.server, query(), 2_000)
    const pushedOut = ask(other.server, query(), 1_000)
    const waits = ask(other.server, query(), 100)
    expect(await pushedOut).toEqual({ kind: 'not-sent', reason: 'too many exchanges wait for a connection' })
    expect(upstream.waiting).toBe(1)
    clock.advance(1_000)
    expect(await waits).toEqual({ kind: 'not-sent', reason: 'no connection became free in time' })
    clock.advance(1_000)
    expect(await first).toMatchObject({ kind: 'timeout' })
  })
})

describe('createNetwork', () => {
  it('asks over the transport it is told, and ends everything on close', async () => {
    const events: Event[] = []
    const network = createNetwork({
      clock: systemClock(),
      random: systemRandom(),
      limits: limitsWith({}),
      events: eventsInto(events),
    })
    const udp = await udpServer((q, send) => send(patched(answer(q), { 2: 0x87 })))
    const tcp = await tcpServer(echo)
    const ask = (server: ServerAddress, transport: 'udp' | 'tcp'): Promise<ExchangeResult> =>
      resultOf(done => network.exchange(server, transport, query(), 2_000, done))
    const truncated = await ask(udp.server, 'udp')
    expect(truncated.kind === 'reply' && (truncated.bytes[2] ?? 0) & 2).toBe(2)
    expect(await ask(tcp.server, 'tcp')).toMatchObject({ kind: 'reply' })
    expect(network.usage()).toEqual({ udpSockets: 1, tcpConnections: 1, secureConnections: 0, waiting: 0 })
    const silent = await tcpServer(() => {})
    const inFlight = ask(silent.server, 'tcp')
    network.close()
    expect(await inFlight).toMatchObject({ kind: 'not-sent' })
    expect(await ask(tcp.server, 'tcp')).toMatchObject({ kind: 'not-sent' })
    expect(network.usage()).toEqual({ udpSockets: 0, tcpConnections: 0, secureConnections: 0, waiting: 0 })
    expect(events).toEqual([])
  })

  it.skipIf(!localAddresses().includes('::1'))('reaches IPv6 servers', async () => {
    const socket = createSocket('udp6')
    socket.on('message', (bytes, from) => socket.send(answer(bytes), from.port, from.address))
    await new Promise<void>(resolve => socket.bind(0, '::1', resolve))
    atEnd(() => socket.close())
    const network = createNetwork({
      clock: systemClock(),
      random: systemRandom(),
      limits: limitsWith({}),
      events: () => {},
    })
    atEnd(() => network.close())
    const server = addressOf(socket.address().port, '::1')
    expect(await resultOf(done => network.exchange(server, 'udp', query(), 2_000, done))).toMatchObject({
      kind: 'reply',
    })
  })
})
