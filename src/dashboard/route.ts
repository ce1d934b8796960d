/** Which screen is shown, and of what: all of it stands in the address, so that it can be sent on and gone back to. */
import { signal } from '@preact/signals'

const SCREENS = [
  'now',
  'live',
  'explain',
  'open',
  'cache',
  'servers',
  'trust',
  'zones',
  'policy',
  'settings',
  'server',
  'tokens',
] as const
export type Screen = (typeof SCREENS)[number]

export interface Route {
  readonly screen: Screen
  readonly fields: Readonly<Record<string, string>>
}

const isScreen = (text: string): text is Screen => SCREENS.some(screen => screen === text)

/** `#/explain?name=www.example.com&type=A`. */
function readRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?')
  return { screen: isScreen(path) ? path : 'now', fields: Object.fromEntries(new URLSearchParams(query)) }
}

export function link(screen: Screen, fields: Readonly<Record<string, string | undefined>> = {}): string {
  const set = Object.entries(fields).filter(([, value]) => value !== undefined && value !== '')
  const query = new URLSearchParams(set.map(([name, value]) => [name, value ?? ''])).toString()
  return `#/${screen}${query === '' ? '' : `?${query}`}`
}

export const route = signal<Route>(readRoute(location.hash))

export function go(to: string): void {
  location.hash = to.slice(1)
}

/** The same screen in another state, which the way back passes over. */
export function become(to: string): void {
  history.replaceState(null, '', to)
  route.value = readRoute(to)
}

addEventListener('hashchange', () => {
  route.value = readRoute(location.hash)
})
