/**
 * Sockets to servers as bare descriptors, for Linux with koffi: three system calls for an exchange and none of the
 * objects that `node:dgram` makes for it. All lie in one epoll set (epoll(7)), and Node.js's own loop watches the set:
 * it is readable when any of them is, so no thread waits and none is woken. Measured with 200 in flight: 8 us an
 * exchange against 13.
 *
 * Invariants: those of `udp-sockets.ts`; nothing here ever waits; received octets are copied out before the next
 * datagram is read; the process is kept alive exactly as long as a socket is open.
 */
import type { ServerAddress } from '../../ports.ts'
import { EAGAIN, EINTR, MSG_DONTWAIT } from '../linux/flags.ts'
import { describeErrno, type Libc, type Watch } from '../linux/libc.ts'
import {
  AF_INET,
  AF_INET6,
  NAME_OCTETS,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  writeSocketName,
} from '../linux/socket-name.ts'
import { bindRandomly } from './source-ports.ts'
import type { OpenedSocket, SocketParts, SocketUser, UpstreamSocket, UpstreamSockets } from './udp-sockets.ts'

type EpollLibc = Pick<
  Libc,
  | 'addressOf'
  | 'socket'
  | 'setsockopt'
  | 'bind'
  | 'connect'
  | 'send'
  | 'recv'
  | 'close'
  | 'epollCreate'
  | 'epollControl'
  | 'epollWait'
  | 'watch'
>

const EPOLL_CLOEXEC = 0o2000000
const EPOLL_CTL_ADD = 1
/** Errors are reported whether asked for or not. */
const EPOLLIN = 1
const IPPROTO_IPV6 = 41
const IPV6_V6ONLY = 26
const INT_OCTETS = 4
/** No datagram is larger (RFC 768: a length of 16 bits). */
const DATAGRAM_OCTETS = 65_535
/** Events asked for with one call. */
const EVENTS = 64
/**
 * Replies are copied into blocks of this size, so that not each allocates its own ArrayBuffer. What is kept of a reply
 * is copied out of it: none holds a block for long.
 */
const BLOCK_OCTETS = 8_192
/** Whole words, so that none shares one with the next. */
const ALIGNMENT = 8

/** struct epoll_event is packed on x64 and nowhere else (epoll_event(3type)). */
const eventLayout = (): { readonly octets: number; readonly dataAt: number } =>
  process.arch === 'x64' ? { octets: 12, dataAt: 4 } : { octets: 16, dataAt: 8 }

/** Memory that system calls read and write. */
class Shared {
  readonly bytes: Uint8Array
  readonly view: DataView
  readonly at: number

  constructor(libc: EpollLibc, octets: number) {
    this.bytes = new Uint8Array(new ArrayBuffer(octets))
    this.view = new DataView(this.bytes.buffer)
    this.at = libc.addressOf(this.bytes)
  }
}

interface EpollSet {
  readonly fd: number
  readonly watch: Watch
}

export class EpollSockets implements UpstreamSockets {
  readonly #libc: EpollLibc
  readonly #parts: SocketParts
  readonly #layout = eventLayout()
  readonly #events: Shared
  readonly #incoming: Shared
  readonly #outgoing: Shared
  /** Arguments of `bind`, `connect`, `setsockopt` and `epoll_ctl`, one after the other. */
  readonly #argument: Shared
  /** By descriptor. */
  readonly #open: (EpollSocket | undefined)[] = []
  #openCount = 0
  #set: EpollSet | null = null
  #block = new ArrayBuffer(0)
  #blockUsed = 0

  constructor(libc: EpollLibc, parts: SocketParts) {
    this.#libc = libc
    this.#parts = parts
    this.#events = new Shared(libc, EVENTS * this.#layout.octets)
    this.#incoming = new Shared(libc, DATAGRAM_OCTETS)
    this.#outgoing = new Shared(libc, DATAGRAM_OCTETS)
    this.#argument = new Shared(libc, NAME_OCTETS[6])
  }

