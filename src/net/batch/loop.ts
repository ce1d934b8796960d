/**
 * What a listener thread does all day: waits for datagrams, up to a batch of them with one system call, has each looked
 * at, sends the replies that could be given at once with another, and hands the rest to the main thread. It knows
 * nothing of DNS but the one bit of `mayBeQuery`; what a datagram means its handler knows.
 *
 * Invariants: it sleeps in the kernel while there is nothing to do; nothing is allocated for a datagram; a datagram
 * that makes the handler throw costs that datagram; a socket whose `stop` is set is not used after `finished`.
 */
import { bugText } from '../../events.ts'
import { emptyPollSet, type PollSet } from '../linux/poll-set.ts'
import { EAGAIN, EINTR, MSG_DONTWAIT, MSG_TRUNC, MSG_WAITFORONE } from '../linux/flags.ts'
import type { Libc } from '../linux/libc.ts'
import { HEADER_OCTETS, MessageBlock, originPort } from '../linux/message-block.ts'
import type { RingWriter } from './handover-ring.ts'
import { mayBeQuery } from '../datagram.ts'

/** `take` gives this for a datagram that the main thread is to answer. */
export const HAND_OVER = -1

/** Why a datagram came to nothing here. */
export type Loss = 'too-large' | 'no-room' | 'unsent' | 'unreported'

/** What decides about datagrams, in the thread. */
export interface DatagramHandler {
  /** New ones from the main thread. */
  updateSettings(settings: unknown): void
  /** Before a batch, of one socket. */
  begin(socket: Pick<LoopSocket, 'id' | 'at'>): void
  /**
   * A datagram: the first `length` octets of `query`, whose sender is described at `peers[peerAt]` (see
   * `net/linux/message-block.ts`). Gives the octets of the reply that it wrote into `out` from `outAt` on, at most what
   * there is room for; 0 when there is none to be sent; or `HAND_OVER`.
   */
  take(
    query: Uint8Array,
    length: number,
    peers: Uint32Array,
    peerAt: number,
    family: 4 | 6,
    out: Uint8Array,
    outAt: number,
  ): number
  /** A kind above 0 when the main thread should hear of the datagram that was just answered, and what belongs to it. */
  readonly note: number
  readonly reportValue: number
  lost(why: Loss, count: number): void
}

export interface LoopSocket {
  /** 0 to 65,535, of this socket alone while it is open. */
  readonly id: number
  readonly fd: number
  readonly family: 4 | 6
  readonly wildcard: boolean
  /** What it is bound to. */
  readonly at: { readonly address: string; readonly port: number }
  /** Becomes 1 when the socket is to be let go. */
  readonly stop: Int32Array
}

/** Messages from the loop to the main thread, apart from datagrams. */
export type LoopMessage =
  /** There is something in the ring. */
  | { readonly kind: 'bell' }
  /** It is at the sockets from now on. */
  | { readonly kind: 'serving' }
  | { readonly kind: 'finished'; readonly socket: number }
  | { readonly kind: 'trouble'; readonly socket: number; readonly errno: number }
  | { readonly kind: 'bug'; readonly text: string }

export interface LoopOptions {
  readonly libc: Libc
  readonly handler: DatagramHandler
  /** Datagrams that the main thread is to answer. */
  readonly ring: RingWriter
  /** Reports of those answered here, which keep none of the others out. */
  readonly reports: RingWriter
  readonly sockets: readonly LoopSocket[]
  /** See `SETTINGS` and the others below. */
  readonly control: Int32Array
  /**
   * A descriptor that becomes readable when `control` says something new and sockets may be added; -1 when they never
   * are.
   */
  readonly wakeFd: number
  readonly shape: {
    readonly batch: number
    readonly queryOctets: number
    readonly replyOctets: number
    readonly wakeMs: number
  }
  readonly news: () => LoopUpdate
  readonly tell: (message: LoopMessage) => void
}

/** What came from the main thread since the last time. */
export interface LoopUpdate {
  /** The latest; undefined when there are none. */
  readonly settings: unknown
  readonly added: readonly LoopSocket[]
}

