/**
 * Types that hardly anybody uses, in presentation format both ways. The octets and the texts are those of
 * named-compilezone (BIND 9.18), which is asked again where it is installed: it must read our text, write it itself,
 * and make it of our octets.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { formatGeneric, formatRdata, parseRdata } from '../../src/presentation/rdata-text.ts'
import { EntryReader } from '../../src/presentation/tokens.ts'
import { typeNumber } from '../../src/dns/types.ts'
import { needs } from '../tools.ts'
import { hex, toHex, wire } from '../dns/make.ts'

const parse = (type: number, text: string) =>
  parseRdata(type, new EntryReader(text).next()?.tokens ?? [], wire('example'))
const numberOf = (type: string): number => typeNumber(type) ?? 0

const KEY = '03010001 aabbcc'
const KEY_TEXT = 'AwEAAaq7zA=='
const SHA1 = '2bb183af5f22588179a53b0a98631fad1a292118'

/** [type, octets, canonical text, other texts of the same octets]. */
const vectors: readonly (readonly [string, string, string, ...string[]])[] = [
  ['APL', '', ''],
  [
    'APL',
    '0001 15 03 c0a820 0001 1c 83 c0a826 0002 20 04 20010db8',
    '1:192.168.32.0/21 !1:192.168.38.0/28 2:2001:db8::/32',
  ],
  ['APL', '0001 00 00 0002 00 80 0001 18 04 c0000201', '1:0.0.0.0/0 !2:::/0 1:192.0.2.1/24'],
  ['IPSECKEY', `0a 01 02 c0000226 ${KEY}`, `10 1 2 192.0.2.38 ${KEY_TEXT}`, '10 1 2 192.0.2.38 AwEA Aaq7zA=='],
  ['IPSECKEY', `0a 00 02 ${KEY}`, `10 0 2 . ${KEY_TEXT}`],
  ['IPSECKEY', `0a 02 02 20010db8000000000000000000000001 ${KEY}`, `10 2 2 2001:db8::1 ${KEY_TEXT}`],
  ['IPSECKEY', `0a 03 02 026777076578616d706c6500 ${KEY}`, `10 3 2 gw.example. ${KEY_TEXT}`, `10 3 2 gw ${KEY_TEXT}`],
  ['DHCID', '0001 01 aabbcc', 'AAEBqrvM', 'AAEB qrvM'],
  ['KEY', `0200 ff 01 ${KEY}`, `512 255 1 ${KEY_TEXT}`, `HOST ALL RSAMD5 ${KEY_TEXT}`],
  ['KEY', `0103 02 03 ${KEY}`, `259 2 3 ${KEY_TEXT}`, `ZONE|SIG3 EMAIL DSA ${KEY_TEXT}`],
  ['KEY', 'c000 03 05', '49152 3 5', 'NOKEY DNSSEC RSASHA1', 'nokey|user 3 5'],
  [
    'SIG',
    '0001 05 03 00015180 70c19b0f 709a0f8f 0a52 00 010203',
    'A 5 3 86400 20291212021855 20291112022519 2642 . AQID',
  ],
  ['NXT', '0161076578616d706c6500 4001', 'a.example. A MX', 'a MX A A'],
  ['NXT', '00 62000008', '. A NS SOA AAAA'],
  [
    'WKS',
    'c0000201 06 800000400000000000 0080',
    '192.0.2.1 6 0 25 80',
    '192.0.2.1 TCP 25 80 smtp 0',
    '192.0.2.1 tcp 0 25 www',
  ],
  ['WKS', 'c0000201 11', '192.0.2.1 17', '192.0.2.1 UDP'],
  ['WKS', 'c0000201 11 00000000000004', '192.0.2.1 17 53', '192.0.2.1 udp domain'],
  ['X25', '0c 333131303631373030393536', '"311061700956"', '311061700956'],
  ['ISDN', '0f 313530383632303238303033323137 03 303034', '"150862028003217" "004"', '150862028003217 004'],
  ['ISDN', '01 31', '"1"', '1'],
  ['ISDN', '01 31 00', '"1" ""'],
  [
    'GPOS',
    '08 2d33322e36383832 08 3131362e38363532 04 31302e30',
    '"-32.6882" "116.8652" "10.0"',
    '-32.6882 116.8652 10.0',
  ],
  [
    'NSAP',
    '47000580005a0000000001e133ffffff00016100',
    '0x47000580005a0000000001e133ffffff00016100',
    '0x47.0005.80.005a00.0000.0001.e133.ffffff000161.00',
    '0X47000580005A0000000001E133FFFFFF00016100',
  ],
  ['NSAP-PTR', '03666f6f00', 'foo.'],
  ['NID', '000a 00144fffff20ee64', '10 14:4fff:ff20:ee64', '10 0014:4FFF:ff20:ee64'],
  ['NID', '000a 0000000000000000', '10 0:0:0:0'],
  ['L32', '000a 0a010200', '10 10.1.2.0'],
  ['L64', '000a 20010db811401000', '10 2001:db8:1140:1000', '10 2001:0DB8:1140:1000'],
  ['LP', '000a 036c3634076578616d706c6500', '10 l64.example.', '10 l64'],
  ['HIP', `04 02 0007 20010010 ${KEY}`, `2 20010010 ${KEY_TEXT}`],
  [
    'HIP',
    `04 02 0007 20010010 ${KEY} 03727673076578616d706c6500 0172 00`,
    `2 20010010 ${KEY_TEXT} rvs.example. r.`,
    `2 20010010 ${KEY_TEXT} rvs r.`,
  ],
  ['AVC', '01 61 02 6263', '"a" "bc"', 'a bc'],
  ['NINFO', '01 61 01 62', '"a" "b"', '"a" b'],
  ['AMTRELAY', '0a 00', '10 0 0 .'],
  ['AMTRELAY', '0a 80', '10 1 0 .'],
  ['AMTRELAY', '0a 81 c0000201', '10 1 1 192.0.2.1'],
  ['AMTRELAY', '0a 02 20010db8000000000000000000000001', '10 0 2 2001:db8::1'],
  ['AMTRELAY', '0a 03 0161076578616d706c6500', '10 0 3 a.example.', '10 0 3 a'],
  ['TALINK', '0161076578616d706c6500 00', 'a.example. .', 'a .'],
  ['DLV', `ec45 05 01 ${SHA1}`, `60485 5 1 ${SHA1.toUpperCase()}`],
  ['TA', `ec45 05 01 ${SHA1}`, `60485 5 1 ${SHA1.toUpperCase()}`],
  ['RESINFO', '08 716e616d656d696e 0c 6578746572723d31352d3137', '"qnamemin" "exterr=15-17"', 'qnamemin exterr=15-17'],
  ['WALLET', '03 425443 01 78', '"BTC" "x"'],
  ['DSYNC', '003b 01 14b4 03666f6f00', 'CDS NOTIFY 5300 foo.', '59 1 5300 foo.', 'CDS notify 5300 foo.'],
  ['DSYNC', '003b 02 14b4 03666f6f00', 'CDS 2 5300 foo.'],
  ['BRID', '010203', 'AQID'],
  ['HHIT', '010203', 'AQID'],
  ['RKEY', `0000 ff 01 ${KEY}`, `0 255 1 ${KEY_TEXT}`],
  ['EID', '1289ab', '1289AB', '12 89 ab'],
  ['NIMLOC', '1289ab', '1289AB'],
  ['ATMA', '01 3631323030303030303030', '+61200000000', '+61.200.000.000'],
  [
    'ATMA',
    '00 4700790001020000000000000000a03e00000200',
    '4700790001020000000000000000a03e00000200',
    '47.0079.00010200000000000000.00a03e000002.00',
  ],
  ['SINK', '01 00 00 010203', '1 0 0 AQID', '1 0 0 AQ ID'],
  ['SINK', '08 00 02', '8 0 2'],
  ['DOA', '499602d2 499602d2 01 09 696d6167652f676966 010203', '1234567890 1234567890 1 "image/gif" AQID'],
  ['DOA', '00000000 00000001 02 00', '0 1 2 "" -'],
  ['A6', '00 20010db8000000000000000000000001', '0 2001:db8::1'],
  ['A6', '40 0000000000000001 03666f6f00', '64 ::1 foo.', '64 ffff::1 foo.'],
  ['A6', '3c 0fffffffffffffffff 03666f6f00', '60 ::f:ffff:ffff:ffff:ffff foo.'],
  ['A6', '7f 01 03666f6f00', '127 ::1 foo.', '127 ::ff01 foo.'],
  ['TXT', '01 23 04 74657874', '"#" "text"', '\\# text'],
  ['TXT', '01 23', '"#"', '\\#'],
  ['NSEC', '0162076578616d706c6500 0001 c0', 'b.example. TYPE0 A', 'b A TYPE0'],
  ['CSYNC', '00000001 0003 0001 c0', '1 3 TYPE0 A'],
  ['SVCB', '0001 00 ffff 0001 61', '1 . key65535="a"', '1 . key65535=a'],
  ['SVCB', '0001 00 0000 0002 ffff ffff 0000', '1 . mandatory=key65535 key65535'],
  ['DNSKEY', `0101 03 08 ${KEY}`, `257 3 8 ${KEY_TEXT}`, `ZONE|KSK DNSSEC RSASHA256 ${KEY_TEXT}`],
]

