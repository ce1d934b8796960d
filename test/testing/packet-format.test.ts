/**
 * Records in the shape of dns-packet, given and taken. That package itself is the judge of the shape: what it decodes
 * of a message that we encoded is what we give, and what we give it encodes to the same octets.
 */
import { decode, encode, type Answer } from 'dns-packet'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createResolver as createLibraryResolver } from '../../src/app/library.ts'
import { decodeMessage } from '../../src/dns/decode.ts'
import { packetRecord, type PacketRecord } from '../../src/presentation/packet-record.ts'
import { parseRr } from '../../src/presentation/rr-text.ts'
import { createInternet } from '../../src/testing/create-internet.ts'
import type { DnsStub } from '../../src/testing/stub/types.ts'
import { createDnsStub } from '../../src/testing/create-dns-stub.ts'
import { createResolver } from '../../src/testing/create-resolver.ts'
import { record } from '../../src/simulation/records.ts'
import { mistakeOf, rejectedMistake } from './mistakes.ts'

const LINES = [
  'a.test. 60 IN A 192.0.2.1',
  'a.test. 60 IN AAAA 2001:db8::1',
  'A.Test. 60 IN NS ns.A.test.',
  'a.test. 60 IN CNAME b.test.',
  'a.test. 60 IN DNAME b.test.',
  '1.a.test. 60 IN PTR .',
  'a.test. 60 IN TXT "one" "two \\000\\255" ""',
  'a.test. 60 IN NULL \\# 3 010203',
  'a.test. 60 IN SOA ns.a.test. root.a.test. 4294967295 7200 3600 1209600 60',
  'a.test. 60 IN MX 10 mail.a.test.',
  '_s._tcp.a.test. 60 IN SRV 1 2 443 s.a.test.',
  'a.test. 60 IN CAA 128 issue "ca.test"',
  'a.test. 60 IN CAA 0 iodef "mailto:x@a.test"',
  'a.test. 60 IN HINFO "PDP-11" "UNIX"',
  'a.test. 60 IN NAPTR 100 10 "S" "SIP+D2U" "!^.*$!sip:x@a.test!" _sip._udp.a.test.',
  'a.test. 60 IN RP mbox.a.test. txt.a.test.',
  'a.test. 60 IN SSHFP 1 1 123456789ABCDEF67890123456789ABCDEF67890',
  '_443._tcp.a.test. 60 IN TLSA 3 1 1 0102',
  'a.test. 60 IN DS 12345 13 2 0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20',
  'a.test. 60 IN DNSKEY 257 3 13 AQIDBA==',
  'a.test. 60 IN RRSIG MX 13 2 60 20300101000000 20200101000000 12345 a.test. AQIDBA==',
  'a.test. 60 IN NSEC b.test. A MX RRSIG NSEC',
  'abc.a.test. 60 IN NSEC3 1 0 10 abcd 0p9mhaveqvm6t7vbl5lop2u3t2rp3tom A RRSIG',
  'a.test. 60 IN SPF "v=spf1 -all"',
  'a.test. 60 IN LOC 1 0 0 N 2 0 0 E 3m',
  'a.test. 60 IN NSEC3PARAM 1 0 0 -',
  'a.test. 60 IN CDS 12345 13 2 0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20',
  'a.test. 60 IN AFSDB 1 b.test.',
  'a.test. 60 IN SVCB 1 . alpn="h2"',
  'a.test. 60 IN HTTPS 1 . alpn="h2"',
  'a.test. 60 IN TYPE65280 \\# 2 ffff',
] as const

describe('a record', () => {
  const encoded = (given: PacketRecord): Buffer =>
    encode({ type: 'response', id: 1, answers: [given as unknown as Answer] })

  test.each(LINES)('%s: what dns-packet encodes of it, it decodes to the same', line => {
    const given = packetRecord(record(line))
    expect(decode(encoded(given)).answers?.[0]).toEqual(given)
    const read = decodeMessage(encoded(given))
    expect(read.kind === 'message' ? read.message.answer.map(({ rdata }) => [...rdata]) : read).toEqual([
      [...record(line).rdata],
    ])
  })

  test.each([
    [
      'a.test. 60 IN MX 10 Mail.a.test.',
      {
        name: 'a.test',
        type: 'MX',
        class: 'IN',
        ttl: 60,
        flush: false,
        data: { preference: 10, exchange: 'Mail.a.test' },
      },
    ],
    [
      'a.test. 60 IN TXT "x"',
      { name: 'a.test', type: 'TXT', class: 'IN', ttl: 60, flush: false, data: [Buffer.from('x')] },
    ],
    ['. 60 IN NS .', { name: '.', type: 'NS', class: 'IN', ttl: 60, flush: false, data: '.' }],
    [
      'a.test. 60 IN TYPE65280 \\# 2 ffff',
      { name: 'a.test', type: 'UNKNOWN_65280', class: 'IN', ttl: 60, flush: false, data: Buffer.of(255, 255) },
    ],
    [
      'a\\.b.test. 60 IN A 192.0.2.1',
      { name: 'a\\.b.test', type: 'A', class: 'IN', ttl: 60, flush: false, data: '192.0.2.1' },
    ],
  ])('%s', (line, expected) => expect(packetRecord(record(line))).toEqual(expected))

  test('has data that its type decides', () => {
    const given = packetRecord(record('a.test. 60 IN MX 10 mail.a.test.'))
    expect(given.type === 'MX' ? given.data.exchange : null).toBe('mail.a.test')
  })

  test('whose data is cut short is still a value', () => {
    const parsed = parseRr('a.test. 60 IN MX 10 mail.a.test.')
    if ('error' in parsed) throw new Error(parsed.error)
    expect(packetRecord({ ...parsed, rdata: parsed.rdata.subarray(0, 5) })).toMatchObject({
      type: 'MX',
      data: { preference: 10 },
    })
  })
})

