/** Views and access rules of a configuration: clients, and what a view has of its own. */
import { foldName, type Name } from '../../dns/name.ts'
import { type Prefix, parsePrefix } from '../../dns/address.ts'
import { defaultLimits } from '../../limits.ts'
import type { AccessRule } from '../../policy/access.ts'
import type { GateVerdict } from '../../policy/handler.ts'
import { OWN_RULES } from '../../policy/lists/rule.ts'
import type { Selector } from '../../policy/views/select.ts'
import { parseName } from '../../presentation/text.ts'
import type { Transport } from '../../ports.ts'
import { bindingsOf } from '../bindings.ts'
import type { JsonPath } from '../json.ts'
import { type ForwardReports, forwardSources } from './forward.ts'
import { viewShaping } from './shaping.ts'
import { isSecondary } from './transfers.ts'
import { didYouMean, type Locate } from '../problems.ts'
import { namedLists } from './lists.ts'
import type { RawConfig, RawSelector, RawZoneFile } from '../raw.ts'
import { readRecords } from '../records.ts'
import type { ViewConfig, ZoneSource } from '../types.ts'

type RawView = RawConfig['views'][number]

export interface ViewReports extends ForwardReports {
  readonly locate: Locate
}

const ACTIONS: Readonly<Record<RawConfig['access'][number]['action'], GateVerdict>> = {
  allow: 'pass',
  refuse: 'refuse',
  drop: 'drop',
  local: 'local',
}

export function accessRules(raw: RawConfig, { complain }: Pick<ForwardReports, 'complain'>): readonly AccessRule[] {
  return raw.access.map((entry, index) => {
    refuseNone(entry, ['access', index], complain)
    return { ...selectorOf(entry), action: ACTIONS[entry.action] }
  })
}

export function viewConfigs(raw: RawConfig, reports: ViewReports): readonly ViewConfig[] {
  const { complain } = reports
  const seen = new Set(['default'])
  const views = raw.views.map((view, index): ViewConfig => {
    const at: JsonPath = ['views', index]
    refuseNone(view, at, complain)
    if (seen.has(view.name)) complain([...at, 'name'], `"${view.name}" is the name of another view`)
    seen.add(view.name)
    return viewConfig(raw, view, at, reports)
  })
  warnOfTaken(raw.views, reports)
  const own = views.filter(({ resolution }) => resolution !== null).length
  const { viewPartitions } = defaultLimits.server
  if (own > viewPartitions)
    complain(['views'], `${own} views have zones, records or forwarders of their own: at most ${viewPartitions} can`)
  return views
}

/** Of equal selectors the first view has all clients: what stands again decides nothing. */
function warnOfTaken(views: readonly RawView[], { warn }: ViewReports): void {
  const taken = new Map<string, string>()
  for (const [index, view] of views.entries())
    for (const key of ['clients', 'listeners', 'serverNames', 'clientIds'] as const)
      for (const [place, text] of view[key].entries()) {
        const prefix = key === 'clients' ? parsePrefix(text) : null
        const what = `${key} ${prefix === null ? text.toLowerCase() : `${prefix.bytes.join()}/${prefix.length}`}`
        const first = taken.get(what)
        if (first === undefined) taken.set(what, view.name)
        else if (first !== view.name)
          warn(['views', index, key, place], `"${text}" is in the view "${first}" already, which comes first`)
      }
}

function viewConfig(raw: RawConfig, view: RawView, at: JsonPath, reports: ViewReports): ViewConfig {
  const { complain, warn, path, locate } = reports
  const read = readRecords(view.records, defaultLimits.zone.recordTtl)
  for (const { path: where, message } of read.problems) complain([...at, ...where], message)
  const inView = (where: JsonPath): JsonPath => [...at, ...where]
  const { forward, stub } = view
  const own = { zones: view.zones, records: view.records, forward, stub }
  const hasOwn = view.zones.length + forward.length + stub.length + read.records.length > 0
  return {
    name: view.name,
    selector: selectorOf(view),
    zones: view.zones.flatMap((entry, index) =>
      isSecondary(entry) ? [] : [zoneSource(entry, [...at, 'zones', index], reports)],
    ),
    records: read.records.map(({ path: where, rr }) => {
      const { file, line, column } = locate(inView(where), '')
      return { ...rr, file, line, column }
    }),
    forwarding: forwardSources(
      { ...raw, forward, stub },
      {
        complain: (where, message) => complain(inView(where), message),
        warn: (where, message) => warn(inView(where), message),
        path,
      },
    ),
    lists: listsOf(raw, view, at, complain),
    shaping: viewShaping(raw, view, {
      name: (text, where) => nameOf(text, inView(where), complain),
      warn: (where, message) => warn(inView(where), message),
    }),
    isLogged: view.queryLog,
    resolution: hasOwn ? JSON.stringify(own) : null,
  }
}

function listsOf(
  raw: RawConfig,
  view: RawView,
  at: JsonPath,
  complain: ForwardReports['complain'],
): ViewConfig['lists'] {
  const known = [...(raw.rules.length === 0 ? [] : [OWN_RULES]), ...namedLists(raw).map(({ name }) => name)]
  view.lists?.forEach((name, index) => {
    if (!known.includes(name)) complain([...at, 'lists', index], `there is no list "${name}"${didYouMean(name, known)}`)
  })
  return view.lists ?? null
}

/** Absolute, with its first origin. */
function zoneSource(entry: RawZoneFile, at: JsonPath, { path, complain }: ForwardReports): ZoneSource {
  if (typeof entry === 'string') return { pattern: path(entry, 'views'), origin: null, editable: false }
  const origin = entry.origin === undefined ? null : nameOf(entry.origin, [...at, 'origin'], complain)
  return { pattern: path(entry.file, 'views'), origin, editable: false }
}

function nameOf(text: string, at: JsonPath, complain: ForwardReports['complain']): Name | null {
  const parsed = parseName(text, null)
  if (typeof parsed === 'string') return foldName(parsed)
  complain(at, parsed.error)
  return null
}

function refuseNone(raw: RawSelector, at: JsonPath, complain: ForwardReports['complain']): void {
  if (raw.clients.length + raw.listeners.length + raw.serverNames.length + raw.clientIds.length > 0) return
  complain(at, 'names no clients: add "clients": ["192.168.2.0/24"], "listeners", "serverNames" or "clientIds"')
}

const DATAGRAMS_AND_STREAMS: readonly Transport[] = ['udp', 'tcp']

const selectorOf = ({ clients, listeners, serverNames, clientIds }: RawSelector): Selector => ({
  clients: clients.flatMap((text): readonly Prefix[] => {
    const prefix = parsePrefix(text)
    return prefix === null ? [] : [prefix]
  }),
  listeners: bindingsOf(listeners).map(({ address, port, service }) => ({
    address,
    port,
    transports: service === undefined ? DATAGRAMS_AND_STREAMS : [service.transport],
  })),
  serverNames: serverNames.map(name => name.toLowerCase()),
  clientIds: clientIds.map(id => id.toLowerCase()),
})
