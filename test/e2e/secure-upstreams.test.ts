/**
 * Servers over TLS and HTTPS that we did not write: Unbound, Knot Resolver and dnsdist answer us, and what kdig says of a server our
 * tool says too. Authorities of our own; everything on loopback.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { parseIp } from '../../src/dns/address.ts'
import { limitsWith } from '../../src/limits.ts'
import { createSecureUpstreams } from '../../src/net/upstream/secure.ts'
import { type ExchangeResult, secureServerAddress, type SecureService, type ServerAddress } from '../../src/ports.ts'
import { systemClock, systemRandom } from '../../src/system/system.ts'
import { startProcess } from '../daemons.mjs'
import { labelIn, query, resultOf } from '../net/support.ts'
import { serviceWith, testAuthority, testCertificate } from '../net/tls-support.ts'
import { CONDITION_MS } from '../patience.mjs'
import { needs } from '../tools.ts'
import { runQueryLine } from '../../src/cli/query/line.ts'

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const bound = server.address()
  await new Promise<void>(resolve => {
    server.close(() => resolve())
  })
  return typeof bound === 'object' && bound !== null ? bound.port : 0
}

const at = (port: number, changes: Partial<SecureService>): ServerAddress => {
  const ip = parseIp('127.0.0.1')
  if (ip === null) throw new Error('no address')
  return secureServerAddress(ip, port, serviceWith(changes))
}

interface Upstream {
  ask(server: ServerAddress, message: Uint8Array): Promise<ExchangeResult>
  /** Asks until the server is up. */
  reach(server: ServerAddress): Promise<ExchangeResult>
  close(): void
}

function makeUpstream(): Upstream {
  const limits = limitsWith({})
  const upstreams = createSecureUpstreams({
    clock: systemClock(),
    random: systemRandom(),
    limits: limits.upstream,
    secure: limits.secure,
    exhausted: () => {},
  })
  const ask = (server: ServerAddress, message: Uint8Array): Promise<ExchangeResult> =>
    resultOf(done => upstreams[server.secure?.transport ?? 'tls'].exchange(server, message, 5_000, done))
  return {
    ask,
    async reach(server) {
      const until = performance.now() + CONDITION_MS
      for (;;) {
        const result = await ask(server, query({ name: 'www.example' }))
        if (result.kind !== 'unreachable' || performance.now() > until) return result
        await new Promise(resolve => setImmediate(resolve))
      }
    },
    close: () => upstreams.close(),
  }
}

const directory = mkdtempSync(join(tmpdir(), 'rootwalk-secure-'))
const file = (name: string, text: string): string => {
  writeFileSync(join(directory, name), text)
  return join(directory, name)
}
const cert = file('cert.pem', testCertificate.cert)
const key = file('key.pem', testCertificate.key)
const authorities = file('ca.pem', testAuthority.cert)
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const started: { stop(): Promise<void> }[] = []
const ports = { plain: 0, dot: 0, doh: 0, distDot: 0, distDoh: 0, knotDot: 0, knotDoh: 0 }

async function startUnbound(): Promise<void> {
  ports.plain = await freePort()
  ports.dot = await freePort()
  ports.doh = await freePort()
  const conf = file(
    'unbound.conf',
    [
      'server:',
      '  username: ""',
      `  directory: "${directory}"`,
      '  chroot: ""',
      '  pidfile: ""',
      '  use-syslog: no',
      '  do-daemonize: no',
      ...[ports.plain, ports.dot, ports.doh].map(port => `  interface: 127.0.0.1@${port}`),
      `  tls-port: ${ports.dot}`,
      `  https-port: ${ports.doh}`,
      `  tls-service-key: "${key}"`,
      `  tls-service-pem: "${cert}"`,
      '  access-control: 127.0.0.0/8 allow',
      '  module-config: "iterator"',
      '  local-zone: "example." redirect',
      '  local-data: "example. 300 IN A 192.0.2.1"',
      'remote-control:',
      '  control-enable: no',
    ].join('\n'),
  )
  started.push(startProcess('unbound', ['-c', conf]))
}

