/** All settings: what holds, where it comes from, what takes it over; changed, looked at before, changed back. */
import { signal } from '@preact/signals'
import type { VNode } from 'preact'
import { useEffect } from 'preact/hooks'
import { ask, type SettingsView, troubleText } from '../api.ts'
import { counted } from '../model/format.ts'
import { grouped, isFound, isShown, type Setting, SHOWN, type Shown } from '../model/settings.ts'
import { Reload } from '../parts/reload.tsx'
import { Empty, Panel, Trouble } from '../parts/small.tsx'
import { become, link, route } from '../route.ts'
import { mayOperate } from '../state.ts'
import { Changes } from './changes.tsx'
import { drafts } from './drafts.ts'
import { SettingsHistory } from './history.tsx'
import { SettingRow } from './row.tsx'

const trouble = signal('')
const view = signal<{ readonly settings: SettingsView; readonly etag: string | null } | null>(null)

async function load(): Promise<void> {
  const answer = await ask<SettingsView>('configuration')
  trouble.value = answer.kind === 'ok' ? '' : troubleText(answer)
  if (answer.kind === 'ok') view.value = { settings: answer.value, etag: answer.etag }
}

const isShownName = (text: string): text is Shown => SHOWN.some(shown => shown === text)

export function SettingsScreen(): VNode {
  const { find = '', only = '' } = route.value.fields
  const shown = isShownName(only) ? only : 'all'
  useEffect(() => {
    void load()
  }, [])
  const { value } = view
  const all = value?.settings.settings ?? []
  // One that is being changed stays in sight.
  const found = all.filter(one => drafts.value.has(one.path) || (isShown(one, shown) && isFound(one, find)))
  return (
    <>
      <h1 class="sr">Settings</h1>
      <Find find={find} only={only} />
      {trouble.value === '' ? null : <Trouble text={trouble.value} />}
      {value === null ? null : <Head view={value.settings} />}
      <Tabs shown={shown} find={find} settings={all} />
      {value !== null && found.length === 0 ? (
        <Panel title="None">
          <Empty>No setting has all of these words.</Empty>
        </Panel>
      ) : null}
      {grouped(found, find).map(([title, settings]) => (
        <Panel key={title} title={title} aside={counted(settings.length, 'setting')}>
          <ul class="entries">
            {settings.map(setting => (
              <SettingRow key={setting.path} setting={setting} />
            ))}
          </ul>
        </Panel>
      ))}
      {value === null ? null : (
        <SettingsHistory revision={value.settings.revision} etag={value.etag} onChanged={() => void load()} />
      )}
      <Changes settings={all} etag={value?.etag ?? null} onChanged={() => void load()} />
    </>
  )
}

function Find({ find, only }: { readonly find: string; readonly only: string }): VNode {
  return (
    <search class="filter">
      <input
        type="search"
        aria-label="Find a setting"
        placeholder="Find a setting: cache size, dnssec, who may ask …"
        autocomplete="off"
        spellcheck={false}
        value={find}
        onInput={event => become(link('settings', { find: event.currentTarget.value, only }))}
      />
    </search>
  )
}

const TABS: Readonly<Record<Shown, string>> = {
  all: 'All',
  set: 'Not as by default',
  pending: 'Not taken over yet',
  open: 'Changed without a restart',
}

interface TabsProps {
  readonly shown: Shown
  readonly find: string
  readonly settings: readonly Setting[]
}

const Tabs = ({ shown, find, settings }: TabsProps): VNode => (
  <nav class="tabs" aria-label="Which settings">
    {SHOWN.map(one => (
      <a
        key={one}
        class="quiet"
        href={link('settings', { find, only: one === 'all' ? '' : one })}
        aria-current={one === shown ? 'true' : undefined}
      >
        {TABS[one]} <span class="dim">{settings.filter(setting => isShown(setting, one)).length}</span>
      </a>
    ))}
  </nav>
)

function Head({ view: { file, settings, problems } }: { readonly view: SettingsView }): VNode {
  const pending = settings.filter(({ isPending }) => isPending)
  return (
    <Panel title="Configuration" aside={<span class="mono">{file ?? 'no file'}</span>}>
      {problems.length === 0 ? null : (
        <div class="trouble" role="alert">
          <p>What would be read now does not hold; what held before goes on.</p>
          {problems.map(problem => (
            <p key={problem} class="mono">
              {problem}
            </p>
          ))}
        </div>
      )}
      <p>{pendingText(pending)}</p>
      {mayOperate.value ? <Reload onRead={() => void load()} /> : null}
    </Panel>
  )
}

function pendingText(pending: readonly Setting[]): string {
  if (pending.length === 0) return 'All that is set has been taken over.'
  const restart = pending.filter(({ takesEffect }) => takesEffect === 'restart').length
  const are = `${counted(pending.length, 'setting')} ${pending.length === 1 ? 'is' : 'are'} read and not taken over yet`
  return `${are}: a reload takes over ${pending.length - restart}, a restart ${restart}.`
}
