/** What fails now and why: remembered failures and zones whose servers are silent, each with the way to its walk. */
import { useSignal } from '@preact/signals'
import type { VNode } from 'preact'
import { useEffect } from 'preact/hooks'
import { ask, type CacheEntry, queryOf } from '../api.ts'
import { spanText } from '../model/format.ts'
import { Empty, Panel, Tag } from '../parts/small.tsx'
import { useSteady } from '../parts/steady.ts'
import { link } from '../route.ts'
import { now, troubled } from '../state.ts'

const POLL_MS = 5_000
const SHOWN = 8

interface Failure {
  /** The same as long as it is the same failure, whatever its figures. */
  readonly id: string
  readonly name: string
  readonly type: string
  readonly kind: string
  readonly text: string
  readonly sinceS: number | null
}

/** `bogus: Signature Expired: …` as the cache remembers it. */
function failureOf({ name, type, note, storedAt }: CacheEntry, wall: number): Failure {
  const [kind = '', ...rest] = (note ?? '').split(': ')
  const id = `${name} ${type} ${kind}`
  return { id, name, type, kind, text: rest.join(': '), sinceS: storedAt === null ? null : wall - storedAt }
}

export function Failing(): VNode {
  const entries = useSignal<readonly CacheEntry[]>([])
  useEffect(() => {
    const look = async (): Promise<void> => {
      if (document.visibilityState !== 'visible') return
      const answer = await ask<{ readonly entries: readonly CacheEntry[] }>(
        `cache?${queryOf({ kind: 'failures', limit: SHOWN * 2 })}`,
      )
      if (answer.kind === 'ok') entries.value = answer.value.entries
    }
    void look()
    const timer = setInterval(() => void look(), POLL_MS)
    return () => clearInterval(timer)
  }, [entries])
  const wall = (now.value?.at ?? Date.now()) / 1_000
  const failures = [...silentZones(), ...entries.value.map(entry => failureOf(entry, wall))].slice(0, SHOWN)
  const { holder, rows } = useSteady<HTMLTableSectionElement, Failure>(failures, ({ id }) => id)
  return (
    <Panel title="What fails, and why" aside="now">
      {rows.length === 0 ? <Empty>Nothing.</Empty> : null}
      <table class="failures">
        <tbody ref={holder}>
          {rows.map(({ id, name, type, kind, text, sinceS }) => (
            <tr key={id} data-name={name} data-type={type}>
              <td class="mono w">
                <a href={link('explain', { name, type, root: '1' })}>
                  {name} {type}
                </a>
              </td>
              <td class="w">
                <Tag mood={kind === 'bogus' ? 'bad' : 'warn'}>{kind}</Tag> {text}
              </td>
              <td class="n dim">{sinceS === null ? '' : spanText(sinceS)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Panel>
  )
}

const silentZones = (): readonly Failure[] =>
  troubled.value.flatMap(({ server, throttled }) =>
    throttled.map(({ zone, sinceS, timeouts }) => ({
      id: `${zone} ${server}`,
      name: zone,
      type: 'SOA',
      kind: 'silent',
      text: `${server} left ${timeouts} queries without a reply`,
      sinceS,
    })),
  )
