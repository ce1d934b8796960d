/** The explanation that is shown next to one that was kept: what differs, in words. */
import { useSignal } from '@preact/signals'
import type { TargetedEvent, VNode } from 'preact'
import { clockText } from '../model/format.ts'
import { compared, readSaved, type Row } from '../model/compare.ts'
import { type Kept, kept, shown } from '../parts/kept.ts'
import { Panel, Tag } from '../parts/small.tsx'
import { link } from '../route.ts'

export function Compare(): VNode | null {
  const trouble = useSignal('')
  const { value: second } = shown
  const { value: first } = kept
  if (second === null) return null
  const open = async (event: TargetedEvent<HTMLInputElement>): Promise<void> => {
    const file = event.currentTarget.files?.[0]
    if (file === undefined) return
    const report = readSaved(await file.text())
    trouble.value = report === null ? `${file.name} is no explanation that was saved as JSON.` : ''
    if (report !== null) kept.value = { report, how: file.name }
  }
  const [name = '', type = ''] = second.report.question.split(' ')
  const keepAnd = (): void => {
    kept.value = second
  }
  return (
    <Panel
      title="Next to another"
      aside={first === null ? 'before and after, cached and from the root, here and elsewhere' : undefined}
    >
      <div class="actions">
        <button type="button" onClick={keepAnd}>
          Keep this one to compare
        </button>
        <a href={link('explain', { name, type, root: '1' })} onClick={keepAnd}>
          with: from the root
        </a>
        <a href={link('explain', { name, type, at: '1' })} onClick={keepAnd}>
          with: what is cached
        </a>
        <a href={link('explain', { name, type, cd: '1' })} onClick={keepAnd}>
          with: whatever its signatures say
        </a>
        <label class="quiet file">
          with a saved one
          <input type="file" accept="application/json,.json" class="sr" onChange={event => void open(event)} />
        </label>
        {first === null ? null : (
          <button
            type="button"
            class="quiet"
            onClick={() => {
              kept.value = null
            }}
          >
            Put it away
          </button>
        )}
      </div>
      <p class="failing" aria-live="polite">
        {trouble.value}
      </p>
      {first === null ? null : first.report === second.report ? (
        <p class="dim">Kept: {titleOf(first)}. What is explained next is laid next to it.</p>
      ) : (
        <Rows first={first} second={second} />
      )}
    </Panel>
  )
}

const titleOf = ({ report, how }: Kept): string =>
  `${report.question} ${how}, ${clockText(Date.parse(report.startedAt))}`

function Rows({ first, second }: { readonly first: Kept; readonly second: Kept }): VNode {
  const rows = compared(first.report, second.report)
  const differ = rows.filter(({ isSame }) => !isSame).length
  return (
    <table class="compared">
      <thead>
        <tr>
          <th scope="col">{differ === 0 ? <Tag mood="good">nothing differs</Tag> : `${differ} differ`}</th>
          <th scope="col">{titleOf(first)}</th>
          <th scope="col">{titleOf(second)}</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(row => (
          <Line key={row.label} row={row} />
        ))}
      </tbody>
    </table>
  )
}

const Line = ({ row: { label, first, second, isSame } }: { readonly row: Row }): VNode => (
  <tr class={isSame ? 'dim' : 'differs'}>
    <th scope="row">
      {label}
      {isSame ? null : <span class="sr"> differs</span>}
    </th>
    <td class="w">{first === '' ? '–' : first}</td>
    <td class="w">{second === '' ? '–' : second}</td>
  </tr>
)
