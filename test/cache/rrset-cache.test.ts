import { describe, expect, it } from 'vitest'
import { RRsetCache, remaining } from '../../src/cache/rrset-cache.ts'
import { Trust } from '../../src/cache/trust.ts'
import { trustWireName } from '../../src/dns/name.ts'
import { makeRRset, type RRset } from '../../src/dns/rrset.ts'
import { RrClass, RrType } from '../../src/dns/types.ts'
import { a, INSECURE, limitsOf, n, SECURE, seconds, set, T0, UNJUDGED } from './made.ts'

const MIB = 1024 * 1024
const { AuthoritativeAnswer, Additional, NonAuthoritativeAnswer } = Trust
const open = (changes = {}, bytes = MIB): RRsetCache => new RRsetCache(limitsOf(changes), bytes)
const getA = (cache: RRsetCache, name: string, now: number) => cache.get(n(name), RrType.A, RrClass.IN, now)

describe('RRsetCache', () => {
  it('finds a name that it was asked for in vain as soon as it is there, and not when it is gone again', () => {
    const cache = open()
    const name = n('x.example.')
    const found = (type: number): boolean => cache.get(name, type, RrClass.IN, T0) !== undefined
    expect([found(1), found(5)]).toEqual([false, false])
    cache.put(set('x.example.', 1, 300, [1]), AuthoritativeAnswer, UNJUDGED, T0)
    expect([found(5), found(1)]).toEqual([false, true])
    cache.remove(name, 1, RrClass.IN)
    expect([found(1), found(1)]).toEqual([false, false])
    cache.put(set('x.example.', 5, 300, [1]), AuthoritativeAnswer, UNJUDGED, T0)
    expect([found(1), found(5)]).toEqual([false, true])
  })

  it('gives back what was put in, with trust, security and times', () => {
    const cache = open()
    const rrset: RRset = {
      ...makeRRset(
        n('www.example.'),
        RrType.TXT,
        RrClass.IN,
        300,
        [Uint8Array.from([0]), new Uint8Array(300).fill(200)],
        [Uint8Array.from([0, 16, 9])],
      ),
    }
    expect(cache.put(rrset, AuthoritativeAnswer, SECURE, T0)).toBe(true)
    expect(cache.get(n('www.example.'), RrType.TXT, RrClass.IN, T0)).toEqual({
      rrset,
      trust: AuthoritativeAnswer,
      security: SECURE,
      proof: [],
      storedAt: Math.floor(T0),
      expiresAt: Math.floor(T0) + seconds(300),
    })
    expect(cache.size).toBe(1)
  })

  it('keeps the case of the owner and finds it by the folded name', () => {
    const cache = open()
    const owner = trustWireName('\x03wWw\x07Example\x00')
    cache.put(makeRRset(owner, RrType.A, RrClass.IN, 300, a('x.').rdatas), AuthoritativeAnswer, UNJUDGED, T0)
    const found = getA(cache, 'www.example.', T0)?.rrset
    expect(found?.owner).toBe(owner)
    expect(found?.name).toBe(n('www.example.'))
  })

  it.each(['constructor.', '__proto__.', 'toString.example.', '.'])('takes %s for a name like any other', name => {
    const cache = open()
    expect(getA(cache, name, T0)).toBeUndefined()
    cache.put(a(name), AuthoritativeAnswer, UNJUDGED, T0)
    expect(getA(cache, name, T0)?.rrset).toEqual(a(name))
  })

  it('does not mix names, types and classes', () => {
    const cache = open()
    cache.put(a('a.example.'), AuthoritativeAnswer, UNJUDGED, T0)
    expect(cache.get(n('a.example.'), RrType.AAAA, RrClass.IN, T0)).toBeUndefined()
    expect(cache.get(n('a.example.'), RrType.A, RrClass.CH, T0)).toBeUndefined()
    expect(getA(cache, 'example.', T0)).toBeUndefined()
    expect(cache.get(n('a.example.'), RrType.CAA, RrClass.IN, T0)).toBeUndefined()
  })

  it('counts down by whole seconds and hands out nothing at its end', () => {
    const cache = open()
    cache.put(a('www.example.', 2), AuthoritativeAnswer, UNJUDGED, T0)
    const left = (ms: number): number | undefined => {
      const entry = getA(cache, 'www.example.', T0 + ms)
      return entry === undefined ? undefined : remaining(entry, T0 + ms).ttl
    }
    expect([0, 999, 1000, 1999].map(left)).toEqual([2, 2, 1, 1])
    expect(left(2000)).toBeUndefined()
    expect(cache.size).toBe(0)
    expect(cache.bytes).toBe(0)
  })

  it('bounds the TTL and never stores TTL 0', () => {
    const cache = open()
    cache.put(a('long.example.', 900_000), AuthoritativeAnswer, UNJUDGED, T0)
    expect(getA(cache, 'long.example.', T0)?.rrset.ttl).toBe(86_400)
    expect(cache.put(a('zero.example.', 0), AuthoritativeAnswer, UNJUDGED, T0)).toBe(false)
    expect(cache.put(a('top.example.', 0x8000_0000), AuthoritativeAnswer, UNJUDGED, T0)).toBe(false)
    expect(open({ minTtl: 5 }).put(a('zero.example.', 0), AuthoritativeAnswer, UNJUDGED, T0)).toBe(true)
  })

  it('keeps an answer against glue until it expires', () => {
    const cache = open()
    cache.put(a('ns.example.', 60, 1), AuthoritativeAnswer, UNJUDGED, T0)
    expect(cache.put(a('ns.example.', 9000, 66), Additional, UNJUDGED, T0 + 1)).toBe(false)
    expect(getA(cache, 'ns.example.', T0 + 2)?.rrset.rdatas).toEqual(a('ns.example.', 60, 1).rdatas)
    expect(cache.put(a('ns.example.', 9000, 66), Additional, UNJUDGED, T0 + seconds(60))).toBe(true)
    expect(cache.put(a('ns.example.', 60, 2), NonAuthoritativeAnswer, UNJUDGED, T0 + seconds(60))).toBe(true)
    expect(getA(cache, 'ns.example.', T0 + seconds(61))?.trust).toBe(NonAuthoritativeAnswer)
  })

  it('refuses what is not data, what is empty and what is too large', () => {
    const cache = open({ entryBytes: 1000 })
    expect(cache.put(set('x.example.', RrType.ANY, 300, [1]), AuthoritativeAnswer, UNJUDGED, T0)).toBe(false)
    expect(cache.put(set('x.example.', RrType.OPT, 300, [1]), AuthoritativeAnswer, UNJUDGED, T0)).toBe(false)
    expect(cache.put(set('x.example.', RrType.A, 300), AuthoritativeAnswer, UNJUDGED, T0)).toBe(false)
    const sized = (octets: number): RRset => set('x.example.', RrType.TXT, 300, Array<number>(octets).fill(7))
    const name = n('x.example.').length
    expect(cache.put(sized(1000 - name - 2 + 1), AuthoritativeAnswer, UNJUDGED, T0)).toBe(false)
    expect(cache.put(sized(1000 - name - 2), AuthoritativeAnswer, UNJUDGED, T0)).toBe(true)
  })

  it('shares no memory with what was put in or handed out', () => {
    const cache = open()
    const message = new Uint8Array(65_535).fill(1)
    const rrset: RRset = { ...a('www.example.'), rdatas: [message.subarray(100, 104)] }
    cache.put(rrset, AuthoritativeAnswer, UNJUDGED, T0)
    message.fill(9)
    const first = getA(cache, 'www.example.', T0)?.rrset.rdatas[0]
    expect(first).toEqual(Uint8Array.from([1, 1, 1, 1]))
    expect(first?.buffer.byteLength).toBe(4)
    first?.fill(8)
    expect(getA(cache, 'www.example.', T0)?.rrset.rdatas[0]).toEqual(Uint8Array.from([1, 1, 1, 1]))
  })

  it('copies a Buffer too, whose slice would be a view', () => {
    const cache = open()
    const message = Buffer.alloc(65_535, 1)
    cache.put({ ...a('www.example.'), rdatas: [message.subarray(0, 4)] }, AuthoritativeAnswer, UNJUDGED, T0)
    message.fill(9)
    expect(getA(cache, 'www.example.', T0)?.rrset.rdatas[0]).toEqual(Uint8Array.from([1, 1, 1, 1]))
  })

  it('keeps the sets of one name apart: each is replaced, ends and goes alone', () => {
    const cache = open()
    const put = (type: number, ttl: number, octet = 1): boolean =>
      cache.put(set('x.example.', type, ttl, [octet]), AuthoritativeAnswer, UNJUDGED, T0)
    const live = (at: number): number[] =>
      [1, 2, 3].filter(type => cache.get(n('x.example.'), type, RrClass.IN, at) !== undefined)
    const single = open()
    single.put(set('x.example.', 1, 300, [1]), AuthoritativeAnswer, UNJUDGED, T0)
    // Of a further set only its octets count: header, length and one octet.
    const further = 21
    expect([put(1, 300), put(2, 10), put(3, 300), put(2, 10, 9)]).toEqual([true, true, true, true])
    expect([cache.size, cache.bytes, live(T0)]).toEqual([3, single.bytes + 2 * further, [1, 2, 3]])
    expect(cache.get(n('x.example.'), 2, RrClass.IN, T0)?.rrset.rdatas).toEqual([Uint8Array.from([9])])
    expect([live(T0 + seconds(10)), cache.size, cache.bytes]).toEqual([[1, 3], 2, single.bytes + further])
    cache.remove(n('x.example.'), 3, RrClass.IN)
    cache.remove(n('x.example.'), 3, RrClass.IN)
    expect([live(T0), cache.size, cache.bytes]).toEqual([[1], 1, single.bytes])
  })

  it('finds a DNAME whatever came and went before it', () => {
    const cache = open()
    const dname = (name: string): RRset => set(name, RrType.DNAME, 300, [0])
    const found = (name: string): boolean => cache.get(n(name), RrType.DNAME, RrClass.IN, T0) !== undefined
    for (const name of ['a.', 'b.', 'c.']) cache.put(dname(name), AuthoritativeAnswer, UNJUDGED, T0)
    cache.put(dname('a.'), AuthoritativeAnswer, SECURE, T0)
    cache.put(a('a.'), AuthoritativeAnswer, UNJUDGED, T0)
    cache.remove(n('a.'), RrType.DNAME, RrClass.IN)
    cache.removeWithin(n('b.'))
    expect(['a.', 'b.', 'c.'].map(found)).toEqual([false, false, true])
    cache.clear()
    cache.put(dname('d.'), AuthoritativeAnswer, UNJUDGED, T0)
    expect(found('d.')).toBe(true)
  })

  it('removes one set, a subtree, everything', () => {
    const cache = open()
    for (const name of ['a.example.', 'b.a.example.', 'ba.example.', 'example.'])
      cache.put(a(name), AuthoritativeAnswer, UNJUDGED, T0)
    cache.remove(n('example.'), RrType.A, RrClass.IN)
    expect(cache.size).toBe(3)
    expect(cache.removeWithin(n('a.example.'))).toBe(2)
    expect(getA(cache, 'ba.example.', T0)).toMatchObject({ rrset: { name: n('ba.example.') } })
    cache.clear()
    expect([cache.size, cache.bytes]).toEqual([0, 0])
  })
})

