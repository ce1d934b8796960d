import { execFile } from 'node:child_process'
import { connect } from 'node:net'
import { promisify } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'
import { frame } from '../../../src/dns/framing.ts'
import type { Event } from '../../../src/events.ts'
import { type LimitChanges, limitsWith } from '../../../src/limits.ts'
import type { Listener } from '../../../src/net/listener.ts'
import { systemRandom } from '../../../src/system/system.ts'
import { TcpConnections } from '../../../src/net/listen/tcp-connections.ts'
import { TcpTurns } from '../../../src/net/listen/tcp-turns.ts'
import { openTcpListener, type TcpListenOptions } from '../../../src/net/listen/tcp.ts'
import type { Client, Serve } from '../../../src/ports.ts'
import { SimClock } from '../../../src/simulation/clock.ts'
import { needs } from '../../tools.ts'
import {
  answer,
  atEnd,
  cleanUp,
  eventsInto,
  idIn,
  manyLoopbacks,
  query,
  settle,
  type TcpClient,
  tcpClient,
  until,
} from '../support.ts'

afterEach(cleanUp)

interface Opened {
  readonly listener: Listener
  readonly table: TcpConnections
  readonly clock: SimClock
  readonly events: Event[]
}

async function open(
  onMessage: Serve,
  changes: LimitChanges = {},
  more: Pick<TcpListenOptions, 'onAccept'> = {},
): Promise<Opened> {
  const limits = limitsWith(changes)
  const clock = new SimClock()
  const events: Event[] = []
  const table = new TcpConnections(limits.tcp)
  const listener = await openTcpListener({
    address: '127.0.0.1',
    port: 0,
    onMessage,
    clock,
    limits,
    events: eventsInto(events),
    connections: table,
    turns: new TcpTurns(limits.tcp, clock),
    ...more,
  })
  if (listener.kind !== 'listener') throw new Error(listener.message)
  atEnd(async () => {
    const closed = listener.close()
    clock.advance(limits.server.drainMs)
    await closed
    // Whatever a test did, nothing is left behind in the counters or timers.
    expect([table.size, table.queuedBytes, clock.pending]).toEqual([0, 0, 0])
  })
  return { listener, table, clock, events }
}

const respond: Serve = (bytes, length, _client, reply) => {
  const message = answer(bytes.subarray(0, length))
  reply(message, message.length)
}

/** A handler that answers when told. */
function held(): { readonly serve: Serve; readonly ids: number[]; answer(id: number): void; answerAll(): void } {
  const waiting = new Map<number, () => void>()
  const ids: number[] = []
  return {
    ids,
    serve: (bytes, length, client, reply) => {
      const own = Uint8Array.from(bytes.subarray(0, length))
      ids.push(idIn(own))
      waiting.set(idIn(own), () => respond(own, own.length, client, reply))
    },
    answer: id => waiting.get(id)?.(),
    answerAll: () => {
      for (const [id, go] of [...waiting]) {
        waiting.delete(id)
        go()
      }
    },
  }
}

const queries = (count: number, from = 0): Uint8Array[] =>
  Array.from({ length: count }, (_, i) => query({ id: from + i }))
const answered = (client: TcpClient): number[] => client.messages.map(idIn)

needs('dig')('with dig', () => {
  it('answers over TCP, several on one connection', async () => {
    const clients: Client[] = []
    const { listener } = await open((bytes, length, client, reply) => {
      clients.push(client)
      respond(bytes, length, client, reply)
    })
    const options = ['+tcp', '+keepopen', '+noedns', '+short']
    const { stdout } = await promisify(execFile)('dig', [
      '@127.0.0.1',
      '-p',
      String(listener.port),
      ...options,
      'a.example.com',
      ...options,
      'b.example.com',
    ])
    expect(stdout).toBe('192.0.2.1\n192.0.2.1\n')
    expect(clients).toMatchObject([{ transport: 'tcp', ip: { text: '127.0.0.1' } }, { transport: 'tcp' }])
  })
})

