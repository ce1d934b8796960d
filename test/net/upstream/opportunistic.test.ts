/** Servers of zones over TLS, whoever they are (RFC 9539): the engine on real sockets in front of a stub. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { parseIp } from '../../../src/dns/address.ts'
import { RrClass, RrType } from '../../../src/dns/types.ts'
import { createEngine, type Engine } from '../../../src/engine/engine.ts'
import { limitsWith } from '../../../src/limits.ts'
import { createNetwork } from '../../../src/net/upstream/network.ts'
import { ip, nameOf } from '../../../src/simulation/records.ts'
import type { TraceStep } from '../../../src/resolver/trace.ts'
import type { Outcome } from '../../../src/steps.ts'
import { systemClock, systemRandom } from '../../../src/system/system.ts'
import { createDnsStub } from '../../../src/testing/create-dns-stub.ts'
import type { DnsStub, TlsFault } from '../../../src/testing/stub/types.ts'
import { secureServerAddress } from '../../../src/ports.ts'
import { atEnd, cleanUp, query, resultOf, until } from '../support.ts'
import { certificateFor, tlsServer } from '../tls-support.ts'
import { createSecureUpstreams } from '../../../src/net/upstream/secure.ts'

afterEach(cleanUp)

async function startStub(): Promise<DnsStub> {
  const names = Array.from({ length: 20 }, (_, i) => [`n${i}.test`, '192.0.2.1'])
  const stub = await createDnsStub({ tls: true, records: Object.fromEntries(names) })
  atEnd(() => stub.stop())
  return stub
}

/** With the stub as the only server of the root. */
function engineFor(stub: DnsStub, tlsPort: number): Engine {
  const [clock, random, limits] = [systemClock(), systemRandom(), limitsWith({})]
  const network = createNetwork({ clock, random, limits, events: () => {} })
  atEnd(() => network.close())
  return createEngine({
    clock,
    random,
    network,
    limits,
    hints: () => ({
      zone: nameOf('.'),
      servers: [{ name: nameOf('server.'), addresses: [ip('127.0.0.1')] }],
      ds: null,
      expiresAt: Number.POSITIVE_INFINITY,
    }),
    settings: () => ({
      minimise: 'off',
      mixCase: false,
      ipv4: true,
      ipv6: false,
      upstreamPort: stub.port,
      doNotQuery: [],
      hardenGlue: true,
      encryption: { port: tlsPort, probes: true, always: { zones: [], addresses: [] } },
    }),
  })
}

const resolve = ({ resolver }: Engine, name: string, trace: (step: TraceStep) => void = () => {}): Promise<Outcome> =>
  new Promise(done =>
    resolver.resolve(
      { name: nameOf(`${name}.`), type: RrType.A, class: RrClass.IN },
      { recursionDesired: true, because: 'client', trace },
      done,
    ),
  )

const known = ({ caches }: Engine, { port }: DnsStub): string =>
  caches.servers.encryptionOf(`127.0.0.1#${port}`, systemClock().now()).kind

describe('a server of a zone on real sockets', () => {
  test('is found out to speak TLS, whatever its certificate, and asked over it on one connection', async () => {
    const stub = await startStub()
    stub.tls?.fail('expired')
    const engine = engineFor(stub, stub.tls?.port ?? 0)
    await resolve(engine, 'n0.test')
    await until(() => known(engine, stub) === 'encrypted')
    const steps: TraceStep[] = []
    for (let i = 1; i < 6; i++) await resolve(engine, `n${i}.test`, step => steps.push(step))
    expect(steps.flatMap(step => (step.kind === 'exchange' ? [step.transport] : []))).toEqual(Array(5).fill('tls'))
    expect(stub.queries.filter(({ transport }) => transport === 'udp').map(({ name }) => name)).toEqual(['n0.test'])
  })

  test.each<TlsFault>(['closeAfterHandshake', 'resetAfterHandshake'])(
    'answers when its TLS shows the fault %s, then and later',
    async fault => {
      const stub = await startStub()
      const engine = engineFor(stub, stub.tls?.port ?? 0)
      stub.tls?.fail(fault)
      expect((await resolve(engine, 'n0.test')).kind).toBe('answer')
      await until(() => known(engine, stub) === 'failed')
      stub.tls?.fail(null)
      engine.caches.servers.encryptionEvent(`127.0.0.1#${stub.port}`, 'replied', systemClock().now())
      expect((await resolve(engine, 'n1.test')).kind).toBe('answer')
      stub.tls?.fail(fault)
      expect((await resolve(engine, 'n2.test')).kind).toBe('answer')
    },
  )

  test('answers when something that is no TLS listens there', async () => {
    const stub = await startStub()
    const other: Server = createServer(socket => {
      socket.on('error', () => {})
      socket.end('220 mail.test ESMTP\r\n')
    })
    other.listen(0, '127.0.0.1')
    await once(other, 'listening')
    atEnd(() => void other.close())
    const bound = other.address()
    const engine = engineFor(stub, typeof bound === 'object' && bound !== null ? bound.port : 0)
    expect((await resolve(engine, 'n0.test')).kind).toBe('answer')
    await until(() => known(engine, stub) === 'failed')
    expect((await resolve(engine, 'n1.test')).kind).toBe('answer')
  })
})

test('who proves nothing is sent no name, and no authority is read for it', async () => {
  const names: (string | false | null)[] = []
  const server = await tlsServer(undefined, {
    ...certificateFor(['else.test']),
    SNICallback: (name, done) => {
      names.push(name)
      done(null)
    },
  })
  const limits = limitsWith({})
  const upstreams = createSecureUpstreams({
    clock: systemClock(),
    random: systemRandom(),
    limits: limits.upstream,
    secure: limits.secure,
    exhausted: () => {},
  })
  atEnd(() => upstreams.close())
  const loopback = parseIp('127.0.0.1')
  if (loopback === null) throw new Error('no address')
  const service = { transport: 'tls', name: null, pins: [], path: '', authorities: [] } as const
  const at = secureServerAddress(loopback, server.server.port, service)
  expect(await resultOf(done => upstreams.unauthenticated.exchange(at, query(), 3_000, done))).toMatchObject({
    kind: 'reply',
  })
  expect(server.connections.map(({ alpnProtocol }) => alpnProtocol)).toEqual(['dot'])
  expect(names).toEqual([])
})
