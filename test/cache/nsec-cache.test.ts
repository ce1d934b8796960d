/**
 * Denials for names that were never asked (RFC 8198): what the store concludes, what it must not, how long and how much
 * it keeps.
 */
import { describe, expect, it } from 'vitest'
import type { RRset } from '../../src/dns/rrset.ts'
import { formatName } from '../../src/presentation/text.ts'
import { RrClass, RrType } from '../../src/dns/types.ts'
import { DenialStore } from '../../src/cache/nsec-cache.ts'
import { SortedList } from '../../src/cache/sorted-list.ts'
import { hashOf, nsec as bareNsec, nsec3 as bareNsec3 } from '../dnssec/made.ts'
import { limitsOf, n, q, seconds, soa as bareSoa, T0 } from './made.ts'

const { A, AAAA, NS, SOA, CNAME, DNAME, DS, TXT, NXNAME, ANY, RRSIG, MX } = RrType
const SIGNATURE = [Uint8Array.of(0, 47, 13, 1)]
const signed = (set: RRset, ttl = 300): RRset => ({ ...set, ttl, signatures: SIGNATURE })
const nsec = (owner: string, next: string, ...types: readonly number[]): RRset =>
  signed(bareNsec(owner, next, ...types))
const nsec3 = (...args: Parameters<typeof bareNsec3>): RRset => signed(bareNsec3(...args))
const soa = (zone: string, ttl = 300, minimum = 300): RRset => signed(bareSoa(zone, ttl, minimum), ttl)
const apex = nsec('example.', 'b.example.', SOA, NS)

function storeOf(sets: readonly RRset[], zone = 'example.'): DenialStore {
  const store = new DenialStore(limitsOf(), 1_000_000)
  store.putSoa(n(zone), soa(zone), T0)
  for (const set of sets) set.type === RrType.NSEC ? store.putNsec(n(zone), set, T0) : store.putNsec3(n(zone), set, T0)
  return store
}

const told = (store: DenialStore, name: string, type: number = A, now = T0): string => {
  const found = store.find(q(name, type), now)
  return found === undefined
    ? 'ask'
    : found.kind === 'wildcard'
      ? `${found.kind} ${formatName(found.wildcard)}`
      : found.kind
}

