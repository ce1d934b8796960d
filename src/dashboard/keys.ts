/**
 * Keys: `/` asks, `g` and a letter goes to a screen, `e` explains what is selected, `?` lists them. Not while somebody
 * types, and not together with Ctrl, Alt or Meta, which are the browser's.
 */
import { signal } from '@preact/signals'
import { go, link, type Screen } from './route.ts'

export const KEYS: readonly (readonly [key: string, screen: Screen, name: string])[] = [
  ['n', 'now', 'Now'],
  ['l', 'live', 'Live'],
  ['e', 'explain', 'Explain'],
  ['u', 'open', 'Open a URL'],
  ['c', 'cache', 'Cache'],
  ['s', 'servers', 'Servers'],
  ['t', 'trust', 'Trust'],
  ['z', 'zones', 'Zones'],
  ['p', 'policy', 'Policy'],
  ['i', 'settings', 'Settings'],
  ['r', 'server', 'Server'],
  ['o', 'tokens', 'Tokens'],
]

export const isHelpOpen = signal(false)
const ASK = 'ask'
const AFTER_G_MS = 1_500

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement

/** The name of what is selected, or of the row that is in focus. */
function selectedName(): string | null {
  const text = getSelection()?.toString().trim() ?? ''
  if (/^\S{1,255}$/.test(text)) return text
  const row = document.activeElement?.closest('[data-name]')
  return row instanceof HTMLElement ? (row.dataset.name ?? null) : null
}

export function startKeys(): void {
  let afterG = 0
  addEventListener('keydown', event => {
    if (event.key === 'Escape') {
      isHelpOpen.value = false
      if (isTyping(event.target) && event.target instanceof HTMLElement) event.target.blur()
    }
    if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || isTyping(event.target)) return
    const isAfterG = event.timeStamp - afterG < AFTER_G_MS
    afterG = 0
    const target = isAfterG ? KEYS.find(([key]) => key === event.key) : undefined
    if (target !== undefined) go(link(target[1]))
    else if (event.key === 'g') afterG = event.timeStamp
    else if (event.key === '/') document.getElementById(ASK)?.focus()
    else if (event.key === '?') isHelpOpen.value = !isHelpOpen.value
    else if (event.key === 'e') explainSelected()
    else return
    event.preventDefault()
  })
}

function explainSelected(): void {
  const name = selectedName()
  if (name === null) go(link('explain'))
  else
    go(
      link('explain', { name, type: document.activeElement?.closest('[data-type]')?.getAttribute('data-type') ?? 'A' }),
    )
}
