/** What the API can ask of a running server, done here on the main thread: small things, each within a millisecond. */
import type { ControlsOf, Controls, ControlStreams, Numbers, Why, WhyRequest } from '../../admin/controls.ts'
import type { Config } from '../../config/types.ts'
import { version } from '../../system/version.ts'
import type { LoopLag } from './loop-lag.ts'
import { type Measured, numbersNow, transfersOf } from './numbers.ts'
import { followWalk } from './walk.ts'
import { cacheControls } from './cache-control.ts'
import { configControls } from './config-control.ts'
import type { ConfigChanges } from '../revisions/config-changes.ts'
import { zoneControls } from './zone-control.ts'
import type { ZoneChanges } from '../revisions/zone-changes.ts'
import type { Transfers } from '../transfer/transfers.ts'
import type { TrustAnchorManager } from '../trust-anchor-manager.ts'
import type { Lists } from '../lists/lists.ts'
import type { LazyPolicies } from '../policy/lazy-policies.ts'
import { viewEngines } from '../views/engine-of.ts'
import type { Partitions } from '../views/partitions.ts'
import type { Recursor } from '../recursor.ts'
import type { Rehearsals } from '../rehearsal/rehearsals.ts'
import type { ServerNumbers } from '../statistics.ts'
import type { Changes } from '../shared/changes.ts'
import type { SharedStore } from '../shared/shared-store.ts'
import type { Transport } from '../../ports.ts'
import type { History } from '../history/open-history.ts'
import { anchorControls } from './anchor-control.ts'
import { formatIp } from '../../dns/address.ts'
import type { LimitedNetwork } from '../../policy/limits/limited-networks.ts'
import type { Problem } from '../../events.ts'
import { problemText } from '../../render/problem.ts'
import { namesByWalk } from '../../visit/walk-names.ts'

/** The running server, as far as the API sees it. */
export interface Served {
  readonly recursor: Recursor
  readonly partitions: Pick<Partitions, 'served'>
  readonly trust: TrustAnchorManager
  readonly zones: ZoneChanges
  readonly lists: Pick<Lists, 'status' | 'refresh'>
  readonly code: Pick<LazyPolicies, 'status'>
  /** Null: no zone is sent, and none has rules. */
  readonly transfers: () => Transfers | null
  readonly settings: ConfigChanges
  /** Null: no query is kept. */
  readonly history: () => History | null
  readonly why: (request: WhyRequest) => Promise<Why>
  readonly limited: () => readonly LimitedNetwork[] | null
  /** Null: no message is reported. */
  readonly dnstap: () => Numbers['dnstap']
  readonly addresses: () => readonly {
    readonly transport: Transport
    readonly address: string
    readonly port: number
  }[]
  readonly config: () => Config
  readonly isStopping: () => boolean
  readonly stats: () => ServerNumbers
  readonly measured: () => Measured
  /** What is wrong with the configuration, which then stays as it was. */
  readonly reload: () => readonly Problem[]
  /** What in the files that a configuration names would be wrong. */
  readonly check: (config: Config) => readonly Problem[]
  readonly stop: (signal: string) => Promise<void>
  /** Candidates that are held against what runs. */
  readonly rehearsals: Pick<Rehearsals, 'controls' | 'close'>
  /** What operators change in caches and anchors. */
  readonly changes: Changes
  /** Null: this instance shares its cache with no other. */
  readonly shared: SharedStore | null
}

export function makeControls(served: Served, lag: LoopLag): ControlsOf<Controls> {
  const startedAt = Math.floor(Date.now() / 1_000 - process.uptime())
  const names = namesByWalk(served.recursor)
  return {
    numbers: () => numbersNow(served, lag, startedAt),
    lookUp: question => names.lookUp(question),
    why: request => served.why(request),
    limitedClients: () => {
      const { rateLimit } = served.config()
      const clients = (served.limited() ?? []).map(({ network: { bytes, length }, ...rest }) => ({
        network: `${formatIp(bytes)}/${length}`,
        ...rest,
      }))
      return { isOn: rateLimit !== null, dryRun: rateLimit?.dryRun ?? false, clients }
    },
    lists: () => served.lists.status(),
    refreshLists: (name, dryRun) => served.lists.refresh(name, dryRun),
    transfers: () => transfersOf(served),
    refreshTransfer: (zone, view, whole) => served.transfers()?.secondaries.refresh(zone, view, whole) ?? false,
    policyZones: () => served.transfers()?.policies.statuses() ?? [],
    policyPrograms: () => served.code.status(),
    ...cacheControls(served.recursor, served.changes, viewEngines(served.config, served.partitions)),
    queryPage: request => served.history()?.queryPage(request) ?? { kind: 'off' },
    querySummary: request => served.history()?.querySummary(request) ?? { kind: 'off' },
    ...zoneControls(served.zones),
    ...configControls(served),
    ...anchorControls(served.trust, served.changes),
    ...served.rehearsals.controls,
    status() {
      const { queries, waiting, resolutions, tcpConnections, cacheBytes, cached } = served.stats()
      return {
        version,
        node: process.version,
        pid: process.pid,
        startedAt,
        uptimeS: Math.floor(process.uptime()),
        listening: served.addresses(),
        stopping: served.isStopping(),
        configFile: served.config().file,
        trustAnchors: served.trust.names(),
        missing: served.transfers()?.policies.missing() ?? [],
        waiting,
        resolutions,
        tcpConnections,
        cache: { bytes: cacheBytes, ...cached },
        counters: queries,
        shared: sharedStatus(served.shared),
      }
    },
    reload(dryRun) {
      return { kind: 'done', problems: (dryRun ? problemsOf(served) : served.reload()).map(problemText) }
    },
    stop() {
      // After the answer has gone out.
      setTimeout(() => void served.stop('the API'), STOP_AFTER_MS)
      return { kind: 'done' }
    },
  }
}

function sharedStatus(store: SharedStore | null): Awaited<ReturnType<Controls['status']>>['shared'] {
  if (store === null) return null
  const { at, state, instances, requests } = store.numbers
  return { at, state, instances, requests }
}

/** What a reload would find wrong. */
function problemsOf({ settings, config, check }: Pick<Served, 'settings' | 'config' | 'check'>): readonly Problem[] {
  const read = settings.read() ?? { kind: 'config', config: config() }
  return read.kind === 'invalid' ? read.problems : check(read.config)
}

const STOP_AFTER_MS = 100

export const makeStreams = (served: { readonly recursor: Pick<Recursor, 'resolver'> }): ControlStreams => ({
  walk: (args, emit, signal) => followWalk(served.recursor.resolver, args, emit, signal),
})
