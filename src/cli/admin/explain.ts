/** `rootwalk explain --running`: a walk of the running server, with what it has cached, for a client or in a view. */
import type { CliContext } from '../commands/options.ts'
import { type ExplainOptions, shownExplanation } from '../explain.ts'
import { Exit } from '../startup-problems.ts'
import { AdminFault, askAdmin } from './client.ts'
import { type AdminFlags, withServer } from './commands.ts'
import { fieldsOf } from './fields.ts'

export interface ExplainedQuestion {
  readonly name: string
  readonly type: string
  readonly checkingDisabled: boolean
  /** An address; undefined: 127.0.0.1, or nobody where there is a view. */
  readonly client: string | undefined
  readonly view: string | undefined
  readonly fromRoot: boolean
}

export function runExplainAt(
  question: ExplainedQuestion,
  format: ExplainOptions['format'],
  flags: AdminFlags,
  around: CliContext,
): Promise<number> {
  return withServer('explain', flags, around, async place => {
    const { body } = await askAdmin(place, 'POST', 'api/v1/explain', question)
    const form = shownExplanation(JSON.stringify(body, null, 2), format)
    if (typeof form !== 'string') throw new AdminFault(`what the server said ${form.error}`, Exit.Unavailable)
    around.out(form)
    // As a walk of one's own that fails.
    if (fieldsOf(body).status === 'SERVFAIL') throw new AdminFault('no answer', Exit.Failure)
  })
}
