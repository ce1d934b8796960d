import { connect } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { parsePrefix } from '../../../src/dns/address.ts'
import type { Event } from '../../../src/events.ts'
import { type LimitChanges, limitsWith } from '../../../src/limits.ts'
import { handshakeTable } from '../../../src/net/listen/handshakes.ts'
import { TcpConnections } from '../../../src/net/listen/tcp-connections.ts'
import { TcpTurns } from '../../../src/net/listen/tcp-turns.ts'
import { openTlsListener, type TlsListenOptions } from '../../../src/net/listen/tls.ts'
import type { Listener } from '../../../src/net/listener.ts'
import type { Client, Serve } from '../../../src/ports.ts'
import { SimClock } from '../../../src/simulation/clock.ts'
import { answer, atEnd, cleanUp, eventsInto, idIn, query, settle, tcpClient, until } from '../support.ts'
import { proxyHeader } from './proxy.ts'
import { certificateFor, type ChangingIdentity, identityOf, tlsClient } from './secure.ts'

afterEach(cleanUp)

interface Opened {
  readonly listener: Listener
  readonly table: TcpConnections
  readonly handshakes: TcpConnections
  readonly clock: SimClock
  readonly identity: ChangingIdentity
  readonly clients: Client[]
  readonly events: readonly Event[]
}

const identity = identityOf('dns.example', '*.clients.example', '127.0.0.1')

async function open(
  changes: LimitChanges = {},
  more: Partial<TlsListenOptions> = {},
  serve: Serve = (bytes, length, _, reply) => {
    const full = answer(bytes.subarray(0, length))
    reply(full, full.length)
  },
): Promise<Opened> {
  const limits = limitsWith(changes)
  const clock = new SimClock()
  const events: Event[] = []
  const clients: Client[] = []
  const table = new TcpConnections(limits.tcp)
  const handshakes = handshakeTable(limits)
  const listener = await openTlsListener({
    address: '127.0.0.1',
    port: 0,
    onMessage: (bytes, length, client, reply) => {
      clients.push(client)
      serve(bytes, length, client, reply)
    },
    clock,
    limits,
    events: eventsInto(events),
    connections: table,
    handshakes,
    turns: new TcpTurns(limits.tcp, clock),
    identity,
    ...more,
  })
  if (listener.kind !== 'listener') throw new Error(listener.message)
  atEnd(async () => {
    const closed = listener.close()
    clock.advance(limits.server.drainMs)
    await closed
    expect(events.filter(({ kind }) => kind === 'bug')).toEqual([])
    expect([table.size, table.queuedBytes, handshakes.size]).toEqual([0, 0, 0])
  })
  return { listener, table, handshakes, clock, identity, clients, events }
}

