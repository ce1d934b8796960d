import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import packet from 'dns-packet'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDnsStub } from '../../../src/testing/create-dns-stub.ts'
import type { RecordData } from '../../../src/input/packet-answer.ts'
import type { DnsStub, NameRecords, StubOptions } from '../../../src/testing/stub/types.ts'
import { ask, firstFrame, hereLine, lines } from '../raw.ts'

let dns: DnsStub
beforeAll(async () => {
  dns = await createDnsStub()
})
afterAll(() => dns.stop())

const data = (name = 'a.test'): string[] =>
  dns.records.filter(record => record.name === name).map(({ type, data: text }) => `${type} ${text}`)

describe('records of every form', () => {
  const forms: readonly [string, NameRecords, readonly string[]][] = [
    ['an address', '192.0.2.1', ['A 192.0.2.1']],
    [
      'addresses of both families',
      ['192.0.2.1', '2001:db8::1', '192.0.2.2'],
      ['A 192.0.2.1', 'A 192.0.2.2', 'AAAA 2001:db8::1'],
    ],
    ['one text for a type', { A: '192.0.2.1' }, ['A 192.0.2.1']],
    ['a type in lower case', { aaaa: ['2001:db8::1'] }, ['AAAA 2001:db8::1']],
    ['types side by side', { A: ['192.0.2.1'], MX: '10 mail.a.test' }, ['A 192.0.2.1', 'MX 10 mail.a.test.']],
    ['a plain TXT text', { TXT: 'v=spf1 include:b.test ~all' }, ['TXT "v=spf1 include:b.test ~all"']],
    ['two TXT records', { TXT: ['one', 'two'] }, ['TXT "one"', 'TXT "two"']],
    ['one TXT record of two strings', { TXT: [['one', 'two']] }, ['TXT "one" "two"']],
    ['TXT as in a zone file', { TXT: '"one" "two \\"2\\""' }, ['TXT "one" "two \\"2\\""']],
    ['TXT octets', { TXT: Uint8Array.of(0, 255) }, ['TXT "\\000\\255"']],
    ['an empty TXT', { TXT: '' }, ['TXT ""']],
    ['a long TXT in pieces of 255', { TXT: 'k'.repeat(300) }, [`TXT "${'k'.repeat(255)}" "${'k'.repeat(45)}"`]],
    ['octets of a type', { A: Uint8Array.of(192, 0, 2, 7) }, ['A 192.0.2.7']],
    ['a type without mnemonic', { TYPE65280: '\\# 2 abcd' }, ['TYPE65280 \\# 2 abcd']],
    ['octets of a type without mnemonic', { TYPE65280: Uint8Array.of(1) }, ['TYPE65280 \\# 1 01']],
    ['HTTPS as text', { HTTPS: '1 . alpn="h2,h3"' }, ['HTTPS 1 . alpn="h2,h3"']],
    ['an alias without a dot', { CNAME: 'b.test' }, ['CNAME b.test.']],
    ['MX of dns-packet', { MX: { preference: 5, exchange: 'mail.a.test' } }, ['MX 5 mail.a.test.']],
    ['MX of node:dns', { MX: [{ priority: 7, exchange: 'mail.a.test' }] }, ['MX 7 mail.a.test.']],
    [
      'SRV of dns-packet',
      { SRV: { priority: 1, weight: 2, port: 443, target: 's.a.test.' } },
      ['SRV 1 2 443 s.a.test.'],
    ],
    ['SRV of node:dns', { SRV: { priority: 1, weight: 2, port: 443, name: 's.a.test' } }, ['SRV 1 2 443 s.a.test.']],
    ['CAA of dns-packet', { CAA: { flags: 128, tag: 'issue', value: 'ca.test' } }, ['CAA 128 issue "ca.test"']],
    ['CAA of node:dns', { CAA: { critical: 0, issue: 'ca.test' } }, ['CAA 0 issue "ca.test"']],
    ['SSHFP', { SSHFP: { algorithm: 4, hash: 2, fingerprint: 'ab'.repeat(32) } }, [`SSHFP 4 2 ${'ab'.repeat(32)}`]],
    [
      'DS',
      { DS: { keyTag: 60485, algorithm: 13, digestType: 2, digest: Buffer.alloc(32, 0xcd) } },
      [`DS 60485 13 2 ${'cd'.repeat(32)}`],
    ],
    [
      'NAPTR of node:dns',
      { NAPTR: { order: 1, preference: 2, flags: 'u', service: 'sip', regexp: '', replacement: 'b.test' } },
      ['NAPTR 1 2 "u" "sip" "" b.test.'],
    ],
    ['NSEC', { NSEC: { nextDomain: 'b.test', rrtypes: ['A', 'MX'] } }, ['NSEC b.test. A MX']],
    [
      'TLSA',
      { TLSA: { usage: 3, selector: 1, matchingType: 1, certificate: new Uint8Array(32) } },
      [`TLSA 3 1 1 ${'00'.repeat(32)}`],
    ],
    ['HINFO', { HINFO: { cpu: 'x', os: 'y' } }, ['HINFO "x" "y"']],
    ['RP', { RP: { mbox: 'me.a.test' } }, ['RP me.a.test. .']],
    [
      'SOA of node:dns',
      { SOA: { nsname: 'ns.a.test', hostmaster: 'h.a.test', serial: 1, refresh: 2, retry: 3, expire: 4, minttl: 5 } },
      ['SOA ns.a.test. h.a.test. 1 2 3 4 5'],
    ],
    ['a name without records', { A: [] }, []],
  ]
  it.each(forms)('%s', (_what, records, expected) => {
    dns.clear().set('a.test', records)
    // Digests are shown in groups; how many is not the point here.
    expect(data().map(line => line.replace(/(?<=[\da-f]{8}) (?=[\da-f]{8})/gi, '').toLowerCase())).toEqual(
      expected.map(line => line.toLowerCase()),
    )
  })

  it('are set by type, with a TTL of their own, leaving the other types', () => {
    dns
      .clear()
      .set('a.test', ['192.0.2.1', '2001:db8::1'])
      .set('a.test', 'A', '192.0.2.9', { ttl: 5 })
      .set('A.TEST.', 'TXT', ['x'])
    expect(dns.records).toEqual([
      { name: 'a.test', type: 'A', ttl: 5, data: '192.0.2.9' },
      { name: 'a.test', type: 'AAAA', ttl: 60, data: '2001:db8::1' },
      { name: 'a.test', type: 'TXT', ttl: 60, data: '"x"' },
    ])
    dns.set('a.test', { A: '192.0.2.3', ttl: 7 })
    expect(dns.records).toEqual([{ name: 'a.test', type: 'A', ttl: 7, data: '192.0.2.3' }])
    dns.set('a.test', 'A', [])
    expect(dns.records).toEqual([])
  })

  it('what dns-packet decoded can be set again', () => {
    const decoded = packet.decode(
      packet.encode({
        type: 'response',
        answers: [
          { type: 'MX', name: 'a.test', data: { preference: 10, exchange: 'mail.a.test' } },
          { type: 'SRV', name: 'a.test', data: { port: 5060, target: 'sip.a.test', priority: 1, weight: 2 } },
          { type: 'CAA', name: 'a.test', data: { flags: 0, tag: 'issue', value: 'ca.test' } },
        ],
      }),
    )
    dns.clear()
    for (const answer of decoded.answers ?? [])
      if ('data' in answer && typeof answer.data === 'object') dns.set(answer.name, answer.type, answer.data)
    expect(data()).toEqual(['MX 10 mail.a.test.', 'SRV 1 2 5060 sip.a.test.', 'CAA 0 issue "ca.test"'])
  })

  it('Unicode names are what a client sends', async () => {
    dns.clear().set('münchen.test', '192.0.2.1')
    expect((await ask(dns, 'xn--mnchen-3ya.test')).answer).toHaveLength(1)
  })
})

