/**
 * Replies on their way out, gathered in one turn of the loop and sent with one system call. What the kernel has no room
 * for waits here and is offered again; what finds no room here is dropped and counted, since a client asks again and a
 * queue that only grows never recovers.
 *
 * Invariant: a batch is for one descriptor at a time.
 */
import type { ServerLimits } from '../../limits.ts'
import type { Cancel, Clock } from '../../ports.ts'
import { EAGAIN, EINTR, MSG_DONTWAIT } from '../linux/flags.ts'
import type { Libc } from '../linux/libc.ts'
import { HEADER_OCTETS, MessageBlock } from '../linux/message-block.ts'
import type { LoopSocket } from './loop.ts'

export interface ReplyBatchOptions {
  readonly libc: Pick<Libc, 'addressOf' | 'sendmmsg'>
  readonly clock: Clock
  readonly limits: Pick<ServerLimits, 'udpBatch' | 'udpReplyBytes' | 'sendRetryMs'>
  readonly onUnsent: (count: number) => void
  readonly onError: (socket: number, errno: number) => void
}

export class ReplyBatch {
  readonly #options: ReplyBatchOptions
  readonly #block: MessageBlock
  #socket: LoopSocket | null = null
  /** Datagrams from `#sent` to `#count` wait. */
  #sent = 0
  #count = 0
  #scheduled = false
  #cancelRetry: Cancel | null = null

  constructor(options: ReplyBatchOptions) {
    const { libc, limits } = options
    this.#options = options
    this.#block = new MessageBlock({ libc, count: limits.udpBatch, octets: limits.udpReplyBytes })
  }

  /** Copies. It goes out when this turn of the loop ends, or when the batch is full. */
  add(socket: LoopSocket, origin: Uint32Array, reply: Uint8Array, length: number): void {
    const block = this.#block
    if (this.#count > 0 && (this.#socket !== socket || this.#count === block.count)) this.flush()
    if (this.#count > 0 && (this.#socket !== socket || this.#count === block.count)) {
      this.#options.onUnsent(1)
      return
    }
    this.#socket = socket
    block.octets.set(reply.length === length ? reply : reply.subarray(0, length), block.dataAt(this.#count))
    block.aim(this.#count, length, origin, 0, socket.family, socket.wildcard)
    this.#count++
    if (this.#scheduled || this.#cancelRetry !== null) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.flush()
    })
  }

  /** Sends what the kernel takes. */
  flush(): void {
    const { libc, clock, limits, onError, onUnsent } = this.#options
    const socket = this.#socket
    if (socket === null) return
    while (this.#sent < this.#count) {
      const taken = libc.sendmmsg(
        socket.fd,
        this.#block.address + this.#sent * HEADER_OCTETS,
        this.#count - this.#sent,
        MSG_DONTWAIT,
      )
      if (taken > 0) this.#sent += taken
      else if (taken === -EAGAIN) {
        this.#cancelRetry ??= clock.after(limits.sendRetryMs, () => {
          this.#cancelRetry = null
          this.flush()
        })
        return
      } else if (taken !== -EINTR) {
        onError(socket.id, -taken)
        onUnsent(1)
        this.#sent++
      }
    }
    this.#sent = 0
    this.#count = 0
  }

  /** Gives up what still waits for this socket. */
  forget(socket: LoopSocket): void {
    if (this.#socket === socket) this.#drop()
  }

  /** Gives up what still waits. */
  close(): void {
    this.#drop()
  }

  #drop(): void {
    this.#cancelRetry?.()
    this.#cancelRetry = null
    this.#socket = null
    this.#sent = 0
    this.#count = 0
  }
}
