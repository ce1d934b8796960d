import { expect, test } from 'vitest'
import { parsePrefix } from '../../../src/dns/address.ts'
import { makeSelect, type Selector } from '../../../src/policy/views/select.ts'
import type { Client } from '../../../src/ports.ts'
import { client } from '../../server/make.ts'

const clients = (...texts: string[]): Partial<Selector> => ({ clients: texts.flatMap(text => parsePrefix(text) ?? []) })
const entry = (more: Partial<Selector>): Selector => ({
  clients: [],
  listeners: [],
  serverNames: [],
  clientIds: [],
  ...more,
})
const select = makeSelect(
  [
    entry(clients('10.0.0.0/8', '2001:db8::/32')),
    entry(clients('10.1.0.0/16', '10.0.0.0/8')),
    entry({ serverNames: ['kids.dns.example'] }),
    entry({ serverNames: ['*.dns.example'], clientIds: ['tablet'] }),
    entry({ listeners: [{ address: '0.0.0.0', port: 53, transports: ['udp', 'tcp'] }] }),
  ],
  { accessVerdicts: 2 },
)
const listener = { address: '192.168.1.1', port: 53 }

test.each<[string, Client, number]>([
  ['the only block', client('2001:db8::1'), 0],
  ['the longest block', client('10.1.2.3'), 1],
  ['the first of equal blocks', client('10.2.2.3'), 0],
  ['none', client('192.0.2.1'), -1],
  ['a name before an address', { ...client('10.1.2.3', 'tls'), serverName: 'kids.dns.example' }, 2],
  ['a name below', { ...client('10.1.2.3', 'tls'), serverName: 'a.b.dns.example' }, 3],
  ['not the name that is above', { ...client('10.1.2.3', 'tls'), serverName: 'dns.example' }, 1],
  ['an id before a name', { ...client('10.1.2.3', 'tls'), serverName: 'kids.dns.example', clientId: 'Tablet' }, 3],
  ['an unknown id', { ...client('10.1.2.3', 'tls'), clientId: 'phone' }, 1],
  ['a wildcard listener', { ...client('192.0.2.1'), listener }, 4],
  ['of its family', { ...client('192.0.2.1'), listener: { address: '::1', port: 53 } }, -1],
  ['of its port', { ...client('192.0.2.1'), listener: { ...listener, port: 54 } }, -1],
  ['of its transports', { ...client('192.0.2.1', 'tls'), listener }, -1],
  ['an address before a listener', { ...client('10.1.2.3'), listener }, 1],
])('%s: %o', (_, from, index) => {
  expect(select(from)).toBe(index)
  expect(select(from)).toBe(index)
})
