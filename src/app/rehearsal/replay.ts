/** Questions asked of two configurations, and what comes of it. */
import { adminLimits } from '../../admin/limits.ts'
import type { PolicyTestTotals } from '../../admin/policy-tests/controls.ts'
import type { Clock } from '../../ports.ts'
import { type Change, Comparison } from './compare.ts'
import type { AskedQuestion } from './questions.ts'
import type { Rehearsal } from './rehearsal.ts'

export interface ReplayParts {
  readonly before: Rehearsal
  readonly after: Rehearsal
  readonly clock: Pick<Clock, 'now'>
  readonly onChange: (change: Change) => void
  readonly onUnknown: (change: Change) => void
  /** After each question. */
  readonly onProgress: (totals: () => PolicyTestTotals) => void
}

/** `asked` is less than there are when time ran out. */
export interface Replayed extends PolicyTestTotals {
  readonly asked: number
}

/**
 * A few at once, since servers may have to be asked, and reported in the order of the questions. Of one question the
 * candidate comes second: what servers said is there then.
 */
export async function replay(questions: readonly AskedQuestion[], parts: ReplayParts): Promise<Replayed> {
  const { before, after, clock, onChange, onUnknown, onProgress } = parts
  const comparison = new Comparison()
  const end = clock.now() + adminLimits.policyTestMs
  const waiting = new Map<number, Change>()
  let next = 0
  let reported = 0
  const report = (): void => {
    for (let change = waiting.get(reported); change !== undefined; change = waiting.get(reported)) {
      waiting.delete(reported)
      reported += 1
      const { kind } = comparison.add(change)
      if (kind === 'changed') onChange(change)
      if (kind === 'unknown') onUnknown(change)
      onProgress(() => comparison.totals())
    }
  }
  const work = async (): Promise<void> => {
    for (;;) {
      const index = next
      const question = questions[index]
      if (question === undefined || clock.now() > end) return
      next += 1
      waiting.set(index, { question, before: await before.ask(question), after: await after.ask(question) })
      report()
    }
  }
  await Promise.all(Array.from({ length: adminLimits.policyTestAsking }, work))
  return { ...comparison.totals(), asked: next }
}
