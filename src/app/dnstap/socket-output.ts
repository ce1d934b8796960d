/**
 * Frames to a receiver over a socket: the handshake of both sides, what waits meanwhile, and new attempts with a
 * back-off. A failure is reported once with the step that failed, and again when another one fails.
 */
import { connect, type Socket } from 'node:net'
import { controlFrame, readControl } from './frames.ts'
import { dnstapLimits } from './limits.ts'
import type { DnstapTarget } from '../../config/values.ts'

/** Where frames go. */
export interface Output {
  /** False: they are dropped. */
  write(frames: readonly Uint8Array[]): boolean
  reopen(): void
  /** What was written is on its way, and the end is said. */
  stop(): Promise<void>
}

export interface OutputParts {
  readonly connected: () => void
  readonly failed: (message: string) => void
}

type State = 'connecting' | 'ready' | 'open' | 'finishing' | 'waiting'

export class SocketOutput implements Output {
  readonly #target: Exclude<DnstapTarget, { kind: 'file' }>
  readonly #parts: OutputParts
  #socket: Socket | null = null
  #state: State = 'waiting'
  #attempt = 0
  #timer: NodeJS.Timeout | null = null
  #saidOf: string | null = null
  #received = new Uint8Array(0)
  #finished: () => void = () => {}

  constructor(target: Exclude<DnstapTarget, { kind: 'file' }>, parts: OutputParts) {
    this.#target = target
    this.#parts = parts
    this.#connect()
  }

  write(frames: readonly Uint8Array[]): boolean {
    const socket = this.#socket
    if (this.#state !== 'open' || socket === null) return false
    if (socket.writableLength > dnstapLimits.bufferBytes) return false
    socket.cork()
    for (const frame of frames) socket.write(frame)
    socket.uncork()
    return true
  }

  reopen(): void {
    // A receiver that was restarted has closed the connection.
  }

  async stop(): Promise<void> {
    this.#clear()
    const socket = this.#socket
    if (socket === null || this.#state !== 'open') {
      socket?.destroy()
      return
    }
    this.#state = 'finishing'
    await new Promise<void>(resolve => {
      this.#finished = resolve
      this.#timer = setTimeout(resolve, dnstapLimits.finishMs)
      socket.write(controlFrame('stop'))
    })
    this.#clear()
    socket.destroy()
  }

  #connect(): void {
    const target = this.#target
    this.#state = 'connecting'
    this.#received = new Uint8Array(0)
    // By name each time: a receiver may have moved.
    const socket =
      target.kind === 'unix' ? connect({ path: target.path }) : connect({ host: target.host, port: target.port })
    this.#socket = socket
    this.#timer = setTimeout(
      () => this.#fail(this.#state === 'connecting' ? 'no connection in time' : 'no answer to READY in time'),
      dnstapLimits.handshakeMs,
    )
    socket.on('connect', () => {
      this.#state = 'ready'
      socket.write(controlFrame('ready'))
    })
    socket.on('data', bytes => this.#take(bytes))
    socket.on('error', error => this.#fail(error.message))
    socket.on('close', () => this.#fail('it closed the connection'))
  }

  #take(bytes: Uint8Array): void {
    const all = new Uint8Array(this.#received.length + bytes.length)
    all.set(this.#received)
    all.set(bytes, this.#received.length)
    const read = readControl(all)
    if (read.kind === 'more') {
      this.#received = all
      return
    }
    if (read.kind === 'wrong') {
      this.#fail(read.why)
      return
    }
    this.#received = all.slice(read.octets)
    if (this.#state === 'ready' && read.control === 'accept') this.#accepted(read.takesDnstap)
    else if (read.control === 'finish') this.#finished()
    else this.#fail(`it sent ${read.control.toUpperCase()} where ACCEPT was expected`)
  }

  #accepted(takesDnstap: boolean): void {
    if (!takesDnstap) {
      this.#fail('it takes frames of another kind than protobuf:dnstap.Dnstap')
      return
    }
    this.#clear()
    this.#socket?.write(controlFrame('start'))
    this.#state = 'open'
    this.#attempt = 0
    this.#saidOf = null
    this.#parts.connected()
  }

  #fail(why: string): void {
    if (this.#state === 'waiting') return
    if (this.#state === 'finishing') {
      this.#finished()
      return
    }
    const step = { connecting: 'connecting', ready: 'handshake (READY was sent)', open: 'sending' }[this.#state]
    this.#state = 'waiting'
    this.#clear()
    this.#socket?.destroy()
    this.#socket = null
    const said = `${step}: ${why}`
    if (said !== this.#saidOf) this.#parts.failed(said)
    this.#saidOf = said
    const waitMs = Math.min(dnstapLimits.retryMs * 2 ** this.#attempt++, dnstapLimits.retryMaxMs)
    this.#timer = setTimeout(() => this.#connect(), waitMs)
  }

  #clear(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }
}
