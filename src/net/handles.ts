/**
 * The descriptors under the sockets of Node.js, which it does not show: another process can go on with one only when it
 * is known. Where a version of Node.js has it elsewhere, it is not found, and nothing is handed over.
 */
import type { Socket as DatagramSocket } from 'node:dgram'
import type { Server } from 'node:net'

/** Of a server that listens; null when it is not known. */
export const descriptorOfServer = (server: Server): number | null => descriptorIn(member(server, '_handle'))

export interface DatagramHandle {
  readonly fd: number
  /** Leaves what comes in the socket, for whoever else has it. Sending goes on. */
  stopReading(): void
}

/** Of a socket that is bound; null when it is not known. */
export function handleOfDatagramSocket(socket: DatagramSocket): DatagramHandle | null {
  const symbol = Object.getOwnPropertySymbols(socket).find(({ description }) => description === 'state symbol')
  const handle = symbol === undefined ? undefined : member(member(socket, symbol), 'handle')
  const fd = descriptorIn(handle)
  const stop = member(handle, 'recvStop')
  return fd === null || typeof stop !== 'function'
    ? null
    : { fd, stopReading: () => void Reflect.apply(stop, handle, []) }
}

function descriptorIn(handle: unknown): number | null {
  const fd = member(handle, 'fd')
  return typeof fd === 'number' && fd >= 0 ? fd : null
}

const member = (of: unknown, key: string | symbol): unknown =>
  typeof of === 'object' && of !== null ? Reflect.get(of, key) : undefined
