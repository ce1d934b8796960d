/** Why a client gets what it gets: the order of policies as a picture, which rule decided, and which rules lost. */
import { useSignal } from '@preact/signals'
import type { TargetedEvent, VNode } from 'preact'
import { useEffect } from 'preact/hooks'
import { ask, queryOf, troubleText } from '../api.ts'
import { durationText } from '../model/format.ts'
import { gotText, type Position, ruleText, runsOf, type Why } from '../model/policy.ts'
import { Empty, Panel, Tag, Trouble } from '../parts/small.tsx'
import { go, link, route } from '../route.ts'

type State =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'trouble'; readonly text: string }
  | { readonly kind: 'is'; readonly why: Why }

const HERE = '127.0.0.1'

export function WhyForm(): VNode {
  const { fields } = route.value
  const { name = '', type = 'A', client = HERE, at = '' } = fields
  const state = useSignal<State>({ kind: 'nothing' })
  useEffect(() => {
    if (name === '') {
      state.value = { kind: 'nothing' }
      return undefined
    }
    let isOver = false
    void ask<Why>(`policy/why?${queryOf({ name, type, client })}`).then(answer => {
      if (isOver) return
      state.value =
        answer.kind === 'ok' ? { kind: 'is', why: answer.value } : { kind: 'trouble', text: troubleText(answer) }
    })
    return () => {
      isOver = true
    }
  }, [name, type, client, at, state])
  const { value } = state
  return (
    <>
      <Form />
      {value.kind === 'nothing' ? (
        <Empty>Type a name and the address of a client: the rule that decides appears here, and those that lost.</Empty>
      ) : null}
      <div class="said" aria-live="polite">
        {value.kind === 'trouble' ? <Trouble text={value.text} /> : null}
      </div>
      {value.kind === 'is' ? <Answered why={value.why} /> : null}
    </>
  )
}

function Form(): VNode {
  const { fields } = route.value
  const name = useSignal('')
  const type = useSignal('A')
  const client = useSignal(HERE)
  useEffect(() => {
    name.value = fields.name ?? ''
    type.value = fields.type ?? 'A'
    client.value = fields.client ?? HERE
  }, [fields, name, type, client])
  const submit = (event: TargetedEvent<HTMLFormElement>): void => {
    event.preventDefault()
    const asked = { name: name.value.trim(), type: type.value.trim().toUpperCase(), client: client.value.trim() }
    go(link('policy', { ...asked, at: String(Date.now()) }))
  }
  const field = (label: string, held: { value: string }, className: string, placeholder: string): VNode => (
    <input
      aria-label={label}
      class={`mono ${className}`}
      placeholder={placeholder}
      required
      autocomplete="off"
      spellcheck={false}
      value={held.value}
      onInput={event => {
        held.value = event.currentTarget.value
      }}
    />
  )
  return (
    <form class="filter" onSubmit={submit}>
      {field('Name', name, '', 'www.example.com')}
      {field('Type', type, 'type', 'A')}
      {field('Client', client, 'client-field', '192.168.2.7')}
      <button type="submit" class="primary">
        Why?
      </button>
    </form>
  )
}

function Answered({ why }: { readonly why: Why }): VNode {
  const { question, client, view, positions, answer, tookMs } = why
  const [name = '', type = ''] = question.split(' ')
  return (
    <Panel
      title={question}
      aside={
        <a href={link('explain', { name, type })} data-name={name} data-type={type}>
          Explain
        </a>
      }
    >
      <p>
        <b>{gotText(why)}</b>
        {answer === null ? '' : `, by ${answer.by}`}
      </p>
      <p class="dim">
        for {client.address} over {client.transport}, view {view}, in {durationText(tookMs)}
      </p>
      <ol class="order">
        {runsOf(positions).map(run =>
          run.kind === 'position' ? (
            <Place key={run.position.name} position={run.position} />
          ) : (
            <li key={run.positions[0]?.name} class="place place-silent">
              <details>
                <summary class="dim">{run.positions.map(position => position.name).join(', ')}</summary>
                <ul>
                  {run.positions.map(position => (
                    <li key={position.name}>
                      <span class="mono">{position.name}</span>{' '}
                      <span class="dim">
                        {position.does}: {position.text}
                      </span>
                    </li>
                  ))}
                </ul>
              </details>
            </li>
          ),
        )}
      </ol>
    </Panel>
  )
}

const Place = ({ position: { name, does, state, text, decisions } }: { readonly position: Position }): VNode => (
  <li class={`place place-${state}`}>
    <div class="entry-head">
      <b class="mono">{name}</b>
      {state === 'let-by' ? <Tag mood="plain">let by</Tag> : null}
      <span class="dim">{does}</span>
    </div>
    <p class="w">{text}</p>
    {decisions.flatMap(decision =>
      decision.lost.map(lost => (
        <p key={ruleText(lost)} class="lost w">
          lost: {ruleText(lost)}
        </p>
      )),
    )}
  </li>
)
