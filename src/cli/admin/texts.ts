/** What the API says, as lines for people. */
import { counted } from '../../presentation/counted.ts'
import { count, fieldsOf, itemsOf, mebi, text } from './fields.ts'

/** `2 d 3 h`, `4 min 5 s`. */
export function durationText(seconds: number): string {
  const units = [
    ['d', 86_400],
    ['h', 3_600],
    ['min', 60],
    ['s', 1],
  ] as const
  const first = units.findIndex(([, size]) => seconds >= size)
  if (first < 0) return '0 s'
  let left = seconds
  return units
    .slice(first, first + 2)
    .flatMap(([unit, size]) => {
      const whole = Math.floor(left / size)
      left -= whole * size
      return whole === 0 ? [] : [`${whole} ${unit}`]
    })
    .join(' ')
}

export function statusText(body: unknown): string {
  const status = fieldsOf(body)
  const cache = fieldsOf(status.cache)
  const listening = itemsOf(status.listening).map(
    ({ transport, address, port }) =>
      `${text(address).includes(':') ? `[${text(address)}]` : text(address)}:${text(port)}/${text(transport)}`,
  )
  const anchors = Array.isArray(status.trustAnchors) ? status.trustAnchors.map(text) : []
  const rows = [
    ['version', `${text(status.version)} on Node.js ${text(status.node)}, process ${text(status.pid)}`],
    ['running for', `${durationText(count(status.uptimeS))}${status.stopping === true ? ', stopping' : ''}`],
    ['configuration', text(status.configFile ?? 'the defaults')],
    ['listening on', listening.join(', ')],
    ['validates from', anchors.length === 0 ? 'nothing: validation is off' : anchors.join(', ')],
    ...missingRow(status.missing),
    ['clients wait', `${text(status.waiting)}, ${counted(count(status.resolutions), 'resolution')} in flight`],
    [
      'cache',
      [mebi(cache.bytes), counted(count(cache.rrsets), 'RRset'), counted(count(cache.answers), 'answer')].join(', '),
    ],
  ]
  const shared = sharedText(status.shared)
  if (shared !== '') rows.push(['shared cache', shared])
  const counters = Object.entries(fieldsOf(status.counters)).filter(([, value]) => count(value) > 0)
  const table = [...rows, ...counters.map(([name, value]) => [`  ${name}`, text(value)])]
  const width = Math.max(...table.map(([name = '']) => name.length)) + 2
  return table.map(([name = '', value = '']) => `${name.padEnd(width)}${value}\n`).join('')
}

/** What keeps everything from being answered. */
const missingRow = (missing: unknown): readonly (readonly string[])[] =>
  Array.isArray(missing) && missing.length > 0
    ? [['waits for', `${missing.map(text).join(', ')}: all queries get SERVFAIL until these policy zones are there`]]
    : []

/** Empty where there is none. */
function sharedText(value: unknown): string {
  const { at, state, instances, requests } = fieldsOf(value)
  if (at === undefined) return ''
  const { hit, miss, timeout } = fieldsOf(requests)
  const others = Array.isArray(instances) ? instances.map(text) : []
  const how = state === 'closed' ? 'in use' : state === 'connecting' ? 'not connected' : 'does not answer, left alone'
  const found = `${counted(count(hit), 'hit')}, ${counted(count(miss), 'miss', 'misses')}`
  const late = `${counted(count(timeout), 'time-out')}`
  return `${text(at)} ${how}; others: ${others.join(', ') || 'none'}; ${found}, ${late}`
}

export function entriesText(entries: unknown): string {
  return itemsOf(entries).map(entryText).join('')
}

function entryText(entry: Readonly<Record<string, unknown>>): string {
  const about = [
    entry.ttlLeft === null ? 'does not end' : `${text(entry.ttlLeft)} s left`,
    text(entry.ttlOrigin),
    ...(entry.security === null ? [] : [text(entry.security)]),
    ...(entry.trust === null ? [] : [text(entry.trust)]),
    ...(entry.note === null ? [] : [text(entry.note)]),
  ].join('; ')
  const records = [...itemsOf(entry.records), ...itemsOf(entry.signatures)].map(
    ({ name, ttl, class: klass, type, data }) =>
      `  ${text(name)}\t${text(ttl)}\t${text(klass)}\t${text(type)}\t${text(data)}\n`,
  )
  const servers = itemsOf(entry.servers).map(
    ({ name, addresses }) => `  ${text(name)} ${Array.isArray(addresses) ? addresses.map(text).join(' ') : ''}\n`,
  )
  const what = entry.kind === 'rrsets' ? '' : `${text(entry.kind)} `
  return `${text(entry.name)} ${text(entry.type)}: ${what}(${about})\n${records.join('')}${servers.join('')}`
}

export function nameText(body: unknown): string {
  const view = fieldsOf(body)
  const local =
    view.localZone === null ? '' : `; answered by the zone ${text(view.localZone)} here, not from the cache\n`
  const entries = entriesText(view.entries)
  const closest = fieldsOf(view.closestDelegation)
  const walk = closest.name === undefined ? '; a walk begins at the root' : `; a walk begins at ${text(closest.name)}`
  return `${local}${entries === '' ? `; nothing is cached of ${text(view.name)}\n` : entries}${walk}\n`
}

const wordsOf = (name: string): string => name.replace(/[A-Z]/g, letter => ` ${letter.toLowerCase()}`)

export function flushedText(body: unknown): string {
  const { dryRun, name, below, removed } = fieldsOf(body)
  const what = name === null ? 'everything' : `${text(name)}${below === true ? ' and below' : ''}`
  const counts = Object.entries(fieldsOf(removed)).flatMap(([store, many]) =>
    // The stores have names of many: `answers`, `rrsets`.
    count(many) === 0 ? [] : [counted(count(many), wordsOf(store).replace(/s$/, ''), wordsOf(store))],
  )
  const gone = counts.length === 0 ? 'nothing was there' : counts.join(', ')
  return `${dryRun === true ? 'would flush' : 'flushed'} ${what}: ${gone}\n`
}

export function anchorsText(body: unknown): string {
  const anchors = itemsOf(fieldsOf(body).anchors)
  if (anchors.length === 0) return '; everything is validated\n'
  return anchors.map(({ name, until, from }) => `${text(name)} until ${text(until)} (${text(from)})\n`).join('')
}

export const serversText = (body: unknown): string =>
  itemsOf(fieldsOf(body).servers)
    .map(({ server, srttMs, edns, cookies, timeoutsInRow, throttled, lame }) => {
      const round = srttMs === null ? 'never heard' : `${count(srttMs).toFixed(1)} ms`
      const silent = count(timeoutsInRow) === 0 ? '' : `, ${counted(count(timeoutsInRow), 'time-out')} in a row`
      const held = itemsOf(throttled).map(
        ({ why, sinceS, nextQueryS }) =>
          `  throttled for ${durationText(count(sinceS))}: ${text(why)}; next query in ${text(nextQueryS)} s\n`,
      )
      const wrong = itemsOf(lame).map(({ zone, kind }) => `  lame for ${text(zone)} (${text(kind)})\n`)
      const facts = `${round}, EDNS ${text(edns)}, cookies ${text(cookies)}${silent}`
      return `${text(server)}\t${facts}\n${[...held, ...wrong].join('')}`
    })
    .join('')
