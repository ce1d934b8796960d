import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createClock, createDnsStub, createInternet, createResolver } from '../../src/testing/index.ts'
import type { CachingResolver, DnsStub, TestClock } from '../../src/testing/index.ts'
import { mistakeOf, rejectedMistake } from './mistakes.ts'

describe('the clock', () => {
  test('stands still until it is moved', () => {
    const clock = createClock()
    expect(clock.now()).toBeGreaterThan(0)
    const [before, date] = [clock.now(), clock.date.getTime()]
    expect([clock.now(), clock.date.getTime()]).toEqual([before, date])
    for (const [duration, ms] of [
      ['59s', 59_000],
      ['1h30m', 5_400_000],
      ['2d', 172_800_000],
      ['250ms', 250],
      [7, 7],
      [0, 0],
    ] as const) {
      const [now, wall] = [clock.now(), clock.date.getTime()]
      clock.advance(duration)
      expect([clock.now() - now, clock.date.getTime() - wall]).toEqual([ms, ms])
    }
  })

  test("begins at a date of one's own", () => {
    for (const at of ['2030-05-06T07:08:09Z', new Date('2030-05-06T07:08:09Z')])
      expect(createClock({ at }).date.toISOString()).toMatch(/^2030-05-06T07:08:09/)
    expect(createClock().date.toISOString()).toMatch(/^2026-01-01T00:00:00/)
  })

  test('what is due in the time that passes happens, in order', () => {
    const clock = createClock()
    const seen: string[] = []
    clock.after(2_000, () => seen.push('two'))
    clock.after(1_000, () => seen.push('one'))
    clock.after(3_001, () => seen.push('three'))
    clock.advance('3s')
    expect(seen).toEqual(['one', 'two'])
  })
})

describe('a caching resolver in front of a stub', () => {
  let dns: DnsStub
  let clock: TestClock
  let res: CachingResolver
  beforeAll(async () => {
    dns = await createDnsStub({
      zone: 'neg.test. 300 SOA ns.neg.test. root.neg.test. 1 1 1 1 30\nneg.test. 300 NS ns.neg.test.\nns.neg.test. 300 A 127.0.0.1\n',
      records: {
        'a.test': { A: '192.0.2.1', ttl: 60 },
        'alias.test': { CNAME: 'a.test', ttl: 5 },
        'b.deep.down.test': '192.0.2.2',
      },
    })
  })
  afterAll(() => dns.stop())
  beforeEach(() => {
    dns.clear()
    clock = createClock()
    res = createResolver({ upstream: dns.address, clock })
  })
  afterEach(() => res.stop())

  test('TTLs count down and end, without sleeping', async () => {
    expect(await res.query('a.test')).toMatchObject({
      rcode: 'NOERROR',
      fromCache: false,
      answers: [{ name: 'a.test', type: 'A', ttl: 60, data: '192.0.2.1' }],
    })
    clock.advance('59s')
    expect((await res.query('a.test')).answers[0]?.ttl).toBe(1)
    expect(dns.queriesFor('a.test')).toHaveLength(1)
    clock.advance('1s')
    expect(await res.query('a.test')).toMatchObject({ fromCache: false, answers: [{ ttl: 60 }] })
    expect(dns.queriesFor('a.test')).toHaveLength(2)
  })

  test('the stub is asked for the names queried, for where an alias leads, and nothing else', async () => {
    expect((await res.query('b.deep.down.test')).answers.map(({ data }) => data)).toEqual(['192.0.2.2'])
    expect((await res.query('alias.test')).answers.map(({ type, ttl }) => [type, ttl])).toEqual([
      ['CNAME', 5],
      ['A', 60],
    ])
    expect(dns.queries.map(({ name, type, transport }) => `${name} ${type} ${transport}`)).toEqual([
      'b.deep.down.test A udp',
      'alias.test A udp',
      // The stub is the root here: what an alias in its reply leads to could be another's, and is asked for by itself.
      'a.test A udp',
    ])
    dns.assertNoUnmatched()
  })

  test('a denial is remembered as long as the SOA of the zone says, and for five seconds without one', async () => {
    expect(await res.query('new.neg.test')).toMatchObject({
      rcode: 'NXDOMAIN',
      answers: [],
      soa: { name: 'neg.test', ttl: 30 },
    })
    dns.set('new.neg.test', '192.0.2.9')
    clock.advance('29s')
    expect(await res.query('new.neg.test')).toMatchObject({ rcode: 'NXDOMAIN', fromCache: true, soa: { ttl: 1 } })
    clock.advance('1s')
    expect(await res.query('new.neg.test')).toMatchObject({ rcode: 'NOERROR', fromCache: false })
    for (const count of [1, 2]) {
      expect(await res.query('unlisted.test')).toMatchObject({ rcode: 'NXDOMAIN', soa: null, fromCache: false })
      clock.advance('4s')
      expect(await res.query('unlisted.test')).toMatchObject({ rcode: 'NXDOMAIN', soa: null })
      expect(dns.queriesFor('unlisted.test')).toHaveLength(count)
      clock.advance('1s')
    }
  })

  test('faults reach it: a failure is one, TC goes to TCP', async () => {
    dns.fail('a.test', 'REFUSED')
    expect(await res.query('a.test')).toMatchObject({
      rcode: 'SERVFAIL',
      error: { code: expect.any(Number), text: expect.stringMatching(/./) },
    })
    dns.clear()
    res.clearCache()
    dns.fail('a.test', 'truncate')
    expect(await res.query('a.test')).toMatchObject({ rcode: 'NOERROR' })
    expect(dns.queriesFor('a.test').map(({ transport }) => transport)).toEqual(['udp', 'tcp'])
  })

  test('a stub can stand for its address; two resolvers share a clock, not a cache', async () => {
    await using other = createResolver({ upstream: dns, clock })
    await res.query('a.test')
    expect(await other.query('a.test')).toMatchObject({ fromCache: false })
    clock.advance('30s')
    expect([await res.query('a.test'), await other.query('a.test')].map(answer => answer.answers[0]?.ttl)).toEqual([
      30, 30,
    ])
    res.clearCache()
    expect((await res.query('a.test')).answers[0]?.ttl).toBe(60)
  })

  test('the same clock moves an internet and a resolver', async () => {
    const net = createInternet({ 'example.com': { records: { www: '192.0.2.1' } } }, { clock })
    net.resolve('www.example.com')
    await res.query('a.test')
    clock.advance('10s')
    const left = net.resolve('www.example.com').answers[0]?.ttl
    // The walk in memory took its own virtual milliseconds, which the clock shows to all.
    expect([left, (await res.query('a.test')).answers[0]?.ttl]).toEqual([50, 50])
  })

  test('a mistake in the options of a caching resolver is an error at the line that made it', async () => {
    expect(mistakeOf(() => createResolver({}))).toMatchObject({
      message: expect.stringMatching(/expected one of upstream .* and roots/),
      file: expect.stringContaining('clock.test.ts'),
    })
    expect(mistakeOf(() => createResolver({ upstream: 'localhost:53' }))).toMatchObject({
      message: expect.stringMatching(/expected a server like/),
      file: expect.stringContaining('clock.test.ts'),
    })
    expect(await rejectedMistake(res.query('a..test'))).toMatchObject({
      message: expect.stringMatching(/empty label/),
      file: expect.stringContaining('clock.test.ts'),
    })
    expect(await rejectedMistake(res.query('a.test', 'AAAAA'))).toMatchObject({
      message: expect.stringMatching(/did you mean/),
    })
  })
})
