/** Response policy zones and policies that are programs: whether they hold, and how often they decided. */
import { type Signal, useSignal } from '@preact/signals'
import type { VNode } from 'preact'
import { useEffect } from 'preact/hooks'
import { ask, troubleText } from '../api.ts'
import { counted, countText, dateText } from '../model/format.ts'
import type { PolicyZone, Program } from '../model/policy.ts'
import { sum } from '../model/series.ts'
import { Empty, Panel, Tag, Trouble } from '../parts/small.tsx'

interface Loaded<T> {
  /** Null: not yet. */
  readonly value: T | null
  readonly trouble: string
}

function useLoaded<T>(path: string): Signal<Loaded<T>> {
  const loaded = useSignal<Loaded<T>>({ value: null, trouble: '' })
  useEffect(() => {
    void ask<T>(path).then(answer => {
      loaded.value =
        answer.kind === 'ok' ? { value: answer.value, trouble: '' } : { value: null, trouble: troubleText(answer) }
    })
  }, [path, loaded])
  return loaded
}

const AGAINST: Readonly<Record<string, string>> = { early: 'before names are resolved', strict: 'in strict order' }

export function Zones(): VNode {
  const { value, trouble } = useLoaded<{ readonly zones: readonly PolicyZone[] }>('policy/zones').value
  return (
    <Panel title="Policy zones" aside="RPZ, in their order">
      {trouble === '' ? null : <Trouble text={trouble} />}
      {value?.zones.length === 0 ? <Empty>None.</Empty> : null}
      <ul class="entries">
        {(value?.zones ?? []).map(zone => (
          <Zone key={zone.zone} zone={zone} />
        ))}
      </ul>
    </Panel>
  )
}

function Zone({ zone: of }: { readonly zone: PolicyZone }): VNode {
  const { zone, file, state, required, action, order, serial, rules, hits, loadedAt, problem, warnings } = of
  const facts = [
    counted(rules, 'rule'),
    serial === null ? '' : `serial ${serial}`,
    warnings === 0 ? '' : `${counted(warnings, 'line')} that are no rules`,
    AGAINST[order] ?? order,
    loadedAt === null ? '' : `loaded ${dateText(loadedAt * 1_000)}`,
  ].filter(text => text !== '')
  return (
    <li class="entry">
      <div class="entry-head">
        <b class="mono">{zone}</b>
        {action === 'given' ? null : <Tag mood="warn">{action}</Tag>}
        {state === 'missing' ? <Tag mood={required ? 'bad' : 'warn'}>missing</Tag> : null}
        <span class="grow" />
        <span class="n">{counted(hits, 'hit')}</span>
      </div>
      <p class="dim">{facts.join(' · ')}</p>
      <p class="dim mono">{file ?? 'sent by other servers'}</p>
      {problem === null ? null : <p class="failing">{problem}</p>}
    </li>
  )
}

export function Programs(): VNode {
  const { value, trouble } = useLoaded<{ readonly programs: readonly Program[] }>('policy/programs').value
  return (
    <Panel title="Programs" aside="policies of your own">
      {trouble === '' ? null : <Trouble text={trouble} />}
      {value?.programs.length === 0 ? <Empty>None.</Empty> : null}
      <ul class="entries">
        {(value?.programs ?? []).map(program => (
          <Entry key={program.name} program={program} />
        ))}
      </ul>
    </Panel>
  )
}

function Entry({ program }: { readonly program: Program }): VNode {
  const { name, file, isolated, reads, onFault, hooks, loaded, calls, faults, restarts, problem } = program
  const failed = sum(Object.values(faults))
  const kinds = Object.entries(faults).map(([kind, count]) => `${countText(count)} ${kind}`)
  return (
    <li class="entry">
      <div class="entry-head">
        <b>{name}</b>
        {loaded ? null : <Tag mood="bad">not loaded</Tag>}
        {failed === 0 ? null : <Tag mood="warn">{counted(failed, 'fault')}</Tag>}
        <span class="grow" />
        <span class="n">{counted(calls, 'call')}</span>
      </div>
      <p class="dim">
        {isolated ? 'in a thread of its own' : 'in the thread of the server'} · reads {reads} · {hooks.join(', ')}
        {' · '}
        {onFault === 'open' ? 'passed over where it fails' : 'where it fails, nothing is answered'}
        {restarts === 0 ? '' : ` · ${counted(restarts, 'restart')}`}
      </p>
      {kinds.length === 0 ? null : <p class="dim">{kinds.join(', ')}</p>}
      <p class="dim mono">{file}</p>
      {problem === null ? null : <p class="failing">{problem}</p>}
    </li>
  )
}
