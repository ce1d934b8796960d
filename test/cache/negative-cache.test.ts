import { describe, expect, it } from 'vitest'
import { createCaches } from '../../src/cache/caches.ts'
import { NegativeCache, remainingDenial } from '../../src/cache/negative-cache.ts'
import { Trust } from '../../src/cache/trust.ts'
import { makeRRset } from '../../src/dns/rrset.ts'
import { RrClass, RrType } from '../../src/dns/types.ts'
import { a, BOGUS, INSECURE, limitsOf, n, q, SECURE, seconds, set, soa, T0, UNJUDGED } from './made.ts'

const MIB = 1024 * 1024
const IN = RrClass.IN
const open = (changes = {}): NegativeCache => new NegativeCache(limitsOf(changes), MIB)
const zone = soa('example.', 3600, 300)

describe('NODATA and NXDOMAIN (RFC 2308)', () => {
  it('remembers NODATA for one name and type, with its proof', () => {
    const cache = open()
    const proof = [set('www.example.', RrType.NSEC, 1000, [0, 1, 2])]
    expect(cache.putNodata(q('www.example.', RrType.AAAA), zone, proof, SECURE, T0)).toBe(true)
    const found = cache.find(q('www.example.', RrType.AAAA), T0)
    expect(found).toMatchObject({
      kind: 'nodata',
      name: n('www.example.'),
      type: RrType.AAAA,
      security: SECURE,
      storedAt: T0,
      expiresAt: T0 + seconds(300),
    })
    expect(found?.soa).toEqual({ ...zone, ttl: 300 })
    expect(found?.proof).toEqual([{ ...proof[0], ttl: 300 }])
    for (const other of [q('www.example.'), q('a.www.example.', RrType.AAAA), q('example.', RrType.AAAA)])
      expect(cache.find(other, T0)).toBeUndefined()
    expect(cache.find({ ...q('www.example.', RrType.AAAA), class: RrClass.CH }, T0)).toBeUndefined()
  })

  it('remembers NXDOMAIN for every type', () => {
    const cache = open()
    cache.putNxdomain(n('no.example.'), IN, zone, [], UNJUDGED, T0)
    for (const type of [RrType.A, RrType.MX, RrType.CAA, 0])
      expect(cache.find(q('no.example.', type), T0)?.kind).toBe('nxdomain')
    expect(cache.find({ ...q('no.example.'), class: RrClass.CH }, T0)).toBeUndefined()
  })

  it('counts SOA and proof down, and ends with the negative TTL', () => {
    const cache = open()
    cache.putNxdomain(
      n('no.example.'),
      IN,
      soa('example.', 5, 600),
      [set('a.example.', RrType.NSEC, 3, [0])],
      UNJUDGED,
      T0,
    )
    const entry = cache.find(q('no.example.'), T0 + 4_999)
    const left = entry === undefined ? null : remainingDenial(entry, T0 + 4_999)
    expect([left?.soa?.ttl, left?.proof[0]?.ttl]).toEqual([1, 0])
    expect(cache.find(q('no.example.'), T0 + 5_000)).toBeUndefined()
    expect(cache.bytes).toBe(0)
  })

  it.each([
    ['no SOA TTL', soa('example.', 0, 300)],
    ['no MINIMUM', soa('example.', 300, 0)],
    ['top bit', soa('example.', 300, 0x8000_0000)],
    ['malformed SOA', makeRRset(n('example.'), RrType.SOA, IN, 300, [Uint8Array.from([0, 0, 1])])],
    ['no RDATA', makeRRset(n('example.'), RrType.SOA, IN, 300, [])],
  ])('stores nothing with %s', (_, denial) => {
    const cache = open()
    expect(cache.putNodata(q('www.example.'), denial, [], UNJUDGED, T0)).toBe(false)
    expect(cache.putNxdomain(n('www.example.'), IN, denial, [], UNJUDGED, T0)).toBe(false)
    expect(cache.size).toBe(0)
  })

  it('keeps nothing for longer than maxNegativeTtl, and nothing too large', () => {
    const cache = open({ entryBytes: 2000 })
    cache.putNodata(q('www.example.'), soa('example.', 90_000, 90_000), [], UNJUDGED, T0)
    expect(cache.find(q('www.example.'), T0 + seconds(3600) - 1)).toMatchObject({ kind: 'nodata' })
    expect(cache.find(q('www.example.'), T0 + seconds(3600))).toBeUndefined()
    expect(
      cache.putNodata(
        q('www.example.'),
        zone,
        [set('x.example.', RrType.NSEC, 300, Array<number>(2000).fill(1))],
        SECURE,
        T0,
      ),
    ).toBe(false)
  })

  it('does not take a NODATA answer for the reserved type 0 for an NXDOMAIN', () => {
    const cache = open()
    expect(cache.putNodata(q('www.example.', 0), zone, [], UNJUDGED, T0)).toBe(false)
    expect(cache.find(q('www.example.'), T0)).toBeUndefined()
  })
})

