/** The cache as octets and back: the same is there, nothing lives longer, what is newer stays, damage costs itself. */
import { crc32 } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { createCaches } from '../../../src/cache/caches.ts'
import { BlockReader, readHeader, writeHeader } from '../../../src/cache/snapshot/format.ts'
import { ageOf } from '../../../src/cache/snapshot/restore.ts'
import { Trust } from '../../../src/cache/trust.ts'
import { RrType } from '../../../src/dns/types.ts'
import { defaultLimits } from '../../../src/limits.ts'
import { SimRandom } from '../../../src/simulation/random.ts'
import { a, limitsOf, n, q, SECURE, soa, UNJUDGED } from '../made.ts'
import { type ALL, contentsOf, filledCaches, header, load, piecesOf, sealed, T0 } from './made.ts'

const NOW = 50
const joined = (pieces: readonly Uint8Array[]): Uint8Array => Uint8Array.from(Buffer.concat(pieces))

describe('a snapshot', () => {
  const before = filledCaches()
  const file = joined(piecesOf(before))

  test('brings back everything that was there, with its trust, its security and the time that it has left', () => {
    const { caches, totals, skipped } = load(file)
    expect(contentsOf(caches, 0)).toEqual(contentsOf(before, T0))
    expect(totals.found).toBe(totals.kept)
    expect([totals.brokenBlocks, totals.otherBlocks, skipped]).toEqual([0, 0, 0])
    expect(contentsOf(caches, NOW).length).toBeGreaterThan(30)
  })

  test('brings back servers as they were asked', () => {
    const { servers } = load(file).caches
    expect(servers.facts('192.0.2.53#53', NOW)).toMatchObject({ srttMs: 42, edns: 'broken' })
    expect(servers.facts('192.0.2.54#53', NOW)).toMatchObject({ caseSafe: 'yes', timeoutsInRow: 1 })
    expect(servers.isLame('192.0.2.53#53', n('lame.example.'), 'plain', NOW)).toBe(true)
    expect(servers.unresponsive.throttledFor('192.0.2.55#53', n('silent.example.'), NOW)).toBeGreaterThan(0)
    expect(servers.encryptionOf('192.0.2.53#53', NOW).kind).toBe('encrypted')
  })

  test('of one that was restored is the same', () => {
    const { caches } = load(file)
    expect(contentsOf(load(joined(piecesOf(caches, 0))).caches, 0)).toEqual(contentsOf(before, T0))
  })

  test('keeps the order of use: what was used last is the last to go', () => {
    const names = (caches: ReturnType<typeof createCaches>): string[] => [...caches.rrsets.names()]
    expect(names(load(file).caches)).toEqual(names(before))
  })

  test.each([
    ['as old as its shortest entries', 60_000],
    ['older than some', 400_000],
    ['older than all', 90_000_000],
  ])('%s brings back what would still be there', (_, ageMs) => {
    const { caches } = load(file, { ageMs })
    const left = contentsOf(before, T0 + ageMs).filter(line => /^(?:rrset|negative|failure|delegation)/.test(line))
    const kept = contentsOf(caches, NOW).filter(line => /^(?:rrset|negative|failure|delegation)/.test(line))
    expect(kept).toEqual(left.filter(line => !line.endsWith(' undefined')))
  })

  test('of a cache with more room keeps the most used entries, and none goes for another', () => {
    const large = filledCaches(3_000)
    const small = load(joined(piecesOf(large)), { caches: createCaches(limitsOf({ totalBytes: 1024 * 1024 })) }).caches
    const kept = [...small.rrsets.names()]
    expect(kept.length).toBeGreaterThan(500)
    expect(kept.length).toBeLessThan(2_500)
    expect(kept).toEqual([...large.rrsets.names()].slice(0, kept.length))
  })

  test('is clamped by the bounds of today, and a raised least TTL raises nothing', () => {
    const shorter = limitsOf({ maxTtl: 30, maxNegativeTtl: 20, minTtl: 10 })
    const { caches } = load(file, { caches: createCaches(shorter), ageMs: 25_000 })
    expect(caches.rrsets.get(n('host1.example.'), RrType.A, 1, NOW)?.expiresAt).toBe(NOW - 25_000 + 30_000)
    expect(caches.negatives.find(q('host1.example.', RrType.MX), NOW)).toBeUndefined()
  })
})

