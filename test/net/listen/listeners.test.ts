import { afterEach, describe, expect, it } from 'vitest'
import type { Event } from '../../../src/events.ts'
import { type LimitChanges, limitsWith } from '../../../src/limits.ts'
import { type Listeners, openListeners } from '../../../src/net/listen/listeners.ts'
import { localAddresses, wildcardFamily } from '../../../src/net/local-addresses.ts'
import type { Binding, Serve } from '../../../src/ports.ts'
import { SimClock } from '../../../src/simulation/clock.ts'
import {
  answer,
  atEnd,
  cleanUp,
  eventsInto,
  idIn,
  manyLoopbacks,
  query,
  settle,
  tcpClient,
  udpClient,
  until,
} from '../support.ts'

afterEach(cleanUp)

interface Opened {
  readonly listeners: Listeners
  readonly clock: SimClock
  readonly events: Event[]
}

const respond: Serve = (bytes, length, _client, reply) => {
  const message = answer(bytes.subarray(0, length))
  reply(message, message.length)
}

async function open(
  bindings: readonly Binding[],
  addresses?: () => readonly string[],
  changes: LimitChanges = {},
): Promise<Opened> {
  const clock = new SimClock()
  const events: Event[] = []
  const common = { bindings, onMessage: respond, clock, limits: limitsWith(changes), events: eventsInto(events) }
  const listeners = await openListeners(addresses === undefined ? common : { ...common, addresses })
  atEnd(() => listeners.close())
  return { listeners, clock, events }
}

/** Asks `address` over both transports from sockets that hear nobody else. */
async function answersFrom(address: string, port: number): Promise<boolean> {
  const udp = await udpClient(port, address)
  udp.socket.send(query({ id: 1 }))
  const tcp = await tcpClient(port, { to: address })
  if (tcp.state.closed) return false
  tcp.send(query({ id: 2 }))
  await until(() => udp.messages.length === 1 && tcp.messages.length === 1, `an answer from ${address}`)
  return idIn(udp.messages[0] ?? new Uint8Array(2)) === 1 && idIn(tcp.messages[0] ?? new Uint8Array(2)) === 2
}

describe('openListeners', () => {
  it('opens both transports of an address, on one port when the kernel chooses it', async () => {
    const { listeners, events } = await open([{ address: '127.0.0.1', port: 0 }])
    expect(
      listeners
        .open()
        .map(l => l.transport)
        .sort(),
    ).toEqual(['tcp', 'udp'])
    const [port, ...others] = new Set(listeners.open().map(l => l.port))
    expect([others, listeners.failures]).toEqual([[], []])
    expect(await answersFrom('127.0.0.1', port ?? 0)).toBe(true)
    expect(events.filter(e => e.kind === 'listening').length).toBe(2)
  })

  it('reports an address that is taken, keeps neither half of it, and opens the rest', async () => {
    const first = await open([{ address: '127.0.0.1', port: 0 }])
    const port = first.listeners.open()[0]?.port ?? 0
    const { listeners } = await open([
      { address: '127.0.0.1', port },
      { address: '203.0.113.7', port: 0 },
      { address: '127.0.0.1', port: 0 },
    ])
    expect(listeners.failures).toMatchObject([
      { code: 'EADDRINUSE', port },
      { code: 'EADDRNOTAVAIL', address: '203.0.113.7' },
    ])
    expect(listeners.open().length).toBe(2)
  })

  it('closes: nothing is open, nothing is scheduled', async () => {
    const { listeners, clock } = await open([{ address: '0.0.0.0', port: 0 }], () => ['127.0.0.1'])
    const port = listeners.open()[0]?.port ?? 0
    await listeners.close()
    await listeners.rescan()
    expect(clock.pending).toBe(0)
    const again = await open([{ address: '127.0.0.1', port }])
    expect(again.listeners.failures).toEqual([])
  })
})

