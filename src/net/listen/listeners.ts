/**
 * All the sockets that clients reach: UDP and TCP on every address asked for, and services over TCP. Where datagrams
 * are moved in batches `0.0.0.0` and `::` are one socket, unless another server has one of the addresses; else they
 * mean one socket for each local address. (`node:dgram` cannot choose the source address of a reply, so a wildcard
 * socket answers from the wrong one on hosts with several.) Addresses that come or go later are followed.
 *
 * Invariant: an address of plain DNS has either both transports or neither.
 */
import type { Prefix } from '../../dns/address.ts'
import type { Limits } from '../../limits.ts'
import type { Binding, BindingService, Cancel, Clock, EventSink, Serve } from '../../ports.ts'
import type { ListenFailure, Listener } from '../listener.ts'
import { localAddresses, wildcardFamily } from '../local-addresses.ts'
import type { DohParts } from './doh-connection.ts'
import { handshakeTable } from './handshakes.ts'
import type { TlsIdentity } from './identity.ts'
import { TcpConnections } from './tcp-connections.ts'
import { TcpTurns } from './tcp-turns.ts'
import { openTcpListener, type TcpListenOptions } from './tcp.ts'
import { type BatchOptions, BatchUdp } from '../batch/batch-listener.ts'
import { openUdpListener } from './udp.ts'
import type { InheritedSockets, SocketKind } from '../../system/inherited-sockets.ts'

export interface ListenersOptions {
  readonly bindings: readonly Binding[]
  readonly onMessage: Serve
  readonly clock: Clock
  readonly limits: Pick<Limits, 'server' | 'tcp' | 'tls' | 'doh' | 'upstream'>
  readonly events: EventSink
  /** The local addresses; the interfaces of this host unless a test knows better. */
  readonly addresses?: () => readonly string[]
  /** See `TcpListenOptions`. */
  readonly onAccept?: TcpListenOptions['onAccept']
  /** See `HandshakeOptions`. */
  readonly onHandshake?: TcpListenOptions['onHandshake']
  /** See `DohParts`. */
  readonly onAnswer?: DohParts['onAnswer']
  /** What bindings over TLS show. */
  readonly identity?: TlsIdentity | undefined
  /** Who may send PROXY headers, to bindings that want one, and name its client over HTTP. */
  readonly proxies?: readonly Prefix[] | undefined
  /** Origins of pages that may ask over HTTPS from a browser. */
  readonly origins?: readonly string[] | undefined
  /** Sockets that were passed to this process: those of the bindings are used instead of new ones. */
  readonly inherited?: InheritedSockets | undefined
  /** UDP in batches, see `net/batch/batch-listener.ts`; without it by `node:dgram`. */
  readonly batch?: BatchOptions | undefined
}

export interface Listeners {
  /** What is open now. */
  open(): readonly Listener[]
  /** Bindings that could not be had at the start. Of a wildcard only when no address of it could be had. */
  readonly failures: readonly ListenFailure[]
  readonly connections: TcpConnections
  /** TLS handshakes in progress. */
  readonly handshakes: TcpConnections
  /** Looks for new and gone local addresses now (it happens every `server.interfaceScanMs` by itself). */
  rescan(): Promise<void>
  /** New settings for listener threads, where there are any. */
  updateSettings(settings: unknown): void
  /** Of all sockets; null when one of them is not known. */
  descriptors(): readonly number[] | null
  /** See `Listener`: another process goes on with the sockets. */
  leave(): Promise<void>
  /** Takes nothing new; replies still go out. */
  stop(): void
  close(): Promise<void>
}

export async function openListeners(options: ListenersOptions): Promise<Listeners> {
  const set = new ListenerSet(options)
  await set.start()
  return set
}

/** Both sockets of one address, or the one of a service. */
interface Pair {
  readonly listeners: readonly Listener[]
}

