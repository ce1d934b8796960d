import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createDnsStub } from '../../../src/testing/create-dns-stub.ts'
import type { DnsStub } from '../../../src/testing/stub/types.ts'
import { ask, askOverTcp, firstFrame, hereLine, overTcp, queryFor } from '../raw.ts'

let dns: DnsStub
beforeAll(async () => {
  dns = await createDnsStub({ records: { 'api.internal': '192.0.2.1', 'db.internal': '192.0.2.2' } })
})
beforeEach(() => void dns.clear())
afterAll(() => dns.stop())

describe('recorded queries', () => {
  it('have everything that a client shows', async () => {
    const before = new Date()
    await ask(dns, 'API.internal', 'A', { id: 77, edns: 1400, dnssecOk: true })
    await askOverTcp(dns, 'api.internal', 'TYPE65280', { id: 78 })
    const [first, second] = dns.queries
    expect(first).toEqual({
      name: 'api.internal',
      type: 'A',
      class: 'IN',
      transport: 'udp',
      client: { address: '127.0.0.1', port: expect.any(Number) },
      id: 77,
      edns: { payloadSize: 1400, dnssecOk: true, options: [] },
      at: expect.any(Date),
      atMs: expect.any(Number),
      matched: true,
      answeredWith: 'NOERROR',
    })
    expect(second).toMatchObject({
      type: 'TYPE65280',
      transport: 'tcp',
      edns: null,
      id: 78,
      matched: true,
      answeredWith: 'NOERROR',
    })
    expect(first?.at.getTime()).toBeGreaterThanOrEqual(before.getTime())
    expect(second?.atMs).toBeGreaterThanOrEqual(first?.atMs ?? Number.POSITIVE_INFINITY)
  })

  it('are found by name, pattern and type', async () => {
    for (const [name, type] of [
      ['api.internal', 'A'],
      ['api.internal', 'AAAA'],
      ['db.internal', 'A'],
      ['x.y.internal', 'A'],
    ] as const)
      await ask(dns, name, type)
    const names = (...found: Parameters<DnsStub['queriesFor']>): readonly string[] =>
      dns.queriesFor(...found).map(query => `${query.name} ${query.type}`)
    expect(names('API.internal.')).toEqual(['api.internal A', 'api.internal AAAA'])
    expect(names('api.internal', 'aaaa')).toEqual(['api.internal AAAA'])
    expect(names('*.internal', 'A')).toEqual(['api.internal A', 'db.internal A', 'x.y.internal A'])
    expect(names('*')).toHaveLength(4)
    expect(names('other.internal')).toEqual([])
    dns.clearQueries()
    expect(dns.queries).toEqual([])
  })

  it('are a copy: what came later is not in it', async () => {
    await ask(dns, 'api.internal')
    const { queries } = dns
    await ask(dns, 'api.internal')
    expect(queries).toHaveLength(1)
    expect(dns.queries).toHaveLength(2)
  })

  it('are all those that are a question, also ones that no server answers; others are not', async () => {
    expect(await ask(dns, 'api.internal', 'AXFR')).toMatchObject({ rcode: 5 })
    expect(dns.queries).toMatchObject([{ name: 'api.internal', type: 'AXFR', matched: true, answeredWith: 'REFUSED' }])
    const future = queryFor('api.internal', 'A', { edns: 512 })
    future[future.length - 5] = 1
    expect((await overTcp(dns, [future])).messages).toHaveLength(1)
    expect(dns.queries.at(-1)).toMatchObject({ matched: true, answeredWith: 'BADVERS' })
    dns.clearQueries()
    const notify = queryFor('api.internal')
    notify[2] = 0x20
    const broken = queryFor('api.internal').slice(0, 20)
    const { messages } = await overTcp(dns, [notify, broken])
    expect(messages.map(reply => (reply[3] ?? 0) & 0xf)).toEqual([4, 1])
    expect(dns.queries).toEqual([])
  })
})

