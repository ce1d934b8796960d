/** Who comes without a session: a token once, or how to get one. */
import { useSignal } from '@preact/signals'
import type { TargetedEvent, VNode } from 'preact'
import { Trouble } from '../parts/small.tsx'
import { logIn, session } from '../state.ts'

export function LoginScreen(): VNode {
  const token = useSignal('')
  const why = session.value.kind === 'none' ? session.value.why : ''
  const submit = (event: TargetedEvent<HTMLFormElement>): void => {
    event.preventDefault()
    void logIn({ token: token.value.trim() })
  }
  return (
    <main class="login">
      <h1 class="logo">
        root<b>walk</b>
      </h1>
      <form class="panel" onSubmit={submit}>
        <label for="token">Token</label>
        <input
          id="token"
          type="password"
          autocomplete="current-password"
          spellcheck={false}
          required
          value={token}
          onInput={event => {
            token.value = event.currentTarget.value
          }}
        />
        <button type="submit" class="primary">
          Log in
        </button>
        {why === '' ? null : <Trouble text={why} />}
      </form>
      <section class="panel">
        <h2>No token yet?</h2>
        <ol class="steps">
          <li>
            On the server: <code>rootwalk token create --name me --scope operate</code>
          </li>
          <li>
            Put the setting that it prints into <code>admin.tokens</code>, and reload: <code>rootwalk reload</code>
          </li>
          <li>Paste the token here. The browser keeps a session, never the token.</li>
        </ol>
      </section>
    </main>
  )
}
