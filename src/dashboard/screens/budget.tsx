/** What the explanation that is shown used of what one question may cost. */
import { signal } from '@preact/signals'
import type { VNode } from 'preact'
import { useEffect } from 'preact/hooks'
import { ask, type SettingsView } from '../api.ts'
import { budgetOf } from '../model/budget.ts'
import { shown } from '../parts/kept.ts'
import { Bar, Panel } from '../parts/small.tsx'
import { link } from '../route.ts'

const limits = signal<ReadonlyMap<string, unknown>>(new Map())
/** From there on it is near. */
const NEAR = 0.9

export function Budget(): VNode | null {
  useEffect(() => {
    void ask<SettingsView>('configuration').then(answer => {
      if (answer.kind === 'ok') limits.value = new Map(answer.value.settings.map(({ path, value }) => [path, value]))
    })
  }, [])
  const { value } = shown
  const rows = value === null ? [] : budgetOf(value.report, limits.value)
  if (rows.length === 0) return null
  return (
    <Panel title="Budget" aside="what one question may cost">
      <table>
        <tbody>
          {rows.map(({ setting, label, used, most, text }) => (
            <tr key={setting}>
              <td class="word">
                <a href={link('settings', { find: setting })}>{label}</a>
              </td>
              <td class="wide">
                <Bar share={used / most} tone={used / most > NEAR ? 'fail' : 'accent'} />
              </td>
              <td class="n dim">{text}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Panel>
  )
}
