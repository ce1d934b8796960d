/** The query history: in memory, which files are one too many, and the API. `test/e2e/history.test.ts` has the disk. */
import { request } from 'node:http'
import { describe, expect, it } from 'vitest'
import { dayOf, fileFor, type HistoryFile, surplus } from '../../src/admin/history/files.ts'
import { MemoryHistory } from '../../src/admin/history/memory.ts'
import type { QueryRecord } from '../../src/admin/live/records.ts'
import { PATIENT } from '../patience.mjs'
import { type Served, serveWithApi, until } from './live-server.ts'

const START = Date.UTC(2026, 10, 29, 12)
const record = (n: number, changes: Partial<QueryRecord> = {}): QueryRecord => ({
  at: START + n * 1_000,
  client: `10.0.0.${n % 3}`,
  transport: 'udp',
  name: `Host${n}.example.com.`,
  type: 'A',
  class: 'IN',
  rcode: n % 5 === 0 ? 'SERVFAIL' : 'NOERROR',
  octets: 60,
  ms: 2,
  by: n % 2 === 0 ? 'cache' : 'recursion',
  ...changes,
})
const ALL = { filter: '', from: 0, to: START + 1e9, limit: 10, cursor: null }

describe('a history in memory', () => {
  const filled = (most?: number): MemoryHistory => {
    const history = new MemoryHistory(most)
    history.add(Array.from({ length: 25 }, (_, n) => record(n)))
    return history
  }

  it('gives pages from the newest on, and each query once', () => {
    const history = filled()
    const names: string[] = []
    let cursor: string | null = null
    do {
      const page = history.page({ ...ALL, cursor })
      if (page.kind !== 'page') throw new Error(page.kind)
      names.push(...page.queries.map(({ name }) => name))
      cursor = page.next
    } while (cursor !== null)
    expect(names).toEqual(Array.from({ length: 25 }, (_, n) => `host${24 - n}.example.com.`))
  })

  it('forgets the oldest when it is full', () => {
    expect(filled(10).page({ ...ALL, limit: 100 })).toMatchObject({ queries: { length: 10 }, next: null })
  })

  it.each([
    ['rcode=SERVFAIL', 5],
    ['client=10.0.0.1', 8],
    ['name under example.com and source=cache', 13],
    ['name under example.org', 0],
    ['event=servfail', 0],
  ])('shows what passes %s', (filter, found) => {
    expect(filled().page({ ...ALL, filter, limit: 100 })).toMatchObject({ kind: 'page', queries: { length: found } })
  })

  it.each([
    [{ filter: 'rcode=' }, 'filter'],
    [{ cursor: 'x' }, 'cursor'],
  ])('says what is wrong with %j', (wrong, field) => {
    expect(filled().page({ ...ALL, ...wrong })).toMatchObject({ kind: 'wrong', field })
  })

  it('counts by minute, rcode and source', () => {
    const summary = filled().summary({ from: START, to: START + 3_600_000 })
    expect(summary).toMatchObject({ queries: 25, stepMs: 60_000, series: { at: [START], servfail: [5] } })
    expect(summary.rcodes).toEqual([
      { key: 'NOERROR', count: 20 },
      { key: 'SERVFAIL', count: 5 },
    ])
    expect(summary.failing[0]).toEqual({ key: 'host0.example.com.', count: 1 })
  })
})

describe('files of the history', () => {
  const file = (day: string, part: number, bytes: number): HistoryFile => ({
    name: `queries-${day}.${part}.db`,
    path: `/h/queries-${day}.${part}.db`,
    day,
    part,
    bytes,
  })
  const files = [file('2026-11-27', 1, 50), file('2026-11-28', 1, 50), file('2026-11-28', 2, 50)]

  it.each([
    ['none is too old', 3, 1_000, []],
    ['what is before the days that are kept goes', 2, 1_000, ['age']],
    ['the oldest go when all are too large', 9, 100, ['size']],
    ['the latest one stays, however large', 9, 10, ['size', 'size']],
  ])('%s', (_what, days, bytes, why) => {
    expect(surplus(files, { days, bytes }, START).map(one => one.why)).toEqual(why)
  })

  it.each([
    ['another day', '2026-11-29', 100, '/h/queries-2026-11-29.db'],
    ['a file with room', '2026-11-28', 100, '/h/queries-2026-11-28.2.db'],
    ['a file that is full', '2026-11-28', 50, '/h/queries-2026-11-28.3.db'],
  ])('%s is where queries go', (_what, day, partBytes, path) => {
    expect(fileFor(files, day, partBytes, '/h')).toBe(path)
  })

  it('a day is one of UTC', () => {
    expect(dayOf(Date.UTC(2026, 10, 29, 23, 59, 59))).toBe('2026-11-29')
  })
})

describe('the API of the history', () => {
  const entry = new URL('../../dist/history.bundle.js', import.meta.url)

  it('has queries and their summary, and says what is wrong with a filter', async () => {
    const settings = {
      history: { directory: 'history', clients: 'none' },
      records: { 'printer.test': { A: '192.0.2.7' } },
    }
    const served = await serveWithApi(settings, { historyEntry: entry })
    try {
      await until(() => served.events.some(({ kind }) => kind === 'history-open'))
      await served.ask('printer.test')
      await expect
        .poll(async () => (await get(served, '/api/v1/queries?filter=type%3DA')).queries, PATIENT)
        .toMatchObject([{ name: 'printer.test.', client: '', rcode: 'NOERROR' }])
      expect(await get(served, '/api/v1/queries/summary')).toMatchObject({
        queries: 1,
        names: [{ key: 'printer.test.', count: 1 }],
      })
      expect(await get(served, '/api/v1/queries?filter=rcode%3D')).toMatchObject({
        status: 400,
        errors: [{ pointer: '/filter' }],
      })
      expect(await get(served, '/api/v1/queries?cursor=x')).toMatchObject({ status: 400 })
      expect(await get(served, '/api/v1/queries?from=x')).toMatchObject({ status: 400 })
    } finally {
      await served.close()
    }
  })

  it('is a 404 where none is kept', async () => {
    const served = await serveWithApi()
    try {
      expect(await get(served, '/api/v1/queries')).toMatchObject({ status: 404 })
      expect(await get(served, '/api/v1/queries/summary')).toMatchObject({ status: 404 })
    } finally {
      await served.close()
    }
  })
})

// biome-ignore lint/suspicious/noExplicitAny: bodies of every form
function get({ socketPath }: Served, path: string): Promise<any> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, path }, incoming => {
      let text = ''
      incoming.setEncoding('utf8')
      incoming.on('data', (chunk: string) => {
        text += chunk
      })
      incoming.on('end', () => resolve(JSON.parse(text)))
    })
    outgoing.on('error', reject)
    outgoing.end()
  })
}
