/** Bounds of TTLs for single zones, as clients and caches see them. */
import { describe, expect, it } from 'vitest'
import { TtlBounds } from '../../src/cache/ttl.ts'
import { nameOf } from '../../src/simulation/records.ts'
import { staleWorld } from './stale-world.ts'

const all = { minTtl: 5, maxTtl: 1_000, maxNegativeTtl: 100 }

describe('the bounds of a name', () => {
  const bounds = new TtlBounds(all, [
    { zone: nameOf('a.test.'), minTtl: 60 },
    { zone: nameOf('b.a.test.'), maxTtl: 30, maxNegativeTtl: 3 },
    { zone: nameOf('.'), maxTtl: 500 },
  ])

  it.each([
    ['a.test.', { ...all, minTtl: 60 }],
    ['x.a.test.', { ...all, minTtl: 60 }],
    ['x.b.a.test.', { ...all, maxTtl: 30, maxNegativeTtl: 3 }],
    ['ba.test.', { ...all, maxTtl: 500 }],
    ['.', { ...all, maxTtl: 500 }],
  ])('of %s are those of the longest zone, the rest as for all', (name, expected) => {
    expect(bounds.of(nameOf(name))).toEqual(expected)
  })

  it('are those of all names without zones', () => {
    expect(new TtlBounds(all).of(nameOf('a.test.'))).toBe(all)
  })
})

describe('an answer', () => {
  const zone = nameOf('stale.')
  const records = 'www 40 A 192.0.2.1\nzero 0 A 192.0.2.2\nalias 40 CNAME www'
  const ttls = (world: ReturnType<typeof staleWorld>['world'], name: string, type = 'A'): readonly number[] => {
    const outcome = world.resolve(name, type)
    if (outcome.kind === 'failure') throw new Error(outcome.text)
    return [...outcome.rrsets.map(({ ttl }) => ttl), ...(outcome.kind === 'answer' ? [] : [outcome.soa?.ttl ?? -1])]
  }

  it.each([
    ['raised', { minTtl: 100 }, 'www.stale.', [100]],
    ['raised from 0, which is else not kept', { minTtl: 100 }, 'zero.stale.', [100]],
    ['lowered', { maxTtl: 10 }, 'www.stale.', [10]],
    ['lowered along its chain', { maxTtl: 10 }, 'alias.stale.', [10, 10]],
    ['a denial, lowered', { maxNegativeTtl: 7 }, 'nothing.stale.', [7]],
    ['a denial, lowered by what holds for all', { maxTtl: 9 }, 'nothing.stale.', [9]],
  ])('is %s, the first time and from the cache', (_what, own, name, expected) => {
    const { world } = staleWorld({ records, enabled: false, ttls: [{ zone, ...own }] })
    expect(ttls(world, name)).toEqual(expected)
    const sent = world.exchanges.length
    world.advance('5s')
    expect(ttls(world, name)).toEqual(expected.map(ttl => ttl - 5))
    expect(world.exchanges.length).toBe(sent)
  })

  it('that was validated is lowered, and never raised above what its signature says', () => {
    for (const sign of ['nsec', 'nsec3']) {
      const { world } = staleWorld({ records, sign, enabled: false, ttls: [{ zone, minTtl: 500, maxTtl: 600 }] })
      expect(ttls(world, 'www.stale.')).toEqual([40])
      expect(ttls(world, 'nothing.stale.')).toEqual([60])
      const low = staleWorld({ records, sign, enabled: false, ttls: [{ zone, maxTtl: 10 }] })
      expect(ttls(low.world, 'www.stale.')).toEqual([10])
      world.advance('41s')
      const sent = world.exchanges.length
      expect(ttls(world, 'www.stale.')).toEqual([40])
      expect(world.exchanges.length).toBeGreaterThan(sent)
    }
  })

  it('of a name with CD set is raised: nothing is said of its signatures', () => {
    const { world } = staleWorld({ records, sign: 'nsec', enabled: false, ttls: [{ zone, minTtl: 500 }] })
    const outcome = world.resolve('www.stale.', 'A', { checkingDisabled: true })
    expect(outcome.rrsets.map(({ ttl }) => ttl)).toEqual([500])
  })

  it('the delegation keeps the TTL of its parent, whatever the bounds are', () => {
    const { world } = staleWorld({ records, lease: 100, enabled: false, ttls: [{ zone, minTtl: 500, maxTtl: 500 }] })
    world.resolve('www.stale.')
    const delegation = world.caches.delegations.get(zone, world.clock.now())
    expect(delegation?.expiresAt).toBeLessThanOrEqual(world.clock.now() + 100_000)
  })
})
