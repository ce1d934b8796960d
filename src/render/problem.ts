/** Problems of configurations and zone files in the words of compilers. */
import type { Problem } from '../events.ts'

/** `file:line:column: message`; a warning says so. */
export const problemText = ({ file, line, column, severity, message }: Problem): string =>
  `${file}${line === 0 ? '' : `:${line}:${column}`}: ${severity === 'warning' ? 'warning: ' : ''}${message}`

export const problemLines = (problems: readonly Problem[]): string => problems.map(problemText).join('\n')
