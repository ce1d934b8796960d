import { createHash, X509Certificate } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import { decodeMessage } from '../../../src/dns/decode.ts'
import { frame } from '../../../src/dns/framing.ts'
import { questionEnd } from '../../../src/dns/wire.ts'
import { limitsWith, type SecureUpstreamLimits } from '../../../src/limits.ts'
import { createSecureUpstreams, type SecureUpstreams } from '../../../src/net/upstream/secure.ts'
import type { ExchangeResult, ServerAddress } from '../../../src/ports.ts'
import { SimClock } from '../../../src/simulation/clock.ts'
import { systemRandom } from '../../../src/system/system.ts'
import {
  answer,
  atEnd,
  cleanUp,
  idIn,
  labelIn,
  patched,
  query,
  resultOf,
  settle,
  tcpServer,
  until,
} from '../support.ts'
import { certificateFor, echoTls, secureAddress, testCertificate, tlsServer } from '../tls-support.ts'

afterEach(cleanUp)

function makeUpstream(changes: Partial<SecureUpstreamLimits> = {}) {
  const clock = new SimClock()
  const limits = limitsWith({ secure: changes })
  const upstreams: SecureUpstreams = createSecureUpstreams({
    clock,
    random: systemRandom(),
    limits: limits.upstream,
    secure: limits.secure,
    exhausted: () => {},
  })
  atEnd(() => upstreams.close())
  return {
    upstream: upstreams.tls,
    clock,
    ask: (server: ServerAddress, message = query(), timeoutMs = 3_000): Promise<ExchangeResult> =>
      resultOf(done => upstreams.tls.exchange(server, message, timeoutMs, done)),
  }
}

