import { describe, expect, it, test } from 'vitest'
import { type IpAddress, parseIp } from '../../src/dns/address.ts'
import { groupRRsets } from '../../src/dns/rrset.ts'
import { type Addresses, alternating, planEndpoints, readiness } from '../../src/visit/plan.ts'
import { type ServiceRecord, serviceRecords } from '../../src/visit/records/service-record.ts'
import type { Alpn } from '../../src/visit/types.ts'
import { question, record } from './names.ts'

const host = question('www.example.test', 'A').name
const ip = (text: string): IpAddress => {
  const address = parseIp(text)
  if (address === null) throw new Error(text)
  return address
}
const services = (...lines: readonly string[]): readonly ServiceRecord[] =>
  groupRRsets(lines.map(line => record(`www.example.test. 300 IN HTTPS ${line}`))).flatMap(serviceRecords)

interface Known {
  readonly v4?: readonly string[] | null
  readonly v6?: readonly string[] | null
}

function planned(
  lines: readonly string[],
  known: Readonly<Record<string, Known>>,
  offer: readonly Alpn[] = ['h2', 'http/1.1'],
): readonly string[] {
  const addressesOf = (name: string): Addresses => {
    const found = Object.entries(known).find(([text]) => question(text, 'A').name === name)?.[1] ?? {}
    const list = (texts: readonly string[] | null = []): readonly IpAddress[] | null =>
      texts === null ? null : texts.map(ip)
    return { v4: list(found.v4), v6: list(found.v6) }
  }
  return planEndpoints({ host, port: 443, offer, services: services(...lines), addressesOf, most: 6 }).map(
    endpoint => `${endpoint.ip.text}#${endpoint.port} ${endpoint.alpn.join(',')} ${endpoint.by}`,
  )
}

describe('the plan', () => {
  const www = { v4: ['192.0.2.1', '192.0.2.2'], v6: ['2001:db8::1'] }
  const svc = { v4: ['192.0.2.9'], v6: [] }
  const both = 'h2,http/1.1 address'

  test.each([
    [
      'takes families in turn, IPv6 first',
      [],
      { 'www.example.test': www },
      [`2001:db8::1#443 ${both}`, `192.0.2.1#443 ${both}`, `192.0.2.2#443 ${both}`],
    ],
    [
      'takes what is known while the other family is not',
      [],
      { 'www.example.test': { v4: ['192.0.2.1'], v6: null } },
      [`192.0.2.1#443 ${both}`],
    ],
    [
      'takes a service before the origin, with its port',
      ['1 svc.example.test. alpn=h2 port=8443'],
      { 'www.example.test': { v4: ['192.0.2.1'] }, 'svc.example.test': svc },
      [`192.0.2.9#8443 ${both}`, `192.0.2.1#443 ${both}`],
    ],
    [
      'takes services by their priority',
      ['2 svc.example.test. port=2', '1 . port=1'],
      { 'www.example.test': { v4: ['192.0.2.1'] }, 'svc.example.test': svc },
      ['192.0.2.1#1 http/1.1 address', '192.0.2.9#2 http/1.1 address', `192.0.2.1#443 ${both}`],
    ],
    [
      'offers only what the record lists',
      ['1 . alpn=h2 no-default-alpn'],
      { 'www.example.test': { v4: ['192.0.2.1'] } },
      ['192.0.2.1#443 h2 address'],
    ],
    [
      'passes over a service that speaks HTTP/3 alone',
      ['1 svc.example.test. alpn=h3 no-default-alpn port=1'],
      { 'www.example.test': { v4: ['192.0.2.1'] }, 'svc.example.test': svc },
      [`192.0.2.1#443 ${both}`],
    ],
    [
      'takes hints until there are addresses',
      ['1 . ipv4hint=198.51.100.7 ipv6hint=2001:db8::7'],
      { 'www.example.test': { v4: null, v6: null } },
      ['2001:db8::7#443 http/1.1 hint', '198.51.100.7#443 http/1.1 hint'],
    ],
    [
      'drops the hints of a family that has been answered',
      ['1 . ipv4hint=198.51.100.7 ipv6hint=2001:db8::7'],
      { 'www.example.test': { v4: ['192.0.2.1'], v6: [] } },
      ['192.0.2.1#443 http/1.1 address'],
    ],
    [
      'waits for the address of a service before it takes the origin',
      ['1 svc.example.test.'],
      { 'www.example.test': { v4: ['192.0.2.1'] }, 'svc.example.test': { v4: null, v6: null } },
      [],
    ],
    [
      'takes the origin when the service has no address',
      ['1 svc.example.test.'],
      { 'www.example.test': { v4: ['192.0.2.1'] }, 'svc.example.test': {} },
      [`192.0.2.1#443 ${both}`],
    ],
    [
      'has an end',
      [],
      { 'www.example.test': { v4: Array.from({ length: 20 }, (_, i) => `192.0.2.${i}`) } },
      Array.from({ length: 6 }, (_, i) => `192.0.2.${i}#443 ${both}`),
    ],
  ] as const)('%s', (_, lines, known, wanted) => {
    expect(planned(lines, known)).toEqual(wanted)
  })

  it('takes one of each in turn, and then the rest', () => {
    expect(alternating([1, 3, 5, 6], [2, 4])).toEqual([1, 2, 3, 4, 5, 6])
    expect(alternating([], [1, 2])).toEqual([1, 2])
  })
})