class ListenerSet implements Listeners {
  readonly failures: ListenFailure[] = []
  readonly connections: TcpConnections
  readonly #turns: TcpTurns
  readonly handshakes: TcpConnections
  readonly #options: ListenersOptions
  readonly #events: EventSink
  readonly #batch: BatchUdp | null
  readonly #fixed: Pair[] = []
  /** For each wildcard binding: its port and the addresses it has now. */
  readonly #wildcards: Wildcard[] = []
  #cancelScan: Cancel | null = null
  #scanning: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(options: ListenersOptions) {
    this.#options = options
    this.connections = new TcpConnections(options.limits.tcp)
    this.#turns = new TcpTurns(options.limits.tcp, options.clock)
    this.handshakes = handshakeTable(options.limits)
    this.#events = onceSmallBuffer(options.events)
    const { batch, onMessage, clock, limits, inherited } = options
    this.#batch =
      batch === undefined ? null : new BatchUdp({ ...batch, onMessage, clock, limits, inherited, events: this.#events })
  }

  async start(): Promise<void> {
    for (const { address, port, service } of this.#options.bindings) {
      if (service !== undefined) {
        const listener = await this.#openService(address, port, service)
        if (listener.kind === 'listener') this.#fixed.push({ listeners: [listener] })
        else this.failures.push(listener)
        continue
      }
      const family = wildcardFamily(address)
      const isOne = family === null || this.#batch !== null || this.#options.inherited?.has(address, port) === true
      const opened = isOne ? await this.#openPair(address, port) : null
      if (opened?.kind === 'pair') this.#fixed.push(opened)
      else if (family === null) this.failures.push(opened ?? noAddress(address, port))
      else {
        const wildcard: Wildcard = { family, port, pairs: new Map(), troubles: new Map() }
        this.#wildcards.push(wildcard)
        await this.#follow(wildcard)
        const [trouble] = wildcard.troubles.values()
        if (wildcard.pairs.size === 0) this.failures.push(trouble ?? noAddress(address, port))
      }
    }
    this.#batch?.start(this.#wildcards.length > 0)
    this.#schedule()
  }

  updateSettings(settings: unknown): void {
    this.#batch?.updateSettings(settings)
  }

  open(): readonly Listener[] {
    return [...this.#fixed, ...this.#wildcards.flatMap(w => [...w.pairs.values()])].flatMap(pair => pair.listeners)
  }

  rescan(): Promise<void> {
    this.#scanning = this.#scanning.then(async () => {
      for (const wildcard of this.#wildcards) if (!this.#stopped) await this.#follow(wildcard)
    })
    return this.#scanning
  }

  descriptors(): readonly number[] | null {
    const all = this.open().map(listener => listener.descriptors())
    return all.every(one => one !== null) ? all.flat() : null
  }

  async leave(): Promise<void> {
    this.#stopped = true
    this.#cancelScan?.()
    await Promise.all(this.open().map(listener => listener.leave()))
  }

  stop(): void {
    this.#stopped = true
    this.#cancelScan?.()
    for (const listener of this.open()) listener.stop()
  }

  async close(): Promise<void> {
    this.stop()
    await this.#scanning
    // UDP last: replies of the others may still be under way, and what UDP has left is sent.
    for (const isLast of [false, true]) {
      await Promise.all(
        this.open()
          .filter(({ transport }) => (transport === 'udp') === isLast)
          .map(listener => listener.close()),
      )
    }
    await this.#batch?.close()
  }

  #schedule(): void {
    if (this.#wildcards.length === 0 || this.#stopped) return
    this.#cancelScan = this.#options.clock.after(this.#options.limits.server.interfaceScanMs, () => {
      void this.rescan().then(() => this.#schedule())
    })
  }

  /** Makes the sockets of a wildcard those of the present addresses. */
  async #follow(wildcard: Wildcard): Promise<void> {
    const present = (this.#options.addresses ?? localAddresses)().filter(
      a => a.includes(':') === (wildcard.family === 6),
    )
    for (const [address, pair] of wildcard.pairs) {
      if (present.includes(address)) continue
      wildcard.pairs.delete(address)
      await Promise.all(pair.listeners.map(l => l.close()))
    }
    for (const address of present) {
      if (wildcard.pairs.has(address) || this.#stopped) continue
      const opened = await this.#openPair(address, wildcard.port)
      if (opened.kind === 'pair') {
        wildcard.pairs.set(address, opened)
        wildcard.troubles.delete(address)
        if (wildcard.port === 0) wildcard.port = opened.listeners[0]?.port ?? 0
      } else {
        this.#tellOnce(wildcard, address, opened)
      }
    }
  }

