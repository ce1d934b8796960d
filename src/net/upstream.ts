/** The `Network` port on real sockets: picks the transport, nothing else. */
import type { EventSink, Clock, Network, Random } from '../ports.ts'
import type { UpstreamLimits } from '../limits.ts'
import { TcpUpstream } from './upstream-tcp.ts'
import { UdpUpstream, type UpstreamParts } from './upstream-udp.ts'

export interface NetworkParts {
  readonly clock: Clock
  readonly random: Random
  readonly limits: { readonly upstream: UpstreamLimits }
  readonly events: EventSink
}

export interface SystemNetwork extends Network {
  /** What is open and what waits, for metrics and tests. */
  readonly usage: () => { readonly udpSockets: number; readonly tcpConnections: number; readonly waiting: number }
  /** Exchanges in flight end as `not-sent`; later ones do at once. Until then idle sockets keep the process alive. */
  close(): void
}

export function createNetwork({ clock, random, limits, events }: NetworkParts): SystemNetwork {
  let quietUntil = 0
  const exhausted = (code: string): void => {
    if (clock.now() < quietUntil) return
    quietUntil = clock.now() + limits.upstream.repeatEventMs
    events({ kind: 'sockets-exhausted', code })
  }
  const parts: UpstreamParts = { clock, random, limits: limits.upstream, exhausted }
  const udp = new UdpUpstream(parts)
  // Idle UDP sockets are the one thing that can be given up for a connection.
  const tcp = new TcpUpstream({
    ...parts,
    exhausted: code => {
      exhausted(code)
      udp.closeIdle()
    },
  })
  return {
    exchange(server, transport, query, timeoutMs, done) {
      switch (transport) {
        case 'udp': return udp.exchange(server, query, timeoutMs, done)
        case 'tcp': return tcp.exchange(server, query, timeoutMs, done)
        default: return transport satisfies never
      }
    },
    usage: () => ({ udpSockets: udp.openSockets, tcpConnections: tcp.openConnections, waiting: udp.waiting + tcp.waiting }),
    close() {
      udp.close()
      tcp.close()
    },
  }
}
