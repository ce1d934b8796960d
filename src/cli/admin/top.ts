/** `rootwalk top`: what a running server does now, a screen each second. */
import type { CliContext } from '../commands/options.ts'
import { Exit } from '../startup-problems.ts'
import { AdminFault, type AdminPlace, askAdmin, placeFor } from './client.ts'
import { type AdminFlags, configFor } from './commands.ts'
import { followEvents } from './event-source.ts'
import { fieldsOf } from './fields.ts'

const EVERY_MS = 1_000
const COLUMNS = 80
const ROWS = 8
/** Names that are counted at once; beyond that the list begins again. */
const MOST_KEYS = 10_000
/** Cursor to the corner, and what is below it erased (ECMA-48). */
const HOME = '\u001b[H\u001b[J'

/** `count`: screens, then it ends; null: never. */
export async function runTop(count: number | null, flags: AdminFlags, around: CliContext): Promise<number> {
  const end = new AbortController()
  try {
    const place = placeFor(flags.admin, flags.tokenFile, around.directory, () => configFor(flags, around))
    const lists = new Lists()
    const following = followEvents({
      place,
      path: 'api/v1/events?filter=record%3Dquery',
      onEvent: ({ event, data }) => {
        if (event === 'query') lists.add(String(data.name), String(data.client), String(data.by))
      },
      onLost: () => lists.clear(),
      signal: end.signal,
      random: Math.random,
    })
    await Promise.race([following, screens(place, count, lists, around)])
    end.abort()
    await following
    return Exit.Ok
  } catch (error) {
    end.abort()
    if (!(error instanceof AdminFault)) throw error
    around.err(`rootwalk top: ${error.message}\n`)
    return error.exitCode
  }
}

async function screens(place: AdminPlace, count: number | null, lists: Lists, around: CliContext): Promise<void> {
  let before = fieldsOf((await askAdmin(place, 'GET', 'api/v1/status')).body)
  for (let shown = 0; count === null || shown < count; shown++) {
    await new Promise(resolve => setTimeout(resolve, EVERY_MS))
    const now = fieldsOf((await askAdmin(place, 'GET', 'api/v1/status')).body)
    around.out(`${around.terminal ? HOME : ''}${screenText(now, before, lists)}\n`)
    before = now
  }
}

/** Counts by key of what came since the start. */
export class Lists {
  readonly names: Map<string, number> = new Map()
  readonly clients: Map<string, number> = new Map()
  readonly sources: Map<string, number> = new Map()

  add(name: string, client: string, source: string): void {
    for (const [map, key] of [
      [this.names, name],
      [this.clients, client],
      [this.sources, source],
    ] as const) {
      if (map.size >= MOST_KEYS && !map.has(key)) map.clear()
      map.set(key, (map.get(key) ?? 0) + 1)
    }
  }

  clear(): void {
    for (const map of [this.names, this.clients, this.sources]) map.clear()
  }
}

type Fields = Readonly<Record<string, unknown>>

/** At most 80 columns wide. */
export function screenText(now: Fields, before: Fields, lists: Lists): string {
  const [counters, old] = [fieldsOf(now.counters), fieldsOf(before.counters)]
  const rise = (...names: string[]): number =>
    names.reduce((sum, name) => sum + Number(counters[name] ?? 0) - Number(old[name] ?? 0), 0)
  const queries = rise('udpQueries', 'tcpQueries', 'tlsQueries', 'httpsQueries', 'httpQueries')
  const hits = rise('answeredFromCache')
  const { bytes, rrsets, answers } = fieldsOf(now.cache)
  const percent = queries === 0 ? 0 : Math.round((100 * hits) / queries)
  return [
    `rootwalk ${String(now.version)}  up ${String(now.uptimeS)} s  ${queries} queries/s  ${percent} % from the cache`,
    `waiting ${String(now.waiting)}  resolutions ${String(now.resolutions)}  tcp ${String(now.tcpConnections)}  ` +
      `SERVFAIL ${rise('servFail')}/s  NXDOMAIN ${rise('nxDomain')}/s  REFUSED ${rise('refused')}/s`,
    `cache ${(Number(bytes) / 1_048_576).toFixed(1)} MiB  ${String(rrsets)} RRsets  ${String(answers)} answers`,
    ...table('sources', lists.sources),
    ...table('names', lists.names),
    ...table('clients', lists.clients),
  ]
    .map(line => line.slice(0, COLUMNS))
    .join('\n')
}

function table(title: string, counts: ReadonlyMap<string, number>): readonly string[] {
  const most = [...counts].sort(([, a], [, b]) => b - a).slice(0, ROWS)
  return ['', title, ...most.map(([key, count]) => `${String(count).padStart(8)}  ${key === '' ? '-' : key}`)]
}
