/** `rootwalk zone`: the zones of a running server listed, shown, changed, and changes undone. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { errorText } from '../../events.ts'
import type { CliContext } from '../commands/options.ts'
import { Exit } from '../startup-problems.ts'
import { AdminFault, type AdminPlace, askAdmin, pages } from './client.ts'
import { type AdminFlags, type Show, withServer } from './commands.ts'
import { transferBegunText, transfersText } from './transfer-texts.ts'
import { fieldsOf, itemsOf } from './fields.ts'

export interface ZoneWords {
  readonly action: string
  readonly zone: string | null
  readonly what: readonly string[]
  readonly ttl: number | null
  readonly dryRun: boolean
  readonly comment: string | null
}

interface Request {
  readonly kind: 'change'
  readonly method: string
  readonly path: string
  readonly body?: unknown
  /** Its text is the body. */
  readonly file?: string
}

export type ZoneTask =
  | { readonly kind: 'list' }
  /** Null: all of them. */
  | { readonly kind: 'transfers'; readonly zone: string | null }
  | { readonly kind: 'show' | 'history' | 'refresh' | 'retransfer'; readonly zone: string }
  | { readonly kind: 'diff'; readonly zone: string; readonly from: string; readonly to: string }
  | Request

const DNS_TEXT = 'text/dns'

export function zoneTask(words: ZoneWords): ZoneTask | { readonly error: string } {
  const { action, zone, what } = words
  if (action === 'list') return { kind: 'list' }
  if (action === 'transfers') return { kind: 'transfers', zone }
  if (zone === null) return { error: `zone ${action} takes the name of a zone` }
  const [first = '', second = ''] = what
  switch (action) {
    case 'show':
    case 'history':
    case 'refresh':
    case 'retransfer':
      return { kind: action, zone }
    case 'diff':
      if (!/^\d+ \d+$/.test(what.join(' '))) return { error: 'zone diff takes two revisions, such as 0 3' }
      return { kind: 'diff', zone, from: first, to: second }
    case 'undo':
      return changeOf('POST', zone, 'undo', words)
    case 'revert':
      if (!/^\d+$/.test(what.join(' '))) return { error: 'zone revert takes a revision; zone history has them' }
      return changeOf('POST', zone, `revisions/${first}/revert`, words)
    case 'delete':
      return deletion(zone, words)
    default:
      return putting(zone, words)
  }
}

const transferPlace = (zone: string): string => `api/v1/transfers/${encodeURIComponent(zone)}`
const place = (zone: string): string => `api/v1/zones/${encodeURIComponent(zone)}`

function changeOf(
  method: string,
  zone: string,
  below: string,
  { dryRun, comment }: ZoneWords,
  rest: { readonly body?: unknown; readonly file?: string } = {},
): Request {
  const query = comment === null ? '' : `&comment=${encodeURIComponent(comment)}`
  const path = `${place(zone)}${below === '' ? '' : `/${below}`}?dryRun=${dryRun}${query}`
  return { kind: 'change', method, path, ...rest }
}

function deletion(zone: string, words: ZoneWords): Request {
  const [name, type = null, ...data] = words.what
  if (name === undefined) return changeOf('DELETE', zone, '', words)
  const remove = [{ name, type, data: data.length === 0 ? null : data }]
  return changeOf('PATCH', zone, '', words, { body: { remove } })
}

/** `add` and `set`, of a whole zone or of records. */
function putting(zone: string, words: ZoneWords): ZoneTask | { readonly error: string } {
  const { action, what, ttl } = words
  const [name = '', type = '', ...data] = what
  if (what.length === 1) return changeOf(action === 'add' ? 'ADD' : 'PUT', zone, '', words, { file: name })
  if (data.length === 0) return { error: `zone ${action} takes a zone file, or a name, a type and data` }
  const records = [{ name, type, ttl, data }]
  return changeOf('PATCH', zone, '', words, { body: action === 'add' ? { add: records } : { set: records } })
}