async function startKnotResolver(): Promise<void> {
  ports.knotDot = await freePort()
  ports.knotDoh = await freePort()
  const conf = file(
    'kresd.conf',
    [
      `net.listen('127.0.0.1', ${ports.knotDot}, { kind = 'tls' })`,
      `net.listen('127.0.0.1', ${ports.knotDoh}, { kind = 'doh2' })`,
      `net.tls('${cert}', '${key}')`,
      "cache.open(10 * MB, 'lmdb://knot-cache')",
      "modules.unload('priming')",
      "modules.unload('ta_update')",
      "trust_anchors.remove('.')",
      "policy.add(policy.suffix(policy.ANSWER({ [kres.type.A] = { rdata = kres.str2ip('192.0.2.1'), ttl = 300 } }),",
      "  policy.todnames({ 'example.' })))",
    ].join('\n'),
  )
  started.push(startProcess('kresd', ['-n', '-q', '-c', conf, directory]))
}

const hundred = (ask: (message: Uint8Array) => Promise<ExchangeResult>): Promise<string[]> =>
  Promise.all(
    Array.from({ length: 100 }, async (_, id) => {
      const result = await ask(query({ id, name: `n${id}.example` }))
      return result.kind === 'reply' ? labelIn(result.bytes) : JSON.stringify(result)
    }),
  )
const labels = Array.from({ length: 100 }, (_, id) => `n${id}`)

needs(
  'unbound',
  'dnsdist',
  'kresd',
  'kdig',
)('servers over TLS and HTTPS of others', () => {
  const upstream = makeUpstream()

  beforeAll(async () => {
    await startUnbound()
    await startKnotResolver()
    ports.distDot = await freePort()
    ports.distDoh = await freePort()
    const conf = file(
      'dnsdist.conf',
      [
        `newServer({ address = "127.0.0.1:${ports.plain}" })`,
        // Its health check asks for a name of the real root.
        'getServer(0):setUp()',
        'setACL("127.0.0.0/8")',
        `addTLSLocal("127.0.0.1:${ports.distDot}", "${cert}", "${key}")`,
        `addDOHLocal("127.0.0.1:${ports.distDoh}", "${cert}", "${key}", "/dns-query")`,
      ].join('\n'),
    )
    started.push(startProcess('dnsdist', ['-C', conf, '--supervised']))
  })
  afterAll(async () => {
    upstream.close()
    for (const daemon of started) await daemon.stop()
  })

  const https = { transport: 'https', path: '/dns-query' } as const
  it.each<[string, () => ServerAddress]>([
    ['Unbound over TLS', () => at(ports.dot, {})],
    ['Unbound over HTTPS', () => at(ports.doh, https)],
    ['Knot Resolver over TLS', () => at(ports.knotDot, {})],
    ['Knot Resolver over HTTPS', () => at(ports.knotDoh, https)],
    ['dnsdist over TLS', () => at(ports.distDot, {})],
    ['dnsdist over HTTPS', () => at(ports.distDoh, https)],
  ])('%s answers a hundred questions at once, and again after a pause of its connection', async (_name, server) => {
    expect(await upstream.reach(server())).toMatchObject({ kind: 'reply' })
    expect(await hundred(message => upstream.ask(server(), message))).toEqual(labels)
    expect(await hundred(message => upstream.ask(server(), message))).toEqual(labels)
    const { secure } = server()
    const other = at(server().port, { ...secure, name: 'else.test' })
    expect(await upstream.ask(other, query())).toMatchObject({ kind: 'unverified' })
  })

  it.each([
    ['+tls', 'dot'],
    ['+https', 'doh'],
    ['+https-get', 'doh'],
  ] as const)('kdig and rootwalk query with %s agree on Unbound', async (word, which) => {
    const server = at(ports[which], which === 'dot' ? {} : https)
    expect(await upstream.reach(server)).toMatchObject({ kind: 'reply' })
    const words = ['@127.0.0.1', '-p', String(ports[which]), word, `+tls-ca=${authorities}`, '+tls-hostname=dns.test']
    const said = execFileSync('kdig', [...words, '+short', 'www.example', 'A'], { encoding: 'utf8' })
    const ours = { out: '' }
    const output = {
      out: (text: string) => {
        ours.out += text
      },
      err: (text: string) => {
        ours.out += text
      },
    }
    await runQueryLine(
      [...words, '+short', 'www.example', 'A'],
      () => Promise.resolve({ address: '127.0.0.1', port: 1 }),
      output,
    )
    expect(ours.out).toBe(said)
    expect(said).toBe('192.0.2.1\n')
  })
})
