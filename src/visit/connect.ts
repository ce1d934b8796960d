/** One attempt to connect over TCP, for a race of them. */
import { connect, type Socket } from 'node:net'
import type { Cancel, Clock } from '../ports.ts'
import { errorCode } from '../system/system-error.ts'
import type { Connected } from './race.ts'
import type { Endpoint } from './types.ts'

export function connectTo(
  clock: Clock,
  { ip, port }: Endpoint,
  timeoutMs: number,
  done: (result: Connected<Socket>) => void,
): Cancel {
  const socket = connect({ host: ip.text, port, noDelay: true })
  const end = (result: Connected<Socket>): void => {
    cancelTimer()
    socket.removeAllListeners('connect').removeAllListeners('error')
    // Whoever uses it listens too; until then an error must not end the process.
    socket.on('error', () => {})
    if (result.kind !== 'connected') socket.destroy()
    done(result)
  }
  const cancelTimer = clock.after(timeoutMs, () => end({ kind: 'timeout' }))
  socket.on('connect', () => end({ kind: 'connected', socket }))
  socket.on('error', error => end({ kind: 'failed', reason: errorCode(error) || error.message }))
  return () => {
    cancelTimer()
    socket.removeAllListeners().on('error', () => {})
    socket.destroy()
  }
}
