/** The table of forward and stub zones, and how their servers are written. */
import { describe, expect, test } from 'vitest'
import { foldName, type Name } from '../../src/dns/name.ts'
import { RrClass, RrType } from '../../src/dns/types.ts'
import { formatName } from '../../src/presentation/text.ts'
import { ForwardZones, noForwardZones, overrides, sameForwardZones } from '../../src/zone/forward-zones.ts'
import type { ForwardZone, Upstream } from '../../src/zone/forward-zones.ts'
import { parseUpstream, upstreamText } from '../../src/zone/upstream-text.ts'
import { nameOf } from '../../src/simulation/records.ts'

const upstream = (text: string): Upstream => {
  const parsed = parseUpstream(text)
  if ('error' in parsed) throw new Error(parsed.error)
  return parsed
}
const zone = (kind: 'forward' | 'stub', origin: string, ...to: string[]): ForwardZone => ({
  kind,
  zone: nameOf(origin),
  upstreams: (to.length === 0 ? ['192.0.2.1'] : to).map(upstream),
  recurseOnFailure: false,
})
const text = (name: Name | undefined): string => (name === undefined ? 'none' : formatName(name))

const table = new ForwardZones([
  zone('forward', '.'),
  zone('stub', 'corp.example.'),
  zone('forward', 'lab.corp.example.'),
  zone('stub', '10.in-addr.arpa.'),
])

describe('the zone that a question belongs to', () => {
  test.each([
    ['www.example.com.', RrType.A, '.'],
    ['example.', RrType.A, '.'],
    ['corp.example.', RrType.A, 'corp.example.'],
    ['WWW.Corp.Example.', RrType.A, 'corp.example.'],
    ['xcorp.example.', RrType.A, '.'],
    ['a.b.corp.example.', RrType.DNSKEY, 'corp.example.'],
    // DS is data of the zone above (RFC 4035 section 2.4).
    ['corp.example.', RrType.DS, '.'],
    ['lab.corp.example.', RrType.DS, 'corp.example.'],
    ['x.lab.corp.example.', RrType.DS, 'lab.corp.example.'],
    ['lab.corp.example.', RrType.NS, 'lab.corp.example.'],
    ['1.0.0.10.in-addr.arpa.', RrType.PTR, '10.in-addr.arpa.'],
    ['.', RrType.DS, '.'],
    ['.', RrType.NS, '.'],
  ])('of %s type %i is %s', (name, type, expected) => {
    expect(text(table.of({ name: foldName(nameOf(name)), type, class: RrClass.IN })?.zone)).toBe(expected)
  })

  test('is none without a root zone in the table, and for other classes', () => {
    const one = new ForwardZones([zone('stub', 'corp.example.')])
    expect(one.of({ name: nameOf('example.'), type: RrType.A, class: RrClass.IN })).toBeUndefined()
    expect(one.of({ name: nameOf('corp.example.'), type: RrType.DS, class: RrClass.IN })).toBeUndefined()
    expect(table.of({ name: nameOf('corp.example.'), type: RrType.A, class: RrClass.CH })).toBeUndefined()
    expect(noForwardZones.of({ name: nameOf('corp.example.'), type: RrType.A, class: RrClass.IN })).toBeUndefined()
  })

  test('above it is the next shorter one', () => {
    const [root, corp, lab] = table.zones
    expect([root, corp, lab].map(one => text(one === undefined ? undefined : table.above(one)?.zone))).toEqual([
      'none',
      '.',
      'corp.example.',
    ])
  })
})

describe('names that a server must not speak of', () => {
  test.each([
    ['www.example.com.', 'www.corp.example.', true],
    ['www.example.com.', 'www.example.net.', false],
    ['www.corp.example.', 'mail.corp.example.', false],
    ['www.corp.example.', 'www.example.com.', true],
    ['www.corp.example.', 'x.lab.corp.example.', true],
  ])('asked for %s: %s %s', (asked, other, expected) => {
    const isElsewhere = table.othersThan({ name: nameOf(asked), type: RrType.A, class: RrClass.IN })
    expect(isElsewhere?.(nameOf(other))).toBe(expected)
  })

  test('are none where nothing is configured, and never the name that was asked for', () => {
    const ds = { name: nameOf('corp.example.'), type: RrType.DS, class: RrClass.IN }
    expect(noForwardZones.othersThan(ds)).toBeNull()
    expect(table.othersThan(ds)?.(ds.name)).toBe(false)
  })
})

