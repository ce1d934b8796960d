// @ts-check
/**
 * The figures of a run: for every row and server a value of each round, and for some rows a goal. Medians are told; a
 * ratio is the median of the ratios within each round, since the machine is busier in some rounds than in others.
 */
import { median } from './measure.mjs'

/**
 * How a goal is judged: our value itself, or its ratio to or difference from another one: of another server (`peer`),
 * or of ours in another row (`row`).
 * @typedef {{ by: 'value' | 'ratio' | 'difference', peer?: string, row?: string, most?: number, least?: number }} Goal
 * @typedef
 * {{ part: string, what: string, unit: string, digits: number, servers: Map<string, number[]>, goal: Goal | null, beside: string }}
 * Row
 * @typedef {{ measured: number, text: string, reached: boolean }} Verdict
 */

export const OURS = 'rootwalk'
export const PEER = 'Unbound'

export class Report {
  /** @type {Map<string, Row>} */
  #rows = new Map()
  /** @type {string[]} */
  #notes = []

  /**
   * Declares a row; rows stand in this order.
   * @param {string} part
   * @param {string} what
   * @param {{ unit: string, digits?: number, goal?: Goal, beside?: string }} how
   */
  row(part, what, { unit, digits = 2, goal, beside = '' }) {
    const row = { part, what, unit, digits, servers: new Map(), goal: goal ?? null, beside }
    this.#rows.set(`${part} ${what}`, row)
    return {
      /** @param {string} server @param {number} value */
      add: (server, value) => {
        const values = row.servers.get(server)
        if (values === undefined) row.servers.set(server, [value])
        else values.push(value)
      },
      /** @param {string} text */
      tell: text => {
        row.beside = row.beside === '' ? text : `${row.beside}; ${text}`
      },
    }
  }

  /** Something to know about the run; a part that was left out, and why. @param {string} text */
  note(text) {
    this.#notes.push(text)
  }

  /** @param {Row} row @returns {Verdict | null} */
  #verdict({ part, servers, goal }) {
    if (goal === null) return null
    const ours = servers.get(OURS) ?? []
    const others =
      goal.by === 'value'
        ? []
        : goal.row === undefined
          ? servers.get(goal.peer ?? PEER)
          : this.#rows.get(`${part} ${goal.row}`)?.servers.get(OURS)
    if (ours.length === 0 || others === undefined) return null
    const measured = median(
      ours.map((value, round) => {
        const other = others[round] ?? others.at(-1) ?? Number.NaN
        return goal.by === 'value' ? value : goal.by === 'ratio' ? value / other : value - other
      }),
    )
    const bound = goal.most === undefined ? `at least ${goal.least}` : `at most ${goal.most}`
    const than = goal.by === 'value' ? '' : `${goal.by === 'ratio' ? ' x ' : ' above '}${goal.row ?? goal.peer ?? PEER}`
    return {
      measured,
      text: `${bound}${than}`,
      reached: goal.most === undefined ? measured >= (goal.least ?? 0) : measured <= goal.most,
    }
  }

  table() {
    const lines = [['case', '', OURS, PEER, 'ratio', 'goal', '', 'beside']]
    for (const row of this.#rows.values()) {
      if (row.servers.size === 0) continue
      const verdict = this.#verdict(row)
      const told = (/** @type {string} */ server) => {
        const values = row.servers.get(server)
        return values === undefined ? '' : `${median(values).toFixed(row.digits)} ${row.unit}`.trimEnd()
      }
      const others = [...row.servers.keys()]
        .filter(server => server !== OURS && server !== PEER)
        .map(server => `${server} ${told(server)}`)
      lines.push([
        row.part,
        row.what,
        told(OURS),
        told(PEER),
        verdict === null || row.goal?.by === 'value' ? ratioOf(row) : verdict.measured.toFixed(2),
        verdict?.text ?? '',
        verdict === null ? '' : verdict.reached ? 'reached' : 'NOT reached',
        [...others, ...(row.beside === '' ? [] : [row.beside])].join(', '),
      ])
    }
    const widths = lines[0]?.map((_, column) => Math.max(...lines.map(line => line[column]?.length ?? 0))) ?? []
    const text = lines.map(line =>
      line
        .map((cell, column) =>
          column >= 2 && column <= 4 ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    return `\n${text.join('\n')}\n${this.#notes.map(note => `- ${note}\n`).join('')}`
  }

  json() {
    const rows = [...this.#rows.values()]
      .filter(row => row.servers.size > 0)
      .map(row => ({
        part: row.part,
        what: row.what,
        unit: row.unit,
        beside: row.beside,
        goal: row.goal,
        verdict: this.#verdict(row),
        servers: Object.fromEntries(
          [...row.servers].map(([server, values]) => [server, { median: median(values), rounds: values }]),
        ),
      }))
    return { rows, notes: this.#notes }
  }
}

/** @param {Row} row */
function ratioOf({ servers }) {
  const [ours, peer] = [servers.get(OURS), servers.get(PEER)]
  if (ours === undefined || peer === undefined) return ''
  const ratio = median(ours.map((value, round) => value / (peer[round] ?? Number.NaN)))
  return Number.isFinite(ratio) ? ratio.toFixed(2) : ''
}
