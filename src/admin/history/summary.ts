/** Curves and top lists of a range of time, from the counts by minute and hour. Pure but for the files it is given. */
import { historyLimits } from './limits.ts'
import type { QuerySummary, SummaryRequest } from './messages.ts'
import type { SearchParts } from './search.ts'
import { type Database, numberIn, textIn } from './sqlite.ts'
import type { QueryRecord } from '../live/records.ts'
import { sourceOf } from '../../server/request-cells.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000

/** Of one minute: how many queries had this rcode and came from there, and how long they took together, in us. */
interface MinuteCount {
  readonly minute: number
  readonly rcode: string
  readonly source: string
  readonly count: number
  readonly us: number
}

const stepOf = ({ from, to }: SummaryRequest): number => {
  const wanted = (to - from) / MINUTE_MS <= historyLimits.minutePoints ? MINUTE_MS : HOUR_MS
  return Math.max(wanted, Math.ceil((to - from) / historyLimits.points / HOUR_MS) * (wanted === HOUR_MS ? HOUR_MS : 0))
}

interface Step {
  queries: number
  cache: number
  servfail: number
  nxdomain: number
  us: number
}

/** Counted together, file by file or query by query. */
class Summary {
  readonly #request: SummaryRequest
  readonly #stepMs: number
  readonly #steps = new Map<number, Step>()
  readonly #rcodes = new Map<string, number>()
  readonly #sources = new Map<string, number>()
  readonly #tops = {
    names: new Map<string, number>(),
    clients: new Map<string, number>(),
    failing: new Map<string, number>(),
    absent: new Map<string, number>(),
  }
  unreadable = 0

  constructor(request: SummaryRequest) {
    this.#request = request
    this.#stepMs = stepOf(request)
  }

  minute({ minute, rcode, source, count, us }: MinuteCount): void {
    const at = Math.floor((minute * MINUTE_MS) / this.#stepMs) * this.#stepMs
    const step = this.#steps.get(at) ?? { queries: 0, cache: 0, servfail: 0, nxdomain: 0, us: 0 }
    this.#steps.set(at, step)
    step.queries += count
    step.us += us
    if (source === 'cache') step.cache += count
    if (rcode === 'SERVFAIL') step.servfail += count
    if (rcode === 'NXDOMAIN') step.nxdomain += count
    plus(this.#rcodes, rcode, count)
    plus(this.#sources, source, count)
  }

  top(list: 'names' | 'clients' | 'failing' | 'absent', key: string, count: number): void {
    plus(this.#tops[list], key, count)
  }

  result(): QuerySummary {
    const steps = [...this.#steps].sort(([a], [b]) => a - b)
    const column = (value: (of: Step) => number): number[] => steps.map(([, step]) => value(step))
    return {
      kind: 'summary',
      ...this.#request,
      queries: steps.reduce((sum, [, { queries }]) => sum + queries, 0),
      stepMs: this.#stepMs,
      series: {
        at: steps.map(([at]) => at),
        queries: column(({ queries }) => queries),
        cache: column(({ cache }) => cache),
        servfail: column(({ servfail }) => servfail),
        nxdomain: column(({ nxdomain }) => nxdomain),
        meanMs: column(({ us, queries }) => Math.round(us / queries) / 1_000),
      },
      rcodes: sorted(this.#rcodes),
      sources: sorted(this.#sources),
      names: sorted(this.#tops.names),
      clients: sorted(this.#tops.clients),
      failing: sorted(this.#tops.failing),
      absent: sorted(this.#tops.absent),
      unreadable: this.unreadable,
    }
  }
}

const plus = (counts: Map<string, number>, key: string, count: number): void =>
  void counts.set(key, (counts.get(key) ?? 0) + count)

const sorted = (counts: ReadonlyMap<string, number>): QuerySummary['names'] =>
  [...counts]
    .map(([key, count]) => ({ key, count }))
    .sort((a, b) => b.count - a.count || (a.key < b.key ? -1 : 1))
    .slice(0, historyLimits.topLines)

/** Without files: every query by itself. */
export function summariseRecords(records: Iterable<QueryRecord>, request: SummaryRequest): QuerySummary {
  const summary = new Summary(request)
  for (const { at, rcode, by, ms, name, client } of records) {
    if (at < request.from || at >= request.to) continue
    const us = Math.round(ms * 1_000)
    summary.minute({ minute: Math.floor(at / MINUTE_MS), rcode, source: sourceOf(by), count: 1, us })
    const folded = name.toLowerCase()
    summary.top('names', folded, 1)
    summary.top('clients', client, 1)
    if (rcode === 'SERVFAIL') summary.top('failing', folded, 1)
    if (rcode === 'NXDOMAIN') summary.top('absent', folded, 1)
  }
  return summary.result()
}

export function summariseFiles(request: SummaryRequest, { files, unreadable }: SearchParts): QuerySummary {
  const summary = new Summary(request)
  for (const file of files) {
    let db: Database | null = null
    try {
      db = file.open()
      addFile(summary, db, request)
    } catch (error) {
      summary.unreadable++
      unreadable(file.name, error)
    } finally {
      db?.close()
    }
  }
  return summary.result()
}

/** More lines of each file than are shown, so that what is second in each is not lost. */
const LINES = historyLimits.topLines * 10

function addFile(summary: Summary, db: Database, { from, to }: SummaryRequest): void {
  const minutes = [Math.floor(from / MINUTE_MS), Math.ceil(to / MINUTE_MS) - 1]
  const hours = [Math.floor(from / HOUR_MS), Math.ceil(to / HOUR_MS) - 1]
  for (const row of db.prepare('SELECT * FROM minutes WHERE minute BETWEEN ? AND ?').all(...minutes))
    summary.minute({
      minute: numberIn(row, 'minute'),
      rcode: textIn(row, 'rcode'),
      source: textIn(row, 'source'),
      count: numberIn(row, 'count'),
      us: numberIn(row, 'us'),
    })
  for (const [list, column] of [
    ['names', 'count'],
    ['failing', 'failed'],
    ['absent', 'absent'],
  ] as const) {
    const rows = db
      .prepare(
        'SELECT (SELECT text FROM names WHERE id = name) AS text, total FROM (' +
          `SELECT name, sum(${column}) AS total FROM name_hours WHERE hour BETWEEN ? AND ? AND ${column} > 0 ` +
          `GROUP BY name ORDER BY total DESC LIMIT ${LINES})`,
      )
      .all(...hours)
    for (const row of rows) summary.top(list, textIn(row, 'text'), numberIn(row, 'total'))
  }
  const clients = db
    .prepare(
      'SELECT (SELECT text FROM clients WHERE id = client) AS text, total FROM (SELECT client, sum(count) AS total ' +
        `FROM client_hours WHERE hour BETWEEN ? AND ? GROUP BY client ORDER BY total DESC LIMIT ${LINES})`,
    )
    .all(...hours)
  for (const row of clients) summary.top('clients', textIn(row, 'text'), numberIn(row, 'total'))
}
