/** The score card: what came of attacks, as text, as JSON and as a page. */
import type { AttackKind, AttackMeasure, AttackReport } from '../../attacks/report.ts'
import type { Paint } from '../../render/walk.ts'

export interface ScoreCard {
  readonly version: string
  /** What was attacked: "the engine inside this process", or an address. */
  readonly target: string
  readonly held: number
  readonly of: number
  readonly reports: readonly AttackReport[]
}

export const scoreCard = (version: string, target: string, reports: readonly AttackReport[]): ScoreCard => ({
  version,
  target,
  held: reports.filter(({ held }) => held).length,
  of: reports.length,
  reports,
})

const KINDS: Readonly<Record<AttackKind, string>> = {
  poisoning: 'to be trusted',
  validation: 'on validation',
  amplification: 'to make it send',
  crowd: 'by number',
  parsing: 'on the reader of messages',
}

const isAbove = ({ value, bound }: AttackMeasure): boolean => value > bound

/** 12.34 as it is, 16 without a point, and never for what did not come. */
function amount(value: number): string {
  if (!Number.isFinite(value)) return 'never'
  return Number.isInteger(value) ? String(value) : value.toFixed(value < 1 ? 2 : 1)
}

/** `25 of 25 messages to the victim`: the measure that is nearest to its bound, or the first above it. */
function nearest({ measures }: AttackReport): AttackMeasure | undefined {
  const share = ({ value, bound }: AttackMeasure): number =>
    bound === 0 ? (value === 0 ? 0 : Number.POSITIVE_INFINITY) : value / bound
  return measures.reduce<AttackMeasure | undefined>((worst, one) => {
    return worst === undefined || share(one) > share(worst) ? one : worst
  }, undefined)
}

const said = ({ what, value, bound, unit }: AttackMeasure): string =>
  `${amount(value)} of at most ${amount(bound)} ${unit === 'ms' ? 'ms' : ''}`.trimEnd().concat(`, ${what}`)

/** A line an attack, by what it wants, and the sum. */
export function cardText({ target, held, of, reports }: ScoreCard, paint: Paint): string {
  const width = Math.max(...reports.map(({ name }) => name.length))
  const kinds = [...new Set(reports.map(({ kind }) => kind))]
  const sections = kinds.flatMap(kind => [
    paint('bold', `Attacks ${KINDS[kind]}`),
    ...reports.filter(report => report.kind === kind).map(report => `  ${lineOf(report, width, paint)}`),
    '',
  ])
  return `${sections.join('\n')}\n${held} of ${of} attacks held by ${target}.\n`
}

function lineOf(report: AttackReport, width: number, paint: Paint): string {
  const verdict = report.held ? paint('green', 'held  ') : paint('red', 'FAILED')
  const measure = nearest(report)
  return `${verdict} ${report.name.padEnd(width)}  ${measure === undefined ? '' : said(measure)}`
}

/** One attack, with all that was measured. */
export function reportText(report: AttackReport, paint: Paint): string {
  const { name, title, references, held, measures } = report
  const width = Math.max(...measures.map(({ what }) => what.length))
  const lines = measures.map(measure => {
    const { what, value, bound, unit, by } = measure
    const verdict = isAbove(measure) ? paint('red', 'above') : paint('green', 'ok   ')
    const shownUnit = unit === 'ms' || unit === 'octets' ? ` ${unit}` : ''
    return `  ${verdict} ${what.padEnd(width)}  ${amount(value)}${shownUnit}, at most ${amount(bound)} (${by})`
  })
  const verdict = held ? paint('green', 'held') : paint('red', 'FAILED')
  return `${paint('bold', name)}: ${title}\n  ${references.join(', ')}\n${lines.join('\n')}\n  ${verdict}\n`
}

/** Infinity, which JSON has no number for, is null: it never came. */
export const cardJson = (card: ScoreCard): string => `${JSON.stringify(card, null, 2)}\n`

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}
const escaped = (text: string): string => text.replaceAll(/[&<>"']/g, character => ENTITIES[character] ?? character)

const STYLE = [
  'body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;',
  'color:#1b1b1b;background:#fff}',
  'table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #ddd}',
  'th{position:sticky;top:0;background:#fff}.held{color:#0a6b2d}.failed{color:#b00020;font-weight:700}',
  '@media(prefers-color-scheme:dark){body,th{background:#161616;color:#eee}td,th{border-color:#444}',
  '.held{color:#6fd08c}',
  '.failed{color:#ff8a8a}}',
].join('')

/** A page of its own: no script, nothing loaded. */
export function cardHtml(card: ScoreCard): string {
  const rows = card.reports.map(report => {
    const { name, title, kind, references, held, measures } = report
    const numbers = measures.map(measure => `${escaped(said(measure))} <small>(${escaped(measure.by)})</small>`)
    const verdict = held ? '<td class="held">held</td>' : '<td class="failed">failed</td>'
    const known = `<small>${escaped(references.join(', '))}</small>`
    const about = `<td><b>${escaped(name)}</b><br>${escaped(title)}<br>${known}</td>`
    return `<tr>${about}<td>${escaped(KINDS[kind])}</td>${verdict}<td>${numbers.join('<br>')}</td></tr>`
  })
  return [
    '<!doctype html>',
    '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
    `<title>Score card of ${escaped(card.target)}</title><style>${STYLE}</style></head><body>`,
    `<h1>${card.held} of ${card.of} attacks held</h1>`,
    `<p>Target: ${escaped(card.target)}. rootwalk ${escaped(card.version)}.</p>`,
    '<table><thead><tr><th>attack</th><th>aim</th><th>verdict</th><th>measured</th></tr></thead><tbody>',
    ...rows,
    '</tbody></table></body></html>',
    '',
  ].join('\n')
}

/** Names, titles and what they are called elsewhere. */
export function listText(
  facts: readonly { readonly name: string; readonly title: string; readonly references: readonly string[] }[],
): string {
  const width = Math.max(...facts.map(({ name }) => name.length))
  return facts
    .map(({ name, title, references }) => `${name.padEnd(width)}  ${title} (${references.join(', ')})\n`)
    .join('')
}
