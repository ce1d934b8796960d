/**
 * A stub in the place of the process's name resolution. The real resolvers are never asked: where a test needs
 * something below the stub, it is another stub or a function of the test.
 */
import dns, { lookup as namedLookup, promises as namedPromises, resolve4 as namedResolve4 } from 'node:dns'
import dnsPromises, { resolveTxt as namedResolveTxt } from 'node:dns/promises'
import http from 'node:http'
import net from 'node:net'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { install } from '../../../src/testing/node-dns/install.ts'
import type { DnsStub } from '../../../src/testing/stub/types.ts'
import { createDnsStub } from '../../../src/testing/create-dns-stub.ts'
import { CONDITION_MS } from '../../patience.mjs'

const running: { stub?: DnsStub; server?: http.Server } = {}
const stub = (): DnsStub => {
  if (running.stub === undefined) throw new Error('no stub')
  return running.stub
}
const url = (host: string): string => {
  const bound = running.server?.address()
  return `http://${host}:${typeof bound === 'object' && bound !== null ? bound.port : 0}/`
}

/** Everything of both modules: what must be there again afterwards. */
const snapshot = (): ReadonlyMap<string, unknown> =>
  new Map<string, unknown>([
    ...Object.entries(dns),
    ...Object.entries(dns.promises).map(([key, value]) => [`promises.${key}`, value] as const),
  ])
const pristine = snapshot()

beforeEach(async () => {
  running.stub = await createDnsStub({
    records: { 'svc.internal': { A: '127.0.0.1' }, 'big.internal': { TXT: 'a text' } },
  })
  const server = http.createServer((incoming, reply) =>
    reply.setHeader('connection', 'close').end(incoming.headers.host?.replace(/:\d+$/, '')),
  )
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  running.server = server
})
afterEach(async () => {
  running.server?.closeAllConnections()
  await new Promise(resolve => running.server?.close(resolve))
  await running.stub?.stop()
  expect([...snapshot()].filter(([key, value]) => value !== pristine.get(key)).map(([key]) => key)).toEqual([])
})

