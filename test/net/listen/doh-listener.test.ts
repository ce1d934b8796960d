import { constants, connect as connectH2, type ClientHttp2Session } from 'node:http2'
import { TLSSocket } from 'node:tls'
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

async function open(): Promise<{ readonly port: number; readonly identity: ChangingIdentity }> {
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
  return { port: listener.port, identity }
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

describe('a listener over HTTPS', () => {
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
