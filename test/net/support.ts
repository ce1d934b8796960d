/**
 * Messages made by hand, servers and clients on real loopback sockets. Everything opened here is closed by `cleanUp`.
 */
import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram'
import { connect, createServer, type Socket } from 'node:net'
import { parseIp } from '../../src/dns/address.ts'
import { frame, Framing } from '../../src/dns/framing.ts'
import type { Event } from '../../src/events.ts'
import { type ExchangeResult, type ServerAddress, serverAddress } from '../../src/ports.ts'
import { CONDITION_MS } from '../patience.mjs'

const closers: (() => unknown)[] = []

/** For `afterEach`. */
export async function cleanUp(): Promise<void> {
  for (const close of closers.splice(0).reverse()) await close()
}

export const atEnd = (close: () => unknown): void => {
  closers.push(close)
}

// --- messages

const nameOctets = (name: string): number[] => [
  ...name
    .split('.')
    .filter(l => l !== '')
    .flatMap(l => [l.length, ...Buffer.from(l)]),
  0,
]

export interface QueryShape {
  readonly id?: number
  readonly name?: string
  readonly type?: number
}

export function query({ id = 0x1234, name = 'www.example.com', type = 1 }: QueryShape = {}): Uint8Array {
  return Uint8Array.from([
    id >> 8,
    id & 0xff,
    0x01,
    0,
    0,
    1,
    0,
    0,
    0,
    0,
    0,
    0,
    ...nameOctets(name),
    type >> 8,
    type & 0xff,
    0,
    1,
  ])
}

/** A right answer to a query made above: one A record, or `octets` of TXT in pieces of 255. */
export function answer(asked: Uint8Array, octets = 0): Uint8Array {
  const reply = [...asked]
  reply[2] = 0x85
  reply[7] = 1
  if (octets === 0) return Uint8Array.from([...reply, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1])
  const text = new Uint8Array(Math.ceil(octets / 256) * 256).fill(0x61)
  for (let at = 0; at < text.length; at += 256) text[at] = 255
  const fixed = [0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 60, text.length >> 8, text.length & 0xff]
  return new Uint8Array(Buffer.concat([Uint8Array.from(reply), Uint8Array.from(fixed), text]))
}

/** A copy with some octets changed. */
export function patched(message: Uint8Array, changes: Readonly<Record<number, number>>): Uint8Array {
  const copy = Uint8Array.from(message)
  for (const [at, value] of Object.entries(changes)) copy[Number(at)] = value
  return copy
}

export const idIn = (message: Uint8Array): number => ((message[0] ?? 0) << 8) | (message[1] ?? 0)
/** The first label of the question. */
export const labelIn = (message: Uint8Array): string =>
  Buffer.from(message.subarray(13, 13 + (message[12] ?? 0))).toString('latin1')

/** Only Linux has all of 127.0.0.0/8 without being told. */
export const manyLoopbacks = process.platform === 'linux'

// --- waiting

/** Waits until `ready` holds, turning the loop; fails when it never does. */
export async function until(ready: () => boolean, what = 'the condition'): Promise<void> {
  const started = performance.now()
  while (!ready()) {
    if (performance.now() - started > CONDITION_MS)
      throw new Error(`${what} did not come true within ${CONDITION_MS} ms`)
    await new Promise<void>(resolve => setImmediate(resolve))
  }
}

/** Lets everything that is on its way through the loopback arrive. */
export async function settle(turns = 30): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise<void>(resolve => setImmediate(resolve))
}

export const eventsInto =
  (events: Event[]) =>
  (event: Event): void => {
    events.push(event)
  }

export function resultOf(start: (done: (result: ExchangeResult) => void) => unknown): Promise<ExchangeResult> {
  return new Promise(resolve => {
    start(resolve)
  })
}

// --- servers

export const addressOf = (port: number, ip = '127.0.0.1'): ServerAddress => {
  const parsed = parseIp(ip)
  if (parsed === null) throw new Error(`no address: ${ip}`)
  return serverAddress(parsed, port)
}

