/**
 * What full stores really take of the memory of a process that does nothing else: run by a test with `--expose-gc` and
 * without threads for the compiler and the collector, so that nothing else comes and goes between two looks. Prints
 * one line of JSON, a `HeapReport`.
 */
import { AnswerCache } from '../../../src/cache/answer-cache.ts'
import { DelegationCache } from '../../../src/cache/delegations.ts'
import { FailureCache } from '../../../src/cache/failure-cache.ts'
import { NegativeCache } from '../../../src/cache/negative-cache.ts'
import { RRsetCache } from '../../../src/cache/rrset-cache.ts'
import { ServerStats } from '../../../src/cache/server-stats.ts'
import { Trust } from '../../../src/cache/trust.ts'
import { ipFromBytes } from '../../../src/dns/address.ts'
import { questionKey } from '../../../src/dns/message.ts'
import { RrType } from '../../../src/dns/types.ts'
import { defaultLimits } from '../../../src/limits.ts'
import { a, limitsOf, n, ns, q, replyOf, set, soa, T0, UNJUDGED } from '../made.ts'

export interface HeapReport {
  /** By what is stored: octets of the heap for each octet that the store counts. */
  readonly ratios: Readonly<Record<string, number>>
  /** Octets of the heap after ten thousand entries for which there was no room. */
  readonly left: number
  /** By the octets of data in an answer: the parts of the budget that are taken and counted. */
  readonly answers: readonly { readonly octets: number; readonly real: number; readonly counted: number }[]
}

const BUDGET = 2_000_000
const ENTRIES = 3_000
const ROOM = 1e9
const limits = limitsOf({ entryBytes: 65_535 })
const name = (i: number): string => `host-${i}.zone-${i % 97}.example.`

const gc: unknown = Reflect.get(globalThis, 'gc')
if (typeof gc !== 'function') throw new Error('started without --expose-gc')
const inUse = (): number => {
  gc()
  gc()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

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
  if (cache.size !== ENTRIES) throw new Error(`${cache.size} entries are stored`)
  return cache
}

/** The second time: the first makes what the process keeps of the code itself. */
function ratioOf(fill: () => { readonly bytes: number }): number {
  fill()
  const before = inUse()
  const cache = fill()
  return (inUse() - before) / cache.bytes
}

function flood(from: number): readonly unknown[] {
  const caches = [new RRsetCache(limits, 50_000), new DelegationCache(limits, 50_000)] as const
  const servers = [{ name: n('ns.example.'), addresses: [] }]
  for (let i = from; i < from + 10_000; i++) {
    caches[0].put(a(`h${i}.example.`), Trust.AuthoritativeAnswer, UNJUDGED, T0)
    const delegation = { zone: n(`h${i}.example.`), servers, ds: null, expiresAt: T0 + 1e6 }
    caches[1].put(delegation, Number.POSITIVE_INFINITY, T0)
  }
  return caches
}

function leftOver(): number {
  flood(0)
  const before = inUse()
  const caches = flood(1_000_000)
  const left = inUse() - before
  if (caches.length !== 2) throw new Error('they must live until here')
  return left
}

function answersOf(octets: number, count: number): HeapReport['answers'][number] {
  const fill = (): AnswerCache => {
    const cache = new AnswerCache(limits, BUDGET)
    for (let i = 0; i < count; i++) {
      cache.put(
        {
          key: questionKey(q(name(i))),
          dnssecOk: false,
          checkingDisabled: false,
          wire: replyOf(name(i), 1, octets),
          ttlOffsets: Uint16Array.from([40]),
          ttlSeconds: 300,
        },
        T0 + i,
      )
    }
    return cache
  }
  fill()
  const before = inUse()
  const cache = fill()
  // Memory that is shared is no part of the heap.
  const real = inUse() - before + cache.handle.buffers.reduce((sum, { byteLength }) => sum + byteLength, 0)
  return { octets, real: real / BUDGET, counted: cache.bytes / BUDGET }
}

const report: HeapReport = {
  ratios: Object.fromEntries(fillers.map(([what, fill]) => [what, ratioOf(fill)])),
  left: leftOver(),
  answers: [answersOf(4, 30_000), answersOf(950, 6_000)],
}
console.log(JSON.stringify(report))