describe('a connection', () => {
  it('answers pipelined queries as they are ready, in any order', async () => {
    const handler = held()
    const { listener } = await open(handler.serve)
    const client = await tcpClient(listener.port)
    client.send(...queries(5))
    await until(() => handler.ids.length === 5)
    for (const id of [3, 0, 4, 1, 2]) handler.answer(id)
    await until(() => client.messages.length === 5)
    expect(answered(client)).toEqual([3, 0, 4, 1, 2])
  })

  it('writes replies that are ready at once together', async () => {
    const writes: number[] = []
    const onAccept: TcpListenOptions['onAccept'] = (_client, socket) => {
      const write = socket.write.bind(socket)
      socket.write = (data: Uint8Array | string, ...rest: unknown[]): boolean => {
        writes.push(data.length)
        const done = rest.find(one => typeof one === 'function')
        return write(data, error => done?.(error))
      }
    }
    const { listener } = await open(respond, {}, { onAccept })
    const client = await tcpClient(listener.port)
    client.socket.write(Buffer.concat(queries(60).map(frame)))
    await until(() => client.messages.length === 60)
    expect(answered(client)).toEqual(queries(60).map(idIn))
    // 60 replies of about fifty octets, two kilobytes a write; one more where the network cut the chunk.
    expect(writes.length).toBeLessThanOrEqual(4)
    expect(writes.reduce((sum, octets) => sum + octets, 0)).toBe(
      client.messages.reduce((sum, message) => sum + 2 + message.length, 0),
    )
  })

  it('puts queries together from single octets', async () => {
    const { listener } = await open(respond)
    const client = await tcpClient(listener.port)
    for (const octet of [...frame(query({ id: 1 })), ...frame(query({ id: 2 }))]) {
      client.socket.write(Uint8Array.of(octet))
      await settle(1)
    }
    await until(() => client.messages.length === 2)
    expect(answered(client)).toEqual([1, 2])
  })

  it('answers a client that finished sending first', async () => {
    const handler = held()
    const { listener, table } = await open(handler.serve)
    const client = await tcpClient(listener.port)
    client.socket.end(Buffer.concat(queries(3).map(frame)))
    await until(() => handler.ids.length === 3)
    await settle()
    expect(client.state.ended).toBe(false)
    handler.answerAll()
    await until(() => client.state.closed)
    expect(answered(client)).toEqual([0, 1, 2])
    expect(table.size).toBe(0)
  })

  it('closes a client that does not end after our end, a second later', async () => {
    const handler = held()
    const { listener, table, clock } = await open(handler.serve)
    const socket = connect({ host: '127.0.0.1', port: listener.port, allowHalfOpen: true })
    socket.on('error', () => {})
    atEnd(() => void socket.destroy())
    let hasEnded = false
    socket.on('end', () => {
      hasEnded = true
    })
    socket.resume().write(frame(query()))
    await until(() => handler.ids.length === 1)
    listener.stop()
    handler.answerAll()
    await until(() => hasEnded)
    await settle()
    clock.advance(999)
    expect(table.size).toBe(1)
    clock.advance(1)
    expect(table.size).toBe(0)
  })

  it('has at most so many queries in work; the rest is read later, not lost', async () => {
    const handler = held()
    const { listener } = await open(handler.serve, { tcp: { pipelined: 10 } })
    const client = await tcpClient(listener.port)
    client.send(...queries(55))
    await until(() => handler.ids.length === 10)
    await settle()
    expect(handler.ids.length).toBe(10)
    for (let i = 0; i < 6; i++) {
      handler.answerAll()
      await settle()
    }
    await until(() => client.messages.length === 55)
    expect(answered(client)).toEqual(queries(55).map(idIn))
  })

  it('forgets a query that gets no reply', async () => {
    const { listener } = await open(
      (bytes, length, client, reply) => {
        if (idIn(bytes) % 2 === 0) reply(bytes, 0)
        else respond(bytes, length, client, reply)
      },
      { tcp: { pipelined: 2 } },
    )
    const client = await tcpClient(listener.port)
    client.send(...queries(20))
    await until(() => client.messages.length === 10)
    expect(answered(client)).toEqual([1, 3, 5, 7, 9, 11, 13, 15, 17, 19])
  })

  it('counts a reply once, however often it is given, and lives through a handler that throws', async () => {
    const { listener, events, table } = await open((bytes, length, client, reply) => {
      respond(bytes, length, client, reply)
      reply(bytes, length)
      throw new Error('broken')
    })
    const client = await tcpClient(listener.port)
    client.send(...queries(3))
    await until(() => client.messages.length === 3)
    await settle()
    expect(client.messages.length).toBe(3)
    expect(events.filter(e => e.kind === 'bug').length).toBe(3)
    expect(table.size).toBe(1)
  })

  it('ends quietly with a reset, and a late reply goes nowhere', async () => {
    const handler = held()
    const { listener, table, events } = await open(handler.serve)
    const client = await tcpClient(listener.port)
    client.send(query({ id: 1 }))
    await until(() => handler.ids.length === 1)
    client.socket.resetAndDestroy()
    await until(() => table.size === 0)
    handler.answerAll()
    expect(events.map(e => e.kind)).toEqual(['listening'])
  })

  it.each([
    ['an empty message', Uint8Array.of(0, 0)],
    ['a message shorter than a header', Uint8Array.of(0, 3, 1, 2, 3)],
    ['a response', frame(answer(query()))],
  ])('ends with %s, and only that connection', async (_what, junk) => {
    const { listener, table } = await open(respond)
    const [good, bad] = [await tcpClient(listener.port), await tcpClient(listener.port)]
    bad.socket.write(junk)
    await until(() => bad.state.closed)
    good.send(query({ id: 5 }))
    await until(() => good.messages.length === 1)
    expect(table.size).toBe(1)
  })

  it('ends within a megabyte of random octets, and nobody else notices', async () => {
    const { listener, table } = await open((bytes, _length, _client, reply) => reply(bytes, 0))
    const junk = new Uint8Array(1024 * 1024)
    systemRandom().bytes(junk)
    const bad = await tcpClient(listener.port)
    bad.socket.write(junk)
    await until(() => bad.state.closed)
    expect(table.size).toBe(0)
  })
})

