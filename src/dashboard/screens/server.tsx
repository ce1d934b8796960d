/** The server itself: what it is, where it listens, what it holds, and reading its files again. */
import type { VNode } from 'preact'
import { bytesText, countText, dateText, spanText } from '../model/format.ts'
import { Reload } from '../parts/reload.tsx'
import { Panel } from '../parts/small.tsx'
import { mayOperate, now, status } from '../state.ts'

export function ServerScreen(): VNode {
  const { value } = status
  return (
    <>
      <h1 class="sr">Server</h1>
      <Panel title="Server">
        {value === null ? null : (
          <dl class="facts">
            <dt>version</dt>
            <dd>
              rootwalk {value.version} on Node.js {value.node}
            </dd>
            <dt>started</dt>
            <dd>
              {dateText(value.startedAt * 1_000)}, {spanText(value.uptimeS)} ago
            </dd>
            <dt>configuration</dt>
            <dd class="mono">{value.configFile ?? 'the defaults'}</dd>
            <dt>listens on</dt>
            <dd>
              {value.listening.map(({ transport, address, port }) => (
                <div key={`${transport}${address}${port}`} class="mono">
                  {transport} {address.includes(':') ? `[${address}]` : address}:{port}
                </div>
              ))}
            </dd>
            <dt>validates from</dt>
            <dd class="mono">{value.trustAnchors.join(', ') || 'nothing'}</dd>
          </dl>
        )}
        {mayOperate.value ? <Reload /> : null}
      </Panel>
      <div class="cols">
        <Stores />
        <Memory />
      </div>
      <Counters />
    </>
  )
}

const Stores = (): VNode => (
  <Panel title="Caches">
    <table>
      <thead>
        <tr>
          <th scope="col">store</th>
          <th scope="col" class="n">
            entries
          </th>
          <th scope="col" class="n">
            octets
          </th>
        </tr>
      </thead>
      <tbody>
        {(now.value?.stores ?? []).map(({ store, entries, bytes }) => (
          <tr key={store}>
            <td>{store}</td>
            <td class="n">{countText(entries)}</td>
            <td class="n">{bytesText(bytes)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  </Panel>
)

const Memory = (): VNode => (
  <Panel title="Memory" aside="of the whole process; the rest of the main thread">
    <table>
      <tbody>
        {Object.entries(now.value?.memory ?? {}).map(([owner, bytes]) => (
          <tr key={owner}>
            <td>{owner}</td>
            <td class="n">{bytesText(bytes)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  </Panel>
)

function Counters(): VNode {
  const counted = Object.entries(status.value?.counters ?? {}).filter(([, value]) => value > 0)
  return (
    <Panel title="Counted since the start" aside={<a href="metrics">metrics</a>}>
      <div class="counters">
        {counted.map(([name, value]) => (
          <div key={name}>
            <span class="n">{countText(value)}</span> <span class="dim">{wordsOf(name)}</span>
          </div>
        ))}
      </div>
    </Panel>
  )
}

/** `answeredFromCache` as words. */
const wordsOf = (name: string): string => name.replaceAll(/(?<=[a-z])[A-Z]/g, letter => ` ${letter.toLowerCase()}`)
