/** The last hour in numbers, and the top lists: tables over what the counters said. */
import { describe, expect, it } from 'vitest'
import type { Numbers } from '../../src/admin/controls.ts'
import { adminLimits } from '../../src/admin/limits.ts'
import type { QueryRecord } from '../../src/admin/live/records.ts'
import { percentile, Recorder } from '../../src/admin/now/recorder.ts'
import { TopLists } from '../../src/admin/now/top-lists.ts'
import { Rcode } from '../../src/dns/types.ts'
import { BUCKETS_MS, durationCell, REQUEST_CELLS, responseCell, type Source } from '../../src/server/request-cells.ts'

type Answered = readonly (readonly [source: Source, rcode: number, count: number, ms: number])[]

/** What the server counted, as sums. */
function numbers(answered: Answered, more: Partial<Numbers> = {}): Numbers {
  const cells = new Float64Array(REQUEST_CELLS)
  for (const [source, rcode, count, ms] of answered) {
    for (const cell of [responseCell(source, rcode), durationCell(source, ms)]) cells[cell] = (cells[cell] ?? 0) + count
  }
  return {
    version: '1',
    node: 'v20',
    startedAt: 1_000,
    cpuS: 0,
    counters: {},
    cells,
    waiting: 0,
    resolutions: 0,
    tcpConnections: 0,
    stores: [],
    upstream: { requests: {}, timeouts: 0, boundsMs: [1], buckets: new Float64Array(2), sumMs: 0 },
    limits: [],
    handshakes: { admitted: 0, refused: 0, completed: 0 },
    memory: { resident: 5 },
    lag: { boundsMs: [], buckets: [], sumMs: 0 },
    lists: [],
    transfers: [],
    policyZones: [],
    programs: [],
    shared: null,
    history: null,
    dnstap: null,
    udpPorts: [],
    ...more,
  }
}

const lastOf = (series: Readonly<Record<string, readonly number[]>>): Record<string, number | undefined> =>
  Object.fromEntries(Object.entries(series).map(([name, values]) => [name, values.at(-1)]))

describe('a sample', () => {
  it('is what was counted since the one before', () => {
    const recorder = new Recorder()
    recorder.add(numbers([['cache', Rcode.NOERROR, 10, 0]]), 2_000)
    recorder.add(numbers([['cache', Rcode.NOERROR, 14, 0]], { waiting: 3 }), 4_000)
    const { series } = recorder.since(0)
    expect(series.at).toEqual([4_000])
    expect(lastOf(series)).toMatchObject({ cache: 4, recursion: 0, fail: 0, noerror: 4, waiting: 3, memoryBytes: 5 })
  })

  it.each<[string, Answered, Record<string, number>]>([
    ['SERVFAIL, whatever made it', [['cache', Rcode.SERVFAIL, 2, 0]], { fail: 2, cache: 0, servfail: 2 }],
    ['NXDOMAIN of a zone here', [['local', Rcode.NXDOMAIN, 3, 0]], { local: 3, nxdomain: 3, fail: 0 }],
    ['REFUSED by a policy', [['policy', Rcode.REFUSED, 1, 0]], { policy: 1, refused: 1 }],
    ['another rcode', [['recursion', Rcode.NOTIMP, 1, 0]], { recursion: 1, otherRcode: 1 }],
  ])('of %s', (_what, answered, expected) => {
    const recorder = new Recorder()
    recorder.add(numbers([]), 0)
    recorder.add(numbers(answered), 2_000)
    expect(lastOf(recorder.since(0).series)).toMatchObject(expected)
  })

  it('has the mean of the round trips, and what got no reply or no answer', () => {
    const upstream = {
      requests: { udp: 6, tcp: 1 },
      timeouts: 2,
      boundsMs: [1],
      buckets: Float64Array.of(1, 3),
      sumMs: 80,
    }
    const recorder = new Recorder()
    recorder.add(numbers([]), 0)
    recorder.add(numbers([], { upstream, counters: { droppedLate: 2, droppedShort: 1, udpQueries: 9 } }), 2_000)
    expect(lastOf(recorder.since(0).series)).toMatchObject({ upstream: 7, timeouts: 2, upstreamMs: 20, dropped: 3 })
  })

  it('is given out once, after the time of the last one', () => {
    const recorder = new Recorder()
    for (let at = 0; at <= 8_000; at += 2_000) recorder.add(numbers([]), at)
    expect(recorder.since(4_000).series.at).toEqual([6_000, 8_000])
  })

  it('goes after an hour', () => {
    const recorder = new Recorder()
    for (let i = 0; i < adminLimits.samples * 3; i++) recorder.add(numbers([]), i)
    expect(recorder.since(0).series.at).toHaveLength(adminLimits.samples)
    expect(recorder.since(0).series.at.at(-1)).toBe(adminLimits.samples * 3 - 1)
  })
})

