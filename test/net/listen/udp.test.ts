import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'
import type { Event } from '../../../src/events.ts'
import { limitsWith } from '../../../src/limits.ts'
import type { ListenFailure, Listener } from '../../../src/net/listener.ts'
import { ClientAddresses } from '../../../src/net/listen/client-addresses.ts'
import { openUdpListener, type UdpListenOptions } from '../../../src/net/listen/udp.ts'
import type { Client, Reply, Serve } from '../../../src/ports.ts'
import { needs } from '../../tools.ts'
import { hasBatch, openBatch } from '../batch/support.ts'
import { answer, atEnd, cleanUp, eventsInto, idIn, query, settle, udpClient, until } from '../support.ts'
import { mayBeQuery } from '../../../src/net/datagram.ts'

afterEach(cleanUp)

interface Opened {
  readonly listener: Listener
  readonly events: Event[]
}

type OpenUdp = (
  options: Omit<UdpListenOptions, 'events'> & { readonly events: Event[] },
) => Promise<Listener | ListenFailure>

const plainly: OpenUdp = options => openUdpListener({ ...options, events: eventsInto(options.events) })

const inBatches: OpenUdp = async ({ address, port, onMessage, limits, events }) => {
  const { batch } = await openBatch({ onMessage, limits: limitsWith(limits), events })
  const opened = batch.open(address, port)
  batch.start(false)
  return opened
}

/** Both ways of moving datagrams are the same listener to the rest of the program. */
const ways: readonly (readonly [string, OpenUdp])[] = [
  ['node:dgram', plainly],
  ...(hasBatch ? [['batches', inBatches] as const] : []),
]