  open(server: ServerAddress, user: SocketUser): OpenedSocket {
    const set = this.#makeSet()
    if (typeof set === 'number') return failure(set)
    const fd = this.#libc.socket(
      server.ip.family === 4 ? AF_INET : AF_INET6,
      SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
      0,
    )
    if (fd < 0) return failure(fd)
    const code = this.#bindAndConnect(fd, server) || this.#register(set, fd)
    if (code !== '') {
      this.#libc.close(fd)
      return { kind: 'failed', code }
    }
    const socket = new EpollSocket(fd, user, this.#send, this.#close)
    this.#open[fd] = socket
    if (this.#openCount++ === 0) set.watch.ref()
    return { kind: 'socket', socket }
  }

  close(): void {
    const set = this.#set
    if (set === null) return
    this.#set = null
    set.watch.close()
    this.#libc.close(set.fd)
  }

  /** Made with the first socket: who never asks a server needs none. */
  #makeSet(): EpollSet | number {
    if (this.#set !== null) return this.#set
    const fd = this.#libc.epollCreate(EPOLL_CLOEXEC)
    if (fd < 0) return fd
    try {
      const watch = this.#libc.watch(fd, () => this.#drain())
      watch.unref()
      this.#set = { fd, watch }
      return this.#set
    } catch (error) {
      // Tried again with the next query: a descriptor leaked each time would use up those of the process.
      this.#libc.close(fd)
      throw error
    }
  }

  #bindAndConnect(fd: number, { ip, port }: ServerAddress): string {
    const { view, at } = this.#argument
    const { random, limits } = this.#parts
    const octets = NAME_OCTETS[ip.family]
    if (ip.family === 6) {
      view.setInt32(0, 1, true)
      this.#libc.setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, at, INT_OCTETS)
    }
    const code = bindRandomly(random, limits.portTries, source => {
      writeSocketName(view, ip.family, [], source)
      return codeOf(this.#libc.bind(fd, at, octets))
    })
    if (code !== '') return code
    writeSocketName(view, ip.family, ip.bytes, port)
    return codeOf(this.#libc.connect(fd, at, octets))
  }

  #register({ fd: epoll }: EpollSet, fd: number): string {
    const { view, at } = this.#argument
    view.setUint32(0, EPOLLIN, true)
    view.setInt32(this.#layout.dataAt, fd, true)
    return codeOf(this.#libc.epollControl(epoll, EPOLL_CTL_ADD, fd, at))
  }

  readonly #send = (socket: EpollSocket, query: Uint8Array): void => {
    this.#outgoing.bytes.set(query)
    const sent = this.#libc.send(socket.fd, this.#outgoing.at, query.length, MSG_DONTWAIT)
    if (sent >= 0) return
    // No room for a datagram of a socket that has none on its way is no room at all.
    const code = sent === -EAGAIN ? 'ENOBUFS' : codeOf(sent)
    queueMicrotask(() => socket.fail(code))
  }

  readonly #close = (socket: EpollSocket): void => {
    this.#open[socket.fd] = undefined
    // Which takes it out of the set (epoll(7), question 6).
    this.#libc.close(socket.fd)
    if (--this.#openCount === 0) this.#set?.watch.unref()
  }

  /** What is left over makes the set readable again in the next turn. */
  #drain(): void {
    let left = this.#parts.limits.receivedTogether
    while (this.#set !== null && left > 0) {
      const ready = this.#libc.epollWait(this.#set.fd, this.#events.at, EVENTS, 0)
      for (let i = 0; i < ready; i++) {
        // Closed by what came before it in this round, or closed and its number taken by another, of which nothing can
        // be read yet.
        const socket = this.#open[this.#events.view.getInt32(i * this.#layout.octets + this.#layout.dataAt, true)]
        // Those that are left when the bound is reached get one read: what comes first in each round would starve them
        // otherwise.
        if (socket !== undefined)
          left -= this.#read(socket, Math.max(1, Math.min(left, this.#parts.limits.receivedOfOne)))
      }
      if (ready < EVENTS) return
    }
  }

  /** Gives how often it read, `most` at most. Reading stops at a reply; after unwanted datagrams one may follow. */
  #read(socket: EpollSocket, max: number): number {
    for (let reads = 1; ; reads++) {
      const octets = this.#libc.recv(socket.fd, this.#incoming.at, DATAGRAM_OCTETS, MSG_DONTWAIT)
      if (octets < 0) {
        if (octets !== -EAGAIN && octets !== -EINTR) socket.fail(codeOf(octets))
        return reads
      }
      if (!socket.receive(this.#copy(octets)) || reads >= max) return reads
    }
  }

  #copy(octets: number): Uint8Array {
    const received = this.#incoming.bytes.subarray(0, octets)
    if (octets > BLOCK_OCTETS) return received.slice()
    if (this.#blockUsed + octets > this.#block.byteLength) {
      this.#block = new ArrayBuffer(BLOCK_OCTETS)
      this.#blockUsed = 0
    }
    const copy = new Uint8Array(this.#block, this.#blockUsed, octets)
    this.#blockUsed += Math.ceil(octets / ALIGNMENT) * ALIGNMENT
    copy.set(received)
    return copy
  }
}

class EpollSocket implements UpstreamSocket {
  readonly fd: number
  readonly #user: SocketUser
  readonly #send: (socket: EpollSocket, query: Uint8Array) => void
  readonly #close: (socket: EpollSocket) => void
  #closed = false

  constructor(
    fd: number,
    user: SocketUser,
    send: (socket: EpollSocket, query: Uint8Array) => void,
    close: (socket: EpollSocket) => void,
  ) {
    this.fd = fd
    this.#user = user
    this.#send = send
    this.#close = close
  }

  send(query: Uint8Array): void {
    if (!this.#closed) this.#send(this, query)
  }

  /** Gives whether to read on. */
  receive(bytes: Uint8Array): boolean {
    return this.#user.received(bytes) && !this.#closed
  }

  fail(code: string): void {
    if (!this.#closed) this.#user.failed(code)
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#close(this)
  }
}

/** An empty string for success. */
const codeOf = (result: number): string => (result < 0 ? describeErrno(-result).code : '')

const failure = (result: number): OpenedSocket => ({ kind: 'failed', code: codeOf(result) })
