/** The fixture and the matchers, as a test uses them. */
import { lookup } from 'node:dns'
import { describe, expect as plainExpect } from 'vitest'
import { dnsMatchers } from '../../src/testing/matchers.ts'
import type { DnsStub } from '../../src/testing/stub/types.ts'
import { expect, it, test, testWith } from '../../src/testing/vitest.ts'

const seen: DnsStub[] = []

describe('the fixture', () => {
  test('is a stub without records', async ({ dns }) => {
    seen.push(dns)
    expect(dns.address).toMatch(/^127\.0\.0\.1:\d+$/)
    dns.set('api.internal', '192.0.2.1')
    expect(await dns.resolver().resolve4('api.internal')).toEqual(['192.0.2.1'])
  })

  it('is another one for the next test, and the one before is gone', async ({ dns }) => {
    const [before] = seen
    expect(before).not.toBe(dns)
    expect(dns.queries).toEqual([])
    await expect(before?.resolver({ tries: 1, timeout: 100 }).resolve4('api.internal')).rejects.toThrow()
    dns.install()
    seen.push(dns)
  })

  test('what a test installed is gone with it', () => {
    expect(seen).toHaveLength(2)
    expect(lookup.name).toBe('lookup')
    expect(Object.getOwnPropertySymbols(lookup).map(String)).not.toContain('Symbol(rootwalk.patch)')
  })

  testWith({ records: { 'db.internal': '10.0.0.5' }, ttl: 7 })('with options', async ({ dns, dnsOptions }) => {
    expect(await dns.resolver().resolve4('db.internal', { ttl: true })).toEqual([{ address: '10.0.0.5', ttl: 7 }])
    expect(dnsOptions.ttl).toBe(7)
  })

  const extended = test.extend({
    dnsOptions: { records: { 'db.internal': '10.0.0.6' } },
    server: 'a fixture of the project',
  })
  extended('with options by test.extend, beside other fixtures', async ({ dns, server }) => {
    expect(await dns.resolver().resolve4('db.internal')).toEqual(['10.0.0.6'])
    expect(server).toBe('a fixture of the project')
  })

  test.concurrent.for([1, 2, 3])('side by side: %i', async (number, { dns, expect: own }) => {
    dns.set('n.internal', `192.0.2.${number}`)
    own(await dns.resolver().resolve4('n.internal')).toEqual([`192.0.2.${number}`])
    own(dns).toHaveBeenAskedTimes(1)
  })
})

