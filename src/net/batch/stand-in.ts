/**
 * Stands in for listener threads that are not there yet. A thread takes 40 to 60 ms of processor time to start, which
 * on one core would lie between the start of the server and its first answer. Until then, and while a thread that died
 * restarts, the main thread looks at the sockets itself, without waiting, and answers everything.
 *
 * Invariant: whoever takes a datagram out of a socket is the only one who has it. So a thread and its stand-in may look
 * at the same socket at the same time: nothing is lost when one takes over from the other, and nothing is answered
 * twice.
 */
import type { ServerLimits } from '../../limits.ts'
import { emptyHandover, type Handover } from './handover-ring.ts'
import { MSG_DONTWAIT } from '../linux/flags.ts'
import type { Libc } from '../linux/libc.ts'
import { MessageBlock, ORIGIN_WORDS } from '../linux/message-block.ts'
import { arrivalOf, type LoopSocket } from './loop.ts'

export interface StandInOptions {
  readonly libc: Pick<Libc, 'addressOf' | 'recvmmsg'>
  readonly limits: Pick<ServerLimits, 'udpBatch' | 'udpQueryBytes' | 'standInMs'>
  /** Those that no thread serves now. When there are none it stops looking. */
  readonly unserved: () => readonly LoopSocket[]
  /** A datagram, as a thread would hand it over. */
  readonly onRecord: (record: Handover) => void
  /** A datagram that is larger than any query. */
  readonly onTooLarge: () => void
}

export class StandIn {
  readonly #options: StandInOptions
  readonly #record: Handover = emptyHandover()
  /** There only while it is needed. */
  #block: MessageBlock | null = null
  #cancel: (() => void) | null = null

  constructor(options: StandInOptions) {
    this.#options = options
  }

  /** Looks now, and every `standInMs` until all sockets are served. */
  start(): void {
    if (this.#cancel === null) this.#look()
  }

  stop(): void {
    this.#cancel?.()
    this.#cancel = null
    this.#block = null
  }

  #look(): void {
    const { libc, limits, unserved } = this.#options
    const sockets = unserved()
    if (sockets.length === 0) {
      this.stop()
      return
    }
    const block = this.#block ?? new MessageBlock({ libc, count: limits.udpBatch, octets: limits.udpQueryBytes })
    this.#block = block
    let most = 0
    for (const socket of sockets) most = Math.max(most, this.#takeFrom(socket, block))
    const again = (): void => this.#look()
    if (most === block.count) {
      // There is more; but first what else has come.
      const next = setImmediate(again)
      this.#cancel = () => clearImmediate(next)
    } else {
      // Not by the clock: its timers may be late by more than an answer takes.
      const next = setTimeout(again, limits.standInMs)
      this.#cancel = () => clearTimeout(next)
    }
  }

  /** One batch; how many there were. */
  #takeFrom(socket: LoopSocket, block: MessageBlock): number {
    if (Atomics.load(socket.stop, 0) === 1) return 0
    block.prepare(block.count, socket.wildcard)
    // Errors are reported by the thread, which sees them too.
    const count = this.#options.libc.recvmmsg(socket.fd, block.address, block.count, MSG_DONTWAIT, 0)
    for (let i = 0; i < count; i++) this.#take(socket, block, i)
    return count
  }

  #take(socket: LoopSocket, block: MessageBlock, i: number): void {
    const record = this.#record
    const at = block.originWord(i)
    const query = block.view(i)
    const arrived = arrivalOf(block, i, query, socket)
    if (arrived === 'too-large') this.#options.onTooLarge()
    if (arrived !== 'query') return
    record.socket = socket.id
    record.origin = block.words.slice(at, at + ORIGIN_WORDS)
    record.bytes = query.slice(0, block.length(i))
    this.#options.onRecord(record)
  }
}
