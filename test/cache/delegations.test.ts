import { describe, expect, it } from 'vitest'
import { DelegationCache, type Delegation } from '../../src/cache/delegations.ts'
import { parseIp, type IpAddress } from '../../src/dns/address.ts'
import { RrType } from '../../src/dns/types.ts'
import { limitsOf, n, seconds, set, T0 } from './made.ts'

const ip = (text: string): IpAddress => parseIp(text) ?? expect.fail(text)
const open = (changes = {}): DelegationCache => new DelegationCache(limitsOf(changes), 1024 * 1024)
const to = (
  zone: string,
  ttl: number,
  now = T0,
  server = zone === '.' ? 'a.root-servers.net.' : `ns.${zone}`,
): Delegation => ({
  zone: n(zone),
  servers: [
    { name: n(server), addresses: [ip('192.0.2.53'), ip('2001:db8::53')] },
    { name: n('ns.elsewhere.'), addresses: [] },
  ],
  ds: null,
  expiresAt: now + seconds(ttl),
})
const FOREVER = Number.POSITIVE_INFINITY

describe('DelegationCache', () => {
  it('gives back servers, addresses and DS', () => {
    const cache = open()
    const delegation = { ...to('example.', 300), ds: set('example.', RrType.DS, 300, [1, 2, 8, 2, 3]) }
    expect(cache.put(delegation, FOREVER, T0)).toBe(true)
    expect(cache.get(n('example.'), T0)).toEqual(delegation)
  })

  it('finds the deepest live one at or above a name, by labels', () => {
    const cache = open()
    for (const zone of ['com.', 'example.com.', 'b.a.example.com.']) cache.put(to(zone, 300), FOREVER, T0)
    const zoneOf = (name: string, now = T0) => cache.closest(n(name), now)?.zone
    expect(zoneOf('www.example.com.')).toBe(n('example.com.'))
    expect(zoneOf('example.com.')).toBe(n('example.com.'))
    expect(zoneOf('x.b.a.example.com.')).toBe(n('b.a.example.com.'))
    expect(zoneOf('a.example.com.')).toBe(n('example.com.'))
    expect(zoneOf('xexample.com.')).toBe(n('com.'))
    expect(zoneOf('www.example.org.')).toBeUndefined()
    cache.put(to('.', 300), FOREVER, T0)
    expect(zoneOf('www.example.org.')).toBe(n('.'))
    cache.remove(n('example.com.'))
    expect(zoneOf('www.example.com.')).toBe(n('com.'))
    expect(zoneOf('www.example.com.', T0 + seconds(300))).toBe(n('.'))
  })

  it('refuses a delegation without servers, one that has ended, and one that is too large', () => {
    const cache = open({ entryBytes: 1000 })
    expect(cache.put({ ...to('example.', 300), servers: [] }, FOREVER, T0)).toBe(false)
    expect(cache.put(to('example.', 0), FOREVER, T0)).toBe(false)
    expect(cache.put(to('example.', 300), T0, T0)).toBe(false)
    expect(
      cache.put(
        {
          ...to('example.', 300),
          servers: Array.from({ length: 60 }, (_, i) => ({ name: n(`ns${i}.hosting.example.`), addresses: [] })),
        },
        FOREVER,
        T0,
      ),
    ).toBe(false)
    expect(cache.size).toBe(0)
  })

  it('caps the time at maxTtl', () => {
    const cache = open({ maxTtl: 100 })
    cache.put(to('example.', 5000), FOREVER, T0)
    expect(cache.get(n('example.'), T0)?.expiresAt).toBe(T0 + seconds(100))
  })
})

describe('the parent is the only clock', () => {
  it('a ghost domain: storing it again while it lives does not lengthen it', () => {
    const cache = open()
    cache.put(to('ghost.example.', 100), FOREVER, T0)
    for (let s = 10; s < 100; s += 10) {
      const now = T0 + seconds(s)
      expect(cache.put(to('ghost.example.', 86_400, now, `ns${s}.attacker.example.`), FOREVER, now)).toBe(true)
    }
    expect(cache.get(n('ghost.example.'), T0 + seconds(100) - 1)?.servers[0]?.name).toBe(n('ns90.attacker.example.'))
    expect(cache.get(n('ghost.example.'), T0 + seconds(100))).toBeUndefined()
  })

  it('a phoenix domain: nothing learnt through a delegation outlives it, however deep', () => {
    const cache = open()
    cache.put(to('phoenix.example.', 100), FOREVER, T0)
    let zone = 'phoenix.example.'
    for (let depth = 0; depth < 20; depth++) {
      const now = T0 + seconds(depth)
      const parent = cache.get(n(zone), now)
      zone = `d.${zone}`
      cache.put(to(zone, 86_400, now), parent?.expiresAt ?? 0, now)
    }
    expect(cache.closest(n(`www.${zone}`), T0 + seconds(100) - 1)?.zone).toBe(n(zone))
    expect(cache.closest(n(`www.${zone}`), T0 + seconds(100))).toBeUndefined()
  })

  it('may be shortened while it lives, and starts again when it has ended', () => {
    const cache = open()
    cache.put(to('example.', 100), FOREVER, T0)
    cache.put(to('example.', 10), FOREVER, T0)
    expect(cache.get(n('example.'), T0)?.expiresAt).toBe(T0 + seconds(10))
    const later = T0 + seconds(10)
    cache.put(to('example.', 100, later), FOREVER, later)
    expect(cache.get(n('example.'), later)?.expiresAt).toBe(later + seconds(100))
  })
})