describe('given and taken', () => {
  let dns: DnsStub
  beforeAll(async () => {
    dns = await createDnsStub({
      zone: '$ORIGIN a.test.\n$TTL 60\n@ SOA ns root 1 2 3 4 5\n@ NS ns\nns A 192.0.2.53\n@ MX 10 mail\nmail A 192.0.2.1\nmail A 192.0.2.2\n',
    })
  })
  afterAll(() => dns.stop())
  const MX = {
    name: 'a.test',
    type: 'MX',
    class: 'IN',
    ttl: 60,
    flush: false,
    data: { preference: 10, exchange: 'mail.a.test' },
  }

  test('by a caching resolver of the kit, with the SOA of a denial', async () => {
    await using resolver = createResolver({ upstream: dns.address })
    expect((await resolver.query('a.test', 'MX', { format: 'dns-packet' })).answers).toEqual([MX])
    expect((await resolver.query('a.test', 'TXT', { format: 'dns-packet' })).soa).toMatchObject({
      type: 'SOA',
      data: { mname: 'ns.a.test', minimum: 5 },
    })
    expect((await resolver.query('a.test', 'MX', { format: 'text' })).answers).toMatchObject([
      { data: '10 mail.a.test.' },
    ])
    expect((await rejectedMistake(resolver.query('a.test', 'MX', JSON.parse('{"format": "json"}')))).message).toMatch(
      /"text" or "dns-packet", found "json"/,
    )
  })

  test('by an internet', async () => {
    const zones = { 'a.test': { records: { '@': { MX: '10 mail.a.test.' } } } }
    const net = createInternet(zones)
    expect(net.resolve('a.test', 'MX', { format: 'dns-packet' }).answers).toEqual([MX])
    expect(net.resolver().query('a.test', undefined, { format: 'dns-packet' }).soa).toMatchObject({
      type: 'SOA',
      name: 'a.test',
    })
    expect(mistakeOf(() => net.resolve('a.test', 'MX', JSON.parse('{"formt": 1}'))).message).toMatch(
      /did you mean "format"/,
    )
  })

  test('by the library, and taken by it and by a stub', async () => {
    using source = createLibraryResolver({
      records: ['a.test. 60 IN MX 10 mail.a.test.', 'mail.a.test. 60 IN A 192.0.2.1', 'mail.a.test. 60 IN A 192.0.2.2'],
    })
    const mx = await source.resolve('a.test', 'MX', { format: 'dns-packet' })
    const a = await source.resolve('mail.a.test', 'A', { format: 'dns-packet', trace: true })
    expect([mx.status, mx.records, a.records.map(({ data }) => data)]).toEqual([
      'NOERROR',
      [MX],
      ['192.0.2.1', '192.0.2.2'],
    ])
    const records = [...mx.records, ...a.records]
    using taker = createLibraryResolver({ records })
    expect(await taker.resolve('a.test', 'MX', { format: 'dns-packet' })).toMatchObject({ records: [MX] })
    await using stub = await createDnsStub({ records })
    expect(await stub.resolver().resolveMx('a.test')).toEqual([{ priority: 10, exchange: 'mail.a.test' }])
    expect((await stub.resolver().resolve4('mail.a.test')).toSorted()).toEqual(['192.0.2.1', '192.0.2.2'])
    expect(stub.setAll([]).names).toEqual([])
    expect(
      stub.setAll(
        decode(encode({ type: 'response', id: 1, answers: [{ name: 'b.test', type: 'TXT', ttl: 5, data: 'x' }] }))
          .answers ?? [],
      ).records,
    ).toEqual([{ name: 'b.test', type: 'TXT', ttl: 5, data: '"x"' }])
    await expect(source.resolve('a.test', 'MX', JSON.parse('{"format": "json"}'))).rejects.toThrow(
      /"text" or "dns-packet", found "json"/,
    )
  })

  test('a mistake among records taken says which one', () => {
    expect(mistakeOf(() => dns.setAll([MX, { name: 'http://a.test/', type: 'A', data: '192.0.2.1' }])).message).toMatch(
      /^record 2: .*not a URL/,
    )
    expect(
      mistakeOf(() => dns.setAll([{ name: 'a.test', type: 'A', class: 'CH', data: '192.0.2.1' }])).message,
    ).toMatch(/class IN/)
    expect(
      mistakeOf(() => createLibraryResolver({ records: [MX, { name: 'a.test', type: 'MX', data: { preference: 1 } }] }))
        .message,
    ).toMatch(/^record 2: .*exchange is missing/)
    expect(dns.names).toContain('mail.a.test')
  })
})
