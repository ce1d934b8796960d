/** What the doctor found, as text and as JSON. */
import type { Paint } from '../../render/walk.ts'
import { counted } from '../../presentation/counted.ts'
import { type Finding, type Level, worst } from './findings.ts'

const MARKS: Readonly<Record<Level, string>> = { good: 'good', note: 'note', warning: 'WARN', error: 'ERROR' }
const MARK_COLUMNS = 6

/** A line a finding, with what to do below it, and a line that sums up. */
export function doctorText(findings: readonly Finding[], paint: Paint): string {
  const width = Math.max(...findings.map(({ check }) => check.length))
  const indent = ' '.repeat(MARK_COLUMNS + width + 2)
  const lines = findings.flatMap(({ check, level, found, todo }) => [
    `${painted(MARKS[level].padEnd(MARK_COLUMNS), level, paint)}${check.padEnd(width)}  ${found}`,
    ...todo.map(line => `${indent}${line}`),
  ])
  return `${lines.join('\n')}\n\n${summary(findings)}\n`
}

function painted(text: string, level: Level, paint: Paint): string {
  switch (level) {
    case 'good':
      return paint('green', text)
    case 'note':
      return paint('cyan', text)
    case 'warning':
      return paint('yellow', text)
    case 'error':
      return paint('red', text)
    default:
      return level satisfies never
  }
}

function summary(findings: readonly Finding[]): string {
  const count = (level: Level): number => findings.filter(one => one.level === level).length
  const [errors, warnings] = [count('error'), count('warning')]
  if (errors + warnings === 0) return 'Nothing is wrong.'
  return `${counted(errors, 'error')}, ${counted(warnings, 'warning')}.`
}

export function doctorJson(findings: readonly Finding[], version: string): string {
  return `${JSON.stringify({ version, worst: worst(findings), findings }, null, 2)}\n`
}
