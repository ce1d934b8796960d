/** Every way by which a library takes a look-up function, a resolver or a socket, with the library itself. */
import http, { type IncomingMessage } from 'node:http'
import net from 'node:net'
import pg from 'pg'
import { Agent, interceptors, request } from 'undici'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { makeStream } from '../../../src/testing/node-dns/stream.ts'
import type { DnsStub } from '../../../src/testing/stub/types.ts'
import { createDnsStub } from '../../../src/testing/create-dns-stub.ts'
import { startFakePostgres } from '../fake-postgres.ts'
import { PATIENT } from '../../patience.mjs'

const running: { stub?: DnsStub; server?: http.Server } = {}
const stub = (): DnsStub => {
  if (running.stub === undefined) throw new Error('no stub')
  return running.stub
}

/** Answers with the Host header and the address that was reached. */
beforeEach(async () => {
  running.stub = await createDnsStub()
  const server = http.createServer((incoming, reply) =>
    reply
      .setHeader('connection', 'close')
      .end(`${incoming.headers.host?.replace(/:\d+$/, '')} at ${incoming.socket.localAddress}`),
  )
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  running.server = server
})
afterEach(async () => {
  running.server?.closeAllConnections()
  await new Promise(resolve => running.server?.close(resolve))
  await running.stub?.stop()
})

const port = (): number => {
  const bound = running.server?.address()
  return typeof bound === 'object' && bound !== null ? bound.port : 0
}

const textOf = async (incoming: AsyncIterable<Uint8Array>): Promise<string> => {
  const parts: Uint8Array[] = []
  for await (const part of incoming) parts.push(part)
  return Buffer.concat(parts).toString()
}

const httpGet = (
  host: string,
  options: http.RequestOptions & { readonly autoSelectFamily?: boolean } = {},
): Promise<string> =>
  new Promise<IncomingMessage>((resolve, reject) =>
    http.get({ host, port: port(), lookup: stub().lookup, ...options }, resolve).once('error', reject),
  ).then(textOf)

describe('http', () => {
  test('http.get with the lookup of a stub reaches the server', async () => {
    stub().set('svc.internal', { A: '127.0.0.1' })
    expect(await httpGet('svc.internal')).toBe('svc.internal at 127.0.0.1')
    expect(
      stub()
        .queriesFor('svc.internal')
        .map(({ type }) => type),
    ).toEqual(['A', 'AAAA'])
  })

  test.each([true, false])('a name that is unlisted, with autoSelectFamily %s', async autoSelectFamily => {
    await expect(httpGet('svc.internal', { autoSelectFamily })).rejects.toMatchObject({
      code: 'ENOTFOUND',
      syscall: 'getaddrinfo',
      hostname: 'svc.internal',
      message: 'getaddrinfo ENOTFOUND svc.internal',
    })
    expect(stub().unmatched).toHaveLength(2)
  })

  test('the second address when nothing listens on the first', async () => {
    stub().set('svc.internal', { A: ['127.0.0.2', '127.0.0.1'] })
    expect(await httpGet('svc.internal', { autoSelectFamily: true })).toBe('svc.internal at 127.0.0.1')
  })

  test('an agent that keeps its lookup', async () => {
    stub().set('svc.internal', '127.0.0.1')
    const agent = new http.Agent({ lookup: stub().lookup })
    expect(await httpGet('svc.internal', { agent, family: 4 })).toBe('svc.internal at 127.0.0.1')
    expect(
      stub()
        .queriesFor('svc.internal')
        .map(({ type }) => type),
    ).toEqual(['A'])
    agent.destroy()
  })

  test('a failure, then the address', async () => {
    stub().set('svc.internal', '127.0.0.1')
    stub().fail('svc.internal', 'SERVFAIL')
    await expect(httpGet('svc.internal')).rejects.toMatchObject({ code: 'EAI_AGAIN' })
    stub().clear()
    stub().set('svc.internal', '127.0.0.1')
    expect(await httpGet('svc.internal')).toBe('svc.internal at 127.0.0.1')
  })
})

describe('undici', () => {
  test('an agent of undici with the lookup of a stub reaches the server', async () => {
    stub().set('svc.internal', '127.0.0.1')
    const dispatcher = new Agent({ connect: { lookup: stub().lookup } })
    const { body } = await request(`http://svc.internal:${port()}/`, { dispatcher })
    expect(await body.text()).toBe('svc.internal at 127.0.0.1')
    await expect(request(`http://gone.internal:${port()}/`, { dispatcher })).rejects.toMatchObject({
      code: 'ENOTFOUND',
      hostname: 'gone.internal',
    })
    await dispatcher.close()
  })

  test('the DNS interceptor of undici with the lookup of a stub reaches the server', async () => {
    stub().set('svc.internal', { A: '127.0.0.1' })
    const { lookup } = stub()
    const agent = new Agent()
    const dispatcher = agent.compose(
      interceptors.dns({
        lookup: (origin, _options, done) =>
          lookup(new URL(origin).hostname, { all: true }, (error, found = []) =>
            done(
              error,
              found.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4, ttl: 60 })),
            ),
          ),
      }),
    )
    const { body } = await request(`http://svc.internal:${port()}/`, { dispatcher })
    expect(await body.text()).toBe(`svc.internal at 127.0.0.1`)
    await expect(request(`http://gone.internal:${port()}/`, { dispatcher })).rejects.toMatchObject({
      code: 'ENOTFOUND',
    })
    expect(stub().unmatched.map(({ name }) => name)).toEqual(['gone.internal', 'gone.internal'])
    await agent.close()
  })
})

