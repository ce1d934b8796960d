import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatGeneric, formatRdata, parseRdata } from '../../src/presentation/rdata-text.ts'
import { shapeOf } from '../../src/dns/rdata-shape.ts'
import { formatRr, parseRr } from '../../src/presentation/rr-text.ts'
import { EntryReader } from '../../src/presentation/tokens.ts'
import { RrType, typeNumber } from '../../src/dns/types.ts'
import { hex, toHex, wire } from '../dns/make.ts'

const numRuns = process.env.ROOTWALK_LONG === undefined ? 300 : 100_000

const parse = (type: number, text: string) =>
  parseRdata(type, new EntryReader(text).next()?.tokens ?? [], wire('example'))

/** [type, octets, canonical text, other texts of the same octets]. RFC vectors where there are. */
const vectors: readonly (readonly [string, string, string, ...string[]])[] = [
  ['A', 'c0000201', '192.0.2.1'],
  ['AAAA', '20010db8000000000000000000000001', '2001:db8::1', '2001:DB8:0:0:0::1', '2001:db8::0.0.0.1'],
  ['NS', '026e73076578616d706c6500', 'ns.example.', 'ns', 'ns.example.'],
  [
    'SOA',
    '016d00017200 ffffffff 00000e10 00000384 00093a80 0000012c',
    'm. r. 4294967295 3600 900 604800 300',
    'm. r. 4294967295 1h 15m 1w 5m',
  ],
  ['HINFO', '02504305 4c696e7578', '"PC" "Linux"', 'PC Linux', '"PC" Linux'],
  ['MX', '000a00', '10 .'],
  ['TXT', '01610003622063', '"a" "" "b c"', 'a "" b\\ c', 'a""b\\032c'],
  ['RP', '016d00017400', 'm. t.'],
  ['SRV', '000100020003 0174 00', '1 2 3 t.'],
  ['NAPTR', '0064000a 0175 074532552b736970 00 00', '100 10 "u" "E2U+sip" "" .', '100 10 u E2U+sip "" .'],
  ['CERT', '0001 000c 08 010203', 'PKIX 12 RSASHA256 AQID', '1 12 8 AQ ID', 'pkix 12 rsasha256 AQID'],
  [
    'DS',
    'ec45 05 01 2bb183af5f22588179a53b0a98631fad1a292118',
    '60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118',
    '60485 RSASHA1 1 2bb183af5f22588179 a53b0a98631fad1a292118',
  ],
  ['DS', '000101f0aa', '1 1 240 AA'],
  ['SSHFP', '0201 123456789abcdef67890123456789abcdef67890', '2 1 123456789ABCDEF67890123456789ABCDEF67890'],
  [
    'RRSIG',
    '0001 05 03 00015180 70c19b0f 709a0f8f 0a52 00 010203',
    'A 5 3 86400 20291212021855 20291112022519 2642 . AQID',
  ],
  ['NSEC', '0168 00 0006 400100000003 0408 0000000000000020 ', 'h. A MX RRSIG NSEC TYPE1082'],
  [
    'NSEC3',
    '01 01 000c 04 aabbccdd 14 174eb2409fe28bcb4887a1836f957f0a8425e27b 0006 040000000002',
    '1 1 12 AABBCCDD 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR CNAME RRSIG',
  ],
  ['NSEC3PARAM', '01 00 0000 00', '1 0 0 -'],
  ['DNSKEY', '0101 03 0d 010203', '257 3 13 AQID'],
  ['CDNSKEY', '0000 03 00 00', '0 3 0 AA==', '0 3 DELETE AA=='],
  ['TLSA', '030101 aabb', '3 1 1 AABB', '3 1 1 aa bb'],
  ['OPENPGPKEY', '010203', 'AQID', 'A Q I D'],
  ['CSYNC', '00000042 0003 0004 60000008', '66 3 A NS AAAA', '66 3 AAAA NS A A'],
  ['CSYNC', '00000042 0003', '66 3'],
  ['EUI48', '00005e00532a', '00-00-5e-00-53-2a', '00-00-5E-00-53-2A'],
  ['EUI64', '00005eef1000002a', '00-00-5e-ef-10-00-00-2a'],
  ['URI', '000a 0001 6674703a2f2f612f', '10 1 "ftp://a/"', '10 1 ftp://a/'],
  ['CAA', '00 05 6973737565 6361', '0 issue "ca"', '0 issue ca'],
  // RFC 9460 appendix D.
  ['HTTPS', '0000 03666f6f076578616d706c6503636f6d00', '0 foo.example.com.'],
  ['SVCB', '0001 00', '1 .'],
  [
    'SVCB',
    '0010 03666f6f076578616d706c6503636f6d00 0003 0002 0035',
    '16 foo.example.com. port=53',
    '16 foo.example.com. port="53"',
  ],
  [
    'SVCB',
    '0001 03666f6f076578616d706c6503636f6d00 029b 0009 68656c6c6fd2716f6f',
    '1 foo.example.com. key667="hello\\210qoo"',
  ],
  [
    'SVCB',
    '0001 00 0006 0020 20010db8000000000000000000000001 20010db8000000000000000000530001',
    '1 . ipv6hint=2001:db8::1,2001:db8::53:1',
  ],
  [
    'SVCB',
    '0010 03666f6f076578616d706c65036f726700 0000 0004 00010004 0001 0009 026832 0568332d3139 0004 0004 c0000201',
    '16 foo.example.org. mandatory=alpn,ipv4hint alpn="h2,h3-19" ipv4hint=192.0.2.1',
    '16 foo.example.org. alpn=h2,h3-19 mandatory=ipv4hint,alpn ipv4hint=192.0.2.1',
  ],
  [
    'SVCB',
    '0010 00 0001 000c 08665c6f6f2c626172 026832',
    '16 . alpn="f\\\\\\\\oo\\\\,bar,h2"',
    '16 . alpn=f\\\\\\092oo\\092,bar,h2',
  ],
  // RFC 9461 and 9540: BIND 9.18 writes them key7 and key8.
  [
    'SVCB',
    '0001 00 0007 0009 2f717b3f646e737d21',
    '1 . dohpath="/q{?dns}!"',
    '1 . key7="/q{?dns}!"',
    '1 . dohpath=/q{?dns}!',
  ],
  ['SVCB', '0001 00 0008 0000', '1 . ohttp', '1 . key8', '1 . ohttp=""'],
  [
    'LOC',
    '00 33 16 12 89172dd0 70be1575 00988d20',
    '42 21 54.000 N 71 6 18.123 W -24.00m 30m 10000m 1m',
    '42 21 54 N 71 6 18.123 W -24 30 10000m 1.99',
  ],
  [
    'LOC',
    '00 50 99 99 6cb02700 a69fb200 ffffffff',
    '90 0 0.000 S 180 0 0.000 E 42849672.95m 0.05m 90000000m 90000000m',
    '90 S 180 E 42849672.95 0.05 90000000 90000000.00',
  ],
]