describe('types of one name (CVE-2024-1737)', () => {
  const typed = (type: number, ttl = 300): RRset => set('many.example.', type, ttl, [1])

  it('keeps the first ones, replaces within them, and makes room for what expired or went', () => {
    const cache = open({ typesPerName: 3 })
    const put = (rrset: RRset, now = T0): boolean => cache.put(rrset, AuthoritativeAnswer, INSECURE, now)
    expect([1, 2, 65_280, 4].map(type => put(typed(type, type === 2 ? 10 : 300)))).toEqual([true, true, true, false])
    expect(put(typed(65_280, 60))).toBe(true)
    expect(put(set('other.example.', 4, 300, [1]))).toBe(true)
    expect(put({ ...typed(4), class: RrClass.CH })).toBe(false)
    expect(put(typed(4), T0 + seconds(10))).toBe(true)
    expect(put(typed(5), T0 + seconds(10))).toBe(false)
    cache.remove(n('many.example.'), 1, RrClass.IN)
    expect(put(typed(5), T0 + seconds(10))).toBe(true)
    cache.clear()
    expect([1, 2, 3, 4].map(type => put(typed(type)))).toEqual([true, true, true, false])
  })

  it('forgets the types of entries that the budget drove out', () => {
    const cache = new RRsetCache(limitsOf({ typesPerName: 2 }), 2_000)
    for (let round = 0; round < 5; round++) {
      expect(cache.put(typed(1), AuthoritativeAnswer, INSECURE, T0)).toBe(true)
      expect(cache.put(typed(2), AuthoritativeAnswer, INSECURE, T0)).toBe(true)
      for (let i = 0; i < 20; i++) cache.put(a(`fill${round}-${i}.example.`), AuthoritativeAnswer, INSECURE, T0)
      expect(cache.get(n('many.example.'), 1, RrClass.IN, T0)).toBeUndefined()
    }
  })
})

