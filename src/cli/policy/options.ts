/** What `policy test` is given, and what both of its ways have in common. */
import type { GatheredQuestions } from '../../app/rehearsal/questions.ts'
import { readLog } from '../../app/rehearsal/read-log.ts'
import { errorText } from '../../events.ts'
import { AdminFault } from '../admin/client.ts'
import type { AdminFlags } from '../admin/commands.ts'
import type { CliContext } from '../commands/options.ts'
import { ProgressBar } from '../progress-bar.ts'
import { Exit } from '../startup-problems.ts'

export interface PolicyTestOptions extends AdminFlags {
  /** The candidate. */
  readonly config: string
  /** A file. Undefined: the running server. */
  readonly against: string | undefined
  /** A query log, or `history`: what the running server keeps. Undefined: what there is of either. */
  readonly queries: string | undefined
  /** Only queries of this many seconds before now; null: all. */
  readonly sinceS: number | null
  readonly offline: boolean
}

/** What a query log has. Rejects with `AdminFault`. */
export async function logOf(file: string, sinceS: number | null): Promise<GatheredQuestions> {
  try {
    return await readLog(file, sinceS === null ? null : Math.floor(Date.now() / MS_PER_S) - sinceS)
  } catch (error) {
    throw new AdminFault(`${file}: ${errorText(error)}`, Exit.NoInput)
  }
}

const MS_PER_S = 1_000

export const barOf = ({ errorTerminal }: CliContext): ProgressBar | null =>
  errorTerminal === undefined ? null : new ProgressBar(errorTerminal, 'comparing')