test.each([
  ['10.in-addr.arpa.', '10.in-addr.arpa.', true],
  ['1.10.in-addr.arpa.', '10.in-addr.arpa.', true],
  ['.', '10.in-addr.arpa.', false],
  ['arpa.', '10.in-addr.arpa.', false],
])('the configured zone %s takes the place of the built-in %s: %s', (configured, origin, expected) => {
  expect(overrides(zone('stub', configured), nameOf(origin))).toBe(expected)
})

test('where the address of a server is looked up, servers without an address are left out, and zones of only those', () => {
  const both = new ForwardZones([
    zone('forward', '.', 'https://dns.example/dns-query', '192.0.2.1'),
    zone('forward', 'example.', 'https://dns.example/dns-query'),
  ])
  expect(both.addressed.zones.map(({ zone: name, upstreams }) => [text(name), upstreams.length])).toEqual([['.', 1]])
})

test('tables are the same when zones, servers and fall-backs are', () => {
  const make = (to: string, recurseOnFailure = false): ForwardZones =>
    new ForwardZones([{ ...zone('forward', '.', to), recurseOnFailure }])
  expect(sameForwardZones(make('192.0.2.1'), make('192.0.2.1:53'))).toBe(true)
  expect(sameForwardZones(make('192.0.2.1'), make('192.0.2.2'))).toBe(false)
  expect(sameForwardZones(make('192.0.2.1'), make('192.0.2.1', true))).toBe(false)
  expect(sameForwardZones(make('tls://192.0.2.1#a.example'), make('tls://192.0.2.1#b.example'))).toBe(false)
  expect(sameForwardZones(make('https://a.example'), make('https://a.example/dns-query'))).toBe(true)
})

const PIN = 'mqVHTFz0pVZQPXNVPFGLVMNAPMDDLPWWCWN1aUZhmDg='.slice(0, 43).padEnd(43, 'A').concat('=')

