/** The byte budget of all stores: never exceeded, and honest about what the heap really holds. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AnswerCache } from '../../src/cache/answer-cache.ts'
import { createCaches } from '../../src/cache/caches.ts'
import { DelegationCache } from '../../src/cache/delegations.ts'
import { FailureCache } from '../../src/cache/failure-cache.ts'
import { NegativeCache } from '../../src/cache/negative-cache.ts'
import { RRsetCache } from '../../src/cache/rrset-cache.ts'
import { ServerStats } from '../../src/cache/server-stats.ts'
import { ByteStore } from '../../src/cache/store.ts'
import { Trust } from '../../src/cache/trust.ts'
import { ipFromBytes } from '../../src/dns/address.ts'
import { encodeMessage } from '../../src/dns/encode.ts'
import { questionKey } from '../../src/dns/message.ts'
import { recordsOf } from '../../src/dns/rrset.ts'
import { RrType } from '../../src/dns/types.ts'
import { defaultLimits } from '../../src/limits.ts'
import { a, limitsOf, n, ns, q, set, soa, T0, UNJUDGED } from './made.ts'

const runs = { numRuns: process.env.ROOTWALK_LONG === undefined ? 60 : 5_000, seed: 7 }

describe('ByteStore', () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('set' as const), key: fc.nat(30), size: fc.integer({ min: 1, max: 700 }) }),
    fc.record({
      do: fc.constantFrom('get' as const, 'delete' as const, 'peek' as const),
      key: fc.nat(30),
      size: fc.constant(0),
    }),
  )

  it('agrees with a plain model of a least-recently-used list', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), fc.integer({ min: 1, max: 2000 }), (steps, budget) => {
        const gone: string[] = []
        const store = new ByteStore<{ size: number }>(
          budget,
          value => value.size,
          (_, key) => gone.push(key),
        )
        const model = new Map<string, number>()
        let left = 0
        for (const { do: what, key, size } of steps) {
          const at = `k${key}`
          const known = model.get(at)
          if (what === 'delete') {
            store.delete(at)
            if (model.delete(at)) left++
          } else if (what === 'peek') expect(store.peek(at)?.size).toBe(known)
          else if (what === 'get') {
            expect(store.get(at)?.size).toBe(known)
            if (known !== undefined) {
              model.delete(at)
              model.set(at, known)
            }
          } else {
            expect(store.set(at, { size })).toBe(size <= budget)
            if (size > budget) continue
            model.delete(at)
            model.set(at, size)
            for (const oldest of model.keys()) {
              if ([...model.values()].reduce((x, y) => x + y, 0) <= budget) break
              model.delete(oldest)
              left++
            }
          }
          expect(store.bytes).toBe([...model.values()].reduce((x, y) => x + y, 0))
          expect(store.bytes).toBeLessThanOrEqual(budget)
          expect([store.size, gone.length]).toEqual([model.size, left])
        }
      }),
      runs,
    )
  })
})

describe('a store of few entries', () => {
  it('gives up the one used least recently, whatever there is room for', () => {
    const gone: string[] = []
    const store = new ByteStore<string>(
      1e6,
      value => value.length,
      (value, key) => gone.push(`${key}=${value}`),
      2,
    )
    for (const key of ['a', 'b', 'a', 'c', 'c']) expect(store.set(key, key.toUpperCase())).toBe(true)
    expect([store.size, store.bytes, store.peek('a'), store.peek('c'), gone]).toEqual([2, 2, 'A', 'C', ['b=B']])
  })
})

describe('every store', () => {
  const text = fc.stringMatching(/^[a-z0-9-]{1,20}$/)
  const size = fc.nat(3000)

  it('stays within its budget whatever is put in', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(text, size, fc.integer({ min: 1, max: 300 })), { minLength: 20, maxLength: 120 }),
        entries => {
          const limits = limitsOf({ totalBytes: 200_000 })
          const caches = createCaches(limits)
          const share = (permille: number): number => (limits.totalBytes * permille) / 1000
          const filler = Array<number>(3000).fill(1)
          for (const [label, octets, type] of entries) {
            const name = `${label}.example.`
            const big = set(name, type, 300, filler.slice(0, octets))
            caches.rrsets.put(big, Trust.AuthoritativeAnswer, UNJUDGED, T0)
            caches.negatives.putNodata(q(name, type), soa('example.', 300, 300), [big], UNJUDGED, T0)
            caches.failures.put(q(name, type), { why: 'unreachable', ede: 22, text: 'x'.repeat(octets) }, T0)
            caches.delegations.put(
              { zone: n(name), servers: [{ name: n(`ns.${name}`), addresses: [] }], ds: big, expiresAt: T0 + 1e6 },
              Number.POSITIVE_INFINITY,
              T0,
            )
            caches.servers.timedOut(`${label}#53`, T0, T0)
            caches.servers.lame(`${label}#53`, n(name), '1', T0)
            caches.answers.put(
              questionKey(q(name, type)),
              false,
              false,
              replyOf(name, type, octets),
              new Uint16Array(type),
              300,
              T0,
            )
            for (const [store, permille] of [
              [caches.rrsets, limits.rrsetPermille],
              [caches.negatives, limits.negativePermille],
              [caches.failures, limits.failurePermille],
              [caches.delegations, limits.delegationPermille],
              [caches.servers, limits.infraPermille + limits.lamePermille],
              [caches.answers, limits.answerPermille],
            ] as const)
              expect(store.bytes).toBeLessThanOrEqual(share(permille))
            expect(caches.bytes).toBeLessThanOrEqual(limits.totalBytes)
          }
          expect(caches.bytes).toBeGreaterThan(0)
          caches.clear()
          expect(caches.bytes).toBe(0)
        },
      ),
      { ...runs, numRuns: Math.ceil(runs.numRuns / 12) },
    )
  })

  it('has shares that add up to the whole', () => {
    const shares = Object.entries(defaultLimits.cache).filter(([name]) => name.endsWith('Permille'))
    expect(shares.length).toBeGreaterThan(6)
    expect(shares.reduce((sum, [, permille]) => sum + permille, 0)).toBe(1000)
  })
})

describe('accounted bytes against the heap', () => {
  setFlagsFromString('--expose-gc')
  const gc: unknown = runInNewContext('gc')
  const inUse = (): number => {
    if (typeof gc === 'function') {
      gc()
      gc()
    }
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    return heapUsed + arrayBuffers
  }
  const ENTRIES = 3_000
  const limits = limitsOf({ entryBytes: 65_535 })
  const ROOM = 1e9
  const name = (i: number): string => `host-${i}.zone-${i % 97}.example.`

  const fillers: readonly (readonly [string, () => { readonly bytes: number; readonly size: number }])[] = [
    [
      'RRsets of one address',
      () =>
        filled(new RRsetCache(limits, ROOM), (c, i) => c.put(a(name(i)), Trust.AuthoritativeAnswer, UNJUDGED, T0 + i)),
    ],
    [
      'RRsets of thirteen name servers',
      () =>
        filled(new RRsetCache(limits, ROOM), (c, i) =>
          c.put(
            ns(name(i), 300, ...Array.from({ length: 13 }, (_, k) => `ns${k}.${name(i)}`)),
            Trust.AuthoritativeAnswer,
            UNJUDGED,
            T0 + i,
          ),
        ),
    ],
    [
      'RRsets of 1,000 octets',
      () =>
        filled(new RRsetCache(limits, ROOM), (c, i) =>
          c.put(
            set(name(i), RrType.TXT, 300, Array<number>(1000).fill(i & 0xff)),
            Trust.AuthoritativeAnswer,
            UNJUDGED,
            T0 + i,
          ),
        ),
    ],
    [
      'denials',
      () =>
        filled(new NegativeCache(limits, ROOM), (c, i) =>
          c.putNxdomain(n(name(i)), 1, soa('example.', 300, 300), [], UNJUDGED, T0 + i),
        ),
    ],
    [
      'denials with three proofs',
      () =>
        filled(new NegativeCache(limits, ROOM), (c, i) =>
          c.putNodata(
            q(name(i)),
            soa('example.', 300, 300),
            [1, 2, 3].map(k => set(`${k}.${name(i)}`, RrType.NSEC, 300, Array<number>(40).fill(k))),
            UNJUDGED,
            T0 + i,
          ),
        ),
    ],
    [
      'failures',
      () =>
        filled(new FailureCache(limits, ROOM), (c, i) =>
          c.put(q(name(i)), { why: 'unreachable', ede: 22, text: `no server of ${name(i)} answered` }, T0 + i),
        ),
    ],
    [
      'delegations with four servers',
      () =>
        filled(new DelegationCache(limits, ROOM), (c, i) =>
          c.put(
            {
              zone: n(name(i)),
              ds: null,
              expiresAt: T0 + 1e6,
              servers: Array.from({ length: 4 }, (_, k) => ({
                name: n(`ns${k}.${name(i)}`),
                addresses: [ipFromBytes(Uint8Array.from([192, 0, k, i & 0xff]))],
              })),
            },
            Number.POSITIVE_INFINITY,
            T0,
          ),
        ),
    ],
    [
      'server statistics',
      () =>
        filled(new ServerStats(limits, defaultLimits.upstream, ROOM, ROOM), (c, i) =>
          c.heard(`10.${i >> 8}.${i & 0xff}.1#53`, i / 7, T0 + i),
        ),
    ],
  ]

  function filled<C extends { readonly bytes: number; readonly size: number }>(
    cache: C,
    put: (cache: C, i: number) => unknown,
  ): C {
    for (let i = 0; i < ENTRIES; i++) put(cache, i)
    expect(cache.size).toBe(ENTRIES)
    return cache
  }

  it('keeps nothing of entries that the budget drove out', () => {
    const small = { limits, budget: 50_000 }
    const flood = (from: number): readonly unknown[] => {
      const caches = [
        new RRsetCache(small.limits, small.budget),
        new DelegationCache(small.limits, small.budget),
      ] as const
      for (let i = from; i < from + 10_000; i++) {
        caches[0].put(a(`h${i}.example.`), Trust.AuthoritativeAnswer, UNJUDGED, T0)
        caches[1].put(
          {
            zone: n(`h${i}.example.`),
            servers: [{ name: n('ns.example.'), addresses: [] }],
            ds: null,
            expiresAt: T0 + 1e6,
          },
          Number.POSITIVE_INFINITY,
          T0,
        )
      }
      return caches
    }
    flood(0)
    const before = inUse()
    const caches = flood(1_000_000)
    expect(inUse() - before).toBeLessThan(1_000_000)
    expect(caches).toHaveLength(2)
  })

  // Too little would let the process outgrow its bound; too much would waste the operator's memory.
  it.each(fillers)('%s', (_what, fill) => {
    fill()
    // The median of three: the compiler's own memory comes and goes between two looks.
    const ratios = [1, 2, 3]
      .map(() => {
        const before = inUse()
        const cache = fill()
        return (inUse() - before) / cache.bytes
      })
      .sort((one, other) => one - other)
    // What is counted is what a full store takes; a fresh one has smaller tables.
    expect(ratios[1]).toBeGreaterThan(0.5)
    expect(ratios[1]).toBeLessThan(1.25)
  })

  it.each([
    [4, 30_000],
    [950, 6_000],
  ])('answers of %i octets of data fill one block, which is the budget', (octets, count) => {
    const BUDGET = 2_000_000
    const flood = (): AnswerCache => {
      const cache = new AnswerCache(limits, BUDGET)
      for (let i = 0; i < count; i++)
        cache.put(
          questionKey(q(name(i))),
          false,
          false,
          replyOf(name(i), 1, octets),
          Uint16Array.from([40]),
          300,
          T0 + i,
        )
      return cache
    }
    flood()
    const before = inUse()
    const cache = flood()
    // Memory that is shared is no part of the heap.
    const real = inUse() - before + cache.handle.buffers.reduce((sum, { byteLength }) => sum + byteLength, 0)
    expect(real).toBeGreaterThan(0.5 * BUDGET)
    expect(real).toBeLessThan(1.25 * BUDGET)
    expect(cache.bytes).toBeLessThanOrEqual(BUDGET)
    expect(cache.bytes).toBeGreaterThan(0.8 * BUDGET)
  })
})

function replyOf(name: string, type: number, octets: number): Uint8Array {
  const asked = q(name, type)
  return encodeMessage(
    {
      id: 1,
      response: true,
      opcode: 0,
      authoritative: false,
      truncated: false,
      recursionDesired: true,
      recursionAvailable: true,
      authenticData: false,
      checkingDisabled: false,
      rcode: 0,
      question: { ...asked, cased: asked.name },
      answer: recordsOf(set(name, 65_280, 300, Array<number>(octets).fill(1))),
      authority: [],
      additional: [],
      edns: null,
    },
    { maxBytes: 65_535 },
  ).bytes
}