describe('waitForQuery', () => {
  it('gives one that already came, or the one that comes, or the so many-th', async () => {
    await ask(dns, 'api.internal')
    expect(await dns.waitForQuery('api.internal')).toMatchObject({ name: 'api.internal' })
    const later = dns.waitForQuery('late.internal', { type: 'AAAA' })
    const third = dns.waitForQuery('api.internal', { count: 3 })
    await ask(dns, 'late.internal')
    await ask(dns, 'late.internal', 'AAAA', { id: 5 })
    await ask(dns, 'api.internal', 'A', { id: 6 })
    await ask(dns, 'api.internal', 'A', { id: 7 })
    expect(await later).toMatchObject({ type: 'AAAA', id: 5 })
    expect(await third).toMatchObject({ id: 7 })
  })

  it('says what was asked instead, at the line that waited', async () => {
    await ask(dns, 'api.internal')
    const here = hereLine(2)
    const error: unknown = await dns
      .waitForQuery('late.internal', { type: 'A', timeout: 10 })
      .catch((reason: unknown) => reason)
    expect(error).toMatchObject({
      name: 'AssertionError',
      message: 'no query for late.internal A came within 10 ms; asked was api.internal A',
    })
    expect(firstFrame(error)).toBe(here)
    await expect(dns.waitForQuery('api.internal', { count: 2, timeout: 0 })).rejects.toThrow(
      '1 of 2 queries for api.internal came within 0 ms',
    )
  })

  it('waitForQuery rejects when the stub is stopped', async () => {
    const own = await createDnsStub()
    const waiting = expect(own.waitForQuery('a.test', { timeout: 60_000 })).rejects.toThrow(
      'no query for a.test came before the stub was stopped; nothing was asked',
    )
    await own.stop()
    await waiting
  })

  it('rejects for a mistake, at the line of the caller', async () => {
    const here = hereLine(1)
    const error: unknown = await Reflect.apply(dns.waitForQuery, dns, ['a.test', { timeuot: 1 }]).catch(
      (reason: unknown) => reason,
    )
    expect(error).toBeInstanceOf(TypeError)
    expect(String(error)).toContain('unknown field "timeuot" (did you mean "timeout"?)')
    expect(firstFrame(error)).toBe(here)
  })
})

describe('assertNoUnmatched', () => {
  it('is content when every name was known', async () => {
    await ask(dns, 'api.internal')
    await ask(dns, 'api.internal', 'MX')
    dns.fail('gone.internal', 'NXDOMAIN')
    await ask(dns, 'gone.internal')
    expect(() => dns.assertNoUnmatched()).not.toThrow()
  })

  it('tells what was not, how often, and what may have been meant', async () => {
    await ask(dns, 'ap.internal')
    await ask(dns, 'ap.internal')
    await askOverTcp(dns, 'something.else')
    dns.fail('*', 'truncate')
    dns.delay('*', 0)
    await ask(dns, 'third.else')
    let error: unknown
    const here = hereLine(2)
    try {
      dns.assertNoUnmatched()
    } catch (thrown) {
      error = thrown
    }
    expect(error).toMatchObject({
      name: 'AssertionError',
      message: [
        'the stub was asked 3 questions that nothing in it answers:',
        '  ap.internal A (udp, 2 times, answered NXDOMAIN); did you mean api.internal?',
        '  something.else A (tcp, answered NXDOMAIN)',
        '  third.else A (udp, answered truncate)',
      ].join('\n'),
    })
    expect(firstFrame(error)).toBe(here)
  })

  it('lists ten and counts the rest', async () => {
    for (let i = 0; i < 12; i++) await ask(dns, `n${i}.else`)
    expect(() => dns.assertNoUnmatched()).toThrow(/asked 12 questions[\s\S]*n9\.else[\s\S]*and 2 more$/)
  })
})