describe('the root', () => {
  it('is absent until stored, then stays and is no clock for others', () => {
    const cache = open()
    expect([cache.get(n('.'), T0), cache.closest(n('www.example.'), T0), cache.rootIsStale(T0)]).toEqual([
      undefined,
      undefined,
      true,
    ])
    cache.put(to('.', 60), FOREVER, T0)
    expect([cache.rootIsStale(T0), cache.rootIsStale(T0 + seconds(60))]).toEqual([false, true])
    const later = T0 + seconds(3600)
    expect(cache.closest(n('www.example.'), later)).toMatchObject({
      zone: n('.'),
      expiresAt: FOREVER,
      servers: to('.', 1).servers,
    })
    cache.put(to('.', 60, later, 'b.root-servers.net.'), FOREVER, later)
    expect([cache.rootIsStale(later), cache.get(n('.'), later)?.servers[0]?.name]).toEqual([
      false,
      n('b.root-servers.net.'),
    ])
  })

  it('is not driven out by others, only removed', () => {
    const cache = new DelegationCache(limitsOf(), 3000)
    cache.put(to('.', 60), FOREVER, T0)
    for (let i = 0; i < 100; i++) cache.put(to(`zone${i}.`, 300), FOREVER, T0)
    expect(cache.bytes).toBeLessThanOrEqual(3000)
    expect(cache.get(n('zone0.'), T0)).toBeUndefined()
    expect([cache.get(n('zone99.'), T0)?.zone, cache.get(n('.'), T0)?.zone]).toEqual([n('zone99.'), n('.')])
    cache.remove(n('.'))
    expect(cache.get(n('.'), T0)).toBeUndefined()
    cache.put(to('.', 60), FOREVER, T0)
    cache.clear()
    expect([cache.get(n('.'), T0), cache.size, cache.bytes]).toEqual([undefined, 0, 0])
  })

  it('goes with a removal of everything below a name only when that name is the root', () => {
    const cache = open()
    for (const zone of ['.', 'com.', 'example.com.', 'org.']) cache.put(to(zone, 300), FOREVER, T0)
    expect(cache.removeWithin(n('com.'))).toBe(2)
    expect(cache.closest(n('www.example.com.'), T0)?.zone).toBe(n('.'))
    cache.removeWithin(n('.'))
    expect([cache.size, cache.get(n('.'), T0)]).toEqual([0, undefined])
  })
})

describe('values kept beside the packed form', () => {
  it('are those of what is stored now, whatever was asked for in between, was replaced, ended or went', () => {
    const cache = open({ unpackedDelegations: 2 })
    const zones = ['a.', 'b.', 'c.', 'd.']
    const serverOf = (zone: string, now = T0): string | undefined => cache.get(n(zone), now)?.servers[0]?.name
    for (const zone of zones) cache.put(to(zone, 300), FOREVER, T0)
    for (let round = 0; round < 3; round++)
      for (const zone of [...zones, ...zones.slice(1, 3)]) expect(serverOf(zone)).toBe(n(`ns.${zone}`))
    cache.put(to('c.', 200, T0, 'new.'), FOREVER, T0)
    expect(['b.', 'c.', 'c.', 'd.', 'c.'].map(zone => serverOf(zone))).toEqual([
      n('ns.b.'),
      n('new.'),
      n('new.'),
      n('ns.d.'),
      n('new.'),
    ])
    expect([serverOf('c.', T0 + seconds(200)), serverOf('d.', T0 + seconds(299))]).toEqual([undefined, n('ns.d.')])
    cache.remove(n('d.'))
    expect(serverOf('d.')).toBeUndefined()
    cache.clear()
    expect(zones.map(zone => serverOf(zone))).toEqual([undefined, undefined, undefined, undefined])
    cache.put(to('a.', 300), FOREVER, T0)
    expect([serverOf('a.'), serverOf('a.')]).toEqual([n('ns.a.'), n('ns.a.')])
  })

  it('are the same object until it is displaced, and not kept when long', () => {
    const cache = open({ unpackedDelegations: 1, unpackedOctets: 100 })
    for (const zone of ['a.', 'b.']) cache.put(to(zone, 300), FOREVER, T0)
    const first = cache.get(n('a.'), T0)
    expect(cache.get(n('a.'), T0)).toBe(first)
    cache.get(n('b.'), T0)
    expect(cache.get(n('a.'), T0)).not.toBe(first)
    const { servers } = to('long.', 300)
    cache.put({ ...to('long.', 300), servers: [...servers, ...servers, ...servers] }, FOREVER, T0)
    expect(cache.get(n('long.'), T0)).not.toBe(cache.get(n('long.'), T0))
  })
})
