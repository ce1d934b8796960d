/** Servers that were asked: those that fail and since when first, then all with their round trips. */
import { useSignal } from '@preact/signals'
import type { VNode } from 'preact'
import { useEffect } from 'preact/hooks'
import { ask, queryOf, type ServerEntry, troubleText } from '../api.ts'
import { counted, durationText, spanText } from '../model/format.ts'
import { Bar, Empty, Panel, Tag, Trouble } from '../parts/small.tsx'
import { useSteady } from '../parts/steady.ts'
import { link } from '../route.ts'
import { askTroubled, troubled } from '../state.ts'

interface Page {
  readonly servers: readonly ServerEntry[]
  readonly next: string | null
}

const PAGE = 100
const POLL_MS = 5_000
/** What a bar of a round trip is measured by. */
const SLOW_MS = 400

export function ServersScreen(): VNode {
  const { holder, rows } = useSteady<HTMLUListElement, ServerEntry>(troubled.value, ({ server }) => server)
  return (
    <>
      <h1 class="sr">Servers</h1>
      <Panel title="Failing now" aside="throttled, lame or silent">
        {rows.length === 0 ? <Empty>None: every server that was asked lately answered.</Empty> : null}
        <ul class="entries" ref={holder}>
          {rows.map(server => (
            <Failing key={server.server} server={server} />
          ))}
        </ul>
      </Panel>
      <All />
    </>
  )
}

const Failing = ({
  server: { server, throttled, lame, timeoutsInRow, srttMs },
}: {
  readonly server: ServerEntry
}): VNode => (
  <li class="entry">
    <div class="entry-head">
      <b class="mono">{server}</b>
      {throttled.length > 0 ? <Tag mood="bad">throttled</Tag> : null}
      {lame.length > 0 ? <Tag mood="warn">lame</Tag> : null}
      {timeoutsInRow > 0 ? <Tag mood="warn">silent</Tag> : null}
      <span class="grow" />
      <span class="dim">{srttMs === null ? 'never heard' : `answers others in ${durationText(srttMs)}`}</span>
    </div>
    {throttled.map(({ zone, sinceS, nextQueryS, why }) => (
      <p key={zone} data-name={zone} data-type="SOA">
        <ZoneLink zone={zone} /> {why}; since {spanText(sinceS)}, asked again{' '}
        {nextQueryS === 0 ? 'with the next query' : `in ${spanText(nextQueryS)}`}.
      </p>
    ))}
    {lame.map(({ zone, untilS }) => (
      <p key={zone} data-name={zone} data-type="SOA">
        <ZoneLink zone={zone} /> It does not serve this zone; passed over for {spanText(untilS)}.
      </p>
    ))}
    {timeoutsInRow > 0 && throttled.length === 0 ? (
      <p>{counted(timeoutsInRow, 'query', 'queries')} in a row got no reply.</p>
    ) : null}
  </li>
)

const ZoneLink = ({ zone }: { readonly zone: string }): VNode => (
  <a class="mono" href={link('explain', { name: zone, type: 'SOA', root: '1' })}>
    {zone}
  </a>
)

/** At once, and again and again while the page is seen. */
function useRepeated(look: () => void): void {
  useEffect(() => {
    look()
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible') look()
    }, POLL_MS)
    return () => clearInterval(timer)
  }, [])
}

function All(): VNode {
  const servers = useSignal<readonly ServerEntry[]>([])
  const next = useSignal<string | null>(null)
  const trouble = useSignal('')
  const load = async (cursor: string | undefined): Promise<void> => {
    const answer = await ask<Page>(`servers?${queryOf({ limit: PAGE, cursor })}`)
    if (answer.kind !== 'ok') {
      trouble.value = troubleText(answer)
      return
    }
    trouble.value = ''
    servers.value = [...(cursor === undefined ? [] : servers.value), ...answer.value.servers]
    next.value = answer.value.next
  }
  useRepeated(() => {
    void askTroubled()
    // Who has gone on to further pages reads; what is read stays.
    if (servers.value.length <= PAGE) void load(undefined)
  })
  return (
    <Panel title="All that were asked" aside="smoothed round trip">
      {trouble.value === '' ? null : <Trouble text={trouble.value} />}
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">server</th>
              <th scope="col">
                <span class="sr">bar</span>
              </th>
              <th scope="col" class="n">
                round trip
              </th>
              <th scope="col" class="n">
                waits
              </th>
              <th scope="col">EDNS</th>
              <th scope="col">letter case</th>
              <th scope="col">cookies</th>
            </tr>
          </thead>
          <tbody>
            {servers.value.map(({ server, srttMs, timeoutMs, edns, caseSafe, cookies }) => (
              <tr key={server}>
                <td class="mono">{server}</td>
                <td class="third">
                  <Bar share={(srttMs ?? 0) / SLOW_MS} />
                </td>
                <td class="n">{srttMs === null ? '–' : durationText(srttMs)}</td>
                <td class="n dim">{durationText(timeoutMs)}</td>
                <td>{edns}</td>
                <td>{CASES[caseSafe] ?? caseSafe}</td>
                <td>{cookies === 'unknown' ? '–' : cookies}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {next.value === null ? null : (
        <button type="button" onClick={() => void load(next.value ?? undefined)}>
          More
        </button>
      )}
    </Panel>
  )
}

const CASES: Readonly<Record<string, string>> = { yes: 'kept', no: 'not kept', unknown: '–' }
