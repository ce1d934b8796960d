import { describe, expect, test } from 'vitest'
import { RrClass, RrType } from '../../src/dns/types.ts'
import { trustWireName } from '../../src/dns/name.ts'
import { formatQuery, type QueryLogEntry } from '../../src/server/query-log.ts'
import { client, wire } from './make.ts'

const entry = (change: Partial<QueryLogEntry> = {}): QueryLogEntry => ({
  client: client('192.0.2.77', 'tcp'),
  view: 0,
  name: wire('www.Example.com.'),
  type: RrType.AAAA,
  class: RrClass.IN,
  rcode: 3,
  octets: 120,
  tookMs: 1.23456,
  by: 'recursion',
  wall: 1_700_000_000,
  ...change,
})

describe('query log', () => {
  test('a line is one JSON object', () => {
    const line = formatQuery(entry(), 'full')
    expect(line.endsWith('}\n')).toBe(true)
    expect(JSON.parse(line)).toEqual({
      time: 1_700_000_000,
      client: '192.0.2.77',
      transport: 'tcp',
      name: 'www.Example.com.',
      type: 'AAAA',
      rcode: 'NXDOMAIN',
      octets: 120,
      ms: 1.235,
      by: 'recursion',
    })
  })

  test('a line says what a client over TLS calls itself, where whole addresses are written', () => {
    const named = { ...client('192.0.2.77', 'tls'), serverName: 'phone.dns.example', clientId: 'phone' }
    expect(JSON.parse(formatQuery(entry({ client: named }), 'full'))).toMatchObject({
      transport: 'tls',
      tlsName: 'phone.dns.example',
      id: 'phone',
    })
    for (const privacy of ['prefix', 'none'] as const)
      expect(formatQuery(entry({ client: named }), privacy)).not.toContain('phone')
  })

  test('a line has the rules that decided, and those that lost', () => {
    const lost = [{ rule: '||tracker.example^', source: 'ads' }]
    const decisions = [{ stage: 'lists', rule: '@@||good.tracker.example^', source: null, lost }]
    expect(JSON.parse(formatQuery(entry({ decisions }), 'full'))).toMatchObject({ decisions })
    expect(formatQuery(entry(), 'full')).not.toContain('decisions')
  })

  test('other classes are named, silence has no rcode', () => {
    expect(JSON.parse(formatQuery(entry({ class: RrClass.CH, rcode: null }), 'full'))).toMatchObject({
      class: 'CH',
      rcode: 'none',
    })
  })

  test.each([
    ['full', '192.0.2.77', '2001:db8:1:2ff:3::4'],
    ['prefix', '192.0.2.0/24', '2001:db8:1:200::/56'],
    ['none', '', ''],
  ] as const)('clients %s', (privacy, v4, v6) => {
    expect(JSON.parse(formatQuery(entry(), privacy))).toMatchObject({ client: v4 })
    expect(JSON.parse(formatQuery(entry({ client: client('2001:db8:1:2ff:3::4') }), privacy))).toMatchObject({
      client: v6,
    })
  })

  test('hostile octets in a name stay inside their string and on their line', () => {
    const line = formatQuery(entry({ name: trustWireName('\x07"\\\n\r\0\x1b\xff\0') }), 'full')
    expect(line.split('\n')).toHaveLength(2)
    expect(line).toMatch(/^[\x20-\x7e]+\n$/)
    expect(JSON.parse(line)).toMatchObject({ name: '\\"\\\\\\010\\013\\000\\027\\255.' })
  })
})