describe('a percentile', () => {
  const counts = (...pairs: (readonly [bucket: number, count: number])[]): number[] => {
    const all = Array.from({ length: BUCKETS_MS.length + 1 }, () => 0)
    for (const [bucket, count] of pairs) all[bucket] = count
    return all
  }
  it.each([
    ['0 of nothing', counts(), 0.99, 0],
    ['within the only bucket', counts([0, 100]), 0.5, 0.025],
    ['in the bucket where the share is reached', counts([0, 50], [2, 50]), 0.75, 0.175],
    ['the last bound when it is above them all', counts([BUCKETS_MS.length, 5]), 0.5, BUCKETS_MS.at(-1)],
  ])('is %s', (_what, all, share, expected) => {
    expect(percentile(all, share)).toBeCloseTo(expected ?? 0)
  })
})

it('marks are the start, and events that bend curves; not what is reported again and again', () => {
  const recorder = new Recorder()
  recorder.add(numbers([]), 2_000)
  recorder.event({ at: 3_000, kind: 'config-reloaded', level: 'info', text: 'read again' })
  recorder.event({ at: 3_500, kind: 'servfail', level: 'warn', text: 'a.test. A' })
  recorder.event({ at: 4_000, kind: 'admin-audit', level: 'info', text: 'demo: session begun' })
  recorder.event({ at: 5_000, kind: 'admin-audit', level: 'warn', text: 'unknown from 127.0.0.1: unknown code' })
  expect(recorder.since(0).marks.map(({ at, kind }) => [at, kind])).toEqual([
    [1_000_000, 'started'],
    [3_000, 'config-reloaded'],
  ])
})

const query = (name: string, more: Partial<QueryRecord> = {}): QueryRecord => ({
  at: 0,
  client: '192.0.2.1',
  transport: 'udp',
  name,
  type: 'A',
  class: 'IN',
  rcode: 'NOERROR',
  octets: 60,
  ms: 1,
  by: 'cache',
  ...more,
})

class Bench {
  now = 0
  held = 0
  readonly timers: { readonly at: number; readonly call: () => void }[] = []
  readonly lists = new TopLists({
    now: () => this.now,
    hold: () => {
      this.held++
      return () => void this.held--
    },
    after: (ms, call) => {
      const timer = { at: this.now + ms, call }
      this.timers.push(timer)
      return () => void this.timers.splice(this.timers.indexOf(timer), 1)
    },
  })

  advance(ms: number): void {
    this.now += ms
    for (const timer of [...this.timers]) if (timer.at <= this.now) timer.call()
  }
}

describe('a top list', () => {
  it('counts while somebody looks, and not before', () => {
    const bench = new Bench()
    bench.lists.queries([query('a.test.')])
    expect(bench.lists.look().names).toEqual([])
    bench.lists.queries([query('a.test.'), query('b.test.'), query('b.test.', { client: '192.0.2.2' })])
    const { names, clients, queries } = bench.lists.look()
    expect(names).toEqual([
      { key: 'b.test.', count: 2 },
      { key: 'a.test.', count: 1 },
    ])
    expect(clients[0]).toEqual({ key: '192.0.2.1', count: 2 })
    expect(queries).toBe(3)
  })

  it('holds the collecting of queries once, and lets go of it when nobody has looked for a while', () => {
    const bench = new Bench()
    bench.lists.look()
    bench.advance(adminLimits.lingerMs - 1)
    bench.lists.look()
    bench.advance(adminLimits.lingerMs - 1)
    expect(bench.held).toBe(1)
    bench.advance(1)
    expect(bench.held).toBe(0)
    bench.lists.queries([query('a.test.')])
    expect(bench.lists.look().queries).toBe(0)
  })

  it('has failures with their types, and names that do not exist', () => {
    const bench = new Bench()
    bench.lists.look()
    bench.lists.queries([query('f.test.', { rcode: 'SERVFAIL', type: 'MX' }), query('n.test.', { rcode: 'NXDOMAIN' })])
    const { failing, absent } = bench.lists.look()
    expect(failing).toEqual([{ key: 'f.test. MX', count: 1 }])
    expect(absent).toEqual([{ key: 'n.test.', count: 1 }])
  })

  it('forgets what is older than its pieces', () => {
    const bench = new Bench()
    bench.lists.look()
    bench.lists.queries([query('old.test.')])
    for (let piece = 0; piece < adminLimits.topPieces; piece++) {
      for (let part = 0; part < 3; part++) {
        bench.advance(adminLimits.topPieceMs / 3)
        bench.lists.look()
      }
    }
    expect(bench.lists.look().names).toEqual([])
  })

  it('is bounded when every name is another', () => {
    const bench = new Bench()
    bench.lists.look()
    bench.lists.queries(Array.from({ length: adminLimits.topKeys * 2 }, (_, n) => query(`${n}.test.`)))
    bench.lists.queries([query('0.test.')])
    const { names, queries } = bench.lists.look()
    expect(names[0]).toEqual({ key: '0.test.', count: 2 })
    expect(names).toHaveLength(adminLimits.topLines)
    expect(queries).toBe(adminLimits.topKeys * 2 + 1)
  })
})
