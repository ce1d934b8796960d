import { execFile } from 'node:child_process'
import { randomFillSync } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, expect, it } from 'vitest'
import { questionKey } from '../../../src/dns/message.ts'
import { foldName, type Name } from '../../../src/dns/name.ts'
import { parseName } from '../../../src/presentation/text.ts'
import { limitsWith } from '../../../src/limits.ts'
import { loadLibc } from '../../../src/net/linux/libc.ts'
import { openListeners } from '../../../src/net/listen/listeners.ts'
import { localAddresses } from '../../../src/net/local-addresses.ts'
import type { Client, Reply, Serve } from '../../../src/ports.ts'
import { HIT_REPORT } from '../../../src/server/hit-reports.ts'
import { SimClock } from '../../../src/simulation/clock.ts'
import { bundled, needsBatch, openBatch, type OpenedBatch, settingsFor, threadEntry } from './support.ts'
import { answer, atEnd, cleanUp, idIn, query, settle, udpClient, until } from '../support.ts'
import { PATIENT, PROGRAM_MS } from '../../patience.mjs'

afterEach(cleanUp)

const respond: Serve = (bytes, length, _client, reply) => {
  const message = answer(bytes.subarray(0, length))
  reply(message, message.length)
}

const nameOf = (text: string): Name => {
  const parsed = parseName(text, null)
  if (typeof parsed !== 'string') throw new Error(text)
  return foldName(parsed)
}

/** Puts the answer to a query for A of `name` into the cache that the threads read. */
function keep({ answers, clock }: OpenedBatch, name: string, ttl = 60): void {
  const wire = answer(query({ name }))
  expect(
    answers.put(
      {
        key: questionKey({ name: nameOf(name), type: 1, class: 1 }),
        dnssecOk: false,
        checkingDisabled: false,
        wire,
        ttlOffsets: Uint16Array.of(wire.length - 10),
        ttlSeconds: ttl,
      },
      clock.now(),
    ),
  ).toBe(true)
}

const held = (): {
  readonly serve: Serve
  readonly kept: { readonly id: number; readonly client: Client; readonly reply: Reply }[]
} => {
  const kept: { id: number; client: Client; reply: Reply }[] = []
  return { kept, serve: (bytes, _length, client, reply) => void kept.push({ id: idIn(bytes), client, reply }) }
}

/** RFC 1035 section 4.1.3: TTL, length and address of an A record at the end of a message. */
const TTL_FROM_END = 10

/** The TTL is that of the moment: that of the record less the seconds that a busy machine took. */
function expectCached(message: Uint8Array | undefined, kept: Uint8Array): void {
  const got = Buffer.from(message ?? [])
  const expected = Buffer.from(kept)
  const ttlAt = expected.length - TTL_FROM_END
  expect(got).toHaveLength(expected.length)
  expect(got.readUInt32BE(ttlAt)).toBeLessThanOrEqual(expected.readUInt32BE(ttlAt))
  got.copy(expected, ttlAt, ttlAt, ttlAt + 4)
  expect(got).toEqual(expected)
}