describe('a client over TLS', () => {
  test('is answered, in one write for what came together', async () => {
    const { listener, clients } = await open()
    const client = await tlsClient(listener.port)
    expect(client.socket.alpnProtocol).toBe('dot')
    client.send(...[1, 2, 3, 4].map(id => query({ id })))
    await until(() => client.messages.length === 4)
    expect(client.messages.map(idIn)).toEqual([1, 2, 3, 4])
    expect(clients[0]).toMatchObject({ transport: 'tls', serverName: 'dns.example', ip: { text: '127.0.0.1' } })
    expect(clients[0]).not.toHaveProperty('clientId')
  })

  test('gets answers in the order in which they are ready', async () => {
    const later: (() => void)[] = []
    const { listener } = await open({}, {}, (bytes, length, _, reply) => {
      const full = answer(bytes.slice(0, length))
      if (idIn(bytes) === 1) later.push(() => reply(full, full.length))
      else reply(full, full.length)
    })
    const client = await tlsClient(listener.port)
    client.send(query({ id: 1 }), query({ id: 2 }))
    await until(() => client.messages.length === 1)
    later[0]?.()
    await until(() => client.messages.length === 2)
    expect(client.messages.map(idIn)).toEqual([2, 1])
  })

  test.each([
    ['phone.dns.example', 'phone'],
    ['PHONE.dns.example', 'phone'],
    ['tv.clients.example', 'tv'],
    ['clients.example', undefined],
    ['a.b.dns.example', undefined],
    ['other.example', undefined],
    ['x_y.dns.example', undefined],
  ])('that asks for %s is called %s', async (servername, clientId) => {
    const { listener, clients } = await open()
    const client = await tlsClient(listener.port, { servername, checkServerIdentity: () => undefined })
    client.send(query())
    await until(() => client.messages.length === 1)
    expect(clients[0]?.clientId).toBe(clientId)
    expect(clients[0]?.serverName).toBe(servername.toLowerCase())
  })

  test('without SNI gets the certificate, which has the address', async () => {
    const { listener, clients } = await open()
    const client = await tlsClient(listener.port, { servername: '' })
    client.send(query())
    await until(() => client.messages.length === 1)
    expect(client.socket.authorized).toBe(true)
    expect(clients[0]).not.toHaveProperty('serverName')
  })

  test.each<[readonly string[] | undefined, boolean]>([
    [undefined, true],
    [['dot'], true],
    [['h2', 'dot'], true],
    [['h2'], false],
    [['http/1.1', 'doq'], false],
  ])('that offers the protocols %j is let in: %s', async (offered, isIn) => {
    const { listener, table } = await open()
    const client = await tlsClient(listener.port, { ALPNProtocols: offered === undefined ? undefined : [...offered] })
    expect(client.state.secure).toBe(isIn)
    if (isIn) {
      client.send(query())
      await until(() => client.messages.length === 1)
    } else {
      await until(() => table.size === 0)
      expect(client.state.error).toBe('ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL')
    }
  })

  test.each([
    ['TLSv1.1', false],
    ['TLSv1.2', true],
    ['TLSv1.3', true],
  ] as const)('of %s is let in: %s', async (version, isIn) => {
    const { listener } = await open()
    const client = await tlsClient(listener.port, {
      minVersion: version,
      maxVersion: version,
      ciphers: 'DEFAULT@SECLEVEL=0',
    })
    expect(client.state.secure).toBe(isIn)
  })

  test('of TLS 1.2 cannot make it do another handshake', async () => {
    const { listener } = await open()
    const client = await tlsClient(listener.port, { maxVersion: 'TLSv1.2' })
    const refused = new Promise<string>(resolve => {
      client.socket.renegotiate({}, error => resolve(error === null ? 'done' : 'refused'))
      client.socket.on('close', () => resolve('refused'))
      client.socket.on('error', () => resolve('refused'))
    })
    expect(await refused).toBe('refused')
  })

  test('that ends its side gets what it asked for, and then the end', async () => {
    const { listener, table } = await open()
    const client = await tlsClient(listener.port)
    client.send(query({ id: 7 }))
    client.socket.end()
    await until(() => client.state.ended)
    expect(client.messages.map(idIn)).toEqual([7])
    await until(() => table.size === 0)
  })

  test('that resets after the handshake costs its connection and nothing else', async () => {
    const { listener, table } = await open()
    const client = await tlsClient(listener.port)
    await until(() => table.size === 1)
    client.raw.resetAndDestroy()
    await until(() => table.size === 0)
    const next = await tlsClient(listener.port)
    next.send(query())
    await until(() => next.messages.length === 1)
    expect(client.state.closed).toBe(true)
  })

  test('that never reads is not read from any more, and closed', async () => {
    const { listener, table, clock } = await open(
      { tcp: { queuedBytes: 20_000, writeStallMs: 10_000 } },
      {},
      (b, n, _, reply) => {
        const full = answer(b.subarray(0, n), 20_000)
        reply(full, full.length)
      },
    )
    const client = await tlsClient(listener.port, { reads: false })
    client.socket.pause()
    const all = Array.from({ length: 2_000 }, (_, id) => query({ id }))
    client.send(...all)
    await until(() => table.queuedBytes > 20_000)
    await settle()
    expect(table.queuedBytes).toBeLessThan(4 * 1024 * 1024)
    clock.advance(10_000)
    await until(() => table.size === 0)
  })

  test('that is idle is closed after a time', async () => {
    const { listener, table, clock } = await open({ tcp: { idleMs: 5_000 } })
    const client = await tlsClient(listener.port)
    client.send(query())
    await until(() => client.messages.length === 1)
    clock.advance(5_000)
    await until(() => client.state.closed)
    expect(table.size).toBe(0)
  })
})