describe('NSEC', () => {
  it.each<[string, string, number, readonly RRset[], string]>([
    ['a name in a gap', 'c.example.', A, [apex, nsec('b.example.', 'd.example.', A)], 'nxdomain'],
    ['one record for name and wildcard', 'a.example.', A, [apex], 'nxdomain'],
    ['behind the last name', 'z.example.', MX, [apex, nsec('y.example.', 'example.', A)], 'nxdomain'],
    ['the wildcard is unknown', 'c.example.', A, [nsec('b.example.', 'd.example.', A)], 'ask'],
    ['outside every gap', 'e.example.', A, [apex, nsec('b.example.', 'd.example.', A)], 'ask'],
    ['the end of a gap exists', 'd.example.', A, [apex, nsec('b.example.', 'd.example.', A)], 'ask'],
    ['another type of a name', 'b.example.', AAAA, [nsec('b.example.', 'd.example.', A)], 'nodata'],
    ['the type is there', 'b.example.', A, [nsec('b.example.', 'd.example.', A)], 'ask'],
    ['an alias', 'b.example.', AAAA, [nsec('b.example.', 'd.example.', CNAME)], 'ask'],
    ['an empty non-terminal', 'c.example.', A, [apex, nsec('b.example.', 'x.c.example.', A)], 'nodata'],
    [
      'made up for one question (RFC 9824)',
      'b.example.',
      AAAA,
      [nsec('b.example.', '\\000.b.example.', NXNAME)],
      'ask',
    ],
    [
      'made up for one question (RFC 4470)',
      'b.example.',
      A,
      [apex, nsec('a\\255.example.', 'b\\000.example.', A)],
      'ask',
    ],
    [
      'a wildcard with the type',
      'c.example.',
      A,
      [nsec('*.example.', 'b.example.', A), nsec('b.example.', 'd.example.', A)],
      'wildcard *.example.',
    ],
    [
      'a wildcard that is an alias',
      'c.example.',
      A,
      [nsec('*.example.', 'b.example.', CNAME), nsec('b.example.', 'd.example.', A)],
      'wildcard *.example.',
    ],
    [
      'a wildcard without the type',
      'c.example.',
      TXT,
      [nsec('*.example.', 'b.example.', A), nsec('b.example.', 'd.example.', A)],
      'nodata',
    ],
    [
      'a wildcard that does not apply',
      'c.b.example.',
      A,
      [nsec('*.example.', 'b.example.', A), nsec('b.example.', 'd.example.', A)],
      'nxdomain',
    ],
    [
      'below an empty wildcard',
      'a.example.',
      A,
      [nsec('example.', 'x.*.example.', SOA, NS), nsec('x.*.example.', 'b.example.', A)],
      'ask',
    ],
    [
      'below a delegation (RFC 6840 section 4.1)',
      'x.b.example.',
      A,
      [apex, nsec('b.example.', 'd.example.', NS)],
      'ask',
    ],
    ['at a delegation', 'b.example.', A, [apex, nsec('b.example.', 'd.example.', NS)], 'ask'],
    ['below a DNAME', 'x.b.example.', A, [apex, nsec('b.example.', 'd.example.', DNAME)], 'ask'],
    ['no DS at a delegation', 'b.example.', DS, [nsec('b.example.', 'd.example.', NS)], 'nodata'],
    ['DS of the apex is data of the zone above', 'example.', DS, [apex], 'ask'],
    ['other types of the apex', 'example.', MX, [apex], 'nodata'],
    ['ANY', 'c.example.', ANY, [apex, nsec('b.example.', 'd.example.', A)], 'ask'],
    ['RRSIG', 'c.example.', RRSIG, [apex, nsec('b.example.', 'd.example.', A)], 'ask'],
    ['a name of another zone', 'c.test.', A, [apex, nsec('b.example.', 'd.example.', A)], 'ask'],
  ])('%s', (_, name, type, sets, expected) => {
    expect(told(storeOf(sets), name, type)).toBe(expected)
  })

  it('a next name outside the zone, or a record of another one, is not kept (CVE-2026-13321)', () => {
    const store = storeOf([apex])
    expect(store.putNsec(n('example.'), nsec('b.example.', 'test.', A), T0)).toBe(false)
    expect(store.putNsec(n('example.'), nsec('b.test.', 'c.test.', A), T0)).toBe(false)
    expect(store.putNsec(n('example.'), { ...nsec('b.example.', 'd.example.', A), class: RrClass.CH }, T0)).toBe(false)
    expect(store.putNsec(n('example.'), bareNsec('b.example.', 'd.example.', A), T0)).toBe(false)
    expect(store.putSoa(n('example.'), soa('sub.example.'), T0)).toBe(false)
    expect(store.size).toBe(2)
  })

  it('speaks for the deepest zone that is known', () => {
    const store = storeOf([apex, nsec('b.example.', 'd.example.', NS, DS)])
    store.putSoa(n('b.example.'), soa('b.example.'), T0)
    store.putNsec(n('b.example.'), nsec('b.example.', 'b.example.', SOA, NS), T0)
    expect(told(store, 'x.b.example.')).toBe('nxdomain')
    const found = store.find(q('x.b.example.'), T0)
    expect(found !== undefined && found.kind !== 'wildcard' ? formatName(found.soa.name) : '').toBe('b.example.')
    // The parent's record, not the child's, though both have one owner.
    expect(told(store, 'b.example.', DS)).toBe('ask')
    expect(told(store, 'b.example.', TXT)).toBe('nodata')
  })

  it('tells SOA and proof with their signatures', () => {
    const cover = nsec('b.example.', 'd.example.', A)
    expect(storeOf([apex, cover]).find(q('c.example.'), T0 + seconds(10))).toEqual({
      kind: 'nxdomain',
      soa: { ...soa('example.'), ttl: 290 },
      proof: [
        { ...cover, ttl: 290 },
        { ...apex, ttl: 290 },
      ],
    })
    expect(storeOf([nsec('*.example.', 'b.example.', A), cover]).find(q('c.example.'), T0)).toEqual({
      kind: 'wildcard',
      wildcard: n('*.example.'),
      proof: [cover],
    })
  })
})