describe('a server', () => {
  test.each([
    ['192.0.2.1', '192.0.2.1', 53, undefined],
    ['192.0.2.1:5353', '192.0.2.1:5353', 5353, undefined],
    ['2001:db8::1', '2001:db8::1', 53, undefined],
    ['[2001:db8::1]', '2001:db8::1', 53, undefined],
    ['[2001:db8::1]:5353', '[2001:db8::1]:5353', 5353, undefined],
    ['tls://9.9.9.9#dns.quad9.net', 'tls://9.9.9.9#dns.quad9.net', 853, 'dns.quad9.net'],
    ['TLS://9.9.9.9:8853#DNS.Quad9.net.', 'tls://9.9.9.9:8853#dns.quad9.net', 8853, 'dns.quad9.net'],
    ['tls://[2620:fe::fe]:853#dns.quad9.net', 'tls://[2620:fe::fe]#dns.quad9.net', 853, 'dns.quad9.net'],
    ['tls://9.9.9.9#9.9.9.9', 'tls://9.9.9.9', 853, '9.9.9.9'],
    [`tls://192.0.2.1?pin-sha256=${PIN}`, 'tls://192.0.2.1', 853, null],
    [`tls://192.0.2.1?pin-sha256=${PIN}&pin-sha256=${PIN}#a.example`, 'tls://192.0.2.1#a.example', 853, 'a.example'],
    ['tls://dns.quad9.net@9.9.9.9', 'tls://9.9.9.9#dns.quad9.net', 853, 'dns.quad9.net'],
    ['https://dns.example/dns-query@192.0.2.7', 'https://dns.example/dns-query@192.0.2.7', 443, 'dns.example'],
    ['https://dns.example/q@[2001:db8::7]', 'https://dns.example/q@[2001:db8::7]', 443, 'dns.example'],
    ['https://dns.example:8443/q@192.0.2.7', 'https://dns.example:8443/q@192.0.2.7', 8443, 'dns.example'],
    ['https://192.0.2.7/dns-query', 'https://192.0.2.7/dns-query', 443, '192.0.2.7'],
    ['https://192.0.2.7/dns-query{?dns}', 'https://192.0.2.7/dns-query', 443, '192.0.2.7'],
  ])('%s is read, and shown as %s', (given, shown, port, name) => {
    const parsed = upstream(given)
    if (parsed.kind !== 'address') throw new Error('it has an address')
    expect(upstreamText(parsed.server)).toBe(shown)
    expect(parsed.server.port).toBe(port)
    expect(parsed.server.secure?.name).toBe(name)
    expect(upstream(shown === 'tls://192.0.2.1' ? given : shown === 'tls://9.9.9.9' ? given : shown).kind).toBe(
      'address',
    )
  })

  test.each([
    ['https://dns.example/dns-query', 'dns.example.', 443, '/dns-query'],
    ['https://dns.example', 'dns.example.', 443, '/dns-query'],
    ['https://DNS.example:8443/a/b?c=d', 'dns.example.', 8443, '/a/b?c=d'],
    ['tls://dns.quad9.net', 'dns.quad9.net.', 853, ''],
  ])('%s is known by name', (given, name, port, path) => {
    const parsed = upstream(given)
    if (parsed.kind !== 'name') throw new Error('it has no address')
    expect([formatName(parsed.name), parsed.port, parsed.secure.path]).toEqual([name, port, path])
  })

  test('over TLS has its pins and its authorities in what makes it different from others', () => {
    const keys = [
      'tls://192.0.2.1#a.example',
      'tls://192.0.2.1#b.example',
      `tls://192.0.2.1?pin-sha256=${PIN}#a.example`,
      'https://a.example/x@192.0.2.1',
      'https://a.example/y@192.0.2.1',
    ].map(given => upstream(given))
    const other = parseUpstream('tls://192.0.2.1#a.example', ['-----BEGIN CERTIFICATE-----'])
    const all = [...keys, other].map(one => ('server' in one ? one.server.key : ''))
    expect(new Set(all).size).toBe(all.length)
  })

  test.each([
    ['tls://9.9.9.9', /write tls:\/\/9\.9\.9\.9#NAME .* or tls:\/\/9\.9\.9\.9\?pin-sha256=BASE64/],
    ['tls://9.9.9.9:853', /tls:\/\/9\.9\.9\.9:853#NAME/],
    ['tls://[2001:db8::1]', /tls:\/\/\[2001:db8::1\]#NAME/],
    ['tls://9.9.9.9?pin-sha256=abc', /44 characters/],
    ['tls://9.9.9.9?pin-sha1=abc', /pin-sha256=/],
    ['tls://9.9.9.9#', /is no host name/],
    ['tls://9.9.9.9#a b', /is no host name/],
    ['tls://9.9.9.9/dns-query#a.example', /expected tls:/],
    ['doq://9.9.9.9#dns.quad9.net', /needs a Node\.js built with QUIC/],
    ['quic://dns.adguard.com', /needs a Node\.js built with QUIC/],
    ['h3://dns.google/dns-query', /needs a Node\.js built with QUIC/],
    ['http://dns.example/dns-query', /clear text/],
    ['sdns://AgcAAA', /DNS stamp/],
    ['udp://192.0.2.1', /the address alone/],
    ['ftp://192.0.2.1', /unknown scheme "ftp"/],
    ['dns.google', /is a name: expected an address/],
    ['192.0.2.1#dns.example', /belongs to tls:\/\//],
    ['192.0.2.1:0', /expected an address/],
    ['192.0.2.1:70000', /expected an address/],
    ['192.0.2.256', /expected an address|is a name/],
    ['2001:db8::1::53', /expected an address/],
    ['[192.0.2.1]:53', /expected an address/],
    ['', /expected an address/],
    ['https://dns.example/dns-query@nonsense', /one address after the @/],
    ['https://192.0.2.1/dns-query@192.0.2.7', /a name before it/],
    ['https://user@dns.example/dns-query', /expected https:/],
    ['https:///dns-query', /expected https:/],
    ['https://-bad-/dns-query', /is no host name/],
  ])('%s is refused with how it would be right', (given, expected) => {
    const parsed = parseUpstream(given)
    expect('error' in parsed ? parsed.error : 'read').toMatch(expected)
  })
})