describe('time', () => {
  it('closes an idle connection; every whole message starts it again', async () => {
    const { listener, clock } = await open(respond, { tcp: { idleMs: 1_000, messageMs: 5_000 } })
    const client = await tcpClient(listener.port)
    await settle()
    clock.advance(999)
    client.send(query({ id: 1 }))
    await until(() => client.messages.length === 1)
    clock.advance(999)
    await settle()
    expect(client.state.closed).toBe(false)
    clock.advance(1)
    await until(() => client.state.closed)
  })

  it('closes a connection whose message does not get complete, however lively its octets come', async () => {
    const { listener, clock, table } = await open(respond, { tcp: { idleMs: 30_000, messageMs: 5_000 } })
    const slow = await tcpClient(listener.port)
    const bytes = frame(query())
    for (let i = 0; i < 10; i++) {
      slow.socket.write(bytes.subarray(i, i + 1))
      await settle(5)
      clock.advance(i === 0 ? 0 : 500)
    }
    expect(table.size).toBe(1)
    clock.advance(500)
    expect(table.size).toBe(0)
    await until(() => slow.state.closed)
  })

  it('does not hold it against a client that we stopped reading', async () => {
    const handler = held()
    const { listener, clock, table } = await open(handler.serve, { tcp: { pipelined: 1, messageMs: 1_000 } })
    const client = await tcpClient(listener.port)
    const second = frame(query({ id: 2 }))
    client.socket.write(Buffer.concat([frame(query({ id: 1 })), second.subarray(0, 9)]))
    await until(() => handler.ids.length === 1)
    await settle()
    clock.advance(3_000)
    expect(table.size).toBe(1)
    handler.answerAll()
    client.socket.write(second.subarray(9))
    await until(() => handler.ids.length === 2)
    clock.advance(3_000)
    expect(table.size).toBe(1)
  })
})

