/**
 * The sockets that queries leave from and replies come to: connected to one server each, bound to a random port. What
 * is asked on them, and when they are renewed, is not theirs to know (`udp.ts`). Here those of `node:dgram`,
 * which work everywhere; `epoll-sockets.ts` has cheaper ones for Linux.
 *
 * Invariants: a user hears nothing before `open` or `send` has returned, and nothing after `close`; a socket that could
 * not be opened leaks no descriptor.
 */
import type { UpstreamLimits } from '../../limits.ts'
import type { Random, ServerAddress } from '../../ports.ts'
import { datagramSocket } from '../datagram.ts'
import { bindRandomly } from './source-ports.ts'
import { errorCode } from '../../system/system-error.ts'

export interface UpstreamSockets {
  open(server: ServerAddress, user: SocketUser): OpenedSocket
  /** After all of them were closed. */
  close(): void
}

export interface SocketUser {
  /** A datagram from the server, whose octets are the user's now. Gives whether more is wanted in this turn. */
  received(bytes: Uint8Array): boolean
  /** ICMP and routing errors arrive on a connected socket as its own. `code` is a name of errno(3). */
  failed(code: string): void
}

export interface UpstreamSocket {
  /** At once; the octets are the caller's again when it returns, unless the system has no room and they wait. */
  send(query: Uint8Array): void
  close(): void
}

export type OpenedSocket =
  | { readonly kind: 'socket'; readonly socket: UpstreamSocket }
  | { readonly kind: 'failed'; readonly code: string }

export interface SocketParts {
  readonly random: Random
  readonly limits: Pick<UpstreamLimits, 'portTries' | 'receivedTogether' | 'receivedOfOne'>
}

export const dgramSockets = (parts: SocketParts): UpstreamSockets => ({
  open: (server, user) => openDgram(parts, server, user),
  close: () => {},
})

function openDgram({ random, limits }: SocketParts, server: ServerAddress, user: SocketUser): OpenedSocket {
  const socket = datagramSocket(server.ip.family)
  const state = { bound: false, closed: false, code: '' }
  const failed = (error: Error | null | undefined): void => {
    if (error !== null && error !== undefined && !state.closed) user.failed(errorCode(error))
  }
  socket.on('error', error => {
    if (state.bound) failed(error)
    else state.code = errorCode(error)
  })
  // With the identity look-up a bind succeeds or fails before it returns.
  const code = bindRandomly(random, limits.portTries, port => {
    state.code = ''
    socket.bind({ port, exclusive: true })
    return state.code
  })
  if (code !== '') {
    socket.close()
    return { kind: 'failed', code }
  }
  state.bound = true
  socket.on('message', bytes => void user.received(bytes))
  socket.connect(server.port, server.ip.text, (error?: Error) => failed(error))
  return {
    kind: 'socket',
    socket: {
      send(query) {
        try {
          socket.send(query, failed)
        } catch (error) {
          // Thrown only while the socket is not connected: the callback of `connect` is on its way with the reason.
          if (errorCode(error) !== 'ERR_SOCKET_BAD_PORT' && errorCode(error) !== 'ERR_SOCKET_DGRAM_NOT_CONNECTED')
            throw error
        }
      },
      close() {
        state.closed = true
        socket.close()
      },
    },
  }
}
