/**
 * A chart over time with uPlot, and the same as a table. Colours are those of the page, read when it draws, and drawn
 * again when they change; a scale that has grown stays for a minute, so that nothing jumps.
 */
import { useSignal } from '@preact/signals'
import type { VNode } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import type { Mark } from '../api.ts'
import { clockText } from '../model/format.ts'
import { lineAt, niceTop, stacked } from '../model/series.ts'
import { go, link } from '../route.ts'
import { colourOf, colours } from '../theme.ts'

interface Line {
  readonly label: string
  /** A colour of the page without its dashes: `cache`. */
  readonly colour: string
  readonly values: readonly number[]
  /** Where its name leads. */
  readonly href?: string
  /** What the log is narrowed to where one of its points is chosen, in the language of filters. */
  readonly filter?: string
}

interface ChartProps {
  readonly title: string
  /** What it shows in one sentence, for those who do not see it. */
  readonly summary: string
  /** Ms since 1970 UTC. */
  readonly times: readonly number[]
  readonly lines: readonly Line[]
  readonly isStacked?: boolean
  readonly marks?: readonly Mark[]
  readonly format: (value: number) => string
  /** Octets: round numbers are powers of two. */
  readonly isBytes?: boolean
  readonly spanMs: number
  readonly height?: number
  /** How long a point stands for, in ms. Absent: what it shows is not in the log. */
  readonly stepMs?: number
}

const HEIGHT = 210
const SCALE_STAYS_MS = 60_000
const TABLE_ROWS = 30

interface Scale {
  top: number
  at: number
}

export function Chart(props: ChartProps): VNode {
  const { title, summary, lines, marks = [], times, spanMs } = props
  const asTable = useSignal(false)
  const from = (times.at(-1) ?? 0) - spanMs
  const shown = marks.filter(({ at }) => at > from)
  return (
    <section class="panel">
      <div class="head">
        <h2>{title}</h2>
        <Legend lines={lines} />
      </div>
      {asTable.value ? <Rows {...props} /> : <Plot {...props} />}
      <div class="below">
        <span class="sr">{summary}</span>
        {props.stepMs === undefined ? null : <span class="dim hint">drag or click for the log of that time</span>}
        <span class="marks">
          {shown.map(({ at, text }) => (
            <span key={`${at}${text}`} class="mark">
              {clockText(at)} {text}
            </span>
          ))}
        </span>
        <button
          type="button"
          class="quiet"
          aria-pressed={asTable.value}
          onClick={() => {
            asTable.value = !asTable.value
          }}
        >
          {asTable.value ? 'as a chart' : 'as a table'}
          <span class="sr">: {title}</span>
        </button>
      </div>
    </section>
  )
}

const Legend = ({ lines }: { readonly lines: readonly Line[] }): VNode => (
  <ul class="legend">
    {lines.map(({ label, colour, href }) => (
      <li key={label}>
        <span class={`dot back-${colour}`} aria-hidden="true" />
        {href === undefined ? label : <a href={href}>{label}</a>}
      </li>
    ))}
  </ul>
)

