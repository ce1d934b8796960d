import { execFile } from 'node:child_process'
import { Resolver } from 'node:dns/promises'
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createClock, createInternet, createResolver } from '../../../src/testing/index.ts'
import type { InternetZones, SocketInternet } from '../../../src/testing/index.ts'
import { startUnbound, whereIs } from '../../daemons.mjs'
import { unless } from '../../tools.ts'
import { mistakeOf, rejectedMistake } from '../mistakes.ts'
import { CONDITION_MS } from '../../patience.mjs'

// Not under `test`: Unbound answers that one itself (RFC 6761).
const zones: InternetZones = {
  'example.com': {
    records: {
      www: { A: '192.0.2.1', AAAA: '2001:db8::1' },
      big: { TXT: Array.from({ length: 20 }, (_, i) => `${i}${'x'.repeat(200)}`) },
      alias: { CNAME: 'www.shop.net' },
    },
  },
  'shop.net': { records: { www: '192.0.2.2' }, ns: ['ns1.example.com'] },
  'half.org': { records: { www: '192.0.2.4' }, faults: { ns1: 'refuses' } },
  'bad.org': { records: { www: '192.0.2.3' }, faults: { ns1: 'lame', ns2: ['refuses for refused', 'slow(30)'] } },
}

/** As users of Node ask. */
function nodeResolver(address: string): Resolver {
  const resolver = new Resolver({ timeout: CONDITION_MS, tries: 1 })
  resolver.setServers([address])
  return resolver
}

const open: SocketInternet[] = []
afterEach(async () => {
  for (const net of open.splice(0)) await net.stop()
})
async function opened(given: InternetZones = zones, options = {}): Promise<SocketInternet> {
  const net = await createInternet(given, { ...options, sockets: true })
  open.push(net)
  return net
}