describe('mistakes', () => {
  const wrong: readonly [unknown, RegExp][] = [
    ['not-an-address', /^a\.test: expected an address like "192\.0\.2\.1".*CNAME/],
    [['192.0.2.1', '192.0.2.256'], /found "192\.0\.2\.256"/],
    [42, /^a\.test: expected an address, an array of addresses or types/],
    [null, /found null/],
    [{ AA: '192.0.2.1' }, /unknown|expected a type like A or MX, found "AA" \(did you mean A\?\)/],
    [{ TTL: 30 }, /did you mean ttl\?/],
    [
      { A: '192.0.2.1', ttl: -1 },
      /^a\.test: expected ttl to be a whole number of seconds from 0 to 2147483647, found -1/,
    ],
    [{ A: '2001:db8::1' }, /^a\.test: A: .*IPv4/],
    [{ A: ['192.0.2.1', 'x'] }, /^a\.test: A: /],
    [{ A: { address: '192.0.2.1' } }, /expected A data as text like "192\.0\.2\.1", found an object with address/],
    [{ A: Uint8Array.of(1, 2, 3) }, /3 octets that are no A data/],
    [{ A: ['192.0.2.1', ['192.0.2.2']] }, /expected A data as text/],
    [{ MX: 'mail.a.test' }, /MX/],
    [{ MX: { exchange: 'a..b' } }, /MX data: exchange: .*empty label/],
    [
      { MX: { preference: 70_000, exchange: 'b.test' } },
      /MX data: preference: expected a whole number from 0 to 65535, found 70000/,
    ],
    [{ MX: { preference: 1, exchagne: 'b.test' } }, /unknown field "exchagne" \(did you mean "exchange"\?\)/],
    [{ MX: { preference: 1 } }, /exchange is missing; expected preference, exchange/],
    [{ MX: { exchange: 'a\\.b.test' } }, /needs escapes in a name; write the record as text/],
    [
      { CAA: { flags: 129, tag: 'issue', value: 'ca.test' } },
      /this CAA data does not survive its own encoding; write it as text/,
    ],
    [{ SSHFP: { algorithm: 1, hash: 3, fingerprint: 'ab' } }, /SSHFP data cannot be encoded .* write it as text/],
    [{ NSEC: { nextDomain: 'b.test', rrtypes: ['HTTPS'] } }, /NSEC data/],
    [{ TXT: [[]] }, /expected at least one text/],
    [{ TXT: { a: 1 } }, /expected TXT data as text/],
    [{ OPT: 'x' }, /"OPT" is asked for or signals something/],
    [{ CNAME: ['b.test', 'c.test'] }, /a\.test has 2 CNAME records: a name has only one/],
    [{ CNAME: 'b.test', A: '192.0.2.1' }, /a\.test has a CNAME and other data \(A\): an alias has nothing else/],
    [{ A: '192.0.2.1\nb.test. A 192.0.2.2' }, /more than one line/],
  ]
  it.each(wrong)('%j', (records, message) => {
    dns.clear().set('kept.test', '192.0.2.1')
    const before = dns.records
    expect(() => Reflect.apply(dns.set, dns, ['a.test', records])).toThrow(TypeError)
    expect(() => Reflect.apply(dns.set, dns, ['a.test', records])).toThrow(message)
    expect(dns.records).toEqual(before)
  })

  const calls: readonly [string, () => unknown, RegExp][] = [
    ['a name', () => dns.set('a..test', '192.0.2.1'), /expected a name like "api\.test": .*empty label/],
    ['a type', () => dns.set('a.test', 'XX', '192.0.2.1'), /expected a type like A or MX/],
    ['undefined data', () => Reflect.apply(dns.set, dns, ['a.test', 'A', undefined]), /expected A data as text/],
    [
      'an option',
      () => Reflect.apply(dns.set, dns, ['a.test', 'A', '192.0.2.1', { tll: 3 }]),
      /unknown field "tll" \(did you mean "ttl"\?\)/,
    ],
    ['the type of remove', () => dns.remove('a.test', 'AAA'), /AAA/],
    ['zone text', () => dns.zone('$ORIGIN test.\na A 192.0.2.1\nb A 192.0.2.\n'), /^zone text:3:5: /],
    ['an include', () => dns.zone('$INCLUDE other.zone\n'), /^zone text:1:\d+: nothing can be included here/],
    [
      'an alias beside what is there',
      () => dns.set('b.test', '192.0.2.1').zone('b.test. CNAME c.test.'),
      /b\.test has a CNAME and other data/,
    ],
  ]
  it.each(calls)('in %s', (_what, call, message) => {
    expect(call).toThrow(message)
    expect(call).toThrow(TypeError)
  })

  it('have the line of the caller', () => {
    let here = ''
    try {
      here = hereLine(1)
      dns.set('a.test', { MX: { exchange: 'a..b' } })
    } catch (error) {
      expect(firstFrame(error)).toBe(here)
    }
    expect.assertions(1)
  })

  const options: readonly [StubOptions | Record<string, unknown>, RegExp][] = [
    [{ records: { 'a.test': { AA: 'x' } } }, /^a\.test: .*did you mean A/],
    [{ records: { 'a.test': '192.0.2.1', 'A.test.': '192.0.2.2' } }, /"A\.test\." stands twice in the records/],
    [{ records: [5] }, /record 1: expected the record as an object/],
    [{ zone: 'x' }, /^zone text:1:/],
    [{ zone: '@ SOA ns h 1 1 1 1 1\n@ NS ns\nns A 192.0.2.1' }, /no origin/],
    [{ zoneFile: '/nowhere/x.zone' }, /\/nowhere\/x\.zone does not exist/],
    [{ record: {} }, /unknown field "record" \(did you mean "records"\?\)/],
    [{ unlisted: 'nxdomian' }, /did you mean "nxdomain"\?/],
    [{ unlisted: 'forward' }, /needs a server to ask/],
    [{ forward: 'example.com' }, /expected a server like "192\.0\.2\.53:53"/],
    [{ forward: '192.0.2.1:99999' }, /expected a server/],
    [{ port: 70_000 }, /expected port to be a whole number from 0 to 65535/],
    [{ address: 'localhost' }, /expected address to be an IP address/],
    [{ ttl: 1.5 }, /expected ttl/],
    [{ seed: Number.NaN }, /expected seed to be a number, found NaN/],
    [{ handler: '192.0.2.1' }, /expected handler to be a function/],
    [{ mode: 'replay' }, /mode is about a cassette/],
    [{ strict: 1 }, /expected strict to be true or false/],
  ]
  it.each(options)('of the options %j', async (given, message) => {
    const here = hereLine(1)
    const error: unknown = await Reflect.apply(createDnsStub, null, [given]).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(TypeError)
    expect(String(error).replace('TypeError: ', '')).toMatch(message)
    expect(firstFrame(error)).toBe(here)
  })
})