describe('code that has no hook', () => {
  test('the global fetch asks the installed stub', async () => {
    using _ = install(stub())
    expect(await (await fetch(url('svc.internal'))).text()).toBe('svc.internal')
    await expect(fetch(url('gone.internal'))).rejects.toMatchObject({
      cause: { code: 'ENOTFOUND', syscall: 'getaddrinfo', hostname: 'gone.internal' },
    })
    expect(
      stub()
        .queriesFor('svc.internal')
        .map(({ type }) => type),
    ).toEqual(['A', 'AAAA'])
    expect(stub().unmatched.map(({ name }) => name)).toEqual(['gone.internal', 'gone.internal'])
  })

  test('http.get and net.connect without lookup', async () => {
    using _ = install(stub())
    const reply = await new Promise<http.IncomingMessage>((resolve, reject) =>
      http.get(url('svc.internal'), resolve).once('error', reject),
    )
    expect(reply.statusCode).toBe(200)
    reply.resume()
    const socket = net.connect(Number(new URL(url('svc.internal')).port), 'svc.internal')
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
    expect(socket.remoteAddress).toBe('127.0.0.1')
    socket.destroy()
  })

  test('localhost and addresses are as before', async () => {
    using _ = install(stub())
    expect(await (await fetch(url('localhost'))).text()).toBe('localhost')
    expect(await (await fetch(url('127.0.0.1'))).text()).toBe('127.0.0.1')
    expect(stub().queries).toEqual([])
  })

  test('dns.lookup, with a callback, with promises and promisified, asks the installed stub', async () => {
    using _ = install(stub())
    const found = { address: '127.0.0.1', family: 4 }
    expect(await dns.promises.lookup('svc.internal')).toEqual(found)
    expect(await dnsPromises.lookup('svc.internal', { all: true })).toEqual([found])
    expect(await promisify(dns.lookup)('svc.internal')).toEqual(found)
    expect(await new Promise(resolve => dns.lookup('svc.internal', (...results) => resolve(results)))).toEqual([
      null,
      '127.0.0.1',
      4,
    ])
    expect(dns.lookup.name).toBe('lookup')
  })

  test('functions of node:dns that were imported by name ask the installed stub', async () => {
    const before = { namedLookup, namedResolve4, namedResolveTxt }
    const installation = install(stub())
    expect(namedLookup).toBe(dns.lookup)
    expect(namedLookup).not.toBe(before.namedLookup)
    expect(await namedPromises.lookup('svc.internal')).toEqual({ address: '127.0.0.1', family: 4 })
    expect(await promisify(namedResolve4)('svc.internal')).toEqual(['127.0.0.1'])
    expect(await namedResolveTxt('big.internal')).toEqual([['a text']])
    installation.dispose()
    expect({ namedLookup, namedResolve4, namedResolveTxt }).toEqual(before)
  })

  test('resolve of both modules, as mongodb does for SRV and TXT', async () => {
    using _ = install(stub())
    stub().set('_mongodb._tcp.cluster.internal', { SRV: ['0 5 27017 shard-0.cluster.internal'] })
    stub().set('cluster.internal', { TXT: 'replicaSet=rs0' })
    expect(await dns.promises.resolve('_mongodb._tcp.cluster.internal', 'SRV')).toMatchObject([
      { priority: 0, weight: 5, port: 27_017, name: 'shard-0.cluster.internal' },
    ])
    expect(await dns.promises.resolveSrv('_mongodb._tcp.cluster.internal')).toHaveLength(1)
    expect(await dns.promises.resolveTxt('cluster.internal')).toEqual([['replicaSet=rs0']])
    expect(await promisify(dns.resolve)('svc.internal')).toEqual(['127.0.0.1'])
    await expect(dns.promises.resolve4('gone.internal')).rejects.toMatchObject({
      code: 'ENOTFOUND',
      syscall: 'queryA',
      hostname: 'gone.internal',
    })
    await expect((async () => dns.promises.resolve('a', 'NOPE'))()).rejects.toThrow(/rrtype/)
  })

  test('a query without reply ends soon, in default resolvers and in new ones', async () => {
    using _ = install(stub())
    stub().fail('svc.internal', 'timeout')
    await Promise.all([
      expect(dns.promises.resolve4('svc.internal')).rejects.toMatchObject({ code: 'ETIMEOUT' }),
      expect(promisify(dns.resolve4)('svc.internal')).rejects.toMatchObject({ code: 'ETIMEOUT' }),
      expect(new dns.promises.Resolver().resolve4('svc.internal')).rejects.toMatchObject({ code: 'ETIMEOUT' }),
      expect(dns.promises.lookup('svc.internal')).rejects.toMatchObject({ code: 'EAI_AGAIN' }),
    ])
  })

  test('dns.reverse and dns.lookupService ask the installed stub', async () => {
    using _ = install(stub())
    stub().set('7.2.0.192.in-addr.arpa', { PTR: 'seven.internal' })
    expect(await dns.promises.reverse('192.0.2.7')).toEqual(['seven.internal'])
    expect(await dns.promises.lookupService('192.0.2.7', 80)).toEqual({ hostname: 'seven.internal', service: 'http' })
    expect(await promisify(dns.lookupService)('192.0.2.7', 443)).toEqual({
      hostname: 'seven.internal',
      service: 'https',
    })
    expect(await new Promise(resolve => dns.lookupService('192.0.2.7', 22, (...results) => resolve(results)))).toEqual([
      null,
      'seven.internal',
      'ssh',
    ])
    await expect(dns.promises.lookupService('192.0.2.8', 80)).rejects.toMatchObject({
      code: 'ENOTFOUND',
      syscall: 'getnameinfo',
      hostname: '192.0.2.8',
      message: 'getnameinfo ENOTFOUND 192.0.2.8',
    })
    expect(() => dns.lookupService('nine', 80, () => undefined)).toThrow(/address/)
    expect(() => dns.lookupService('192.0.2.7', 70_000, () => undefined)).toThrow(/[Pp]ort/)
  })
})

