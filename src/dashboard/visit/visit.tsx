/** What happens when a URL is opened: ordered here, followed while it runs, then shown as a picture. */
import { type Signal, useSignal } from '@preact/signals'
import type { TargetedEvent, VNode } from 'preact'
import { useEffect } from 'preact/hooks'
import { ask, troubleText } from '../api.ts'
import { dateText, durationText } from '../model/format.ts'
import type { Hop, VisitEntry, VisitResult } from '../model/visit.ts'
import { Empty, Panel, Tag, Trouble } from '../parts/small.tsx'
import { go, link, route } from '../route.ts'
import { mayOperate } from '../state.ts'
import { Result } from './result.tsx'

/** A step as the stream has it; `hop-end` has a whole hop, which the result has too. */
interface Step {
  readonly kind: 'pass' | 'hop' | 'look-up' | 'connected' | 'secured' | 'hop-end'
  readonly pass?: string
  readonly url?: string
  readonly method?: string
  readonly name?: string
  readonly type?: string
  readonly tookMs?: number | null
  readonly connection?: { readonly remote: string; readonly port: number }
  readonly tls?: { readonly version: string }
  readonly hop?: Hop
}

type State =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'running'; readonly entry: VisitEntry; readonly steps: readonly string[] }
  | { readonly kind: 'done'; readonly entry: VisitEntry; readonly result: VisitResult }
  | { readonly kind: 'trouble'; readonly text: string }

type Body = VisitEntry & { readonly result: VisitResult | null }

export function VisitScreen(): VNode {
  const { id = '' } = route.value.fields
  const state = useSignal<State>({ kind: 'nothing' })
  useEffect(() => (id === '' ? forget(state) : follow(id, state)), [id, state])
  const { value } = state
  return (
    <>
      <h1 class="sr">Open a URL</h1>
      <Form state={state} />
      <div class="said" aria-live="polite">
        {value.kind === 'trouble' ? <Trouble text={value.text} /> : null}
        {value.kind === 'running' ? <p class="dim asking">Opening {value.entry.url} …</p> : null}
      </div>
      {value.kind === 'running' && value.steps.length > 0 ? <Steps steps={value.steps} /> : null}
      {value.kind === 'done' ? <Result result={value.result} /> : null}
      {id === '' ? <Recent /> : null}
    </>
  )
}

function forget(state: Signal<State>): undefined {
  state.value = { kind: 'nothing' }
}

/** Shows what there is, and what comes until it ends. */
function follow(id: string, state: Signal<State>): () => void {
  let isOver = false
  let source: EventSource | null = null
  const path = `visits/${encodeURIComponent(id)}`
  const look = async (): Promise<void> => {
    const answer = await ask<Body>(path)
    if (isOver) return
    if (answer.kind !== 'ok') state.value = { kind: 'trouble', text: troubleText(answer) }
    else if (answer.value.result !== null)
      state.value = { kind: 'done', entry: answer.value, result: answer.value.result }
    else if (answer.value.state === 'broken')
      state.value = { kind: 'trouble', text: 'A bug of the server ended it: see its log.' }
    else {
      state.value = { kind: 'running', entry: answer.value, steps: [] }
      source ??= watch()
    }
  }
  const watch = (): EventSource => {
    const events = new EventSource(`api/v1/${path}/events`)
    events.addEventListener('step', ({ data }) => {
      const step: Step = JSON.parse(String(data))
      const text = stepText(step)
      const { value } = state
      if (value.kind === 'running' && text !== null) state.value = { ...value, steps: [...value.steps, text] }
    })
    events.addEventListener('end', () => {
      // It would connect again.
      events.close()
      void look()
    })
    return events
  }
  void look()
  return () => {
    isOver = true
    source?.close()
  }
}