describe('RDATA both ways', () => {
  it.each(vectors)('%s %s', (type, octets, text, ...others) => {
    const number = typeNumber(type) ?? 0
    expect(formatRdata(number, hex(octets))).toBe(text)
    for (const other of [text, ...others]) {
      const parsed = parse(number, other)
      expect('error' in parsed ? parsed.error : toHex(parsed)).toBe(octets.replaceAll(' ', ''))
    }
  })

  it('every type with a shape is read as its own text or in generic form', () => {
    const types = Object.values(RrType).filter(type => shapeOf(type) !== undefined)
    expect(types.length).toBeGreaterThan(40)
    fc.assert(
      fc.property(fc.constantFrom(...types, 731, 65_535), fc.uint8Array({ maxLength: 60 }), (type, rdata) => {
        const text = formatRdata(type, rdata)
        expect(text).toMatch(type === RrType.APL && rdata.length === 0 ? /^$/ : /^[ -~]+$/)
        const parsed = parse(type, text)
        // Octets without a text of their own are written \#, which is refused again for a type they don't fit: nothing
        // else may be.
        if ('error' in parsed)
          expect(text.startsWith('\\#') || /digest|mandatory|alias|no-default-alpn|65535/.test(parsed.error)).toBe(true)
        else expect(toHex(parsed)).toBe(toHex(rdata))
      }),
      { numRuns: numRuns * 5 },
    )
  })

  it.each([
    ['A', 'c00002'],
    ['A', 'c000020101'],
    ['NS', 'c00c'],
    ['NS', '0161'],
    ['MX', '000a'],
    ['TXT', ''],
    ['TXT', '0561'],
    ['NSEC', '00 0000'],
    ['NSEC', '00 000100'],
    ['NSEC', '00 000140 000140'],
    ['CAA', '00 02 6121 61'],
    ['SVCB', '0001 00 0003 0001 35'],
    ['SVCB', '0001 00 0003 0002 0035 0003 0002 0035'],
    ['SVCB', '0001 00 0003 0002 0035 0001 0003 026832'],
    ['SVCB', '0001 00 0004 0003 c00002'],
    ['LOC', '01 33 16 13 80000000 80000000 00989680'],
    ['LOC', '00 a3 16 13 80000000 80000000 00989680'],
    ['LOC', '00 33 16 13 ffffffff 80000000 00989680'],
    ['EUI48', '00005e0053'],
    ['DS', 'ec45 05 01'],
    ['RRSIG', '0001 05 03'],
  ])('%s of %j has the generic form only', (type, octets) => {
    const number = typeNumber(type) ?? 0
    expect(formatRdata(number, hex(octets))).toBe(formatGeneric(hex(octets)))
    expect(parse(number, formatGeneric(hex(octets)))).toHaveProperty('error')
  })

  it('an unknown type has the generic form, any type may be written in it', () => {
    expect(formatRdata(65_280, hex('0a000001'))).toBe('\\# 4 0A000001')
    expect(formatRdata(65_280, hex(''))).toBe('\\# 0')
    expect(parse(65_280, '\\# 4 0a 00 0001')).toEqual(hex('0a000001'))
    expect(parse(RrType.A, '\\# 4 0a000001')).toEqual(hex('0a000001'))
    expect(parse(RrType.MX, '\\# 4 000a c00c')).toHaveProperty('error')
    expect(parse(RrType.DS, '\\# 6 0001 0d 02 abcd')).toHaveProperty('error')
    expect(parse(RrType.SVCB, '\\# 7 0001 00 0002 0000')).toHaveProperty('error')
  })

  it('an error in RDATA names the token that is wrong', () => {
    expect(parse(RrType.MX, 'mail 10')).toMatchObject({ index: 0 })
    expect(parse(RrType.MX, '10')).toMatchObject({ index: 1 })
    expect(parse(RrType.MX, '10 mail more')).toMatchObject({ index: 2, complete: true })
    expect(parse(RrType.SVCB, '1 . alpn=h2 port=x')).toMatchObject({ index: 3 })
    expect(parse(RrType.LOC, '42 N 71 Q 0')).toMatchObject({ index: 3 })
    expect(parse(RrType.TXT, `a "${'x'.repeat(256)}"`)).toMatchObject({ index: 1 })
  })

  it('RDATA above 65,535 octets is refused', () => {
    expect(parse(RrType.TXT, `"${'x'.repeat(255)}" `.repeat(256))).toHaveProperty('error')
    expect(parse(RrType.TXT, `"${'x'.repeat(254)}" `.repeat(257))).toHaveLength(65_535)
  })
})

