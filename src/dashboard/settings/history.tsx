/** What was changed through the API, newest first, and the ways back. */
import { useSignal } from '@preact/signals'
import type { VNode } from 'preact'
import { useEffect } from 'preact/hooks'
import { ask, queryOf, type Revision, type SettingsChange, troubleText } from '../api.ts'
import { dateText } from '../model/format.ts'
import { Difference } from '../parts/difference.tsx'
import { Empty, Panel, Trouble } from '../parts/small.tsx'
import { mayWrite } from '../state.ts'

interface HistoryProps {
  readonly revision: number
  readonly etag: string | null
  readonly onChanged: () => void
}

/** A way back that is looked at: its path in the API, and what it would do. */
interface Back {
  readonly path: string
  readonly change: SettingsChange
}

export function SettingsHistory({ revision, etag, onChanged }: HistoryProps): VNode {
  const revisions = useSignal<readonly Revision[]>([])
  const trouble = useSignal('')
  const back = useSignal<Back | null>(null)
  useEffect(() => {
    void ask<{ readonly revisions: readonly Revision[] }>('configuration/revisions').then(answer => {
      if (answer.kind === 'ok') revisions.value = answer.value.revisions
    })
  }, [revision, revisions])
  const send = async (path: string, dryRun: boolean): Promise<void> => {
    const asking = { method: 'POST', ifMatch: etag } as const
    const answer = await ask<SettingsChange>(`configuration/${path}?${queryOf({ dryRun })}`, asking)
    trouble.value = answer.kind === 'ok' ? '' : troubleText(answer)
    back.value = answer.kind === 'ok' && dryRun ? { path, change: answer.value } : null
    if (answer.kind === 'ok' && !dryRun) onChanged()
  }
  const { value } = back
  return (
    <Panel title="Changed here" aside="the file itself is never written">
      {trouble.value === '' ? null : <Trouble text={trouble.value} />}
      {revisions.value.length === 0 ? <Empty>Nothing was changed through the API.</Empty> : null}
      <ol class="entries">
        {revisions.value.map(({ number, at, author, comment }) => (
          <li key={number} class="entry entry-head">
            <b>{number}</b> <span>{comment ?? 'no comment'}</span>
            <span class="grow" />
            <span class="dim">
              {author}, {dateText(Date.parse(at))}
            </span>
            {mayWrite.value && number !== revision ? (
              <button type="button" class="quiet" onClick={() => void send(`revisions/${number}/revert`, true)}>
                As it was then<span class="sr">: revision {number}</span>
              </button>
            ) : null}
          </li>
        ))}
      </ol>
      {revisions.value.length > 0 && mayWrite.value ? (
        <button type="button" onClick={() => void send('undo', true)}>
          Undo the last change
        </button>
      ) : null}
      <div aria-live="polite">
        {value === null ? null : (
          <>
            <Difference {...value.change} what="setting" />
            <div class="actions">
              <button type="button" class="primary" onClick={() => void send(value.path, false)}>
                {value.path === 'undo' ? 'Undo it' : 'Bring it back'}
              </button>
              <button
                type="button"
                class="quiet"
                onClick={() => {
                  back.value = null
                }}
              >
                Leave it
              </button>
            </div>
          </>
        )}
      </div>
    </Panel>
  )
}