/**
 * Words of the control memory: counts up with each piece of news; 1 while the main thread knows of what is in the ring;
 * 1 to end.
 */
export const NEWS = 0
export const BELL = 1
export const END = 2
export const CONTROL_WORDS = 16

/**
 * A socket that gives nothing but errors would be asked for ever: then the thread ends and is restarted after a pause.
 */
const ERRORS_IN_A_ROW = 100

/** Returns when `END` is set, or when it has no sockets left and cannot get others. */
export function runLoop(options: LoopOptions): void {
  new DatagramLoop(options).run()
}

/**
 * What the `i`-th datagram of a received batch is: a query for the handler, one that did not fit into its room, or
 * nothing that could be answered. Of a query to a wildcard socket the local address is made that of its reply.
 */
export function arrivalOf(
  block: MessageBlock,
  i: number,
  query: Uint8Array,
  { family, wildcard }: Pick<LoopSocket, 'family' | 'wildcard'>,
): 'query' | 'too-large' | 'nothing' {
  if (block.nameLength(i) === 0) return 'nothing'
  if ((block.flags(i) & MSG_TRUNC) !== 0) return 'too-large'
  if (!mayBeQuery(query, block.length(i), originPort(block.words, block.originWord(i)))) return 'nothing'
  // Without the local address a reply would leave from any, and the client would not take it.
  return wildcard && !block.turnControl(i, family) ? 'nothing' : 'query'
}

class DatagramLoop {
  readonly #options: LoopOptions
  readonly #libc: Libc
  readonly #handler: DatagramHandler
  readonly #received: MessageBlock
  readonly #sent: MessageBlock
  readonly #views: readonly Uint8Array[]
  readonly #troubles = new Set<string>()
  #sockets: readonly LoopSocket[]
  #polled: PollSet
  #news = 0
  #replies = 0
  #handedOver = false
  #errors = 0

  constructor(options: LoopOptions) {
    const { libc, shape } = options
    this.#options = options
    this.#libc = libc
    this.#handler = options.handler
    this.#received = new MessageBlock({ libc, count: shape.batch, octets: shape.queryOctets })
    this.#sent = new MessageBlock({ libc, count: shape.batch, octets: shape.replyOctets })
    this.#views = Array.from({ length: shape.batch }, (_, i) => this.#received.view(i))
    this.#sockets = options.sockets
    this.#polled = emptyPollSet(libc)
  }

  run(): void {
    const { control, wakeFd } = this.#options
    this.#poll()
    for (;;) {
      if (Atomics.load(control, END) === 1 || (this.#sockets.length === 0 && wakeFd < 0)) return
      const [only] = this.#sockets
      // One socket alone is waited for in the call that also receives.
      if (wakeFd < 0 && this.#sockets.length === 1 && only !== undefined) this.#serve(only, MSG_WAITFORONE)
      else this.#wait()
    }
  }

  #wait(): void {
    const { shape } = this.#options
    // Both change when sockets come and go, which happens in the midst of this.
    const polled = this.#polled
    const sockets = this.#sockets
    polled.wait(shape.wakeMs)
    polled.drainWake()
    this.#catchUp()
    for (let i = 0; i < sockets.length; i++) {
      const socket = sockets[i]
      if (socket !== undefined && polled.isReady(i)) this.#serve(socket, MSG_DONTWAIT)
    }
  }

  #poll(): void {
    this.#polled = this.#polled.with(
      this.#sockets.map(({ fd }) => fd),
      this.#options.wakeFd,
    )
  }

