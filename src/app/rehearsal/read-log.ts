/** A query log read for its questions, line by line: it may be larger than memory. */
import { createReadStream, statSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { adminLimits } from '../../admin/limits.ts'
import { type GatheredQuestions, Questions } from './questions.ts'

/** Rejects with what the system says. `since` in seconds since 1970, null: all. Of a file that is too long the end. */
export async function readLog(file: string, since: number | null): Promise<GatheredQuestions> {
  const start = Math.max(0, statSync(file).size - adminLimits.policyTestLogBytes)
  const questions = new Questions()
  let isFirst = start > 0
  for await (const line of createInterface({ input: createReadStream(file, { start }), crlfDelay: Infinity })) {
    // What begins in the middle of a line is none.
    if (!isFirst) questions.addLine(line, since)
    isFirst = false
  }
  return questions.gathered()
}
