import { describe, expect, test } from 'vitest'
import { parsePrefix, type Prefix } from '../../src/dns/address.ts'
import { makeAccess } from '../../src/policy/access.ts'
import { client } from '../server/make.ts'

const prefixes = (...texts: string[]): Prefix[] => texts.flatMap(text => parsePrefix(text) ?? [])

describe('access list', () => {
  const gate = makeAccess(prefixes('127.0.0.0/8', '::1', '192.0.2.128/25', '2001:db8:1::/48'), { accessVerdicts: 4 })

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