describe.each(ways)('over %s', (_way, openUdp) => {
  async function open(
    onMessage: Serve,
    { address = '127.0.0.1', port = 0, limits = limitsWith({}) } = {},
  ): Promise<Opened> {
    const events: Event[] = []
    const listener = await openUdp({ address, port, onMessage, limits, events })
    if (listener.kind !== 'listener') throw new Error(listener.message)
    atEnd(() => listener.close())
    return { listener, events }
  }

  const respond: Serve = (bytes, length, _client, reply) => {
    const message = answer(bytes.subarray(0, length))
    reply(message, message.length)
  }

  needs('dig')('with dig', () => {
    it('the listener answers dig', async () => {
      const clients: Client[] = []
      const { listener, events } = await open((bytes, length, client, reply) => {
        clients.push(client)
        respond(bytes, length, client, reply)
      })
      expect(events).toContainEqual({ kind: 'listening', transport: 'udp', address: '127.0.0.1', port: listener.port })
      const { stdout } = await promisify(execFile)('dig', [
        '@127.0.0.1',
        '-p',
        String(listener.port),
        '+noedns',
        '+short',
        'www.example.com',
      ])
      expect(stdout).toBe('192.0.2.1\n')
      expect(clients).toMatchObject([{ transport: 'udp', ip: { text: '127.0.0.1', family: 4 } }])
    })
  })

  describe('a listener', () => {
    it('says why an address cannot be had, as a value', async () => {
      const { listener } = await open(respond)
      const events: Event[] = []
      const attempt = (address: string, port: number): ReturnType<OpenUdp> =>
        openUdp({ address, port, onMessage: respond, limits: limitsWith({}), events })
      expect(await attempt('127.0.0.1', listener.port)).toMatchObject({
        kind: 'listen-failed',
        transport: 'udp',
        code: 'EADDRINUSE',
        port: listener.port,
      })
      expect(await attempt('203.0.113.9', 0)).toMatchObject({
        kind: 'listen-failed',
        code: 'EADDRNOTAVAIL',
        address: '203.0.113.9',
      })
      expect(events).toEqual([])
    })

    it('copies a reply before the call returns: three from one buffer arrive as three', async () => {
      const shared = new Uint8Array(512)
      const replies: Reply[] = []
      const asked: Uint8Array[] = []
      const { listener } = await open((bytes, length, _client, reply) => {
        asked.push(Uint8Array.from(bytes.subarray(0, length)))
        replies.push(reply)
      })
      const client = await udpClient(listener.port)
      for (const id of [1, 2, 3]) client.socket.send(query({ id }))
      await until(() => replies.length === 3)
      replies.forEach((reply, i) => {
        const message = answer(asked[i] ?? new Uint8Array(0))
        shared.set(message)
        reply(shared, message.length)
      })
      shared.fill(0xff)
      await until(() => client.messages.length === 3)
      expect(client.messages.map(m => Buffer.from(m))).toEqual([1, 2, 3].map(id => Buffer.from(answer(query({ id })))))
    })

    it('keeps a flood of replies apart when they are sent faster than anyone reads', async () => {
      const shared = new Uint8Array(512)
      const late: (() => void)[] = []
      const { listener } = await open((bytes, length, _client, reply) => {
        const id = idIn(bytes)
        const message = answer(bytes.subarray(0, length))
        late.push(() => {
          shared.set(message)
          for (let i = 0; i < 20; i++) reply(shared, message.length)
          shared.fill(id)
        })
      })
      const client = await udpClient(listener.port)
      for (let id = 0; id < 50; id++) client.socket.send(query({ id }))
      await until(() => late.length === 50)
      for (const send of late) send()
      await until(() => client.messages.length >= 200)
      for (const message of client.messages)
        expect(Buffer.from(message)).toEqual(Buffer.from(answer(query({ id: idIn(message) }))))
    })

    it('passes on the address and port of the client and sends to that, however late', async () => {
      const kept: { client: Client; reply: Reply }[] = []
      const { listener } = await open((_bytes, _length, client, reply) => kept.push({ client, reply }))
      const [a, b] = [await udpClient(listener.port), await udpClient(listener.port)]
      a.socket.send(query({ id: 1 }))
      await until(() => kept.length === 1)
      b.socket.send(query({ id: 2 }))
      await until(() => kept.length === 2)
      expect(kept.map(k => k.client.port)).toEqual([a.socket.address().port, b.socket.address().port])
      for (const [i, k] of kept.entries()) k.reply(answer(query({ id: i + 1 })), answer(query()).length)
      await until(() => a.messages.length === 1 && b.messages.length === 1)
      expect([a, b].map(c => idIn(c.messages[0] ?? new Uint8Array(2)))).toEqual([1, 2])
    })

    it('drops responses, sends nothing for length 0, and lives through a handler that throws', async () => {
      const seen: number[] = []
      const { listener, events } = await open((bytes, length, client, reply) => {
        seen.push(idIn(bytes))
        if (idIn(bytes) === 2) throw new Error('broken')
        if (idIn(bytes) === 3) reply(bytes, 0)
        else respond(bytes, length, client, reply)
      })
      const client = await udpClient(listener.port)
      client.socket.send(answer(query({ id: 1 })))
      client.socket.send(query({ id: 2 }))
      client.socket.send(query({ id: 3 }))
      client.socket.send(new Uint8Array(0))
      client.socket.send(query({ id: 4 }))
      await until(() => client.messages.length > 0)
      await settle()
      expect(client.messages.map(idIn).filter(id => id !== 0)).toEqual([4])
      expect(seen.filter(id => id !== 0)).toEqual([2, 3, 4])
      expect(events.filter(e => e.kind === 'bug')).toMatchObject([{ where: 'udp-listener' }])
    })

    it('refuses to send more than the limit, which would be a bug', async () => {
      const { listener, events } = await open((_bytes, _length, _client, reply) => reply(new Uint8Array(2_000), 2_000))
      const client = await udpClient(listener.port)
      client.socket.send(query())
      await until(() => events.some(e => e.kind === 'bug'))
      await settle()
      expect(client.messages).toEqual([])
      expect(events.filter(e => e.kind === 'bug')).toHaveLength(1)
    })

    it('takes nothing once stopped, and still sends what it owes; after close nothing', async () => {
      const replies: Reply[] = []
      const { listener } = await open((_bytes, _length, _client, reply) => replies.push(reply))
      const client = await udpClient(listener.port)
      client.socket.send(query({ id: 1 }))
      client.socket.send(query({ id: 2 }))
      await until(() => replies.length === 2)
      listener.stop()
      client.socket.send(query({ id: 3 }))
      await settle()
      replies[0]?.(answer(query({ id: 1 })), answer(query()).length)
      await until(() => client.messages.length === 1)
      expect(replies.length).toBe(2)
      await listener.close()
      await listener.close()
      expect(() => replies[1]?.(answer(query({ id: 2 })), answer(query()).length)).not.toThrow()
      await settle()
      expect(client.messages.length).toBe(1)
    })

    it('tells when the kernel grants a receive buffer of a smaller receive buffer than asked for', async () => {
      const wantedBytes = 2 ** 30
      const { events } = await open(respond, { limits: limitsWith({ server: { udpReceiveBufferBytes: wantedBytes } }) })
      const small = events.find(e => e.kind === 'receive-buffer-small')
      expect(small).toMatchObject({ wantedBytes })
      expect(small?.kind === 'receive-buffer-small' && small.gotBytes).toBeLessThan(wantedBytes)
      const { events: quiet } = await open(respond, {
        limits: limitsWith({ server: { udpReceiveBufferBytes: 65_536 } }),
      })
      expect(quiet.map(e => e.kind)).toEqual(['listening'])
    })
  })
})

describe('mayBeQuery', () => {
  it.each([
    ['a query', query(), 5_353, true],
    ['a query from port 0', query(), 0, false],
    ['a response', answer(query()), 53, false],
    ['a runt, which the server counts', new Uint8Array(3).fill(0xff), 53, true],
  ])('%s', (_what, bytes, port, expected) => {
    expect(mayBeQuery(bytes, bytes.length, port)).toBe(expected)
  })
})

describe('ClientAddresses', () => {
  it('parses each text once and forgets when full', () => {
    const addresses = new ClientAddresses(3)
    const first = addresses.ipOf('192.0.2.1')
    expect(addresses.ipOf('192.0.2.1')).toBe(first)
    expect(addresses.ipOf('fe80::1%eth0')?.text).toBe('fe80::1')
    expect(addresses.ipOf('::ffff:192.0.2.9')?.text).toBe('192.0.2.9')
    expect(addresses.ipOf('192.0.2.1')).toBe(first)
    expect(addresses.size).toBe(3)
    addresses.ipOf('2001:db8::1')
    expect(addresses.size).toBe(1)
    expect(addresses.ipOf('192.0.2.1')).toEqual(first)
    expect(addresses.ipOf('nonsense')).toBe(null)
  })
})
