/** What is cached: a name found, why its TTL is what it is, and how to be rid of it. */
import { useSignal } from '@preact/signals'
import type { TargetedEvent, VNode } from 'preact'
import { useEffect } from 'preact/hooks'
import { ask, type CacheEntry, type CacheView, type FlushResult, queryOf, troubleText } from '../api.ts'
import { bytesText, clockText, counted, countText, spanText } from '../model/format.ts'
import { sum } from '../model/series.ts'
import { Bar, Empty, Panel, securityMood, Tag, Trouble } from '../parts/small.tsx'
import { useViews } from '../parts/views.ts'
import { go, link, route } from '../route.ts'
import { mayOperate, now } from '../state.ts'

export function CacheScreen(): VNode {
  const { name = '', view = '' } = route.value.fields
  return (
    <>
      <h1 class="sr">Cache</h1>
      <NameForm name={name} />
      <ViewTabs />
      {name === '' ? <Browser /> : <Name key={`${name} ${view}`} name={name} />}
    </>
  )
}

function NameForm({ name }: { readonly name: string }): VNode {
  const text = useSignal(name)
  useEffect(() => {
    text.value = name
  }, [name, text])
  const submit = (event: TargetedEvent<HTMLFormElement>): void => {
    event.preventDefault()
    go(link('cache', { name: text.value.trim(), view: route.value.fields.view }))
  }
  return (
    <form class="filter" onSubmit={submit}>
      <input
        aria-label="Name"
        class="mono"
        placeholder="www.example.com"
        autocomplete="off"
        spellcheck={false}
        value={text}
        onInput={event => {
          text.value = event.currentTarget.value
        }}
      />
      <button type="submit" class="primary">
        Find
      </button>
      {name === '' ? null : (
        <a class="quiet" href={link('cache', { view: route.value.fields.view })}>
          Everything
        </a>
      )}
    </form>
  )
}

/** Views that ask something else have caches of their own; where there is one for all, nothing is to choose. */
function ViewTabs(): VNode | null {
  const views = useViews()
  const { view = '', ...fields } = route.value.fields
  if (views.value.length === 0) return null
  return (
    <nav class="tabs" aria-label="View">
      {['', ...views.value.map(({ name }) => name)].map(name => (
        <a
          key={name}
          class="quiet"
          href={link('cache', { ...fields, view: name })}
          aria-current={name === view ? 'true' : undefined}
        >
          {name === '' ? 'of all' : `of view ${name}`}
        </a>
      ))}
    </nav>
  )
}

type Loaded<T> =
  | { readonly kind: 'loading' }
  | { readonly kind: 'trouble'; readonly text: string }
  | { readonly kind: 'is'; readonly value: T }

function Name({ name }: { readonly name: string }): VNode {
  const state = useSignal<Loaded<CacheView>>({ kind: 'loading' })
  const turn = useSignal(0)
  const { view } = route.value.fields
  useEffect(() => {
    void ask<CacheView>(`cache/names/${encodeURIComponent(name)}?${queryOf({ view })}`).then(answer => {
      state.value =
        answer.kind === 'ok' ? { kind: 'is', value: answer.value } : { kind: 'trouble', text: troubleText(answer) }
    })
  }, [name, turn.value, state])
  const { value } = state
  if (value.kind === 'loading') return <Empty>Looking …</Empty>
  if (value.kind === 'trouble') return <Trouble text={value.text} />
  const { entries, localZone, closestDelegation, name: shown } = value.value
  return (
    <>
      <Panel
        title={shown}
        aside={
          <a href={link('explain', { name: shown })} data-name={shown}>
            Explain
          </a>
        }
      >
        {localZone === null ? null : <p>The local zone {localZone} answers here, not the cache.</p>}
        {entries.length === 0 ? <Empty>Nothing is cached of it.</Empty> : <Entries entries={entries} />}
      </Panel>
      {mayOperate.value ? <Flush name={shown} view={view} onFlushed={() => turn.value++} /> : null}
      {closestDelegation === null ? null : (
        <Panel title="Where a walk for it begins">
          <Entries entries={[closestDelegation]} />
        </Panel>
      )}
    </>
  )
}

const Entries = ({ entries }: { readonly entries: readonly CacheEntry[] }): VNode => (
  <ul class="entries">
    {entries.map(entry => (
      <Entry key={`${entry.kind} ${entry.name} ${entry.type}`} entry={entry} />
    ))}
  </ul>
)

