/** A zone as text that can be changed: what would differ is shown before it is done. */
import { useSignal } from '@preact/signals'
import type { VNode } from 'preact'
import { useEffect } from 'preact/hooks'
import { ask, askZoneText, queryOf, troubleText, type ZoneChange } from '../api.ts'
import { Difference } from '../parts/difference.tsx'
import { Panel, Trouble } from '../parts/small.tsx'
import { mayWrite } from '../state.ts'

interface EditorProps {
  readonly zone: string
  readonly isNew: boolean
  readonly onChanged: () => void
}

const firstText = (zone: string): string =>
  `$ORIGIN ${zone.replace(/\.?$/, '.')}\n$TTL 1h\n@  IN SOA ns hostmaster 1 1h 15m 1w 5m\n` +
  '   IN NS  ns\nns IN A   127.0.0.1\n'

export function ZoneEditor({ zone, isNew, onChanged }: EditorProps): VNode {
  const text = useSignal(isNew ? firstText(zone) : '')
  const etag = useSignal<string | null>(null)
  const comment = useSignal('')
  const trouble = useSignal('')
  const review = useSignal<ZoneChange | null>(null)
  useEffect(() => {
    if (isNew) return
    void askZoneText(zone).then(answer => {
      if (answer.kind !== 'ok') {
        trouble.value = troubleText(answer)
        return
      }
      text.value = answer.value
      etag.value = answer.etag
    })
  }, [zone, isNew, text, etag, trouble])
  const put = async (dryRun: boolean): Promise<void> => {
    const query = queryOf({ dryRun, comment: comment.value.trim() })
    const asking = { method: 'PUT', zoneText: text.value, ifMatch: etag.value } as const
    const answer = await ask<ZoneChange>(`zones/${encodeURIComponent(zone)}?${query}`, asking)
    trouble.value = answer.kind === 'ok' ? '' : troubleText(answer)
    review.value = answer.kind === 'ok' ? answer.value : null
    if (answer.kind === 'ok' && !dryRun) onChanged()
  }
  return (
    <Panel title={zone} aside={mayWrite.value ? 'edit, review, apply' : 'read only'}>
      {trouble.value === '' ? null : <Trouble text={trouble.value} />}
      <textarea
        aria-label={`Text of ${zone}`}
        class="mono zone-text"
        rows={18}
        spellcheck={false}
        readOnly={!mayWrite.value}
        value={text}
        onInput={event => {
          text.value = event.currentTarget.value
          review.value = null
        }}
      />
      {mayWrite.value ? (
        <div class="actions">
          <input
            aria-label="Why, for the history"
            placeholder="why, for the history"
            value={comment}
            onInput={event => {
              comment.value = event.currentTarget.value
            }}
          />
          <button type="button" onClick={() => void put(true)}>
            Review
          </button>
          <button type="button" class="primary" disabled={review.value === null} onClick={() => void put(false)}>
            Apply
          </button>
        </div>
      ) : null}
      <div aria-live="polite">{review.value === null ? null : <Difference {...review.value} what="record" />}</div>
    </Panel>
  )
}
