/** The views of the configuration, for who looks at what is of one of them. */
import { type Signal, useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { ask, type SettingsView } from '../api.ts'
import type { View } from '../model/policy.ts'

const isView = (value: unknown): value is View => typeof value === 'object' && value !== null && 'name' in value

export function useViews(): Signal<readonly View[]> {
  const views = useSignal<readonly View[]>([])
  useEffect(() => {
    void ask<SettingsView>('configuration').then(answer => {
      if (answer.kind !== 'ok') return
      const set = answer.value.settings.find(({ path }) => path === 'views')?.value
      views.value = Array.isArray(set) ? set.filter(isView) : []
    })
  }, [views])
  return views
}