export interface UdpServer {
  readonly server: ServerAddress
  readonly socket: UdpSocket
  readonly seen: { readonly query: Uint8Array; readonly port: number }[]
}

type UdpHandler = (query: Uint8Array, send: (reply: Uint8Array) => void, from: RemoteInfo) => void

/** An authoritative server of sorts. */
export async function udpServer(handle: UdpHandler, ip = '127.0.0.1'): Promise<UdpServer> {
  const socket = createSocket('udp4')
  const seen: { query: Uint8Array; port: number }[] = []
  socket.on('message', (bytes, from) => {
    seen.push({ query: bytes, port: from.port })
    handle(bytes, reply => socket.send(reply, from.port, from.address), from)
  })
  await new Promise<void>(resolve => {
    socket.bind(0, ip, resolve)
  })
  atEnd(() => new Promise<void>(resolve => socket.close(() => resolve())))
  return { server: addressOf(socket.address().port, ip), socket, seen }
}

export interface TcpServer {
  readonly server: ServerAddress
  readonly connections: Socket[]
  readonly seen: Uint8Array[]
}

/** A server over TCP; `handle` gets each query with its connection and the number of that query on it, from 0. */
export async function tcpServer(
  handle: (query: Uint8Array, socket: Socket, index: number) => void,
): Promise<TcpServer> {
  const connections: Socket[] = []
  const seen: Uint8Array[] = []
  const listening = createServer(socket => {
    connections.push(socket)
    const framing = new Framing()
    let index = 0
    socket.on('error', () => {})
    socket.on('data', chunk => {
      for (const message of framing.push(chunk)) {
        seen.push(message)
        handle(message, socket, index++)
      }
    })
  })
  await new Promise<void>(resolve => {
    listening.listen(0, '127.0.0.1', resolve)
  })
  atEnd(() => {
    for (const socket of connections) socket.destroy()
    return new Promise<void>(resolve => listening.close(() => resolve()))
  })
  const bound = listening.address()
  return { server: addressOf(typeof bound === 'object' && bound !== null ? bound.port : 0), connections, seen }
}

// --- clients

export interface TcpClient {
  readonly socket: Socket
  readonly messages: Uint8Array[]
  readonly state: { ended: boolean; closed: boolean }
  send(...messages: readonly Uint8Array[]): void
}

export async function tcpClient(
  port: number,
  options: { readonly to?: string; readonly from?: string; readonly reads?: boolean } = {},
): Promise<TcpClient> {
  const { to = '127.0.0.1', from = to.includes(':') ? '::1' : '127.0.0.1', reads = true } = options
  const socket = connect({ host: to, port, localAddress: from, noDelay: true })
  const framing = new Framing()
  const messages: Uint8Array[] = []
  const state = { ended: false, closed: false }
  socket.on('error', () => {})
  socket.on('end', () => {
    state.ended = true
  })
  socket.on('close', () => {
    state.closed = true
  })
  if (reads) socket.on('data', chunk => messages.push(...framing.push(chunk)))
  atEnd(() => socket.destroy())
  await new Promise<void>(resolve => {
    socket.once('connect', resolve)
    socket.once('close', () => resolve())
  })
  return { socket, messages, state, send: (...all) => socket.write(Buffer.concat(all.map(m => frame(m)))) }
}

export interface UdpClient {
  readonly socket: UdpSocket
  readonly messages: Uint8Array[]
}

/** A socket connected to one address: it hears replies from that address only. */
export async function udpClient(port: number, to = '127.0.0.1'): Promise<UdpClient> {
  const socket = createSocket(to.includes(':') ? 'udp6' : 'udp4')
  const messages: Uint8Array[] = []
  socket.on('error', () => {})
  socket.on('message', bytes => messages.push(bytes))
  await new Promise<void>(resolve => {
    socket.connect(port, to, () => resolve())
  })
  atEnd(() => socket.close())
  return { socket, messages }
}
