/** `rootwalk queries`: the query history of a running server, searched. */
import type { CliContext } from '../commands/options.ts'
import type { AdminFlags } from './commands.ts'
import { withServer } from './commands.ts'
import { askAdmin } from './client.ts'
import { lineOf } from './tail.ts'
import { fieldsOf, itemsOf } from './fields.ts'

export interface QueriesTask {
  readonly filter: string
  /** Ms. */
  readonly sinceMs: number
  readonly count: number
  readonly isSummary: boolean
}

/** Of one page: what the server gives at most. */
const PAGE = 1_000

/** Oldest last, as they are found: the first lines come at once, however long the search takes. */
export const runQueries = (task: QueriesTask, flags: AdminFlags, around: CliContext): Promise<number> =>
  withServer('queries', flags, around, async (place, show) => {
    const from = Date.now() - task.sinceMs
    if (task.isSummary) {
      show((await askAdmin(place, 'GET', `api/v1/queries/summary?from=${from}`)).body, summaryText)
      return
    }
    let left = task.count
    let cursor = ''
    do {
      const path =
        `api/v1/queries?filter=${encodeURIComponent(task.filter)}&from=${from}` +
        `&limit=${Math.min(left, PAGE)}${cursor === '' ? '' : `&cursor=${cursor}`}`
      const { queries, next } = fieldsOf((await askAdmin(place, 'GET', path)).body)
      for (const data of itemsOf(queries)) {
        const day = new Date(Number(data.at)).toISOString().slice(0, 10)
        around.out(
          flags.json
            ? `${JSON.stringify(data)}\n`
            : `${day} ${lineOf({ event: 'query', data }, (_source, text) => text)}\n`,
        )
        left--
      }
      cursor = typeof next === 'string' ? next : ''
    } while (left > 0 && cursor !== '')
  })

function summaryText(body: unknown): string {
  const { queries, from, to, ...lists } = fieldsOf(body)
  const hour = (at: unknown): string => new Date(Number(at)).toISOString().slice(0, 16).replace('T', ' ')
  const sections = ['rcodes', 'sources', 'names', 'clients', 'failing', 'absent'].flatMap(name => {
    const lines = itemsOf(lists[name]).map(({ key, count }) => `  ${String(count).padStart(9)}  ${String(key)}\n`)
    return lines.length === 0 ? [] : [`${name}:\n${lines.join('')}`]
  })
  return `${String(queries)} queries from ${hour(from)} to ${hour(to)} UTC\n${sections.join('')}`
}
