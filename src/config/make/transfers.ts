/**
 * Zones that other servers send, from a configuration: names and servers read, and zones that are there twice reported.
 */
import { parsePrefix } from '../../dns/address.ts'
import { foldName, type Name } from '../../dns/name.ts'
import { formatName, parseName } from '../../presentation/text.ts'
import { parsePrimary } from '../../zone/upstream-text.ts'
import type { JsonPath } from '../json.ts'
import { EdeCode } from '../../dns/types.ts'
import type { PolicyZoneSettings } from '../../policy/rpz/rules.ts'
import type { RawConfig, RawRpz, RawSecondary } from '../raw.ts'
import type { RpzSetting, SecondarySetting, ViewConfig } from '../types.ts'

interface Reports {
  readonly complain: (path: JsonPath, message: string) => void
  /** An absolute path. */
  readonly path: (text: string, ...at: readonly string[]) => string
}

type Entry = RawConfig['zones'][number] | RawConfig['views'][number]['zones'][number]

export const isSecondary = (entry: Entry): entry is RawSecondary => typeof entry !== 'string' && 'primaries' in entry

/** Those of all clients, and those of views; views that ask the same have one between them. */
export function secondarySettings(
  raw: RawConfig,
  views: readonly Pick<ViewConfig, 'resolution'>[],
  reports: Reports,
): readonly SecondarySetting[] {
  const settings = transfersIn(raw.zones, ['zones'], reports).map(one => ({ ...one, partition: '', views: [] }))
  const partitions = new Map<string, SecondarySetting[]>()
  raw.views.forEach(({ name, zones }, index) => {
    const partition = views[index]?.resolution ?? ''
    const own = transfersIn(zones, ['views', index, 'zones'], reports)
    const known = partitions.get(partition)
    const others = known?.flatMap(one => one.views) ?? []
    partitions.set(
      partition,
      own.map(one => ({ ...one, partition, views: [...new Set([...others, name])] })),
    )
  })
  return [...settings, ...[...partitions.values()].flat()]
}

type Transfer = Omit<SecondarySetting, 'partition' | 'views'>

function transfersIn(entries: readonly Entry[], at: JsonPath, reports: Reports): readonly Transfer[] {
  const first = new Map<Name, number>()
  return entries.flatMap((entry, index) => {
    if (!isSecondary(entry)) return []
    const setting = readTransfer(entry, [...at, index], reports)
    if (setting === null) return []
    const before = first.get(setting.zone)
    if (before !== undefined)
      reports.complain(
        [...at, index, 'zone'],
        `${formatName(setting.zone)} is there already, as zones[${before}]: put all primaries into one`,
      )
    first.set(setting.zone, before ?? index)
    return [setting]
  })
}

function readTransfer(
  entry: Pick<RawSecondary, 'zone' | 'primaries' | 'tsig' | 'notify'>,
  at: JsonPath,
  { complain, path }: Reports,
): Transfer | null {
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
    tsig: entry.tsig === undefined ? null : path(entry.tsig, String(at[0])),
    notify: entry.notify.flatMap(text => parsePrefix(text) ?? []),
  }
}

/** One structure holds the rules of all, a bit a zone. */
const MOST_POLICY_ZONES = 32

const EDE_CODES: Readonly<Record<RawRpz['ede'], EdeCode | null>> = {
  blocked: EdeCode.Blocked,
  censored: EdeCode.Censored,
  filtered: EdeCode.Filtered,
  prohibited: EdeCode.Prohibited,
  none: null,
}

export function rpzSettings(raw: RawConfig, reports: Reports): readonly RpzSetting[] {
  const { complain, path } = reports
  const seen = new Set<Name>()
  if (raw.rpz.length > MOST_POLICY_ZONES) complain(['rpz'], `has more than ${MOST_POLICY_ZONES} zones`)
  return raw.rpz.flatMap((entry, index): RpzSetting[] => {
    const at = ['rpz', index]
    const { primaries = [], notify = [], zone, tsig, file } = entry
    const transfer = readTransfer({ zone, primaries, tsig, notify }, at, reports)
    if (transfer === null) return []
    if (raw.zones.some(other => isSecondary(other) && sameName(other.zone, transfer.zone)))
      complain([...at, 'zone'], `${formatName(transfer.zone)} is in "zones" as well: it is either served or a policy`)
    if (seen.has(transfer.zone)) complain([...at, 'zone'], `${formatName(transfer.zone)} is there already`)
    seen.add(transfer.zone)
    const settings = policySettings(entry, transfer.zone, at, reports)
    if (settings === null) return []
    const source =
      file === undefined
        ? ({ kind: 'transfer', ...transfer, partition: '', views: [] } as const)
        : ({ kind: 'file', file: path(file, 'rpz') } as const)
    return [{ settings, required: entry.missing === 'servfail', source }]
  })
}

function sameName(text: string, name: Name): boolean {
  const parsed = parseName(text, null)
  return typeof parsed === 'string' && foldName(parsed) === name
}

function policySettings(
  { action, order, maxTtl, ede }: RawRpz,
  zone: Name,
  at: JsonPath,
  { complain }: Reports,
): PolicyZoneSettings | null {
  const code = EDE_CODES[ede]
  const base = {
    zone,
    logOnly: action === 'log',
    early: order === 'early',
    maxTtl,
    ede: code === null ? null : { code, text: `policy zone ${formatName(zone)}` },
  }
  if (typeof action === 'string') return { ...base, override: action === 'given' || action === 'log' ? null : action }
  const parsed = parseName(action.cname, null)
  if (typeof parsed === 'string') return { ...base, override: { cname: foldName(parsed) } }
  complain([...at, 'action', 'cname'], parsed.error)
  return null
}