describe('NXDOMAIN cut (RFC 8020)', () => {
  it('denies everything below, at label borders only', () => {
    const cache = open()
    cache.putNxdomain(n('no.example.'), IN, zone, [], SECURE, T0)
    expect(cache.find(q('a.b.c.no.example.', RrType.TXT), T0)).toMatchObject({
      kind: 'nxdomain',
      name: n('no.example.'),
    })
    expect(cache.find(q('xno.example.'), T0)).toBeUndefined()
    expect(cache.find(q('example.'), T0)).toBeUndefined()
    expect(cache.find(q('.'), T0)).toBeUndefined()
  })

  it.each([
    ['unvalidated', UNJUDGED],
    ['insecure', INSECURE],
  ] as const)('an NXDOMAIN that is %s denies its own name and none below it', (_, security) => {
    const cache = open()
    cache.putNxdomain(n('b.a.example.'), IN, zone, [], security, T0)
    for (const type of [RrType.A, RrType.AAAA, RrType.HTTPS, RrType.NSEC]) {
      expect(cache.find(q('b.a.example.', type), T0)?.kind).toBe('nxdomain')
      expect(cache.find(q('x.b.a.example.', type), T0)).toBeUndefined()
    }
  })

  it('looks past an NXDOMAIN without a proof to a validated one above it', () => {
    const cache = open()
    cache.putNxdomain(n('a.example.'), IN, zone, [], SECURE, T0)
    cache.putNxdomain(n('b.a.example.'), IN, zone, [], UNJUDGED, T0)
    expect(cache.find(q('x.b.a.example.'), T0)?.name).toBe(n('a.example.'))
  })

  it('works for names of 127 labels', () => {
    const cache = open()
    cache.putNxdomain(n('a.'), IN, zone, [], SECURE, T0)
    expect(cache.find(q('a.'.repeat(127)), T0)?.name).toBe(n('a.'))
    expect(cache.find(q('b.'.repeat(127)), T0)).toBeUndefined()
  })

  it('finds the nearest denied ancestor', () => {
    const cache = open()
    cache.putNxdomain(n('c.b.example.'), IN, zone, [], SECURE, T0)
    cache.putNxdomain(n('b.example.'), IN, zone, [], SECURE, T0)
    expect(cache.find(q('d.c.b.example.'), T0)?.name).toBe(n('c.b.example.'))
  })

  it.each(['no.example.', 'a.no.example.', 'c.b.a.no.example.'])(
    'ends when NODATA at %s shows the name to exist',
    name => {
      const cache = open()
      cache.putNxdomain(n('no.example.'), IN, zone, [], SECURE, T0)
      cache.putNodata(q(name, RrType.MX), zone, [], SECURE, T0 + 1)
      expect(cache.find(q('other.no.example.'), T0 + 1)).toBeUndefined()
      expect(cache.find(q(name, RrType.MX), T0 + 1)?.kind).toBe('nodata')
    },
  )

  it('lets the later statement win when NXDOMAIN follows NODATA', () => {
    const cache = open()
    cache.putNodata(q('a.no.example.', RrType.MX), zone, [], SECURE, T0)
    cache.putNxdomain(n('no.example.'), IN, zone, [], SECURE, T0 + 1)
    expect(cache.find(q('a.no.example.', RrType.MX), T0 + 1)?.kind).toBe('nxdomain')
  })
})