describe('resolvers', () => {
  test('getServers tells the stub, and the servers of before are back', () => {
    const before = { called: dns.getServers(), promising: dns.promises.getServers() }
    const installation = install(stub())
    expect(dns.getServers()).toEqual([stub().address])
    expect(dns.promises.getServers()).toEqual([stub().address])
    installation.dispose()
    expect({ called: dns.getServers(), promising: dns.promises.getServers() }).toEqual(before)
  })

  test('servers that the program sets while the stub is installed are asked, and forgotten', async () => {
    const before = dns.getServers()
    await using other = await createDnsStub({ records: { 'svc.internal': '192.0.2.99' } })
    {
      using _ = install(stub())
      dns.setServers([other.address])
      expect(dns.getServers()).toEqual([other.address])
      expect(await dns.promises.resolve4('svc.internal')).toEqual(['192.0.2.99'])
      expect(await promisify(dns.resolve4)('svc.internal')).toEqual(['192.0.2.99'])
      expect((await dns.promises.lookup('svc.internal')).address).toBe('127.0.0.1')
      dns.promises.setServers([stub().address])
      expect(await dns.promises.resolve4('svc.internal')).toEqual(['127.0.0.1'])
      expect(dns.getServers()).toEqual([other.address])
    }
    expect(dns.getServers()).toEqual(before)
  })

  test('new resolvers ask the stub until they are told otherwise', async () => {
    await using other = await createDnsStub({ records: { 'svc.internal': '192.0.2.99' } })
    using _ = install(stub())
    const promising = new dns.promises.Resolver({ timeout: CONDITION_MS })
    const called = new dns.Resolver()
    expect(await promising.resolve4('svc.internal')).toEqual(['127.0.0.1'])
    expect(await promisify(called.resolve4.bind(called))('svc.internal')).toEqual(['127.0.0.1'])
    promising.setServers([other.address])
    expect(await promising.resolve4('svc.internal')).toEqual(['192.0.2.99'])
    expect(promising).toBeInstanceOf(dns.promises.Resolver)
  })

  test('a class that was kept makes ordinary resolvers afterwards', () => {
    const installation = install(stub())
    const Kept = dns.Resolver
    installation.dispose()
    expect(new Kept().getServers()).toEqual(dns.getServers())
  })
})

describe('undone', () => {
  test.each([
    ['in the order of blocks', [1, 0]],
    ['the lower first', [0, 1]],
  ])('two stubs, %s', async (_, order) => {
    await using other = await createDnsStub({ records: { 'svc.internal': '192.0.2.99' } })
    const installations = [install(stub()), install(other, { nested: true })]
    const address = async (): Promise<string> => (await dns.promises.lookup('svc.internal')).address
    expect(await address()).toBe('192.0.2.99')
    installations[order[0] ?? 0]?.dispose()
    expect(await address()).toBe(order[0] === 1 ? '127.0.0.1' : '192.0.2.99')
    expect(await dns.promises.resolve4('svc.internal')).toEqual([order[0] === 1 ? '127.0.0.1' : '192.0.2.99'])
    installations[order[1] ?? 0]?.dispose()
    expect(dns.lookup).toBe(pristine.get('lookup'))
  })

  test('three installations are undone in every order', async () => {
    for (const order of [
      [0, 1, 2],
      [0, 2, 1],
      [1, 0, 2],
      [1, 2, 0],
      [2, 0, 1],
      [2, 1, 0],
    ]) {
      const installations = [install(stub()), install(stub(), { unlisted: 'passthrough' }), install(stub())]
      for (const index of order) {
        expect(dns.lookup).not.toBe(pristine.get('lookup'))
        installations[index]?.dispose()
      }
      expect([...snapshot()].filter(([key, value]) => value !== pristine.get(key))).toEqual([])
    }
  })

  test('the same stub twice; disposed twice', async () => {
    const first = install(stub())
    const second = install(stub())
    second.dispose()
    second.dispose()
    expect((await dns.promises.lookup('svc.internal')).address).toBe('127.0.0.1')
    first.dispose()
    first.dispose()
    expect(dns.lookup).toBe(pristine.get('lookup'))
  })

  test('by using, by await using, by its method', async () => {
    {
      using _ = install(stub())
      expect(dns.lookup).not.toBe(pristine.get('lookup'))
    }
    expect(dns.lookup).toBe(pristine.get('lookup'))
    {
      await using _ = install(stub())
      expect(dns.lookup).not.toBe(pristine.get('lookup'))
    }
    expect(dns.lookup).toBe(pristine.get('lookup'))
  })

  test('when the stub is stopped', async () => {
    stub().install()
    expect(dns.lookup).not.toBe(pristine.get('lookup'))
    await stub().stop()
    expect(dns.lookup).toBe(pristine.get('lookup'))
  })

  test('a spy that came later and stays: a warning, and the spy leads below', async () => {
    const warned = new Promise<Error>(resolve => process.once('warning', resolve))
    const silenced = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    const installation = install(stub())
    const spy = vi.spyOn(dns, 'lookup')
    installation.dispose()
    expect(await warned).toMatchObject({
      name: 'RootwalkWarning',
      code: 'ROOTWALK_REPLACED',
      message: expect.stringContaining('dns.lookup: replaced by something else'),
    })
    silenced.mockRestore()
    expect(await new Promise(resolve => dns.lookup('127.1', (...results) => resolve(results)))).toEqual([
      null,
      '127.0.0.1',
      4,
    ])
    expect(stub().queries).toEqual([])
    spy.mockRestore()
    // What the spy had kept is ours, which now only hands on.
    expect(dns.lookup).not.toBe(pristine.get('lookup'))
    Reflect.set(dns, 'lookup', pristine.get('lookup'))
  })

  test('a function that was kept leads below afterwards', async () => {
    const below = vi.spyOn(dns.promises, 'lookup').mockResolvedValue({ address: '192.0.2.200', family: 4 })
    const installation = install(stub())
    const kept = dns.promises.lookup
    const keptLookup = promisify(dns.lookup)
    expect(await kept('svc.internal')).toEqual({ address: '127.0.0.1', family: 4 })
    installation.dispose()
    expect(await kept('svc.internal')).toEqual({ address: '192.0.2.200', family: 4 })
    expect(await keptLookup('svc.internal')).toEqual({ address: '192.0.2.200', family: 4 })
    expect(dns.promises.lookup).toBe(below)
    below.mockRestore()
  })
})

