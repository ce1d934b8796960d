/** What of queries is kept or reported, as written, to what the program works with. */
import type { RawConfig } from '../raw.ts'
import type { DnstapConfig, HistoryConfig } from '../types.ts'
import { parseBytes, parseDnstap } from '../values.ts'

const DEFAULT_BYTES = 2_147_483_648

export function historyConfig(
  { history: { directory, days, bytes, clients } }: Pick<RawConfig, 'history'>,
  path: (text: string, ...at: readonly string[]) => string,
): HistoryConfig | null {
  if (directory === undefined) return null
  const octets = parseBytes(bytes) ?? DEFAULT_BYTES
  return { directory: path(directory, 'history', 'directory'), days, bytes: octets, clients }
}

export function dnstapConfig(
  { dnstap: { to } }: Pick<RawConfig, 'dnstap'>,
  path: (text: string, ...at: readonly string[]) => string,
): DnstapConfig | null {
  const target = to === undefined ? null : parseDnstap(to)
  if (target === null || to === undefined) return null
  return { target: target.kind === 'tcp' ? target : { ...target, path: path(target.path, 'dnstap', 'to') }, text: to }
}
