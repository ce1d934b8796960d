/** Zones that are served from here: read, edited as text, the difference looked at, applied, undone. */
import { useSignal } from '@preact/signals'
import type { TargetedEvent, VNode } from 'preact'
import { useEffect } from 'preact/hooks'
import { ask, type Revision, troubleText, type ZoneEntry } from '../api.ts'
import { counted, dateText } from '../model/format.ts'
import { Empty, Panel, Tag, Trouble } from '../parts/small.tsx'
import { go, link, route } from '../route.ts'
import { mayWrite } from '../state.ts'
import { ZoneEditor } from './zone-editor.tsx'

export function ZonesScreen(): VNode {
  const { zone = '', made = '' } = route.value.fields
  return (
    <>
      <h1 class="sr">Zones</h1>
      {zone === '' ? <All /> : <One key={zone} zone={zone} isNew={made === '1'} />}
    </>
  )
}

function All(): VNode {
  const zones = useSignal<readonly ZoneEntry[] | null>(null)
  const trouble = useSignal('')
  useEffect(() => {
    void ask<{ readonly zones: readonly ZoneEntry[] }>('zones?limit=1000').then(answer => {
      if (answer.kind === 'ok') zones.value = answer.value.zones
      else trouble.value = troubleText(answer)
    })
  }, [zones, trouble])
  return (
    <>
      <Panel title="Zones" aside="served from here">
        {trouble.value === '' ? null : <Trouble text={trouble.value} />}
        {zones.value?.length === 0 ? <Empty>None: every name is asked for.</Empty> : null}
        <ul class="entries">
          {(zones.value ?? []).map(({ name, source, file, changed, records, serial, revision }) => (
            <li key={name} class="entry">
              <div class="entry-head">
                <b class="mono">
                  <a href={link('zones', { zone: name })}>{name}</a>
                </b>
                {changed && source === 'file' ? <Tag mood="warn">changed here</Tag> : null}
                <span class="grow" />
                <span class="dim">
                  {counted(records, 'record')}
                  {serial === null ? '' : `, serial ${serial}`}
                  {revision === 0 ? '' : `, revision ${revision}`}
                </span>
              </div>
              <p class="dim">{file ?? (source === 'transfer' ? 'sent by other servers' : 'made through the API')}</p>
            </li>
          ))}
        </ul>
      </Panel>
      {mayWrite.value ? <NewZone /> : null}
    </>
  )
}

function NewZone(): VNode {
  const name = useSignal('')
  const submit = (event: TargetedEvent<HTMLFormElement>): void => {
    event.preventDefault()
    go(link('zones', { zone: name.value.trim(), made: '1' }))
  }
  return (
    <form class="filter" onSubmit={submit}>
      <input
        aria-label="Name of a new zone"
        class="mono"
        placeholder="home.arpa"
        required
        spellcheck={false}
        value={name}
        onInput={event => {
          name.value = event.currentTarget.value
        }}
      />
      <button type="submit">New zone</button>
    </form>
  )
}

function One({ zone, isNew }: { readonly zone: string; readonly isNew: boolean }): VNode {
  const revisions = useSignal<readonly Revision[]>([])
  const trouble = useSignal('')
  const turn = useSignal(0)
  const path = `zones/${encodeURIComponent(zone)}`
  useEffect(() => {
    if (isNew && turn.value === 0) return
    void ask<{ readonly revisions: readonly Revision[] }>(`${path}/revisions`).then(answer => {
      if (answer.kind === 'ok') revisions.value = answer.value.revisions
    })
  }, [path, isNew, turn.value, revisions])
  const changed = (): void => {
    turn.value++
  }
  const undo = async (): Promise<void> => {
    const answer = await ask(`${path}/undo`, { method: 'POST' })
    trouble.value = answer.kind === 'ok' ? '' : troubleText(answer)
    changed()
  }
  return (
    <>
      <ZoneEditor key={turn.value} zone={zone} isNew={isNew && turn.value === 0} onChanged={changed} />
      <Panel title="History" aside={<a href={link('zones')}>All zones</a>}>
        {trouble.value === '' ? null : <Trouble text={trouble.value} />}
        {revisions.value.length === 0 ? <Empty>Never changed here.</Empty> : null}
        <ol class="entries">
          {revisions.value.map(({ number, at, author, comment }) => (
            <li key={number} class="entry entry-head">
              <b>{number}</b> <span>{comment ?? 'no comment'}</span>
              <span class="grow" />
              <span class="dim">
                {author}, {dateText(Date.parse(at))}
              </span>
            </li>
          ))}
        </ol>
        {revisions.value.length > 0 && mayWrite.value ? (
          <button type="button" onClick={() => void undo()}>
            Undo the last change
          </button>
        ) : null}
      </Panel>
    </>
  )
}
