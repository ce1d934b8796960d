/**
 * Queries over TLS on one address (RFC 7858): the same streams as over TCP, after a handshake. Node's module for TLS
 * is loaded when this file is, which is only where there is such a listener.
 */
import { createServer } from 'node:tls'
import type { Limits } from '../../limits.ts'
import type { ListenFailure, Listener } from '../listener.ts'
import { openEntrance } from './entrance.ts'
import { Handshakes } from './handshakes.ts'
import { contextOptions, type TlsIdentity } from './identity.ts'
import { streamListener, Streams } from './streams.ts'
import type { TcpConnections } from './tcp-connections.ts'
import type { TcpListenOptions } from './tcp.ts'

export interface TlsListenOptions extends TcpListenOptions {
  readonly limits: Pick<Limits, 'server' | 'tls'>
  readonly identity: TlsIdentity
  /** Handshakes in progress at all listeners. */
  readonly handshakes: TcpConnections
}

/** RFC 7858 section 3.1, registered by RFC 7858 section 8.2. A client without ALPN is let in, one with others not. */
const ALPN = ['dot']

/** Binds to exactly one address (IPv6 without IPv4). */
export async function openTlsListener(options: TlsListenOptions): Promise<Listener | ListenFailure> {
  const { address, port, clock, limits, events, proxies = null, identity, connections } = options
  const streams = new Streams(options)
  const server = createServer({ ...contextOptions(identity.current(), limits.tls), ALPNProtocols: ALPN })
  const handshakes = new Handshakes({
    server,
    identity,
    connections,
    inProgress: options.handshakes,
    clock,
    limits: limits.tls,
    onHandshake: options.onHandshake,
    onSecure: (socket, client, raw) => streams.take(socket, { ...client, transport: 'tls' }, raw),
  })
  const entrance = await openEntrance({
    transport: 'tls',
    address,
    port,
    proxies,
    clock,
    limits,
    events,
    inherited: options.inherited,
    onConnection: (socket, peer) => handshakes.accept(socket, peer),
  })
  if (entrance.kind === 'listen-failed') return entrance
  const unfollow = identity.follow(material => server.setSecureContext(contextOptions(material, limits.tls)))
  return streamListener('tls', address, entrance, streams, () => {
    unfollow()
    handshakes.stop()
  })
}