describe('rarely used types both ways', () => {
  it.each(vectors)('%s %s', (type, octets, text, ...others) => {
    const number = numberOf(type)
    expect(formatRdata(number, hex(octets))).toBe(text)
    for (const other of [text, formatGeneric(hex(octets)), ...others]) {
      const parsed = parse(number, other)
      expect('error' in parsed ? `${other}: ${parsed.error}` : toHex(parsed)).toBe(octets.replaceAll(' ', ''))
    }
  })

  it.each([
    ['APL', '1:192.0.2/24'],
    ['APL', '1:192.0.2.0/33'],
    ['APL', '3:00/0'],
    ['APL', '2:192.0.2.0/24'],
    ['APL', '"1:192.0.2.0/24"'],
    ['IPSECKEY', '10 4 2 foo AQID'],
    ['IPSECKEY', '10 1 2 192.0.2.1'],
    ['IPSECKEY', '10 0 2 foo AQID'],
    ['IPSECKEY', '10 1 0 192.0.2.1 AQID'],
    ['KEY', '512 3 5'],
    ['KEY', 'HOST|ZONE 3 5 AQID'],
    ['KEY', 'FOO 3 5 AQID'],
    ['KEY', '512 FOO 5 AQID'],
    ['NXT', 'a TYPE0 A'],
    ['NXT', 'a TYPE128'],
    ['NXT', 'a foo'],
    ['WKS', '192.0.2.1'],
    ['WKS', '192.0.2.1 300'],
    ['WKS', '192.0.2.1 TCP nothing'],
    ['WKS', '192.0.2.1 TCP 65536'],
    ['X25', '123'],
    ['X25', 'abcd'],
    ['ISDN', '1 2 3'],
    ['ISDN', ''],
    ['GPOS', '1 2'],
    ['NSAP', '47.00'],
    ['NSAP', '0x'],
    ['NSAP', '0x4'],
    ['NID', '10 1:2:3'],
    ['L64', '10 2001::1'],
    ['L64', '10 1:2:3:10000'],
    ['HIP', '2 20010010'],
    ['HIP', '2 2001001 AQID'],
    ['AMTRELAY', '10 2 0 .'],
    ['AMTRELAY', '10 0 0 foo'],
    ['AMTRELAY', '10 0 4 foo'],
    ['DLV', '60485 5 1 2BB183'],
    ['TA', '60485 5 1 2BB183'],
    ['DSYNC', 'CDS FOO 1 a.'],
    ['A6', '129 a.'],
    ['A6', '0 ::1 a.'],
    ['A6', '64 ::1'],
    ['ATMA', '+'],
    ['ATMA', '3'],
    ['DOA', '0 1 2 ""'],
    ['EID', '123'],
    ['SPF', '\\# 4 text'],
    ['NSEC3', '1 0 0 - 2T7B4G4VSA5SMI47K61MV5G'],
    ['NSEC3', '1 0 0 - 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR00'],
  ])('%s %s is refused', (type, text) => expect(parse(numberOf(type), text)).toHaveProperty('error'))

  it('errors name the token', () => {
    expect(parse(numberOf('APL'), '1:192.0.2.0/24 x')).toMatchObject({ index: 1 })
    expect(parse(numberOf('IPSECKEY'), '10 1 2 x AQID')).toMatchObject({ index: 3 })
    expect(parse(numberOf('HIP'), '2 20010010 AQID a..b')).toMatchObject({ index: 3 })
    expect(parse(numberOf('AMTRELAY'), '10 0 1 192.0.2.1 x')).toMatchObject({ index: 4 })
    expect(parse(numberOf('IPSECKEY'), '10 1 2')).toMatchObject({ index: 3 })
  })

  it.each([
    ['APL', '0003 00 00'],
    ['APL', '0001 21 00'],
    ['APL', '0001 18 03 c00000'],
    ['APL', '0001 18'],
    ['IPSECKEY', '0a 04 00 01'],
    ['IPSECKEY', '0a 01 02 c00002'],
    ['IPSECKEY', '0a 00 00 01'],
    ['KEY', '0200 03 05'],
    ['NXT', '00 80'],
    ['NXT', '00 4000'],
    ['WKS', 'c0000201 06 00'],
    ['X25', '03 313233'],
    ['HIP', '00 02 0001 01'],
    ['HIP', '01 02 0002 0101'],
    ['A6', '81'],
    ['A6', '3c f000000000000000ff 00'],
    ['ATMA', '01 61'],
    ['ATMA', '02 61'],
  ])('%s of %s has the generic form only', (type, octets) => {
    expect(formatRdata(numberOf(type), hex(octets))).toBe(formatGeneric(hex(octets)))
    expect(parse(numberOf(type), formatGeneric(hex(octets)))).toHaveProperty('error')
  })

  it('a type of relay that is yet to be defined is kept as octets (RFC 8777 section 4.2.3)', () => {
    expect(formatRdata(numberOf('AMTRELAY'), hex('0a04aabbcc'))).toBe('\\# 5 0A04AABBCC')
    expect(parse(numberOf('AMTRELAY'), '\\# 5 0A04AABBCC')).toEqual(hex('0a04aabbcc'))
  })

  it('a hash of another kind than SHA-1 may have any length', () => {
    expect(parse(numberOf('NSEC3'), '2 0 0 - 2T7B4G4VSA5SMI47K61MV5G')).toBeInstanceOf(Uint8Array)
  })
})

