/** What is validated from, with the state of its keys, and where nothing is validated for a while. */
import { useSignal } from '@preact/signals'
import type { TargetedEvent, VNode } from 'preact'
import { useEffect } from 'preact/hooks'
import { ask, type NegativeAnchor, troubleText, type TrustPointEntry } from '../api.ts'
import { dateText } from '../model/format.ts'
import { Empty, Panel, Tag, Trouble } from '../parts/small.tsx'
import { mayOperate } from '../state.ts'

export function TrustScreen(): VNode {
  const anchors = useSignal<readonly TrustPointEntry[] | null>(null)
  const trouble = useSignal('')
  useEffect(() => {
    void ask<{ readonly anchors: readonly TrustPointEntry[] }>('trust-anchors').then(answer => {
      if (answer.kind === 'ok') anchors.value = answer.value.anchors
      else trouble.value = troubleText(answer)
    })
  }, [anchors, trouble])
  return (
    <>
      <h1 class="sr">Trust</h1>
      <Panel title="Trust anchors" aside="followed as RFC 5011 says">
        {trouble.value === '' ? null : <Trouble text={trouble.value} />}
        {anchors.value?.length === 0 ? <Empty>None: nothing is validated.</Empty> : null}
        <ul class="entries">
          {(anchors.value ?? []).map(({ zone, keyTags, keys, seenAt }) => (
            <li key={zone} class="entry">
              <div class="entry-head">
                <b class="mono">{zone}</b>
                <span class="dim">
                  {keyTags.length === 1 ? 'key' : 'keys'} {keyTags.join(', ')}
                </span>
                <span class="grow" />
                <span class="dim">
                  {seenAt === null ? 'not followed, or not seen yet' : `seen ${dateText(seenAt * 1_000)}`}
                </span>
              </div>
              {keys.map(({ keyTag, algorithm, state, since }) => (
                <p key={keyTag}>
                  key {keyTag} · {algorithm} <Tag mood={state === 'valid' ? 'good' : 'plain'}>{state}</Tag>{' '}
                  <span class="dim">since {dateText(since * 1_000)}</span>
                </p>
              ))}
            </li>
          ))}
        </ul>
      </Panel>
      <NegativeAnchors />
    </>
  )
}

const HOUR_MS = 3_600_000
const SPANS = [
  [1, '1 hour'],
  [24, '1 day'],
  [167, '1 week'],
] as const

function NegativeAnchors(): VNode {
  const anchors = useSignal<readonly NegativeAnchor[]>([])
  const trouble = useSignal('')
  const load = async (): Promise<void> => {
    const answer = await ask<{ readonly anchors: readonly NegativeAnchor[] }>('negative-anchors')
    if (answer.kind === 'ok') anchors.value = answer.value.anchors
    else trouble.value = troubleText(answer)
  }
  const change = async (name: string, method: 'PUT' | 'DELETE', body?: unknown): Promise<void> => {
    const answer = await ask(`negative-anchors/${encodeURIComponent(name)}`, { method, body })
    trouble.value = answer.kind === 'ok' ? '' : troubleText(answer)
    await load()
  }
  useEffect(() => {
    void load()
  }, [])
  return (
    <Panel title="Not validated for a while" aside="negative trust anchors, RFC 7646">
      {trouble.value === '' ? null : <Trouble text={trouble.value} />}
      {anchors.value.length === 0 ? <Empty>Nowhere.</Empty> : null}
      <ul class="entries">
        {anchors.value.map(({ name, until, from }) => (
          <li key={name} class="entry entry-head">
            <b class="mono">{name}</b>
            <span>until {dateText(Date.parse(until))}</span>
            <span class="grow" />
            {from === 'configuration' ? <span class="dim">of the configuration</span> : null}
            {from === 'api' && mayOperate.value ? (
              <button type="button" onClick={() => void change(name, 'DELETE')}>
                Validate again<span class="sr">: {name}</span>
              </button>
            ) : null}
          </li>
        ))}
      </ul>
      {mayOperate.value ? (
        <AnchorForm
          add={(name, hours) =>
            void change(name, 'PUT', { until: new Date(Date.now() + hours * HOUR_MS).toISOString() })
          }
        />
      ) : null}
    </Panel>
  )
}

function AnchorForm({ add }: { readonly add: (name: string, hours: number) => void }): VNode {
  const name = useSignal('')
  const hours = useSignal(1)
  const submit = (event: TargetedEvent<HTMLFormElement>): void => {
    event.preventDefault()
    add(name.value.trim(), hours.value)
    name.value = ''
  }
  return (
    <form class="filter" onSubmit={submit}>
      <input
        aria-label="Name that is not to be validated"
        class="mono"
        placeholder="broken.example"
        required
        spellcheck={false}
        value={name}
        onInput={event => {
          name.value = event.currentTarget.value
        }}
      />
      <select
        aria-label="For how long"
        value={String(hours.value)}
        onChange={event => {
          hours.value = Number(event.currentTarget.value)
        }}
      >
        {SPANS.map(([value, text]) => (
          <option key={value} value={String(value)}>
            {text}
          </option>
        ))}
      </select>
      <button type="submit">Do not validate</button>
    </form>
  )
}