needsBatch('the byte path in a thread', () => {
  it('answers what is cached without the main thread, letters and ID those of the asker, and counts it', async () => {
    const { serve, kept } = held()
    const opened = await openBatch({ onMessage: serve })
    const { port } = opened.open('127.0.0.1')
    keep(opened, 'www.example.com')
    await opened.begin()
    const client = await udpClient(port)
    const asked = query({ id: 0xbeef, name: 'wWw.eXample.COM' })
    client.socket.send(asked)
    client.socket.send(query({ id: 2, name: 'other.example.com' }))
    await until(() => client.messages.length === 1 && kept.length === 1)
    // RD is the asker's; QR, AA and the rest are the answer's.
    expectCached(client.messages[0], answer(asked))
    expect(kept.map(({ id }) => id)).toEqual([2])
    // A thread counts when it has sent.
    await expect
      .poll(() => [opened.counters.get('udpQueries'), opened.counters.get('answeredFromCache')], PATIENT)
      .toEqual([1, 1])
  })

  it('sees at once what is put in, taken out and thrown away', async () => {
    const { serve, kept } = held()
    const opened = await openBatch({ onMessage: serve })
    const { port } = opened.open('127.0.0.1')
    await opened.begin()
    const client = await udpClient(port)
    const ask = async (id: number): Promise<'hit' | 'miss'> => {
      client.socket.send(query({ id, name: 'www.example.com' }))
      await until(() => client.messages.some(m => idIn(m) === id) || kept.some(k => k.id === id))
      return kept.some(k => k.id === id) ? 'miss' : 'hit'
    }
    expect(await ask(1)).toBe('miss')
    keep(opened, 'www.example.com')
    expect(await ask(2)).toBe('hit')
    opened.answers.remove(questionKey({ name: nameOf('www.example.com'), type: 1, class: 1 }))
    expect(await ask(3)).toBe('miss')
    keep(opened, 'www.example.com')
    expect(await ask(4)).toBe('hit')
    opened.answers.clear()
    expect(await ask(5)).toBe('miss')
  })

  it('hands over whom the access list does not name, from the moment it is changed', async () => {
    const { serve, kept } = held()
    const opened = await openBatch({ onMessage: serve })
    const { port } = opened.open('127.0.0.1')
    keep(opened, 'www.example.com')
    await opened.begin()
    const client = await udpClient(port)
    client.socket.send(query({ id: 1 }))
    await until(() => client.messages.length === 1)
    opened.batch.updateSettings(settingsFor(['192.0.2.0/24']))
    client.socket.send(query({ id: 2 }))
    await until(() => kept.length === 1)
    expect(kept[0]?.id).toBe(2)
    opened.batch.updateSettings(settingsFor(['192.0.2.0/24', '127.0.0.1/32']))
    client.socket.send(query({ id: 3 }))
    await until(() => client.messages.length === 2)
    expect(client.messages.map(idIn)).toEqual([1, 3])
  })

  it('tells of hits when they are logged', async () => {
    const notes: { kind: number; value: number; text: string; id: number }[] = []
    const opened = await openBatch({
      onMessage: () => {},
      settings: settingsFor(['127.0.0.0/8'], { reportsHits: true }),
      onHitReport: (kind, value, bytes, client) => notes.push({ kind, value, text: client.ip.text, id: idIn(bytes) }),
    })
    const { port } = opened.open('127.0.0.1')
    keep(opened, 'www.example.com')
    await opened.begin()
    const client = await udpClient(port)
    client.socket.send(query({ id: 9 }))
    await until(() => notes.length === 1)
    expect(notes).toEqual([{ kind: HIT_REPORT, value: answer(query()).length, text: '127.0.0.1', id: 9 }])
  })
})

