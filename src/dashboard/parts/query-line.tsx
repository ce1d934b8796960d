/** One query as a line that opens to its details, and the field of filters: of the live tail and of the log. */
import { useSignal } from '@preact/signals'
import type { TargetedEvent, VNode } from 'preact'
import { useEffect } from 'preact/hooks'
import type { LiveItem } from '../live-socket.ts'
import { clockText, countText, durationText } from '../model/format.ts'
import { andFilter, clientFilter, nameFilter } from '../model/filters.ts'
import { sourceOf } from '../model/sources.ts'
import { go, link, route } from '../route.ts'
import { SourceTag } from './small.tsx'

export type Query = Extract<LiveItem, { kind: 'query' }>['record']

interface LineProps {
  readonly record: Query
  readonly filter: string
}

export function QueryLine({ record, filter }: LineProps): VNode {
  const { at, client, name, type, rcode, by, ms } = record
  return (
    <details class="line" data-name={name} data-type={type}>
      <summary>
        <span class="dim at">{clockText(at)}</span>
        <span class="client mono">{client}</span>
        <span class="mono name">{name}</span>
        <span class="type">{type}</span>
        <span class={rcode === 'SERVFAIL' ? 'rcode failing' : 'rcode'}>{rcode}</span>
        <SourceTag source={sourceOf(by, rcode)} />
        <span class="n ms">{durationText(ms)}</span>
      </summary>
      <Details record={record} filter={filter} />
    </details>
  )
}

function Details({ record, filter }: LineProps): VNode {
  const { name, type, client, transport, octets, by } = record
  const { from, to } = route.value.fields
  return (
    <div class="details">
      <p>
        {transport.toUpperCase()}, {countText(octets)} octets, made by {by}.
      </p>
      <p class="links">
        <a href={link('explain', { name, type })}>Explain</a>
        <a href={link('policy', { name, type, client })}>Policy</a>
        <a href={link('cache', { name })}>Cache</a>
        <a href={link('live', { from, to, filter: andFilter(filter, nameFilter(name)) })}>Only this name</a>
        <a href={link('live', { from, to, filter: andFilter(filter, clientFilter(client)) })}>Only this client</a>
      </p>
    </div>
  )
}

interface FormProps {
  readonly filter: string
  readonly error: { readonly message: string; readonly column: number } | null
}

/** The time that is looked at stays. */
export function FilterForm({ filter, error }: FormProps): VNode {
  const { from, to } = route.value.fields
  const text = useSignal(filter)
  useEffect(() => {
    text.value = filter
  }, [filter, text])
  const submit = (event: TargetedEvent<HTMLFormElement>): void => {
    event.preventDefault()
    // The space bar is to stop the list from now on, not to press the button again.
    if (document.activeElement instanceof HTMLElement) document.activeElement.blur()
    go(link('live', { from, to, filter: text.value.trim() }))
  }
  return (
    <form class="filter" onSubmit={submit}>
      <input
        aria-label="Filter"
        aria-invalid={error !== null}
        aria-describedby="filter-error"
        class="mono"
        list="filter-words"
        placeholder="rcode=SERVFAIL and name under example.com"
        autocomplete="off"
        spellcheck={false}
        value={text}
        onInput={event => {
          text.value = event.currentTarget.value
        }}
      />
      <datalist id="filter-words">
        {EXAMPLES.map(example => (
          <option key={example} value={example} />
        ))}
      </datalist>
      <button type="submit">Filter</button>
      {filter === '' ? null : (
        <a class="quiet" href={link('live', { from, to })}>
          Show all
        </a>
      )}
      <p id="filter-error" class="failing" aria-live="polite">
        {error === null ? '' : `column ${error.column}: ${error.message}`}
      </p>
    </form>
  )
}

const EXAMPLES = [
  'rcode=SERVFAIL',
  'rcode=NXDOMAIN',
  'ms>=100',
  'source=recursion',
  'type in (HTTPS, SVCB)',
  'transport=tcp',
  'name under example.com',
  'record=event and level>=warn',
]
