/** What the resolver does now, and what of it fails: each figure leads to its reason. */
import { useSignal } from '@preact/signals'
import type { VNode } from 'preact'
import { useEffect } from 'preact/hooks'
import { ask, type Now, type TopView } from '../api.ts'
import { bytesText, countText, durationText, percentText, rateText } from '../model/format.ts'
import { clientFilter, nameFilter } from '../model/filters.ts'
import { type Columns, latest, sum } from '../model/series.ts'
import { sourceFilter } from '../model/sources.ts'
import { Bar, Empty, Panel, Spark } from '../parts/small.tsx'
import { useSteady } from '../parts/steady.ts'
import { link } from '../route.ts'
import { now, series } from '../state.ts'
import { Failing } from './failing.tsx'
import { NowCharts, SourceChart } from './now-charts.tsx'
import { FirstRun } from './first-run.tsx'

const MINUTE_MS = 60_000
const SPANS = [
  [5, '5 min'],
  [15, '15 min'],
  [60, '1 h'],
] as const
const SPARK_MS = 3 * MINUTE_MS
const TOP_POLL_MS = 4_000

export function NowScreen(): VNode {
  const span = useSignal<number>(5)
  const { value } = now
  const columns = series.value
  const spanMs = span.value * MINUTE_MS
  const shown = { columns: latest(columns ?? {}, spanMs), now: value, spanMs }
  return (
    <>
      <h1 class="sr">Now</h1>
      {value !== null && value.queries === 0 ? <FirstRun /> : null}
      <Tiles columns={columns} now={value} />
      <fieldset class="spans">
        <legend class="sr">Time that charts show</legend>
        {SPANS.map(([minutes, text]) => (
          <button
            key={minutes}
            type="button"
            class="quiet"
            aria-pressed={span.value === minutes}
            onClick={() => {
              span.value = minutes
            }}
          >
            {text}
          </button>
        ))}
      </fieldset>
      <SourceChart {...shown} />
      <div class="cols">
        <Failing />
        <Limits now={value} />
      </div>
      <NowCharts {...shown} />
      <TopLists />
    </>
  )
}

interface TilesProps {
  readonly columns: Columns | null
  readonly now: Now | null
}

function Tiles({ columns, now: value }: TilesProps): VNode {
  const recent = latest(columns ?? {}, SPARK_MS)
  const column = (name: string): readonly number[] => recent[name] ?? []
  const stepMs = value?.stepMs ?? 1_000
  const sources = ['cache', 'recursion', 'local', 'policy', 'fail'].map(column)
  const all = column('at').map((_, index) => sum(sources.map(values => values[index] ?? 0)))
  const [total, hits, failed] = [sum(all), sum(column('cache')), sum(column('fail'))]
  const isKnown = total > 0
  return (
    <div class="tiles">
      <Tile
        name="queries"
        figure={rateText((all.at(-1) ?? 0) * (1_000 / stepMs))}
        unit="/s"
        values={all}
        tone="accent"
      />
      <Tile
        name="answered from cache"
        figure={isKnown ? percentText(hits / total) : '–'}
        unit={isKnown ? '%' : ''}
        values={shares(column('cache'), all)}
        tone="cache"
        href={link('live', { filter: sourceFilter('cache') })}
      />
      <Tile
        name="latency p50 · p99"
        figure={latencyText(latest(columns ?? {}, MINUTE_MS))}
        unit=""
        values={column('p99Ms')}
        tone="recursion"
        href={link('live', { filter: 'ms>=100' })}
      />
      <Tile
        name="SERVFAIL"
        figure={isKnown ? percentText(failed / total) : '–'}
        unit={isKnown ? '%' : ''}
        values={column('fail')}
        tone="fail"
        href={link('live', { filter: sourceFilter('fail') })}
      />
      <Tile
        name="memory"
        figure={value === null ? '–' : bytesText(value.memory.resident ?? 0)}
        unit=""
        values={column('memoryBytes')}
        tone="forward"
        href={link('server')}
      />
    </div>
  )
}

const shares = (part: readonly number[], all: readonly number[]): readonly number[] =>
  part.map((value, index) => (all[index] === 0 || all[index] === undefined ? 0 : value / all[index]))

/** Of the last minute: the middle of the steps that had answers, and the worst of them. */
function latencyText({ p50Ms = [], p99Ms = [], noerror = [], nxdomain = [] }: Columns): string {
  const isBusy = (index: number): boolean => (noerror[index] ?? 0) + (nxdomain[index] ?? 0) > 0
  const halves = p50Ms.filter((_, index) => isBusy(index)).sort((one, other) => one - other)
  const middle = halves[Math.floor(halves.length / 2)]
  return middle === undefined ? '–' : `${durationText(middle)} · ${durationText(Math.max(...p99Ms))}`
}