describe('clients that never read', () => {
  const large: Serve = (bytes, length, _client, reply) => {
    const message = answer(bytes.subarray(0, length), 60_000)
    reply(message, message.length)
  }

  it('are read from no further, and closed when they take nothing', async () => {
    let served = 0
    const { listener, table, clock } = await open(
      (...args) => {
        served++
        large(...args)
      },
      { tcp: { queuedBytes: 200_000, writeStallMs: 2_000 } },
    )
    const client = await tcpClient(listener.port, { reads: false })
    client.socket.pause()
    client.send(...queries(2_000))
    await until(() => table.queuedBytes >= 200_000)
    await settle()
    const before = served
    // One reply may cross the bound; what was asked beyond it stays in the kernel.
    expect(table.queuedBytes).toBeLessThan(200_000 + 61_000)
    expect(before).toBeLessThan(2_000)
    clock.advance(1_999)
    expect([table.size, served]).toEqual([1, before])
    clock.advance(1)
    expect([table.size, table.queuedBytes]).toEqual([0, 0])
  })

  it('go on where they were when they read after all', async () => {
    const { listener, table } = await open(large, { tcp: { queuedBytes: 200_000 } })
    const client = await tcpClient(listener.port, { reads: false })
    client.socket.pause()
    client.send(...queries(300))
    await until(() => table.queuedBytes >= 200_000)
    let octets = 0
    client.socket.on('data', chunk => {
      octets += chunk.length
    })
    client.socket.resume()
    const whole = 300 * (2 + answer(query(), 60_000).length)
    await until(() => octets === whole)
    await until(() => table.queuedBytes === 0)
    expect([octets, table.queuedBytes, client.state.closed]).toEqual([whole, 0, false])
  })

  it('are bounded in all: the one that holds most goes', async () => {
    const { listener, table } = await open(large, {
      tcp: { queuedBytes: 1_000_000, queuedBytesInAll: 2_000_000, pipelined: 1_000 },
    })
    for (let i = 0; i < 6; i++) {
      const client = await tcpClient(listener.port, { reads: false })
      client.socket.pause()
      client.send(...queries(200))
    }
    const peaks: number[] = []
    for (let i = 0; i < 200; i++) {
      await settle(1)
      peaks.push(table.queuedBytes)
    }
    expect(Math.max(...peaks)).toBeGreaterThan(1_000_000)
    expect(Math.max(...peaks)).toBeLessThanOrEqual(2_000_000)
    expect(table.size).toBeGreaterThan(0)
  })
})

describe('many connections', () => {
  it.skipIf(!manyLoopbacks)(
    '500 idle and half-sent ones of one client leave another client served at once',
    async () => {
      const { listener, table } = await open(respond, { tcp: { connections: 150, connectionsPerPrefix: 100 } })
      await Promise.all(
        Array.from({ length: 500 }, async (_, i) => {
          const client = await tcpClient(listener.port, { from: '127.0.0.66' })
          if (i % 2 === 0) client.socket.write(frame(query()).subarray(0, 5))
        }),
      )
      await until(() => table.size === 100)
      const other = await tcpClient(listener.port, { from: '127.0.0.77' })
      other.send(query({ id: 9 }))
      await until(() => other.messages.length === 1)
      expect(answered(other)).toEqual([9])
      expect(table.size).toBe(101)
    },
  )

  it('of one client give up the oldest idle one; one with a query in work stays', async () => {
    const handler = held()
    const { listener, table, clock } = await open(handler.serve, { tcp: { connectionsPerPrefix: 3 } })
    const busy = await tcpClient(listener.port)
    busy.send(query({ id: 1 }))
    await until(() => handler.ids.length === 1)
    clock.advance(10)
    const older = await tcpClient(listener.port)
    await until(() => table.size === 2)
    clock.advance(10)
    const newer = await tcpClient(listener.port)
    await until(() => table.size === 3)
    clock.advance(10)
    const newest = await tcpClient(listener.port)
    await until(() => older.state.closed)
    expect([busy, newer, newest].map(c => c.state.closed)).toEqual([false, false, false])
    handler.answerAll()
    await until(() => busy.messages.length === 1)
  })

  it.skipIf(!manyLoopbacks)('in work for one client keep that client from more, not others', async () => {
    const handler = held()
    const { listener } = await open(handler.serve, { tcp: { connectionsPerPrefix: 2, connections: 3 } })
    const busy = [await tcpClient(listener.port), await tcpClient(listener.port)]
    for (const [i, client] of busy.entries()) client.send(query({ id: i }))
    await until(() => handler.ids.length === 2)
    const third = await tcpClient(listener.port)
    await until(() => third.state.closed)
    const other = await tcpClient(listener.port, { from: '127.0.0.2' })
    other.send(query({ id: 7 }))
    await until(() => handler.ids.length === 3)
    expect(busy.map(c => c.state.closed)).toEqual([false, false])
  })
})

