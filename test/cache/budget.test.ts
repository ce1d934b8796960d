/** The byte budget of all stores: never exceeded, and honest about what the heap really holds. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { createCaches } from '../../src/cache/caches.ts'
import { ByteStore } from '../../src/cache/store.ts'
import { Trust } from '../../src/cache/trust.ts'
import { questionKey } from '../../src/dns/message.ts'
import { defaultLimits } from '../../src/limits.ts'
import { bundled } from '../net/batch/support.ts'
import { PROGRAM_MS } from '../patience.mjs'
import { limitsOf, n, q, replyOf, set, soa, T0, UNJUDGED } from './made.ts'
import type { HeapReport } from './programs/heap.ts'

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
            caches.servers.markLame(`${label}#53`, n(name), '1', T0)
            caches.answers.put(
              {
                key: questionKey(q(name, type)),
                dnssecOk: false,
                checkingDisabled: false,
                wire: replyOf(name, type, octets),
                ttlOffsets: new Uint16Array(type),
                ttlSeconds: 300,
              },
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
    // That of a view is besides: it has all of them again, for its own.
    const shares = Object.entries(defaultLimits.cache).filter(
      ([name]) => name.endsWith('Permille') && name !== 'partitionPermille',
    )
    expect(shares.length).toBeGreaterThan(6)
    expect(shares.reduce((sum, [, permille]) => sum + permille, 0)).toBe(1000)
  })
})

describe('what stores count, against the heap of a process with nothing else in it', () => {
  const found: { report: HeapReport } = { report: { ratios: {}, left: 0, answers: [] } }
  beforeAll(async () => {
    const program = fileURLToPath(await bundled('test/cache/programs/heap.ts'))
    const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', '--single-threaded', program], {
      timeout: PROGRAM_MS,
    })
    found.report = JSON.parse(stdout)
  })

  it('nothing is kept of entries that the budget drove out', () => {
    expect(found.report.left).toBeLessThan(1_000_000)
  })

  // Too little would let the process outgrow its bound; too much would waste the operator's memory.
  it.each([
    'RRsets of one address',
    'RRsets of thirteen name servers',
    'RRsets of 1,000 octets',
    'denials',
    'denials with three proofs',
    'failures',
    'delegations with four servers',
    'server statistics',
  ])('%s take what is counted for them', what => {
    // What is counted is what a full store takes; a fresh one has smaller tables.
    expect(found.report.ratios[what]).toBeGreaterThan(0.5)
    expect(found.report.ratios[what]).toBeLessThan(1.25)
  })

  it.each([4, 950])('answers of %i octets of data fill one block, which is the budget', octets => {
    const { real, counted } = found.report.answers.find(answer => answer.octets === octets) ?? { real: 0, counted: 0 }
    expect(real).toBeGreaterThan(0.5)
    expect(real).toBeLessThan(1.25)
    expect(counted).toBeLessThanOrEqual(1)
    expect(counted).toBeGreaterThan(0.8)
  })
})