describe('NSEC3', () => {
  const around = (name: string, flags = 0): RRset => nsec3('example.', hashOf(name, -4), hashOf(name, 4), [], { flags })
  const exact = (name: string, ...types: readonly number[]): RRset =>
    nsec3('example.', hashOf(name), hashOf(name, 4), types)
  const top = exact('example.', SOA, NS)
  it.each<[string, string, number, readonly RRset[], string]>([
    ['a name in a gap', 'c.example.', A, [top, around('c.example.'), around('*.example.')], 'nxdomain'],
    [
      'below a next closer name in a gap',
      'x.y.c.example.',
      A,
      [top, around('c.example.'), around('*.example.')],
      'nxdomain',
    ],
    [
      'below a name whose match is known, that of the apex not',
      'x.b.example.',
      A,
      [exact('b.example.', A), around('x.b.example.'), around('*.b.example.')],
      'nxdomain',
    ],
    ['no encloser', 'c.example.', A, [around('c.example.'), around('*.example.')], 'ask'],
    [
      'only the name is covered, not the next closer',
      'x.c.example.',
      A,
      [top, around('x.c.example.'), around('*.example.')],
      'ask',
    ],
    ['the wildcard is unknown', 'c.example.', A, [top, around('c.example.')], 'ask'],
    ['opt-out never denies', 'c.example.', A, [top, around('c.example.', 1), around('*.example.')], 'ask'],
    ['opt-out never denies a wildcard', 'c.example.', A, [top, around('c.example.'), around('*.example.', 1)], 'ask'],
    ['opt-out never denies DS', 'c.example.', DS, [top, around('c.example.', 1)], 'ask'],
    ['another type of a name', 'b.example.', TXT, [exact('b.example.', A)], 'nodata'],
    ['the type is there', 'b.example.', A, [exact('b.example.', A)], 'ask'],
    ...(
      [
        ['its own hash alone', 0, 1],
        ['one hash before to one after', -1, 1],
        ['its own hash to the second after', 0, 2],
      ] as const
    ).map(([what, from, to]): [string, string, number, readonly RRset[], string] => [
      `made up for one question: ${what}`,
      'b.example.',
      TXT,
      [top, nsec3('example.', hashOf('b.example.', from), hashOf('b.example.', to), [A]), around('*.example.')],
      'ask',
    ]),
    ['an alias', 'b.example.', TXT, [exact('b.example.', CNAME)], 'ask'],
    ['an empty non-terminal', 'b.example.', TXT, [exact('b.example.')], 'nodata'],
    ['at a delegation', 'b.example.', TXT, [exact('b.example.', NS)], 'ask'],
    ['no DS at a delegation', 'b.example.', DS, [exact('b.example.', NS)], 'nodata'],
    [
      'below a delegation',
      'x.b.example.',
      A,
      [top, exact('b.example.', NS), around('x.b.example.'), around('*.b.example.')],
      'ask',
    ],
    [
      'below a DNAME',
      'x.b.example.',
      A,
      [top, exact('b.example.', DNAME), around('x.b.example.'), around('*.b.example.')],
      'ask',
    ],
    [
      'a wildcard with the type',
      'c.example.',
      A,
      [top, around('c.example.'), exact('*.example.', A)],
      'wildcard *.example.',
    ],
    ['a wildcard without the type', 'c.example.', TXT, [top, around('c.example.'), exact('*.example.', A)], 'nodata'],
    [
      'a zone of one record',
      'c.example.',
      A,
      [nsec3('example.', hashOf('example.'), hashOf('example.'), [SOA, NS])],
      'nxdomain',
    ],
  ])('%s', (_, name, type, sets, expected) => {
    expect(told(storeOf(sets), name, type)).toBe(expected)
  })

  it('what costs too many hashes is asked', () => {
    const chain = (iterations: number): DenialStore => {
      const salt = new Uint8Array(0)
      const at = (name: string, from: number): RRset =>
        nsec3(
          'example.',
          hashOf(name, from, salt, iterations),
          hashOf(name, 4, salt, iterations),
          from === 0 ? [SOA, NS] : [],
          { iterations },
        )
      return storeOf([at('example.', 0), at('c.example.', -4), at('*.example.', -4)])
    }
    expect(told(chain(50), 'c.example.')).toBe('nxdomain')
    expect(told(chain(500), 'c.example.')).toBe('ask')
    // An empty top, so that every label would be hashed.
    expect(told(storeOf([around('none.example.')]), `${'a.'.repeat(110)}example.`)).toBe('ask')
  })

  it('follows a change of salt', () => {
    const store = storeOf([top, around('c.example.'), around('*.example.')])
    const salt = Uint8Array.of(9)
    store.putNsec3(
      n('example.'),
      nsec3('example.', hashOf('b.example.', 0, salt), hashOf('b.example.', 4, salt), [A], { salt }),
      T0,
    )
    expect(told(store, 'b.example.', TXT)).toBe('nodata')
    expect(told(store, 'c.example.')).toBe('ask')
  })
})