describe('passthrough', () => {
  test('what is unlisted goes to what was there before; what is listed does not, failures and all', async () => {
    await using below = await createDnsStub({
      records: {
        'svc.internal': '192.0.2.99',
        'real.example': '192.0.2.80',
        'failing.internal': '192.0.2.81',
        'text.example': { TXT: 'below' },
      },
    })
    using _below = install(below)
    stub().fail('failing.internal', 'SERVFAIL')
    stub().fail('absent.internal', 'NXDOMAIN')
    using _ = install(stub(), { unlisted: 'passthrough', nested: true })
    expect((await dns.promises.lookup('svc.internal')).address).toBe('127.0.0.1')
    expect((await dns.promises.lookup('real.example')).address).toBe('192.0.2.80')
    expect(await promisify(dns.lookup)('real.example', { all: true })).toEqual([{ address: '192.0.2.80', family: 4 }])
    expect(await dns.promises.resolve4('real.example')).toEqual(['192.0.2.80'])
    expect(await promisify(dns.resolveTxt)('text.example')).toEqual([['below']])
    expect(await new dns.promises.Resolver().resolve4('real.example')).toEqual(['192.0.2.80'])
    await expect(dns.promises.lookup('failing.internal')).rejects.toMatchObject({ code: 'EAI_AGAIN' })
    await expect(dns.promises.lookup('absent.internal')).rejects.toMatchObject({ code: 'ENOTFOUND' })
    await expect(dns.promises.resolve6('svc.internal')).rejects.toMatchObject({ code: 'ENODATA' })
    await expect(dns.promises.lookup('nowhere.example')).rejects.toMatchObject({ code: 'ENOTFOUND' })
    expect(new Set(below.queries.map(({ name }) => name))).toEqual(
      new Set(['real.example', 'text.example', 'nowhere.example']),
    )
  })

  test('a reverse look-up of an unlisted address is passed on', async () => {
    await using below = await createDnsStub({ records: { '7.2.0.192.in-addr.arpa': { PTR: 'seven.example' } } })
    using _below = install(below)
    using _ = install(stub(), { unlisted: 'passthrough', nested: true })
    expect(await dns.promises.reverse('192.0.2.7')).toEqual(['seven.example'])
    expect((await dns.promises.lookupService('192.0.2.7', 80)).hostname).toBe('seven.example')
  })

  test('an unlisted name is an error by default', async () => {
    const below = vi.spyOn(dns.promises, 'lookup')
    {
      using _ = install(stub())
      await expect(dns.promises.lookup('real.example')).rejects.toMatchObject({ code: 'ENOTFOUND' })
    }
    expect(below).not.toHaveBeenCalled()
    below.mockRestore()
  })

  test('another word is a mistake, and changes nothing', () => {
    const options = JSON.parse('{"unlisted":"passthru"}')
    expect(() => install(stub(), options)).toThrow('expected unlisted to be "error" or "passthrough", found "passthru"')
  })
})
