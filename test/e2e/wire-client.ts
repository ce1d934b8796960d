/** Octets out, octets in: what dig can't be made to send. */
import { createSocket } from 'node:dgram'
import { connect } from 'node:net'
import { Framing, frame } from '../../src/dns/framing.ts'
import type { Endpoint } from './dig.ts'
import { CONDITION_MS } from '../patience.mjs'

/** The first datagram that comes back; null when none comes within `limitMs`. */
export function askUdp(
  server: Endpoint,
  bytes: Uint8Array,
  limitMs: number = CONDITION_MS,
): Promise<Uint8Array | null> {
  const socket = createSocket('udp4')
  return new Promise((resolve, reject) => {
    const finish = (reply: Uint8Array | null): void => {
      clearTimeout(timer)
      socket.close(() => resolve(reply))
    }
    const timer = setTimeout(finish, limitMs, null)
    socket.on('error', reject)
    socket.on('message', finish)
    socket.send(bytes, server.port, server.address)
  })
}

/** Sends all `messages` at once on one connection and gives the replies in the order in which they came. */
export function askTcp(server: Endpoint, messages: readonly Uint8Array[]): Promise<readonly Uint8Array[]> {
  const socket = connect(server.port, server.address)
  const framing = new Framing()
  const replies: Uint8Array[] = []
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => socket.destroy(new Error(`${replies.length} of ${messages.length} replies came`)),
      CONDITION_MS,
    )
    socket.on('error', reject)
    socket.on('close', () => {
      clearTimeout(timer)
      resolve(replies)
    })
    socket.on('data', chunk => {
      replies.push(...framing.push(chunk))
      if (replies.length === messages.length) socket.end()
    })
    socket.write(Buffer.concat(messages.map(frame)))
  })
}
