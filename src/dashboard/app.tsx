/** The frame around all screens: what is asked for, where one can go, how the server is. */
import { useSignal } from '@preact/signals'
import type { TargetedEvent, VNode } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { isHelpOpen, KEYS } from './keys.ts'
import { counted, rateText, spanText } from './model/format.ts'
import { type Asked, readAsked } from './model/filters.ts'
import { SOURCE_COLUMNS } from '../admin/now/columns.ts'
import { lazy } from './parts/lazy.tsx'
import { go, link, route, type Screen } from './route.ts'
import { ExplainScreen } from './screens/explain.tsx'
import { LiveScreen } from './screens/live.tsx'
import { LoginScreen } from './screens/login.tsx'
import { NowScreen } from './screens/now.tsx'
import { isAway, logOut, now, poll, series, session, status, troubled } from './state.ts'
import { type Theme, theme } from './theme.ts'

// Those that are opened now and then are loaded then.
const PastScreen = lazy(async () => (await import('./screens/past.tsx')).PastScreen)
const CacheScreen = lazy(async () => (await import('./screens/cache.tsx')).CacheScreen)
const ServersScreen = lazy(async () => (await import('./screens/servers.tsx')).ServersScreen)
const TrustScreen = lazy(async () => (await import('./screens/trust.tsx')).TrustScreen)
const ZonesScreen = lazy(async () => (await import('./screens/zones.tsx')).ZonesScreen)
const VisitScreen = lazy(async () => (await import('./visit/visit.tsx')).VisitScreen)
const PolicyScreen = lazy(async () => (await import('./policy/policy.tsx')).PolicyScreen)
const SettingsScreen = lazy(async () => (await import('./settings/settings.tsx')).SettingsScreen)
const ServerScreen = lazy(async () => (await import('./screens/server.tsx')).ServerScreen)
const TokensScreen = lazy(async () => (await import('./screens/tokens.tsx')).TokensScreen)

const GROUPS: readonly (readonly [title: string, screens: readonly Screen[]])[] = [
  ['See', ['now', 'live', 'explain', 'open']],
  ['Know', ['cache', 'servers', 'trust']],
  ['Decide', ['zones', 'policy']],
  ['Run', ['settings', 'server', 'tokens']],
]
const nameOf = (screen: Screen): string => KEYS.find(([, other]) => other === screen)?.[2] ?? screen

export function App(): VNode {
  const kind = session.value.kind
  useEffect(() => (kind === 'open' ? poll() : undefined), [kind])
  const { screen } = route.value
  useEffect(() => {
    document.title = `${kind === 'none' ? 'Log in' : nameOf(screen)} · rootwalk`
  }, [kind, screen])
  if (kind === 'unknown') return <div class="blank" />
  if (kind === 'none') return <LoginScreen />
  return (
    <div class="frame">
      <button type="button" class="skip" onClick={skip}>
        To the content
      </button>
      <Header />
      <Navigation />
      <main id="main" tabIndex={-1}>
        {isAway.value ? (
          <p class="trouble" role="alert">
            The server does not answer; what is shown is from before. Trying again …
          </p>
        ) : null}
        <Current screen={screen} />
      </main>
      {isHelpOpen.value ? <Help /> : null}
    </div>
  )
}

function skip(): void {
  document.getElementById('main')?.focus()
}

function Current({ screen }: { readonly screen: Screen }): VNode {
  switch (screen) {
    case 'now':
      return <NowScreen />
    case 'live':
      return route.value.fields.from === undefined ? <LiveScreen /> : <PastScreen />
    case 'explain':
      return <ExplainScreen />
    case 'open':
      return <VisitScreen />
    case 'cache':
      return <CacheScreen />
    case 'servers':
      return <ServersScreen />
    case 'trust':
      return <TrustScreen />
    case 'zones':
      return <ZonesScreen />
    case 'policy':
      return <PolicyScreen />
    case 'settings':
      return <SettingsScreen />
    case 'tokens':
      return <TokensScreen />
    case 'server':
      return <ServerScreen />
    default:
      return screen satisfies never
  }
}

function Header(): VNode {
  const { value } = status
  return (
    <header>
      <a class="logo" href={link('now')}>
        root<b>walk</b>
      </a>
      <Ask />
      <span class="grow" />
      <span class="dim uptime">{value === null ? '' : `up ${spanText(value.uptimeS)}`}</span>
      <Health />
      <ThemeSwitch />
      <Who />
    </header>
  )
}

