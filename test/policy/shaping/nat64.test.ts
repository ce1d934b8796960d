/** RFC 6052: IPv4 addresses inside of IPv6 ones, by the table of its section 2.4. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatIp, parseIpv4, parseIpv6, type Prefix } from '../../../src/dns/address.ts'
import { embed, extract, parseIpv6Block, parseNat64Prefix, reversedIpv6 } from '../../../src/policy/shaping/nat64.ts'
import { name } from '../../server/make.ts'

const prefixOf = (text: string): Prefix => {
  const prefix = parseNat64Prefix(text)
  if ('error' in prefix) throw new Error(prefix.error)
  return prefix
}

describe('an address under a prefix', () => {
  it.each([
    ['2001:db8::/32', '2001:db8:c000:221::'],
    ['2001:db8:100::/40', '2001:db8:1c0:2:21::'],
    ['2001:db8:122::/48', '2001:db8:122:c000:2:2100::'],
    ['2001:db8:122:300::/56', '2001:db8:122:3c0:0:221::'],
    ['2001:db8:122:344::/64', '2001:db8:122:344:c0:2:2100:0'],
    ['2001:db8:122:344::/96', '2001:db8:122:344::192.0.2.33'],
    ['64:ff9b::/96', '64:ff9b::192.0.2.33'],
  ])('192.0.2.33 under %s is %s', (prefix, text) => {
    const ipv4 = parseIpv4('192.0.2.33') ?? new Uint8Array()
    const made = embed(prefixOf(prefix), ipv4)
    expect(made).toEqual(parseIpv6(text))
    expect(extract(prefixOf(prefix), made)).toEqual(ipv4)
  })

  it('comes out as it went in, for all prefixes and addresses', () => {
    const lengths = fc.constantFrom(32, 40, 48, 56, 64, 96)
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), lengths, fc.nat(2 ** 32 - 1), (bytes, length, n) => {
        const prefix = bytes.fill(0, length / 8)
        prefix[8] = 0
        const ipv4 = Uint8Array.of(n >>> 24, n >>> 16, n >>> 8, n)
        const made = embed({ family: 6, bytes: prefix, length }, ipv4)
        expect(made[8]).toBe(0)
        expect(extract({ family: 6, bytes: prefix, length }, made)).toEqual(ipv4)
      }),
      { numRuns: 300, seed: 7 },
    )
  })

  it('is none outside of the prefix, nor with bits in octet 8', () => {
    const prefix = prefixOf('2001:db8:122::/48')
    expect(extract(prefix, parseIpv6('2001:db8:123:c000:2:2100::') ?? new Uint8Array())).toBeNull()
    expect(extract(prefix, parseIpv6('2001:db8:122:c000:102:2100::') ?? new Uint8Array())).toBeNull()
  })

  it.each([
    ['64:ff9b::', 'expected an IPv6 prefix'],
    ['192.0.2.0/24', 'expected an IPv6 prefix'],
    ['64:ff9b::/95', 'has 95 bits'],
    ['2001:db8::1/96', 'expected an IPv6 prefix'],
    ['2001:db8:0:0:100::/96', 'bits 64 to 71'],
    ['x/96', 'expected an IPv6 prefix'],
    ['64:ff9b::/96/1', 'expected an IPv6 prefix'],
  ])('%s is no prefix: %s', (text, problem) => {
    expect(parseNat64Prefix(text)).toEqual({ error: expect.stringContaining(problem) as string })
  })

  it('a block of mapped addresses stays one of IPv6', () => {
    expect(parseIpv6Block('::ffff:0:0/96')).toMatchObject({ family: 6, length: 96 })
    expect(parseIpv6Block('::/0')).toMatchObject({ length: 0 })
    expect(parseIpv6Block('::1')).toMatchObject({ length: 128 })
    expect(parseIpv6Block('::1/127')).toBeNull()
    expect(parseIpv6Block('::1/129')).toBeNull()
  })
})

describe('a name of the reverse tree', () => {
  const nibbles = '1.2.2.0.2.0.0.0.0.c'
  it('stands for an address when it is whole', () => {
    const full = `1.2.2.0.0.0.0.c.${'0.'.repeat(16)}b.9.f.f.4.6.0.0.ip6.arpa.`
    expect(formatIp(reversedIpv6(name(full)) ?? new Uint8Array())).toBe('64:ff9b::c000:221')
    for (const other of [
      `${nibbles}.ip6.arpa.`,
      full.replace('1.2.', 'g.2.'),
      full.replace('1.2.', '11.2.'),
      `x.${full}`,
      full.replace('ip6', 'ip7'),
      '33.2.0.192.in-addr.arpa.',
      '.',
    ])
      expect(reversedIpv6(name(other))).toBeNull()
  })
})
