/** The picture of a walk as a file: SVG text that needs no style of the page. Names are escaped. Pure. */
import { durationText } from './format.ts'
import type { Report } from './report.ts'
import { layoutWalk, ticks, type Tone } from './walk.ts'

const COLOURS: Readonly<Record<Tone, string>> = { main: '#3b82f6', keys: '#b558d6', side: '#7c6cf2', bad: '#e5484d' }
const WIDTH = 1_000
const AXIS = { left: 620, width: 300 }
const ROW = 34

export const escaped = (text: string): string =>
  text.replaceAll(/[<>&"']/g, character => `&#${character.codePointAt(0)};`)

export function walkSvg(report: Report): string {
  const walk = layoutWalk(report)
  const parts: string[] = []
  let y = 84
  const x = (ms: number): number => Math.round((AXIS.left + (ms / walk.spanMs) * AXIS.width) * 10) / 10
  const text = (left: number, top: number, words: string, more = ''): void =>
    void parts.push(`<text x="${left}" y="${top}"${more}>${escaped(words)}</text>`)
  const mono = ' font-family="monospace" font-weight="600"'
  const dim = ' fill="#667085" font-size="12"'
  for (const lane of walk.lanes) {
    parts.push(`<circle cx="30" cy="${y - 4}" r="6" fill="#fff" stroke="#0f6fde" stroke-width="2"/>`)
    text(48, y, lane.zone, mono)
    text(48, y + 16, lane.from, dim)
    for (const exchange of lane.exchanges) {
      text(250, y, `${exchange.server} ${exchange.question}`, ' font-family="monospace" font-size="12"')
      text(250, y + 15, exchange.text, dim)
      const from = x(exchange.atMs)
      const width = Math.max(2, x(exchange.atMs + exchange.tookMs) - from)
      parts.push(
        `<rect x="${from}" y="${y - 9}" width="${Math.round(width * 10) / 10}" height="10" rx="3" ` +
          `fill="${COLOURS[exchange.tone]}"/>`,
      )
      text(from + width + 5, y, durationText(exchange.tookMs), ' fill="#667085" font-size="11"')
      y += ROW
    }
    y += lane.exchanges.length === 0 ? ROW : 8
  }
  const axis = ticks(walk.spanMs).map(
    ms =>
      `<path d="M${x(ms)} 56V${y}" stroke="#e3e6eb"/><text x="${x(ms)}" y="50"${dim} text-anchor="middle">` +
      `${durationText(ms)}</text>`,
  )
  const cause = report.rootCause === null ? '' : `: ${report.rootCause.text}`
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y + 16}" font-family="sans-serif" ` +
    `font-size="13" fill="#1b2330"><rect width="100%" height="100%" fill="#fff"/>` +
    `<text x="24" y="30" font-size="16" font-weight="600">${escaped(`${report.question} ${report.status}${cause}`)}` +
    `</text>${axis.join('')}${parts.join('')}</svg>\n`
  )
}
