/**
 * Connections to servers over TLS (RFC 7858) and HTTPS (RFC 8484). Loaded with the first query that needs it: a
 * resolver that asks no server in this way has no TLS in its memory.
 */
import { padQuery } from '../../dns/padding.ts'
import { EdnsOptionCode } from '../../dns/types.ts'
import type { SecureUpstreamLimits } from '../../limits.ts'
import { type Clock, isUnauthenticated, type Random, type SecureService, type ServerAddress } from '../../ports.ts'
import type { TLSSocket } from 'node:tls'
import { openTls, type TlsConnection, type TlsEnd, TrustStore } from '../tls.ts'
import { HTTPS_ALPN, HttpsLine } from './https-line.ts'
import { LearntIdle } from './idle-times.ts'
import type { LineUser, OpenLine } from './line.ts'
import { ConnectionPool, type PoolParts } from './pool.ts'
import { type OctetStream, StreamLine } from './stream-line.ts'
import { Tickets } from '../tls-tickets.ts'

export interface SecureParts extends Omit<PoolParts, 'rules' | 'idle' | 'open'> {
  readonly random: Random
  readonly secure: SecureUpstreamLimits
}

export interface SecureUpstreams {
  readonly tls: ConnectionPool
  readonly https: ConnectionPool
  /** Over TLS to servers that prove nothing. */
  readonly unauthenticated: ConnectionPool
  readonly openConnections: () => number
  readonly waiting: () => number
  close(): void
}

/** RFC 7858 section 3.2 and the registry of ALPN identifiers. */
const DOT = ['dot']

export function createSecureUpstreams(parts: SecureParts): SecureUpstreams {
  const { secure: limits } = parts
  const open = openers(parts)
  const rules = {
    connections: limits.connections,
    connectionsPerServer: limits.connectionsPerServer,
    probeMs: limits.pingAfterMs,
    timeoutsInARow: limits.timeoutsInARow,
    leavesOnTimeout: false,
    retriesAlone: false,
    lonersKnown: 0,
    lonersMs: 0,
    replays: limits.replays,
  }
  const learnt = { leastMs: limits.leastIdleMs, servers: limits.serversRemembered }
  const tls = new ConnectionPool({
    ...parts,
    rules: { ...rules, queries: limits.tlsPipelined },
    idle: new LearntIdle({ ...learnt, idleMs: limits.tlsIdleMs }),
    open: open.dot,
  })
  const https = new ConnectionPool({
    ...parts,
    rules: { ...rules, queries: limits.httpStreams },
    idle: new LearntIdle({ ...learnt, idleMs: limits.httpIdleMs }),
    open: open.doh,
  })
  const unauthenticated = new ConnectionPool({
    ...parts,
    // Nothing waits for a place: it can go in clear.
    limits: { ...parts.limits, waitingExchanges: 0 },
    rules: { ...rules, connectionsPerServer: 1, probeMs: 0, queries: limits.tlsPipelined },
    idle: new LearntIdle({ ...learnt, idleMs: limits.tlsIdleMs }),
    // Tickets of its own: servers of zones are many.
    open: openers(parts).dot,
  })
  const all = [tls, https, unauthenticated]
  const sum = (of: (pool: ConnectionPool) => number): number => all.reduce((total, pool) => total + of(pool), 0)
  return {
    tls,
    https,
    unauthenticated,
    openConnections: () => sum(pool => pool.openConnections),
    waiting: () => sum(pool => pool.waiting),
    close() {
      for (const pool of all) pool.close()
    },
  }
}

/** How a connection of each kind is opened. */
function openers(parts: SecureParts): { readonly dot: OpenLine; readonly doh: OpenLine } {
  const { clock, random, secure: limits } = parts
  const dial = dialler(parts)
  const dot = (server: ServerAddress, user: LineUser): StreamLine => {
    const dialled = dial(server, DOT, {
      verified: socket => {
        stream.write = (octets, written) => socket.write(octets, written)
        socket.on('data', chunk => line.received(chunk))
        line.ready()
      },
      ended: ({ kind, reason }) => line.ended(kind, reason),
    })
    const stream: { write: OctetStream['write']; close: () => void } = {
      write: () => {},
      close: () => dialled.close(),
    }
    const line = new StreamLine({
      random,
      user,
      stream,
      capacity: limits.tlsPipelined,
      apart: true,
      prepare: query => padQuery(query, EdnsOptionCode.KEEPALIVE),
    })
    return line
  }
  const onlyHttp1 = new Set<string>()
  const doh = (server: ServerAddress, user: LineUser): HttpsLine => {
    // Forgotten together: each costs one handshake to find out again.
    if (onlyHttp1.size > limits.serversRemembered) onlyHttp1.clear()
    const service = serviceOf(server)
    const dialled = dial(server, HTTPS_ALPN, {
      verified: socket => {
        dialled.handOver()
        line.verified(socket)
      },
      ended: end => line.ended(end),
    })
    const line = new HttpsLine({ clock, limits, server, service, user, onlyHttp1, close: () => dialled.close() })
    return line
  }
  return { dot, doh }
}

interface DialUser {
  verified(socket: TLSSocket): void
  ended(end: TlsEnd): void
}

type Dial = (server: ServerAddress, alpn: readonly string[], user: DialUser) => TlsConnection

/** Opens connections as a server's address says, with a bound on the handshake, and tickets that are used once. */
function dialler({ clock, secure: limits }: { readonly clock: Clock; readonly secure: SecureUpstreamLimits }): Dial {
  const trust = new TrustStore()
  const tickets = new Tickets<Buffer>({ perServer: limits.ticketsPerServer, servers: limits.serversRemembered })
  return (server, alpn, user) => {
    const service = serviceOf(server)
    const { name, pins, authorities } = service
    const trusted = isUnauthenticated(service) ? null : authorities
    const { ip, port, key } = server
    const session = tickets.take(key)
    const connection = openTls({ ip, port, alpn, name, pins, session }, trust.contextFor(trusted), {
      verified(socket) {
        cancelTimer()
        user.verified(socket)
      },
      ticket: ticket => tickets.put(key, ticket),
      ended(end) {
        cancelTimer()
        user.ended(end)
      },
    })
    const cancelTimer = clock.after(limits.handshakeMs, () => {
      connection.close()
      user.ended({ kind: 'failed', reason: `no TLS handshake within ${limits.handshakeMs} ms` })
    })
    return {
      close() {
        cancelTimer()
        connection.close()
      },
      handOver: () => connection.handOver(),
    }
  }
}

function serviceOf({ key, secure }: ServerAddress): SecureService {
  if (secure === undefined) throw new Error(`bug: ${key} is asked over TLS without saying who it is`)
  return secure
}