/** The message of the error. */
async function failure(work: () => unknown): Promise<string> {
  try {
    await work()
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
  throw new Error('no failure')
}

const bothAsked = async (dns: DnsStub): Promise<void> => {
  dns.set('api.internal', '192.0.2.1')
  await dns.resolver().resolve4('api.internal')
  await dns.resolver().resolve4('API.internal.')
  await dns
    .resolver()
    .resolveMx('gone.internal')
    .catch(() => undefined)
}

describe('toHaveBeenAskedFor', () => {
  test('the matcher holds for what was asked', async ({ dns }) => {
    await bothAsked(dns)
    expect(dns).toHaveBeenAskedFor('api.internal')
    expect(dns).toHaveBeenAskedFor('API.internal.', 'a')
    expect(dns).toHaveBeenAskedFor('gone.internal', 'MX')
    expect(dns).toHaveBeenAskedFor('*.internal')
    expect(dns).not.toHaveBeenAskedFor('api.internal', 'AAAA')
    expect(dns).not.toHaveBeenAskedFor('internal')
    expect(dns).not.toHaveBeenAskedFor('other.internal')
  })

  test('says what was asked instead', async ({ dns }) => {
    expect(await failure(() => expect(dns).toHaveBeenAskedFor('api.internal'))).toBe(
      'expected the stub to have been asked for api.internal, it was asked for nothing',
    )
    await bothAsked(dns)
    expect(await failure(() => expect(dns).toHaveBeenAskedFor('apis.internal', 'A'))).toBe(
      [
        'expected the stub to have been asked for apis.internal A, it was asked:',
        '  api.internal A (udp, NOERROR), 2 times',
        '  gone.internal MX (udp, NXDOMAIN, unlisted)',
        'Did you mean api.internal?',
      ].join('\n'),
    )
    expect(await failure(() => expect(dns).not.toHaveBeenAskedFor('api.internal'))).toBe(
      'expected the stub not to have been asked for api.internal, it was asked:\n  api.internal A (udp, NOERROR), 2 times',
    )
  })

  test('a type or a name that is none', async ({ dns }) => {
    expect(await failure(() => expect(dns).toHaveBeenAskedFor('api.internal', 'AAA'))).toMatch(/type/)
    expect(await failure(() => expect(dns).toHaveBeenAskedFor('api..internal'))).toMatch(/name/)
    expect(await failure(() => expect('dns').toHaveBeenAskedFor('api.internal'))).toBe(
      'toHaveBeenAskedFor: expected a DNS stub, found "dns": expect(dns).toHaveBeenAskedFor(…)',
    )
  })

  test('many names are cut short', async ({ dns }) => {
    const resolver = dns.resolver()
    await Promise.all(
      Array.from({ length: 25 }, (_, index) => resolver.resolve4(`n${index}.internal`).catch(() => undefined)),
    )
    const message = await failure(() => expect(dns).toHaveBeenAskedFor('x.test'))
    expect(message.split('\n')).toHaveLength(22)
    expect(message).toMatch(/ {2}… and 5 more$/)
  })
})

describe('toHaveBeenAskedTimes', () => {
  test('the matcher holds for what was asked', async ({ dns }) => {
    expect(dns).toHaveBeenAskedTimes(0)
    await bothAsked(dns)
    expect(dns).toHaveBeenAskedTimes(3)
    expect(dns).toHaveBeenAskedTimes('api.internal', 2)
    expect(dns).toHaveBeenAskedTimes('api.internal', 'A', 2)
    expect(dns).toHaveBeenAskedTimes('api.internal', 'AAAA', 0)
    expect(dns).toHaveBeenAskedTimes('*', 3)
    expect(dns).not.toHaveBeenAskedTimes(2)
    expect(dns).not.toHaveBeenAskedTimes('api.internal', 1)
  })

  test('says how often it was', async ({ dns }) => {
    await bothAsked(dns)
    expect(await failure(() => expect(dns).toHaveBeenAskedTimes('api.internal', 1))).toBe(
      'expected the stub to have been asked once for api.internal, it was asked 2 times:\n  api.internal A (udp, NOERROR), 2 times',
    )
    expect(await failure(() => expect(dns).toHaveBeenAskedTimes(4))).toMatch(
      /^expected the stub to have been asked 4 times, it was asked 3 times:\n {2}api/,
    )
    expect(await failure(() => expect(dns).not.toHaveBeenAskedTimes('api.internal', 'A', 2))).toMatch(
      /^expected the stub not to have been asked 2 times for api\.internal A:\n/,
    )
    expect(await failure(() => expect(dns).toHaveBeenAskedTimes('x.test', 1))).toMatch(
      /^expected the stub to have been asked once for x\.test, it was asked:\n/,
    )
  })
})

describe('toResolveTo', () => {
  const listed = testWith({
    records: {
      'api.internal': { A: ['192.0.2.1', '192.0.2.2'], AAAA: '2001:DB8:0::1' },
      'mail.internal': { MX: ['10 a.internal', '20 b.internal'], TXT: 'v=spf1 -all' },
      '_db._tcp.internal': { SRV: '0 5 5432 db.internal' },
      'alias.internal': { CNAME: 'api.internal' },
      'caa.internal': { CAA: '0 issue "ca.test"' },
    },
  })

  listed('of a stub, of a resolver', async ({ dns }) => {
    await expect(dns).toResolveTo('api.internal', ['192.0.2.2', '2001:db8::1', '192.0.2.1'])
    await expect(dns).toResolveTo('api.internal', ['192.0.2.1', '192.0.2.2'], 'A')
    await expect(dns).toResolveTo('api.internal', '2001:db8::1', 'aaaa')
    await expect(dns).toResolveTo('mail.internal', ['20 b.internal', '10 a.internal'], 'MX')
    await expect(dns).toResolveTo('mail.internal', [{ priority: 10, exchange: 'a.internal' }, '20 b.internal.'], 'MX')
    await expect(dns).toResolveTo('mail.internal', 'v=spf1 -all', 'TXT')
    await expect(dns).toResolveTo('_db._tcp.internal', '0 5 5432 db.internal', 'SRV')
    await expect(dns).toResolveTo('alias.internal', 'api.internal', 'CNAME')
    await expect(dns).toResolveTo('caa.internal', { issue: 'ca.test', critical: 0 }, 'CAA')
    await expect(dns).toResolveTo('gone.internal', 'ENOTFOUND')
    await expect(dns).not.toResolveTo('api.internal', '192.0.2.1')
    await expect(dns.resolver()).toResolveTo('api.internal', ['192.0.2.1', '192.0.2.2', '2001:db8::1'])
    await expect(dns.resolver()).toResolveTo('gone.internal', 'ENOTFOUND')
    await expect(dns.resolver()).toResolveTo('mail.internal', 'v=spf1 -all', 'TXT')
  })

  listed('of a name in this process', async ({ dns }) => {
    using _ = dns.install()
    await expect('alias.internal').toResolveTo(['192.0.2.1', '192.0.2.2', '2001:db8::1'])
    await expect('mail.internal').toResolveTo('v=spf1 -all', 'TXT')
    await expect('gone.internal').toResolveTo('ENOTFOUND')
  })

  listed('says what it resolves to', async ({ dns }) => {
    expect(await failure(() => expect(dns).toResolveTo('api.internal', '192.0.2.9', 'A'))).toBe(
      'expected api.internal A to resolve to 192.0.2.9, it resolves to 192.0.2.1, 192.0.2.2',
    )
    dns.fail('api.internal', 'SERVFAIL')
    expect(await failure(() => expect(dns).toResolveTo('api.internal', ['192.0.2.9']))).toBe(
      'expected api.internal to resolve to 192.0.2.9, it resolves to EAI_AGAIN',
    )
    expect(await failure(() => expect(dns).not.toResolveTo('api.internal', 'ESERVFAIL', 'A'))).toBe(
      'expected api.internal A not to resolve to ESERVFAIL',
    )
    expect(await failure(() => expect(5).toResolveTo('api.internal', '192.0.2.9'))).toBe(
      'toResolveTo: expected a DNS stub, a resolver of node:dns/promises or a name, found 5',
    )
  })
})

test('the matchers are plain functions, for any expect.extend', async ({ dns }) => {
  await bothAsked(dns)
  plainExpect(dnsMatchers.toHaveBeenAskedFor(dns, 'api.internal').pass).toBe(true)
  plainExpect(dnsMatchers.toHaveBeenAskedTimes(dns, 'api.internal', 1).pass).toBe(false)
  plainExpect((await dnsMatchers.toResolveTo(dns, 'api.internal', '192.0.2.1')).pass).toBe(true)
})