describe('handshakes', () => {
  test('that never begin, or stop half-way, end after a time', async () => {
    const { listener, table, handshakes, clock } = await open({ tls: { handshakeMs: 10_000 } })
    const silent = await tcpClient(listener.port)
    const half = await tcpClient(listener.port)
    half.socket.write(Buffer.from('160301020001', 'hex'))
    await until(() => handshakes.size === 2)
    expect(table.size).toBe(2)
    clock.advance(9_999)
    await settle()
    expect(handshakes.size).toBe(2)
    clock.advance(1)
    await until(() => silent.state.closed && half.state.closed)
    expect([handshakes.size, table.size]).toEqual([0, 0])
  })

  test('of one client are bounded: the oldest gives', async () => {
    const { listener, handshakes } = await open({ tls: { handshakesPerPrefix: 3 } })
    const first = await tcpClient(listener.port)
    await until(() => handshakes.size === 1)
    for (let i = 0; i < 3; i++) await tcpClient(listener.port)
    await until(() => first.state.closed)
    expect(handshakes.size).toBe(3)
    const good = await tlsClient(listener.port)
    expect(good.state.secure).toBe(true)
  })

  test('without end, of one network, leave room for those of others', async () => {
    const { listener, handshakes } = await open({ tls: { handshakes: 4, handshakesPerPrefix: 4 } })
    for (let i = 0; i < 12; i++) await tcpClient(listener.port, { from: '127.0.0.9' })
    await until(() => handshakes.size === 4)
    const good = await tlsClient(listener.port)
    expect(good.state.secure).toBe(true)
    good.send(query())
    await until(() => good.messages.length === 1)
  })

  test('are not begun for a client that has too many connections in use', async () => {
    const held: (() => void)[] = []
    const { listener, table, handshakes } = await open({ tcp: { connectionsPerPrefix: 1 } }, {}, (b, n, _, reply) => {
      const full = answer(b.slice(0, n))
      held.push(() => reply(full, full.length))
    })
    const busy = await tlsClient(listener.port)
    busy.send(query())
    await until(() => held.length === 1)
    const refused = await tcpClient(listener.port)
    await until(() => refused.state.closed)
    expect([table.size, handshakes.size]).toEqual([1, 0])
    held[0]?.()
    await until(() => busy.messages.length === 1)
  })

  test.each([
    ['HTTP', Buffer.from('GET /dns-query HTTP/1.1\r\n\r\n')],
    ['a DNS message', Buffer.from(query())],
    ['a PROXY header', proxyHeader('192.0.2.1', 1)],
    ['noise', Buffer.alloc(5_000, 0xa5)],
  ])('that begin with %s are closed', async (_, bytes) => {
    const { listener, table, handshakes } = await open()
    const client = await tcpClient(listener.port)
    client.socket.write(bytes)
    await until(() => client.state.closed)
    await until(() => table.size === 0)
    expect(handshakes.size).toBe(0)
  })

  test('in progress end when the listener stops, and connections with queries in work do not', async () => {
    const held: (() => void)[] = []
    const { listener } = await open({}, {}, (b, n, _, reply) => {
      const full = answer(b.slice(0, n))
      held.push(() => reply(full, full.length))
    })
    const busy = await tlsClient(listener.port)
    busy.send(query())
    const half = await tcpClient(listener.port)
    await until(() => held.length === 1)
    listener.stop()
    await until(() => half.state.closed)
    held[0]?.()
    await until(() => busy.messages.length === 1)
    expect(half.messages).toEqual([])
  })
})

describe('sessions', () => {
  test.each(['TLSv1.2', 'TLSv1.3'] as const)('of %s are resumed, also at another listener', async version => {
    const one = await open()
    const two = await open()
    const first = await tlsClient(one.listener.port, { maxVersion: version })
    first.send(query())
    await until(() => first.messages.length === 1 && first.sessions.length > 0)
    const session = first.sessions[0]
    for (const { listener } of [one, two]) {
      const again = await tlsClient(listener.port, { maxVersion: version, session })
      expect(again.socket.isSessionReused()).toBe(true)
    }
  })

  test('outlive a change of the certificate, which new clients see', async () => {
    const changing = identityOf('dns.example')
    const { listener } = await open({}, { identity: changing })
    const first = await tlsClient(listener.port)
    first.send(query({ id: 1 }))
    await until(() => first.messages.length === 1 && first.sessions.length > 0)
    const before = first.socket.getPeerCertificate().fingerprint256
    const { cert, key } = certificateFor('dns.example')
    changing.change({ cert, key })
    first.send(query({ id: 2 }))
    await until(() => first.messages.length === 2)
    const resumed = await tlsClient(listener.port, { session: first.sessions[0] })
    expect(resumed.socket.isSessionReused()).toBe(true)
    const fresh = await tlsClient(listener.port)
    expect(fresh.socket.getPeerCertificate().fingerprint256).not.toBe(before)
  })

  test('end with the key of their tickets', async () => {
    const changing = identityOf('dns.example')
    const { listener } = await open({}, { identity: changing })
    const first = await tlsClient(listener.port)
    first.send(query())
    await until(() => first.sessions.length > 0 && first.messages.length === 1)
    changing.change({ ticketKeys: Buffer.alloc(48, 7) })
    const again = await tlsClient(listener.port, { session: first.sessions[0] })
    expect(again.state.secure).toBe(true)
    expect(again.socket.isSessionReused()).toBe(false)
  })
})

