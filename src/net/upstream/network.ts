/** The `Network` port on real sockets: picks the transport and the kind of UDP sockets, nothing else. */
import { isMainThread } from 'node:worker_threads'
import {
  type Cancel,
  type Clock,
  type EventSink,
  type ExchangeResult,
  isUnauthenticated,
  type Network,
  type Random,
  type ServerAddress,
} from '../../ports.ts'
import type { SecureUpstreamLimits, UpstreamLimits } from '../../limits.ts'
import type { Libc } from '../linux/libc.ts'
import { EpollSockets } from './epoll-sockets.ts'
import { dgramSockets } from './udp-sockets.ts'
import { tcpUpstream } from './tcp.ts'
import type { SecureParts, SecureUpstreams } from './secure.ts'
import { UdpUpstream, type UpstreamParts } from './udp.ts'

export interface NetworkParts {
  readonly clock: Clock
  readonly random: Random
  readonly limits: { readonly upstream: UpstreamLimits; readonly secure: SecureUpstreamLimits }
  readonly events: EventSink
  /**
   * What the cheaper UDP sockets are made of. Without it, and outside the main thread, they are those of `node:dgram`.
   */
  readonly libc?: Libc | undefined
}

interface NetworkUsage {
  readonly udpSockets: number
  readonly tcpConnections: number
  /** Over TLS and HTTPS. */
  readonly secureConnections: number
  /** Exchanges that wait for one of these. */
  readonly waiting: number
}

export interface SystemNetwork extends Network {
  /** What is open and what waits, for metrics and tests. */
  readonly usage: () => NetworkUsage
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
  const makeRoom = (code: string): void => {
    exhausted(code)
    udp.closeIdle()
  }
  const tcp = tcpUpstream({ ...parts, exhausted: makeRoom })
  const { upstream, secure: secureLimits } = limits
  const secure = new LazySecure({ clock, random, limits: upstream, secure: secureLimits, exhausted: makeRoom })
  return {
    exchange(server, transport, query, timeoutMs, done) {
      switch (transport) {
        case 'udp':
          return udp.exchange(server, query, timeoutMs, done)
        case 'tcp':
          return tcp.exchange(server, query, timeoutMs, done)
        case 'tls':
        case 'https':
          return secure.exchange(transport, server, query, timeoutMs, done)
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
      secureConnections: secure.openConnections,
      waiting: udp.waiting + tcp.waiting + secure.waiting,
    }),
    close() {
      udp.close()
      tcp.close()
      secure.close()
    },
  }
}

/** Loaded with the first query for it, which waits meanwhile. */
class LazySecure {
  readonly #parts: SecureParts
  #loaded: SecureUpstreams | null = null
  #loading: Promise<SecureUpstreams> | null = null
  #closed = false

  constructor(parts: SecureParts) {
    this.#parts = parts
  }

  get openConnections(): number {
    return this.#loaded?.openConnections() ?? 0
  }

  get waiting(): number {
    return this.#loaded?.waiting() ?? 0
  }

  exchange(
    transport: 'tls' | 'https',
    server: ServerAddress,
    query: Uint8Array,
    timeoutMs: number,
    done: (result: ExchangeResult) => void,
  ): Cancel {
    const pool = server.secure !== undefined && isUnauthenticated(server.secure) ? 'unauthenticated' : transport
    if (this.#loaded !== null) return this.#loaded[pool].exchange(server, query, timeoutMs, done)
    let cancel: Cancel | null = null
    let isCancelled = false
    void this.#load().then(loaded => {
      if (!isCancelled) cancel = loaded[pool].exchange(server, query, timeoutMs, done)
    })
    return () => {
      isCancelled = true
      cancel?.()
    }
  }

  close(): void {
    this.#closed = true
    this.#loaded?.close()
  }

  #load(): Promise<SecureUpstreams> {
    this.#loading ??= import('./secure.ts').then(({ createSecureUpstreams }) => {
      const loaded = createSecureUpstreams(this.#parts)
      if (this.#closed) loaded.close()
      this.#loaded = loaded
      return loaded
    })
    return this.#loading
  }
}
