/** One setting: its value and where that comes from, and the field that changes it. */
import type { VNode } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { fieldOf, type Setting, typedText, valueText } from '../model/settings.ts'
import { Tag } from '../parts/small.tsx'
import { mayWrite } from '../state.ts'
import { draft, drafts, faults } from './drafts.ts'

const SOURCES: Readonly<Record<Setting['source'], string>> = {
  default: 'by default',
  file: 'from the file',
  environment: 'from the environment',
  flag: 'from the command line',
  api: 'changed here',
}

/** One too long for a line is shown on lines of its own. */
const LONG = 60

export function SettingRow({ setting }: { readonly setting: Setting }): VNode {
  const { path, value, source, where, takesEffect, isPending, fixed, description } = setting
  const isOpen = drafts.value.has(path)
  const text = valueText(value)
  const isLong = text.length > LONG
  return (
    <li class="entry setting">
      <div class="entry-head">
        <b class="mono">{path}</b>
        {isLong ? null : <span class="mono value">{text}</span>}
        {isPending ? <Tag mood="warn">not taken over yet</Tag> : null}
        <span class="grow" />
        <span class="dim">
          {SOURCES[source]}
          {where === null || source === 'api' ? '' : `, ${where}`}
        </span>
        <Tag mood="plain">{takesEffect === 'restart' ? 'needs a restart' : 'by reload'}</Tag>
        {fixed === null && mayWrite.value && !isOpen ? (
          <button type="button" class="quiet" onClick={() => draft(path, typedText(setting))}>
            Change<span class="sr"> {path}</span>
          </button>
        ) : null}
      </div>
      {isLong ? <pre class="mono value">{JSON.stringify(value, null, 2)}</pre> : null}
      <p class="dim">
        {description}
        {source === 'default' ? '' : ` Default: ${valueText(setting.default)}.`}
        {fixed === null || takesEffect === 'restart' ? '' : ` Not changed here: ${fixed}.`}
      </p>
      {isOpen ? <Editor setting={setting} /> : null}
    </li>
  )
}

function Editor({ setting }: { readonly setting: Setting }): VNode {
  const { path, source } = setting
  const wrong = faults.value.get(path) ?? []
  const holder = useRef<HTMLDivElement>(null)
  const text = drafts.value.get(path) ?? null
  useEffect(() => {
    holder.current?.querySelector<HTMLElement>('input, select, textarea')?.focus()
  }, [])
  const id = `wrong-${path}`
  return (
    <div class="change" ref={holder}>
      <div class="actions">
        {text === null ? (
          <span>what holds without the API</span>
        ) : (
          <Field setting={setting} text={text} wrong={wrong} id={id} />
        )}
        {source === 'api' && text !== null ? (
          <button type="button" onClick={() => draft(path, null)}>
            Without the API<span class="sr"> {path}</span>
          </button>
        ) : null}
        <button type="button" class="quiet" onClick={() => draft(path, undefined)}>
          Leave it<span class="sr"> {path}</span>
        </button>
      </div>
      <div id={id}>
        {wrong.map(detail => (
          <p key={detail} class="failing">
            {detail}
          </p>
        ))}
      </div>
    </div>
  )
}

interface FieldProps {
  readonly setting: Setting
  readonly text: string
  readonly wrong: readonly string[]
  readonly id: string
}

function Field({ setting, text, wrong, id }: FieldProps): VNode {
  const { path } = setting
  const common = {
    'aria-label': path,
    'aria-invalid': wrong.length > 0,
    'aria-describedby': id,
    value: text,
  } as const
  switch (fieldOf(setting)) {
    case 'choice':
      return (
        <select {...common} onChange={event => draft(path, event.currentTarget.value)}>
          <option value="true">true</option>
          <option value="false">false</option>
        </select>
      )
    case 'lines':
      return (
        <textarea
          {...common}
          class="mono zone-text"
          rows={Math.min(20, text.split('\n').length + 1)}
          spellcheck={false}
          onInput={event => draft(path, event.currentTarget.value)}
        />
      )
    default:
      return (
        <input
          {...common}
          class="mono"
          autocomplete="off"
          spellcheck={false}
          onInput={event => draft(path, event.currentTarget.value)}
        />
      )
  }
}
