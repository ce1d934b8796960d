/** Where the walk begins: the servers of a hints file, or the built-in ones. */
import type { Problem } from '../events.ts'
import { defaultLimits } from '../limits.ts'
import { readZoneFile } from '../system/zone-files.ts'
import { parseHints, rootHints, type RootHints } from '../zone/hints.ts'

export type LoadedHints =
  | { readonly kind: 'hints'; readonly hints: RootHints; readonly warnings: readonly Problem[] }
  | { readonly kind: 'invalid'; readonly problems: readonly Problem[] }

/** `file` is an absolute path; null means the built-in ones. */
export function loadHints(file: string | null): LoadedHints {
  if (file === null) return { kind: 'hints', hints: rootHints(), warnings: [] }
  const read = readZoneFile(file, defaultLimits.zone)
  if (read.kind === 'unreadable') return { kind: 'invalid', problems: [read.problem] }
  const { hints, problems } = parseHints(read.text, file)
  const all = read.warning === null ? problems : [read.warning, ...problems]
  return hints === null ? { kind: 'invalid', problems: all } : { kind: 'hints', hints, warnings: all }
}
