import { describe, expect, test } from 'vitest'
import { parsePrefix, type Prefix } from '../../src/dns/address.ts'
import { type AccessRule, allowing, makeAccess } from '../../src/policy/access.ts'
import type { GateVerdict } from '../../src/policy/handler.ts'
import type { Client } from '../../src/ports.ts'
import { client } from '../server/make.ts'

const prefixes = (...texts: string[]): Prefix[] => texts.flatMap(text => parsePrefix(text) ?? [])

describe('access list', () => {
  const gate = makeAccess([allowing(prefixes('127.0.0.0/8', '::1', '192.0.2.128/25', '2001:db8:1::/48'))], {
    accessVerdicts: 4,
  })

  test.each([
    ['127.0.0.1', 'pass'],
    ['127.255.0.3', 'pass'],
    ['128.0.0.1', 'refuse'],
    ['::1', 'pass'],
    ['::2', 'refuse'],
    ['192.0.2.127', 'refuse'],
    ['192.0.2.128', 'pass'],
    ['2001:db8:1:ffff::1', 'pass'],
    ['2001:db8:2::1', 'refuse'],
    ['::ffff:127.0.0.1', 'pass'],
    ['::ffff:10.0.0.1', 'refuse'],
  ])('%s: %s', (address, verdict) => {
    expect(gate.admit(client(address))).toBe(verdict)
    expect(gate.admit(client(address)), 'the remembered verdict').toBe(verdict)
  })

  test('a flood of sources changes no verdict', () => {
    for (let i = 0; i < 100; i++) expect(gate.admit(client(`10.0.0.${i}`))).toBe('refuse')
    expect(gate.admit(client('127.0.0.1'))).toBe('pass')
  })

  test('an empty list lets nobody in', () => {
    expect(makeAccess([], { accessVerdicts: 4 }).admit(client('127.0.0.1'))).toBe('refuse')
  })
})

const rule = (action: AccessRule['action'], more: Partial<AccessRule>): AccessRule => ({
  ...allowing([]),
  ...more,
  action,
})

describe('access rules', () => {
  const gate = makeAccess(
    [
      rule('drop', { clients: prefixes('192.0.2.64/26') }),
      rule('local', { clients: prefixes('192.0.2.0/24', '203.0.113.9') }),
      rule('refuse', { clients: prefixes('192.0.2.1') }),
      rule('local', { listeners: [{ address: '10.0.0.1', port: 53, transports: ['udp', 'tcp'] }] }),
      rule('refuse', { clientIds: ['lost-phone'] }),
      allowing(prefixes('0.0.0.0/1', '192.0.2.0/24')),
    ],
    { accessVerdicts: 100 },
  )
  const at = (address: string) => ({ listener: { address, port: 53 } })

  test.each<[string, Client, GateVerdict]>([
    ['the longest prefix decides', client('192.0.2.65'), 'drop'],
    ['also when it is refused within what is allowed', client('192.0.2.1'), 'refuse'],
    ['the first of equal ones decides', client('192.0.2.2'), 'local'],
    ['the short form allows', client('10.0.0.1'), 'pass'],
    ['others are refused', client('203.0.113.8'), 'refuse'],
    ['a listener is asked last', { ...client('203.0.113.8'), ...at('10.0.0.1') }, 'local'],
    ['and only over its transports', { ...client('203.0.113.8', 'tls'), ...at('10.0.0.1') }, 'refuse'],
    ['an address says more than a listener', { ...client('10.0.0.9'), ...at('10.0.0.1') }, 'pass'],
    ['what a client calls itself says most', { ...client('10.0.0.9', 'tls'), clientId: 'lost-phone' }, 'refuse'],
    ['a proxy has to be let in as well', { ...client('10.0.0.9', 'tcp'), proxy: client('203.0.113.8').ip }, 'refuse'],
    [
      'what is local for the proxy is local',
      { ...client('10.0.0.9', 'tcp'), proxy: client('203.0.113.9').ip },
      'local',
    ],
  ])('%s', (_, from, verdict) => {
    expect(gate.admit(from)).toBe(verdict)
  })
})
