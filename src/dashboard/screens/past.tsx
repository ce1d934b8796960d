/** The log of a time that is over: what a range or a point of a chart leads to. Newest first, page by page. */
import { useSignal } from '@preact/signals'
import type { VNode } from 'preact'
import { useEffect } from 'preact/hooks'
import { ask, type Failure, queryOf, troubleText } from '../api.ts'
import { clockText, counted, dateText } from '../model/format.ts'
import { FilterForm, type Query, QueryLine } from '../parts/query-line.tsx'
import { Empty, Panel, Trouble } from '../parts/small.tsx'
import { link, route } from '../route.ts'

interface Page {
  readonly queries: readonly Query[]
  readonly next: string | null
  readonly unreadable: number
}

type State =
  | { readonly kind: 'looking' }
  | { readonly kind: 'is'; readonly page: Page }
  | { readonly kind: 'no-history' }
  | { readonly kind: 'trouble'; readonly text: string }

const PAGE = 100
const NOT_FOUND = 404

export function PastScreen(): VNode {
  const { from = '', to = '', filter = '' } = route.value.fields
  const state = useSignal<State>({ kind: 'looking' })
  const error = useSignal<{ readonly message: string; readonly column: number } | null>(null)
  const load = async (cursor: string | undefined, before: readonly Query[]): Promise<void> => {
    const answer = await ask<Page>(`queries?${queryOf({ filter, from, to, limit: PAGE, cursor })}`)
    error.value = answer.kind === 'ok' ? null : filterFault(answer)
    if (answer.kind === 'ok')
      state.value = { kind: 'is', page: { ...answer.value, queries: [...before, ...answer.value.queries] } }
    else if (answer.kind === 'problem' && answer.problem.status === NOT_FOUND) state.value = { kind: 'no-history' }
    else state.value = { kind: 'trouble', text: troubleText(answer) }
  }
  useEffect(() => {
    state.value = { kind: 'looking' }
    void load(undefined, [])
  }, [from, to, filter])
  const { value } = state
  return (
    <>
      <h1 class="sr">Live</h1>
      <FilterForm filter={filter} error={error.value} />
      <Panel
        title={`Queries ${spanOf(Number(from), to === '' ? null : Number(to))}`}
        aside={<a href={link('live', { filter })}>to what comes now</a>}
      >
        {value.kind === 'looking' ? <Empty>Looking …</Empty> : null}
        {value.kind === 'no-history' ? <NoHistory filter={filter} /> : null}
        {value.kind === 'trouble' && error.value === null ? <Trouble text={value.text} /> : null}
        {value.kind === 'is' ? <Found page={value.page} filter={filter} /> : null}
        {value.kind === 'is' && value.page.next !== null ? (
          <button type="button" onClick={() => void load(value.page.next ?? undefined, value.page.queries)}>
            More
          </button>
        ) : null}
      </Panel>
    </>
  )
}

/** `of 2026-11-30, 17:42:10 to 17:43:00`. */
const spanOf = (from: number, to: number | null): string =>
  `of ${dateText(from).slice(0, 'yyyy-mm-dd'.length)}, ${clockText(from)} to ${to === null ? 'now' : clockText(to)}`

function Found({ page: { queries, unreadable }, filter }: { readonly page: Page; readonly filter: string }): VNode {
  return (
    <>
      {unreadable === 0 ? null : <Trouble text={`${counted(unreadable, 'file')} of the history cannot be read.`} />}
      {queries.length === 0 ? <Empty>No query of that time passes the filter.</Empty> : null}
      <div class="tail">
        {queries.map((record, index) => (
          // Two of the same client and time are two.
          <QueryLine key={`${record.at} ${index}`} record={record} filter={filter} />
        ))}
      </div>
    </>
  )
}

const NoHistory = ({ filter }: { readonly filter: string }): VNode => (
  <Empty>
    No history of queries is kept here: <a href={link('settings', { find: 'history' })}>history.directory</a> sets
    where. <a href={link('live', { filter })}>Live</a> shows those that come from now on.
  </Empty>
)

/** `column 16: expected "and"` of a filter. */
function filterFault(answer: Failure): { readonly message: string; readonly column: number } | null {
  const fault = answer.kind === 'problem' ? answer.problem.errors?.find(({ pointer }) => pointer === '/filter') : null
  if (fault === undefined || fault === null) return null
  const [, column = '1', message = fault.detail] = /^column (\d+): (.*)$/.exec(fault.detail) ?? []
  return { column: Number(column), message }
}
