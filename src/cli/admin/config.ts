/** `rootwalk config`: the settings of a running server, where each comes from, changed and changed back. */
import type { CliContext } from '../commands/options.ts'
import { Exit } from '../startup-problems.ts'
import { AdminFault, askAdmin } from './client.ts'
import { type AdminFlags, withServer } from './commands.ts'
import { differenceText, historyText } from './zone.ts'
import { fieldsOf, itemsOf } from './fields.ts'

export interface ConfigWords {
  readonly action: string
  readonly setting: string | null
  readonly value: string | null
  readonly dryRun: boolean
  readonly comment: string | null
}

export type ConfigTask =
  | { readonly kind: 'show'; readonly setting: string | null }
  | { readonly kind: 'history' }
  | { readonly kind: 'change'; readonly method: string; readonly path: string; readonly body?: unknown }

const PATH = 'api/v1/configuration'

export function configTask(words: ConfigWords): ConfigTask | { readonly error: string } {
  const { action, setting, value, dryRun, comment } = words
  const query = `?dryRun=${dryRun}${comment === null ? '' : `&comment=${encodeURIComponent(comment)}`}`
  const change = (method: string, below: string, body?: unknown): ConfigTask => ({
    ...{ kind: 'change', method, path: `${PATH}${below}${query}` },
    ...(body === undefined ? {} : { body }),
  })
  switch (action) {
    case 'show':
      return { kind: 'show', setting }
    case 'history':
      return { kind: 'history' }
    case 'undo':
      return change('POST', '/undo')
    case 'revert':
      if (!/^\d+$/.test(setting ?? '')) return { error: 'config revert takes a revision; config history has them' }
      return change('POST', `/revisions/${setting}/revert`)
    case 'unset':
      if (setting === null) return { error: 'config unset takes a setting, such as dnssec.validate' }
      return change('PATCH', '', nested(setting, null))
    default:
      if (setting === null || value === null)
        return { error: 'config set takes a setting and its value, such as dnssec.validate false' }
      return change('PATCH', '', nested(setting, valueFrom(value)))
  }
}

/** `{"dnssec": {"validate": false}}` for `dnssec.validate`. */
const nested = (setting: string, value: unknown): unknown =>
  setting.split('.').reduceRight<unknown>((inner, key) => ({ [key]: inner }), value)

/** JSON, or what is none as a text. */
function valueFrom(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

export const runConfig = (task: ConfigTask, flags: AdminFlags, around: CliContext): Promise<number> =>
  withServer('config', flags, around, async (at, show) => {
    switch (task.kind) {
      case 'show': {
        const { body } = await askAdmin(at, 'GET', PATH)
        const { setting } = task
        const { settings } = fieldsOf(body)
        const wanted = itemsOf(settings).filter(({ path }) => isAtOrBelow(String(path), setting))
        if (wanted.length === 0)
          throw new AdminFault(`${setting} is no setting; config show without a name lists all`, Exit.Usage)
        show({ ...fieldsOf(body), settings: wanted }, () => wanted.map(settingLine).join(''))
        return
      }
      case 'history':
        show((await askAdmin(at, 'GET', `${PATH}/revisions`)).body, historyText)
        return
      case 'change':
        show((await askAdmin(at, task.method, task.path, task.body)).body, changeText)
        return
      default:
        task satisfies never
    }
  })

const isAtOrBelow = (path: string, setting: string | null): boolean =>
  setting === null || path === setting || path.startsWith(`${setting}.`)

function settingLine({ path, value, source, where, isPending, takesEffect }: ReturnType<typeof fieldsOf>): string {
  const from = source === 'default' ? 'default' : String(where)
  const waits = isPending === true ? `, changed and waits for a ${String(takesEffect)}` : ''
  return `${String(path)} = ${JSON.stringify(value)}\t(${from}${waits})\n`
}

function changeText(body: unknown): string {
  const { dryRun, revision, difference, warnings } = fieldsOf(body)
  const notes = itemsOf(warnings).map(({ detail }) => `; ${String(detail)}\n`)
  const end = dryRun === true ? '; nothing was changed\n' : `; revision ${String(revision)}\n`
  return `${differenceText(difference)}${notes.join('')}${end}`
}
