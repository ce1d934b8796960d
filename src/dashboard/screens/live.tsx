/**
 * Queries and events as they come, newest first, one line each. The pointer over the list or the space bar stops it;
 * what comes meanwhile is counted and shown after.
 */
import { signal, useSignal } from '@preact/signals'
import type { VNode } from 'preact'
import { useEffect } from 'preact/hooks'
import { LiveClient, type LiveItem } from '../live-socket.ts'
import { clockText, countText } from '../model/format.ts'
import { andFilter, quoted } from '../model/filters.ts'
import { SOURCES, sourceFilter, sourceOf } from '../model/sources.ts'
import { FilterForm, QueryLine } from '../parts/query-line.tsx'
import { Empty, Panel, SourceTag } from '../parts/small.tsx'
import { link, route } from '../route.ts'

/** Rows that are shown, and kept at most while it is stopped. */
const ROWS = 200
const KEPT = 2_000
/** How often the list is drawn, however much comes. */
const DRAW_MS = 200

type Row = LiveItem | { readonly id: string; readonly kind: 'gap'; readonly dropped: number | null }

const rows = signal<readonly Row[]>([])
const waiting = signal<readonly Row[]>([])
const dropped = signal(0)
const isStopped = signal(false)
const isConnected = signal(true)
const filterError = signal<{ readonly message: string; readonly column: number } | null>(null)

export function LiveScreen(): VNode {
  const filter = route.value.fields.filter ?? ''
  const isHeld = useSignal(false)
  useLive(filter, isHeld)
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.key !== ' ' || event.ctrlKey || event.metaKey || event.altKey) return
      if (event.target instanceof HTMLElement && /^(?:INPUT|BUTTON|A|SUMMARY|SELECT)$/.test(event.target.tagName))
        return
      event.preventDefault()
      isStopped.value = !isStopped.value
    }
    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  }, [])
  return (
    <>
      <h1 class="sr">Live</h1>
      <FilterForm filter={filter} error={filterError.value} />
      <div class="live">
        <Facets filter={filter} />
        <Panel title="Queries and events" aside={<State isHeld={isHeld.value} />}>
          {rows.value.length === 0 ? <Empty>Nothing yet. A line appears with each query.</Empty> : null}
          <div
            class="tail"
            onPointerEnter={event => {
              isHeld.value = event.pointerType === 'mouse'
            }}
            onPointerLeave={() => {
              isHeld.value = false
            }}
            onFocusIn={event => {
              // As under the pointer, for who walks the lines by keyboard; a click leaves the focus where it was.
              if (event.target instanceof HTMLElement && event.target.matches(':focus-visible')) isHeld.value = true
            }}
            onFocusOut={() => {
              isHeld.value = false
            }}
          >
            {rows.value.map(row => (
              <LiveLine key={`${row.kind}${row.id}`} row={row} filter={filter} />
            ))}
          </div>
        </Panel>
      </div>
    </>
  )
}

/** Opens the stream, and moves what has come into the list unless that is stopped. */
function useLive(filter: string, isHeld: { readonly value: boolean }): void {
  const client = useSignal<LiveClient | null>(null)
  useEffect(() => {
    let gaps = 0
    const add = (more: readonly Row[]): void => {
      waiting.value = [...waiting.value, ...more].slice(-KEPT)
    }
    const live = new LiveClient(filter, {
      items: add,
      gap: count => {
        dropped.value += count ?? 0
        add([{ id: String(gaps++), kind: 'gap', dropped: count }])
      },
      filterError: error => {
        filterError.value = error
      },
      connected: on => {
        isConnected.value = on
      },
    })
    client.value = live
    const timer = setInterval(() => {
      if (waiting.value.length === 0 || isStopped.value || isHeld.value) return
      rows.value = [...waiting.value.toReversed(), ...rows.value].slice(0, ROWS)
      waiting.value = []
    }, DRAW_MS)
    return () => {
      clearInterval(timer)
      live.close()
      rows.value = []
      waiting.value = []
      dropped.value = 0
      isStopped.value = false
    }
  }, [])
  useEffect(() => {
    client.value?.setFilter(filter)
    rows.value = []
    waiting.value = []
  }, [filter])
}

function State({ isHeld }: { readonly isHeld: boolean }): VNode {
  const isStill = isStopped.value || isHeld
  return (
    <span class="state">
      {dropped.value > 0 ? <span class="failing">{countText(dropped.value)} dropped</span> : null}
      {isConnected.value ? null : <span class="failing">connecting again …</span>}
      <span class="dim">{isStill ? `stopped, ${countText(waiting.value.length)} new` : 'running'}</span>
      <button
        type="button"
        class="quiet"
        aria-pressed={isStopped.value}
        onClick={() => {
          isStopped.value = !isStopped.value
        }}
      >
        {isStopped.value ? 'Go on' : 'Stop'} <kbd>space</kbd>
      </button>
    </span>
  )
}

/** What has come, by kind; each narrows the filter. */
function Facets({ filter }: { readonly filter: string }): VNode {
  const queries = rows.value.flatMap(row => (row.kind === 'query' ? [row.record] : []))
  const counts = (of: (query: (typeof queries)[number]) => string): readonly (readonly [string, number])[] => {
    const all = new Map<string, number>()
    for (const query of queries) all.set(of(query), (all.get(of(query)) ?? 0) + 1)
    return [...all].sort(([, one], [, other]) => other - one).slice(0, 6)
  }
  const sources = counts(({ by, rcode }) => sourceOf(by, rcode))
  const list = (title: string, field: string, values: readonly (readonly [string, number])[]): VNode => (
    <div class="facet">
      <h2>{title}</h2>
      {values.map(([value, count]) => (
        <a key={value} href={link('live', { filter: andFilter(filter, `${field}=${quoted(value)}`) })}>
          {value} <span class="dim">{count}</span>
        </a>
      ))}
    </div>
  )
  return (
    <aside class="facets" aria-label="What has come">
      <div class="facet">
        <h2>source</h2>
        {SOURCES.map(source => [source, sources.find(([name]) => name === source)?.[1] ?? 0] as const)
          .filter(([, count]) => count > 0)
          .map(([source, count]) => (
            <a key={source} href={link('live', { filter: andFilter(filter, sourceFilter(source)) })}>
              <SourceTag source={source} /> <span class="dim">{count}</span>
            </a>
          ))}
      </div>
      {list(
        'rcode',
        'rcode',
        counts(({ rcode }) => rcode),
      )}
      {list(
        'type',
        'type',
        counts(({ type }) => type),
      )}
      {list(
        'transport',
        'transport',
        counts(({ transport }) => transport),
      )}
    </aside>
  )
}

function LiveLine({ row, filter }: { readonly row: Row; readonly filter: string }): VNode {
  if (row.kind === 'gap')
    return (
      <p class="gap">
        {row.dropped === null ? 'some records are missing here' : `${countText(row.dropped)} dropped here`}
      </p>
    )
  if (row.kind === 'event') {
    const { at, level, kind, text } = row.record
    return (
      <p class={`event event-${level}`}>
        <span class="dim">{clockText(at)}</span> <b>{kind}</b> {text}
      </p>
    )
  }
  return <QueryLine record={row.record} filter={filter} />
}
