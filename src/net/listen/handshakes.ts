/**
 * TLS handshakes in progress: of one server in front of which an entrance accepts, bounded across all servers. Each is
 * in the table of connections from its first moment, so that a client that is over its share is refused before any work
 * is done for it, and in a table of handshakes, which is smaller: the client has done nothing for them yet.
 *
 * Invariants: a handshake leaves both tables once, whichever way it ends; a socket that is not in a table is closed.
 */
import type { Socket } from 'node:net'
import type { Server, TLSSocket } from 'node:tls'
import { linkOf } from '../../fairness/owner.ts'
import type { Limits, TlsLimits } from '../../limits.ts'
import type { Client, Clock } from '../../ports.ts'
import { clientIdOf } from './client-id.ts'
import type { Peer } from './entrance.ts'
import type { TlsIdentity } from './identity.ts'
import { type TableEntry, TcpConnections } from './tcp-connections.ts'

export interface HandshakeOptions {
  /** Gets the sockets; made with `contextOptions`. */
  readonly server: Pick<Server, 'emit' | 'on' | 'prependListener'>
  readonly identity: TlsIdentity
  /** All connections of the process, and all handshakes. */
  readonly connections: TcpConnections
  readonly inProgress: TcpConnections
  readonly clock: Clock
  readonly limits: TlsLimits
  /** The handshake is over and its place in the table of connections is free for what comes now. */
  readonly onSecure: (socket: TLSSocket, client: Omit<Client, 'transport'>, raw: Socket) => void
  /** For a test of clients: begins a handshake later, or never; until then nothing that the client sent is read. */
  readonly onHandshake?: ((raw: Socket, begin: () => void) => void) | undefined
}

/** The table of all handshakes: of those who begin too many, the one that takes longest gives. */
export const handshakeTable = ({ tcp, tls }: Pick<Limits, 'tcp' | 'tls'>): TcpConnections =>
  new TcpConnections({ ...tcp, connections: tls.handshakes, connectionsPerPrefix: tls.handshakesPerPrefix })

export class Handshakes {
  readonly #options: HandshakeOptions
  /** By the addresses that a socket has on the network, which its TLS socket has as well. */
  readonly #open = new Map<string, Handshake>()

  constructor(options: HandshakeOptions) {
    this.#options = options
    const { server } = options
    // Before what the server itself does with it (HTTP).
    server.prependListener('secureConnection', (socket: TLSSocket) => this.#secured(socket))
    // What fails is closed here; without a listener the socket would linger.
    server.on('tlsClientError', (_: Error, socket: TLSSocket) => socket.destroy())
  }

  get size(): number {
    return this.#open.size
  }

  /** Begins one, unless the tables are full. */
  accept(socket: Socket, peer: Peer): void {
    const { connections, inProgress, server, clock, limits, onHandshake } = this.#options
    const place = placeOf(socket)
    socket.on('error', () => {})
    const handshake = new Handshake(socket, peer, clock.now(), [connections, inProgress])
    if (place === null || !connections.admit(handshake) || !inProgress.admit(handshake)) {
      handshake.drop()
      return
    }
    this.#open.set(place, handshake)
    const cancel = clock.after(limits.handshakeMs, () => handshake.drop())
    handshake.onEnd = () => {
      cancel()
      this.#open.delete(place)
    }
    socket.on('close', () => handshake.drop())
    const begin = (): void => void (socket.destroyed || server.emit('connection', socket))
    if (onHandshake === undefined) begin()
    else onHandshake(socket, begin)
  }

  /** Ends those that are in progress. */
  stop(): void {
    for (const handshake of [...this.#open.values()]) handshake.drop()
  }

  #secured(socket: TLSSocket): void {
    const place = placeOf(socket)
    const handshake = place === null ? undefined : this.#open.get(place)
    if (handshake === undefined) {
      socket.destroy()
      return
    }
    handshake.end()
    this.#options.inProgress.totals.completed++
    const name = typeof socket.servername === 'string' ? socket.servername.toLowerCase() : undefined
    const clientId = clientIdOf(name, this.#options.identity.current().names)
    const client = {
      ...handshake.peer,
      ...(name === undefined ? {} : { serverName: name }),
      ...(clientId === undefined ? {} : { clientId }),
    }
    this.#options.onSecure(socket, client, handshake.socket)
  }
}

/** Null: it is closed. */
const placeOf = ({ remoteAddress, remotePort }: Socket): string | null =>
  remoteAddress === undefined || remotePort === undefined ? null : `${remoteAddress} ${remotePort}`

class Handshake implements TableEntry {
  readonly prefix: string
  readonly idle = true
  readonly queuedBytes = 0
  readonly lastActive: number
  readonly peer: Peer
  onEnd: () => void = () => {}
  readonly socket: Socket
  readonly #tables: readonly TcpConnections[]
  #ended = false

  constructor(socket: Socket, peer: Peer, now: number, tables: readonly TcpConnections[]) {
    this.socket = socket
    this.peer = peer
    this.prefix = linkOf(peer.ip)
    this.lastActive = now
    this.#tables = tables
  }

  /** It is no handshake any more. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    for (const table of this.#tables) table.remove(this)
    this.onEnd()
  }

  drop(): void {
    if (this.#ended) return
    this.end()
    this.socket.destroy()
  }

  wake(): void {}
}
