/** The `Network` port on real sockets: picks the transport and the kind of UDP sockets, nothing else. */
import { isMainThread } from 'node:worker_threads'
import type { EventSink, Clock, Network, Random } from '../../ports.ts'
import type { UpstreamLimits } from '../../limits.ts'
import type { Libc } from '../linux/libc.ts'
import { EpollSockets } from './epoll-sockets.ts'
import { dgramSockets } from './udp-sockets.ts'
import { tcpUpstream } from './tcp.ts'
import { UdpUpstream, type UpstreamParts } from './udp.ts'

export interface NetworkParts {
  readonly clock: Clock
  readonly random: Random
  readonly limits: { readonly upstream: UpstreamLimits }
  readonly events: EventSink
  /**
   * What the cheaper UDP sockets are made of. Without it, and outside the main thread, they are those of `node:dgram`.
   */
  readonly libc?: Libc | undefined
}

export interface SystemNetwork extends Network {
  /** What is open and what waits, for metrics and tests. */
  readonly usage: () => { readonly udpSockets: number; readonly tcpConnections: number; readonly waiting: number }
  /** Exchanges in flight end as `not-sent`; later ones do at once. Until then idle sockets keep the process alive. */
  close(): void
}

export function createNetwork({ clock, random, limits, events, libc }: NetworkParts): SystemNetwork {
  let quietUntil = 0
  let times = 0
  const exhausted = (code: string): void => {
    times++
    if (clock.now() < quietUntil) return
    quietUntil = clock.now() + limits.upstream.repeatEventMs
    events({ kind: 'sockets-exhausted', code, times })
    times = 0
  }
  const parts: UpstreamParts = { clock, random, limits: limits.upstream, exhausted }
  const sockets = libc !== undefined && isMainThread ? new EpollSockets(libc, parts) : dgramSockets(parts)
  const udp = new UdpUpstream({ ...parts, sockets })
  // Idle UDP sockets are the one thing that can be given up for a connection.
  const tcp = tcpUpstream({
    ...parts,
    exhausted: code => {
      exhausted(code)
      udp.closeIdle()
    },
  })
  return {
    exchange(server, transport, query, timeoutMs, done) {
      switch (transport) {
        case 'udp':
          return udp.exchange(server, query, timeoutMs, done)
        case 'tcp':
          return tcp.exchange(server, query, timeoutMs, done)
        case 'tls':
        case 'https':
        case 'http': {
          const later = setImmediate(done, { kind: 'not-sent', reason: `no way to ask over ${transport}` })
          return () => clearImmediate(later)
        }
        default:
          return transport satisfies never
      }
    },
    usage: () => ({
      udpSockets: udp.openSockets,
      tcpConnections: tcp.openConnections,
      waiting: udp.waiting + tcp.waiting,
    }),
    close() {
      udp.close()
      tcp.close()
    },
  }
}