  /** One batch. */
  #serve(socket: LoopSocket, flags: number): void {
    const { shape } = this.#options
    const block = this.#received
    block.prepare(shape.batch, socket.wildcard)
    const count = this.#libc.recvmmsg(socket.fd, block.address, shape.batch, flags, 0)
    const isLast = Atomics.load(socket.stop, 0) === 1
    if (count > 0) this.#answer(socket, count)
    else if (!isLast) this.#receivedNothing(socket, -count)
    // What was taken out of the socket is nowhere else: it is answered first.
    if (isLast) this.#finish(socket)
  }

  #answer(socket: LoopSocket, count: number): void {
    const { control } = this.#options
    this.#errors = 0
    this.#catchUp()
    this.#handler.begin(socket)
    for (let i = 0; i < count; i++) this.#take(socket, i)
    if (this.#replies > 0) this.#send(socket)
    if (!this.#handedOver) return
    this.#handedOver = false
    if (Atomics.exchange(control, BELL, 1) === 0) this.#options.tell({ kind: 'bell' })
  }

  #take(socket: LoopSocket, i: number): void {
    const { family, wildcard } = socket
    const handler = this.#handler
    const block = this.#received
    const sent = this.#sent
    const at = block.originWord(i)
    const query = this.#views[i]
    const length = block.length(i)
    if (query === undefined) return
    const arrived = arrivalOf(block, i, query, socket)
    if (arrived === 'too-large') handler.lost('too-large', 1)
    if (arrived !== 'query') return
    try {
      const octets = handler.take(query, length, block.words, at, family, sent.octets, sent.dataAt(this.#replies))
      if (octets === HAND_OVER) this.#handOver(socket, i)
      else {
        if (octets > 0) sent.aim(this.#replies++, octets, block.words, at, family, wildcard)
        if (handler.note > 0) this.#report(socket, i)
      }
    } catch (error) {
      this.#options.tell({ kind: 'bug', text: bugText(error) })
    }
  }

  #handOver(socket: LoopSocket, i: number): void {
    if (this.#put(this.#options.ring, socket, 0, 0, i)) this.#handedOver = true
    else this.#handler.lost('no-room', 1)
  }

  #report(socket: LoopSocket, i: number): void {
    const { note, reportValue } = this.#handler
    if (this.#put(this.#options.reports, socket, note, reportValue, i)) this.#handedOver = true
    else this.#handler.lost('unreported', 1)
  }

  #put(ring: RingWriter, socket: LoopSocket, kind: number, value: number, i: number): boolean {
    const block = this.#received
    const query = this.#views[i]
    return (
      query !== undefined && ring.put(socket.id, kind, value, block.words, block.originWord(i), query, block.length(i))
    )
  }

  #send(socket: LoopSocket): void {
    const count = this.#replies
    this.#replies = 0
    for (let done = 0; done < count; ) {
      const sent = this.#libc.sendmmsg(socket.fd, this.#sent.address + done * HEADER_OCTETS, count - done, MSG_DONTWAIT)
      if (sent > 0) done += sent
      else if (sent === -EAGAIN) {
        // The link takes no more; the client will retry, and a waiting reply would delay all after it.
        this.#handler.lost('unsent', count - done)
        return
      } else if (sent !== -EINTR) {
        this.#reportError(socket, -sent)
        this.#handler.lost('unsent', 1)
        done++
      }
    }
  }

  #receivedNothing(socket: LoopSocket, errno: number): void {
    if (errno === EAGAIN || errno === EINTR) return
    this.#reportError(socket, errno)
    if (++this.#errors > ERRORS_IN_A_ROW) throw new Error(`recvmmsg fails with errno ${errno}`)
  }

  /** The same error of a socket is reported once. */
  #reportError(socket: LoopSocket, errno: number): void {
    const key = `${socket.id} ${errno}`
    if (this.#troubles.has(key)) return
    this.#troubles.add(key)
    this.#options.tell({ kind: 'trouble', socket: socket.id, errno })
  }

  #finish(socket: LoopSocket): void {
    this.#sockets = this.#sockets.filter(other => other !== socket)
    this.#poll()
    this.#options.tell({ kind: 'finished', socket: socket.id })
  }

  #catchUp(): void {
    const news = Atomics.load(this.#options.control, NEWS)
    if (news === this.#news) return
    this.#news = news
    const { settings, added } = this.#options.news()
    if (settings !== undefined) this.#handler.updateSettings(settings)
    if (added.length === 0) return
    this.#sockets = [...this.#sockets, ...added]
    this.#poll()
  }
}
