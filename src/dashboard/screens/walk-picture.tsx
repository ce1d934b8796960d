/** The picture of a walk: zones as a spine from the root down, and each exchange on one axis of time. */
import type { VNode } from 'preact'
import { durationText } from '../model/format.ts'
import { type Exchange, ticks, type Walk, type ZoneLane } from '../model/walk.ts'
import { Empty, Panel } from '../parts/small.tsx'

export function WalkPicture({ walk }: { readonly walk: Walk }): VNode {
  const axis = ticks(walk.spanMs)
  const spine = walk.lanes.filter(({ isOnPath }) => isOnPath)
  const others = walk.lanes.filter(({ isOnPath }) => !isOnPath)
  return (
    <Panel title="The walk" aside="zones from the root down; each bar is one message and its reply">
      {walk.found.map(text => (
        <p key={text} class="found">
          {text}
        </p>
      ))}
      {walk.lanes.length === 0 && walk.found.length === 0 ? <Empty>No server was asked.</Empty> : null}
      {walk.messages === 0 ? null : <Axis axis={axis} spanMs={walk.spanMs} />}
      <ol class="walk">
        {spine.map(lane => (
          <Lane key={lane.zone} lane={lane} axis={axis} spanMs={walk.spanMs} />
        ))}
      </ol>
      {others.length === 0 ? null : (
        <>
          <h3 class="others">For names of servers and aliases</h3>
          <ol class="walk">
            {others.map(lane => (
              <Lane key={lane.zone} lane={lane} axis={axis} spanMs={walk.spanMs} />
            ))}
          </ol>
        </>
      )}
    </Panel>
  )
}

interface AxisProps {
  readonly axis: readonly number[]
  readonly spanMs: number
}

const Axis = ({ axis, spanMs }: AxisProps): VNode => (
  <div class="axis" aria-hidden="true">
    <span />
    <svg class="ticks" aria-hidden="true">
      {axis.map(ms => (
        <text key={ms} x={`${(ms / spanMs) * AXIS_PERCENT}%`} y="12">
          {durationText(ms)}
        </text>
      ))}
    </svg>
  </div>
)

/** What is left is for the words after the last bar. */
const AXIS_PERCENT = 84

interface LaneProps extends AxisProps {
  readonly lane: ZoneLane
}

function Lane({ lane, axis, spanMs }: LaneProps): VNode {
  const { zone, from, exchanges, security, isLast } = lane
  const isBad = exchanges.length > 0 && exchanges.every(({ tone }) => tone === 'bad')
  const state = security === 'bogus' || isBad ? 'bad' : isLast ? 'last' : 'way'
  return (
    <li class={`lane zone-${state}`}>
      <div class="zone">
        <b class="mono">{zone}</b>
        <div class="dim">
          {from}
          {security === null ? '' : `, ${security}`}
        </div>
      </div>
      <ul class="exchanges">
        {exchanges.map(exchange => (
          <Row key={`${exchange.atMs} ${exchange.address} ${exchange.question}`} {...{ exchange, axis, spanMs }} />
        ))}
      </ul>
    </li>
  )
}

interface RowProps extends AxisProps {
  readonly exchange: Exchange
}

function Row({ exchange, axis, spanMs }: RowProps): VNode {
  const { server, address, question, transport, text, atMs, tookMs, tone } = exchange
  const percent = (ms: number): number => (ms / spanMs) * AXIS_PERCENT
  return (
    <li class="exchange">
      <div>
        <span class="mono" title={address}>
          {server}
        </span>{' '}
        <span class="dim">
          {question}
          {transport === 'udp' ? '' : ` over ${transport.toUpperCase()}`}
        </span>
        <div class={tone === 'bad' ? 'failing' : 'dim'}>{text}</div>
      </div>
      <svg class="bars" aria-label={`from ${durationText(atMs)} for ${durationText(tookMs)}`} role="img">
        {axis.map(ms => (
          <line key={ms} x1={`${percent(ms)}%`} x2={`${percent(ms)}%`} y1="0" y2="100%" />
        ))}
        <rect
          class={`tone-${tone}`}
          x={`${percent(atMs)}%`}
          y="5"
          rx="3"
          width={`${Math.max(0.4, percent(tookMs))}%`}
          height="10"
        />
        <text x={`${percent(atMs + tookMs)}%`} dx="5" y="14">
          {durationText(tookMs)}
        </text>
      </svg>
    </li>
  )
}
