/** `rootwalk status`, `cache`, `flush`, `reload`, `restart` and `stop`: a running server asked, and what it said. */
import { loadConfig } from '../../config/sources.ts'
import type { Config } from '../../config/types.ts'
import { problemText } from '../../render/problem.ts'
import type { CliContext } from '../commands/options.ts'
import { Exit } from '../startup-problems.ts'
import { AdminFault, type AdminPlace, askAdmin, placeFor, pages } from './client.ts'
import { limitsText, listsText, listText, refreshedText } from './list-texts.ts'
import { restart } from './restart.ts'
import { policyStatusText } from './transfer-texts.ts'
import { instancesText, missingInstances } from './instance-texts.ts'
import { anchorsText, entriesText, flushedText, nameText, serversText, statusText } from './texts.ts'
import { fieldsOf } from './fields.ts'

/** What all of these commands take. */
export interface AdminFlags {
  readonly config: string | undefined
  readonly admin: string | undefined
  readonly tokenFile: string | undefined
  readonly json: boolean
}

export type AdminTask =
  | { readonly kind: 'status' | 'policy-status' | 'limits' | 'reload' | 'restart' | 'stop' }
  | { readonly kind: 'servers'; readonly troubled: boolean; readonly view: string | undefined }
  | { readonly kind: 'cache'; readonly name: string; readonly view: string | undefined }
  | { readonly kind: 'validate-again'; readonly name: string; readonly allInstances: boolean }
  | { readonly kind: 'negative-anchors' }
  | { readonly kind: 'lists'; readonly isRefresh: boolean; readonly name: string | undefined }
  | { readonly kind: 'validate-not'; readonly name: string; readonly hours: number; readonly allInstances: boolean }
  | {
      readonly kind: 'dump'
      readonly of: string
      readonly under: string | undefined
      readonly view: string | undefined
    }
  | {
      readonly kind: 'flush'
      /** Null: everything. */
      readonly name: string | null
      readonly below: boolean
      /** Undefined: all of them. */
      readonly view: string | undefined
      readonly servers: boolean
      readonly dryRun: boolean
      readonly allInstances: boolean
    }

export const runAdmin = (command: string, task: AdminTask, flags: AdminFlags, around: CliContext): Promise<number> =>
  withServer(command, flags, around, (place, show) => perform(task, place, show))

/** Does something with the running server that the flags name; what fails is said, and is the exit code. */
export async function withServer(
  command: string,
  flags: AdminFlags,
  around: CliContext,
  act: (place: AdminPlace, show: Show) => Promise<void>,
): Promise<number> {
  try {
    const { admin, tokenFile, json } = flags
    const place = placeFor(admin, tokenFile, around.directory, () => configFor(flags, around))
    await act(place, (body, text) => around.out(json ? `${JSON.stringify(body, null, 2)}\n` : text(body)))
    return Exit.Ok
  } catch (error) {
    if (!(error instanceof AdminFault)) throw error
    around.err(`rootwalk ${command}: ${error.message}\n`)
    return error.exitCode
  }
}

export function configFor({ config: file }: AdminFlags, { environment, directory }: CliContext): Config {
  const result = loadConfig({ file, environment, flags: [], directory })
  const config = result.kind === 'config' ? result.config : result.rest
  if (config !== null) return config
  const problems = result.kind === 'invalid' ? result.problems.map(problemText).join('\n') : ''
  throw new AdminFault(
    `the configuration cannot be read; --admin says where the server is.\n${problems}`,
    Exit.BadConfig,
  )
}

/** What the server said: as JSON when that is wanted, else in the words of `text`. */
export type Show = (body: unknown, text: (body: unknown) => string) => void

const encoded = (name: string): string => encodeURIComponent(name)

