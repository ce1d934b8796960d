import { constants, connect as connectH2, type ClientHttp2Session } from 'node:http2'
import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls, TLSSocket } from 'node:tls'
import { Agent, request } from 'undici'
import { afterEach, describe, expect, test } from 'vitest'
import { limitsWith } from '../../../src/limits.ts'
import { openDohListener } from '../../../src/net/listen/doh-listener.ts'
import { handshakeTable } from '../../../src/net/listen/handshakes.ts'
import { TcpConnections } from '../../../src/net/listen/tcp-connections.ts'
import { TcpTurns } from '../../../src/net/listen/tcp-turns.ts'
import { systemClock } from '../../../src/system/system.ts'
import { answer, atEnd, cleanUp, query } from '../support.ts'
import { authority, certificateFor, type ChangingIdentity, identityOf } from './secure.ts'

afterEach(cleanUp)

async function open(): Promise<{
  readonly port: number
  readonly identity: ChangingIdentity
  readonly close: () => Promise<void>
}> {
  const limits = limitsWith({})
  const clock = systemClock()
  const identity = identityOf('dns.example', '127.0.0.1')
  const connections = new TcpConnections(limits.tcp)
  const listener = await openDohListener({
    address: '127.0.0.1',
    port: 0,
    path: '/dns-query',
    origins: [],
    forwarders: [],
    clock,
    limits,
    events: () => {},
    connections,
    turns: new TcpTurns(limits.tcp, clock),
    secure: { identity, handshakes: handshakeTable(limits) },
    onMessage: (bytes, length, _, reply) => {
      const full = answer(bytes.subarray(0, length))
      // Not at once, so that some are always in work.
      setImmediate(() => reply(full, full.length))
    },
  })
  if (listener.kind !== 'listener') throw new Error(listener.message)
  atEnd(() => listener.close())
  return { port: listener.port, identity, close: () => listener.close() }
}

/** With the serial number of the certificate that each was shown. */
function sessionTo(port: number, serials: Set<string>): ClientHttp2Session {
  const session = connectH2(`https://127.0.0.1:${port}`, { ca: authority.cert })
  session.on('connect', (_, socket) => {
    if (socket instanceof TLSSocket) serials.add(socket.getPeerX509Certificate()?.serialNumber ?? 'none')
  })
  atEnd(() => session.destroy())
  return session
}

/** The status, or what went wrong. */
const post = (session: ClientHttp2Session): Promise<string> =>
  new Promise(resolve => {
    let status = 'nothing'
    const stream = session.request({
      [constants.HTTP2_HEADER_METHOD]: 'POST',
      [constants.HTTP2_HEADER_PATH]: '/dns-query',
      'content-type': 'application/dns-message',
    })
    stream.on('response', headers => (status = String(headers[':status'])))
    stream.on('error', error => resolve(error.message))
    stream.on('close', () => resolve(status))
    stream.resume()
    stream.end(query())
  })

/** Ways in which a client goes that has its answer; browsers take the second one. */
const GOODBYES: readonly (readonly [string, (session: ClientHttp2Session, tls: TLSSocket, raw: Socket) => void])[] = [
  ['says so and ends TLS', session => session.close()],
  ['says so and ends TCP', (session, _, raw) => session.goaway() ?? raw.end()],
  ['ends TLS', (_, tls) => tls.end()],
  ['ends TCP', (_session, _tls, raw) => raw.end()],
  ['closes its socket', (_session, _tls, raw) => raw.destroy()],
  ['resets its connection', (_session, _tls, raw) => raw.resetAndDestroy()],
  ['says so and closes its socket', (session, _, raw) => session.goaway() ?? raw.destroy()],
]

describe('a listener over HTTPS', () => {
  test.each(GOODBYES)('keeps no socket of a client that %s while its answers come', async (_title, leave) => {
    const { port, close } = await open()
    for (let turns = 0; turns < 12; turns++) {
      const raw = connectTcp(port, '127.0.0.1')
      const tls = connectTls({ socket: raw, ca: authority.cert, host: '127.0.0.1', ALPNProtocols: ['h2'] })
      const session = connectH2(`https://127.0.0.1:${port}`, { createConnection: () => tls })
      for (const one of [session, tls, raw]) one.on('error', () => {})
      atEnd(() => raw.destroy())
      expect(await post(session)).toBe('200')
      const answers = Array.from({ length: 5 }, () => post(session))
      for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate)
      leave(session, tls, raw)
      session.destroy()
      await Promise.all(answers)
    }
    await close()
  })

  test('whose certificate changes under load loses no query and no connection', async () => {
    const { port, identity } = await open()
    const [before, after] = [new Set<string>(), new Set<string>()]
    const sessions = [sessionTo(port, before), sessionTo(port, before)]
    const seen = new Map<string, number>()
    const ask = async (session: ClientHttp2Session): Promise<void> => {
      for (let n = 0; n < 50; n++) {
        const status = await post(session)
        seen.set(status, (seen.get(status) ?? 0) + 1)
      }
    }
    const swap = async (): Promise<void> => {
      for (let n = 0; n < 5; n++) {
        const { cert, key } = certificateFor('dns.example', '127.0.0.1')
        identity.change({ cert, key })
        expect(await post(sessionTo(port, after))).toBe('200')
      }
    }
    await Promise.all([...sessions.flatMap(session => [ask(session), ask(session)]), swap()])
    expect([...seen]).toEqual([['200', 200]])
    expect(sessions.map(({ closed }) => closed)).toEqual([false, false])
    expect([before.size, after.size]).toEqual([1, 5])
  })

  test.each([
    ['HTTP/2', true],
    ['HTTP/1.1', false],
  ])('answers undici over %s', async (_, allowH2) => {
    const { port } = await open()
    const dispatcher = new Agent({ allowH2, connect: { ca: authority.cert } })
    atEnd(() => dispatcher.destroy())
    const asked = Array.from({ length: 20 }, async () => {
      const { statusCode, body } = await request(`https://127.0.0.1:${port}/dns-query`, {
        method: 'POST',
        headers: { 'content-type': 'application/dns-message' },
        body: query(),
        dispatcher,
      })
      return [statusCode, (await body.arrayBuffer()).byteLength]
    })
    const length = answer(query()).length
    expect(await Promise.all(asked)).toEqual(asked.map(() => [200, length]))
  })
})
