/** The hub of the streams: places in a ring, gaps, and whether anything is collected at all. */
import { describe, expect, it } from 'vitest'
import { readFilter, type Filter } from '../../src/admin/filter.ts'
import { adminLimits } from '../../src/admin/limits.ts'
import { type Delivery, Hub } from '../../src/admin/live/hub.ts'
import { queryRow, readRows, rowsText } from '../../src/admin/live/rows.ts'
import type { QueryRecord } from '../../src/admin/live/records.ts'
import { QueryBatch } from '../../src/app/admin/query-batch.ts'
import type { ClientPrivacy, QueryLogEntry } from '../../src/server/query-log.ts'
import { ROOT } from '../../src/dns/name.ts'
import { ipFromBytes } from '../../src/dns/address.ts'
import { parseName } from '../../src/presentation/text.ts'

function filterOf(text: string): Filter {
  const read = readFilter(text)
  if (read.kind === 'error') throw new Error(read.message)
  return read.filter
}

const query = (octets: number): QueryRecord => ({
  at: 1,
  client: '192.0.2.1',
  transport: 'udp',
  name: 'a\\.b.example.',
  type: 'A',
  class: 'IN',
  rcode: 'NOERROR',
  octets,
  ms: 0.25,
  by: 'cache',
})

class Bench {
  readonly watched: boolean[] = []
  readonly timers: (() => void)[] = []
  readonly hub = new Hub({
    watch: on => this.watched.push(on),
    after: (_ms, call) => {
      this.timers.push(call)
      return () => this.timers.splice(this.timers.indexOf(call), 1)
    },
    epoch: 'now',
    ringRecords: 8,
  })

  queries(...octets: number[]): void {
    this.hub.queries(octets.map(query), 0)
  }
}

/** Octets of queries; a gap as text. */
const seen = (deliveries: readonly Delivery[]): unknown[] =>
  deliveries.map(delivery =>
    delivery.kind === 'gap' ? `gap ${delivery.dropped}` : (JSON.parse(delivery.json) as { octets?: number }).octets,
  )

describe('a subscriber', () => {
  it('gets what comes after it, and is woken', () => {
    const bench = new Bench()
    bench.queries(1)
    let woken = 0
    const place = bench.hub.subscribe(filterOf('octets>=2'), null, () => woken++)
    bench.queries(2, 1, 3)
    expect(woken).toBe(1)
    expect(seen(place.take())).toEqual([2, 3])
    expect(place.take()).toEqual([])
  })

  it('that is too slow for the ring loses the oldest, and is told how many', () => {
    const bench = new Bench()
    const place = bench.hub.subscribe(filterOf(''), null, () => {})
    for (let octets = 0; octets < 20; octets++) bench.queries(octets)
    expect(seen(place.take(4))).toEqual(['gap 12', 12, 13, 14])
    bench.queries(20, 21)
    expect(seen(place.take())).toEqual([15, 16, 17, 18, 19, 20, 21])
  })

  it('is told of queries that the main thread left out, in their place', () => {
    const bench = new Bench()
    const place = bench.hub.subscribe(filterOf(''), null, () => {})
    const events = bench.hub.subscribe(filterOf('record=event'), null, () => {})
    bench.queries(1)
    bench.hub.queries([query(2)], 7)
    expect(seen(place.take())).toEqual([1, 'gap 7', 2])
    expect(events.take()).toEqual([])
  })

  it('goes on after an id, and text is made once for all', () => {
    const bench = new Bench()
    const first = bench.hub.subscribe(filterOf(''), null, () => {})
    bench.queries(1, 2, 3)
    const taken = first.take()
    const id = taken[0]?.kind === 'query' ? taken[0].id : null
    const second = bench.hub.subscribe(filterOf(''), id, () => {})
    const again = second.take()
    expect(seen(again)).toEqual([2, 3])
    expect(again).toEqual(taken.slice(1))
  })
})

