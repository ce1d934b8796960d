/**
 * QNAME minimisation (RFC 9156): how many labels of the name the next server gets to see. Pure; the resolver walks with
 * it. Not here: what to do with a reply to a minimised question.
 */
import type { Question } from '../dns/message.ts'
import { labelCount, suffixOf } from '../dns/name.ts'
import { RrType } from '../dns/types.ts'
import type { EngineLimits } from '../limits.ts'

export type MinimiseMode = 'off' | 'relaxed' | 'strict'

/** What is asked next; `final` when it is the whole question. */
export interface MinimisedQuestion {
  readonly question: Question
  readonly final: boolean
}

/**
 * The next question, given how many labels are known already (those of the zone cut, or of the last name asked) and how
 * many minimised steps this name has had. RFC 9156 section 2.3: single labels for the first steps, then the rest spread
 * over what is left of the maximum. Names with an underscore label ahead go out whole in relaxed mode: such labels are
 * seldom cut points and often meet broken servers (RFC 9156 section 2.3, the note on attribute leaf labels).
 */
export function minimise(
  question: Question,
  knownLabels: number,
  step: number,
  mode: MinimiseMode,
  limits: EngineLimits,
): MinimisedQuestion {
  const total = labelCount(question.name)
  const next = mode === 'off' ? total : nextLabelCount(total, knownLabels, step, limits)
  if (next >= total) return { question, final: true }
  const name = suffixOf(question.name, next)
  if (mode === 'relaxed' && name.charCodeAt(1) === 0x5f) return { question, final: true }
  // RFC 9156 section 2.1: a common type hides the real one and meets the fewest broken servers.
  return { question: { name, type: RrType.A, class: question.class }, final: false }
}

function nextLabelCount(total: number, known: number, step: number, limits: EngineLimits): number {
  const missing = total - known
  if (missing <= 1 || step >= limits.minimiseSteps) return total
  if (step < limits.minimiseSingleLabelSteps) return known + 1
  return known + Math.ceil(missing / (limits.minimiseSteps - step))
}
