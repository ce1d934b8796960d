import { createServer } from 'node:net'
import { promises } from 'node:dns'
import { createSocket } from 'node:dgram'
import { describe, expect, it } from 'vitest'
import { createDnsStub } from '../../src/testing/index.ts'
import type { DnsStub } from '../../src/testing/index.ts'
import { unless } from '../tools.ts'
import { localAddresses } from '../../src/net/local-addresses.ts'
import { ask, askOverTcp, firstFrame, hereLine, lines, overTcp, queryFor } from './raw.ts'
import { CONDITION_MS } from '../patience.mjs'

describe('a stub', () => {
  it('is one line, and works with a resolver of Node', async () => {
    await using dns = await createDnsStub({ records: { 'db.internal': { A: '10.0.0.5' } } })
    const resolver = new promises.Resolver({ timeout: CONDITION_MS, tries: 1 })
    resolver.setServers([dns.address])
    expect(await resolver.resolve4('db.internal')).toEqual(['10.0.0.5'])
    expect(await dns.resolver().resolve4('db.internal')).toEqual(['10.0.0.5'])
    await expect(dns.resolver().resolve4('other.internal')).rejects.toMatchObject({ code: 'ENOTFOUND' })
    await expect(dns.resolver().resolve6('db.internal')).rejects.toMatchObject({ code: 'ENODATA' })
  })

  it('has one random port for both transports', async () => {
    await using dns = await createDnsStub({ records: { 'a.test': '192.0.2.1' } })
    expect(dns).toMatchObject({ host: '127.0.0.1', address: `127.0.0.1:${dns.port}` })
    expect((await ask(dns, 'a.test')).answer).toEqual((await askOverTcp(dns, 'a.test')).answer)
  })

  it('takes a port and an address; one that is taken is an error with its code, at the line of the test', async () => {
    await using dns = await createDnsStub()
    const here = hereLine(1)
    const error: unknown = await createDnsStub({ port: dns.port }).catch((reason: unknown) => reason)
    expect(error).toMatchObject({
      code: 'EADDRINUSE',
      message: expect.stringContaining(`the stub cannot listen on 127.0.0.1:${dns.port} (udp)`),
    })
    expect(firstFrame(error)).toBe(here)
    const { port } = dns
    await dns.stop()
    await using again = await createDnsStub({ port })
    expect(again.port).toBe(port)
  })

  it('leaves nothing open when TCP cannot be had', async () => {
    const blocker = createServer()
    await new Promise<void>(resolve => blocker.listen(0, '127.0.0.1', resolve))
    const bound = blocker.address()
    const port = typeof bound === 'object' && bound !== null ? bound.port : 0
    await expect(createDnsStub({ port })).rejects.toMatchObject({
      code: 'EADDRINUSE',
      message: expect.stringContaining('(tcp)'),
    })
    const free = createSocket('udp4')
    await new Promise<void>(resolve => free.bind({ port, address: '127.0.0.1', exclusive: true }, resolve))
    free.close()
    await new Promise(resolve => blocker.close(resolve))
  })

  it('frees its port, can be stopped twice, and is empty from clear to clear', async () => {
    const dns = await createDnsStub()
    dns.fail('a.test', 'timeout')
    dns.set('a.test', '192.0.2.1')
    dns.clear()
    expect([dns.faults, dns.records, dns.queries]).toEqual([[], [], []])
    await Promise.all([dns.stop(), dns.stop()])
    await dns[Symbol.asyncDispose]()
    await expect(dns.resolver({ timeout: 50, tries: 1 }).resolve4('a.test')).rejects.toMatchObject({
      code: expect.stringMatching(/ECONNREFUSED|ETIMEOUT/),
    })
  })

  it('stops at once, whoever is connected or waits', async () => {
    const dns = await createDnsStub({ records: { 'a.test': '192.0.2.1' }, handler: () => new Promise(() => {}) })
    const idle = overTcp(dns, [queryFor('a.test')], 2)
    await dns.waitForQuery('a.test')
    await dns.stop()
    expect(await idle).toMatchObject({ messages: [], end: expect.stringMatching(/end|reset/) })
  })
})

describe('strict', () => {
  it('rejects on stop for unmatched queries, at the line that stopped it', async () => {
    const dns = await createDnsStub({ strict: true })
    await ask(dns, 'x.test')
    const here = hereLine(1)
    const error: unknown = await dns.stop().catch((reason: unknown) => reason)
    expect(error).toMatchObject({ name: 'AssertionError', message: expect.stringContaining('x.test A') })
    expect(firstFrame(error)).toBe(here)
    await expect(dns.stop()).resolves.toBeUndefined()
  })

  it('rejects with what handlers threw', async () => {
    const one = await createDnsStub({ strict: true })
    one.on('x.test', () => {
      throw new Error('boom')
    })
    await ask(one, 'x.test')
    await expect(one.stop()).rejects.toThrow('boom')
  })

  it('a strict stub has no complaint when every name is known', async () => {
    const dns = await createDnsStub({ strict: true, records: { 'a.test': '192.0.2.1' } })
    await ask(dns, 'a.test')
    await expect(dns.stop()).resolves.toBeUndefined()
  })
})

describe('many stubs', () => {
  it('200 at once in one process know nothing of each other', async () => {
    const stubs = await Promise.all(
      Array.from({ length: 200 }, (_, i) => createDnsStub({ records: { 'a.test': `192.0.2.${i}` }, seed: i })),
    )
    try {
      expect(new Set(stubs.map(stub => stub.port)).size).toBe(200)
      stubs[7]?.set('only.test', '192.0.2.1').fail('a.test', 'SERVFAIL')
      const replies = await Promise.all(stubs.map(stub => ask(stub, 'a.test', 'A')))
      for (const [i, reply] of replies.entries())
        expect(i === 7 ? reply.rcode : lines(reply.answer)).toEqual(i === 7 ? 2 : [`a.test. 60 IN A 192.0.2.${i}`])
      expect(stubs.map(stub => stub.queries.length)).toEqual(Array(200).fill(1))
    } finally {
      await Promise.all(stubs.map(stub => stub.stop()))
    }
  })
})

unless(localAddresses().includes('::1') ? null : 'no IPv6 here')('over IPv6', () => {
  it('a stub is asked at its address', async () => {
    await using dns: DnsStub = await createDnsStub({ address: '::1', records: { 'a.test': '2001:db8::1' } })
    expect(dns).toMatchObject({ host: '::1', address: `[::1]:${dns.port}` })
    expect(await dns.resolver().resolve6('a.test')).toEqual(['2001:db8::1'])
    dns.fail('a.test', 'wrongSource')
    await expect(dns.resolver({ timeout: 50, tries: 1 }).resolve6('a.test')).rejects.toMatchObject({ code: 'ETIMEOUT' })
    expect(dns.queries[0]?.client.address).toBe('::1')
  })
})