describe('what was learnt since the start', () => {
  const file = joined(piecesOf(filledCaches()))

  test('stays: data, denials, delegations and servers of the snapshot take the place of nothing', () => {
    const caches = createCaches(limitsOf())
    caches.rrsets.put(a('host1.example.', 60, 99), Trust.AuthoritativeAnswer, UNJUDGED, NOW)
    caches.negatives.putNxdomain(n('host2.example.'), 1, soa('example.', 60, 60), [], UNJUDGED, NOW)
    caches.negatives.putNodata(q('host3.example.'), soa('example.', 60, 60), [], UNJUDGED, NOW)
    caches.servers.heard('192.0.2.53#53', 7, NOW)
    load(file, { caches })
    expect(caches.rrsets.get(n('host1.example.'), RrType.A, 1, NOW)?.rrset.rdatas[0]?.[3]).toBe(99)
    expect(caches.rrsets.get(n('host2.example.'), RrType.A, 1, NOW)).toBeUndefined()
    expect(caches.rrsets.get(n('host3.example.'), RrType.A, 1, NOW)).toBeUndefined()
    expect(caches.rrsets.get(n('host4.example.'), RrType.A, 1, NOW)).toBeDefined()
    expect(caches.servers.facts('192.0.2.53#53', NOW).srttMs).toBe(7)
  })

  test('ends denials of the snapshot at its name and above it, while blocks are read', () => {
    const caches = createCaches(limitsOf())
    const follow = caches.followStored
    caches.followStored = listener => {
      follow(listener)
      // As if a client had asked between two blocks.
      if (listener !== null) caches.rrsets.put(a('www.gone.example.'), Trust.AuthoritativeAnswer, SECURE, NOW)
    }
    load(file, { caches })
    expect(caches.negatives.find(q('gone.example.'), NOW)).toBeUndefined()
    expect(caches.rrsets.get(n('host1.example.'), RrType.A, 1, NOW)).toBeDefined()
  })
})

describe('another configuration', () => {
  const file = joined(piecesOf(filledCaches()))
  const kinds = (allowed: typeof ALL): string[] => [
    ...new Set(contentsOf(load(file, { allowed }).caches, NOW).map(line => line.split(' ')[0] ?? '')),
  ]

  test.each<[string, typeof ALL, string[]]>([
    [
      'other zones of its own: failures are tried again',
      new Set(['data', 'trust']),
      ['delegation', 'denial', 'lame', 'negative', 'rrset', 'server', 'silent', 'zone'],
    ],
    [
      'other trust anchors: nothing that was judged by the old ones',
      new Set(['data', 'local']),
      ['delegation', 'lame', 'server', 'silent'],
    ],
    ['other servers for its zones: nothing', new Set(['trust', 'local']), []],
  ])('with %s', (_, allowed, expected) => {
    expect(kinds(allowed).sort()).toEqual(expected)
  })
})

