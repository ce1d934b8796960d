import { describe, expect, it } from 'vitest'
import { coveredType, groupRRsets, makeRRset, recordsOf, sameBytes, withTtl } from '../../src/dns/rrset.ts'
import { RrType } from '../../src/dns/types.ts'
import { a, name, rr, seeded, wire } from './make.ts'

const rrsig = (owner: string, covered: number, ttl = 300) =>
  rr(owner, RrType.RRSIG, Uint8Array.of(covered >> 8, covered & 0xff, 13, 2), ttl)

describe('makeRRset', () => {
  it('drops duplicates and keeps the order (RFC 2181 section 5.5)', () => {
    const set = makeRRset(wire('WWW.test'), 1, 1, 60, [Uint8Array.of(2), Uint8Array.of(1), Uint8Array.of(2)])
    expect(set.rdatas).toEqual([Uint8Array.of(2), Uint8Array.of(1)])
    expect(set.name).toBe(name('www.test'))
    expect(set.owner).toBe(wire('WWW.test'))
    expect(set.signatures).toEqual([])
  })

  it.each([2, 8, 9, 100, 3_000])('finds the one duplicate among %i', count => {
    const rdatas = Array.from({ length: count }, (_, i) => Uint8Array.of(i >> 8, i))
    expect(makeRRset(wire('a'), 16, 1, 60, rdatas).rdatas).toBe(rdatas)
    expect(makeRRset(wire('a'), 16, 1, 60, [...rdatas, Uint8Array.of(0, 1)]).rdatas).toHaveLength(count)
  })

  it('takes RDATA of 64 KB, in any number', () => {
    const big = (last: number) => {
      const rdata = new Uint8Array(65_535)
      rdata[65_534] = last
      return rdata
    }
    expect(makeRRset(wire('a'), 10, 1, 60, [big(1), big(2), big(1)]).rdatas).toHaveLength(2)
    expect(
      makeRRset(
        wire('a'),
        10,
        1,
        60,
        Array.from({ length: 20 }, (_, i) => big(i % 10)),
      ).rdatas,
    ).toHaveLength(10)
  })

  it('makeRRset removes the same duplicates as a comparison of all pairs', () => {
    const below = seeded(7)
    for (let run = 0; run < 200; run++) {
      const rdatas = Array.from({ length: below(20) }, () =>
        Uint8Array.from({ length: below(3) }, () => below(2) * 255),
      )
      const expected = rdatas.filter((rdata, i) => rdatas.findIndex(other => sameBytes(other, rdata)) === i)
      expect(makeRRset(wire('a'), 16, 1, 60, rdatas).rdatas).toEqual(expected)
    }
  })
})

describe('groupRRsets', () => {
  it('groups by owner (any case), type and class, in order of first appearance', () => {
    const sets = groupRRsets([
      a('b.test', 1),
      a('a.test', 1),
      a('B.TEST', 2),
      rr('b.test', RrType.TXT, Uint8Array.of(0)),
      rr('b.test', 1, Uint8Array.of(9, 9, 9, 9), 300, 3),
    ])
    expect(sets.map(set => [set.name, set.type, set.class, set.rdatas.length])).toEqual([
      [name('b.test'), 1, 1, 2],
      [name('a.test'), 1, 1, 1],
      [name('b.test'), 16, 1, 1],
      [name('b.test'), 1, 3, 1],
    ])
  })

  it('takes the smallest TTL, of records and of signatures (RFC 2181 section 5.2)', () => {
    expect(groupRRsets([a('a.test', 1, 300), a('a.test', 2, 60)])[0]?.ttl).toBe(60)
    expect(groupRRsets([a('a.test', 1, 300), rrsig('a.test', 1, 30)])[0]?.ttl).toBe(30)
  })

  it('attaches signatures to what they cover and forgets the others', () => {
    const records = [rrsig('a.test', 1), a('a.test', 1), rrsig('A.test', 1), rrsig('a.test', 28), rrsig('b.test', 1)]
    const sets = groupRRsets(records)
    expect(sets).toHaveLength(1)
    expect(sets[0]?.signatures).toHaveLength(1)
    expect(groupRRsets(records, true).map(set => set.type)).toEqual([RrType.RRSIG, RrType.A, RrType.RRSIG])
  })

  it('is linear: a section of 5,000 names', () => {
    expect(groupRRsets(Array.from({ length: 5_000 }, (_, i) => a(`n${i}.test`, 1)))).toHaveLength(5_000)
  })
})

describe('views of a set', () => {
  const set = { ...makeRRset(wire('a.test'), 1, 1, 60, [Uint8Array.of(1, 2, 3, 4)]), signatures: [Uint8Array.of(0, 1)] }

  it('a set gives back the records it was made of', () => {
    expect(recordsOf(set)).toEqual([rr('a.test', 1, Uint8Array.of(1, 2, 3, 4), 60)])
    expect(recordsOf(set, true).map(record => record.type)).toEqual([1, RrType.RRSIG])
  })

  it('a set with another TTL differs in nothing else', () => {
    expect(withTtl(set, 60)).toBe(set)
    expect(withTtl(set, 5)).toEqual({ ...set, ttl: 5 })
  })

  it('reads the covered type, 0 when there is none', () => {
    expect([Uint8Array.of(0, 28, 1), Uint8Array.of(1), new Uint8Array(0)].map(coveredType)).toEqual([28, 0, 0])
  })
})
