/**
 * A policy in the server's own thread, for those who trust it: nothing goes between threads, and nothing can end a hook
 * that does not come back. Only its promises are waited for no longer than `callMs`.
 */
import type { CodeLimits } from '../../limits.ts'
import type { CheckedPolicy, Traits } from '../../policy/code/check.ts'
import { type Call, type Fault, type LookUp, runHooks, type Verdict } from '../../policy/code/run.ts'
import type { Program } from '../../policy/code/stage.ts'
import type { Clock } from '../../ports.ts'

export interface OwnParts {
  readonly file: string
  readonly name: string
  readonly policy: CheckedPolicy
  readonly clock: Clock
  readonly limits: CodeLimits
  readonly onCall: () => void
  readonly onFault: (fault: Fault, text: string) => void
}

export class OwnProgram implements Program {
  readonly name: string
  readonly traits: Traits
  readonly #parts: OwnParts

  constructor(parts: OwnParts) {
    this.#parts = parts
    this.name = parts.name
    this.traits = parts.policy.traits
  }

  async ask(call: Call, lookUp: LookUp): Promise<Verdict> {
    const { policy, limits, file, clock, onCall, onFault } = this.#parts
    onCall()
    const verdict = await new Promise<Verdict>(settle => {
      const giveUp = clock.after(limits.callMs, () =>
        settle({ kind: 'fault', fault: 'timed-out', text: `did not answer within ${limits.callMs} ms` }),
      )
      void runHooks(policy, call, lookUp, limits, file).then(ruled => {
        giveUp()
        settle(ruled)
      })
    })
    if (verdict.kind === 'fault') onFault(verdict.fault, verdict.text)
    return verdict
  }

  faulted(text: string): void {
    this.#parts.onFault('bad-answer', text)
  }
}
