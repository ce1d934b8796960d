import { describe, expect, it } from 'vitest'
import {
  formatEndpoint,
  formatIp,
  inAnyPrefix,
  inPrefix,
  ipFromBytes,
  parseIp,
  parseIpv4,
  parseIpv6,
  parsePrefix,
} from '../../src/dns/address.ts'
import { prefixText } from './make.ts'
import { hex } from './make.ts'

describe('text to octets', () => {
  it.each([
    ['192.0.2.1', 'c0000201'],
    ['0.0.0.0', '00000000'],
    ['255.255.255.255', 'ffffffff'],
  ])('%s', (text, octets) => {
    expect(parseIpv4(text)).toEqual(hex(octets))
  })

  it.each([
    ['octal, which is another address elsewhere', '010.0.0.1'],
    ['short form', '10.1'],
    ['one number', '167772161'],
    ['hexadecimal', '0x7f.0.0.1'],
    ['too large', '256.0.0.1'],
    ['blank', ' 1.2.3.4'],
    ['a fifth part', '1.2.3.4.5'],
    ['empty part', '1..2.3'],
    ['', ''],
    ['sign', '+1.2.3.4'],
  ])('refuses %s', (_what, text) => {
    expect(parseIpv4(text)).toBeNull()
    expect(parseIp(text)).toBeNull()
  })

  it.each([
    ['::', '00'.repeat(16)],
    ['::1', `${'00'.repeat(15)}01`],
    ['2001:db8::8:800:200c:417a', '20010db80000000000080800200c417a'],
    ['2001:DB8:0:0:8:800:200C:417A', '20010db80000000000080800200c417a'],
    ['ff01::', `ff01${'00'.repeat(14)}`],
    ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
    ['1:2:3:4:5:6:7::', '00010002000300040005000600070000'],
    ['::ffff:192.0.2.1', '00000000000000000000ffffc0000201'],
    ['64:ff9b::192.0.2.33', '0064ff9b0000000000000000c0000221'],
  ])('%s', (text, octets) => {
    expect(parseIpv6(text)).toEqual(hex(octets))
  })

  it.each([
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1::2::3',
    ':1:2:3:4:5:6:7',
    '12345::',
    'g::',
    ':::',
    '1:2:3:4:5:6:7:8::',
    '::1.2.3',
    '::1.2.3.256',
    '::1.2.3.4:5',
    ':',
  ])('refuses %s', text => {
    expect(parseIpv6(text)).toBeNull()
  })

  it('the zone identifier of an IPv6 address is dropped', () => {
    expect(parseIp('fe80::1%eth0.100')?.text).toBe('fe80::1')
  })
})

describe('octets to text (RFC 5952 section 4)', () => {
  it.each([
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:0db8::0001', '2001:db8::1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:DB8::ABCD', '2001:db8::abcd'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['1:0:0:0:0:0:0:0', '1::'],
    ['0:0:0:0:0:0:0:1', '::1'],
  ])('%s is %s', (text, canonical) => {
    expect(parseIp(text)?.text).toBe(canonical)
  })

  it('shows a mapped address with its quad', () => {
    expect(formatIp(hex('00000000000000000000ffffc0000201'))).toBe('::ffff:192.0.2.1')
  })
})

describe('mapped addresses', () => {
  it('are the IPv4 address, whichever way they come: an access list sees one form', () => {
    expect(parseIp('::ffff:127.0.0.1')).toEqual(parseIp('127.0.0.1'))
    expect(ipFromBytes(hex('00000000000000000000ffff7f000001')).family).toBe(4)
  })
})

describe('prefixes', () => {
  const ip = (text: string) => parseIp(text) ?? ipFromBytes(new Uint8Array(4))

  it.each([
    ['192.0.2.0/24', '192.0.2.255', true],
    ['192.0.2.0/24', '192.0.3.0', false],
    ['192.0.2.128/25', '192.0.2.127', false],
    ['192.0.2.128/25', '192.0.2.128', true],
    ['0.0.0.0/0', '203.0.113.9', true],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['::/0', '203.0.113.9', false],
    ['2001:db8::/33', '2001:db8:7fff::1', true],
    ['2001:db8::/33', '2001:db8:8000::1', false],
    ['127.0.0.1', '127.0.0.1', true],
    ['127.0.0.1', '127.0.0.2', false],
    ['::ffff:127.0.0.0/104', '127.9.9.9', true],
    ['::ffff:127.0.0.0/104', '::ffff:127.9.9.9', true],
    ['::ffff:127.0.0.0/104', '128.0.0.1', false],
    ['::ffff:127.0.0.1', '127.0.0.1', true],
  ])('%s and %s', (prefix, address, inside) => {
    const parsed = parsePrefix(prefix)
    expect(parsed).not.toBeNull()
    if (parsed === null) return
    expect(inPrefix(ip(address), parsed)).toBe(inside)
    expect(inAnyPrefix(ip(address), [parsed])).toBe(inside)
  })

  it.each([
    '192.0.2.1/24',
    '192.0.2.0/33',
    '2001:db8::/129',
    '192.0.2.0/',
    '192.0.2.0/-1',
    '/8',
    '10/8',
    '2001:db8::1/64',
    '',
  ])('refuses %s', text => {
    expect(parsePrefix(text)).toBeNull()
  })

  it('a prefix is written in its canonical form', () => {
    expect(
      ['192.0.2.0/24', '2001:DB8:0::/32', '::1'].map(text =>
        prefixText(parsePrefix(text) ?? { family: 4, bytes: new Uint8Array(4), length: 0 }),
      ),
    ).toEqual(['192.0.2.0/24', '2001:db8::/32', '::1/128'])
  })

  it('nothing is in an empty list', () => {
    expect(inAnyPrefix(ip('127.0.0.1'), [])).toBe(false)
  })
})

describe('an address with its port', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1:53'],
    ['2001:db8::1', '[2001:db8::1]:53'],
    ['::', '[::]:53'],
  ])('of %s is %s', (address, text) => {
    expect(formatEndpoint(address, 53)).toBe(text)
  })
})