describe('denials against newer data', () => {
  const put = (name: string, trust: Trust, was = UNJUDGED, is = UNJUDGED) => {
    const caches = createCaches(limitsOf())
    caches.negatives.putNxdomain(n('no.example.'), IN, zone, [], was, T0)
    caches.negatives.putNodata(q('with.example.'), zone, [], was, T0)
    caches.negatives.putNodata(q('with.example.', RrType.MX), zone, [], was, T0)
    caches.rrsets.put(a(name), trust, is, T0 + 1)
    return caches.negatives
  }

  it.each(['no.example.', 'a.no.example.', 'c.b.a.no.example.'])('data at %s ends the NXDOMAIN above it', name => {
    expect(put(name, Trust.AuthoritativeAnswer).find(q('no.example.'), T0 + 1)).toBeUndefined()
  })

  it('newer data of another name leaves a denial as it is', () => {
    for (const name of ['example.', 'xno.example.', 'no.example.org.']) {
      expect(put(name, Trust.AuthoritativeAnswer).find(q('no.example.'), T0 + 1)?.kind).toBe('nxdomain')
    }
  })

  it('ends NODATA for its own type only', () => {
    const negatives = put('with.example.', Trust.AuthoritativeAnswer)
    expect(negatives.find(q('with.example.'), T0 + 1)).toBeUndefined()
    expect(negatives.find(q('with.example.', RrType.MX), T0 + 1)?.kind).toBe('nodata')
  })

  it.each([Trust.Additional, Trust.ZoneGlue])('glue and additional data (trust %i) end nothing', trust => {
    expect(put('a.no.example.', trust).find(q('no.example.'), T0 + 1)?.kind).toBe('nxdomain')
  })

  it('a validated denial yields to validated data only', () => {
    for (const is of [UNJUDGED, INSECURE, BOGUS])
      expect(put('no.example.', Trust.AuthoritativeAnswer, SECURE, is).find(q('no.example.'), T0 + 1)?.kind).toBe(
        'nxdomain',
      )
    expect(put('no.example.', Trust.AuthoritativeAnswer, SECURE, SECURE).find(q('no.example.'), T0 + 1)).toBeUndefined()
    const cache = open()
    cache.putNxdomain(n('no.example.'), IN, zone, [], SECURE, T0)
    expect(cache.putNxdomain(n('no.example.'), IN, soa('example.', 1, 1), [], UNJUDGED, T0)).toBe(false)
    expect(cache.putNxdomain(n('no.example.'), IN, soa('example.', 1, 1), [], UNJUDGED, T0 + seconds(300))).toBe(true)
  })
})

it('the negative cache removes subtrees, and everything', () => {
  const cache = open()
  for (const name of ['a.example.', 'b.a.example.', 'ba.example.']) cache.putNodata(q(name), zone, [], UNJUDGED, T0)
  expect(cache.removeWithin(n('a.example.'))).toBe(2)
  expect(cache.size).toBe(1)
  cache.clear()
  expect(cache.bytes).toBe(0)
})

it('an NXDOMAIN is found whatever was stored twice, drove others out, ended or went before it', () => {
  const cache = new NegativeCache(limitsOf(), 20_000)
  const put = (name: string, now = T0): boolean => cache.putNxdomain(n(name), IN, zone, [], UNJUDGED, now)
  put('a.example.')
  put('a.example.')
  put('b.example.')
  cache.find(q('b.example.'), T0 + seconds(300))
  cache.remove(q('a.example.'), n('a.example.'))
  for (let i = 0; i < 100; i++) put(`x${i}.example.`)
  expect(cache.size).toBeLessThan(100)
  cache.removeWithin(n('example.'))
  put('last.example.')
  cache.putNodata(q('else.example.'), zone, [], UNJUDGED, T0)
  expect(cache.find(q('last.example.'), T0)?.kind).toBe('nxdomain')
  expect(cache.find(q('x1.example.'), T0)).toBeUndefined()
})

describe('a denial without SOA', () => {
  it('is remembered for some seconds, for its own name and type only', () => {
    const cache = open()
    expect(cache.putNodata(q('www.example.'), null, [], UNJUDGED, T0)).toBe(true)
    expect(cache.find(q('www.example.'), T0 + 4_999)).toMatchObject({ kind: 'nodata', soa: null })
    for (const other of [q('www.example.', RrType.AAAA), q('a.www.example.'), q('example.')])
      expect(cache.find(other, T0)).toBeUndefined()
    expect(cache.find(q('www.example.'), T0 + 5_000)).toBeUndefined()
  })

  it('of a name says nothing of the names below it', () => {
    const cache = open()
    cache.putNxdomain(q('no.example.').name, 1, null, [], SECURE, T0)
    expect(cache.find(q('no.example.', RrType.MX), T0)).toMatchObject({ kind: 'nxdomain', soa: null })
    expect(cache.find(q('a.no.example.'), T0)).toBeUndefined()
  })
})