describe('answers', () => {
  it('give what is listed, by type; a listed name without the type is NODATA, another one NXDOMAIN', async () => {
    dns
      .clear()
      .set('api.test', { A: ['192.0.2.1', '192.0.2.2'], ttl: 30 })
      .set('empty.test', { A: [] })
    const reply = await ask(dns, 'API.test', 'A', { edns: 1232 })
    expect(lines(reply.answer)).toEqual(['api.test. 30 IN A 192.0.2.1', 'api.test. 30 IN A 192.0.2.2'])
    expect(reply).toMatchObject({
      rcode: 0,
      authoritative: true,
      recursionAvailable: true,
      truncated: false,
      edns: { payloadSize: 1232 },
    })
    expect(await ask(dns, 'api.test', 'AAAA')).toMatchObject({ rcode: 0, answer: [], edns: null })
    expect(await ask(dns, 'empty.test')).toMatchObject({ rcode: 0, answer: [] })
    expect(await ask(dns, 'other.test')).toMatchObject({ rcode: 3, answer: [] })
    expect(dns.unmatched.map(query => query.name)).toEqual(['other.test'])
  })

  it('exist above listed names (RFC 8020), but are unmatched', async () => {
    dns.clear().set('a.b.test', '192.0.2.1')
    expect(await ask(dns, 'b.test')).toMatchObject({ rcode: 0, answer: [] })
    expect(dns.unmatched).toHaveLength(1)
  })

  it('follow aliases; one that leads nowhere is NXDOMAIN with its chain, one in a circle SERVFAIL', async () => {
    dns
      .clear()
      .set('www.test', { CNAME: 'web.test' })
      .set('web.test', { CNAME: 'host.test' })
      .set('host.test', '192.0.2.1')
    dns
      .set('gone.test', { CNAME: 'nowhere.test' })
      .set('x.test', { CNAME: 'y.test' })
      .set('y.test', { CNAME: 'x.test' })
    expect(lines((await ask(dns, 'www.test')).answer)).toEqual([
      'www.test. 60 IN CNAME web.test.',
      'web.test. 60 IN CNAME host.test.',
      'host.test. 60 IN A 192.0.2.1',
    ])
    expect((await ask(dns, 'www.test', 'CNAME')).answer).toHaveLength(1)
    const gone = await ask(dns, 'gone.test')
    expect(gone).toMatchObject({ rcode: 3 })
    expect(lines(gone.answer)).toEqual(['gone.test. 60 IN CNAME nowhere.test.'])
    expect(await ask(dns, 'x.test')).toMatchObject({ rcode: 2 })
    expect(dns.unmatched).toEqual([])
  })

  it('take wildcards at any depth, and names beside them first', async () => {
    dns.clear().set('*.cdn.test', '192.0.2.1').set('one.cdn.test', { TXT: 'x' })
    expect(lines((await ask(dns, 'a.b.cdn.test')).answer)).toEqual(['a.b.cdn.test. 60 IN A 192.0.2.1'])
    expect(await ask(dns, 'one.cdn.test')).toMatchObject({ rcode: 0, answer: [] })
    expect(dns.unmatched).toEqual([])
  })

  it('are taken away by remove and clear', async () => {
    await using own = await createDnsStub({ records: { 'a.test': ['192.0.2.1', '2001:db8::1'] } })
    own.remove('A.test', 'A').remove('never.test')
    expect(own.records.map(({ type }) => type)).toEqual(['AAAA'])
    own.remove('a.test.').set('b.test', '192.0.2.2')
    expect(await ask(own, 'a.test')).toMatchObject({ rcode: 3 })
    own.clear()
    expect(own.records.map(({ name, type }) => `${name} ${type}`)).toEqual(['a.test A', 'a.test AAAA'])
    expect(own.queries).toEqual([])
    expect((await ask(own, 'a.test')).answer).toHaveLength(1)
  })

  it('of ANY are one RRset (RFC 8482), of other classes refused', async () => {
    dns.clear().set('a.test', { A: '192.0.2.1', TXT: 'x'.repeat(100) })
    expect(lines((await ask(dns, 'a.test', 'ANY')).answer)).toEqual(['a.test. 60 IN A 192.0.2.1'])
    expect(await ask(dns, 'unlisted.test', 'ANY')).toMatchObject({ rcode: 3 })
  })
})