function linkOf(asked: Exclude<Asked, { kind: 'nothing' }>): string {
  switch (asked.kind) {
    case 'filter':
      return link('live', { filter: asked.filter })
    case 'url':
      return link('open', { url: asked.url })
    case 'explain':
      return link('explain', { name: asked.name, type: asked.type })
    default:
      return asked satisfies never
  }
}

function Ask(): VNode {
  const text = useSignal('')
  const submit = (event: TargetedEvent<HTMLFormElement>): void => {
    event.preventDefault()
    const asked = readAsked(text.value)
    if (asked.kind === 'nothing') return
    go(linkOf(asked))
    text.value = ''
    event.currentTarget.querySelector('input')?.blur()
  }
  return (
    <form class="ask" onSubmit={submit}>
      <input
        id="ask"
        aria-label="Ask: a name, a client, a filter, a URL"
        placeholder="Ask: a name, client, filter, URL …"
        autocomplete="off"
        spellcheck={false}
        value={text}
        onInput={event => {
          text.value = event.currentTarget.value
        }}
      />
      <kbd>/</kbd>
    </form>
  )
}

function Health(): VNode {
  const count = troubled.value.length
  if (isAway.value) return <span class="pill bad">● no answer</span>
  if (status.value?.stopping === true) return <span class="pill bad">● stopping</span>
  if (status.value === null) return <span class="pill">● …</span>
  return count === 0 ? (
    <span class="pill good">● healthy</span>
  ) : (
    <a class="pill" href={link('servers')}>
      ● {counted(count, 'server')} failing
    </a>
  )
}

const THEMES: Readonly<Record<Theme, Theme>> = { system: 'light', light: 'dark', dark: 'system' }

const ThemeSwitch = (): VNode => (
  <button
    type="button"
    class="pill"
    title="Light, dark, or as the system has it"
    onClick={() => {
      theme.value = THEMES[theme.value]
    }}
  >
    <span class="sr">Colours: </span>
    {theme.value === 'system' ? 'auto' : theme.value}
  </button>
)

function Who(): VNode | null {
  if (session.value.kind !== 'open') return null
  const { name, scope, expires } = session.value.principal
  const text = scope === 'read' ? 'read only' : name
  if (expires === null) return <span class="pill">{text}</span>
  return (
    <button type="button" class="pill" title={`${name}, scope ${scope}. Log out`} onClick={() => void logOut()}>
      {text}
      <span class="sr">: log out</span>
    </button>
  )
}

function Navigation(): VNode {
  return (
    <nav class="screens" aria-label="Screens">
      {GROUPS.map(([title, screens]) => (
        <div class="group" key={title}>
          <h2>{title}</h2>
          {screens.map(screen => (
            <a
              key={screen}
              href={link(screen)}
              class={route.value.screen === screen ? 'on' : ''}
              aria-current={route.value.screen === screen ? 'page' : undefined}
            >
              {nameOf(screen)}
              <Beside screen={screen} />
            </a>
          ))}
        </div>
      ))}
    </nav>
  )
}

/** A figure next to a screen's name that says whether to go there. */
function Beside({ screen }: { readonly screen: Screen }): VNode | null {
  if (screen === 'live' && now.value !== null) {
    const { stepMs } = now.value
    const queries = SOURCE_COLUMNS.reduce((all, name) => all + (series.value?.[name]?.at(-1) ?? 0), 0)
    return <span class="dim">{rateText((queries * 1_000) / stepMs)}/s</span>
  }
  if (screen === 'servers' && troubled.value.length > 0) return <span class="failing">{troubled.value.length}</span>
  return null
}

function Help(): VNode {
  const box = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    box.current?.showModal()
  }, [])
  return (
    <dialog ref={box} aria-label="Keys" onClose={() => (isHelpOpen.value = false)}>
      <h2>Keys</h2>
      <dl class="keys">
        <dt>
          <kbd>/</kbd>
        </dt>
        <dd>ask: a name, a client, a filter, a URL</dd>
        <dt>
          <kbd>e</kbd>
        </dt>
        <dd>explain what is selected, or the row in focus</dd>
        <dt>
          <kbd>space</kbd>
        </dt>
        <dd>stop and go on in the live tail</dd>
        {KEYS.map(([key, , name]) => (
          <>
            <dt>
              <kbd>g</kbd> <kbd>{key}</kbd>
            </dt>
            <dd>{name}</dd>
          </>
        ))}
      </dl>
      <button type="button" onClick={() => (isHelpOpen.value = false)}>
        Close
      </button>
    </dialog>
  )
}
