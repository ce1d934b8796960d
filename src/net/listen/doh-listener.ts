/**
 * DNS over HTTPS on one address (RFC 8484): after a handshake, or without one for a proxy that has made it. What
 * Node.js needs for it is loaded when this file is, which is only where there is such a listener.
 */
import { createServer } from 'node:tls'
import type { Prefix } from '../../dns/address.ts'
import type { Limits } from '../../limits.ts'
import type { ListenFailure, Listener } from '../listener.ts'
import { openDohService } from './doh.ts'
import type { DohParts } from './doh-connection.ts'
import { openEntrance } from './entrance.ts'
import { Handshakes } from './handshakes.ts'
import { contextOptions, type TlsIdentity } from './identity.ts'
import type { TcpConnections } from './tcp-connections.ts'
import type { TcpListenOptions } from './tcp.ts'

export interface DohListenOptions extends TcpListenOptions {
  readonly limits: Pick<Limits, 'server' | 'tls' | 'doh'>
  /** Of queries. */
  readonly path: string
  /** Pages that may ask. */
  readonly origins: readonly string[]
  /** Who may name its client in `X-Forwarded-For`. */
  readonly forwarders: readonly Prefix[]
  readonly onAnswer?: DohParts['onAnswer']
  /** Null: without TLS. */
  readonly secure: { readonly identity: TlsIdentity; readonly handshakes: TcpConnections } | null
}

/** RFC 9113 section 3.2, RFC 7301 section 6. A client without ALPN speaks HTTP/1.1, or says otherwise at once. */
const ALPN = ['h2', 'http/1.1']

/** Binds to exactly one address (IPv6 without IPv4). */
export async function openDohListener(options: DohListenOptions): Promise<Listener | ListenFailure> {
  const { address, port, forwarders, secure, clock, limits, connections, events, proxies = null } = options
  const transport = secure === null ? 'http' : 'https'
  const service = openDohService({ ...options, proxies: forwarders, limits: limits.doh, table: connections })
  const stops: (() => void)[] = [() => service.stop()]
  let handshakes: Handshakes | null = null
  if (secure !== null) {
    const { identity } = secure
    const server = createServer({ ...contextOptions(identity.current(), limits.tls), ALPNProtocols: ALPN })
    handshakes = new Handshakes({
      server,
      identity,
      connections,
      inProgress: secure.handshakes,
      clock,
      limits: limits.tls,
      onHandshake: options.onHandshake,
      onSecure: (socket, client, raw) =>
        service.serve(socket, { ...client, transport }, socket.alpnProtocol || null, raw),
    })
    stops.push(
      () => handshakes?.stop(),
      identity.follow(material => server.setSecureContext(contextOptions(material, limits.tls))),
    )
  }
  const entrance = await openEntrance({
    transport,
    address,
    port,
    proxies,
    clock,
    limits,
    events,
    inherited: options.inherited,
    onConnection: (socket, peer) => {
      if (handshakes === null) service.serve(socket, { ...peer, transport }, null)
      else handshakes.accept(socket, peer)
    },
  })
  if (entrance.kind === 'listen-failed') {
    for (const stop of stops) stop()
    return entrance
  }
  let closing: Promise<void> | null = null
  const stop = (): void => {
    closing ??= entrance.stop()
    for (const one of stops.splice(0)) one()
  }
  return {
    kind: 'listener',
    transport,
    address,
    port: entrance.port,
    descriptors: () => entrance.descriptors(),
    leave() {
      // It ends when the last connection does.
      closing ??= entrance.stop()
      return Promise.resolve()
    },
    stop,
    async close() {
      stop()
      await service.close(limits.server.drainMs)
      await closing
    },
  }
}
