/** A visit as a picture: a waterfall for each pass, facts of each hop, what differs between cold and warm. */
import { useSignal } from '@preact/signals'
import type { VNode } from 'preact'
import { durationText } from '../model/format.ts'
import {
  answerText,
  DANE,
  endText,
  failureText,
  type Hop,
  type Pass,
  PHASES,
  phaseMs,
  rowText,
  suggestionText,
  toneOf,
  type VisitResult,
  type VisitRow,
} from '../model/visit.ts'
import { ticks } from '../model/walk.ts'
import { Panel, Tag } from '../parts/small.tsx'
import { link } from '../route.ts'
import { HopFacts } from './facts.tsx'

export function Result({ result }: { readonly result: VisitResult }): VNode {
  const shown = useSignal(0)
  const pass = result.passes[shown.value] ?? result.passes[0]
  if (pass === undefined) return <p class="dim">Nothing was done.</p>
  const last = pass.hops.at(-1)
  return (
    <>
      <section class="panel banner">
        <span class="answer">{last?.response?.status ?? 'failed'}</span>
        {last?.end.kind === 'failed' ? <Tag mood="bad">{failureText(last.end)}</Tag> : null}
        <span class="figures">
          {durationText(pass.tookMs)} {pass.kind}
          {pass.hops.length > 1 ? ` · ${pass.hops.length - 1} redirected` : ''}
        </span>
        <span class="w">{last?.url ?? result.url}</span>
        <span class="grow" />
        <fieldset class="spans">
          <legend class="sr">Which time it was opened</legend>
          {result.passes.map(({ kind }, index) => (
            <button
              key={kind}
              type="button"
              class="quiet"
              aria-pressed={index === shown.value}
              onClick={() => {
                shown.value = index
              }}
            >
              {kind}
            </button>
          ))}
        </fieldset>
      </section>
      {pass.hops.map((hop, index) => (
        <HopPicture key={`${index} ${hop.url}`} hop={hop} spanMs={pass.tookMs} />
      ))}
      <div class="cols">
        <Phases passes={result.passes} />
        <Faster result={result} />
      </div>
    </>
  )
}

/** What is left is for the words after the last bar. */
const AXIS_PERCENT = 84

/** Its place on the axis of the whole pass: a redirect begins where the hop before it ended. */
function HopPicture({ hop, spanMs }: { readonly hop: Hop; readonly spanMs: number }): VNode {
  return (
    <Panel title={`${hop.method} ${hop.url}`} aside={endText(hop)} className="hop">
      <ul class="waterfall">
        {hop.rows.map((row, index) => (
          <Row key={`${index} ${row.what}`} row={row} hop={hop} spanMs={Math.max(1, spanMs)} />
        ))}
      </ul>
      <HopFacts hop={hop} />
    </Panel>
  )
}

function Row({ row, hop, spanMs }: { readonly row: VisitRow; readonly hop: Hop; readonly spanMs: number }): VNode {
  const { layer, protocol, what, name, type, fromMs, toMs, outcome } = row
  const percent = (ms: number): number => (ms / spanMs) * AXIS_PERCENT
  const tookMs = toMs - fromMs
  const [from, width] = [percent(hop.atMs + fromMs), Math.max(0.4, percent(tookMs))]
  const lookUp = what === 'look-up' ? hop.lookUps.find(one => one.name === name && one.type === type) : undefined
  const label = rowText(row, hop)
  return (
    <li class="fall">
      <span class="dim layer">{layer}</span>
      <span class="protocol">{protocol}</span>
      <span class={outcome === 'failed' ? 'w failing' : 'w'}>
        {lookUp === undefined ? (
          label
        ) : (
          <a class="mono" href={link('explain', { name, type })} data-name={name} data-type={type}>
            {label}
          </a>
        )}
        {lookUp === undefined ? null : <span class="dim said-of">{answerText(lookUp)}</span>}
      </span>
      <svg class="bars" aria-label={`from ${durationText(hop.atMs + fromMs)} for ${durationText(tookMs)}`} role="img">
        {ticks(spanMs).map(ms => (
          <line key={ms} x1={`${percent(ms)}%`} x2={`${percent(ms)}%`} y1="0" y2="100%" />
        ))}
        <rect
          class={`tone-${toneOf(row)}${outcome === 'abandoned' ? ' faint' : ''}`}
          x={`${from}%`}
          y="5"
          rx="3"
          width={`${width}%`}
          height="10"
        />
        <text x={`${from + width}%`} dx="5" y="14">
          {durationText(Math.round(tookMs * 100) / 100)}
        </text>
      </svg>
    </li>
  )
}

/** Cold next to warm: what is spared the second time. */
const Phases = ({ passes }: { readonly passes: readonly Pass[] }): VNode => (
  <Panel title="Cold and warm" aside="over all redirects">
    <table>
      <thead>
        <tr>
          <th scope="col">
            <span class="sr">phase</span>
          </th>
          {passes.map(({ kind }) => (
            <th key={kind} scope="col" class="n">
              {kind}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {PHASES.map(([phase, label]) => (
          <tr key={phase}>
            <th scope="row">{label}</th>
            {passes.map(pass => (
              <td key={pass.kind} class="n">
                {msText(phaseMs(pass, phase))}
              </td>
            ))}
          </tr>
        ))}
        <tr>
          <th scope="row">total</th>
          {passes.map(({ kind, tookMs }) => (
            <td key={kind} class="n">
              <b>{durationText(tookMs)}</b>
            </td>
          ))}
        </tr>
      </tbody>
    </table>
  </Panel>
)

const msText = (ms: number | null): string => (ms === null ? '–' : durationText(ms))

function Faster({ result: { suggestions, checks } }: { readonly result: VisitResult }): VNode {
  return (
    <Panel title="Could be faster, could be safer">
      <ul class="steps-plain">
        {suggestions.length === 0 ? <li class="dim">Nothing that was measured is worth a word.</li> : null}
        {suggestions.map(suggestion => (
          <li key={suggestion.kind}>{suggestionText(suggestion)}</li>
        ))}
        {checks.map(({ host, port, caa, dane }) => (
          <li key={`${host} ${port}`} class="w">
            <span class="mono">
              {host} {port}
            </span>{' '}
            <span class="dim">
              {caa === null || caa.records.length === 0
                ? 'has no CAA record: any authority may issue certificates for it'
                : `may have certificates of ${caa.records.map(({ value }) => String(value)).join(', ')} only (CAA)`}
              {dane === null ? '' : `; DANE: ${DANE[dane.kind] ?? dane.kind}`}
            </span>
          </li>
        ))}
      </ul>
    </Panel>
  )
}
