/** Lists in files read without being used, for `check-config`: what they hold, and lines that make no rule. */
import type { ListSource } from '../../config/types.ts'
import type { Problem } from '../../events.ts'
import type { ListLimits } from '../../limits.ts'
import type { ListCounts } from '../../policy/lists/compile.ts'
import { skipReasons } from '../../policy/lists/rule.ts'
import { shown } from '../../presentation/text.ts'
import { readListsAtOnce } from './reading.ts'

export interface CheckedLists {
  /** Lists that cannot be used. */
  readonly problems: readonly Problem[]
  /** The first of the lines that were skipped. */
  readonly warnings: readonly Problem[]
  readonly lists: readonly { readonly name: string; readonly path: string; readonly counts: ListCounts }[]
}

/** Any: nothing is looked up. */
const KEY = { k0: 0, k1: 0 }

export function checkLists(sources: readonly ListSource[], limits: ListLimits): CheckedLists {
  const problems: Problem[] = []
  const warnings: Problem[] = []
  const lists: CheckedLists['lists'][number][] = []
  for (const { traits, from, format, match } of sources) {
    if (from.kind !== 'file') continue
    const { name, layer } = traits
    const input = { name, layer, format, match, content: from, old: null, mayBeEmpty: true }
    const [read] = readListsAtOnce({ key: KEY, limits, lists: [input], others: [] }).lists
    if (read === undefined) continue
    const at = (line: number, severity: Problem['severity'], message: string): Problem => ({
      file: from.path,
      line,
      column: line === 0 ? 0 : 1,
      severity,
      message,
    })
    const { result } = read
    const counts = result.kind === 'compiled' ? result.list.counts : result.counts
    if (result.kind === 'failed') problems.push(at(0, 'error', `the list "${name}" ${result.reason}`))
    else lists.push({ name, path: from.path, counts: result.list.counts })
    for (const { line, text, reason, detail } of counts?.shown ?? []) {
      const more = detail === '' ? '' : ` (${shown(detail)})`
      warnings.push(at(line, 'warning', `skipped: ${shown(text)} is ${skipReasons[reason].text}${more}`))
    }
  }
  return { problems, warnings, lists }
}