async function perform(task: AdminTask, place: AdminPlace, show: Show): Promise<void> {
  const get = async (path: string): Promise<unknown> => (await askAdmin(place, 'GET', path)).body
  switch (task.kind) {
    case 'status':
      show(await get('api/v1/status'), statusText)
      return
    case 'policy-status': {
      const [zones, programs] = [await get('api/v1/policy/zones'), await get('api/v1/policy/programs')]
      show({ ...fieldsOf(zones), ...fieldsOf(programs) }, policyStatusText)
      return
    }
    case 'limits':
      show(await get('api/v1/limits'), limitsText)
      return
    case 'servers':
      await pages(place, `api/v1/servers?troubled=${task.troubled}${viewIn(task)}`, body => show(body, serversText))
      return
    case 'cache':
      // A URL has no place for a segment that is a dot.
      if (task.name === '.')
        show(await get(`api/v1/cache?under=.&limit=1${viewIn(task)}`), body => entriesText(fieldsOf(body).entries))
      else show(await get(`api/v1/cache/names/${encoded(task.name)}?${viewIn(task)}`), nameText)
      return
    case 'dump': {
      const under = task.under === undefined ? '' : `&under=${encoded(task.under)}`
      await pages(place, `api/v1/cache?kind=${encoded(task.of)}&limit=1000${under}${viewIn(task)}`, body =>
        show(body, page => entriesText(fieldsOf(page).entries)),
      )
      return
    }
    case 'flush':
      await flush(task, place, show)
      return
    case 'negative-anchors':
      show(await get('api/v1/negative-anchors'), anchorsText)
      return
    case 'validate-not': {
      const until = new Date(Date.now() + task.hours * HOUR_MS).toISOString()
      const { body } = await askAdmin(place, 'PUT', anchorPath(task), { until })
      show(body, anchor => `${anchorsText({ anchors: [anchor] })}${instancesText(anchor)}`)
      demandAll(body)
      return
    }
    case 'validate-again': {
      const { body } = await askAdmin(place, 'DELETE', anchorPath(task))
      show(body, said => `deleted\n${instancesText(said)}`)
      demandAll(body)
      return
    }
    case 'lists':
      await lists(task, place, show)
      return
    case 'reload':
      show((await askAdmin(place, 'POST', 'api/v1/reload')).body, () => 'reloaded\n')
      return
    case 'restart': {
      const restarted = await restart(place)
      show(restarted, () => `restarted: process ${restarted.pid}, before ${restarted.before}\n`)
      return
    }
    case 'stop':
      show((await askAdmin(place, 'POST', 'api/v1/stop')).body, () => 'stopping\n')
      return
    default:
      task satisfies never
  }
}

const HOUR_MS = 3_600_000

const viewIn = ({ view }: { readonly view: string | undefined }): string =>
  view === undefined ? '' : `&view=${encoded(view)}`

const anchorPath = ({ name, allInstances }: { readonly name: string; readonly allInstances: boolean }): string =>
  `api/v1/negative-anchors/${encoded(name)}?allInstances=${allInstances}`

/** An instance that did not confirm may still have what was to go: that is no success. */
function demandAll(body: unknown): void {
  const missing = missingInstances(body)
  if (missing !== null) throw new AdminFault(missing, Exit.Failure)
}

async function flush(task: Extract<AdminTask, { kind: 'flush' }>, place: AdminPlace, show: Show): Promise<void> {
  const { name, below, servers, dryRun, allInstances } = task
  const how = `dryRun=${dryRun}&allInstances=${allInstances}${viewIn(task)}`
  const path =
    name === null
      ? `api/v1/cache?servers=${servers}&${how}`
      : `api/v1/cache/names/${encoded(name)}?below=${below}&${how}`
  const { body } = await askAdmin(place, 'DELETE', path)
  show(body, said => `${flushedText(said)}${instancesText(said)}`)
  demandAll(body)
}

async function lists(
  { isRefresh, name }: Extract<AdminTask, { kind: 'lists' }>,
  place: AdminPlace,
  show: (body: unknown, text: (body: unknown) => string) => void,
): Promise<void> {
  if (isRefresh) {
    const path = name === undefined ? 'api/v1/lists/refresh' : `api/v1/lists/${encoded(name)}/refresh`
    show((await askAdmin(place, 'POST', path)).body, refreshedText)
    return
  }
  const { body } = await askAdmin(place, 'GET', 'api/v1/lists')
  const all = fieldsOf(body).lists
  const found = Array.isArray(all) ? all.filter(one => name === undefined || fieldsOf(one).name === name) : []
  if (name !== undefined && found.length === 0)
    throw new AdminFault(`there is no list "${name}" in the configuration`, Exit.Failure)
  show({ lists: found }, name === undefined ? listsText : listText)
}

/** All pages, each shown as it comes. */
