/** Why a server did not start. */
import type { Problem } from '../../events.ts'
import type { ListenFailure } from '../../net/listener.ts'
import { problemText } from '../../render/problem.ts'

export type StartFailure =
  | { readonly kind: 'listen'; readonly failures: readonly ListenFailure[] }
  | {
      readonly kind: 'zones' | 'hints' | 'anchors' | 'forwarding' | 'transfers' | 'certificate' | 'policy' | 'shared'
      readonly problems: readonly Problem[]
    }

/** The server did not start, and nothing is left open. */
export class StartError extends Error {
  readonly failure: StartFailure

  constructor(failure: StartFailure) {
    super(
      failure.kind === 'listen'
        ? failure.failures.map(f => `${f.address}:${f.port}/${f.transport}: ${f.message}`).join('; ')
        : failure.problems.map(problemText).join('; '),
    )
    this.name = 'StartError'
    this.failure = failure
  }
}
