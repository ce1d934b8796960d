/** Policies: which rule decides for a client and a name, and what the rules come from. */
import { useSignal } from '@preact/signals'
import type { VNode } from 'preact'
import { useEffect } from 'preact/hooks'
import { ask } from '../api.ts'
import type { Limited } from '../model/policy.ts'
import { counted, spanText } from '../model/format.ts'
import { clientFilter } from '../model/filters.ts'
import { ownText, whoText } from '../model/policy.ts'
import { Empty, Panel, Tag } from '../parts/small.tsx'
import { useViews } from '../parts/views.ts'
import { link } from '../route.ts'
import { Candidate } from './candidate.tsx'
import { Lists } from './lists.tsx'
import { Programs, Zones } from './zones.tsx'
import { WhyForm } from './why.tsx'

export function PolicyScreen(): VNode {
  return (
    <>
      <h1 class="sr">Policy</h1>
      <WhyForm />
      <Lists />
      <div class="cols">
        <Zones />
        <Programs />
        <Views />
        <Limits />
      </div>
      <Candidate />
    </>
  )
}

function Views(): VNode {
  const views = useViews()
  return (
    <Panel title="Views" aside={<a href={link('settings', { find: 'views' })}>settings</a>}>
      {views.value.length === 0 ? <Empty>One for all: the same holds for every client.</Empty> : null}
      <ul class="entries">
        {views.value.map(view => (
          <li key={view.name} class="entry">
            <div class="entry-head">
              <b>{view.name}</b>
              <span class="dim">{whoText(view)}</span>
            </div>
            <p class="dim">{ownText(view)}</p>
          </li>
        ))}
      </ul>
    </Panel>
  )
}

const LIMITS_POLL_MS = 5_000

function Limits(): VNode {
  const limited = useSignal<Limited | null>(null)
  useEffect(() => {
    const look = async (): Promise<void> => {
      if (document.visibilityState !== 'visible') return
      const answer = await ask<Limited>('limits')
      if (answer.kind === 'ok') limited.value = answer.value
    }
    void look()
    const timer = setInterval(() => void look(), LIMITS_POLL_MS)
    return () => clearInterval(timer)
  }, [limited])
  const { value } = limited
  const { isOn = false, dryRun = false, clients = [] } = value ?? {}
  return (
    <Panel title="Above a limit" aside="networks of clients, last minute">
      {dryRun ? <Tag mood="warn">dry run: counted, and answered</Tag> : null}
      {value !== null && !isOn ? <Empty>No limit is set: see "rateLimit" in the settings.</Empty> : null}
      {isOn && clients.length === 0 ? <Empty>None.</Empty> : null}
      {clients.length === 0 ? null : (
        <table>
          <tbody>
            {clients.map(({ network, above, sinceS, lastS }) => (
              <tr key={network}>
                <td class="mono w">
                  <a href={link('live', { filter: clientFilter(network) })}>{network}</a>
                </td>
                <td class="n">{counted(above, 'query', 'queries')}</td>
                <td class="n dim">
                  since {spanText(sinceS)}, last {spanText(lastS)} ago
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Panel>
  )
}
