/** What other settings would change, held against the queries that clients sent: tried out, and nothing is applied. */
import { type Signal, useSignal } from '@preact/signals'
import type { VNode } from 'preact'
import { useEffect } from 'preact/hooks'
import { ask, type Failure, queryOf, troubleText } from '../api.ts'
import { counted } from '../model/format.ts'
import { type Change, isOver, outcomeText, type Trial, trialText } from '../model/policy.ts'
import { Bar, Empty, Panel, Trouble } from '../parts/small.tsx'
import { link } from '../route.ts'
import { mayOperate } from '../state.ts'

const POLL_MS = 400
const PAGE = 50
const EXAMPLE = '{ "rules": ["||ads.example^"] }'
const HOUR_S = 3_600

type State =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'holds' }
  | { readonly kind: 'trouble'; readonly faults: readonly string[] }
  | { readonly kind: 'trial'; readonly trial: Trial }

export function Candidate(): VNode {
  const text = useSignal(EXAMPLE)
  const names = useSignal('')
  const hours = useSignal('24')
  const state = useSignal<State>({ kind: 'nothing' })
  const send = async (dryRun: boolean): Promise<void> => {
    const patch = readPatch(text.value)
    if (typeof patch === 'string') {
      state.value = { kind: 'trouble', faults: [patch] }
      return
    }
    const list = questionsOf(names.value)
    const questions = list.length > 0 ? { source: 'list', list } : { sinceS: Number(hours.value) * HOUR_S }
    const body = { candidate: { patch }, questions }
    const answer = await ask<Trial>(`policy/tests?${queryOf({ dryRun })}`, { method: 'POST', body })
    if (answer.kind !== 'ok') state.value = { kind: 'trouble', faults: faultsOf(answer) }
    else state.value = dryRun ? { kind: 'holds' } : { kind: 'trial', trial: answer.value }
  }
  useFollowed(state)
  if (!mayOperate.value) return <Empty>A token of scope operate may try out other settings.</Empty>
  const { value } = state
  return (
    <Panel title="What would change" aside="other settings, tried out on what clients asked; nothing is applied">
      <textarea
        aria-label="Settings that are tried out"
        class="mono zone-text"
        rows={5}
        spellcheck={false}
        value={text}
        onInput={event => {
          text.value = event.currentTarget.value
          state.value = { kind: 'nothing' }
        }}
      />
      <div class="actions">
        <Since hours={hours} />
        <input
          aria-label="Or these: a client and a name each"
          class="mono"
          placeholder="or these: 192.168.2.7 www.example.com, …"
          spellcheck={false}
          value={names}
          onInput={event => {
            names.value = event.currentTarget.value
          }}
        />
        <button type="button" onClick={() => void send(true)}>
          Check
        </button>
        <button type="button" class="primary" onClick={() => void send(false)}>
          Try it out
        </button>
      </div>
      <Said state={value} />
      {value.kind === 'trial' && value.trial.state === 'done' ? <Found trial={value.trial} /> : null}
    </Panel>
  )
}

const Since = ({ hours }: { readonly hours: Signal<string> }): VNode => (
  <label class="check">
    questions of the last
    <select
      value={hours}
      onChange={event => {
        hours.value = event.currentTarget.value
      }}
    >
      <option value="1">hour</option>
      <option value="24">day</option>
      <option value="168">week</option>
    </select>
  </label>
)

const Said = ({ state }: { readonly state: State }): VNode => (
  <div aria-live="polite">
    {state.kind === 'holds' ? <p>These settings hold.</p> : null}
    {state.kind === 'trouble' ? state.faults.map(fault => <Trouble key={fault} text={fault} />) : null}
    {state.kind === 'trial' ? <Going trial={state.trial} /> : null}
  </div>
)