describe('sets whose TTL is over', () => {
  const HOUR = seconds(3_600)

  it('are kept for `staleMs` and handed out by `expired` only', () => {
    const cache = open({ staleMs: HOUR })
    cache.put(a('www.example.', 60), AuthoritativeAnswer, UNJUDGED, T0)
    const at = (now: number): readonly boolean[] => [
      getA(cache, 'www.example.', now) !== undefined,
      cache.expired(n('www.example.'), RrType.A, RrClass.IN, now) !== undefined,
    ]
    expect(at(T0 + seconds(59))).toEqual([true, false])
    expect(at(T0 + seconds(60))).toEqual([false, true])
    expect(at(T0 + seconds(60) + HOUR - 1)).toEqual([false, true])
    expect(at(T0 + seconds(60) + HOUR)).toEqual([false, false])
    expect(cache.size).toBe(0)
  })

  it('are not kept by default', () => {
    const cache = open()
    cache.put(a('www.example.', 60), AuthoritativeAnswer, UNJUDGED, T0)
    expect(cache.expired(n('www.example.'), RrType.A, RrClass.IN, T0 + seconds(60))).toBeUndefined()
    expect(getA(cache, 'www.example.', T0 + seconds(60))).toBeUndefined()
    expect(cache.size).toBe(0)
  })

  it('end with the delegation that they were found through', () => {
    const cache = open({ staleMs: HOUR })
    cache.put(a('www.example.', 60), AuthoritativeAnswer, UNJUDGED, T0, [], T0 + seconds(90))
    const expired = (now: number): number | undefined =>
      cache.expired(n('www.example.'), RrType.A, RrClass.IN, now)?.leaseEndsAt
    expect(expired(T0 + seconds(89))).toBe(Math.floor(T0 + seconds(90)))
    expect(expired(T0 + seconds(90))).toBeUndefined()
  })

  it('protect nothing against newer data', () => {
    const cache = open({ staleMs: HOUR })
    cache.put(a('ns.example.', 60, 1), AuthoritativeAnswer, SECURE, T0)
    expect(cache.put(a('ns.example.', 60, 2), NonAuthoritativeAnswer, UNJUDGED, T0 + seconds(60))).toBe(true)
  })

  it('make room before what lives does, though it was used later', () => {
    const cache = open({ staleMs: HOUR }, 2_000)
    cache.put(a('lives.example.', 3_600), AuthoritativeAnswer, UNJUDGED, T0)
    for (let i = 0; i < 5; i++) cache.put(a(`expired${i}.example.`, 1), AuthoritativeAnswer, UNJUDGED, T0)
    for (let i = 0; i < 12; i++) {
      cache.put(a(`new${i}.example.`, 3_600), AuthoritativeAnswer, UNJUDGED, T0 + seconds(2))
      if (getExpired(cache, T0 + seconds(2)) > 0) expect(livesAt(cache, T0 + seconds(2))).toBe(true)
    }
    expect(getExpired(cache, T0 + seconds(2))).toBe(0)
    expect(cache.bytes).toBeLessThanOrEqual(2_000)
  })
})

const getExpired = (cache: RRsetCache, now: number): number =>
  [0, 1, 2, 3, 4].filter(i => cache.expired(n(`expired${i}.example.`), RrType.A, RrClass.IN, now) !== undefined).length

const livesAt = (cache: RRsetCache, now: number): boolean => cache.at(n('lives.example.'), now).length > 0
