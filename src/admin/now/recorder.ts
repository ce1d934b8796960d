/**
 * The last hour as numbers: what the counters of the server said every two seconds, kept as differences in one ring,
 * with marks for what happened meanwhile. Time comes in; the ring never grows.
 */
import type { Numbers } from '../controls.ts'
import { adminLimits } from '../limits.ts'
import type { EventRecord } from '../live/records.ts'
import { BUCKETS_MS, durationCell, RCODES, responseCell, SOURCES, type Source } from '../../server/request-cells.ts'
import { Rcode } from '../../dns/types.ts'
import { type Column, COLUMNS } from './columns.ts'

export type Series = Readonly<Record<Column | 'at', readonly number[]>>

/** Something that explains a bend in a curve. */
interface Mark {
  /** Ms since 1970 UTC. */
  readonly at: number
  readonly kind: string
  readonly text: string
}

type Sample = Readonly<Record<Column | 'at', number>>

/** Events that change what the curves show; what is reported again and again is none. */
const MARKED: ReadonlySet<string> = new Set([
  'config-reloaded',
  'config-rejected',
  'zone-rejected',
  'family-dead',
  'family-alive',
  'overloaded',
  'certificate-rejected',
  'forward-loop',
  'port-53-intercepted',
  'admin-audit',
])

export class Recorder {
  #before: Numbers | null = null
  #samples: Sample[] = []
  #marks: Mark[] = []

  /** `at` in ms since 1970 UTC. */
  add(numbers: Numbers, at: number): void {
    if (this.#before === null) this.#mark({ at: numbers.startedAt * 1_000, kind: 'started', text: 'rootwalk started' })
    else this.#samples.push(difference(this.#before, numbers, at))
    this.#before = numbers
    if (this.#samples.length > adminLimits.samples * 2) this.#samples = this.#samples.slice(-adminLimits.samples)
  }

  event({ at, kind, text }: EventRecord): void {
    // Logging in changes nothing, and whoever fails to must not fill the chart with it.
    if (MARKED.has(kind) && !/\bsession\b|\b(?:unknown|expired) (?:code|token)\b/.test(text))
      this.#mark({ at, kind, text })
  }

  /** What came after `after` (ms since 1970 UTC). */
  since(after: number): { readonly series: Series; readonly marks: readonly Mark[] } {
    const samples = this.#samples.slice(-adminLimits.samples).filter(({ at }) => at > after)
    const column = (name: Column | 'at'): readonly number[] => samples.map(sample => sample[name])
    return { series: eachColumn(column), marks: this.#marks.filter(({ at }) => at > after) }
  }

  #mark(mark: Mark): void {
    this.#marks = [...this.#marks, mark].slice(-adminLimits.marks)
  }
}

const rounded = (value: number): number => Math.round(value * 1_000) / 1_000

function difference(before: Numbers, now: Numbers, at: number): Sample {
  const cell = (place: number): number => (now.cells[place] ?? 0) - (before.cells[place] ?? 0)
  const answered = (source: Source, rcode: number): number => cell(responseCell(source, rcode))
  const rcodeSum = (rcode: number): number => sum(SOURCES.map(source => answered(source, rcode)))
  const all = sum(Array.from({ length: RCODES }, (_, rcode) => rcodeSum(rcode)))
  const good = (source: Source): number =>
    sum(Array.from({ length: RCODES }, (_, rcode) => (rcode === Rcode.SERVFAIL ? 0 : answered(source, rcode))))
  const named = [Rcode.NOERROR, Rcode.NXDOMAIN, Rcode.SERVFAIL, Rcode.REFUSED].map(rcodeSum)
  const [noerror = 0, nxdomain = 0, servfail = 0, refused = 0] = named
  const spread = Array.from({ length: BUCKETS_MS.length + 1 }, (_, bucket) =>
    sum(SOURCES.map(source => cell(durationCell(source, 0) + bucket))),
  )
  const messages = total(now.upstream.requests) - total(before.upstream.requests)
  const timeouts = now.upstream.timeouts - before.upstream.timeouts
  const replies = sum([...now.upstream.buckets]) - sum([...before.upstream.buckets])
  return {
    at,
    cache: good('cache'),
    recursion: good('recursion'),
    local: good('local'),
    policy: good('policy'),
    fail: servfail,
    noerror,
    nxdomain,
    servfail,
    refused,
    otherRcode: all - sum(named),
    p50Ms: rounded(percentile(spread, 0.5)),
    p99Ms: rounded(percentile(spread, 0.99)),
    dropped: droppedIn(now) - droppedIn(before),
    upstream: messages,
    timeouts,
    upstreamMs: replies > 0 ? rounded((now.upstream.sumMs - before.upstream.sumMs) / replies) : 0,
    cacheBytes: sum(now.stores.map(({ bytes }) => bytes)),
    memoryBytes: now.memory.resident ?? 0,
    waiting: now.waiting,
  }
}

const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0)
const total = (counts: Readonly<Record<string, number>>): number => sum(Object.values(counts))
const droppedIn = ({ counters }: Numbers): number =>
  sum(Object.entries(counters).flatMap(([name, value]) => (name.startsWith('dropped') ? [value] : [])))

/** Within its bucket a value is taken to be spread evenly. `counts` has one more than there are bounds. */
export function percentile(counts: readonly number[], share: number): number {
  const wanted = sum(counts) * share
  if (wanted === 0) return 0
  let seen = 0
  for (const [bucket, count] of counts.entries()) {
    const upper = BUCKETS_MS[bucket]
    const lower = BUCKETS_MS[bucket - 1] ?? 0
    if (upper === undefined) return lower
    if (count > 0 && seen + count >= wanted) return lower + ((wanted - seen) / count) * (upper - lower)
    seen += count
  }
  return BUCKETS_MS.at(-1) ?? 0
}

function eachColumn(column: (name: Column | 'at') => readonly number[]): Series {
  const series = Object.fromEntries(['at' as const, ...COLUMNS].map(name => [name, column(name)]))
  if (!hasAll(series)) throw new Error('a column is missing')
  return series
}

const hasAll = (series: Readonly<Record<string, readonly number[]>>): series is Series =>
  COLUMNS.every(name => name in series) && 'at' in series
