/**
 * Where in a file an error came from, read from its stack: the innermost frame in that file, or, of a file that is not
 * JavaScript, the line that the parser stopped at, which stands above the message with a mark under its column.
 */
export interface StackPlace {
  readonly line: number
  readonly column: number
}

/** `file` is an absolute path. Null: the stack says nothing of it. */
export function placeIn(stack: string, file: string): StackPlace | null {
  const lines = stack.split('\n')
  for (const [index, line] of lines.entries()) {
    const at = endOf(line, file)
    if (at === null) continue
    const frame = /^(?:\?[^:)]*)?:(\d+):(\d+)\)?$/.exec(line.slice(at))
    if (frame !== null) return { line: Number(frame[1]), column: Number(frame[2]) }
    const head = /^(?:\?[^:)]*)?:(\d+)$/.exec(line.slice(at))
    if (head !== null) return { line: Number(head[1]), column: columnBelow(lines.slice(index + 1)) }
  }
  return null
}

/** After the file's path or its URL, where a line has one. */
function endOf(line: string, file: string): number | null {
  for (const form of [encodeURI(file), file]) {
    const at = line.indexOf(form)
    if (at >= 0) return at + form.length
  }
  return null
}

function columnBelow(lines: readonly string[]): number {
  const mark = lines.find(line => /^\s*\^+\s*$/.test(line))
  return mark === undefined ? 1 : mark.indexOf('^') + 1
}
