/**
 * The listener threads as the main thread sees them: starts them, exchanges messages with them, and restarts one that
 * ended by a bug. It moves records and messages; what they mean is decided by whoever made it.
 *
 * Invariants: a socket is let go (`onFinished`) only when no thread can touch it any more; a thread never ends
 * unnoticed; the end of the process is not held up by a thread that sleeps.
 */
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads'
import type { ServerLimits } from '../../limits.ts'
import type { Cancel, Clock } from '../../ports.ts'
import { emptyHandover, type Handover, newRing, RingReader } from './handover-ring.ts'
import type { Libc } from '../linux/libc.ts'
import { clockOrigin } from '../../system/system.ts'
import { BELL, CONTROL_WORDS, END, type LoopSocket, type LoopMessage, NEWS } from './loop.ts'
import type { ThreadData, ThreadUpdate } from './thread.ts'

export interface ThreadOptions {
  readonly libc: Libc
  readonly clock: Clock
  readonly limits: ServerLimits
  /** The program of the threads, a module that calls `runListenerThread`. */
  readonly entry: URL
  /** What the program gets, looked up at every start; must be cloneable. */
  readonly program: () => unknown
  readonly onRecord: (record: Handover) => void
  readonly onFinished: (socket: number) => void
  readonly onError: (socket: number, errno: number) => void
  /** Its sockets are not served until it restarts. */
  readonly onDown: () => void
  /** A bug in the thread, or that it ended by one. */
  readonly onBug: (error: unknown) => void
}

const EFD_NONBLOCK_CLOEXEC = 0o2004000
const COUNTER_OCTETS = 8

export class ListenerThread {
  readonly #options: ThreadOptions
  readonly #sockets = new Map<number, LoopSocket>()
  readonly #control = new SharedArrayBuffer(CONTROL_WORDS * 4)
  readonly #words = new Int32Array(this.#control)
  readonly #record: Handover = emptyHandover()
  #wakeFd = -1
  readonly #whenEnded: (() => void)[] = []
  readonly #ring: SharedArrayBuffer
  readonly #reader: RingReader
  readonly #reports: SharedArrayBuffer
  readonly #reportReader: RingReader
  #port: MessagePort | null = null
  #worker: Worker | null = null
  #serving = false
  #cancelBegin: (() => void) | null = null
  #cancelRestart: Cancel | null = null
  #draining = false
  #ending = false

  constructor(options: ThreadOptions) {
    this.#options = options
    this.#ring = newRing(options.limits.handoverBytes)
    this.#reader = new RingReader(this.#ring)
    this.#reports = newRing(options.limits.reportBytes)
    this.#reportReader = new RingReader(this.#reports)
  }

  /** Sockets that it does not serve, or not yet. */
  unserved(): readonly LoopSocket[] {
    return this.#serving ? [] : [...this.#sockets.values()]
  }

