/** Who may use the API: tokens made, shown once, and revoked. */
import { useSignal } from '@preact/signals'
import type { TargetedEvent, VNode } from 'preact'
import { useEffect } from 'preact/hooks'
import { ask, type TokenEntry, troubleText } from '../api.ts'
import { dateText } from '../model/format.ts'
import { Empty, Panel, Tag, Trouble } from '../parts/small.tsx'
import { mayAdmin } from '../state.ts'

export const TokensScreen = (): VNode => (
  <>
    <h1 class="sr">Tokens</h1>
    {mayAdmin.value ? (
      <Tokens />
    ) : (
      <Panel title="Tokens">
        <Empty>Tokens are shown to those with scope admin.</Empty>
      </Panel>
    )}
  </>
)

const SCOPES = ['read', 'operate', 'write', 'admin'] as const

function Tokens(): VNode {
  const tokens = useSignal<readonly TokenEntry[]>([])
  const trouble = useSignal('')
  const fresh = useSignal<{ readonly name: string; readonly token: string } | null>(null)
  const load = async (): Promise<void> => {
    const answer = await ask<{ readonly tokens: readonly TokenEntry[] }>('tokens')
    if (answer.kind === 'ok') tokens.value = answer.value.tokens
    else trouble.value = troubleText(answer)
  }
  useEffect(() => {
    void load()
  }, [])
  const make = async (name: string, scope: string): Promise<void> => {
    const body = { name, scope }
    const answer = await ask<{ readonly name: string; readonly token: string }>('tokens', { method: 'POST', body })
    trouble.value = answer.kind === 'ok' ? '' : troubleText(answer)
    if (answer.kind === 'ok') fresh.value = answer.value
    await load()
  }
  const revoke = async (name: string): Promise<void> => {
    const answer = await ask(`tokens/${encodeURIComponent(name)}`, { method: 'DELETE' })
    trouble.value = answer.kind === 'ok' ? '' : troubleText(answer)
    await load()
  }
  return (
    <Panel title="Tokens" aside="of each only the hash is kept">
      {trouble.value === '' ? null : <Trouble text={trouble.value} />}
      <div aria-live="polite">
        {fresh.value === null ? null : (
          <p>
            The token {fresh.value.name}, shown now and never again: <code>{fresh.value.token}</code>
          </p>
        )}
      </div>
      <ul class="entries">
        {tokens.value.map(({ name, scope, expires, from, lastUsedAt }) => (
          <li key={name} class="entry entry-head">
            <b class="mono">{name}</b> <Tag mood="plain">{scope}</Tag>
            <span class="dim">
              {expires === null ? 'does not end' : `until ${dateText(Date.parse(expires))}`}
              {lastUsedAt === null ? '' : `, used ${dateText(Date.parse(lastUsedAt))}`}
            </span>
            <span class="grow" />
            {from === 'configuration' ? (
              <span class="dim">of the configuration</span>
            ) : (
              <button type="button" class="danger" onClick={() => void revoke(name)}>
                Revoke<span class="sr"> {name}</span>
              </button>
            )}
          </li>
        ))}
      </ul>
      <TokenForm make={(name, scope) => void make(name, scope)} />
    </Panel>
  )
}

function TokenForm({ make }: { readonly make: (name: string, scope: string) => void }): VNode {
  const name = useSignal('')
  const scope = useSignal<string>('read')
  const submit = (event: TargetedEvent<HTMLFormElement>): void => {
    event.preventDefault()
    make(name.value.trim(), scope.value)
    name.value = ''
  }
  return (
    <form class="filter" onSubmit={submit}>
      <input
        aria-label="Name of a new token"
        placeholder="ci"
        required
        spellcheck={false}
        value={name}
        onInput={event => {
          name.value = event.currentTarget.value
        }}
      />
      <select
        aria-label="Scope"
        value={scope}
        onChange={event => {
          scope.value = event.currentTarget.value
        }}
      >
        {SCOPES.map(one => (
          <option key={one} value={one}>
            {one}
          </option>
        ))}
      </select>
      <button type="submit">Make a token</button>
    </form>
  )
}
