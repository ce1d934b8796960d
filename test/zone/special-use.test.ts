import { describe, expect, it } from 'vitest'
import { formatName } from '../../src/presentation/text.ts'
import { makeLocalZones } from '../../src/zone/local-zones.ts'
import { builtInZones, specialUses } from '../../src/zone/special-use.ts'
import { ask, n, told } from './made.ts'

const zones = makeLocalZones([], builtInZones([]))
const answer = (question: string): string[] => told(zones.find(ask(question)), question)
const soaOf = (name: string): string => `; ${name} 10800 SOA`
const reverse4 = (address: string): string => `${address.split('.').reverse().join('.')}.in-addr.arpa.`
/** `address` with all its groups and digits written. */
const reverse6 = (address: string): string => `${address.replaceAll(':', '').split('').reverse().join('.')}.ip6.arpa.`

describe('special-use names', () => {
  it.each([
    ['www.test.', 'test.'],
    ['x.invalid.', 'invalid.'],
    ['printer.local.', 'local.'],
    ['expyuzz4wqqyqhjn.onion.', 'onion.'],
    ['x.alt.', 'alt.'],
    ['nas.home.arpa.', 'home.arpa.'],
    ['default.service.arpa.', 'service.arpa.'],
  ])('%s does not exist', (name, zone) => {
    expect(answer(`${name} A`)).toEqual(['nxdomain', soaOf(zone)])
    expect(answer(`${zone} A`)).toEqual(['nodata', soaOf(zone)])
    expect(answer(`${zone} NS`)).toEqual(['answer', `${zone} 10800 NS ${zone}`])
  })

  it('have the SOA of RFC 6303 section 3', () => {
    expect(answer('10.in-addr.arpa. SOA')).toEqual([
      'answer',
      '10.in-addr.arpa. 10800 SOA 10.in-addr.arpa. nobody.invalid. 1 3600 1200 604800 10800',
    ])
  })

  it.each(['localhost.', 'www.localhost.', 'a.b.c.localhost.'])('%s is this machine (RFC 6761 section 6.3)', name => {
    expect(answer(`${name} A`)).toEqual(['answer', `${name} 10800 A 127.0.0.1`])
    expect(answer(`${name} AAAA`)).toEqual(['answer', `${name} 10800 AAAA ::1`])
    expect(answer(`${name} MX`)).toEqual(['nodata', soaOf('localhost.')])
  })

  it('turn loopback addresses into localhost', () => {
    expect(answer(`${reverse4('127.0.0.1')} PTR`)).toEqual(['answer', '1.0.0.127.in-addr.arpa. 10800 PTR localhost.'])
    const six = reverse6('0000:0000:0000:0000:0000:0000:0000:0001')
    expect(answer(`${six} PTR`)).toEqual(['answer', `${six} 10800 PTR localhost.`])
    expect(answer(`${reverse4('127.0.0.2')} PTR`)[0]).toBe('nxdomain')
    expect(answer('127.in-addr.arpa. PTR')[0]).toBe('nodata')
  })

  it('say that there is no designated resolver (RFC 9462 section 6.4: NODATA, not NXDOMAIN)', () => {
    for (const name of ['_dns.resolver.arpa.', 'resolver.arpa.', 'x.y.resolver.arpa.'])
      expect(answer(`${name} SVCB`)).toEqual(['nodata', soaOf('resolver.arpa.')])
  })

  it.each([
    'example.',
    'www.example.com.',
    'example.net.',
    'ipv4only.arpa.',
    'arpa.',
    'in-addr.arpa.',
    'ip6.arpa.',
    'mylocalhost.',
    'test.example.',
    'localhost.example.',
    'b.a.onion.example.',
  ])('do not include %s', name => {
    expect(answer(`${name} A`)).toEqual(['no zone'])
  })
})

describe('reverse zones', () => {
  it.each([
    '10.1.2.3',
    '172.16.0.1',
    '172.20.1.1',
    '172.31.255.255',
    '192.168.1.1',
    '0.0.0.0',
    '0.1.2.3',
    '127.1.2.3',
    '169.254.1.1',
    '192.0.2.1',
    '198.51.100.1',
    '203.0.113.1',
    '100.64.0.1',
    '100.100.1.1',
    '100.127.255.255',
  ])('%s has no name', address => {
    expect(answer(`${reverse4(address)} PTR`)[0]).toBe('nxdomain')
  })

  it('255.255.255.255 is the apex of its zone', () => {
    expect(answer(`${reverse4('255.255.255.255')} PTR`)[0]).toBe('nodata')
  })

  it.each([
    '9.255.255.255',
    '11.0.0.1',
    '172.15.0.1',
    '172.32.0.1',
    '192.167.1.1',
    '192.169.1.1',
    '1.1.1.1',
    '126.0.0.1',
    '128.0.0.1',
    '169.253.1.1',
    '192.0.1.1',
    '192.0.3.1',
    '198.51.99.1',
    '203.0.112.1',
    '100.63.255.255',
    '100.128.0.1',
    '255.255.255.254',
    '192.0.0.170',
  ])('%s is asked of the Internet', address => {
    expect(answer(`${reverse4(address)} PTR`)).toEqual(['no zone'])
  })

  it.each([
    'fd00:0000:0000:0000:0000:0000:0000:0001',
    'fdff:1234:0000:0000:0000:0000:0000:0001',
    'fe80:0000:0000:0000:0000:0000:0000:0001',
    'febf:ffff:0000:0000:0000:0000:0000:0001',
    '2001:0db8:0000:0000:0000:0000:0000:0001',
  ])('%s has no name', address => {
    expect(answer(`${reverse6(address)} PTR`)[0]).toBe('nxdomain')
  })

  it('the unspecified address has none either', () => {
    expect(answer(`${reverse6('0000:0000:0000:0000:0000:0000:0000:0000')} PTR`)[0]).toBe('nodata')
  })

  it.each([
    '0000:0000:0000:0000:0000:0000:0000:0002',
    'fec0:0000:0000:0000:0000:0000:0000:0001',
    'fe7f:0000:0000:0000:0000:0000:0000:0001',
    '2001:0db7:0000:0000:0000:0000:0000:0001',
    '2001:0db9:0000:0000:0000:0000:0000:0001',
    'ff02:0000:0000:0000:0000:0000:0000:0001',
    '2606:4700:4700:0000:0000:0000:0000:1111',
  ])('%s is asked of the Internet', address => {
    expect(answer(`${reverse6(address)} PTR`)).toEqual(['no zone'])
  })
})

describe('the table', () => {
  it('names every zone once, with a document', () => {
    expect(new Set(specialUses.map(({ name }) => name)).size).toBe(specialUses.length)
    for (const { rfc, text, name, why } of specialUses) {
      expect(rfc).toMatch(/^RFC \d{4}/)
      expect(formatName(name)).toBe(`${text}.`)
      expect(why).not.toBe('')
    }
    expect(specialUses).toHaveLength(9 + 1 + 16 + 1 + 7 + 64 + 8)
  })

  it('can be switched off name by name, or whole', () => {
    expect(builtInZones('all')).toEqual([])
    const rest = builtInZones([n('home.arpa.'), n('168.192.in-addr.arpa.'), n('unknown.')])
    expect(rest).toHaveLength(specialUses.length - 2)
    expect(makeLocalZones([], rest).find(ask('nas.home.arpa. A'))).toBeUndefined()
    expect(makeLocalZones([], rest).find(ask('x.test. A'))).toMatchObject({ origin: n('test.') })
  })
})