function Entry({ entry }: { readonly entry: CacheEntry }): VNode {
  const { name, type, kind, ttl, ttlLeft, ttlOrigin, trust, security, note, records, servers, storedAt } = entry
  const words = [
    trust === null ? null : `trust: ${trust}`,
    storedAt === null ? null : `stored ${clockText(storedAt * 1_000)}`,
  ]
  return (
    <li class="entry" data-name={name} data-type={type}>
      <div class="entry-head">
        <b class="mono">
          <a href={link('cache', { name, view: route.value.fields.view })}>{name}</a> {type}
        </b>
        <span class="dim">{KINDS[kind] ?? kind}</span>
        {security === null ? null : <Tag mood={securityMood(security)}>{security}</Tag>}
        <span class="grow" />
        <span class="n">{ttlLeft === null ? 'does not end' : `${spanText(ttlLeft)} left`}</span>
      </div>
      {ttl === null || ttlLeft === null || ttl === 0 ? null : <Bar share={ttlLeft / ttl} />}
      <p class="dim">
        {ttl === null ? '' : `TTL ${ttl}: `}
        {ttlOrigin}
        {words.map(word => (word === null ? '' : ` · ${word}`))}
      </p>
      {note === null ? null : <p class="note">{note}</p>}
      {records.map(record => (
        <p key={`${record.name} ${record.type} ${record.data}`} class="mono record">
          {record.name === name ? '' : `${record.name} `}
          {record.type === type ? '' : `${record.type} `}
          {record.data}
        </p>
      ))}
      {servers.map(server => (
        <p key={server.name} class="mono record">
          {server.name} {server.addresses.join(', ')}
        </p>
      ))}
    </li>
  )
}

const KINDS: Readonly<Record<string, string>> = {
  rrsets: '',
  nodata: 'no data of this type',
  nxdomain: 'does not exist',
  failures: 'failed',
  delegations: 'delegation',
}

interface FlushProps {
  /** Null: everything. */
  readonly name: string | null
  readonly view: string | undefined
  readonly onFlushed: () => void
}

function Flush({ name, view, onFlushed }: FlushProps): VNode {
  const said = useSignal('')
  const below = useSignal(false)
  const flush = async (dryRun: boolean): Promise<void> => {
    const path = name === null ? 'cache' : `cache/names/${encodeURIComponent(name)}`
    const query = queryOf({ below: below.value, view, dryRun })
    const answer = await ask<FlushResult>(`${path}?${query}`, { method: 'DELETE' })
    if (answer.kind !== 'ok') {
      said.value = troubleText(answer)
      return
    }
    const { answers, ...stores } = answer.value.removed
    const text = `${counted(sum(Object.values(stores)), 'entry', 'entries')} and ${counted(answers, 'finished answer')}`
    said.value = dryRun ? `${text} would go.` : `${text} went.`
    if (!dryRun) onFlushed()
  }
  const where = view === undefined ? '' : ` of view ${view}`
  return (
    <Panel title="Flush">
      <div class="actions">
        {name === null ? null : (
          <label class="check">
            <input
              type="checkbox"
              checked={below.value}
              onChange={event => {
                below.value = event.currentTarget.checked
              }}
            />
            and all names below
          </label>
        )}
        <button type="button" onClick={() => void flush(true)}>
          What would go?
        </button>
        <button type="button" class="danger" onClick={() => void flush(false)}>
          Flush {name ?? 'everything'}
          {where}
        </button>
        <span aria-live="polite">{said.value}</span>
      </div>
    </Panel>
  )
}

const TABS = [
  ['rrsets', 'Data'],
  ['negatives', 'Denials'],
  ['failures', 'Failures'],
  ['delegations', 'Delegations'],
] as const

interface Page {
  readonly entries: readonly CacheEntry[]
  readonly next: string | null
}

function Browser(): VNode {
  const { kind = 'rrsets', under = '', view } = route.value.fields
  const page = useSignal<Loaded<Page>>({ kind: 'loading' })
  const load = async (cursor: string | undefined, before: readonly CacheEntry[]): Promise<void> => {
    const answer = await ask<Page>(`cache?${queryOf({ kind, under, view, limit: 50, cursor })}`)
    page.value =
      answer.kind === 'ok'
        ? { kind: 'is', value: { entries: [...before, ...answer.value.entries], next: answer.value.next } }
        : { kind: 'trouble', text: troubleText(answer) }
  }
  useEffect(() => {
    page.value = { kind: 'loading' }
    void load(undefined, [])
  }, [kind, under, view])
  const { value } = page
  const stores = now.value?.stores ?? []
  return (
    <>
      <Panel title="Cached" aside={`${bytesText(sum(stores.map(({ bytes }) => bytes)))} in all`}>
        <nav class="tabs" aria-label="Kind of entries">
          {TABS.map(([key, text]) => (
            <a
              key={key}
              class="quiet"
              href={link('cache', { kind: key, under, view })}
              aria-current={key === kind ? 'true' : undefined}
            >
              {text} <span class="dim">{countText(stores.find(({ store }) => store === key)?.entries ?? 0)}</span>
            </a>
          ))}
        </nav>
        {value.kind === 'loading' ? <Empty>Looking …</Empty> : null}
        {value.kind === 'trouble' ? <Trouble text={value.text} /> : null}
        {value.kind === 'is' && value.value.entries.length === 0 ? <Empty>Nothing of this kind.</Empty> : null}
        {value.kind === 'is' ? <Entries entries={value.value.entries} /> : null}
        {value.kind === 'is' && value.value.next !== null ? (
          <button type="button" onClick={() => void load(value.value.next ?? undefined, value.value.entries)}>
            More
          </button>
        ) : null}
      </Panel>
      {mayOperate.value ? <Flush name={null} view={view} onFlushed={() => void load(undefined, [])} /> : null}
    </>
  )
}
