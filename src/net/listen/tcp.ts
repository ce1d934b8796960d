/**
 * Queries over TCP on one address: accepts, asks the table for room, and hands the socket to a connection. Invariant:
 * no error of a client or of the listening socket ends the process.
 */
import { createServer, type Server, type Socket } from 'node:net'
import type { ServerLimits } from '../../limits.ts'
import type { Cancel, Client, Clock } from '../../ports.ts'
import { ClientAddresses } from './client-addresses.ts'
import type { ListenFailure, ListenOptions, Listener } from '../listener.ts'
import { errorCode } from '../../system/system-error.ts'
import { TcpConnection } from './tcp-connection.ts'
import type { TcpConnections } from './tcp-connections.ts'
import type { TcpTurns } from './tcp-turns.ts'

export interface TcpListenOptions extends ListenOptions {
  readonly clock: Clock
  readonly limits: { readonly server: ServerLimits }
  /** Shared by all TCP listeners: its bounds hold across them. */
  readonly connections: TcpConnections
  /** Shared likewise. */
  readonly turns: TcpTurns
  /**
   * Hears of every connection taken, with the client as `onMessage` gets it: for a test that breaks connections on
   * purpose.
   */
  readonly onAccept?: (client: Client, socket: Socket) => void
}

/** Binds to exactly one address (IPv6 without IPv4). */
export function openTcpListener(options: TcpListenOptions): Promise<Listener | ListenFailure> {
  const { address, port, events } = options
  // A client may finish sending before it has its answers (RFC 7766 section 6.2.4), so its end is not our end.
  const server = createServer({ allowHalfOpen: true, noDelay: true })
  return new Promise(resolve => {
    const refused = (error: Error): void =>
      resolve({
        kind: 'listen-failed',
        transport: 'tcp',
        address,
        port,
        code: errorCode(error),
        message: error.message,
      })
    server.once('error', refused)
    server.listen({ host: address, port, ipv6Only: true, exclusive: true }, () => {
      server.off('error', refused)
      const bound = server.address()
      const listener = new TcpListener(server, typeof bound === 'object' && bound !== null ? bound.port : port, options)
      events({ kind: 'listening', transport: 'tcp', address, port: listener.port })
      resolve(listener)
    })
  })
}

class TcpListener implements Listener {
  readonly kind = 'listener'
  readonly transport = 'tcp'
  readonly address: string
  readonly port: number
  readonly #server: Server
  readonly #options: TcpListenOptions
  readonly #clients: ClientAddresses
  readonly #open = new Set<TcpConnection>()
  #closing: Promise<void> | null = null
  #whenEmpty: (() => void) | null = null

  constructor(server: Server, port: number, options: TcpListenOptions) {
    this.#server = server
    this.#options = options
    this.address = options.address
    this.port = port
    this.#clients = new ClientAddresses(options.limits.server.parsedClients)
    server.on('error', error =>
      options.events({
        kind: 'listener-failed',
        transport: 'tcp',
        address: this.address,
        port,
        code: errorCode(error),
        message: error.message,
      }),
    )
    server.on('connection', socket => this.#accept(socket))
  }

  /** Accepts and reads nothing more; idle connections end at once, the others when their replies are written. */
  stop(): void {
    this.#closing ??= new Promise(resolve => this.#server.close(() => resolve()))
    for (const connection of this.#open) {
      if (connection.idle) connection.drop()
      else connection.finish()
    }
  }

  /** Waits for queries in work at most `server.drainMs`. */
  async close(): Promise<void> {
    this.stop()
    const { clock, limits } = this.#options
    if (this.#open.size > 0) {
      let cancel: Cancel = () => {}
      await new Promise<void>(resolve => {
        this.#whenEmpty = resolve
        cancel = clock.after(limits.server.drainMs, resolve)
      })
      cancel()
      for (const connection of this.#open) connection.drop()
    }
    await this.#closing
  }

  #accept(socket: Socket): void {
    const { remoteAddress, remotePort } = socket
    const ip = remoteAddress === undefined ? null : this.#clients.ipOf(remoteAddress)
    // Gone before we looked.
    if (ip === null || remotePort === undefined) {
      socket.destroy()
      return
    }
    const { clock, connections, turns, onMessage, events } = this.#options
    const onGone = (gone: TcpConnection): void => {
      this.#open.delete(gone)
      if (this.#open.size === 0) this.#whenEmpty?.()
    }
    const client: Client = { ip, port: remotePort, transport: 'tcp' }
    const connection = new TcpConnection(socket, client, {
      clock,
      table: connections,
      turns,
      onMessage,
      events,
      onGone,
    })
    if (!connections.admit(connection)) {
      socket.on('error', () => {})
      socket.destroy()
      return
    }
    this.#open.add(connection)
    this.#options.onAccept?.(client, socket)
    connection.start()
  }
}