describe('zones', () => {
  const zone = [
    '$ORIGIN example.test.',
    '@ 300 SOA ns1 h 1 1d 2h 4w 60',
    '@ NS ns1',
    'ns1 A 192.0.2.53',
    'www A 192.0.2.1',
    '*.w TXT hi',
    'sub NS ns.sub',
    'ns.sub A 192.0.2.54',
  ].join('\n')

  it('answer as production does: SOA in denials, referrals, wildcards', async () => {
    dns.clear().zone(zone)
    expect(lines((await ask(dns, 'www.example.test')).answer)).toEqual(['www.example.test. 300 IN A 192.0.2.1'])
    const missing = await ask(dns, 'nothing.example.test')
    expect(missing).toMatchObject({ rcode: 3 })
    expect(lines(missing.authority)).toEqual([
      'example.test. 60 IN SOA ns1.example.test. h.example.test. 1 86400 7200 2419200 60',
    ])
    const referral = await ask(dns, 'x.sub.example.test')
    expect(referral).toMatchObject({ rcode: 0, authoritative: false, answer: [] })
    expect(lines([...referral.authority, ...referral.additional])).toEqual([
      'sub.example.test. 300 IN NS ns.sub.example.test.',
      'ns.sub.example.test. 300 IN A 192.0.2.54',
    ])
    expect((await ask(dns, 'b.w.example.test', 'TXT')).answer).toHaveLength(1)
    expect(dns.unmatched.map(query => query.name)).toEqual(['nothing.example.test'])
  })

  it('are changed by name like all records', async () => {
    dns
      .clear()
      .zone(zone)
      .set('www.example.test', '192.0.2.99')
      .remove('sub.example.test')
      .remove('ns.sub.example.test')
    expect(lines((await ask(dns, 'www.example.test')).answer)).toEqual(['www.example.test. 60 IN A 192.0.2.99'])
    expect(await ask(dns, 'x.sub.example.test')).toMatchObject({ rcode: 3, authoritative: true })
  })

  it('without SOA are single records; a missing TTL is that of the stub', async () => {
    await using own = await createDnsStub({ zone: '$ORIGIN test.\n@ 60 A 192.0.2.1\n*.w TXT "hi"\n', ttl: 9 })
    expect(own.records).toEqual([
      { name: 'test', type: 'A', ttl: 60, data: '192.0.2.1' },
      { name: '*.w.test', type: 'TXT', ttl: 60, data: '"hi"' },
    ])
    await using other = await createDnsStub({ zone: 'a A 192.0.2.1', origin: 'test', ttl: 9 })
    expect(other.records).toEqual([{ name: 'a.test', type: 'A', ttl: 9, data: '192.0.2.1' }])
  })

  it('come from files, which may include others; records go on top', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'stub-'))
    try {
      writeFileSync(join(folder, 'a.zone'), '$ORIGIN a.test.\n$TTL 5\n$INCLUDE b.zone\n')
      writeFileSync(join(folder, 'b.zone'), '@ A 192.0.2.1\nwww A 192.0.2.2\n')
      writeFileSync(join(folder, 'bad.zone'), '$TTL 5\na.test. A 192.0.2.1\nb.test. B 192.0.2.1\n')
      await using own = await createDnsStub({
        zoneFile: [join(folder, 'a.zone')],
        records: { 'www.a.test': '192.0.2.9' },
      })
      expect(own.records.map(({ name, data: text, ttl }) => `${name} ${text} ${ttl}`)).toEqual([
        'a.test 192.0.2.1 5',
        'www.a.test 192.0.2.9 60',
      ])
      await expect(createDnsStub({ zoneFile: join(folder, 'bad.zone') })).rejects.toThrow(/bad\.zone:3:9: /)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

it('a record too large for a message is refused when it is set', () => {
  const large: RecordData = 'x'.repeat(70_000)
  expect(() => dns.set('a.test', { TXT: large })).toThrow(/a message holds at most/)
})
