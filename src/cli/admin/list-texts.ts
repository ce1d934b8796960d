/** What the API says of block and allow lists, and of limits, as lines for people. */
import { counted } from '../../presentation/counted.ts'
import { shown } from '../../presentation/text.ts'
import { durationText } from './texts.ts'
import { count, fieldsOf, itemsOf, text } from './fields.ts'

/** One line a list. */
export function listsText(body: unknown): string {
  const lists = itemsOf(fieldsOf(body).lists)
  if (lists.length === 0) return '; there are no lists: see "lists" and "rules" in docs/policy.md\n'
  const rows = lists.map(list => [
    text(list.name),
    text(list.layer),
    counted(count(list.rules), 'rule'),
    counted(skippedLines(list), 'line skipped', 'lines skipped'),
    counted(count(list.hits), 'hit'),
    list.ageS === null ? 'never read' : `${durationText(count(list.ageS))} old`,
  ])
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map(row => row[column]?.length ?? 0)) + 2)
  return lists
    .map((list, index) => {
      const line = (rows[index] ?? []).map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('')
      return `${line.trimEnd()}\n${list.problem === null ? '' : `  ${text(list.problem)}\n`}`
    })
    .join('')
}

const skippedLines = (list: Readonly<Record<string, unknown>>): number =>
  itemsOf(list.skipped).reduce((sum, { lines }) => sum + count(lines), 0)

/** Everything of one. */
export function listText(body: unknown): string {
  const [list] = itemsOf(fieldsOf(body).lists)
  if (list === undefined) return ''
  const kinds = [
    counted(count(list.exact), 'exact name'),
    counted(count(list.suffix), 'name with what is below it', 'names with what is below them'),
    counted(count(list.exceptions), 'exception'),
    counted(count(list.patterns), 'pattern'),
    counted(count(list.addresses), 'address', 'addresses'),
  ]
  const next = list.nextS === null ? '' : `, fetched again in ${durationText(count(list.nextS))}`
  const lines = [
    `${text(list.name)} (${text(list.layer)}, ${text(list.format)}) from ${text(list.source)}`,
    list.ageS === null ? 'never read' : `read or unchanged ${durationText(count(list.ageS))} ago${next}`,
    ...(list.problem === null ? [] : [`problem: ${text(list.problem)}`]),
    `${counted(count(list.rules), 'rule')}, ${counted(count(list.duplicates), 'duplicate')}: ${kinds.join(', ')}`,
    `${counted(count(list.hits), 'answer')} decided`,
    ...itemsOf(list.skipped).map(
      ({ lines: many, text: why }) => `skipped ${counted(count(many), 'line')}: ${text(why)}`,
    ),
    ...itemsOf(list.shown).map(({ line, text: what, reason, detail }) => {
      const why = detail === '' ? text(reason) : `${text(reason)}: ${shown(text(detail))}`
      return `  line ${text(line)}: ${shown(text(what))} (${why})`
    }),
  ]
  return `${lines.join('\n')}\n`
}

export function refreshedText(body: unknown): string {
  const { lists } = fieldsOf(body)
  const names = Array.isArray(lists) ? lists.map(text) : []
  return names.length === 0 ? 'there are no lists\n' : `reading again: ${names.join(', ')}\n`
}

/** One line a network that is above a limit. */
export function limitsText(body: unknown): string {
  const { isOn, dryRun, clients } = fieldsOf(body)
  if (isOn !== true) return '; there is no limit: see "rateLimit" in docs/policy.md\n'
  const items = itemsOf(clients)
  const head = dryRun === true ? '; counted only: "dryRun" is set\n' : ''
  if (items.length === 0) return `${head}; no client is above a limit\n`
  const width = Math.max(...items.map(({ network }) => text(network).length)) + 2
  const rows = items.map(({ network, above, sinceS, lastS }) => {
    const when = `in ${durationText(count(sinceS))}, last ${durationText(count(lastS))} ago`
    return `${text(network).padEnd(width)}${count(above)} above the limit ${when}\n`
  })
  return head + rows.join('')
}