describe('damage', () => {
  const before = filledCaches(3_000)
  const pieces = piecesOf(before)
  const whole = new Set(contentsOf(before, T0))

  /** One way of breaking a file; `blocks` says how many blocks may suffer. */
  function broken(seed: number): { readonly file: Uint8Array; readonly blocks: number } {
    const random = new SimRandom(seed)
    const parts = [...pieces]
    const at = 1 + random.below(parts.length - 1)
    const all = joined(parts)
    switch (seed % 7) {
      case 0:
        return { file: all.subarray(0, random.below(all.length)), blocks: parts.length }
      case 1: {
        const flipped = Uint8Array.from(all)
        const place = random.below(all.length)
        flipped[place] = (flipped[place] ?? 0) ^ (1 << random.below(8))
        return { file: flipped, blocks: 1 }
      }
      case 2: {
        const [moved] = parts.splice(at, 1)
        parts.splice(1 + random.below(parts.length), 0, moved ?? new Uint8Array(0))
        return { file: joined(parts), blocks: 0 }
      }
      case 3: {
        const junk = new Uint8Array(random.below(5_000))
        random.bytes(junk)
        parts.splice(at, 0, junk)
        return { file: joined(parts), blocks: 0 }
      }
      case 4:
        parts.splice(at, 0, parts[at] ?? new Uint8Array(0))
        return { file: joined(parts), blocks: 0 }
      case 5: {
        const from = random.below(all.length)
        return { file: joined([all.subarray(0, from), all.subarray(from + 1 + random.below(100))]), blocks: 2 }
      }
      default: {
        const zeroed = Uint8Array.from(all)
        const from = random.below(all.length)
        zeroed.fill(0, from, from + random.below(4_096))
        return { file: zeroed, blocks: 2 }
      }
    }
  }

  test('costs the blocks that it is in, in 200 files cut, reordered and overwritten; nothing throws', () => {
    const names = before.rrsets.size
    for (let seed = 0; seed < 200; seed++) {
      const { file, blocks } = broken(seed)
      const { caches } = load(file)
      const found = contentsOf(caches, 0)
      expect(
        found.filter(line => !whole.has(line)),
        `seed ${seed}`,
      ).toEqual([])
      if (blocks === 0) expect(found.length, `seed ${seed}`).toBe(whole.size)
      // A block has up to 64 KiB: some 1,300 of these names.
      else if (blocks < pieces.length)
        expect(caches.rrsets.size, `seed ${seed}`).toBeGreaterThan(names - blocks * 1_500)
    }
  })

  test('of entries under a right checksum costs that block', () => {
    const reader = new BlockReader(crc32)
    reader.push(joined(pieces.slice(1)))
    reader.end()
    for (let block = reader.next(); block !== null; block = reader.next())
      for (const length of [0, 1, 7, 100]) {
        const entries = block.entries.subarray(0, length)
        const restored = createCaches(limitsOf())
        expect(() => load(sealed({ ...block, entries }), { caches: restored })).not.toThrow()
      }
  })

  test('of a header is told from a header of a later release', () => {
    const made = writeHeader(header, crc32)
    expect(readHeader(made, crc32)).toEqual({ kind: 'header', header, octets: made.length })
    expect(
      readHeader(
        Uint8Array.from(made, (octet, i) => (i === 9 ? 2 : octet)),
        crc32,
      ),
    ).toEqual({
      kind: 'newer',
      format: 2,
    })
    expect(
      readHeader(
        Uint8Array.from(made, (octet, i) => (i === 30 ? 0 : octet)),
        crc32,
      ).kind,
    ).toBe('damaged')
    for (let cut = 0; cut < made.length; cut++) expect(readHeader(made.subarray(0, cut), crc32).kind).toBe('damaged')
  })
})

describe('the age of a snapshot', () => {
  const at = (takenAt: number, machineMs: number, bootId: string | null = 'this'): typeof header => ({
    ...header,
    takenAt,
    machineMs,
    bootId,
  })

  test.each([
    ['both clocks agree', at(1_000_000, 500), at(1_060_000, 60_500), 60_000],
    ['the clock went back by an hour', at(10_000_000, 500), at(6_460_000, 60_500), 60_000],
    ['the clock went forward by an hour', at(1_000_000, 500), at(4_660_000, 60_500), 3_660_000],
    ['the machine was started in between', at(1_000_000, 900_000), at(1_060_000, 500, 'next'), 60_000],
    ['the machine was started and the clock went back', at(10_000_000, 500), at(1_000_000, 900_000, 'next'), 0],
    ['nobody knows which run of the machine it was', at(10_000_000, 500, null), at(1_000_000, 900_000, null), 0],
  ])('when %s', (_, before, now, expected) => {
    expect(ageOf(before, now)).toBe(expected)
  })

  test('never gives an entry more than its TTL', () => {
    const file = joined(piecesOf(filledCaches()))
    for (const ageMs of [-1e9, -1, 0, 1, 1e6]) {
      const { caches } = load(file, { ageMs })
      for (const { rrset, expiresAt } of caches.rrsets.at(n('host1.example.'), NOW)) {
        expect(expiresAt - NOW).toBeLessThanOrEqual(rrset.ttl * 1_000)
        expect(rrset.ttl).toBe(3_600)
      }
    }
    expect(defaultLimits.cache.maxTtl).toBeGreaterThan(3_600)
  })
})
