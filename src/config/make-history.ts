/** What of queries is kept, as written, to what the program works with. */
import type { RawConfig } from './raw.ts'
import type { HistoryConfig } from './types.ts'
import { parseBytes } from './values.ts'

const DEFAULT_BYTES = 2_147_483_648

export function historyConfig(
  { history: { directory, days, bytes, clients } }: Pick<RawConfig, 'history'>,
  path: (text: string, ...at: readonly string[]) => string,
): HistoryConfig | null {
  if (directory === undefined) return null
  const octets = parseBytes(bytes) ?? DEFAULT_BYTES
  return { directory: path(directory, 'history', 'directory'), days, bytes: octets, clients }
}
