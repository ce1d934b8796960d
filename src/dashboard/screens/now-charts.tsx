/** The curves of the first screen. */
import type { VNode } from 'preact'
import type { Now } from '../api.ts'
import { bytesText, countText, durationText, rateText } from '../model/format.ts'
import { type Columns, perSecond, sum } from '../model/series.ts'
import { sourceFilter } from '../model/sources.ts'
import { Chart } from '../parts/chart.tsx'
import { link } from '../route.ts'
import { marks } from '../state.ts'

interface ChartsProps {
  readonly columns: Columns
  readonly now: Now | null
  readonly spanMs: number
}

const LOW = 150
/** Of the curves, until the first answer says it. */
const STEP_MS = 2_000
/** Answers that took as long were asked of servers. */
const SLOW = 'ms>=100'
const SOURCES = ['cache', 'recursion', 'local', 'policy', 'fail'] as const
const RCODES = [
  ['noerror', 'NOERROR', 'accent', 'rcode=NOERROR'],
  ['nxdomain', 'NXDOMAIN', 'forward', 'rcode=NXDOMAIN'],
  ['servfail', 'SERVFAIL', 'fail', 'rcode=SERVFAIL'],
  ['refused', 'REFUSED', 'policy', 'rcode=REFUSED'],
  ['otherRcode', 'other', 'stale', 'record=query and not rcode in (NOERROR, NXDOMAIN, SERVFAIL, REFUSED)'],
] as const

export function SourceChart({ columns, now: value, spanMs }: ChartsProps): VNode {
  return (
    <Chart
      title="Queries by where the answer came from"
      summary={`Queries a second: ${SOURCES.map(source => `${totalText(columns, source)} from ${source}`).join(', ')}.`}
      lines={SOURCES.map(source => ({
        label: source,
        colour: source,
        values: rateOf(columns, source, value),
        href: link('live', { filter: sourceFilter(source) }),
        filter: sourceFilter(source),
      }))}
      times={columns.at ?? []}
      {...{ spanMs, marks: marks.value, format: rateText, isStacked: true, stepMs: value?.stepMs ?? STEP_MS }}
    />
  )
}

export function NowCharts(props: ChartsProps): VNode {
  const { columns, now: value, spanMs } = props
  const rcodes = RCODES.map(([name, label]) => `${totalText(columns, name)} ${label}`)
  return (
    <div class="cols">
      <Chart
        title="Queries by rcode"
        summary={`Queries by rcode: ${rcodes.join(', ')}.`}
        lines={RCODES.map(([name, label, colour, filter]) => ({
          label,
          colour,
          values: rateOf(columns, name, value),
          href: link('live', { filter }),
          filter,
        }))}
        times={columns.at ?? []}
        {...{ spanMs, marks: marks.value, format: rateText, isStacked: true, height: LOW }}
        stepMs={value?.stepMs ?? STEP_MS}
      />
      <Lines {...props} />
    </div>
  )
}

const rateOf = (columns: Columns, name: string, value: Now | null): readonly number[] =>
  perSecond(columns[name] ?? [], value?.stepMs ?? 1_000)
const totalText = (columns: Columns, name: string): string => countText(sum(columns[name] ?? []))

/** What is not stacked. */
function Lines({ columns, now: value, spanMs }: ChartsProps): VNode {
  const column = (name: string): readonly number[] => columns[name] ?? []
  const rate = (name: string): readonly number[] => rateOf(columns, name, value)
  const total = (name: string): string => totalText(columns, name)
  const latest = (name: string): number => column(name).at(-1) ?? 0
  const within = (name: string): string => `within ${durationText(latest(name))}`
  const common = { times: column('at'), spanMs, marks: marks.value, height: LOW }
  return (
    <>
      <Chart
        {...common}
        title="Latency"
        summary={`Now: half of the answers ${within('p50Ms')}, 99 of 100 ${within('p99Ms')}.`}
        lines={[
          {
            ...{ label: 'p99', colour: 'recursion', values: column('p99Ms') },
            ...{ href: link('live', { filter: SLOW }), filter: SLOW },
          },
          { label: 'p50', colour: 'cache', values: column('p50Ms') },
        ]}
        format={durationText}
        stepMs={value?.stepMs ?? STEP_MS}
      />
      <Chart
        {...common}
        title="Servers that are asked"
        summary={`${total('upstream')} messages, ${total('timeouts')} without a reply in time.`}
        lines={[
          {
            ...{ label: 'messages', colour: 'recursion', values: rate('upstream'), href: link('servers') },
            filter: sourceFilter('recursion'),
          },
          {
            ...{ label: 'no reply', colour: 'fail', values: rate('timeouts'), href: link('servers') },
            filter: sourceFilter('fail'),
          },
        ]}
        format={rateText}
        stepMs={value?.stepMs ?? STEP_MS}
      />
      <Chart
        {...common}
        title="Memory"
        summary={`Process ${bytesText(latest('memoryBytes'))}, caches ${bytesText(latest('cacheBytes'))}.`}
        lines={[
          { label: 'process', colour: 'forward', values: column('memoryBytes') },
          { label: 'caches', colour: 'cache', values: column('cacheBytes'), href: link('cache') },
        ]}
        format={bytesText}
        isBytes
      />
    </>
  )
}