describe('a listener behind a proxy', () => {
  const proxies = [parsePrefix('127.0.0.1') ?? { family: 4, bytes: new Uint8Array(4), length: 32 }] as const

  test('serves the client that the header names', async () => {
    const { listener, clients } = await open({}, { proxies })
    const client = await tlsClient(listener.port, { before: proxyHeader('2001:db8::7', 1234) })
    client.send(query())
    await until(() => client.messages.length === 1)
    expect(clients[0]).toMatchObject({ ip: { text: '2001:db8::7' }, port: 1234, proxy: { text: '127.0.0.1' } })
  })

  test('counts connections and handshakes of the client and not of the proxy', async () => {
    const { listener, handshakes } = await open({ tls: { handshakesPerPrefix: 1 } }, { proxies })
    for (const client of ['192.0.2.1', '192.0.2.2', '192.0.2.3']) {
      const { socket } = await tcpClient(listener.port)
      socket.write(proxyHeader(client, 1))
    }
    await until(() => handshakes.size === 3)
    expect(handshakes.size).toBe(3)
  })

  test('takes a header that comes octet by octet', async () => {
    const { listener, clients } = await open({}, { proxies })
    const socket = connect({ host: '127.0.0.1', port: listener.port, noDelay: true })
    socket.on('error', () => {})
    atEnd(() => socket.destroy())
    for (const octet of proxyHeader('192.0.2.7', 7)) {
      socket.write(Buffer.of(octet))
      await settle(1)
    }
    const { connect: secure } = await import('node:tls')
    const client = secure({ socket, rejectUnauthorized: false, ALPNProtocols: ['dot'] })
    const { frame } = await import('../../../src/dns/framing.ts')
    client.write(frame(query()))
    await until(() => clients.length === 1)
    expect(clients[0]?.ip.text).toBe('192.0.2.7')
  })

  test('serves a proxy that speaks for itself', async () => {
    const { listener, clients } = await open({}, { proxies })
    const client = await tlsClient(listener.port, { before: proxyHeader('192.0.2.7', 7, { command: 0x20 }) })
    client.send(query())
    await until(() => client.messages.length === 1)
    expect(clients[0]).toMatchObject({ ip: { text: '127.0.0.1' } })
    expect(clients[0]).not.toHaveProperty('proxy')
  })

  test.each([
    ['a ClientHello at once', Buffer.from('16030100050100000100', 'hex')],
    ['version 1', Buffer.from('PROXY TCP4 192.0.2.7 192.0.2.1 1 2\r\n')],
    ['a header of 600 octets', proxyHeader('192.0.2.7', 1, { additions: new Uint8Array(572) })],
  ])('closes a connection with %s', async (_, bytes) => {
    const { listener, table } = await open({}, { proxies })
    const client = await tcpClient(listener.port)
    client.socket.write(bytes)
    await until(() => client.state.closed)
    expect(table.size).toBe(0)
  })

  test('closes a connection without a header in time, and one that ends before it', async () => {
    const { listener, clock, table } = await open({}, { proxies })
    const silent = await tcpClient(listener.port)
    const short = await tcpClient(listener.port)
    short.socket.end(proxyHeader('192.0.2.7', 1).subarray(0, 20))
    await until(() => short.state.closed)
    await settle()
    clock.advance(5_000)
    await until(() => silent.state.closed)
    expect(table.size).toBe(0)
  })

  test('closes connections of others than listed proxies', async () => {
    const { listener, table } = await open({}, { proxies })
    const client = await tcpClient(listener.port, { from: '127.0.0.2' })
    client.socket.write(proxyHeader('127.0.0.1', 1))
    await until(() => client.state.closed)
    expect(table.size).toBe(0)
  })

  test('reports connections of others with their number, once a minute', async () => {
    const { listener, clock, events } = await open({}, { proxies })
    const come = async (): Promise<void> => {
      const client = await tcpClient(listener.port, { from: '127.0.0.2' })
      await until(() => client.state.closed)
    }
    for (let i = 0; i < 3; i++) await come()
    clock.advance(60_000)
    await come()
    const reports = events.flatMap(event =>
      event.kind === 'unlisted-proxy' ? [`${event.from} to ${event.address}: ${event.times}`] : [],
    )
    expect(reports).toEqual(['127.0.0.2 to 127.0.0.1: 1', '127.0.0.2 to 127.0.0.1: 3'])
  })

  test('stops while it waits for headers', async () => {
    const { listener } = await open({}, { proxies })
    const client = await tcpClient(listener.port)
    await settle()
    listener.stop()
    await until(() => client.state.closed)
    expect(client.messages).toEqual([])
  })
})
