/**
 * A name server whose every reply is made by the test, over UDP and TCP on one port. Nothing is checked: it may lie.
 */
import { createSocket } from 'node:dgram'
import { createServer, type Socket } from 'node:net'
import { decodeMessage } from '../../src/dns/decode.ts'
import { encodeMessage } from '../../src/dns/encode.ts'
import { frame, Framing } from '../../src/dns/framing.ts'
import type { Message } from '../../src/dns/message.ts'
import { parseRr } from '../../src/presentation/rr-text.ts'
import type { Rr } from '../../src/dns/rrset.ts'

export interface Canned {
  readonly port: number
  readonly seen: readonly {
    readonly message: Message
    readonly bytes: Uint8Array
    readonly from: string
    readonly tcp: boolean
  }[]
  close(): Promise<void>
}

/** A message with what is given, or octets as they are; `close` ends the connection. */
export type CannedReply = Partial<Message> | Uint8Array | 'close'

export const rr = (text: string): Rr => {
  const read = parseRr(text)
  if ('error' in read) throw new Error(read.error)
  return read
}

export async function startCanned(answer: (query: Message, tcp: boolean) => readonly CannedReply[]): Promise<Canned> {
  const seen: Canned['seen'][number][] = []
  const connections = new Set<Socket>()
  const take = (bytes: Uint8Array, from: string, tcp: boolean): readonly (Uint8Array | 'close')[] => {
    const decoded = decodeMessage(bytes)
    if (decoded.kind !== 'message') throw new Error(decoded.why)
    const { message } = decoded
    seen.push({ message, bytes: Uint8Array.from(bytes), from, tcp })
    return answer(message, tcp).map(reply => {
      if (reply === 'close' || reply instanceof Uint8Array) return reply
      const whole: Message = { ...message, response: true, authority: [], additional: [], edns: null, ...reply }
      return encodeMessage(whole, { maxBytes: 65_535 }).bytes
    })
  }
  const tcp = createServer(socket => {
    const framing = new Framing()
    connections.add(socket.on('error', () => {}))
    socket.on('data', chunk => {
      for (const message of framing.push(chunk))
        for (const reply of take(message, socket.remoteAddress ?? '', true))
          reply === 'close' ? socket.end() : socket.write(frame(reply))
    })
  })
  await new Promise<void>(resolve => void tcp.listen(0, '127.0.0.1', resolve))
  const address = tcp.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const udp = createSocket('udp4')
  udp.on('message', (bytes, { address: from, port: back }) => {
    for (const reply of take(bytes, from, false)) if (reply !== 'close') udp.send(reply, back, from)
  })
  await new Promise<void>(resolve => void udp.bind(port, '127.0.0.1', resolve))
  return {
    port,
    seen,
    close: async () => {
      for (const socket of connections) socket.destroy()
      await Promise.all([
        new Promise<void>(done => void udp.close(done)),
        new Promise<void>(done => void tcp.close(() => done())),
      ])
    },
  }
}
