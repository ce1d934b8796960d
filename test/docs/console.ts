/**
 * Blocks of a Markdown document, and the comparison of a text it shows with what a run has printed. A line `…` of the
 * document stands for any number of printed lines. What differs from run to run is replaced on both sides.
 */

export interface Block {
  readonly language: string
  /** Without the fences. */
  readonly text: string
}

export const blocksOf = (document: string): readonly Block[] =>
  [...document.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map(match => ({
    language: match[1] ?? '',
    text: match[2] ?? '',
  }))

export interface Command {
  readonly command: string
  /** Lines that the document shows below it. */
  readonly shown: readonly string[]
}

/** The `$ …` lines of a console block, each with the lines below it. */
export const commandsOf = ({ text }: Block): readonly Command[] =>
  text
    .split(/^\$ /m)
    .slice(1)
    .map(part => {
      const [command = '', ...shown] = part.trimEnd().split('\n')
      return { command, shown }
    })

const UNSTABLE: readonly (readonly [RegExp, string])[] = [
  [/\bid: \d+/g, 'id: N'],
  [/\[[\d.]+ ms\]/g, '[T ms]'],
  [/\bafter [\d.]+ ms/g, 'after T ms'],
  [/\bQuery time: \d+ msec/g, 'Query time: T msec'],
  [/\bWHEN: \S+/g, 'WHEN: T'],
  [/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, 'DATE'],
  // Bars and times of a picture of `rootwalk open`, and its table of times.
  [/ *[█░▏][█░▏ ]*(?: [\d.]+ ms)?$/gm, ''],
  [/^( {2}(?:DNS|TCP|TLS|request|first octet|content|total))(?: +(?:[\d.]+ ms|-))+$/gm, '$1'],
  // Which of the servers of a zone is asked is drawn by lot.
  [/\b[\w.-]+\. [\d.:a-f]+#53:/g, 'SERVER:'],
  [/\bfrom (?:priming|hints|cache), (?=\d)/g, 'from HERE, '],
]

/**
 * A text with its times, identifiers, dates and servers replaced. `port` becomes 5300, which is what documents write.
 */
export const stable = (text: string, port: number): string =>
  UNSTABLE.reduce((out, [pattern, word]) => out.replace(pattern, word), text.replaceAll(`#${port} `, '#5300 '))

/** The first shown line that is not where it should be in the printed ones; null when all are there. */
export function firstDifference(shown: readonly string[], printed: readonly string[]): string | null {
  let at = 0
  let skipping = false
  for (const line of shown) {
    if (line === '…') {
      skipping = true
      continue
    }
    const found = skipping ? printed.indexOf(line, at) : at
    if (found < 0 || printed[found] !== line) return `shown:   ${line}\nprinted: ${printed[at] ?? '(nothing more)'}`
    at = found + 1
    skipping = false
  }
  return skipping || at >= printed.length ? null : `printed, and not shown: ${printed[at]}`
}

export const linesOf = (text: string): readonly string[] => text.trimEnd().split('\n')
