/** What `rootwalk doctor` finds: one value a check, with what to do. */

/** In the order in which they are shown. */
const CHECKS = [
  'configuration',
  'port',
  'resolv.conf',
  'systemd-resolved',
  'clock',
  'ipv6',
  'upstream',
  'edns',
  'tcp',
  'descriptors',
  'buffers',
  'state',
] as const

export type Check = (typeof CHECKS)[number]

/**
 * `good` needs nothing, `note` is worth knowing, `warning` costs something now or later, `error` keeps rootwalk from
 * starting or from answering.
 */
export type Level = 'good' | 'note' | 'warning' | 'error'

export interface Finding {
  readonly check: Check
  readonly level: Level
  /** What was found: a sentence without its full stop. */
  readonly found: string
  /** What to do, a line each; commands are indented. Empty when there is nothing to do. */
  readonly todo: readonly string[]
}

export const finding = (check: Check, level: Level, found: string, ...todo: readonly string[]): Finding => ({
  check,
  level,
  found,
  todo,
})

/** In the order of the checks, whatever the order in which they ended. */
export const inOrder = (findings: readonly Finding[]): readonly Finding[] =>
  CHECKS.flatMap(check => findings.filter(one => one.check === check))

const RANK: Readonly<Record<Level, number>> = { good: 0, note: 1, warning: 2, error: 3 }

export function worst(findings: readonly Finding[]): Level {
  return findings.reduce<Level>((most, { level }) => (RANK[level] > RANK[most] ? level : most), 'good')
}
