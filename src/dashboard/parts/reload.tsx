/** Reading configuration and zones again, as SIGHUP does. */
import { useSignal } from '@preact/signals'
import type { VNode } from 'preact'
import { ask, troubleText } from '../api.ts'

export function Reload({ onRead }: { readonly onRead?: () => void }): VNode {
  const said = useSignal('')
  const reload = async (): Promise<void> => {
    const answer = await ask('reload', { method: 'POST' })
    said.value = answer.kind === 'ok' ? 'The configuration holds; zones are being read.' : troubleText(answer)
    onRead?.()
  }
  return (
    <div class="actions">
      <button type="button" onClick={() => void reload()}>
        Read configuration and zones again
      </button>
      <span aria-live="polite">{said.value}</span>
    </div>
  )
}
