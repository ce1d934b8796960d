/**
 * Queries over UDP on Linux, moved in batches: sockets made by hand, threads that sleep in `recvmmsg` and answer what
 * they can at once, and this side, which gets the rest and sends its replies itself, in batches too, over the same
 * sockets (they belong to the process). To the rest of the program it is a listener like that of `net/listen/udp.ts`.
 *
 * Invariants: no error of a socket, a thread or the handler ends the process; the octets of a reply are copied before
 * `reply` returns; replies that the kernel has no room for wait in one batch, and beyond that are dropped and counted;
 * a descriptor is closed only when it is no longer in use, and never twice.
 */
import type { Limits } from '../../limits.ts'
import type { Client, Clock, EventSink, Serve } from '../../ports.ts'
import type { Handover } from './handover-ring.ts'
import { describeErrno, type Libc } from '../linux/libc.ts'
import type { ListenFailure, Listener } from '../listener.ts'
import { originPort } from '../linux/message-block.ts'
import { PeerAddresses } from './peer-addresses.ts'
import { ReplyBatch } from './reply-batch.ts'
import type { LoopSocket, Loss } from './loop.ts'
import type { InheritedSocket, InheritedSockets } from '../../system/inherited-sockets.ts'
import {
  adoptBareSocket,
  type BareSocket,
  endReceiving,
  openBareSocket,
  sameSocketAgain,
  shareSocket,
} from '../linux/udp-socket.ts'
import { StandIn } from './stand-in.ts'
import { ListenerThread } from './threads.ts'

export interface BatchOptions {
  readonly libc: Libc
  /** See `ThreadOptions`. */
  readonly entry: URL
  readonly program: (thread: number) => unknown
  readonly threads: number
  /** Sockets that were passed to this process. */
  readonly inherited?: InheritedSockets | undefined
  /** A thread reports a datagram that it answered; kind and value are defined by the handler. */
  readonly onHitReport: (kind: number, value: number, bytes: Uint8Array, client: Client) => void
  /** Datagrams that came to nothing on this side. */
  readonly onLost: (why: Loss, count: number) => void
}

export interface BatchUdpOptions extends BatchOptions {
  readonly onMessage: Serve
  readonly clock: Clock
  readonly limits: Pick<Limits, 'server'>
  readonly events: EventSink
}

export class BatchUdp {
  readonly #options: BatchUdpOptions
  readonly #threads: readonly ListenerThread[]
  readonly #listeners = new Map<number, BatchListener>()
  readonly #peers: PeerAddresses
  readonly #replies: ReplyBatch
  readonly #standIn: StandIn
  readonly #atExit = (): void => this.#stopAll()
  #nextId = 0
  #started = false