describe('records', () => {
  it.each([
    ['www.example. 300 IN A 192.0.2.1', 'www.example.\t300\tIN\tA\t192.0.2.1'],
    ['www.example IN 5m A 192.0.2.1 ; comment', 'www.example.\t300\tIN\tA\t192.0.2.1'],
    ['www.example 300 mx 10 mail', 'www.example.\t300\tIN\tMX\t10 mail.'],
    ['. 1 CH TXT ( "a"\n "b" )', '.\t1\tCH\tTXT\t"a" "b"'],
    ['a 0 CLASS5 TYPE65280 \\# 1 00', 'a.\t0\tCLASS5\tTYPE65280\t\\# 1 00'],
  ])('%j', (text, expected) => {
    const rr = parseRr(text)
    expect('error' in rr ? rr.error : formatRr(rr)).toBe(expected)
  })

  it('a default TTL stands in for a missing one only', () => {
    expect(parseRr('a A 192.0.2.1', 60)).toMatchObject({ ttl: 60 })
    expect(parseRr('a 5 A 192.0.2.1', 60)).toMatchObject({ ttl: 5 })
    expect(parseRr('a A 192.0.2.1')).toHaveProperty('error')
  })

  it.each([
    '',
    ' ',
    '; x',
    '"a" 1 A 192.0.2.1',
    'a 1 A',
    'a 1 ANY x',
    'a 1 A 192.0.2.1\nb 1 A 192.0.2.1',
    'a 1 TXT "x',
    'a 2147483648 A 192.0.2.1',
    '@ 1 A 192.0.2.1',
    'a 1 NONE A 192.0.2.1',
  ])('%j is refused', text => expect(parseRr(text)).toHaveProperty('error'))
})

describe('tokens', () => {
  const read = (text: string) => {
    const reader = new EntryReader(text)
    const entries: string[] = []
    for (let entry = reader.next(); entry !== null; entry = reader.next()) {
      const tokens = entry.tokens.map(
        t => `${t.line}:${t.column}${t.joined ? '+' : ' '}${t.quoted ? `"${t.text}"` : t.text}`,
      )
      entries.push(
        `${entry.indented ? '>' : ''}${tokens.join(' | ')}${entry.fault === null ? '' : ` !${entry.fault.line}:${entry.fault.column}`}`,
      )
    }
    return entries
  }

  it.each<[string, string[]]>([
    ['', []],
    ['\n\r\n ; x\r', []],
    ['a b\nc', ['1:1 a | 1:3 b', '2:1 c']],
    ['a\r\nb\rc', ['1:1 a', '2:1 b', '3:1 c']],
    ['\uFEFFa', ['1:1 a']],
    [' a', ['>1:2 a']],
    ['a;b', ['1:1 a']],
    ['a\\;b', ['1:1 a\\;b']],
    ['a"b;c"d', ['1:1 a | 1:2+"b;c" | 1:7+d']],
    ['"a\\"b" c', ['1:1 "a\\"b" | 1:8 c']],
    ['a (b\n c ; )\n) d', ['1:1 a | 1:4 b | 2:2 c | 3:3 d']],
    ['((a)\n) b', ['1:3 a | 2:3 b']],
    ['a )\nb', ['1:1 a !1:3', '2:1 b']],
    ['"a\nb', [' !1:1', '2:1 b']],
    ['a (\n b\nc', ['1:1 a | 2:2 b | 3:1 c !1:3', '3:1 c']],
    ['a\\', ['1:1 a\\']],
    ['"a\\', [' !1:1']],
    ['a\\\nb', ['1:1 a\\', '2:1 b']],
  ])('%j', (text, expected) => expect(read(text)).toEqual(expected))
})