const pinOf = (cert: string): string =>
  createHash('sha256')
    .update(new X509Certificate(cert).publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64')
const spkiPin = pinOf(testCertificate.cert)
const otherPin = createHash('sha256').update('another').digest('base64')

describe('a server over TLS', () => {
  it.each([
    ['its name', { name: 'dns.test' }],
    ['its address', { name: '127.0.0.1' }],
    ['a pin, whatever its certificate', { name: null, pins: [otherPin, spkiPin], authorities: [] }],
    ['its name and a pin', { pins: [spkiPin] }],
  ])('is asked when it proves itself by %s', async (_how, terms) => {
    const { ask } = makeUpstream()
    const server = await tlsServer()
    const result = await ask(server.as(terms), query({ id: 77 }))
    expect(result).toMatchObject({ kind: 'reply', caseEchoed: true })
    expect(result.kind === 'reply' && idIn(result.bytes)).toBe(77)
  })

  const now = Math.floor(Date.now() / 1_000)
  it.each([
    ['for another name', {}, { name: 'else.test' }, 'its certificate is for dns.test, 127.0.0.1, not for else.test'],
    ['for another address', {}, { name: '127.0.0.2' }, 'not for 127.0.0.2'],
    [
      'from nobody that is trusted',
      {},
      { authorities: [certificateFor(['ca'], { issuer: undefined }).cert] },
      'signed by "Test Authority", which leads to no trusted authority',
    ],
    ['from nobody that the system trusts', {}, { authorities: [] }, 'leads to no trusted authority'],
    ['signed by itself', certificateFor(['dns.test'], { issuer: undefined }), {}, 'signed by itself'],
    ['that has expired', certificateFor(['dns.test'], { until: now - 60 }), {}, 'has expired'],
    ['that is not yet valid', certificateFor(['dns.test'], { from: now + 600 }), {}, 'not yet valid'],
    ['without names', certificateFor([]), {}, 'is for no name, not for dns.test'],
    ['with another key than the pin', {}, { pins: [otherPin] }, `its public key has the pin ${spkiPin}`],
    [
      'with another key, and nothing else asked',
      {},
      { name: null, pins: [otherPin], authorities: [] },
      'none of those given',
    ],
  ])('with a certificate %s hears nothing', async (_what, options, terms, reason) => {
    const { ask, upstream, clock } = makeUpstream()
    const server = await tlsServer(echoTls, options)
    const result = await ask(server.as(terms))
    expect(result).toEqual({ kind: 'unverified', reason: expect.stringContaining(reason) })
    await settle()
    expect(server.seen).toEqual([])
    expect([upstream.openConnections, clock.pending]).toEqual([0, 0])
  })

  it('is sent its name, and never an address', async () => {
    const { ask } = makeUpstream()
    const server = await tlsServer()
    await ask(server.as({ name: 'dns.test' }))
    await ask(server.as({ name: '127.0.0.1' }))
    await ask(server.as({ name: null, pins: [spkiPin] }))
    expect(server.connections.map(socket => Reflect.get(socket, 'servername'))).toEqual(['dns.test', false, false])
    expect(server.connections.map(socket => socket.alpnProtocol)).toEqual(['dot', 'dot', 'dot'])
  })

  it('that speaks no TLS is unreachable', async () => {
    const { ask } = makeUpstream()
    const plain = await tcpServer(() => {})
    const asked = ask(secureAddress(plain.server))
    await until(() => plain.connections.length === 1)
    plain.connections[0]?.write('HTTP/1.1 400 Bad Request\r\n\r\n')
    expect(await asked).toEqual({ kind: 'unreachable', reason: 'it speaks no TLS', family: false })
  })

  it.each([
    ['TLS 1.1 only', { maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' }, 'TLS: '],
    ['another protocol (ALPN)', { ALPNProtocols: ['h2'] }, 'TLS: tlsv1 alert no application protocol'],
  ] as const)('that has %s is unreachable', async (_what, options, reason) => {
    const { ask } = makeUpstream()
    const server = await tlsServer(echoTls, {
      ...options,
      ALPNProtocols: [...('ALPNProtocols' in options ? options.ALPNProtocols : ['dot'])],
    })
    expect(await ask(server.server)).toMatchObject({ kind: 'unreachable', reason: expect.stringContaining(reason) })
  })

  it('that never ends its handshake is given up after a time, and asked again', async () => {
    const { ask, clock, upstream } = makeUpstream({ handshakeMs: 1_000 })
    const silent = await tcpServer(() => {})
    const asked = ask(secureAddress(silent.server))
    await until(() => silent.connections.length === 1)
    clock.advance(1_000)
    expect(await asked).toEqual({ kind: 'unreachable', reason: 'no TLS handshake within 1000 ms', family: false })
    expect([upstream.openConnections, clock.pending]).toEqual([0, 0])
  })
})

describe('queries over TLS', () => {
  const withOpt = (name: string): Uint8Array =>
    Uint8Array.from([...patched(query({ name }), { 11: 1 }), 0, 0, 41, 4, 208, 0, 0, 0x80, 0, 0, 0])

  it('are padded to 128 octets when they have EDNS, with padding as the last option', async () => {
    const { ask } = makeUpstream()
    const server = await tlsServer((q, socket) =>
      socket.write(frame(answer(patched(q.subarray(0, questionEnd(q)), { 11: 0 })))),
    )
    for (const name of ['a.example', `${'x'.repeat(60)}.${'y'.repeat(60)}.example`])
      await ask(server.server, withOpt(name))
    expect(server.seen.map(({ length }) => length)).toEqual([128, 256])
    const decoded = server.seen.map(bytes => decodeMessage(bytes))
    for (const one of decoded)
      expect(one.kind === 'message' && one.message.edns?.options.map(({ code }) => code)).toEqual([11, 12])
  })

  it('without EDNS go as they are', async () => {
    const { ask } = makeUpstream()
    const server = await tlsServer()
    await ask(server.server)
    expect(server.seen.map(({ length }) => length)).toEqual([query().length])
  })

  it('share a connection, have IDs of their own, and are answered in any order', async () => {
    const { ask } = makeUpstream()
    const held: Uint8Array[] = []
    const server = await tlsServer((q, socket) => {
      held.push(q)
      if (held.length === 50) for (const each of held.reverse()) echoTls(each, socket, 0)
    })
    const results = await Promise.all(
      Array.from({ length: 50 }, async (_, id) => {
        const result = await ask(server.server, query({ id: 7, name: `n${id}.example` }))
        return result.kind === 'reply' && [idIn(result.bytes), labelIn(result.bytes)]
      }),
    )
    expect(results).toEqual(Array.from({ length: 50 }, (_, id) => [7, `n${id}`]))
    expect(new Set(server.seen.map(idIn)).size).toBe(50)
    expect(server.connections.length).toBe(1)
  })

  it('of two names at one address never share a connection', async () => {
    const { ask } = makeUpstream()
    const { cert, key } = certificateFor(['one.test', 'two.test'])
    const server = await tlsServer(echoTls, { cert, key })
    await ask(server.as({ name: 'one.test' }))
    await ask(server.as({ name: 'two.test' }))
    await ask(server.as({ name: 'two.test', pins: [pinOf(cert)] }))
    expect(server.connections.map(socket => Reflect.get(socket, 'servername'))).toEqual([
      'one.test',
      'two.test',
      'two.test',
    ])
  })

  it('go on further connections when one has its number, and share them when the server has its number', async () => {
    const { ask, upstream } = makeUpstream({ tlsPipelined: 4, connectionsPerServer: 3 })
    const held: (() => void)[] = []
    const server = await tlsServer((q, socket) => held.push(() => echoTls(q, socket, 0)))
    const asked = Array.from({ length: 30 }, (_, id) => ask(server.server, query({ id })))
    await until(() => held.length === 30)
    expect([server.connections.length, upstream.openConnections, upstream.waiting]).toEqual([3, 3, 0])
    for (const reply of held) reply()
    expect((await Promise.all(asked)).map(({ kind }) => kind)).toEqual(new Array(30).fill('reply'))
  })

  it('that two in a row time out count as on a dead connection: the others are asked again on a new one', async () => {
    const { ask, clock } = makeUpstream()
    const server = await tlsServer((q, socket) => {
      if (server.connections.length > 1 || labelIn(q) === 'first') echoTls(q, socket, 0)
    })
    expect(await ask(server.server, query({ name: 'first.example' }))).toMatchObject({ kind: 'reply' })
    const lost = [1, 2].map(n => ask(server.server, query({ name: `lost${n}.example` }), 1_000 * n))
    const other = ask(server.server, query({ name: 'other.example' }), 5_000)
    await until(() => server.seen.length === 4)
    clock.advance(1_000)
    expect(await lost[0]).toEqual({ kind: 'timeout', mismatches: 0 })
    expect(server.connections.length).toBe(1)
    clock.advance(1_000)
    expect(await lost[1]).toEqual({ kind: 'timeout', mismatches: 0 })
    expect(await other).toMatchObject({ kind: 'reply' })
    expect(server.connections.length).toBe(2)
  })

  it('that time out one by one between replies leave the connection alone', async () => {
    const { ask, clock } = makeUpstream()
    const server = await tlsServer((q, socket) => {
      if (labelIn(q) !== 'lost') echoTls(q, socket, 0)
    })
    for (let i = 0; i < 4; i++) {
      const lost = ask(server.server, query({ name: 'lost.example' }), 1_000)
      await until(() => server.seen.length === 2 * i + 1)
      clock.advance(1_000)
      expect(await lost).toMatchObject({ kind: 'timeout' })
      expect(await ask(server.server)).toMatchObject({ kind: 'reply' })
    }
    expect(server.connections.length).toBe(1)
  })

  it('on a connection that fails after it was good get one try on a new one, all on the same', async () => {
    const { ask } = makeUpstream()
    const server = await tlsServer((q, socket) => {
      if (server.connections.length > 1 || labelIn(q) === 'good') echoTls(q, socket, 0)
      else if (server.seen.length === 11) socket.destroy()
    })
    await ask(server.server, query({ name: 'good.example' }))
    const results = await Promise.all(Array.from({ length: 10 }, (_, id) => ask(server.server, query({ id }))))
    expect(results.map(({ kind }) => kind)).toEqual(new Array(10).fill('reply'))
    expect(server.connections.length).toBe(2)
  })

  it('on a connection that the server half-closes are asked on a new one, and the old one is closed', async () => {
    const { ask, upstream } = makeUpstream()
    const server = await tlsServer(
      (q, socket) => {
        if (server.connections.length > 1 || labelIn(q) === 'good') echoTls(q, socket, 0)
        // It says that it is done, and goes on reading.
        else socket.end()
      },
      { allowHalfOpen: true },
    )
    await ask(server.server, query({ name: 'good.example' }))
    expect(await ask(server.server)).toMatchObject({ kind: 'reply' })
    expect(server.connections.length).toBe(2)
    await until(() => server.connections[0]?.destroyed === true)
    expect(upstream.openConnections).toBe(1)
  })

  it('that come after the server has half-closed an idle connection are asked on a new one', async () => {
    const { ask, upstream } = makeUpstream()
    const server = await tlsServer(echoTls, { allowHalfOpen: true })
    await ask(server.server)
    server.connections[0]?.end()
    await until(() => upstream.openConnections === 0)
    expect(await ask(server.server)).toMatchObject({ kind: 'reply' })
    expect(server.connections.length).toBe(2)
  })

  it('on a connection that fails at once, or a second time, are not asked again', async () => {
    const { ask, upstream, clock } = makeUpstream()
    const server = await tlsServer((q, socket) => {
      if (labelIn(q) === 'good') echoTls(q, socket, 0)
      else socket.destroy()
    })
    expect(await ask(server.server)).toEqual({ kind: 'unreachable', reason: 'closed by the server', family: false })
    expect(server.connections.length).toBe(1)
    await ask(server.server, query({ name: 'good.example' }))
    expect(await ask(server.server)).toMatchObject({ kind: 'unreachable' })
    expect(server.connections.length).toBe(3)
    expect([upstream.openConnections, clock.pending]).toEqual([0, 0])
  })
})

describe('connections over TLS', () => {
  it('resume with a ticket, each ticket once', async () => {
    const { ask, clock } = makeUpstream()
    const server = await tlsServer()
    const renew = async (): Promise<void> => {
      await ask(server.server)
      // The tickets come after the handshake.
      await settle()
      clock.advance(20_000)
    }
    for (let i = 0; i < 4; i++) await renew()
    // Node.js sends two tickets with a full handshake and none with a resumed one.
    expect(server.resumed).toEqual([false, true, true, false])
  })

  it('resume with no ticket that a server with another name or key gave', async () => {
    const { ask, clock } = makeUpstream()
    const { cert, key } = certificateFor(['one.test', 'two.test'])
    const server = await tlsServer(echoTls, { cert, key })
    for (const name of ['one.test', 'two.test']) {
      await ask(server.as({ name }))
      await settle()
    }
    clock.advance(20_000)
    expect(server.resumed).toEqual([false, false])
  })

  it('are closed when idle, with a goodbye', async () => {
    const { ask, clock, upstream } = makeUpstream()
    const server = await tlsServer()
    await ask(server.server)
    const ends: string[] = []
    server.connections[0]?.on('end', () => ends.push('end')).on('error', () => ends.push('error'))
    clock.advance(19_999)
    expect(upstream.openConnections).toBe(1)
    clock.advance(1)
    expect([upstream.openConnections, clock.pending]).toEqual([0, 0])
    await until(() => ends.length > 0)
    expect(ends).toEqual(['end'])
  })

  it('are kept for less when the server closes them earlier', async () => {
    const { ask, clock, upstream } = makeUpstream()
    const server = await tlsServer()
    await ask(server.server)
    clock.advance(12_000)
    server.connections[0]?.end()
    await until(() => upstream.openConnections === 0)
    await ask(server.server)
    clock.advance(8_999)
    expect(upstream.openConnections).toBe(1)
    clock.advance(1)
    expect(upstream.openConnections).toBe(0)
  })

  it('are kept for less than the server says (RFC 7828)', async () => {
    const { ask, clock, upstream } = makeUpstream()
    const keepalive = [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 6, 0, 11, 0, 2, 0, 100]
    const server = await tlsServer((q, socket) =>
      socket.write(frame(Uint8Array.from([...patched(answer(q), { 11: 1 }), ...keepalive]))),
    )
    await ask(server.server)
    clock.advance(7_499)
    expect(upstream.openConnections).toBe(1)
    clock.advance(1)
    expect(upstream.openConnections).toBe(0)
  })

  it('end with the network, and what waits on them with it', async () => {
    const { ask, clock, upstream } = makeUpstream()
    const server = await tlsServer(() => {})
    const asked = ask(server.server)
    await until(() => server.seen.length === 1)
    upstream.close()
    expect(await asked).toEqual({ kind: 'not-sent', reason: 'the network is closed' })
    expect([upstream.openConnections, clock.pending]).toEqual([0, 0])
  })
})
