import { afterEach, describe, expect, it } from 'vitest'
import { limitsWith, type SecureUpstreamLimits } from '../../../src/limits.ts'
import { createSecureUpstreams } from '../../../src/net/upstream/secure.ts'
import type { ExchangeResult, ServerAddress } from '../../../src/ports.ts'
import { SimClock } from '../../../src/simulation/clock.ts'
import { systemRandom } from '../../../src/system/system.ts'
import { answer, atEnd, cleanUp, idIn, labelIn, patched, query, resultOf, settle, until } from '../support.ts'
import { certificateFor, echoHttps, type HttpsHandler, httpsServer, type HttpsServer } from '../tls-support.ts'

afterEach(cleanUp)

function makeUpstream(changes: Partial<SecureUpstreamLimits> = {}) {
  const clock = new SimClock()
  const limits = limitsWith({ secure: changes })
  const upstreams = createSecureUpstreams({
    clock,
    random: systemRandom(),
    limits: limits.upstream,
    secure: limits.secure,
    exhausted: () => {},
  })
  atEnd(() => upstreams.close())
  return {
    upstream: upstreams.https,
    clock,
    ask: (server: ServerAddress, message = query(), timeoutMs = 3_000): Promise<ExchangeResult> =>
      resultOf(done => upstreams.https.exchange(server, message, timeoutMs, done)),
  }
}

const dns = { 'content-type': 'application/dns-message' }