/** Looks again and again until it has ended. */
function useFollowed(state: Signal<State>): void {
  const { value } = state
  const id = value.kind === 'trial' ? value.trial.id : null
  useEffect(() => {
    if (id === null) return undefined
    const look = async (): Promise<void> => {
      const answer = await ask<Trial>(`policy/tests/${encodeURIComponent(id)}`)
      if (state.value.kind !== 'trial' || state.value.trial.id !== id) return
      state.value = answer.kind === 'ok' ? { kind: 'trial', trial: answer.value } : trouble(answer)
      if (answer.kind === 'ok' && isOver(answer.value)) clearInterval(timer)
    }
    const timer = setInterval(() => void look(), POLL_MS)
    return () => clearInterval(timer)
  }, [id, state])
}

const trouble = (answer: Failure): State => ({ kind: 'trouble', faults: faultsOf(answer) })

function faultsOf(answer: Failure): readonly string[] {
  if (answer.kind === 'away' || (answer.problem.errors ?? []).length === 0) return [troubleText(answer)]
  return (answer.problem.errors ?? []).map(({ pointer, detail }) => `${pointer.slice(1)} ${detail}`.trim())
}

/** What is wrong, as a text. */
function readPatch(text: string): object | string {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : 'Expected an object with settings, as in the file.'
  } catch (error) {
    return `That is no JSON: ${error instanceof Error ? error.message : String(error)}`
  }
}

/** `192.168.2.7 www.example.com AAAA, …`. */
const questionsOf = (text: string): readonly object[] =>
  text
    .split(',')
    .map(part => part.trim().split(/\s+/))
    .flatMap(([client = '', name = '', type = 'A']) => (client === '' || name === '' ? [] : [{ client, name, type }]))

function Going({ trial }: { readonly trial: Trial }): VNode {
  const { state, asked, questions, problem, errors, notes } = trial
  return (
    <>
      {isOver(trial) ? null : (
        <>
          <p class="dim">
            {questions === 0
              ? 'Being prepared …'
              : `${counted(asked, 'question')} of ${counted(questions, 'question')}`}
          </p>
          <Bar share={questions === 0 ? 0 : asked / questions} />
        </>
      )}
      {state === 'done' ? (
        <p>
          <b>It {trialText(trial)}.</b>
        </p>
      ) : null}
      {problem === null ? null : <Trouble text={problem} />}
      {errors.map(({ detail }) => (
        <Trouble key={detail} text={detail} />
      ))}
      {notes.map(note => (
        <p key={note} class="dim">
          {note}
        </p>
      ))}
    </>
  )
}

function Found({ trial: { id, rules } }: { readonly trial: Trial }): VNode {
  const changes = useSignal<readonly Change[]>([])
  const next = useSignal<string | null>(null)
  const load = async (cursor: string | undefined): Promise<void> => {
    const path = `policy/tests/${encodeURIComponent(id)}/changes?${queryOf({ limit: PAGE, cursor })}`
    const answer = await ask<{ readonly changes: readonly Change[]; readonly next: string | null }>(path)
    if (answer.kind !== 'ok') return
    changes.value = [...(cursor === undefined ? [] : changes.value), ...answer.value.changes]
    next.value = answer.value.next
  }
  useEffect(() => {
    void load(undefined)
  }, [id])
  return (
    <>
      <ul class="reasons">
        {rules.map(({ before, after, answers, clients }) => (
          <li key={`${before} ${after}`} class="w">
            {before ?? 'no rule'} → {after ?? 'no rule'}: {counted(answers, 'answer')} of {counted(clients, 'client')}
          </li>
        ))}
      </ul>
      <ul class="entries">
        {changes.value.map(({ question: { client, name, type, times }, before, after }) => (
          <li key={`${client} ${name} ${type}`} class="entry" data-name={name} data-type={type}>
            <div class="entry-head">
              <a class="mono w" href={link('policy', { name, type, client })}>
                {name} {type}
              </a>
              <span class="dim mono">{client}</span>
              <span class="grow" />
              <span class="dim">{counted(times, 'query', 'queries')}</span>
            </div>
            <p class="mono gone">− {outcomeText(before)}</p>
            <p class="mono come">+ {outcomeText(after)}</p>
          </li>
        ))}
      </ul>
      {next.value === null ? null : (
        <button type="button" onClick={() => void load(next.value ?? undefined)}>
          More
        </button>
      )}
    </>
  )
}