describe('net', () => {
  const connected = (socket: net.Socket): Promise<string | undefined> =>
    new Promise<string | undefined>((resolve, reject) =>
      socket.once('connect', () => resolve(socket.remoteAddress)).once('error', reject),
    ).finally(() => socket.destroy())

  test('net.connect with the lookup of a stub reaches the server', async () => {
    stub().set('tcp.internal', '127.0.0.1')
    expect(await connected(net.connect({ host: 'tcp.internal', port: port(), lookup: stub().lookup }))).toBe(
      '127.0.0.1',
    )
  })

  test.each<[string, (socket: net.Socket, to: number) => net.Socket]>([
    ['(port, host)', (socket, to) => socket.connect(to, 'tcp.internal')],
    ['(options)', (socket, to) => socket.connect({ port: to, host: 'tcp.internal' })],
    [
      '(options, listener)',
      (socket, to) => socket.connect({ port: to, host: 'tcp.internal', family: 4 }, () => undefined),
    ],
    ['(port)', (socket, to) => socket.connect(to)],
    ['(port, address)', (socket, to) => socket.connect(to, '127.0.0.1')],
  ])('a stream of the stub, connect%s', async (_, connect) => {
    stub().set('tcp.internal', '127.0.0.1')
    expect(await connected(connect(stub().stream(), port()))).toBe('127.0.0.1')
  })

  test('the listener of connect(port, host, listener) is called', async () => {
    stub().set('tcp.internal', '127.0.0.1')
    const socket = stub().stream()
    await new Promise<void>((resolve, reject) => socket.once('error', reject).connect(port(), 'tcp.internal', resolve))
    expect(socket.remoteAddress).toBe('127.0.0.1')
    socket.destroy()
  })

  test('a stream with the lookup of its options, and one with a path', async () => {
    const lookup: net.LookupFunction = (name, _options, done) => done(new Error(`asked me for ${name}`), '', 4)
    await expect(
      connected(makeStream(stub())().connect({ host: 'own.internal', port: port(), lookup })),
    ).rejects.toThrow('asked me for own.internal')
    await expect(connected(stub().stream().connect('/nowhere/socket'))).rejects.toMatchObject({ code: 'ENOENT' })
    await expect(connected(stub().stream().connect({ path: '/nowhere/socket' }))).rejects.toMatchObject({
      code: 'ENOENT',
    })
    expect(stub().queries).toEqual([])
  })
})

describe('pg', () => {
  test('a client of pg with the stream of a stub reaches the server', async () => {
    const postgres = await startFakePostgres('127.0.0.1', 'forty-two')
    try {
      stub().set('db.internal', { A: '127.0.0.1' })
      const client = new pg.Client({
        host: 'db.internal',
        port: postgres.port,
        user: 'me',
        database: 'shop',
        stream: stub().stream,
      })
      await client.connect()
      expect((await client.query('SELECT 42')).rows).toEqual([{ answer: 'forty-two' }])
      await client.end()
      expect(postgres.queries).toEqual(['SELECT 42'])
      expect(postgres.startups.map(parameters => [parameters.get('user'), parameters.get('database')])).toEqual([
        ['me', 'shop'],
      ])
      expect(
        stub()
          .queriesFor('db.internal')
          .map(({ type }) => type),
      ).toEqual(['A', 'AAAA'])
    } finally {
      await postgres.close()
    }
  })

  test('a name that is gone', async () => {
    const client = new pg.Client({ host: 'db.internal', port: 5432, user: 'me', stream: stub().stream })
    await expect(client.connect()).rejects.toMatchObject({ code: 'ENOTFOUND', hostname: 'db.internal' })
  })

  test('a pool whose second try finds the server', async () => {
    const postgres = await startFakePostgres('127.0.0.1', 'back')
    const pool = new pg.Pool({ host: 'db.internal', port: postgres.port, user: 'me', stream: stub().stream })
    try {
      stub().fail('db.internal', 'SERVFAIL', { times: 2 })
      stub().set('db.internal', '127.0.0.1')
      await expect(pool.query('SELECT 1')).rejects.toMatchObject({ code: 'EAI_AGAIN' })
      expect((await pool.query('SELECT 1')).rows).toEqual([{ answer: 'back' }])
    } finally {
      await pool.end()
      await postgres.close()
    }
  })
})

describe('a resolver of node:dns', () => {
  test('SRV and TXT, as drivers look up seed lists', async () => {
    stub().set('_mongodb._tcp.cluster.internal', {
      SRV: ['0 5 27017 shard-0.cluster.internal', '0 5 27018 shard-1.cluster.internal'],
    })
    stub().set('cluster.internal', { TXT: 'replicaSet=rs0' })
    const resolver = stub().resolver()
    expect(await resolver.resolveSrv('_mongodb._tcp.cluster.internal')).toMatchObject([
      { priority: 0, weight: 5, port: 27_017, name: 'shard-0.cluster.internal' },
      { priority: 0, weight: 5, port: 27_018, name: 'shard-1.cluster.internal' },
    ])
    expect(await resolver.resolveTxt('cluster.internal')).toEqual([['replicaSet=rs0']])
  })

  test('gives up soon, after the tries asked for', async () => {
    stub().fail('*', 'timeout')
    await expect(stub().resolver({ timeout: 100, tries: 1 }).resolve4('slow.internal')).rejects.toMatchObject({
      code: 'ETIMEOUT',
    })
    await expect(stub().resolver({ timeout: 50 }).resolve4('other.internal')).rejects.toMatchObject({
      code: 'ETIMEOUT',
    })
    // On a busy machine the time is over before the stub has read what came.
    await expect
      .poll(() => stub().queries.map(({ name }) => name), PATIENT)
      .toEqual(['slow.internal', 'other.internal', 'other.internal'])
  })

  test('a resolver of the stub asks only the stub', () => {
    expect(stub().resolver().getServers()).toEqual([stub().address])
  })
})