describe.each([
  ['HTTP/2', {}, '2.0'],
  ['HTTP/1.1', { http1: true }, '1.1'],
] as const)('a server over HTTPS with %s', (_name, options, version) => {
  const serve = (handle: HttpsHandler = echoHttps): Promise<HttpsServer> => httpsServer(handle, options)

  it('is asked with a POST that says what it is, with ID 0', async () => {
    const { ask } = makeUpstream()
    const server = await serve()
    const result = await ask(server.as({ path: '/d?tenant=7&' }), query({ id: 99 }))
    expect(result).toMatchObject({ kind: 'reply', caseEchoed: true, mismatches: 0 })
    expect(result.kind === 'reply' && idIn(result.bytes)).toBe(99)
    const [seen] = server.seen
    if (seen === undefined) throw new Error('nothing came')
    expect(seen.version).toBe(version)
    expect(idIn(seen.body)).toBe(0)
    expect(seen.headers).toMatchObject({
      accept: 'application/dns-message',
      'content-type': 'application/dns-message',
      'content-length': String(query().length),
    })
    expect(seen.headers[':authority'] ?? seen.headers.host).toBe(`dns.test:${server.server.port}`)
    if (version === '2.0') expect(seen.headers).toMatchObject({ ':method': 'POST', ':path': '/d?tenant=7' })
  })

  it('with EDNS gets a padded query', async () => {
    const { ask } = makeUpstream()
    const server = await serve()
    await ask(server.server, Uint8Array.from([...patched(query(), { 11: 1 }), 0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]))
    expect(server.seen.map(({ body }) => body.length)).toEqual([128])
  })

  it('answers one after the other on one connection', async () => {
    const { ask } = makeUpstream()
    const server = await serve()
    for (let id = 0; id < 5; id++) expect(await ask(server.server, query({ id }))).toMatchObject({ kind: 'reply' })
    expect(server.sockets.length).toBe(1)
  })

  it('answers many at the same time', async () => {
    const { ask } = makeUpstream()
    const server = await serve()
    const results = await Promise.all(
      Array.from({ length: 50 }, async (_, id) => {
        const result = await ask(server.server, query({ id, name: `n${id}.example` }))
        return result.kind === 'reply' && [idIn(result.bytes), labelIn(result.bytes)]
      }),
    )
    expect(results).toEqual(Array.from({ length: 50 }, (_, id) => [id, `n${id}`]))
    expect(server.sockets.length).toBe(version === '2.0' ? 1 : 8)
  })

  const ofMany = (octets: number) => Buffer.alloc(octets, 0x61)
  it.each<[string, HttpsHandler, unknown]>([
    [
      'a page',
      (_q, r) => r.writeHead(200, { 'content-type': 'text/html' }).end('<p>'),
      'the body is of the type text/html',
    ],
    ['no type', (q, r) => r.writeHead(200).end(answer(q)), 'the body is of the type that is not said'],
    [
      'gzip',
      (q, r) => r.writeHead(200, { ...dns, 'content-encoding': 'gzip' }).end(answer(q)),
      'the body has the content-encoding gzip',
    ],
    [
      '1 MB that it announces',
      (_q, r) => r.writeHead(200, { ...dns, 'content-length': 1_000_000 }).end(ofMany(1_000_000)),
      'a body of more than 65535 octets',
    ],
    [
      '1 MB that it does not announce',
      (_q, r) => r.writeHead(200, dns).end(ofMany(1_000_000)),
      'a body of more than 65535 octets',
    ],
    ['nothing', (_q, r) => r.writeHead(200, dns).end(), 'a reply with another ID'],
    ['an octet', (_q, r) => r.writeHead(200, dns).end('x'), 'a reply with another ID'],
    ['another ID', (q, r) => r.writeHead(200, dns).end(patched(answer(q), { 1: 1 })), 'a reply with another ID'],
    [
      'another question',
      (_q, r) => r.writeHead(200, dns).end(answer(query({ id: 0, name: 'else.example' }))),
      'a reply to another question',
    ],
    ['the query', (q, r) => r.writeHead(200, dns).end(q), 'a malformed message'],
    ['half a record', (q, r) => r.writeHead(200, dns).end(answer(q).subarray(0, 11)), 'a malformed message'],
  ])('that sends %s is unreachable for this query, and asked on', async (_what, handle, reason) => {
    const { ask } = makeUpstream()
    const server = await serve((q, r, index) => (index === 0 ? handle(q, r, index) : echoHttps(q, r, index)))
    expect(await ask(server.server)).toEqual({ kind: 'unreachable', reason, family: false })
    expect(await ask(server.server)).toMatchObject({ kind: 'reply' })
  })

  it.each<[number, Record<string, string>, number | null]>([
    [429, { 'retry-after': '7' }, 7_000],
    [429, { 'retry-after': '1000000000' }, 1e12],
    [429, { 'retry-after': '-1' }, null],
    [429, { 'retry-after': 'soon' }, null],
    [503, {}, null],
    [503, { 'retry-after': 'Thu, 01 Jan 1970 00:00:00 GMT' }, 0],
    [302, { location: '/elsewhere' }, null],
    [400, {}, null],
    [500, {}, null],
    [204, {}, null],
  ])('that says %i %j is not asked in another way, and keeps its connection', async (status, headers, retryAfterMs) => {
    const { ask } = makeUpstream()
    const server = await serve((q, r, index) =>
      index === 0 ? r.writeHead(status, headers).end(status === 204 ? '' : 'a page') : echoHttps(q, r, index),
    )
    expect(await ask(server.server)).toEqual({ kind: 'http-status', status, retryAfterMs })
    expect(await ask(server.server)).toMatchObject({ kind: 'reply' })
    expect([server.sockets.length, server.seen.length]).toEqual([1, 2])
  })

  it.each([
    ['application/dns-message; charset=utf-8', {}, 60],
    ['Application/DNS-Message', { 'content-encoding': 'identity' }, 60],
    ['application/dns-message', { age: '25' }, 35],
    ['application/dns-message', { age: '9999999999' }, 0],
    ['application/dns-message', { age: 'x' }, 60],
  ])('with the type %s and %j brings a TTL of %i', async (type, headers, ttl) => {
    const { ask } = makeUpstream()
    const server = await serve((q, r) => r.writeHead(200, { 'content-type': type, ...headers }).end(answer(q)))
    const result = await ask(server.server)
    if (result.kind !== 'reply') throw new Error(JSON.stringify(result))
    expect(Buffer.from(result.bytes).readUInt32BE(query().length + 6)).toBe(ttl)
  })

  it('whose body never ends times out, and two in a row cost it the connection', async () => {
    const { ask, clock, upstream } = makeUpstream()
    const server = await serve((q, r) => {
      if (labelIn(q) === 'good') echoHttps(q, r, 0)
      else r.writeHead(200, dns).write(answer(q).subarray(0, 12))
    })
    await ask(server.server, query({ name: 'good.example' }))
    for (let i = 1; i <= 2; i++) {
      const slow = ask(server.server, query({ name: 'slow.example' }), 1_000)
      await until(() => server.seen.length === 1 + i)
      await settle()
      clock.advance(1_000)
      expect(await slow).toEqual({ kind: 'timeout', mismatches: 0 })
    }
    expect(upstream.openConnections).toBe(0)
    expect(await ask(server.server, query({ name: 'good.example' }))).toMatchObject({ kind: 'reply' })
  })

  it('that closes a connection that was good is asked once more on a new one', async () => {
    const { ask, upstream, clock } = makeUpstream()
    const server = await serve((q, r, index) => {
      if (index === 1) server.sockets[0]?.destroy()
      else echoHttps(q, r, index)
    })
    await ask(server.server)
    expect(await ask(server.server)).toMatchObject({ kind: 'reply' })
    expect(server.sockets.length).toBe(2)
    upstream.close()
    expect(clock.pending).toBe(0)
  })

  it('that closes at once is unreachable', async () => {
    const { ask, upstream, clock } = makeUpstream()
    const server = await serve(() => server.sockets.at(-1)?.destroy())
    expect(await ask(server.server)).toMatchObject({ kind: 'unreachable' })
    expect([server.sockets.length, upstream.openConnections, clock.pending]).toEqual([1, 0, 0])
  })

  it('whose head is too long is unreachable', async () => {
    const { ask } = makeUpstream({ httpHeaderBytes: 2_048 })
    const server = await serve((q, r) => r.writeHead(200, { ...dns, 'x-long': 'x'.repeat(4_000) }).end(answer(q)))
    expect(await ask(server.server)).toMatchObject({ kind: 'unreachable' })
  })

  it('that does not prove itself hears nothing', async () => {
    const { ask } = makeUpstream()
    const server = await serve()
    expect(await ask(server.as({ name: 'else.test' }))).toMatchObject({ kind: 'unverified' })
    expect(await ask(server.as({ authorities: [certificateFor(['x'], { issuer: undefined }).cert] }))).toMatchObject({
      kind: 'unverified',
    })
    await settle()
    expect(server.seen).toEqual([])
  })

  it('is left when its connections are idle', async () => {
    const { ask, upstream, clock } = makeUpstream({ pingAfterMs: 0 })
    const server = await serve()
    await ask(server.server)
    clock.advance(60_000)
    expect([upstream.openConnections, clock.pending]).toEqual([0, 0])
    await ask(server.server)
    await until(() => server.sockets.length === 2)
    expect(upstream.openConnections).toBe(1)
  })
})

