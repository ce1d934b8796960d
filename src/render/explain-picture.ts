/**
 * A report of a walk as lines, as a Mermaid sequence diagram and as SVG. Names in it are those of whoever answered:
 * everything that means something to the form is escaped, and nothing is dropped but what a bound says.
 */
import type { SavedReport } from './explain-report.ts'

type Step = SavedReport['steps'][number]

/** Steps that are drawn: a picture of more is read by no one. */
const STEPS_DRAWN = 500

const word = (value: unknown): string =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : ''
const milliseconds = (value: unknown): number => (typeof value === 'number' && Number.isFinite(value) ? value : 0)
const joined = (...parts: readonly string[]): string => parts.filter(part => part !== '').join(' ')

/** Where a resolution failed, in one line; the first of every form. */
const causeText = ({ rootCause, status }: SavedReport): string | null =>
  rootCause === null
    ? null
    : `${status}: ${rootCause.text}${rootCause.zone === null ? '' : ` (zone ${rootCause.zone}, ${rootCause.kind})`}`

function stepText(step: Step): string {
  switch (step.kind) {
    case 'lookup':
      return joined(word(step.question), `(${word(step.because)})`)
    case 'joined':
      return joined(word(step.question), 'waits for the same question')
    case 'local':
      return joined('local zone', word(step.zone), word(step.what))
    case 'cache':
      return joined('cache', word(step.what), word(step.name), word(step.type), `ttl ${word(step.ttl)}`)
    case 'cut':
      return joined('zone', word(step.zone), 'from', word(step.from), `${word(step.servers)} servers`)
    case 'exchange':
      return joined(`${word(step.serverName)} ${word(step.server)}:`.trim(), word(step.question), '->', replyText(step))
    case 'note':
      return joined(word(step.note), word(step.zone), word(step.reason))
    case 'validated':
      return joined(word(step.verdict), word(step.subject), word(step.name), word(step.type), 'by', word(step.zone))
    case 'end':
      return joined('=', word(step.outcome), word(step.why), word(step.security))
    default:
      return word(step.kind)
  }
}

const replyText = ({ came, rcode, verdict, decided, tookMs }: Step): string =>
  joined(
    word(rcode) || word(came),
    word(verdict),
    word(decided) === '' ? '' : `(${word(decided)})`,
    `${word(tookMs)} ms`,
  )

export function reportLines(report: SavedReport): string {
  const cause = causeText(report)
  const head = `${report.question}: ${report.status}, ${report.security}, ${report.tookMs} ms\n`
  const steps = report.steps.map(step => {
    const at = typeof step.atMs === 'number' ? step.atMs.toFixed(1) : ''
    return `${at.padStart(8)}  ${'  '.repeat(Math.min(20, milliseconds(step.depth)))}${stepText(step)}\n`
  })
  return `${cause === null ? '' : `${cause}\n`}${head}${steps.join('')}`
}

/** What Mermaid would take for a part of its language, as its entities. */
const mermaid = (text: string): string => text.replace(/[^\w .,()=/>\\-]|->/g, part => [...part].map(entity).join(''))
const entity = (character: string): string => `#${character.codePointAt(0) ?? 63};`

export function reportMermaid(report: SavedReport): string {
  const servers = new Map<string, string>()
  const lines: string[] = []
  for (const step of report.steps.slice(0, STEPS_DRAWN)) {
    if (step.kind === 'exchange') {
      const server = joined(word(step.serverName), word(step.server))
      const id = servers.get(server) ?? `s${servers.size + 1}`
      servers.set(server, id)
      lines.push(`  resolver->>${id}: ${mermaid(joined(word(step.question), word(step.transport)))}`)
      lines.push(`  ${id}-->>resolver: ${mermaid(replyText(step))}`)
    } else if (step.kind !== 'lookup' || milliseconds(step.depth) > 0)
      lines.push(`  note over resolver: ${mermaid(stepText(step))}`)
  }
  const names = [...servers].map(([server, id]) => `  participant ${id} as ${mermaid(server)}\n`)
  const end = causeText(report) ?? joined(report.status, report.security)
  return (
    `sequenceDiagram\n  participant client\n  participant resolver\n${names.join('')}` +
    `  client->>resolver: ${mermaid(report.question)}\n${lines.map(line => `${line}\n`).join('')}` +
    `  resolver-->>client: ${mermaid(end)}\n`
  )
}

const ROW = 20
const TEXT_WIDTH = 760
const BAR_WIDTH = 240
const WIDTH = TEXT_WIDTH + BAR_WIDTH + 20
/** Characters of a row: more would run into the bars. */
const ROW_CHARACTERS = 110

const xml = (text: string): string =>
  // XML 1.0 has no control characters at all, not even escaped.
  text
    .replace(/[^\t\x20-\ud7ff\ue000-\ufffd]/g, '\ufffd')
    .replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`)

/** One row a step, with a bar where it took time; without scripts, styles and anything from elsewhere. */
export function reportSvg(report: SavedReport): string {
  const steps = report.steps.slice(0, STEPS_DRAWN)
  const cause = causeText(report)
  const title = `${report.question}: ${joined(report.status, report.security)}, ${report.tookMs} ms`
  const whole = Math.max(
    1,
    report.tookMs,
    ...steps.map(({ atMs, tookMs }) => milliseconds(atMs) + milliseconds(tookMs)),
  )
  const heads = [title, ...(cause === null ? [] : [cause])]
  const rows = [
    ...heads.map((text, index) => rowText(index, 0, text, index === 0 ? '#1a1a1a' : '#b00020')),
    ...steps.map((step, index) =>
      rowText(heads.length + index, milliseconds(step.depth), stepText(step), colourOf(step)),
    ),
    ...steps.map((step, index) => bar(step, heads.length + index, whole)),
  ]
  const height = (heads.length + steps.length + 1) * ROW
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 ${WIDTH} ${height}" font-family="monospace" ` +
    `font-size="12">\n<title>${xml(title)}</title>\n<rect width="100%" height="100%" fill="#ffffff"/>\n` +
    `${rows.join('')}</svg>\n`
  )
}

function rowText(row: number, depth: number, text: string, colour: string): string {
  const shown = text.length > ROW_CHARACTERS ? `${text.slice(0, ROW_CHARACTERS)}\u2026` : text
  const x = 10 + 14 * Math.min(20, depth)
  return `<text x="${x}" y="${(row + 1) * ROW}" fill="${colour}">${xml(shown)}</text>\n`
}

function bar({ atMs, tookMs }: Step, row: number, whole: number): string {
  if (typeof tookMs !== 'number' || typeof atMs !== 'number') return ''
  const x = TEXT_WIDTH + (BAR_WIDTH * Math.max(0, atMs)) / whole
  const width = Math.max(2, (BAR_WIDTH * tookMs) / whole)
  const y = (row + 1) * ROW - 10
  return `<rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="10" fill="#3f6fb5"/>\n`
}

function colourOf({ kind, outcome, verdict }: Step): string {
  if ((kind === 'end' && outcome === 'failure') || verdict === 'bogus') return '#b00020'
  return kind === 'exchange' ? '#1f4e8c' : '#404040'
}
