/** Dark or light: as the system says, or as the person chose here, which the browser remembers. */
import { effect, signal } from '@preact/signals'

export type Theme = 'system' | 'light' | 'dark'
const KEY = 'rootwalk-theme'

function remembered(): Theme {
  try {
    const kept = localStorage.getItem(KEY)
    return kept === 'light' || kept === 'dark' ? kept : 'system'
  } catch {
    return 'system'
  }
}

export const theme = signal<Theme>(remembered())
/** Counts up whenever colours have changed: what draws with them draws again. */
export const colours = signal(0)

const changed = (): void => {
  colours.value = colours.peek() + 1
}

export function startTheme(): void {
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', changed)
  effect(() => {
    document.documentElement.dataset.theme = theme.value
    try {
      localStorage.setItem(KEY, theme.value)
    } catch {
      // A browser that keeps nothing shows what the system says next time.
    }
    changed()
  })
}

/** The value of a colour of the page, such as `--cache`. */
export const colourOf = (variable: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(variable).trim()