needsBatch('addresses', () => {
  it('a wildcard is one socket whose replies leave from the address asked, cached or not', async () => {
    const opened = await openBatch({ onMessage: respond })
    const { port } = opened.open('0.0.0.0')
    keep(opened, 'cached.example.com')
    await opened.begin()
    for (const to of ['127.0.0.2', '127.1.2.3', '127.0.0.1']) {
      // Connected: it hears nobody else.
      const client = await udpClient(port, to)
      client.socket.send(query({ id: 1, name: 'cached.example.com' }))
      client.socket.send(query({ id: 2, name: 'new.example.com' }))
      await until(() => client.messages.length === 2, `two answers from ${to}`)
    }
    await expect.poll(() => opened.counters.get('answeredFromCache'), PATIENT).toBe(3)
  })

  it.skipIf(!localAddresses().includes('::1'))(
    'IPv6, bound to one address and to all, beside IPv4 on the same port',
    async () => {
      const clients: Client[] = []
      const opened = await openBatch({
        onMessage: (bytes, length, client, reply) => {
          clients.push(client)
          respond(bytes, length, client, reply)
        },
      })
      const one = opened.open('::1')
      const all4 = opened.open('0.0.0.0')
      const all6 = opened.open('::', all4.port)
      keep(opened, 'cached.example.com')
      await opened.begin()
      for (const [port, to] of [
        [one.port, '::1'],
        [all6.port, '::1'],
        [all4.port, '127.0.0.1'],
      ] as const) {
        const client = await udpClient(port, to)
        client.socket.send(query({ id: 1, name: 'cached.example.com' }))
        client.socket.send(query({ id: 2, name: 'new.example.com' }))
        await until(() => client.messages.length === 2, `two answers from ${to}`)
      }
      expect(clients.map(({ ip }) => ip.text)).toEqual(['::1', '::1', '127.0.0.1'])
      await expect.poll(() => opened.counters.get('answeredFromCache'), PATIENT).toBe(3)
    },
  )

  it('a wildcard whose address another server has is served address by address, and follows them', async () => {
    if (found.kind !== 'libc') return
    const batch = { libc: found.libc, entry: await threadEntry(), threads: 1, onHitReport: () => {}, onLost: () => {} }
    const taken = await openListeners({
      bindings: [{ address: '127.0.0.3', port: 0 }],
      onMessage: respond,
      clock: new SimClock(),
      limits: limitsWith({}),
      events: () => {},
    })
    atEnd(() => taken.close())
    const port = taken.open()[0]?.port ?? 0
    const opened = await openBatch({ onMessage: respond })
    let present = ['127.0.0.2', '127.0.0.3']
    const listeners = await openListeners({
      bindings: [{ address: '0.0.0.0', port }],
      onMessage: respond,
      clock: new SimClock(),
      limits: limitsWith({}),
      events: () => {},
      addresses: () => present,
      batch: {
        ...batch,
        program: () => ({
          answers: opened.answers.handle,
          counters: new SharedArrayBuffer(1_024),
          settings: settingsFor(['127.0.0.0/8']),
        }),
      },
    })
    atEnd(() => listeners.close())
    const answersAt = async (to: string): Promise<void> => {
      const client = await udpClient(port, to)
      client.socket.send(query({ id: 5 }))
      await until(() => client.messages.length === 1, `an answer from ${to}`)
    }
    expect([...new Set(listeners.open().map(l => l.address))]).toEqual(['127.0.0.2'])
    await answersAt('127.0.0.2')
    present = ['127.0.0.4', '127.0.0.5']
    await listeners.rescan()
    expect([...new Set(listeners.open().map(l => l.address))]).toEqual(['127.0.0.4', '127.0.0.5'])
    await answersAt('127.0.0.4')
    await answersAt('127.0.0.5')
  })

  it('opens both transports of a wildcard on one port, and says what is taken', async () => {
    if (found.kind !== 'libc') return
    const batch = {
      libc: found.libc,
      entry: await threadEntry(),
      threads: 2,
      onHitReport: () => {},
      onLost: () => {},
      program: () => null,
    }
    const open = (address: string, port: number): ReturnType<typeof openListeners> =>
      openListeners({
        bindings: [{ address, port }],
        onMessage: respond,
        clock: new SimClock(),
        limits: limitsWith({}),
        events: () => {},
        batch,
      })
    const first = await open('0.0.0.0', 0)
    atEnd(() => first.close())
    expect(first.open().map(({ address, transport }) => [address, transport])).toEqual([
      ['0.0.0.0', 'udp'],
      ['0.0.0.0', 'tcp'],
    ])
    const port = first.open()[0]?.port ?? 0
    // Sharing among our threads does not let others in, who would take away half of the clients.
    const second = await open('127.0.0.1', port)
    atEnd(() => second.close())
    expect(second.failures).toMatchObject([{ transport: 'udp', code: 'EADDRINUSE', port }])
  })
})

const found = loadLibc()