  /**
   * With what sockets it has when it begins, which is after this turn of the loop: what has come already is answered
   * first. `grows` when more sockets may be added later.
   */
  start(grows: boolean): void {
    if (this.#worker !== null || this.#ending) return
    if (grows && this.#wakeFd < 0) this.#wakeFd = this.#options.libc.eventfd(0, EFD_NONBLOCK_CLOEXEC)
    if (this.#cancelBegin !== null) return
    const begin = setImmediate(() => this.#begin())
    this.#cancelBegin = () => clearImmediate(begin)
  }

  #begin(): void {
    this.#cancelBegin = null
    this.#cancelRestart?.()
    // They have been closed again: it is started for the next one.
    if (this.#sockets.size === 0) return
    const { clock, entry, limits, program } = this.#options
    const { port1, port2 } = new MessageChannel()
    this.#port?.close()
    this.#port = port1
    port1.unref()
    Atomics.store(this.#words, BELL, 0)
    const { udpBatch, udpQueryBytes, udpReplyBytes, threadSliceMicros, threadWakeMs } = limits
    const workerData: ThreadData = {
      port: port2,
      control: this.#control,
      ring: this.#ring,
      reports: this.#reports,
      sockets: [...this.#sockets.values()],
      wakeFd: this.#wakeFd,
      shape: {
        batch: udpBatch,
        queryOctets: udpQueryBytes,
        replyOctets: udpReplyBytes,
        wakeMs: threadWakeMs,
        sliceMicros: threadSliceMicros,
      },
      clockOrigin: clockOrigin(clock),
      program: program(),
    }
    const worker = new Worker(entry, { workerData, transferList: [port2], name: 'listener' })
    this.#worker = worker
    worker.on('message', (message: LoopMessage) => this.#hear(message))
    worker.on('error', error => this.#options.onBug(error))
    worker.on('exit', () => this.#ended())
  }

  /** Before the start, or at any time when it grows. */
  add(socket: LoopSocket): void {
    this.#sockets.set(socket.id, socket)
    if (this.#worker !== null) this.#tell({ kind: 'sockets', sockets: [socket] })
  }

  updateSettings(settings: unknown): void {
    if (this.#worker !== null) this.#tell({ kind: 'settings', settings })
  }

  /** To be called when the `stop` of a socket is set and its receivers are being woken. */
  release(id: number): void {
    // A thread that is not there will not answer.
    if (this.#worker === null) this.#release(id)
    else this.#wake()
  }

  /** Resolves when the thread has ended. The `stop` of every socket is set. */
  end(): Promise<void> {
    this.#ending = true
    this.#cancelRestart?.()
    this.#cancelBegin?.()
    Atomics.store(this.#words, END, 1)
    this.#wake()
    return new Promise(resolve => {
      if (this.#worker === null) this.#dispose(resolve)
      else this.#whenEnded.push(() => this.#dispose(resolve))
    })
  }

  #dispose(done: () => void): void {
    for (const id of [...this.#sockets.keys()]) this.#release(id)
    this.#port?.close()
    if (this.#wakeFd >= 0) this.#options.libc.close(this.#wakeFd)
    done()
  }

  #tell(news: ThreadUpdate): void {
    this.#port?.postMessage(news)
    Atomics.add(this.#words, NEWS, 1)
    this.#wake()
  }

  /** A thread that does not grow sees news with the next datagram, which is when they matter. */
  #wake(): void {
    if (this.#wakeFd < 0) return
    const one = Uint8Array.from({ length: COUNTER_OCTETS }, (_, i) => (i === 0 ? 1 : 0))
    this.#options.libc.write(this.#wakeFd, this.#options.libc.addressOf(one), COUNTER_OCTETS)
  }

  #hear(message: LoopMessage): void {
    switch (message.kind) {
      case 'bell':
        this.#drain()
        return
      case 'serving':
        this.#serving = true
        return
      case 'finished':
        this.#release(message.socket)
        return
      case 'trouble':
        this.#options.onError(message.socket, message.errno)
        return
      case 'bug':
        this.#options.onBug(new Error(message.text))
        return
      default:
        message satisfies never
    }
  }

  #release(id: number): void {
    if (this.#sockets.delete(id)) this.#options.onFinished(id)
  }

  /**
   * Takes what is in the rings, and looks again when the loop comes round: only when there was nothing does the thread
   * have to ring for the next. A bell costs both sides some 15 us together, and a loop that is busy comes round anyway.
   * All queries that are there are taken: who has to wait, or goes, is decided where clients are told apart.
   */
  #drain(): void {
    if (this.#draining) return
    const reports = this.#takeFrom(this.#reportReader, this.#options.limits.reportBurst)
    if (this.#takeFrom(this.#reader, this.#reader.mostRecords) + reports === 0) {
      Atomics.store(this.#words, BELL, 0)
      // What came between the look and the word has no bell.
      if (this.#reader.isEmpty && this.#reportReader.isEmpty) return
    }
    this.#draining = true
    setImmediate(() => {
      this.#draining = false
      this.#drain()
    })
  }

  /** How many there were, `most` at most. */
  #takeFrom(reader: RingReader, most: number): number {
    let taken = 0
    while (taken < most && reader.next(this.#record)) {
      taken++
      this.#options.onRecord(this.#record)
    }
    return taken
  }

  #ended(): void {
    this.#worker = null
    this.#serving = false
    this.#drain()
    if (this.#ending) {
      for (const tell of this.#whenEnded.splice(0)) tell()
      return
    }
    for (const { id, stop } of [...this.#sockets.values()]) if (Atomics.load(stop, 0) === 1) this.#release(id)
    // Without sockets it had nothing left to do.
    if (this.#sockets.size === 0) return
    const { clock, limits, onBug, onDown } = this.#options
    onBug(new Error('a listener thread ended; it is started again'))
    onDown()
    this.#cancelRestart = clock.after(limits.threadRestartMs, () => {
      this.start(this.#wakeFd >= 0)
    })
  }
}
