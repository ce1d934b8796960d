/**
 * Where connections come in, of every transport over TCP: accepts on one address, reads the PROXY header where one has
 * to be, and hands the socket on with whom it speaks for. What is spoken on it begins with its next octet.
 *
 * Invariants: no error of a client or of the listening socket ends the process; where a header has to be, a connection
 * that is not of a listed proxy, or brings none in time, is closed with nothing read of it.
 */
import { createServer, type Server, type Socket } from 'node:net'
import { inAnyPrefix, type IpAddress, type Prefix } from '../../dns/address.ts'
import type { Limits } from '../../limits.ts'
import type { Client, Clock, EventSink, Transport } from '../../ports.ts'
import { errorCode } from '../../system/system-error.ts'
import { descriptorOfServer } from '../handles.ts'
import type { ListenFailure } from '../listener.ts'
import { ClientAddresses } from './client-addresses.ts'
import { PROXY_FIXED_OCTETS, readProxyHeader } from './proxy-header.ts'

/** Whom a connection speaks for. */
export type Peer = Pick<Client, 'ip' | 'port' | 'proxy' | 'listener'>

export interface EntranceOptions {
  readonly transport: Exclude<Transport, 'udp'>
  readonly address: string
  /** 0 lets the kernel choose. */
  readonly port: number
  /** Who has to begin with a PROXY header; null: none does. */
  readonly proxies: readonly Prefix[] | null
  readonly clock: Clock
  readonly limits: Pick<Limits, 'server' | 'tls'>
  readonly events: EventSink
  /** See `ListenOptions`. */
  readonly inherited?: number | undefined
  /** Takes the connection over, its errors included. */
  readonly onConnection: (socket: Socket, peer: Peer) => void
}

export interface Entrance {
  readonly kind: 'entrance'
  readonly port: number
  /** See `Listener`. */
  descriptors(): readonly number[] | null
  /** Accepts nothing more. Resolves when every connection that came in is closed, whoever has it now. */
  stop(): Promise<void>
}

/** Binds to exactly one address (IPv6 without IPv4). */
export function openEntrance(options: EntranceOptions): Promise<Entrance | ListenFailure> {
  const { address, port, transport, events } = options
  // A client may finish sending before it has its answers (RFC 7766 section 6.2.4), so its end is not our end.
  const server = createServer({ allowHalfOpen: true, noDelay: true })
  const failed = (error: Error): Omit<ListenFailure, 'kind'> => ({
    transport,
    address,
    port,
    code: errorCode(error),
    message: error.message,
  })
  return new Promise(resolve => {
    const refused = (error: Error): void => resolve({ kind: 'listen-failed', ...failed(error) })
    server.once('error', refused)
    const { inherited } = options
    const place = inherited === undefined ? { host: address, port, ipv6Only: true, exclusive: true } : { fd: inherited }
    server.listen(place, () => {
      server.off('error', refused)
      server.on('error', error => events({ kind: 'listener-failed', ...failed(error) }))
      const bound = server.address()
      const opened = new OpenEntrance(server, typeof bound === 'object' && bound !== null ? bound.port : port, options)
      events({ kind: 'listening', transport, address, port: opened.port })
      resolve(opened)
    })
  })
}

class OpenEntrance implements Entrance {
  readonly kind = 'entrance'
  readonly port: number
  readonly #server: Server
  readonly #options: EntranceOptions
  readonly #at: NonNullable<Peer['listener']>
  readonly #clients: ClientAddresses
  /** Proxies whose header is awaited. */
  readonly #awaited = new Set<Socket>()
  #closing: Promise<void> | null = null
  #unlisted = 0
  #quietUntil = 0

  constructor(server: Server, port: number, options: EntranceOptions) {
    this.#server = server
    this.port = port
    this.#options = options
    this.#at = { address: options.address, port }
    this.#clients = new ClientAddresses(options.limits.server.parsedClients)
    server.on('connection', socket => this.#accept(socket))
  }

  descriptors(): readonly number[] | null {
    const fd = descriptorOfServer(this.#server)
    return fd === null ? null : [fd]
  }

  stop(): Promise<void> {
    this.#closing ??= new Promise(resolve => this.#server.close(() => resolve()))
    for (const socket of this.#awaited) socket.destroy()
    return this.#closing
  }

  #accept(socket: Socket): void {
    const { remoteAddress, remotePort } = socket
    const ip = remoteAddress === undefined ? null : this.#clients.ipOf(remoteAddress)
    const { proxies, onConnection } = this.#options
    // The first is gone before we looked.
    const isUnlisted = ip !== null && proxies !== null && !inAnyPrefix(ip, proxies)
    if (isUnlisted) this.#noteUnlisted(ip)
    if (ip === null || remotePort === undefined || isUnlisted) {
      socket.on('error', ignore)
      socket.destroy()
    } else if (proxies === null) onConnection(socket, { ip, port: remotePort, listener: this.#at })
    else this.#awaitHeader(socket, ip, remotePort)
  }

  /** Anybody can bring it about, and an operator looks for it when a proxy was forgotten. */
  #noteUnlisted({ text }: IpAddress): void {
    const { clock, limits, events, address } = this.#options
    this.#unlisted++
    const now = clock.now()
    if (now < this.#quietUntil) return
    this.#quietUntil = now + limits.tls.unlistedReportMs
    events({ kind: 'unlisted-proxy', address, port: this.port, from: text, times: this.#unlisted })
    this.#unlisted = 0
  }

  #awaitHeader(socket: Socket, proxy: IpAddress, port: number): void {
    const { clock, limits, onConnection } = this.#options
    const { proxyHeaderBytes, proxyHeaderMs } = limits.tls
    let header: Buffer = NOTHING
    let wanted = PROXY_FIXED_OCTETS
    const cancel = clock.after(proxyHeaderMs, () => socket.destroy())
    const forget = (): void => {
      cancel()
      this.#awaited.delete(socket)
    }
    const read = (): void => {
      for (;;) {
        // Never more than the header: the rest stays in the socket for who takes it over.
        const part: unknown = socket.read(Math.min(wanted - header.length, socket.readableLength))
        if (!(part instanceof Uint8Array)) return
        header = Buffer.concat([header, part])
        const found = readProxyHeader(header, proxyHeaderBytes)
        if (found.kind === 'more') {
          wanted = found.octets
          continue
        }
        if (found.kind === 'invalid') {
          socket.destroy()
          return
        }
        forget()
        socket.off('readable', read).off('end', end).off('error', ignore).off('close', forget)
        const listener = this.#at
        onConnection(
          socket,
          found.source === null ? { ip: proxy, port, listener } : { ...found.source, proxy, listener },
        )
        return
      }
    }
    const end = (): void => void socket.destroy()
    this.#awaited.add(socket)
    socket.on('readable', read).on('end', end).on('error', ignore).on('close', forget)
  }
}

const NOTHING: Buffer = Buffer.alloc(0)
const ignore = (): void => {}