needsBatch('threads', () => {
  it('several share an address, and all clients are answered', async () => {
    const opened = await openBatch({ onMessage: respond, threads: 3 })
    const { port } = opened.open('127.0.0.1')
    keep(opened, 'cached.example.com')
    await opened.begin()
    const clients = await Promise.all(Array.from({ length: 24 }, () => udpClient(port)))
    for (const { socket } of clients) {
      socket.send(query({ id: 1, name: 'cached.example.com' }))
      socket.send(query({ id: 2, name: 'new.example.com' }))
    }
    await until(() => clients.every(({ messages }) => messages.length === 2), 'an answer for everybody')
    await expect.poll(() => opened.counters.get('answeredFromCache'), PATIENT).toBe(24)
  })

  it('one that dies is told of and started again: the port is not dead', async () => {
    const opened = await openBatch({
      onMessage: () => {},
      entry: await bundled('test/net/batch/threads/dying.ts'),
      limits: limitsWith({ server: { threadRestartMs: 1 } }),
    })
    const { port } = opened.open('127.0.0.1')
    await opened.begin()
    const client = await udpClient(port)
    client.socket.send(query({ id: 1 }))
    await until(() => client.messages.length === 1)
    for (let deaths = 1; deaths <= 2; deaths++) {
      client.socket.send(Uint8Array.from([0xdd, ...query().subarray(1)]))
      await until(() => opened.events.filter(e => e.kind === 'bug').length === deaths)
      await until(() => opened.batch.isServed)
      client.socket.send(query({ id: 2 }))
      await until(() => client.messages.length === 1 + deaths)
    }
    expect(opened.events.filter(e => e.kind === 'bug')).toMatchObject([
      { where: 'udp-thread' },
      { where: 'udp-thread' },
    ])
  })

  it('an exception costs the datagram, and is told', async () => {
    const opened = await openBatch({ onMessage: () => {}, entry: await bundled('test/net/batch/threads/dying.ts') })
    const { port } = opened.open('127.0.0.1')
    await opened.begin()
    const client = await udpClient(port)
    client.socket.send(Uint8Array.from([0xee, ...query().subarray(1)]))
    client.socket.send(query({ id: 7 }))
    await until(() => client.messages.length === 1 && opened.events.some(e => e.kind === 'bug'))
    expect(client.messages.map(idIn)).toEqual([7])
    expect(
      opened.events
        .filter(e => e.kind === 'bug')
        .map(e => e.error instanceof Error && e.error.message.includes('a bug of the handler')),
    ).toEqual([true])
  })

  it('end while datagrams rain on them', async () => {
    for (let round = 0; round < 5; round++) {
      const opened = await openBatch({ onMessage: respond, threads: 2 })
      const [a, b] = [opened.open('127.0.0.1'), opened.open('127.0.0.1')]
      keep(opened, 'www.example.com')
      await opened.begin()
      const client = await udpClient(a.port)
      const rain = (): void => {
        for (let i = 0; i < 50; i++)
          client.socket.send(query({ name: i % 2 === 0 ? 'www.example.com' : 'new.example.com' }))
      }
      rain()
      await until(() => client.messages.length > 0)
      rain()
      const closing = a.close()
      rain()
      await closing
      const other = await udpClient(b.port)
      other.socket.send(query({ id: 3 }))
      await until(() => other.messages.length === 1, 'an answer of the listener that stays')
      rain()
      await opened.batch.close()
      expect(opened.events.filter(e => e.kind === 'bug')).toEqual([])
    }
  })

  it.each([
    ['exit', 0],
    ['throw', 1],
    ['close', 0],
  ])('do not hold up the end of the process: %s', async (way, code) => {
    const [program, entry] = [
      await bundled('test/net/batch/threads/exits.ts'),
      await bundled('test/net/batch/threads/dying.ts'),
    ]
    const ended = await promisify(execFile)(process.execPath, [fileURLToPath(program), way, entry.href], {
      timeout: PROGRAM_MS,
    }).then(
      ({ stdout }) => ({ code: 0, signal: null, stdout }),
      (error: { code: number; signal: string | null; stdout: string }) => error,
    )
    expect([ended.code, ended.signal ?? null, ended.stdout]).toEqual([code, null, 'listening\n'])
  })
})

