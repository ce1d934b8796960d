/** What a candidate would change, for people: a line for each answer, for each rule, and what it comes to. */
import type { PolicyTestTotals } from '../../admin/policy-tests/controls.ts'
import type { Change, Rehearsed } from '../../app/rehearsal/compare.ts'
import { counted } from '../../presentation/counted.ts'

/** What is compared, in the form that programs read. */
export interface PolicyTestReport extends Omit<PolicyTestTotals, 'unknown' | 'compared'> {
  readonly version: 1
  readonly questions: number
  /** Names and types that could not be compared. */
  readonly unknown: readonly string[]
  /** What could not be looked at, in a sentence each. */
  readonly notes: readonly string[]
  readonly changes: readonly Change[]
}

/** So many names are listed that could not be compared. */
const UNKNOWN_SHOWN = 20

export function reportText(report: PolicyTestReport): string {
  const { questions, changed, clients, unknown, changes, rules, notes } = report
  const shown = unknown.slice(0, UNKNOWN_SHOWN)
  const rest = unknown.length - shown.length
  const lost =
    unknown.length === 0
      ? ''
      : `not compared, since no server answered: ${shown.join(', ')}${rest === 0 ? '' : ` and ${rest} more`}\n`
  const sum =
    changed === 0
      ? `would change no answer of ${counted(questions, 'question')}\n`
      : `would change ${counted(changed, 'answer')} of ${counted(clients, 'client')}, ` +
        `of ${counted(questions, 'question')}\n`
  return [
    ...changes.map(changeText),
    rules.length > 1 ? rulesText(rules) : '',
    lost,
    ...notes.map(note => `note: ${note}\n`),
    sum,
  ].join('')
}

function changeText({ question: { client, name, type, times }, before, after }: Change): string {
  const often = times === 1 ? '' : ` (asked ${times} times)`
  const who = client === '' ? 'a client' : client
  const views = before.view === after.view ? '' : ` (view ${before.view ?? 'default'}, then ${after.view ?? 'default'})`
  return `${who}${views}  ${name} ${type}${often}\n  now:  ${answerText(before)}\n  then: ${answerText(after)}\n`
}

function rulesText(rules: PolicyTestTotals['rules']): string {
  const by = (rule: string | null): string => rule ?? 'no rule'
  const lines = rules.map(
    ({ before, after, answers, clients }) =>
      `  ${counted(answers, 'answer')} of ${counted(clients, 'client')}: now by ${by(before)}, then by ${by(after)}\n`,
  )
  return `by rule:\n${lines.join('')}`
}

function answerText({ rcode, records, rule, isUnknown }: Rehearsed): string {
  const what = isUnknown
    ? 'what servers say'
    : rcode === null
      ? 'no answer'
      : [rcode, ...(records.length === 0 ? [] : [records.join(', ')])].join(' ')
  return rule === null ? what : `${what}, by ${rule}`
}