needs('named-compilezone')('BIND writes the same text of our text and of our octets', () => {
  const top = '$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n'
  /** The RDATA that BIND writes for each owner r0, r1, … */
  const theirs = (records: readonly string[]): string[] => {
    const directory = mkdtempSync(join(tmpdir(), 'rootwalk-rare-'))
    const file = join(directory, 'zone')
    writeFileSync(file, `${top}${records.join('')}`)
    const text = execFileSync(
      'named-compilezone',
      ['-q', '-k', 'ignore', '-i', 'none', '-s', 'full', '-o', '-', 'example.', file],
      { encoding: 'utf8' },
    )
    rmSync(directory, { recursive: true })
    const written = new Map<string, string>()
    for (const line of text.split('\n')) {
      const [, owner = '', rdata = ''] = /^(r\d+)\.example\.\s+60 IN \S+\s(.*)$/.exec(line) ?? []
      written.set(owner, rdata.trim())
    }
    return records.map((_, i) => written.get(`r${i}`) ?? 'missing')
  }
  const expected = vectors.map(([, , text]) => text)

  it('text', () => expect(theirs(vectors.map(([type, , text], i) => `r${i} ${type} ${text}\n`))).toEqual(expected))
  it('octets', () =>
    expect(
      theirs(vectors.map(([type, octets], i) => `r${i} TYPE${numberOf(type)} ${formatGeneric(hex(octets))}\n`)),
    ).toEqual(expected))
  it('other texts', () => {
    const others = vectors.flatMap(([type, , text, ...more]) => more.map(other => ({ type, text, other })))
    expect(theirs(others.map(({ type, other }, i) => `r${i} ${type} ${other}\n`))).toEqual(
      others.map(({ text }) => text),
    )
  })
})