  constructor(options: BatchUdpOptions) {
    const { libc, clock, limits, entry, program, events } = options
    this.#options = options
    this.#peers = new PeerAddresses(limits.server.parsedClients)
    this.#threads = Array.from(
      { length: options.threads },
      (_, thread) =>
        new ListenerThread({
          libc,
          clock,
          limits: limits.server,
          entry,
          program: () => program(thread),
          onRecord: record => this.#take(record),
          onFinished: id => this.#listeners.get(id)?.finished(id),
          onError: (id, errno) => this.#listeners.get(id)?.onError(errno),
          onDown: () => this.#standIn.start(),
          onBug: error => events({ kind: 'bug', where: 'udp-thread', error, question: null }),
        }),
    )
    this.#replies = new ReplyBatch({
      libc,
      clock,
      limits: limits.server,
      onUnsent: count => options.onLost('unsent', count),
      onError: (id, errno) => this.#listeners.get(id)?.onError(errno),
    })
    this.#standIn = new StandIn({
      libc,
      limits: limits.server,
      unserved: () => this.#threads.flatMap(thread => thread.unserved()),
      onRecord: record => this.#take(record),
      onTooLarge: () => options.onLost('too-large', 1),
    })
    // A thread that sleeps in the kernel would hold up the end of the process.
    process.on('exit', this.#atExit)
  }

  /** Binds, one socket for each thread; clients are heard after `start`. */
  open(address: string, port: number): Listener | ListenFailure {
    const { libc, limits, events, inherited } = this.#options
    const passed = inherited?.take('datagram', address, port) ?? []
    if (passed.length > 0) return this.#adopt(address, passed)
    const sockets: BareSocket[] = []
    for (const thread of this.#threads.keys()) {
      const opened = openBareSocket({
        libc,
        address,
        port: sockets[0]?.port ?? port,
        joins: thread > 0,
        receiveBufferBytes: limits.server.udpReceiveBufferBytes,
        wakeMs: limits.server.threadWakeMs,
      })
      if (opened.kind === 'listen-failed') {
        for (const { fd } of sockets) libc.close(fd)
        return opened
      }
      if (thread === 0 && this.#threads.length > 1) shareSocket(libc, opened.fd)
      sockets.push(opened)
    }
    const gotBytes = Math.min(...sockets.map(socket => socket.receiveBufferBytes))
    const wantedBytes = limits.server.udpReceiveBufferBytes
    if (gotBytes < wantedBytes) events({ kind: 'receive-buffer-small', wantedBytes, gotBytes })
    return this.#add(address, sockets, false)
  }

  /**
   * Every socket that was passed is read, whatever the number of threads: among those of one address the kernel spreads
   * the clients. Threads without one of their own share the others'.
   */
  #adopt(address: string, passed: readonly InheritedSocket[]): Listener {
    const { libc, limits } = this.#options
    const { udpReceiveBufferBytes: receiveBufferBytes, threadWakeMs: wakeMs } = limits.server
    const fds = passed.map(({ fd }) => fd)
    for (let i = 0; fds.length < this.#threads.length; i++) fds.push(sameSocketAgain(libc, fds[i] ?? 0))
    return this.#add(
      address,
      fds.map(fd => adoptBareSocket({ libc, address, receiveBufferBytes, wakeMs }, fd)),
      true,
    )
  }

  /**
   * What has come is answered, and the threads begin; what comes until they have is answered too. Listeners can be
   * opened after this when it `grows`; waiting for a single socket is cheaper.
   */
  start(grows: boolean): void {
    this.#started = true
    for (const thread of this.#threads) thread.start(grows)
    this.#standIn.start()
    this.#replies.flush()
  }

  /** Every socket has its thread. */
  get isServed(): boolean {
    return this.#threads.every(thread => thread.unserved().length === 0)
  }

  /** New settings for the program of the threads: seen by each before it looks at its next datagram. */
  updateSettings(settings: unknown): void {
    for (const thread of this.#threads) thread.updateSettings(settings)
  }

  /** When all listeners are closed, or with them. */
  async close(): Promise<void> {
    process.off('exit', this.#atExit)
    await Promise.all([...new Set(this.#listeners.values())].map(listener => listener.close()))
    await Promise.all(this.#threads.map(thread => thread.end()))
    this.#standIn.stop()
    this.#replies.close()
  }

  #add(address: string, sockets: readonly BareSocket[], isShared: boolean): Listener {
    const { libc, events } = this.#options
    const mine = sockets.map(
      ({ fd, family, wildcard }): LoopSocket => ({
        id: this.#freeId(),
        fd,
        family,
        wildcard,
        at: { address, port: sockets[0]?.port ?? 0 },
        stop: new Int32Array(new SharedArrayBuffer(4)),
      }),
    )
    const threadOf = (place: number): ListenerThread | undefined => this.#threads[place % this.#threads.length]
    const listener = new BatchListener({
      libc,
      events,
      address,
      sockets: mine,
      isShared,
      port: sockets[0]?.port ?? 0,
      // A thread that has not begun cannot let go, but does not hold either.
      wake: id => threadOf(mine.findIndex(socket => socket.id === id))?.release(id),
      flush: socket => {
        this.#replies.flush()
        this.#replies.forget(socket)
      },
      onClosed: id => this.#listeners.delete(id),
    })
    for (const [thread, socket] of mine.entries()) {
      this.#listeners.set(socket.id, listener)
      threadOf(thread)?.add(socket)
    }
    if (this.#started) this.start(true)
    events({ kind: 'listening', transport: 'udp', address, port: listener.port })
    return listener
  }

  /** 16 bits, for the records of the ring. */
  #freeId(): number {
    do this.#nextId = (this.#nextId + 1) & 0xffff
    while (this.#listeners.has(this.#nextId))
    return this.#nextId
  }

  #stopAll(): void {
    for (const listener of this.#listeners.values()) listener.stop()
  }

  #take({ socket, kind, value, origin, bytes }: Handover): void {
    const listener = this.#listeners.get(socket)
    if (listener === undefined || (kind === 0 && listener.isStopped)) return
    const { family } = listener
    const ip = this.#peers.ipOf(origin, family)
    const client: Client = { ip, port: originPort(origin, 0), transport: 'udp', listener: listener.first.at }
    try {
      if (kind === 0)
        this.#options.onMessage(bytes, bytes.length, client, (reply, length) =>
          this.#reply(listener, origin, reply, length),
        )
      else this.#options.onHitReport(kind, value, bytes, client)
    } catch (error) {
      this.#options.events({ kind: 'bug', where: 'udp-listener', error, question: null })
    }
  }

  #reply(listener: BatchListener, origin: Uint32Array, reply: Uint8Array, length: number): void {
    const { udpReplyBytes } = this.#options.limits.server
    if (length === 0 || listener.isClosed) return
    if (length > udpReplyBytes)
      throw new RangeError(`a UDP reply of ${length} octets is above the limit of ${udpReplyBytes}`)
    this.#replies.add(listener.first, origin, reply, length)
  }
}

interface BatchListenerParts {
  readonly libc: Libc
  readonly events: EventSink
  readonly address: string
  readonly port: number
  readonly sockets: readonly LoopSocket[]
  /** Another process has them as well, or will. */
  readonly isShared: boolean
  readonly wake: (id: number) => void
  /** Sends what waits, and gives up what cannot be sent now. */
  readonly flush: (socket: LoopSocket) => void
  readonly onClosed: (id: number) => void
}

class BatchListener implements Listener {
  readonly kind = 'listener'
  readonly transport = 'udp'
  readonly address: string
  readonly port: number
  readonly family: 4 | 6
  /** The socket that replies of this side leave by; all of them have the same address. */
  readonly first: LoopSocket
  readonly #parts: BatchListenerParts
  readonly #held: Set<number>
  readonly #troubles = new Set<number>()
  readonly #whenLetGo: (() => void)[] = []
  #closing: Promise<void> | null = null
  #isShared: boolean
  isStopped = false
  isClosed = false

  constructor(parts: BatchListenerParts) {
    const [first] = parts.sockets
    if (first === undefined) throw new RangeError('a listener without sockets')
    this.#parts = parts
    this.#isShared = parts.isShared
    this.address = parts.address
    this.port = parts.port
    this.first = first
    this.family = first.family
    this.#held = new Set(parts.sockets.map(({ id }) => id))
  }

  descriptors(): readonly number[] {
    return this.#parts.sockets.map(({ fd }) => fd)
  }

  /** A thread that waits in the kernel sees it after `threadWakeMs` at the latest, and answers until then. */
  async leave(): Promise<void> {
    this.#isShared = true
    this.#letGo()
    await this.#allFinished()
  }

  stop(): void {
    if (this.isStopped) return
    this.isStopped = true
    this.#letGo()
  }

  /** Ending the reception would end it for everybody who has the socket. */
  #letGo(): void {
    const { libc, sockets, wake } = this.#parts
    for (const { id, fd, stop } of sockets) {
      Atomics.store(stop, 0, 1)
      if (!this.#isShared) endReceiving(libc, fd)
      if (this.#held.has(id)) wake(id)
    }
  }

  #allFinished(): Promise<void> {
    if (this.#held.size === 0) return Promise.resolve()
    return new Promise(resolve => this.#whenLetGo.push(resolve))
  }

  /** Replies given after this go nowhere: the caller waits for its work before. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.stop()
    this.#parts.flush(this.first)
    this.isClosed = true
    await this.#allFinished()
    for (const { id, fd } of this.#parts.sockets) {
      this.#parts.libc.close(fd)
      this.#parts.onClosed(id)
    }
  }

  finished(id: number): void {
    this.#held.delete(id)
    if (this.#held.size === 0) for (const tell of this.#whenLetGo.splice(0)) tell()
  }

  /** An error of a datagram or of the interface. The socket stays open; the same error is reported once. */
  onError(errno: number): void {
    if (this.#troubles.has(errno)) return
    this.#troubles.add(errno)
    const { code, message } = describeErrno(errno)
    this.#parts.events({
      kind: 'listener-failed',
      transport: 'udp',
      address: this.address,
      port: this.port,
      code,
      message,
    })
  }
}
