/**
 * Zones that other servers send, from a configuration: names and servers read, and zones that are there twice reported.
 */
import { parsePrefix } from '../dns/address.ts'
import { foldName, type Name } from '../dns/name.ts'
import { formatName, parseName } from '../presentation/text.ts'
import { parsePrimary } from '../zone/upstream-text.ts'
import type { JsonPath } from './json.ts'
import type { RawConfig, RawSecondary } from './raw.ts'
import type { SecondarySetting } from './types.ts'

interface Reports {
  readonly complain: (path: JsonPath, message: string) => void
  /** An absolute path. */
  readonly path: (text: string, ...at: readonly string[]) => string
}

export const isSecondary = (entry: RawConfig['zones'][number]): entry is RawSecondary =>
  typeof entry !== 'string' && 'primaries' in entry

export function secondarySettings(raw: RawConfig, reports: Reports): readonly SecondarySetting[] {
  const first = new Map<Name, number>()
  return raw.zones.flatMap((entry, index) => {
    if (!isSecondary(entry)) return []
    const setting = readTransfer(entry, ['zones', index], reports)
    if (setting === null) return []
    const before = first.get(setting.zone)
    if (before !== undefined)
      reports.complain(
        ['zones', index, 'zone'],
        `${formatName(setting.zone)} is there already, as zones[${before}]: put all primaries into one`,
      )
    first.set(setting.zone, before ?? index)
    return [setting]
  })
}

function readTransfer(entry: RawSecondary, at: JsonPath, { complain, path }: Reports): SecondarySetting | null {
  const parsed = parseName(entry.zone, null)
  if (typeof parsed !== 'string') {
    complain([...at, 'zone'], parsed.error)
    return null
  }
  return {
    zone: foldName(parsed),
    primaries: entry.primaries.flatMap(text => {
      const server = parsePrimary(text)
      return 'error' in server ? [] : [server]
    }),
    tsig: entry.tsig === undefined ? null : path(entry.tsig, 'zones'),
    notify: entry.notify.flatMap(text => parsePrefix(text) ?? []),
  }
}