needsBatch('while no thread is there', () => {
  it('everything is answered, and once: what came before the start, during it, and when the thread takes over', async () => {
    const opened = await openBatch({ onMessage: respond, threads: 2 })
    const { port } = opened.open('127.0.0.1')
    keep(opened, 'www.example.com')
    const clients = await Promise.all(Array.from({ length: 8 }, () => udpClient(port)))
    let sent = 0
    const burst = async (): Promise<void> => {
      for (let i = 0; i < 40; i++)
        clients[sent % clients.length]?.socket.send(
          query({ id: sent++, name: i % 2 === 0 ? 'www.example.com' : 'new.example.com' }),
        )
      await settle(1)
    }
    await burst()
    opened.batch.start(false)
    const heard = (): number => clients.reduce((sum, { messages }) => sum + messages.length, 0)
    let afterwards = 0
    while (afterwards < 5 && sent < 60_000) {
      await burst()
      await until(() => heard() >= sent - 80, 'the answers of the last burst but one')
      if (opened.batch.isServed) afterwards++
    }
    await until(() => heard() === sent)
    await settle()
    expect(opened.batch.isServed).toBe(true)
    const ids = clients.flatMap(({ messages }) => messages.map(idIn)).sort((a, b) => a - b)
    expect(ids).toEqual(Array.from({ length: sent }, (_, id) => id))
    expect(opened.counters.get('answeredFromCache')).toBeGreaterThan(0)
  })

  it('the first answer does not wait for one, and replies of a wildcard leave from the address asked', async () => {
    const opened = await openBatch({ onMessage: respond })
    const { port } = opened.open('0.0.0.0')
    const client = await udpClient(port, '127.1.2.3')
    client.socket.send(query({ id: 4 }))
    await settle()
    opened.batch.start(false)
    expect(opened.batch.isServed).toBe(false)
    await until(() => client.messages.length === 1)
    expect(client.messages.map(idIn)).toEqual([4])
  })

  it('what a thread would not take is not taken: responses, and what is larger than any query', async () => {
    const { serve, kept } = held()
    const opened = await openBatch({ onMessage: serve, limits: limitsWith({ server: { udpQueryBytes: 600 } }) })
    const { port } = opened.open('127.0.0.1')
    const client = await udpClient(port)
    client.socket.send(answer(query({ id: 1 })))
    client.socket.send(new Uint8Array(601))
    client.socket.send(query({ id: 3 }))
    await settle()
    opened.batch.start(false)
    expect(kept.map(({ id }) => id)).toEqual([3])
    await expect
      .poll(() => [opened.counters.get('droppedTooLarge'), opened.counters.get('udpQueries')], PATIENT)
      .toEqual([1, 1])
  })

  it('more than one batch is waiting, and what the handler throws costs one datagram', async () => {
    const limits = limitsWith({ server: { udpBatch: 4 } })
    let calls = 0
    const opened = await openBatch({
      limits,
      onMessage: (bytes, length, client, reply) => {
        if (++calls === 2) throw new Error('a bug of the handler')
        respond(bytes, length, client, reply)
      },
    })
    const { port } = opened.open('127.0.0.1')
    const client = await udpClient(port)
    for (let id = 0; id < 11; id++) client.socket.send(query({ id }))
    await settle()
    opened.batch.start(false)
    await until(() => client.messages.length === 10)
    expect(client.messages.map(idIn)).toEqual([0, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    expect(opened.events.filter(e => e.kind === 'bug')).toMatchObject([{ where: 'udp-listener' }])
  })

  it('because it died, the main thread answers until it is back', async () => {
    const opened = await openBatch({
      onMessage: respond,
      entry: await bundled('test/net/batch/threads/dying.ts'),
      limits: limitsWith({ server: { threadRestartMs: 60_000 } }),
    })
    const { port } = opened.open('127.0.0.1')
    await opened.begin()
    const client = await udpClient(port)
    client.socket.send(Uint8Array.from([0xdd, ...query().subarray(1)]))
    await until(() => opened.events.some(e => e.kind === 'bug'))
    client.socket.send(query({ id: 2 }))
    await until(() => client.messages.length === 1)
    // The thread would have sent the query back as it is.
    expectCached(client.messages[0], answer(query({ id: 2 })))
  })

  it('a listener that is closed, or all, before one begins', async () => {
    const opened = await openBatch({ onMessage: respond })
    const [a, b] = [opened.open('127.0.0.1'), opened.open('127.0.0.1')]
    opened.batch.start(false)
    await a.close()
    const client = await udpClient(b.port)
    client.socket.send(query({ id: 1 }))
    await until(() => client.messages.length === 1)
    await opened.batch.close()
    const never = await openBatch({ onMessage: respond })
    never.open('127.0.0.1')
    never.batch.start(false)
    await never.batch.close()
    expect([...opened.events, ...never.events].filter(e => e.kind === 'bug')).toEqual([])
  })
})

needsBatch('bounds', () => {
  it('drops and counts what the main thread does not get round to, and goes on when it does', async () => {
    const taken: number[] = []
    const opened = await openBatch({
      limits: limitsWith({ server: { handoverBytes: 4_096 } }),
      onMessage: (bytes, length, client, reply) => {
        taken.push(idIn(bytes))
        respond(bytes, length, client, reply)
      },
    })
    const { port } = opened.open('127.0.0.1')
    await opened.begin()
    const client = await udpClient(port)
    client.socket.send(query({ id: 1 }))
    await until(() => taken.length === 1)
    for (let id = 2; id < 202; id++) client.socket.send(query({ id }))
    // This thread is busy for as long as it takes to fill the ring, and hears no bell: the client's socket sends at
    // once.
    const lost = (): number => opened.counters.get('droppedOverload')
    const never = new Int32Array(new SharedArrayBuffer(4))
    for (let i = 0; i < 2_000 && lost() === 0; i++) Atomics.wait(never, 0, 0, 1)
    expect(lost()).toBeGreaterThan(0)
    await until(() => taken.length + lost() === 201)
    expect(taken.length).toBeGreaterThan(10)
    client.socket.send(query({ id: 999 }))
    await until(() => client.messages.some(m => idIn(m) === 999))
  })

  it('drops what is larger than any query, and counts it', async () => {
    const { serve, kept } = held()
    const opened = await openBatch({ onMessage: serve, limits: limitsWith({ server: { udpQueryBytes: 600 } }) })
    const { port } = opened.open('127.0.0.1')
    await opened.begin()
    const client = await udpClient(port)
    for (const octets of [600, 601, 5_000, 60_000])
      client.socket.send(Uint8Array.from({ length: octets }, (_, i) => (i === 1 ? octets & 0xff : 0)))
    client.socket.send(query({ id: 3 }))
    await until(() => kept.length === 2)
    expect(kept.map(k => k.id)).toEqual([600 & 0xff, 3])
    await expect
      .poll(() => [opened.counters.get('droppedTooLarge'), opened.counters.get('udpQueries')], PATIENT)
      .toEqual([3, 3])
  })

  it('a listener thread lives through datagrams of junk', async () => {
    const seen: number[] = []
    const opened = await openBatch({ onMessage: bytes => void seen.push(bytes.length) })
    const { port } = opened.open('127.0.0.1')
    keep(opened, 'www.example.com')
    await opened.begin()
    const client = await udpClient(port)
    for (let i = 0; i < 2_000; i++) {
      const junk = randomFillSync(new Uint8Array(i % 100))
      // Half of it looks like a query at first.
      if (i % 2 === 0 && junk.length > 12) junk.set([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, i % 4 === 0 ? 1 : 0])
      client.socket.send(junk)
      if (i % 200 === 0) await settle(1)
    }
    await settle()
    client.socket.send(query({ id: 77 }))
    await until(() => client.messages.some(m => idIn(m) === 77))
    expect(opened.events.filter(e => e.kind !== 'listening')).toEqual([])
    expect(seen.length).toBeGreaterThan(100)
  })
})