describe.skipIf(!manyLoopbacks)('a wildcard', () => {
  const hosts = ['127.0.0.2', '127.0.0.3', '::1']

  it('is one socket for each local address of its family, and replies leave from the address asked', async () => {
    const { listeners } = await open([{ address: '0.0.0.0', port: 0 }], () => hosts)
    expect([...new Set(listeners.open().map(l => l.address))]).toEqual(['127.0.0.2', '127.0.0.3'])
    const ports = new Set(listeners.open().map(l => l.port))
    expect(ports.size).toBe(1)
    for (const address of ['127.0.0.2', '127.0.0.3'])
      expect(await answersFrom(address, listeners.open()[0]?.port ?? 0)).toBe(true)
  })

  it.skipIf(!localAddresses().includes('::1'))('of IPv6 shares its port with IPv4', async () => {
    const first = await open([{ address: '0.0.0.0', port: 0 }], () => hosts)
    const port = first.listeners.open()[0]?.port ?? 0
    const { listeners } = await open([{ address: '::', port }], () => hosts)
    expect(listeners.failures).toEqual([])
    expect(listeners.open().map(l => l.address)).toEqual(['::1', '::1'])
    expect(await answersFrom('::1', port)).toBe(true)
    expect(await answersFrom('127.0.0.2', port)).toBe(true)
  })

  it('follows addresses that come and go', async () => {
    let present = ['127.0.0.2', '127.0.0.3']
    const { listeners, clock, events } = await open([{ address: '0.0.0.0', port: 0 }], () => present, {
      server: { interfaceScanMs: 60_000 },
    })
    const port = listeners.open()[0]?.port ?? 0
    const bound = (): string[] => [...new Set(listeners.open().map(l => l.address))].sort()
    present = ['127.0.0.3', '127.0.0.4']
    clock.advance(59_999)
    await settle()
    expect(bound()).toEqual(['127.0.0.2', '127.0.0.3'])
    clock.advance(1)
    await until(() => bound().includes('127.0.0.4'))
    expect(bound()).toEqual(['127.0.0.3', '127.0.0.4'])
    expect(await answersFrom('127.0.0.4', port)).toBe(true)
    expect(events.filter(e => e.kind === 'listening').map(e => e.address)).toContain('127.0.0.4')
    present = ['127.0.0.3']
    await listeners.rescan()
    expect(bound()).toEqual(['127.0.0.3'])
  })

  it('serves the other addresses when one is taken, tells it once, and tries again', async () => {
    const taken = await open([{ address: '127.0.0.3', port: 0 }])
    const port = taken.listeners.open()[0]?.port ?? 0
    const { listeners, events } = await open([{ address: '0.0.0.0', port }], () => ['127.0.0.2', '127.0.0.3'])
    expect(listeners.failures).toEqual([])
    expect([...new Set(listeners.open().map(l => l.address))]).toEqual(['127.0.0.2'])
    await listeners.rescan()
    expect(events.filter(e => e.kind === 'listener-failed')).toMatchObject([
      { address: '127.0.0.3', port, code: 'EADDRINUSE' },
    ])
    await taken.listeners.close()
    await listeners.rescan()
    expect(listeners.open().length).toBe(4)
  })

  it('fails when no address of it can be had', async () => {
    const taken = await open([{ address: '127.0.0.3', port: 0 }])
    const port = taken.listeners.open()[0]?.port ?? 0
    const { listeners } = await open(
      [
        { address: '0.0.0.0', port },
        { address: '::', port },
      ],
      () => ['127.0.0.3'],
    )
    expect(listeners.failures).toMatchObject([
      { code: 'EADDRINUSE', address: '127.0.0.3' },
      { code: 'EADDRNOTAVAIL', address: '::' },
    ])
  })

  it('tells about small receive buffers once, not for each socket', async () => {
    const { events } = await open([{ address: '0.0.0.0', port: 0 }], () => hosts, {
      server: { udpReceiveBufferBytes: 2 ** 30 },
    })
    expect(events.filter(e => e.kind === 'receive-buffer-small').length).toBe(1)
  })

  it('shares the bounds on TCP clients between its sockets', async () => {
    const { listeners } = await open([{ address: '0.0.0.0', port: 0 }], () => hosts, {
      tcp: { connectionsPerPrefix: 3 },
    })
    const port = listeners.open()[0]?.port ?? 0
    for (const to of ['127.0.0.2', '127.0.0.3', '127.0.0.2', '127.0.0.3', '127.0.0.2']) await tcpClient(port, { to })
    await until(() => listeners.connections.size === 3)
    await settle()
    expect(listeners.connections.size).toBe(3)
  })
})

describe('local addresses', () => {
  it('are those of this host, the loopback among them, each bindable as text', () => {
    const found = localAddresses()
    expect(found).toContain('127.0.0.1')
    expect(new Set(found).size).toBe(found.length)
    for (const address of found) if (address.toLowerCase().startsWith('fe80:')) expect(address).toMatch(/%./)
  })

  it.each([
    ['0.0.0.0', 4],
    ['::', 6],
    ['0:0:0:0:0:0:0:0', 6],
    ['127.0.0.1', null],
    ['::1', null],
    ['', null],
  ])('wildcardFamily(%j) = %j', (text, family) => {
    expect(wildcardFamily(text)).toBe(family)
  })
})
