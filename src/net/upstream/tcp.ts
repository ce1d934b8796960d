/** Connections to servers over TCP (RFC 7766). */
import { connect } from 'node:net'
import type { ServerAddress } from '../../ports.ts'
import { errorCode } from '../../system/system-error.ts'
import { fixedIdle } from './idle-times.ts'
import type { LineUser } from './line.ts'
import { ConnectionPool } from './pool.ts'
import { StreamLine } from './stream-line.ts'
import type { UpstreamParts } from './udp.ts'

export function tcpUpstream({ clock, random, limits, exhausted }: UpstreamParts): ConnectionPool {
  const open = (server: ServerAddress, user: LineUser): StreamLine => {
    const socket = connect({ host: server.ip.text, port: server.port, noDelay: true, autoSelectFamily: false })
    const stream = { write: (octets: Uint8Array) => socket.write(octets), close: () => void socket.destroy() }
    const line = new StreamLine({ random, user, stream, capacity: limits.tcpPipelined })
    socket.on('connect', () => line.ready())
    socket.on('data', chunk => line.received(chunk))
    socket.on('error', error => line.ended('failed', errorCode(error)))
    socket.on('close', () => line.ended('failed', CLOSED_BY_SERVER))
    socket.on('end', () => line.ended('failed', CLOSED_BY_SERVER))
    return line
  }
  const rules = {
    connections: limits.tcpConnections,
    connectionsPerServer: Number.POSITIVE_INFINITY,
    queries: limits.tcpPipelined,
    probeMs: 0,
    timeoutsInARow: Number.POSITIVE_INFINITY,
    leavesOnTimeout: true,
    retriesAlone: true,
    lonersKnown: limits.tcpLonersKnown,
    lonersMs: limits.tcpLonersMs,
    replays: 0,
  }
  return new ConnectionPool({ clock, limits, rules, idle: fixedIdle(limits.tcpIdleMs), open, exhausted })
}

const CLOSED_BY_SERVER = 'closed by the server'
