/**
 * The real server in front of the internet that comes with the package: same engine, same listeners, same policy; only
 * the servers that it queries are inside the process, with latencies on the real clock. Nothing leaves the machine.
 */
import { startServer, type RunningServer } from '../app/server.ts'
import { readConfig } from '../config/read.ts'
import type { Config, ConfigResult, Override } from '../config/types.ts'
import { ROOT } from '../dns/name.ts'
import type { EventSink } from '../ports.ts'
import { systemClock, systemRandom } from '../system/system.ts'
import { problemText } from '../render/problem.ts'
import type { Watch } from '../policy/recursion.ts'
import type { QueryLog } from '../server/query-log.ts'
import { buildInternet, type EmbeddedInternet, signedBy } from '../simulation/internet.ts'
import { nameOf } from '../simulation/records.ts'
import { embeddedNetwork } from '../simulation/network.ts'
import { specialUses } from '../zone/special-use.ts'

export interface EmbeddedOptions {
  /** 0 lets the system choose. */
  readonly port: number
  readonly events: EventSink
  readonly watch: Watch
  readonly onQuery: QueryLog
  /** More of the configuration, such as `admin`. */
  readonly settings?: object
}

/** Rejects with `StartError` when the port cannot be bound. */
export function startEmbedded(internet: EmbeddedInternet, options: EmbeddedOptions): Promise<RunningServer> {
  const config = embeddedConfig(internet, options)
  const random = systemRandom()
  const clock = systemClock()
  const { hosts, hints, anchors } = buildInternet(
    internet,
    random,
    undefined,
    signedBy(() => clock.wall()),
  )
  const root = anchors.get(ROOT)
  const network = embeddedNetwork(clock, random, config.limits.upstream, hosts)
  return startServer(config, {
    network,
    hints,
    anchors: root === undefined ? [] : [root],
    events: options.events,
    watch: options.watch,
    onQuery: options.onQuery,
    readConfig: overlay => readEmbedded(internet, options, overlay),
  })
}

type Asked = Pick<EmbeddedOptions, 'port' | 'settings'>

export function embeddedConfig(internet: EmbeddedInternet, asked: Asked): Config {
  const result = readEmbedded(internet, asked, [])
  if (result.kind === 'invalid') throw new Error(result.problems.map(problemText).join('\n'))
  return result.config
}

/** Documentation addresses are real here: they may be asked, and their reverse zones are not answered locally. */
function readEmbedded(internet: EmbeddedInternet, asked: Asked, overrides: readonly Override[]): ConfigResult {
  const origins = new Set(internet.zones.map(zone => nameOf(zone.origin)))
  const specialUse = Object.fromEntries(specialUses.filter(use => origins.has(use.name)).map(use => [use.text, false]))
  const listen = [`127.0.0.1:${asked.port}`]
  const text = JSON.stringify({
    listen,
    specialUse,
    upstream: { doNotQuery: [], ipv6: true },
    ...asked.settings,
  })
  return readConfig({ file: { path: 'demo', text }, overrides, directory: '.' })
}
