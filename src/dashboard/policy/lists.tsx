/** Block and allow lists: how many rules hold, what was skipped and why, how often they decided. */
import { useSignal } from '@preact/signals'
import type { VNode } from 'preact'
import { useEffect } from 'preact/hooks'
import { ask, troubleText } from '../api.ts'
import { counted, countText, spanText } from '../model/format.ts'
import type { List } from '../model/policy.ts'
import { sum } from '../model/series.ts'
import { Bar, Empty, Panel, Tag, Trouble } from '../parts/small.tsx'
import { link } from '../route.ts'
import { mayOperate } from '../state.ts'

const POLL_MS = 5_000

export function Lists(): VNode {
  const lists = useSignal<readonly List[] | null>(null)
  const trouble = useSignal('')
  const said = useSignal('')
  const load = async (): Promise<void> => {
    const answer = await ask<{ readonly lists: readonly List[] }>('lists')
    trouble.value = answer.kind === 'ok' ? '' : troubleText(answer)
    if (answer.kind === 'ok') lists.value = answer.value.lists
  }
  useEffect(() => {
    void load()
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible') void load()
    }, POLL_MS)
    return () => clearInterval(timer)
  }, [])
  const refresh = async (name: string | null): Promise<void> => {
    const path = name === null ? 'lists/refresh' : `lists/${encodeURIComponent(name)}/refresh`
    const answer = await ask<{ readonly lists: readonly string[] }>(path, { method: 'POST' })
    said.value = answer.kind === 'ok' ? `${answer.value.lists.join(', ')}: being read.` : troubleText(answer)
    await load()
  }
  const all = lists.value ?? []
  const most = Math.max(1, ...all.map(({ hits }) => hits))
  return (
    <Panel
      title="Lists"
      aside={all.length === 0 ? undefined : `${countText(sum(all.map(({ rules }) => rules)))} rules in all`}
    >
      {trouble.value === '' ? null : <Trouble text={trouble.value} />}
      {lists.value !== null && all.length === 0 ? <Empty>None: see "lists" and "rules" in the settings.</Empty> : null}
      <ul class="entries">
        {all.map(list => (
          <Entry key={list.name} list={list} most={most} onRefresh={() => void refresh(list.name)} />
        ))}
      </ul>
      {all.length > 0 && mayOperate.value ? (
        <div class="actions">
          <button type="button" onClick={() => void refresh(null)}>
            Read all again
          </button>
          <a href={link('live', { filter: 'source=lists' })}>What they decided</a>
          <span aria-live="polite">{said.value}</span>
        </div>
      ) : null}
    </Panel>
  )
}

interface EntryProps {
  readonly list: List
  readonly most: number
  readonly onRefresh: () => void
}

function Entry({ list, most, onRefresh }: EntryProps): VNode {
  const { name, layer, format, source, state, problem, rules, duplicates, hits, ageS, nextS } = list
  const skipped = sum(list.skipped.map(({ lines }) => lines))
  const facts = [
    counted(rules, 'rule'),
    duplicates === 0 ? '' : counted(duplicates, 'duplicate'),
    skipped === 0 ? '' : `${counted(skipped, 'line')} skipped`,
    ageS === null ? '' : `seen ${spanText(ageS)} ago`,
    nextS === null ? '' : `fetched again in ${spanText(nextS)}`,
  ].filter(text => text !== '')
  return (
    <li class="entry">
      <div class="entry-head">
        <b>{name}</b>
        <Tag mood={layer === 'block' ? 'plain' : 'good'}>{layer}</Tag>
        {state === 'failed' ? <Tag mood="bad">failed</Tag> : null}
        {state === 'waiting' ? <Tag mood="warn">not read yet</Tag> : null}
        <span class="dim mono w">
          {source} {format}
        </span>
        <span class="grow" />
        <span class="n">{counted(hits, 'hit')}</span>
        {mayOperate.value ? (
          <button type="button" class="quiet" onClick={onRefresh}>
            Read again<span class="sr">: {name}</span>
          </button>
        ) : null}
      </div>
      <Bar share={hits / most} tone="policy" />
      <p class="dim">{facts.join(' · ')}</p>
      {problem === null ? null : <p class="failing">{problem}</p>}
      {skipped === 0 ? null : <Skipped list={list} />}
    </li>
  )
}

const Skipped = ({ list: { name, skipped, shown } }: { readonly list: List }): VNode => (
  <details>
    <summary>
      Skipped, and why<span class="sr"> in {name}</span>
    </summary>
    <ul class="reasons">
      {skipped.map(({ reason, text, lines }) => (
        <li key={reason}>
          {counted(lines, 'line')}: {text}
        </li>
      ))}
    </ul>
    <table>
      <tbody>
        {shown.map(({ line, text, detail }) => (
          <tr key={line}>
            <td class="n dim">{line}</td>
            <td class="mono w">{text}</td>
            <td class="w dim">{detail}</td>
          </tr>
        ))}
      </tbody>
    </table>
  </details>
)
