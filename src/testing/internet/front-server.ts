/**
 * rootwalk's own server in front of a test's internet: sockets, byte path, policies and engine as in production, with
 * the TTLs on the clock of the test. It has neither a configuration nor a log.
 */
import type { Delegation } from '../../cache/delegations.ts'
import { parsePrefix } from '../../dns/address.ts'
import type { TrustAnchor } from '../../dnssec/trust-anchors.ts'
import { type Limits, limitsWith } from '../../limits.ts'
import { openListeners } from '../../net/listen/listeners.ts'
import { systemClock, systemRandom } from '../../system/system.ts'
import { createNetwork } from '../../net/upstream/network.ts'
import type { Clock, Serve } from '../../ports.ts'
import { Counters } from '../../server/counters.ts'
import { makeServe } from '../../server/serve-parts.ts'
import { WaitingClients } from '../../server/pending-queries.ts'
import { makeLocalZones } from '../../zone/local-zones.ts'
import type { InternetResolverOptions, RunningResolver } from './types.ts'
import { stubSettings } from '../stub/settings.ts'
import { type TestClock, withTimersOf } from '../input/clock.ts'
import { forwardFields, readForwarding } from './forwarding.ts'
import { engineFields, settingsOf, TestEngine, validationBy } from './test-engine.ts'

export interface FrontOptions extends InternetResolverOptions {
  /** Default any that is free. */
  readonly port?: number
}

export const frontFields: readonly string[] = ['port', ...engineFields, ...forwardFields]

/** Rejects with the system's error when the port cannot be bound. */
export async function startFront(
  options: FrontOptions,
  clock: TestClock,
  hints: Delegation,
  upstreamPort: number,
  anchors: readonly TrustAnchor[] = [],
): Promise<RunningResolver> {
  const real = systemClock()
  const random = systemRandom()
  const limits = limitsWith(options.limits ?? {})
  const network = createNetwork({ clock: real, random, limits, events: () => {} })
  const virtual = withTimersOf(clock, real)
  const validation = validationBy(anchors, limits, options)
  const settings = settingsOf(options, { upstreamPort })
  const forwardZones = readForwarding(options)
  const engine = new TestEngine({
    clock: virtual,
    random,
    network,
    hints: () => hints,
    forwardZones: () => forwardZones,
    limits,
    settings: () => settings,
    validation: () => validation,
  })
  const listeners = await openListeners({
    bindings: [{ address: stubSettings.address, port: options.port ?? 0 }],
    clock: real,
    limits,
    events: () => {},
    onMessage: serveWith(engine, virtual, limits),
  })
  const [failure] = listeners.failures
  const udp = listeners.open().find(({ transport }) => transport === 'udp')
  const stop = async (): Promise<void> => {
    network.close()
    await listeners.close()
  }
  if (failure !== undefined || udp === undefined) {
    await stop()
    throw Object.assign(new Error(failure?.message ?? 'no socket'), { code: failure?.code ?? '' })
  }
  const { port } = udp
  const host = stubSettings.address
  return {
    host,
    port,
    address: `${host}:${port}`,
    clearCache: () => engine.forget(),
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

function serveWith({ caches, resolver }: TestEngine, clock: Clock, limits: Limits): Serve {
  const local = parsePrefix('127.0.0.0/8')
  const noZones = makeLocalZones([], [])
  return makeServe({
    engine: { clock, random: systemRandom(), caches, resolver, zones: { current: () => noZones } },
    allow: local === null ? [] : [local],
    identity: { version: null, id: null },
    limits,
    waiting: new WaitingClients(limits.server),
    counters: new Counters(),
    events: () => {},
    queryLog: null,
  })
}