function stepText({ kind, pass, url, method, name, type, tookMs, connection, tls, hop }: Step): string | null {
  switch (kind) {
    case 'pass':
      return pass ?? null
    case 'hop':
      return `${method ?? ''} ${url ?? ''}`
    case 'look-up':
      return `DNS: ${type ?? ''} ${name ?? ''}${typeof tookMs === 'number' ? `, ${durationText(tookMs)}` : ''}`
    case 'connected':
      return `TCP: connected to ${connection?.remote ?? ''}, port ${connection?.port ?? ''}`
    case 'secured':
      return `TLS: ${tls?.version ?? ''}`
    case 'hop-end':
      return `${hop?.response?.status ?? 'no reply'} after ${durationText(hop?.times.totalMs ?? 0)}`
    default:
      return kind satisfies never
  }
}

const Steps = ({ steps }: { readonly steps: readonly string[] }): VNode => (
  <Panel title="So far">
    <ol>
      {steps.map((step, index) => (
        <li key={`${index} ${step}`} class="mono w">
          {step}
        </li>
      ))}
    </ol>
  </Panel>
)

function Form({ state }: { readonly state: Signal<State> }): VNode {
  const { fields } = route.value
  const url = useSignal(fields.url ?? '')
  const isTwice = useSignal(true)
  useEffect(() => {
    if (fields.url !== undefined) url.value = fields.url
  }, [fields.url, url])
  const { value } = state
  const known = value.kind === 'done' || value.kind === 'running' ? value.entry.url : null
  useEffect(() => {
    if (known !== null) url.value = known
  }, [known, url])
  const submit = async (event: TargetedEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault()
    const body = { url: url.value.trim(), repeat: isTwice.value ? 2 : 1 }
    const answer = await ask<VisitEntry>('visits', { method: 'POST', body })
    if (answer.kind === 'ok') go(link('open', { id: answer.value.id }))
    else state.value = { kind: 'trouble', text: troubleText(answer) }
  }
  if (!mayOperate.value) return <Empty>A token of scope operate may open URLs from here.</Empty>
  return (
    <form class="filter" onSubmit={event => void submit(event)}>
      <input
        aria-label="URL"
        class="mono"
        placeholder="https://www.example.com/"
        autocomplete="off"
        spellcheck={false}
        required
        value={url}
        onInput={event => {
          url.value = event.currentTarget.value
        }}
      />
      <button type="submit" class="primary">
        Open
      </button>
      <label class="check">
        <input
          type="checkbox"
          checked={isTwice.value}
          onChange={event => {
            isTwice.value = event.currentTarget.checked
          }}
        />
        a second time, and once more over the open connection
      </label>
    </form>
  )
}

function Recent(): VNode {
  const visits = useSignal<readonly VisitEntry[] | null>(null)
  const trouble = useSignal('')
  const load = async (): Promise<void> => {
    const answer = await ask<{ readonly visits: readonly VisitEntry[] }>('visits')
    trouble.value = answer.kind === 'ok' ? '' : troubleText(answer)
    if (answer.kind === 'ok') visits.value = answer.value.visits
  }
  useEffect(() => {
    void load()
  }, [])
  const drop = async (id: string): Promise<void> => {
    await ask(`visits/${encodeURIComponent(id)}`, { method: 'DELETE' })
    await load()
  }
  return (
    <Panel title="Opened lately" aside="from this server, by anybody">
      {trouble.value === '' ? null : <Trouble text={trouble.value} />}
      {visits.value?.length === 0 ? (
        <Empty>None. Type a URL: its look-ups, connections, TLS and answer appear here, each with its time.</Empty>
      ) : null}
      <ul class="entries">
        {(visits.value ?? []).map(({ id, url, method, by, state, startedAt, exitCode }) => (
          <li key={id} class="entry entry-head">
            <a class="mono w" href={link('open', { id })}>
              {method} {url}
            </a>
            {exitCode === null || exitCode === 0 ? null : <Tag mood="bad">failed</Tag>}
            {state === 'running' ? <Tag mood="plain">running</Tag> : null}
            <span class="grow" />
            <span class="dim">
              {by}, {dateText(Date.parse(startedAt))}
            </span>
            {mayOperate.value ? (
              <button type="button" class="quiet" onClick={() => void drop(id)}>
                Forget<span class="sr"> {url}</span>
              </button>
            ) : null}
          </li>
        ))}
      </ul>
    </Panel>
  )
}