export const runZone = (task: ZoneTask, flags: AdminFlags, around: CliContext): Promise<number> =>
  withServer('zone', flags, around, async (at, show) => {
    switch (task.kind) {
      case 'list':
        return listZones(at, show)
      case 'transfers':
        return listTransfers(at, show, task.zone)
      case 'refresh':
      case 'retransfer': {
        const path = `${transferPlace(task.zone)}/${task.kind}`
        show((await askAdmin(at, 'POST', path)).body, transferBegunText)
        return
      }
      case 'show': {
        const { body } = await askAdmin(at, 'GET', place(task.zone), undefined, { accept: DNS_TEXT })
        show(body, String)
        return
      }
      case 'history':
        show((await askAdmin(at, 'GET', `${place(task.zone)}/revisions`)).body, historyText)
        return
      case 'diff': {
        const path = `${place(task.zone)}/difference?from=${task.from}&to=${task.to}`
        show((await askAdmin(at, 'GET', path)).body, differenceText)
        return
      }
      case 'change':
        show((await changed(at, task, around.directory)).body, changeText)
        return
      default:
        task satisfies never
    }
  })

async function changed(at: AdminPlace, { method, path, body, file }: Request, directory: string) {
  if (file === undefined) return askAdmin(at, method, path, body)
  let text = ''
  try {
    text = readFileSync(resolve(directory, file), 'utf8')
  } catch (error) {
    throw new AdminFault(`${file}: ${errorText(error)}`, Exit.NoInput)
  }
  if (method !== 'ADD') return askAdmin(at, method, path, text, { type: DNS_TEXT })
  const [zonePath = '', query = ''] = path.split('?')
  const name = decodeURIComponent(zonePath.slice('api/v1/zones/'.length))
  return askAdmin(at, 'POST', `api/v1/zones?${query}`, { name, text })
}

/** Of one name there may be several, in views. */
async function listTransfers(at: AdminPlace, show: Show, zone: string | null): Promise<void> {
  const filter = zone === null ? '' : `&zone=${encodeURIComponent(zone)}`
  if (zone !== null) await askAdmin(at, 'GET', transferPlace(zone))
  await pages(at, `api/v1/transfers?limit=1000${filter}`, page => show(page, transfersText))
}

const listZones = (at: AdminPlace, show: Show): Promise<void> =>
  pages(at, 'api/v1/zones?limit=1000', body =>
    show(body, page => itemsOf(fieldsOf(page).zones).map(zoneLine).join('') || '; there are no zones\n'),
  )

function zoneLine({
  name,
  source,
  file,
  editable,
  changed: isChanged,
  records,
  serial,
  revision,
}: ReturnType<typeof fieldsOf>): string {
  const from =
    source === 'api'
      ? 'made through the API'
      : source === 'transfer'
        ? 'sent by other servers'
        : `${String(file)}${editable === true ? ' (editable)' : ''}`
  const laid = isChanged === true ? ', with changes laid over it' : ''
  const rest = revision === 0 ? '' : `, revision ${String(revision)}`
  return `${String(name)}\t${String(records)} records, serial ${String(serial)}, ${from}${laid}${rest}\n`
}

export function historyText(body: unknown): string {
  const lines = itemsOf(fieldsOf(body).revisions).map(({ number, at, author, comment, restores }) => {
    const back = typeof restores === 'number' ? `, back to ${restores}` : ''
    const why = typeof comment === 'string' ? `: ${comment}` : ''
    return `${String(number)}\t${String(at)} ${String(author)}${back}${why}\n`
  })
  return lines.join('') || '; it was never changed through the API\n'
}

export function differenceText(body: unknown): string {
  const { removed, added, removedCount, addedCount } = fieldsOf(body)
  const lines = (sign: string, list: unknown, count: unknown): string => {
    const shown = Array.isArray(list) ? list : []
    const more = typeof count === 'number' && count > shown.length ? `; and ${count - shown.length} more\n` : ''
    return shown.map(line => `${sign}${String(line)}\n`).join('') + more
  }
  return lines('-', removed, removedCount) + lines('+', added, addedCount) || '; nothing differs\n'
}

function changeText(body: unknown): string {
  // DELETE says nothing when it is done.
  if (body === null) return 'deleted\n'
  const { dryRun, zone, difference, warnings } = fieldsOf(body)
  const notes = itemsOf(warnings).map(({ detail }) => `; ${String(detail)}\n`)
  const { revision } = fieldsOf(zone)
  const end = dryRun === true ? '; nothing was changed\n' : `; revision ${String(revision)}\n`
  return `${differenceText(difference)}${notes.join('')}${end}`
}
