/** A resolver that nobody has asked yet: what to do, in three steps. */
import type { VNode } from 'preact'
import { link } from '../route.ts'
import { status } from '../state.ts'

export function FirstRun(): VNode {
  const udp = status.value?.listening.find(({ transport }) => transport === 'udp')
  const any = udp?.address === '0.0.0.0' || udp?.address === '::'
  const address = udp === undefined ? '127.0.0.1' : any ? location.hostname : udp.address
  const port = udp === undefined || udp.port === 53 ? '' : ` -p ${udp.port}`
  return (
    <section class="panel first-run">
      <div class="head">
        <h2>It runs. Three steps to see it work</h2>
      </div>
      <ol class="steps">
        <li>
          Ask it something: <code>{`dig @${address}${port} www.example.com`}</code>, or let a computer use {address} as
          its DNS server.
        </li>
        <li>
          Watch the question arrive in <a href={link('live')}>Live</a>.
        </li>
        <li>
          See why the answer is what it is in{' '}
          <a href={link('explain', { name: 'www.example.com', root: '1' })}>Explain</a>.
        </li>
      </ol>
    </section>
  )
}