/** Two figures share the room of one. */
const LONG_FIGURE = 11

interface TileProps {
  readonly name: string
  readonly figure: string
  readonly unit: string
  readonly values: readonly number[]
  readonly tone: string
  readonly href?: string
}

const Tile = ({ name, figure, unit, values, tone, href }: TileProps): VNode => (
  <div class="tile">
    <div class="k">{href === undefined ? name : <a href={href}>{name}</a>}</div>
    <div class={figure.length > LONG_FIGURE ? 'v two' : 'v'}>
      {figure} <small>{unit}</small>
    </div>
    <Spark values={values} tone={tone} />
  </div>
)

/** What bounds what all share, the nearest first. */
function Limits({ now: value }: { readonly now: Now | null }): VNode {
  const used = (value?.limits ?? [])
    .flatMap(limit => (limit.used === null ? [] : [{ ...limit, used: limit.used, share: limit.used / limit.most }]))
    .sort((one, other) => other.share - one.share)
  return (
    <Panel title="Limits and headroom" aside="of what all queries share">
      <table>
        <tbody>
          {used.map(({ limit, used: amount, most, share, hits }) => (
            <tr key={limit}>
              <td class="word">{LIMITS[limit] ?? limit}</td>
              <td class="wide">
                <Bar share={share} tone={share > NEAR ? 'fail' : 'accent'} />
              </td>
              <td class="n dim">
                {amountText(limit, amount)} of {amountText(limit, most)}
                {hits === null || hits === 0 ? '' : `, reached ${countText(hits)} times`}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Panel>
  )
}

const NEAR = 0.9
const amountText = (limit: string, amount: number): string =>
  /Bytes/.test(limit) ? bytesText(amount) : countText(amount)
const LIMITS: Readonly<Record<string, string>> = {
  'engine.resolutionsInFlight': 'resolutions in flight',
  'cache.totalBytes': 'caches',
  'tcp.connections': 'connections of clients',
  'tcp.queuedBytesInAll': 'queued to clients',
  'tls.handshakes': 'TLS handshakes',
  'upstream.udpSockets': 'UDP sockets to servers',
  'upstream.tcpConnections': 'TCP connections to servers',
  'secure.connections': 'TLS connections to servers',
}

function TopLists(): VNode {
  const top = useSignal<TopView | null>(null)
  useEffect(() => {
    const look = async (): Promise<void> => {
      if (document.visibilityState !== 'visible') return
      const answer = await ask<TopView>('top')
      if (answer.kind === 'ok') top.value = answer.value
    }
    void look()
    const timer = setInterval(() => void look(), TOP_POLL_MS)
    return () => clearInterval(timer)
  }, [top])
  const { value } = top
  return (
    <div class="cols">
      <TopList title="Top names" lines={value?.names} to={name => link('live', { filter: nameFilter(name) })} isName />
      <TopList
        title="Top clients"
        lines={value?.clients}
        to={client => link('live', { filter: clientFilter(client) })}
      />
      <TopList title="Names that fail most" lines={value?.failing} to={explainLink} isName tone="fail" />
      <TopList
        title="Names that do not exist"
        lines={value?.absent}
        to={name => link('live', { filter: `${nameFilter(name)} and rcode=NXDOMAIN` })}
        isName
        tone="forward"
      />
    </div>
  )
}

/** `www.example.com. A`. */
function explainLink(key: string): string {
  const [name = '', type = 'A'] = key.split(' ')
  return link('explain', { name, type })
}

interface TopListProps {
  readonly title: string
  readonly lines: TopView['names'] | undefined
  readonly to: (key: string) => string
  readonly isName?: boolean
  readonly tone?: string
}

const TOP_SHOWN = 8

function TopList({ title, lines = [], to, isName = false, tone = 'accent' }: TopListProps): VNode {
  const { holder, rows } = useSteady<HTMLTableSectionElement, TopView['names'][number]>(
    lines.slice(0, TOP_SHOWN),
    ({ key }) => key,
  )
  const most = Math.max(1, ...rows.map(({ count }) => count))
  return (
    <Panel title={title} aside="last 5 min, while looked at" className="top">
      {rows.length === 0 ? <Empty>None yet.</Empty> : null}
      <table>
        <tbody ref={holder}>
          {rows.map(({ key, count }) => (
            <tr key={key} {...(isName ? { 'data-name': key.split(' ')[0], 'data-type': key.split(' ')[1] } : {})}>
              <td class="mono w">
                <a href={to(key)}>{key}</a>
              </td>
              <td class="third">
                <Bar share={count / most} tone={tone} />
              </td>
              <td class="n">{countText(count)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Panel>
  )
}
