/** What is written where a name belongs and is none: refused with the part to use, wherever the kit takes a name. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createInternet } from '../../src/testing/create-internet.ts'
import { whyNotAName } from '../../src/input/not-a-name.ts'
import type { DnsStub } from '../../src/testing/stub/types.ts'
import { createDnsStub } from '../../src/testing/create-dns-stub.ts'
import { ask } from './raw.ts'
import { mistakeOf, rejectedMistake } from './mistakes.ts'

describe('a text that is no name is refused with the part to use', () => {
  test.each([
    ['http://a.test/', ', not a URL: of "http://a.test/" give "a.test"'],
    ['https://user:secret@a.test:8443/x?y#z', /, not a URL: .* give "a\.test"$/],
    ['postgres://db.internal', /, not a URL: .* give "db\.internal"$/],
    ['file:///etc/hosts', /, not a URL: .* nothing is a name$/],
    ['a.test:80', ' without a port: of "a.test:80" give "a.test"'],
    ['localhost:3000', / give "localhost"$/],
    ['a.test/', ' without a path: of "a.test/" give "a.test"'],
    ['a.test/path?query', / without a path: .* give "a\.test"$/],
    ['a.test?x=1', / without a path: .* give "a\.test"$/],
    ['a.test:80/path', / without a path: .* give "a\.test:80"$/],
    ['user@a.test', ', not a mailbox: of "user@a.test" give "a.test"'],
    ['a b.test', ': "a b.test" contains a space; where it is meant write \\032'],
    [' a.test', /contains a space/],
    ['a.test\n', /contains a control character; where it is meant write \\010$/],
    ['a\0.test', /contains a control character; where it is meant write \\000$/],
    ['a.test,b.test', /contains ,; where it is meant write \\,$/],
    ['[]', /contains \[; where it is meant write \\\[$/],
    ['[::1]', ', not an address: "[::1]"'],
    ['[2001:db8::1]:53', /, not an address/],
    ['2001:db8::1', /, not an address/],
    ['"a.test"', /contains "/],
    ['<none>', /contains </],
  ])('%j', (text, why) => {
    if (typeof why === 'string') expect(whyNotAName(text)).toBe(why)
    else expect(whyNotAName(text)).toMatch(why)
  })

  test.each([
    'a.test',
    'a.test.',
    '.',
    '*',
    '*.a.test',
    '_dmarc.a.test',
    '_443._tcp.a.test',
    'bücher.example',
    'xn--bcher-kva.example',
    '192.0.2.1',
    '0/25.2.0.192.in-addr.arpa',
    '0/25',
    'a\\ b.test',
    'a\\032b.test',
    'user\\@a.test',
    'a\\:80.test',
    'a\\/b.test',
    'a+b=c.test',
    'http',
    'a..test',
  ])('%j is left to the reader of names', text => expect(whyNotAName(text)).toBeNull())
})

describe('wherever a name is taken', () => {
  let dns: DnsStub
  beforeAll(async () => {
    dns = await createDnsStub()
  })
  afterAll(() => dns.stop())

  test.each<[string, () => unknown]>([
    ['set', () => dns.set('http://a.test/', '192.0.2.1')],
    ['set of a type', () => dns.set('http://a.test/', 'A', '192.0.2.1')],
    ['setAll', () => dns.setAll({ 'http://a.test/': '192.0.2.1' })],
    ['remove', () => dns.remove('http://a.test/')],
    ['recordsFor', () => dns.recordsFor('http://a.test/')],
    ['fail', () => dns.fail('http://a.test/', 'timeout')],
    ['on', () => dns.on('http://a.test/', () => undefined)],
    ['sequence', () => dns.sequence('http://a.test/', ['SERVFAIL'])],
    ['queriesFor', () => dns.queriesFor('http://a.test/')],
    ['zone', () => dns.zone('www A 192.0.2.1', { origin: 'http://a.test/' })],
    ['a zone of an internet', () => createInternet({ 'http://a.test/': {} })],
    ['a record of an internet', () => createInternet({ 'a.test': { records: { 'http://a.test/': '192.0.2.1' } } })],
    ['resolve of an internet', () => createInternet({}).resolve('http://a.test/')],
  ])('%s', (_, call) => {
    const { message, file } = mistakeOf(call)
    expect(message).toMatch(/not a URL: .* give "a\.test"/)
    expect(file).toContain('names.test.ts')
  })

  test('the options of the stub, and waiting', async () => {
    expect((await rejectedMistake(createDnsStub({ records: { 'a.test:80': '192.0.2.1' } }))).message).toMatch(
      /without a port/,
    )
    expect((await rejectedMistake(dns.waitForQuery('a.test:80'))).message).toMatch(/without a port/)
  })

  test('nothing has changed', () => expect([dns.names, dns.faults]).toEqual([[], []]))

  test('no address at all is a mistake, a type without records is not', () => {
    expect(mistakeOf(() => dns.set('a.test', [])).message).toMatch(/at least one address; .* \{ A: \[\] \}/)
    expect(dns.set('a.test', { A: [] }).names).toEqual(['a.test'])
    expect(dns.clear().names).toEqual([])
  })

  test('a name with a character that is meant is answered, and queries for odd names are found', async () => {
    dns.set('a\\032b.test', { TXT: 'odd' })
    expect(dns.recordsFor('A\\ b.test')).toMatchObject([{ name: 'a\\032b.test', data: '"odd"' }])
    await ask(dns, 'a:80.test', 'A')
    expect(dns.queriesFor('*.test').map(({ name }) => name)).toEqual(['a:80.test'])
  })
})

describe('records as data with a TTL by type', () => {
  test('are what GET /records of the control API gives, and records of all kinds', async () => {
    await using dns = await createDnsStub({
      records: { 'a.test': { A: { data: ['192.0.2.1'], ttl: 5 }, MX: { data: '10 m.test' }, ttl: 7 } },
    })
    expect(dns.records.map(({ type, ttl }) => `${type} ${ttl}`)).toEqual(['A 5', 'MX 7'])
    dns.set('t.test', { TLSA: { certUsage: 3, selector: 1, match: 1, data: Uint8Array.of(1, 2) } })
    expect(dns.recordsFor('t.test', 'TLSA')).toMatchObject([{ data: '3 1 1 0102' }])
    expect(mistakeOf(() => dns.set('b.test', { A: { data: '192.0.2.1', tll: 5 } })).message).toMatch(
      /b\.test: A: .*"tll".*did you mean "ttl"/,
    )
    expect(dns.recordsFor('b.test')).toBeNull()
  })

  test('all are replaced, or none', async () => {
    await using dns = await createDnsStub({ records: { 'a.test': '192.0.2.1', 'none.test': { A: [] } } })
    expect(() => dns.setAll({ 'b.test': '192.0.2.2', 'c.test': 'x' })).toThrow(/c\.test: expected an address/)
    expect(dns.names).toEqual(['a.test', 'none.test'])
    expect(dns.setAll({ 'b.test': '192.0.2.2' }).names).toEqual(['b.test'])
    expect(await dns.resolver().resolve4('b.test')).toEqual(['192.0.2.2'])
  })
})
