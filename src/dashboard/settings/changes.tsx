/** What was typed, as one change: what it would do is shown, with all that is wrong, before it is done. */
import { useSignal } from '@preact/signals'
import type { VNode } from 'preact'
import { useEffect } from 'preact/hooks'
import { ask, type Failure, queryOf, type SettingsChange, troubleText } from '../api.ts'
import { counted } from '../model/format.ts'
import { nested, readTyped, type Setting, settingAt } from '../model/settings.ts'
import { Difference } from '../parts/difference.tsx'
import { Panel, Trouble } from '../parts/small.tsx'
import { drafts, dropDrafts, faults, onDraft } from './drafts.ts'

interface ChangesProps {
  readonly settings: readonly Setting[]
  readonly etag: string | null
  readonly onChanged: () => void
}

export function Changes({ settings, etag, onChanged }: ChangesProps): VNode | null {
  const comment = useSignal('')
  const trouble = useSignal('')
  const review = useSignal<SettingsChange | null>(null)
  const done = useSignal('')
  useEffect(
    () =>
      onDraft(() => {
        review.value = null
        trouble.value = ''
        done.value = ''
      }),
    [review, trouble, done],
  )
  const send = async (dryRun: boolean): Promise<void> => {
    const body = bodyOf(settings)
    if (body === null) return
    const query = queryOf({ dryRun, comment: comment.value.trim() })
    const answer = await ask<SettingsChange>(`configuration?${query}`, { method: 'PATCH', body, ifMatch: etag })
    review.value = answer.kind === 'ok' ? answer.value : null
    trouble.value = answer.kind === 'ok' ? '' : placed(answer)
    if (answer.kind !== 'ok' || dryRun) return
    dropDrafts()
    review.value = null
    comment.value = ''
    done.value = `It holds now, as revision ${answer.value.revision}.`
    onChanged()
  }
  if (drafts.value.size === 0)
    return (
      <p class="applied" aria-live="polite">
        {done.value}
      </p>
    )
  return (
    <Panel className="changes" title={counted(drafts.value.size, 'change')} aside={[...drafts.value.keys()].join(', ')}>
      {trouble.value === '' ? null : <Trouble text={trouble.value} />}
      <div class="actions">
        <input
          aria-label="Why, for the history"
          placeholder="why, for the history"
          value={comment}
          onInput={event => {
            comment.value = event.currentTarget.value
          }}
        />
        <button type="button" onClick={() => void send(true)}>
          Review
        </button>
        <button type="button" class="primary" disabled={review.value === null} onClick={() => void send(false)}>
          Apply
        </button>
        <button type="button" class="quiet" onClick={dropDrafts}>
          Leave everything
        </button>
      </div>
      <div aria-live="polite">{review.value === null ? null : <Difference {...review.value} what="setting" />}</div>
    </Panel>
  )
}

/** Null: what was typed cannot be sent, and the fields say why. */
function bodyOf(settings: readonly Setting[]): Readonly<Record<string, unknown>> | null {
  const values = new Map<string, unknown>()
  const wrong = new Map<string, readonly string[]>()
  for (const [path, text] of drafts.value) {
    const setting = settings.find(one => one.path === path)
    if (setting === undefined) continue
    const typed = text === null ? { kind: 'value' as const, value: null } : readTyped(setting, text)
    if (typed.kind === 'value') values.set(path, typed.value)
    else wrong.set(path, [typed.why])
  }
  faults.value = wrong
  return wrong.size === 0 ? nested(values) : null
}

/** Each fault next to its field; the rest as a text. */
function placed(answer: Failure): string {
  if (answer.kind === 'away') return troubleText(answer)
  const wrong = new Map<string, readonly string[]>()
  const others = (answer.problem.errors ?? []).flatMap(({ pointer, detail }) => {
    const path = settingAt(pointer, drafts.value.keys())
    if (path === null) return [{ pointer, detail }]
    // The field has the name of the setting already.
    wrong.set(path, [...(wrong.get(path) ?? []), detail.replace(`${path}: `, '')])
    return []
  })
  faults.value = wrong
  return troubleText({ kind: 'problem', problem: { ...answer.problem, errors: others } })
}