describe('queries are collected', () => {
  it('while somebody watches them, and a little longer', () => {
    const bench = new Bench()
    const events = bench.hub.subscribe(filterOf('event=servfail'), null, () => {})
    expect(bench.watched).toEqual([])
    events.filter = filterOf('')
    expect(bench.watched).toEqual([true])
    events.close()
    expect(bench.watched).toEqual([true])
    const back = bench.hub.subscribe(filterOf(''), null, () => {})
    expect(bench.timers).toEqual([])
    bench.queries(1)
    const [last] = back.take()
    back.close()
    bench.timers.pop()?.()
    expect(bench.watched).toEqual([true, false])
    const late = bench.hub.subscribe(filterOf(''), last?.kind === 'query' ? last.id : null, () => {})
    expect(seen(late.take())).toEqual(['gap null'])
    expect(bench.watched).toEqual([true, false, true])
  })
})

it('rows come back as they were', () => {
  const decisions = [{ stage: 'lists', rule: '||a\tb^\n', source: null, lost: [{ rule: 'x', source: 'ads' }] }]
  const records = [
    query(1),
    { ...query(2), client: '', name: '.', by: 'failure:budget', ms: 1500.125 },
    { ...query(3), decisions },
  ]
  expect(readRows(rowsText(records.map(queryRow)))).toEqual(records)
  expect(readRows(rowsText([]))).toEqual([])
})

describe('a batch of queries', () => {
  const name = parseName('a\\009b.example', null)
  const entry: QueryLogEntry = {
    client: { ip: ipFromBytes(Uint8Array.of(192, 0, 2, 77)), port: 5, transport: 'udp' },
    view: 0,
    name: typeof name === 'string' ? name : ROOT,
    type: 1,
    class: 1,
    rcode: null,
    octets: 0,
    tookMs: 1.23456,
    by: 'cache',
    wall: 1_700_000_000,
  }

  function batchOf(privacy: ClientPrivacy = 'full') {
    const sent: { readonly rows: readonly QueryRecord[]; readonly dropped: number }[] = []
    const timers: (() => void)[] = []
    const batch = new QueryBatch({
      send: (rows, dropped) => sent.push({ rows: readRows(rows), dropped }),
      privacy: () => privacy,
      after: (_ms, call) => void timers.push(call),
    })
    return { batch, sent, tick: () => timers.shift()?.(), timers }
  }

  it('is sent after a moment, or when it is full', () => {
    const { batch, sent, tick } = batchOf()
    batch.add(entry)
    expect(sent).toEqual([])
    tick()
    expect(sent).toMatchObject([
      { dropped: 0, rows: [{ client: '192.0.2.77', name: 'a\\009b.example.', rcode: 'none', ms: 1.235 }] },
    ])
    for (let n = 0; n <= adminLimits.batchRecords; n++) batch.add(entry)
    expect(sent.map(({ rows }) => rows.length)).toEqual([1, adminLimits.batchRecords])
  })

  it('is kept back while the thread reads nothing, and what it has no room for is counted', () => {
    const { batch, sent, tick, timers } = batchOf()
    const room = adminLimits.batchRecords * (adminLimits.batchesUnread + 1)
    for (let n = 0; n < room + 3; n++) batch.add(entry)
    expect(sent.length).toBe(adminLimits.batchesUnread)
    tick()
    expect([sent.length, timers.length]).toEqual([adminLimits.batchesUnread, 1])
    batch.wasRead()
    batch.wasRead()
    tick()
    batch.add(entry)
    tick()
    expect(sent.slice(-2).map(({ rows, dropped }) => [rows.length, dropped])).toEqual([
      [adminLimits.batchRecords, 0],
      [1, 3],
    ])
  })

  it('has clients as the query log writes them', () => {
    for (const [privacy, client] of [
      ['prefix', '192.0.2.0/24'],
      ['none', ''],
    ] as const) {
      const { batch, sent, tick } = batchOf(privacy)
      batch.add(entry)
      tick()
      expect(sent[0]?.rows[0]?.client).toBe(client)
    }
  })
})