describe('HTTPS records', () => {
  test.each([
    ['an alias alone, whatever stands next to it', ['1 . port=1', '0 svc.example.test.'], [[0, 'svc.example.test']]],
    ['none when one needs a key that is unknown', ['1 . mandatory=key65000 key65000=a'], []],
    ['those that need nothing unknown', ['1 . mandatory=key65000 key65000=a', '2 .'], [[2, 'www.example.test']]],
    ['those with keys that may be ignored', ['1 . key65000=a'], [[1, 'www.example.test']]],
  ] as const)('give %s', (_, lines, wanted) => {
    expect(services(...lines).map(({ priority, target }) => [priority, target])).toEqual(
      wanted.map(([priority, name]) => [priority, question(name, 'A').name]),
    )
  })

  test.each([
    ['keys out of order', '\\# 15 0001 00 0003 0002 01bb 0001 0002 0161'],
    ['a key twice', '\\# 15 0001 00 0003 0002 01bb 0003 0002 01bb'],
    ['a port of three octets', '\\# 10 0001 00 0003 0003 010203'],
    ['a value that runs over the end', '\\# 8 0001 00 0003 0009 01'],
    ['an empty list of protocols', '\\# 7 0001 00 0001 0000'],
    ['an address hint of five octets', '\\# 12 0001 00 0004 0005 0102030405'],
    ['no-default-alpn without alpn', '\\# 7 0001 00 0002 0000'],
  ])('with %s spoil their set', (_, generic) => {
    const { rdata } = record(`www.example.test. 300 IN TYPE65280 ${generic}`)
    const [good] = groupRRsets([record('www.example.test. 300 IN HTTPS 1 .')])
    if (good === undefined) throw new Error('no set')
    expect(serviceRecords(good)).toHaveLength(1)
    expect(serviceRecords({ ...good, rdatas: [...good.rdatas, rdata] })).toEqual([])
  })
})

describe('connecting begins', () => {
  const none = { service: false, v4: false, v6: false }
  test.each([
    ['not without an address while one may come', false, { ...none, v4: true }, 0, 'wait'],
    ['never when none can come', false, none, 0, 'nothing'],
    ['at once when all is answered', true, none, 0, 'go'],
    ['at once when only IPv4 is to come', true, { ...none, v4: true }, 0, 'go'],
    ['after the resolution delay when IPv6 is to come', true, { ...none, v6: true }, 49, 'wait'],
    ['after the resolution delay without IPv6', true, { ...none, v6: true }, 50, 'go'],
    ['after the resolution delay without the service', true, { ...none, service: true }, 50, 'go'],
    ['not before it when the service is to come', true, { ...none, service: true }, 10, 'wait'],
  ] as const)('%s', (_, isUsable, pending, sinceMs, wanted) => {
    expect(readiness(isUsable, pending, sinceMs, 50)).toBe(wanted)
  })
})
