/** Queries over TCP on one address (RFC 7766), behind a proxy or not. */
import type { Socket } from 'node:net'
import type { Prefix } from '../../dns/address.ts'
import type { Limits } from '../../limits.ts'
import type { ListenFailure, ListenOptions, Listener } from '../listener.ts'
import { openEntrance } from './entrance.ts'
import { streamListener, type StreamOptions, Streams } from './streams.ts'

export interface TcpListenOptions extends ListenOptions, StreamOptions {
  readonly limits: Pick<Limits, 'server' | 'tls'>
  /** Who has to begin with a PROXY header; null: none does. */
  readonly proxies?: readonly Prefix[] | null
  /** See `HandshakeOptions`. */
  readonly onHandshake?: ((raw: Socket, begin: () => void) => void) | undefined
}

/** Binds to exactly one address (IPv6 without IPv4). */
export async function openTcpListener(options: TcpListenOptions): Promise<Listener | ListenFailure> {
  const { address, port, clock, limits, events, proxies = null } = options
  const streams = new Streams(options)
  const entrance = await openEntrance({
    transport: 'tcp',
    address,
    port,
    proxies,
    clock,
    limits,
    events,
    inherited: options.inherited,
    onConnection: (socket, peer) => streams.take(socket, { ...peer, transport: 'tcp' }),
  })
  return entrance.kind === 'entrance' ? streamListener('tcp', address, entrance, streams) : entrance
}