describe('stopping', () => {
  it('ends idle connections at once and the others with their last reply', async () => {
    const handler = held()
    const { listener, clock } = await open(handler.serve)
    const [idle, busy] = [await tcpClient(listener.port), await tcpClient(listener.port)]
    busy.send(query({ id: 1 }), query({ id: 2 }))
    await until(() => handler.ids.length === 2)
    let closed = false
    const closing = listener.close().then(() => {
      closed = true
    })
    await until(() => idle.state.closed)
    busy.send(query({ id: 3 }))
    handler.answer(2)
    await settle()
    expect([closed, busy.state.ended]).toEqual([false, false])
    handler.answer(1)
    await until(() => busy.state.closed)
    await closing
    expect(answered(busy)).toEqual([2, 1])
    expect(handler.ids).toEqual([1, 2])
    expect(clock.pending).toBe(0)
    const late = await tcpClient(listener.port)
    expect(late.state.closed || late.socket.destroyed).toBe(true)
  })

  it('waits no longer than the drain time', async () => {
    const handler = held()
    const { listener, clock, table } = await open(handler.serve, { server: { drainMs: 700 } })
    const busy = await tcpClient(listener.port)
    busy.send(query())
    await until(() => handler.ids.length === 1)
    const closing = listener.close()
    clock.advance(700)
    await closing
    expect(table.size).toBe(0)
    await until(() => busy.state.closed)
  })
})

describe('openTcpListener', () => {
  it('says why an address cannot be had, as a value', async () => {
    const { listener, table, clock } = await open(respond)
    const attempt = await openTcpListener({
      address: '127.0.0.1',
      port: listener.port,
      onMessage: respond,
      clock,
      limits: limitsWith({}),
      events: () => {},
      connections: table,
      turns: new TcpTurns(limitsWith({}).tcp, clock),
    })
    expect(attempt).toMatchObject({ kind: 'listen-failed', transport: 'tcp', code: 'EADDRINUSE', port: listener.port })
  })
})

it('tells of every connection that is taken, with the client as its queries have it', async () => {
  const limits = limitsWith({})
  const [accepted, asking]: [Client[], Client[]] = [[], []]
  const listener = await openTcpListener({
    address: '127.0.0.1',
    port: 0,
    clock: new SimClock(),
    limits,
    events: () => {},
    connections: new TcpConnections(limits.tcp),
    turns: new TcpTurns(limits.tcp, new SimClock()),
    onAccept: (client, socket) => {
      accepted.push(client)
      expect(socket.remotePort).toBe(client.port)
    },
    onMessage: (bytes, length, client, reply) => {
      asking.push(client)
      respond(bytes, length, client, reply)
    },
  })
  if (listener.kind !== 'listener') throw new Error(listener.message)
  const client = await tcpClient(listener.port)
  client.send(query())
  await until(() => client.messages.length === 1)
  expect(accepted).toHaveLength(1)
  expect(asking[0]).toBe(accepted[0])
  client.socket.destroy()
  await listener.close()
})
