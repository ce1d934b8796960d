/**
 * One query to one server for an interactive user: a separate socket, from a chosen address if needed. Not for the
 * resolver, whose sockets are shared and counted (`net/upstream/udp.ts`, `net/upstream/tcp.ts`); the same rules say
 * what is a reply.
 *
 * Invariants: promises never reject; when they resolve the socket is closed.
 */
import { createSocket } from 'node:dgram'
import { connect, type Socket } from 'node:net'
import { frame, Framing } from '../dns/framing.ts'
import { idOf, isResponse, matchReply } from '../dns/wire.ts'
import type { ServerAddress } from '../ports.ts'
import { errorCode } from '../system/system-error.ts'

export interface QueryPath {
  readonly server: ServerAddress
  /** Null: the system chooses. */
  readonly from: { readonly address: string; readonly port: number } | null
  /** For a datagram in all; on a connection for each message. */
  readonly timeoutMs: number
}

export type Heard =
  | { readonly kind: 'reply'; readonly bytes: Uint8Array; readonly tookMs: number }
  | { readonly kind: 'timeout' }
  /** A reply to another question, or with another ID: it may be guessed at. */
  | { readonly kind: 'guessed' }
  | { readonly kind: 'refused'; readonly reason: string }

/** Asks with a datagram; that many replies that do not match (`spoofAttempts`) end it. */
export function askByDatagram(
  { server, from, timeoutMs }: QueryPath,
  query: Uint8Array,
  spoofAttempts: number,
): Promise<Heard> {
  return new Promise(resolve => {
    const socket = createSocket({ type: server.ip.family === 4 ? 'udp4' : 'udp6' })
    let startedAt = 0
    let wrong = 0
    const timer = setTimeout(() => end({ kind: 'timeout' }), timeoutMs)
    const end = (heard: Heard): void => {
      clearTimeout(timer)
      socket.removeAllListeners().on('error', () => {})
      socket.close()
      resolve(heard)
    }
    socket.on('error', error => end({ kind: 'refused', reason: errorCode(error) }))
    socket.on('message', bytes => {
      if (belongs(query, bytes))
        end({ kind: 'reply', bytes: Uint8Array.from(bytes), tookMs: performance.now() - startedAt })
      else if (isResponse(bytes, bytes.length) && ++wrong > spoofAttempts) end({ kind: 'guessed' })
    })
    const begin = (): void => {
      socket.connect(server.port, server.ip.text, (error?: Error) => {
        startedAt = performance.now()
        if (error === undefined) socket.send(query)
        else end({ kind: 'refused', reason: errorCode(error) })
      })
    }
    if (from === null) begin()
    else socket.bind({ address: from.address, port: from.port, exclusive: true }, begin)
  })
}

/** How a conversation over a connection ended. */
export type StreamEnd =
  | { readonly kind: 'done' | 'closed' | 'timeout' | 'too-long' | 'too-slow' }
  | { readonly kind: 'refused'; readonly reason: string }

/** Bounds of a long conversation. */
export interface StreamBounds {
  /** In all. */
  readonly totalMs: number
  /** In each stretch of `rateMs` at least that many octets come. */
  readonly rateBytes: number
  readonly rateMs: number
}

/** Makes a connection; `ready` or `failed` comes later, and `failed` also after `ready`. */
export type StreamDial = (
  path: QueryPath,
  user: { ready(socket: Socket): void; failed(reason: string): void },
) => StreamConnection

interface StreamConnection {
  close(): void
  /** What becomes of the socket is the business of who was given it. */
  handOver(): void
}

/** Over TCP. */
export const tcpDial: StreamDial = ({ server, from }, user) => {
  const socket = connect({
    host: server.ip.text,
    port: server.port,
    ...(from === null ? {} : { localAddress: from.address, localPort: from.port }),
  })
  const failed = (error: Error): void => user.failed(errorCode(error))
  socket.setNoDelay(true)
  socket.on('error', failed)
  socket.on('connect', () => user.ready(socket))
  return { close: () => void socket.destroy(), handOver: () => void socket.off('error', failed) }
}

/**
 * Asks over a connection; `onReply` says whether more messages belong to the answer. Others on it are passed over.
 */
export function askByStream(
  path: QueryPath,
  query: Uint8Array,
  onReply: (bytes: Uint8Array, tookMs: number) => 'more' | 'done',
  dial: StreamDial = tcpDial,
  bounds?: StreamBounds,
): Promise<StreamEnd> {
  return new Promise(resolve => {
    const framing = new Framing()
    let over = false
    let octets = 0
    const end = (result: StreamEnd): void => {
      if (over) return
      over = true
      clearTimeout(timer)
      clearTimeout(total)
      clearInterval(rate)
      connection.close()
      resolve(result)
    }
    const timer = setTimeout(() => end({ kind: 'timeout' }), path.timeoutMs)
    const total = bounds && setTimeout(() => end({ kind: 'too-long' }), bounds.totalMs)
    const rate =
      bounds &&
      setInterval(() => {
        if (octets < bounds.rateBytes) end({ kind: 'too-slow' })
        octets = 0
      }, bounds.rateMs)
    const connection = dial(path, {
      failed: reason => end({ kind: 'refused', reason }),
      ready(socket) {
        const startedAt = performance.now()
        socket.on('close', () => end({ kind: 'closed' }))
        socket.write(frame(query))
        socket.on('data', chunk => {
          timer.refresh()
          octets += chunk.length
          for (const message of framing.push(chunk)) {
            // The later messages of a transfer may come without their question (RFC 5936 section 2.2.1).
            if (over || !(belongs(query, message) || (hasNoQuestion(message) && idOf(message) === idOf(query))))
              continue
            if (onReply(message, performance.now() - startedAt) === 'done') end({ kind: 'done' })
          }
        })
      },
    })
  })
}

/** ID, opcode and question fit; the letters' case and what stands in the rest is for the reader to judge. */
function belongs(query: Uint8Array, bytes: Uint8Array): boolean {
  if (!isResponse(bytes, bytes.length) || idOf(bytes) !== idOf(query)) return false
  return hasNoQuestion(query) || matchReply(query, bytes) !== 'mismatch'
}

const hasNoQuestion = (bytes: Uint8Array): boolean => bytes[4] === 0 && bytes[5] === 0
