/** The engine by which a stub forwards, over sockets of its own. A file apart, since few stubs need it loaded. */
import { ROOT } from '../../dns/name.ts'
import { createEngine, type Engine } from '../../engine/engine.ts'
import { limitsWith } from '../../limits.ts'
import { createNetwork, type SystemNetwork } from '../../net/upstream/network.ts'
import type { EngineSettings } from '../../resolver/env.ts'
import { systemClock, systemRandom } from '../../system/system.ts'
import { stubSettings } from './settings.ts'

export interface ForwardEngine {
  readonly network: SystemNetwork
  readonly engine: Engine
}

/** What a query says is up to who asks: nothing is added to it. */
const settings: EngineSettings = {
  minimise: 'off',
  mixCase: false,
  ipv4: true,
  ipv6: true,
  upstreamPort: 0,
  doNotQuery: [],
  hardenGlue: true,
}

export function openForwardEngine(): ForwardEngine {
  const clock = systemClock()
  const random = systemRandom()
  const limits = limitsWith({
    // Every server has its whole time.
    budget: { timeMs: Number.MAX_SAFE_INTEGER },
    upstream: { tcpTimeoutMs: stubSettings.forwardTcpMs },
  })
  const network = createNetwork({ clock, random, limits, events: () => {} })
  const hints = { zone: ROOT, servers: [], ds: null, expiresAt: Number.POSITIVE_INFINITY }
  const engine = createEngine({ clock, random, network, limits, settings: () => settings, hints: () => hints })
  return { network, engine }
}
