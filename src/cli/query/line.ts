/** The command line of `rootwalk query`, and files of such lines (`-f`): words to queries, queries to an exit code. */
import { errorText } from '../../events.ts'
import { readFileSync } from 'node:fs'
import type { DigQuery } from './dig-query.ts'
import { readDigLine } from './dig-args.ts'
import { defaultLimits } from '../../limits.ts'
import type { Output } from '../output.ts'
import { type Fallback, runQueries } from './query.ts'
import { Exit } from '../startup-problems.ts'

const STDIN = 0

/** The exit code, what is wrong with the words, or null when help is wanted. */
export async function runQueryLine(
  words: readonly string[],
  fallback: (family: 4 | 6 | null) => Promise<Fallback>,
  output: Output,
): Promise<number | { readonly usage: string } | null> {
  const read = readDigLine(words)
  if (read.kind === 'help') return null
  if (read.kind === 'usage') return { usage: read.message }
  for (const warning of read.warnings) output.err(`;; Warning: ${warning}\n`)
  const { batch } = read
  const lines = batch === null ? [] : readBatch(batch.file, batch.words)
  if ('error' in lines) {
    output.err(`rootwalk query: ${lines.error}\n`)
    return Exit.NoInput
  }
  return runQueries([...read.queries, ...lines], fallback, output)
}

function readBatch(file: string, words: readonly string[]): readonly DigQuery[] | { readonly error: string } {
  try {
    return readBatchText(readFileSync(file === '-' ? STDIN : file, 'utf8'), file, words)
  } catch (error) {
    return { error: `${file} cannot be read: ${errorText(error)}` }
  }
}

/** A query a line; lines with # or ; are comments. All lines are read before the first query is sent. */
export function readBatchText(
  text: string,
  file: string,
  words: readonly string[],
): readonly DigQuery[] | { readonly error: string } {
  const queries: DigQuery[] = []
  for (const [index, line] of text.split('\n').entries()) {
    const own = line.trim()
    if (own === '' || own.startsWith('#') || own.startsWith(';')) continue
    const read = readDigLine([...words, ...own.split(/\s+/)])
    const wrong =
      read.kind === 'usage' ? read.message : read.kind === 'help' || read.batch !== null ? 'expected a query' : null
    if (wrong !== null) return { error: `${file}:${index + 1}: ${wrong}` }
    if (read.kind === 'queries') queries.push(...read.queries)
    if (queries.length > defaultLimits.tool.batchQueries)
      return { error: `${file}: more than ${defaultLimits.tool.batchQueries} queries` }
  }
  return queries
}