describe('a connection of HTTP/2', () => {
  it('that the server leaves (GOAWAY) answers what it took up; the rest goes to a new one', async () => {
    const { ask } = makeUpstream()
    const held: [Buffer, Parameters<HttpsHandler>[1]][] = []
    const server = await httpsServer((q, r, index) => {
      if (index >= 6) echoHttps(q, r, index)
      else held.push([q, r])
    })
    const asked = Array.from({ length: 6 }, (_, id) => ask(server.server, query({ id })))
    await until(() => held.length === 6)
    // Streams 1, 3, 5: the first three.
    server.sessions[0]?.goaway(0, 5)
    await until(() => server.sessions.length === 2)
    for (const [q, r] of held.slice(0, 3)) echoHttps(q, r, 0)
    expect((await Promise.all(asked)).map(({ kind }) => kind)).toEqual(new Array(6).fill('reply'))
    expect(server.seen.length).toBe(9)
  })

  it('that the server leaves in anger answers nothing; all is asked once more', async () => {
    const { ask } = makeUpstream()
    const server = await httpsServer((q, r, index) => {
      if (index === 0 || index > 6) echoHttps(q, r, index)
      else if (index === 6) server.sessions[0]?.goaway(11, 1)
    })
    await ask(server.server)
    const asked = Array.from({ length: 6 }, (_, id) => ask(server.server, query({ id })))
    expect((await Promise.all(asked)).map(({ kind }) => kind)).toEqual(new Array(6).fill('reply'))
    expect(server.sessions.length).toBe(2)
  })

  it('of which half of the streams are reset answers the other half', async () => {
    const { ask } = makeUpstream()
    const server = await httpsServer((q, r, index) => {
      if (index % 2 === 0) r.stream.close(2)
      else echoHttps(q, r, index)
    })
    const results = await Promise.all(Array.from({ length: 10 }, (_, id) => ask(server.server, query({ id }))))
    expect(results.map(({ kind }) => kind).sort()).toEqual([
      ...new Array(5).fill('reply'),
      ...new Array(5).fill('unreachable'),
    ])
    expect(server.sockets.length).toBe(1)
  })

  it('that refuses streams has them asked on others, a bounded number of times', async () => {
    const { ask } = makeUpstream({ replays: 3 })
    const server = await httpsServer((_q, r) => r.stream.close(7))
    expect(await ask(server.server)).toMatchObject({ kind: 'unreachable', reason: 'the server refused the stream' })
    expect(server.seen.length).toBe(4)
  })

  it('whose server refuses what it gets before it has all of the one before answers all in sequence', async () => {
    const { ask } = makeUpstream()
    const server = await httpsServer(echoHttps, { refusesInterleaved: true })
    const ask50 = () => Promise.all(Array.from({ length: 50 }, (_, id) => ask(server.server, query({ id }))))
    for (const round of [1, 2]) {
      const results = await ask50()
      expect(results.map(({ kind }) => `${round} ${kind}`)).toEqual(new Array(50).fill(`${round} reply`))
    }
    expect(server.sockets.length).toBe(1)
  })

  it('carries no more streams than the server wants', async () => {
    const { ask } = makeUpstream({ connectionsPerServer: 3 })
    const server = await httpsServer(echoHttps, { settings: { maxConcurrentStreams: 2 } })
    await ask(server.server)
    const results = await Promise.all(Array.from({ length: 12 }, (_, id) => ask(server.server, query({ id }))))
    expect(results.map(({ kind }) => kind)).toEqual(new Array(12).fill('reply'))
    expect(server.sockets.length).toBe(3)
  })

  it('that is idle is asked whether its server is there, and left when it does not say', async () => {
    const { ask, clock, upstream } = makeUpstream()
    const server = await httpsServer()
    await ask(server.server)
    const pings: unknown[] = []
    server.sessions[0]?.on('ping', payload => pings.push(payload))
    clock.advance(15_000)
    await until(() => pings.length === 1)
    await settle()
    clock.advance(2_000)
    expect(upstream.openConnections).toBe(1)
    // From now on what comes is not read.
    server.sockets[0]?.pause()
    Reflect.get(server.sockets[0] ?? {}, '_handle')?.readStop?.()
    clock.advance(13_000)
    await settle()
    clock.advance(2_000)
    await until(() => upstream.openConnections === 0)
    expect(await ask(server.server)).toMatchObject({ kind: 'reply' })
  })
})
