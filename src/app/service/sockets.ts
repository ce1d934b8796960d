/** The sockets that a server listens on: those that the process was started with, and of its own what is missing. */
import type { Config } from '../../config/types.ts'
import { formatEndpoint } from '../../dns/address.ts'
import { openListeners, type Listeners } from '../../net/listen/listeners.ts'
import type { ListenFailure } from '../../net/listener.ts'
import type { Clock, EventSink } from '../../ports.ts'
import type { InheritedSockets } from '../../system/inherited-sockets.ts'
import type { ServerIdentity } from '../server-identity.ts'
import type { Serving } from '../serving.ts'
import type { UdpMode } from '../udp-mode.ts'

export interface SocketParts {
  readonly mode: UdpMode
  readonly serving: Serving
  readonly identity: ServerIdentity | null
  readonly inherited: InheritedSockets | undefined
  readonly clock: Clock
  readonly events: EventSink
}

/** What cannot be had is in `failures`; what was passed in vain is closed and reported. */
export async function openSockets(config: Config, parts: SocketParts): Promise<Listeners> {
  const { mode, serving, identity, inherited, clock, events } = parts
  const listeners = await openListeners({
    bindings: config.listen,
    identity: identity ?? undefined,
    proxies: config.proxies,
    batch: mode.kind === 'batch' ? serving.batch(mode, config.udp.threads) : undefined,
    clock,
    limits: config.limits,
    events,
    onMessage: serving.take,
    origins: config.doh.origins,
    inherited,
  })
  const unused = inherited?.closeRest() ?? []
  if (unused.length > 0)
    events({
      kind: 'inherited-unused',
      sockets: unused.map(({ kind, address, port }) => `${formatEndpoint(address, port)} (${kind})`),
    })
  return listeners
}

/** IPv6 is often switched off altogether; what is configured for it is then reported and left out. */
export const isMissingFamily = ({ address, code }: ListenFailure): boolean =>
  address.includes(':') && (code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT')