describe('on loopback sockets', () => {
  test('each server has its own address, all have one port', async () => {
    const net = await opened()
    const addresses = net.servers.flatMap(server => net.addressesOf(server))
    expect(new Set(addresses).size).toBe(net.servers.length)
    for (const address of addresses) expect(address).toMatch(/^127\.53\.0\.\d+$/)
    expect(net.rootHints).toEqual({
      port: net.port,
      servers: [{ name: 'a.root-servers.net', addresses: ['127.53.0.1'] }],
      text: '. 3600000 IN NS a.root-servers.net.\na.root-servers.net. 3600000 IN A 127.53.0.1\n',
    })
    expect(readFileSync(net.hintsFile(), 'utf8')).toBe(net.rootHints.text)
    const file = net.hintsFile()
    await net.stop()
    expect(existsSync(file)).toBe(false)
  })

  test('its own resolver walks it; TTLs are on the clock, queries are seen', async () => {
    const clock = createClock()
    const net = await opened(zones, { clock })
    expect(await net.resolve('www.example.com')).toMatchObject({
      rcode: 'NOERROR',
      answers: [{ data: '192.0.2.1', ttl: 60 }],
    })
    expect(net.queriesTo('a.root-servers.net').length).toBeGreaterThan(0)
    clock.advance('59s')
    expect(await net.resolve('www.example.com')).toMatchObject({ fromCache: true, answers: [{ ttl: 1 }] })
    clock.advance('1s')
    expect(await net.resolve('www.example.com')).toMatchObject({ fromCache: false })
    expect((await net.resolve('big.example.com', 'TXT')).answers).toHaveLength(20)
    expect(
      net.queriesFor('big.example.com', 'TXT').map(({ transport, answeredWith }) => `${transport} ${answeredWith}`),
    ).toEqual(['udp NOERROR tc', 'tcp NOERROR'])
    expect((await net.resolve('alias.example.com')).answers.map(({ type }) => type)).toEqual(['CNAME', 'A'])
    expect(await net.resolve('nothing.example.com')).toMatchObject({ rcode: 'NXDOMAIN' })
  })

  test('faults and changes while it runs', async () => {
    const net = await opened()
    expect((await net.resolve('www.bad.org')).rcode).toBe('NOERROR')
    expect((await net.resolve('refused.bad.org')).rcode).toBe('SERVFAIL')
    const fault = net.fault('ns2.bad.org', 'servfails')
    await using fresh = net.resolver({ minimise: 'off' })
    expect((await fresh.query('www.bad.org')).rcode).toBe('SERVFAIL')
    fault.remove()
    fresh.clearCache()
    net.set('www.bad.org', '192.0.2.33')
    expect((await fresh.query('www.bad.org')).answers.map(({ data }) => data)).toEqual(['192.0.2.33'])
    net.removeDelegation('bad.org')
    fresh.clearCache()
    expect((await fresh.query('www.bad.org')).rcode).toBe('NXDOMAIN')
  })

  test('records that hold addresses of servers move with them, others do not', async () => {
    const net = await opened({
      'a.test': { records: { www: ['192.0.2.53', '192.0.2.54'] }, ns: { ns1: { address: '192.0.2.53' } } },
    })
    const [server = ''] = net.addressesOf('ns1.a.test')
    expect((await net.resolve('www.a.test')).answers.map(({ data }) => data).sort()).toEqual([server, '192.0.2.54'])
    expect((await net.resolve('ns1.a.test')).answers.map(({ data }) => data)).toEqual([server])
  })

  test('createResolver takes the roots of an internet on sockets', async () => {
    const net = await opened()
    const clock = createClock()
    await using resolver = createResolver({ roots: net.rootHints, clock, ipv6: false })
    expect(await resolver.query('www.shop.net')).toMatchObject({ answers: [{ data: '192.0.2.2' }] })
    expect(net.queriesTo('ns1.example.com').length).toBeGreaterThan(0)
  })

  test("rootwalk's server in front of it, for whoever asks; its TTLs are on the clock", async () => {
    const net = await opened()
    const server = await net.startResolver()
    const client = nodeResolver(server.address)
    expect(await client.resolve4('www.example.com', { ttl: true })).toEqual([{ address: '192.0.2.1', ttl: 60 }])
    net.clock.advance('59s')
    expect(await client.resolve4('www.example.com', { ttl: true })).toEqual([{ address: '192.0.2.1', ttl: 1 }])
    expect(await client.resolve6('www.example.com')).toEqual(['2001:db8::1'])
    expect(await client.resolveTxt('big.example.com')).toHaveLength(20)
    await expect(client.resolve4('nothing.example.com')).rejects.toMatchObject({ code: 'ENOTFOUND' })
    await expect(client.resolve4('refused.bad.org')).rejects.toMatchObject({ code: 'ESERVFAIL' })
    net.set('www.example.com', '192.0.2.77')
    net.clock.advance('1s')
    expect(await client.resolve4('www.example.com')).toEqual(['192.0.2.77'])
    server.clearCache()
    net.clearQueries()
    await client.resolve4('www.example.com')
    expect(net.queries.map(query => query.server)).toContain('a.root-servers.net')
    await server.stop()
    await net.stop()
    await expect(
      new Promise((resolve, reject) =>
        createServer()
          .listen(server.port, server.host, () => resolve('free'))
          .on('error', reject),
      ),
    ).resolves.toBe('free')
  })

  test('several at once, with equal seeds', async () => {
    const nets = await Promise.all(
      Array.from({ length: 5 }, (_, i) => opened({ 'a.test': { records: { www: `192.0.2.${i}` } } })),
    )
    expect(await Promise.all(nets.map(async net => (await net.resolve('www.a.test')).answers[0]?.data))).toEqual(
      nets.map((_, i) => `192.0.2.${i}`),
    )
  })

  test('mistakes reject at the line that made them', async () => {
    const untyped: SocketInternet['fault'] = (...args) => Reflect.apply(net.fault, net, args)
    const net = await opened()
    expect(
      await rejectedMistake(createInternet({ 'a.test': { faults: { ns1: 'lam' } } }, { sockets: true })),
    ).toMatchObject({
      message: expect.stringMatching(/did you mean "lame"/),
      file: expect.stringContaining('sockets.test.ts'),
    })
    expect(mistakeOf(() => untyped('nobody', 'lame')).message).toMatch(/there is no server/)
    expect(await rejectedMistake(net.startResolver(JSON.parse('{"prot":1}')))).toMatchObject({
      message: expect.stringMatching(/did you mean "port"/),
      file: expect.stringContaining('sockets.test.ts'),
    })
    expect(mistakeOf(() => net.fault('nobody', 'lame')).file).toContain('sockets.test.ts')
  })

  test("a port that is taken is the system's error, and nothing stays open", async () => {
    const holder = createServer()
    await new Promise<void>(resolve => holder.listen(0, '127.0.0.1', resolve))
    const address = holder.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const net = await opened()
    await expect(net.startResolver({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' })
    await new Promise(resolve => holder.close(resolve))
  })
})

/** Other resolvers know root servers on port 53 only. */
async function whyNoPort53(): Promise<string | null> {
  if (whereIs('unbound') === null) return 'needs unbound'
  try {
    const net = await createInternet({ 'a.test': {} }, { sockets: true, port: 53 })
    await net.stop()
    return null
  } catch (error) {
    return `port 53 of loopback addresses: ${error instanceof Error && 'code' in error ? String(error.code) : 'not to be had'}`
  }
}

unless(await whyNoPort53())('real resolvers', () => {
  let net: SocketInternet
  let unbound: Awaited<ReturnType<typeof startUnbound>>
  let port = 0
  beforeAll(async () => {
    net = await createInternet(zones, { sockets: true, port: 53 })
    const server = await net.startResolver()
    port = server.port
    await server.stop()
    unbound = await startUnbound({ address: '127.0.0.1', port, hints: net.rootHints.text })
  })
  afterAll(async () => {
    await unbound?.stop()
    await net?.stop()
  })

  test('unbound walks from its root hints', async () => {
    const client = nodeResolver(`127.0.0.1:${port}`)
    expect(await client.resolve4('www.example.com')).toEqual(['192.0.2.1'])
    expect(await client.resolve4('alias.example.com')).toEqual(['192.0.2.2'])
    // Not bad.org: Unbound takes what a lame server says for NODATA.
    expect(await client.resolve4('www.half.org')).toEqual(['192.0.2.4'])
    expect(await client.resolveTxt('big.example.com')).toHaveLength(20)
    await expect(client.resolve4('nothing.example.com')).rejects.toMatchObject({ code: 'ENOTFOUND' })
    expect(net.queriesTo('a.root-servers.net').length).toBeGreaterThan(0)
    expect(net.queriesFor('www.example.com', 'A').map(query => query.server)).toEqual(
      expect.arrayContaining([expect.stringMatching(/^ns[12]\.example\.com$/)]),
    )
  })

  test('dig finds an authoritative server at its address', async () => {
    const dig = whereIs('dig')
    if (dig === null) return
    const [address = ''] = net.addressesOf('ns1.example.com')
    const { stdout } = await promisify(execFile)(dig, [
      `@${address}`,
      '-p',
      String(net.port),
      'www.example.com',
      'A',
      '+norec',
    ])
    expect(stdout).toMatch(/flags: qr aa;[\s\S]*www\.example\.com\.\s+60\s+IN\s+A\s+192\.0\.2\.1/)
  })
})
