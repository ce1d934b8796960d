import { describe, expect, it } from 'vitest'
import type { DelegatedServer } from '../../src/cache/delegations.ts'
import { parsePrefix, type Prefix } from '../../src/dns/address.ts'
import { UsableServers, type AddressRules } from '../../src/resolver/asking/usable-servers.ts'
import { ip, question } from '../../src/simulation/records.ts'

const BOTH: readonly (4 | 6)[] = [4, 6]
const rules: AddressRules = { families: BOTH, port: 53, doNotQuery: [], maxPerName: 2 }
const name = (text: string) => question(text).name
const prefixes = (text: string): Prefix[] => [parsePrefix(text)].filter(prefix => prefix !== null)
const server = (text: string, ...addresses: string[]): DelegatedServer => ({
  name: name(text),
  addresses: addresses.map(ip),
})
const keys = (
  servers: readonly DelegatedServer[],
  changes: Partial<AddressRules> = {},
  usable = new UsableServers(),
): string[] => usable.of(servers, { ...rules, ...changes }).addresses.map(address => address.server.key)

describe('who may be asked', () => {
  const servers = [server('a.test', '192.0.2.1', '2001:db8::1'), server('b.test', '192.0.2.2'), server('c.test')]

  it.each<[string, Partial<AddressRules>, string[]]>([
    ['all addresses', {}, ['192.0.2.1#53', '2001:db8::1#53', '192.0.2.2#53']],
    ['those of a family', { families: [4] }, ['192.0.2.1#53', '192.0.2.2#53']],
    ['at another port', { families: [6], port: 5300 }, ['2001:db8::1#5300']],
    ['no more of one name than wanted', { maxPerName: 1 }, ['192.0.2.1#53', '192.0.2.2#53']],
    ['none that are never asked', { doNotQuery: prefixes('192.0.2.2/32') }, ['192.0.2.1#53', '2001:db8::1#53']],
    ['nobody', { families: [] }, []],
  ])('%s', (_, changes, wanted) => {
    expect(keys(servers, changes)).toEqual(wanted)
  })

  it('several names with one address are one server (CVE-2026-3592)', () => {
    expect(keys([server('a.test', '192.0.2.1'), server('b.test', '192.0.2.1', '192.0.2.3')])).toEqual([
      '192.0.2.1#53',
      '192.0.2.3#53',
    ])
  })

  it('names without an address that may be asked are to be looked up', () => {
    expect(new UsableServers().of(servers, rules).withoutGlue).toEqual([name('c.test')])
    expect(new UsableServers().of(servers, { ...rules, families: [6] }).withoutGlue).toEqual([
      name('b.test'),
      name('c.test'),
    ])
  })

  it('is worked out once for a delegation, and again under other rules', () => {
    const usable = new UsableServers()
    const plan = usable.of(servers, rules)
    expect(usable.of(servers, { ...rules })).toBe(plan)
    expect(keys(servers, { families: [6] }, usable)).toEqual(['2001:db8::1#53'])
    expect(keys(servers, {}, usable)).toHaveLength(3)
  })
})