  /**
   * An address of a wildcard that cannot be had (taken by another server, not usable yet) is tried again at every scan
   * and told once.
   */
  #tellOnce(wildcard: Wildcard, address: string, failure: ListenFailure): void {
    if (wildcard.troubles.get(address)?.code !== failure.code) {
      const { transport, port, code, message } = failure
      this.#events({ kind: 'listener-failed', transport, address, port, code, message })
    }
    wildcard.troubles.set(address, failure)
  }

  #identity(): TlsIdentity {
    const { identity } = this.#options
    if (identity === undefined) throw new Error('a binding over TLS needs a certificate')
    return identity
  }

  /** Over TCP replies leave from the address that was reached, so a wildcard is one socket. */
  async #openService(address: string, port: number, service: BindingService): Promise<Listener | ListenFailure> {
    const { onMessage, clock, limits, onAccept, onHandshake } = this.#options
    const proxies = service.proxy ? (this.#options.proxies ?? []) : null
    const { connections } = this
    const common = { address, port, onMessage, clock, limits, events: this.#events, onAccept, onHandshake, proxies }
    const inherited = this.#passed('stream', address, port)
    const stream = { ...common, inherited, connections, turns: this.#turns }
    switch (service.transport) {
      case 'tcp':
        return openTcpListener(stream)
      case 'tls': {
        // Where nothing is encrypted, nothing of it is loaded.
        const { openTlsListener } = await import('./tls.ts')
        return openTlsListener({ ...stream, identity: this.#identity(), handshakes: this.handshakes })
      }
      case 'https':
      case 'http': {
        const { openDohListener } = await import('./doh-listener.ts')
        const isSecure = service.transport === 'https'
        return openDohListener({
          ...stream,
          path: service.path,
          origins: this.#options.origins ?? [],
          onAnswer: this.#options.onAnswer,
          forwarders: this.#options.proxies ?? [],
          secure: isSecure ? { identity: this.#identity(), handshakes: this.handshakes } : null,
        })
      }
      default:
        return service.transport satisfies never
    }
  }

  #passed(kind: SocketKind, address: string, port: number): number | undefined {
    return this.#options.inherited?.take(kind, address, port, 1)[0]?.fd
  }

  async #openPair(address: string, port: number): Promise<(Pair & { readonly kind: 'pair' }) | ListenFailure> {
    const { onMessage, clock, limits, onAccept } = this.#options
    const common = { address, onMessage, clock, limits, events: this.#events }
    const forTcp = onAccept === undefined ? common : { ...common, onAccept }
    for (let tries = 1; ; tries++) {
      const udp =
        this.#batch?.open(address, port) ??
        (await openUdpListener({ ...common, port, inherited: this.#passed('datagram', address, port) }))
      if (udp.kind === 'listen-failed') return udp
      const tcp = await openTcpListener({
        ...forTcp,
        port: udp.port,
        inherited: this.#passed('stream', address, udp.port),
        connections: this.connections,
        turns: this.#turns,
      })
      if (tcp.kind === 'listener') return { kind: 'pair', listeners: [udp, tcp] }
      await udp.close()
      // The kernel chose the port for UDP only; for TCP it may be taken.
      if (port !== 0 || tries >= limits.upstream.portTries) return { ...tcp, port }
    }
  }
}

interface Wildcard {
  readonly family: 4 | 6
  port: number
  readonly pairs: Map<string, Pair>
  /** The last failure of each address that could not be had. */
  readonly troubles: Map<string, ListenFailure>
}

const noAddress = (address: string, port: number): ListenFailure => ({
  kind: 'listen-failed',
  transport: 'udp',
  address,
  port,
  code: 'EADDRNOTAVAIL',
  message: `this host has no address for ${address}`,
})

/** Every socket meets the same cap of the kernel; it is worth one report. */
function onceSmallBuffer(events: EventSink): EventSink {
  let told = false
  return event => {
    if (event.kind === 'receive-buffer-small') {
      if (told) return
      told = true
    }
    events(event)
  }
}