describe('time', () => {
  const cover = nsec('b.example.', 'd.example.', A)
  const stored = (soaTtl: number, minimum: number, nsecTtl: number): DenialStore => {
    const store = new DenialStore(limitsOf(), 1_000_000)
    store.putSoa(n('example.'), soa('example.', soaTtl, minimum), T0)
    for (const set of [apex, cover]) store.putNsec(n('example.'), { ...set, ttl: nsecTtl }, T0)
    return store
  }

  it.each([
    [300, 60, 3_600, 60],
    [60, 300, 3_600, 60],
    [300, 300, 60, 60],
  ])('SOA TTL %i, MINIMUM %i, NSEC TTL %i: %i s (RFC 9077)', (soaTtl, minimum, nsecTtl, lives) => {
    const store = stored(soaTtl, minimum, nsecTtl)
    expect(told(store, 'c.example.', A, T0 + seconds(lives - 1))).toBe('nxdomain')
    expect(told(store, 'c.example.', A, T0 + seconds(lives))).toBe('ask')
  })

  it('a newer SOA does not make older records live longer than its TTL', () => {
    const store = stored(60, 60, 3_600)
    store.putSoa(n('example.'), soa('example.', 60, 60), T0 + seconds(50))
    expect(told(store, 'c.example.', A, T0 + seconds(59))).toBe('nxdomain')
    expect(told(store, 'c.example.', A, T0 + seconds(61))).toBe('ask')
  })

  it('no SOA, no denial; a TTL of 0 is not kept', () => {
    const store = new DenialStore(limitsOf(), 1_000_000)
    expect(store.putNsec(n('example.'), apex, T0)).toBe(true)
    expect(told(store, 'a.example.')).toBe('ask')
    expect(store.putNsec(n('example.'), { ...cover, ttl: 0 }, T0)).toBe(false)
    expect(store.putSoa(n('example.'), soa('example.', 300, 0), T0)).toBe(false)
    store.putSoa(n('example.'), soa('example.'), T0)
    expect(told(store, 'a.example.')).toBe('nxdomain')
  })

  it('a newer record takes the place of the one with its owner', () => {
    const store = storeOf([apex, cover])
    store.putNsec(n('example.'), nsec('b.example.', 'c.example.', A), T0)
    store.putNsec(n('example.'), nsec('c.example.', 'd.example.', A), T0)
    expect(told(store, 'c.example.')).toBe('ask')
    expect(told(store, 'cc.example.')).toBe('nxdomain')
    expect(store.size).toBe(4)
  })
})

describe('memory', () => {
  it('stays within its budget under a flood of zones and records, and forgets without a trace', () => {
    const store = new DenialStore(limitsOf(), 100_000)
    for (let i = 0; i < 1_200; i++) {
      const zone = `z${i % 300}.example.`
      store.putSoa(n(zone), soa(zone), T0)
      store.putNsec(n(zone), nsec(`n${i}.${zone}`, zone, A), T0)
      store.putNsec3(
        n(zone),
        nsec3(zone, hashOf(`n${i}`), hashOf(`m${i}`), [A], { salt: Uint8Array.of(i >> 8, i) }),
        T0,
      )
      if (i % 100 === 0) expect(store.bytes).toBeLessThanOrEqual(100_000)
    }
    expect(store.size).toBeGreaterThan(50)
    expect(told(store, 'x.z299.example.')).toBe('ask')
    // What came last is there and of use.
    store.putNsec(n('z299.example.'), nsec('z299.example.', 'z299.example.', SOA, NS), T0)
    expect(told(store, 'x.z299.example.')).toBe('nxdomain')
    store.clear()
    expect([store.bytes, store.size, told(store, 'x.z299.example.')]).toEqual([0, 0, 'ask'])
  })

  it('a flushed name takes its zone and those below along', () => {
    const store = storeOf([apex])
    store.putSoa(n('sub.example.'), soa('sub.example.'), T0)
    store.putSoa(n('test.'), soa('test.'), T0)
    expect(store.removeWithin(n('a.example.'))).toBe(2)
    expect(told(store, 'a.example.')).toBe('ask')
    expect(store.removeWithin(n('example.'))).toBe(1)
    expect(store.size).toBe(1)
  })
})

describe('order', () => {
  it('a sorted list finds what a plain search finds', () => {
    const list = new SortedList<number>()
    const plain = new Map<string, number>()
    let state = 1
    const next = (bound: number): number => {
      state = (state * 48_271) % 2_147_483_647
      return state % bound
    }
    for (let i = 0; i < 6_000; i++) {
      const key = String(next(3_000)).padStart(4, '0')
      if (next(3) === 0) {
        list.delete(key)
        plain.delete(key)
      } else {
        list.set(key, i)
        plain.set(key, i)
      }
      if (i % 50 !== 0) continue
      const wanted = String(next(3_000)).padStart(4, '0')
      const keys = [...plain.keys()].sort()
      const best = keys.filter(one => one <= wanted).at(-1)
      expect([list.size, list.floor(wanted), list.last()]).toEqual([
        plain.size,
        best === undefined ? undefined : plain.get(best),
        plain.get(keys.at(-1) ?? ''),
      ])
    }
    for (const key of plain.keys()) list.delete(key)
    expect([list.size, list.floor('9999'), list.last()]).toEqual([0, undefined, undefined])
  })
})