/** The latest first. */
function Rows({ title, lines, times, format, stepMs }: ChartProps): VNode {
  const rows = times
    .map((at, index) => ({ at, index }))
    .slice(-TABLE_ROWS)
    .reverse()
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard
    <section class="scroll chart-table" tabIndex={0} aria-label={`${title} as a table`}>
      <table>
        <thead>
          <tr>
            <th scope="col">time</th>
            {lines.map(({ label }) => (
              <th key={label} scope="col" class="n">
                {label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ at, index }) => (
            <tr key={at}>
              <td>{stepMs === undefined ? clockText(at) : <a href={logOf(at, stepMs)}>{clockText(at)}</a>}</td>
              {lines.map(({ label, values, filter }) => {
                const value = values[index] ?? 0
                const leads = stepMs !== undefined && filter !== undefined && value > 0
                return (
                  <td key={label} class="n">
                    {leads ? <a href={logOf(at, stepMs, filter)}>{format(value)}</a> : format(value)}
                  </td>
                )
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

/** The log of what a point stands for: its step ends when it is taken. */
const logOf = (at: number, stepMs: number, filter?: string): string =>
  link('live', { from: String(at - stepMs), to: String(at), filter })

function Plot(props: ChartProps): VNode {
  const holder = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | null>(null)
  const scale = useRef<Scale>({ top: 0, at: 0 })
  const latest = useRef(props)
  latest.current = props
  const shape = props.lines.map(({ label }) => label).join()
  // The signal is read so that a change of colours draws again.
  const drawn = `${shape} ${colours.value}`
  useEffect(() => {
    const element = holder.current
    if (element === null || drawn === '') return undefined
    const made = new uPlot(optionsOf(latest, element, scale.current), dataOf(latest.current), element)
    plot.current = made
    const observer = new ResizeObserver(() =>
      made.setSize({ width: element.clientWidth, height: latest.current.height ?? HEIGHT }),
    )
    observer.observe(element)
    return () => {
      observer.disconnect()
      made.destroy()
    }
  }, [drawn])
  useEffect(() => plot.current?.setData(dataOf(props)))
  return (
    <div
      class={`plot ${props.height === undefined ? '' : 'plot-low'}`}
      role="img"
      aria-label={props.summary}
      ref={holder}
    />
  )
}

/** Seconds, as uPlot has them; stacked from the top down, so that each covers those above it. */
function dataOf({ times, lines, isStacked = false }: ChartProps): uPlot.AlignedData {
  const values = lines.map(line => line.values)
  const drawn = isStacked ? [...stacked(values)].reverse() : values
  return [times.map(at => at / 1_000), ...drawn.map(column => [...column])]
}

function optionsOf(latest: { readonly current: ChartProps }, element: HTMLElement, scale: Scale): uPlot.Options {
  const { lines, isStacked = false, isBytes = false, height = HEIGHT } = latest.current
  const dim = colourOf('--dim')
  const ordered = isStacked ? [...lines].reverse() : lines
  const axis = { stroke: dim, grid: { stroke: colourOf('--line'), width: 1 }, ticks: { show: false }, font: FONT }
  return {
    width: element.clientWidth,
    height,
    legend: { show: false },
    cursor: { drag: { setScale: false, x: latest.current.stepMs !== undefined, y: false }, points: { show: false } },
    padding: [8, 22, 0, 0],
    scales: {
      x: {
        time: true,
        range: () => {
          const { times, spanMs } = latest.current
          const end = (times.at(-1) ?? Date.now()) / 1_000
          return [end - spanMs / 1_000, end]
        },
      },
      y: { range: (_plot, _low, high) => [0, keptTop(scale, high, isBytes)] },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 26,
        values: (_plot, splits) => splits.map(at => clockText(at * 1_000)),
        space: 70,
      },
      {
        ...axis,
        size: 56,
        ...(isBytes ? { incrs: POWERS } : {}),
        values: (_plot, splits) => splits.map(value => latest.current.format(value)),
      },
    ],
    series: [
      {},
      ...ordered.map(({ label, colour }) => {
        const stroke = colourOf(`--${colour}`)
        return {
          label,
          stroke,
          width: isStacked ? 1 : 1.6,
          points: { show: false },
          ...(isStacked ? { fill: stroke } : {}),
        }
      }),
    ],
    hooks: {
      draw: [plot => drawMarks(plot, latest.current.marks ?? [], dim)],
      ready: [plot => leadToLog(plot, latest)],
      setSelect: [plot => leadToRange(plot)],
    },
  }
}

/** Less is a click and no range. */
const DRAG_PIXELS = 4

/** What is dragged over leads to the log of that time. */
function leadToRange(plot: uPlot): void {
  const { left, width } = plot.select
  if (width <= DRAG_PIXELS) return
  const [from, to] = [left, left + width].map(at => String(Math.round(plot.posToVal(at, 'x') * 1_000)))
  go(link('live', { from, to }))
}

/** The point that is clicked at leads to its queries. */
function leadToLog(plot: uPlot, latest: { readonly current: ChartProps }): void {
  plot.over.classList.toggle('leads', latest.current.stepMs !== undefined)
  plot.over.addEventListener('click', event => {
    const { lines, times, stepMs, isStacked = false } = latest.current
    if (stepMs === undefined || plot.select.width > DRAG_PIXELS) return
    const index = plot.posToIdx(event.offsetX)
    const at = times[index]
    if (at === undefined) return
    const values = lines.map(line => line.values[index] ?? 0)
    const chosen = lineAt(values, plot.posToVal(event.offsetY, 'y'), isStacked)
    go(logOf(at, stepMs, chosen === null ? undefined : lines[chosen]?.filter))
  })
}

const POWERS = Array.from({ length: 42 }, (_, power) => 2 ** power)
const FONT = '11px system-ui, sans-serif'

/** Grows at once, and shrinks when it was too large for a minute. */
function keptTop(scale: Scale, high: number | null, isBytes: boolean): number {
  const top = isBytes ? 2 ** Math.ceil(Math.log2(Math.max(1, high ?? 1))) : niceTop(high ?? 1)
  const now = Date.now()
  if (top >= scale.top || now - scale.at > SCALE_STAYS_MS) {
    scale.top = top
    scale.at = now
  }
  return scale.top
}

/** What happened, as a dashed line where it did. */
function drawMarks({ ctx, bbox, valToPos }: uPlot, marks: readonly Mark[], colour: string): void {
  ctx.save()
  ctx.strokeStyle = colour
  ctx.setLineDash([4, 4])
  for (const { at } of marks) {
    const x = Math.round(valToPos(at / 1_000, 'x', true))
    if (x < bbox.left || x > bbox.left + bbox.width) continue
    ctx.beginPath()
    ctx.moveTo(x, bbox.top)
    ctx.lineTo(x, bbox.top + bbox.height)
    ctx.stroke()
  }
  ctx.restore()
}
