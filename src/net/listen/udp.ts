/**
 * Queries over UDP on one address, with `node:dgram`. It knows nothing of DNS but one bit: responses are dropped
 * unread, like everything from port 0, so that two servers never answer each other's errors for ever (CVE-2024-2169).
 *
 * Invariants: no error of the socket or of the handler ends the process; the octets of a reply are copied before
 * `reply` returns and are not touched again while the kernel may still want them.
 *
 * A reply costs no callback: `send` with the identity look-up hands the datagram to the kernel before it returns,
 * except when the kernel is full. Then libuv keeps a pointer to our buffer, which shows in the length of its queue, and
 * the buffer is left to it and replaced. (Overwriting it instead was measured to send the last reply several times.)
 */
import type { Socket } from 'node:dgram'
import type { ServerLimits } from '../../limits.ts'
import type { EventSink } from '../../ports.ts'
import { ClientAddresses } from './client-addresses.ts'
import { datagramSocket, mayBeQuery } from '../datagram.ts'
import { handleOfDatagramSocket } from '../handles.ts'
import type { ListenFailure, ListenOptions, Listener } from '../listener.ts'
import { errorCode } from '../../system/system-error.ts'

export interface UdpListenOptions extends ListenOptions {
  readonly limits: { readonly server: ServerLimits }
}

/** Binds; the socket serves exactly this address, so its replies leave from it. */
export function openUdpListener(options: UdpListenOptions): Promise<Listener | ListenFailure> {
  const { address, port, limits, events } = options
  const socket = datagramSocket(address.includes(':') ? 6 : 4)
  return new Promise(resolve => {
    const refused = (error: Error): void => {
      socket.close()
      resolve({
        kind: 'listen-failed',
        transport: 'udp',
        address,
        port,
        code: errorCode(error),
        message: error.message,
      })
    }
    socket.once('error', refused)
    const { inherited } = options
    socket.bind(inherited === undefined ? { address, port, exclusive: true } : { fd: inherited }, () => {
      socket.off('error', refused)
      enlargeReceiveBuffer(socket, limits.server.udpReceiveBufferBytes, events)
      const listener = new UdpListener(socket, options)
      events({ kind: 'listening', transport: 'udp', address, port: listener.port })
      resolve(listener)
    })
  })
}

class UdpListener implements Listener {
  readonly kind = 'listener'
  readonly transport = 'udp'
  readonly address: string
  readonly port: number
  readonly #socket: Socket
  readonly #options: UdpListenOptions
  readonly #at: { readonly address: string; readonly port: number }
  readonly #clients: ClientAddresses
  #out: Buffer
  /** Views of the first octets of `#out` by length: making one for each reply would cost as much as copying it. */
  #views: (Buffer | undefined)[] = []
  #outUnits: Int32Array
  /** The buffer of the last reply, which cached answers all come in. */
  #source: Uint8Array | null = null
  #sourceUnits: Int32Array = NO_UNITS
  /** The kernel did not take everything at once; its queue is watched until it is empty again. */
  #congested = false
  #stopped = false
  #closed = false
  #lastError = ''

  constructor(socket: Socket, options: UdpListenOptions) {
    this.#socket = socket
    this.#options = options
    this.address = options.address
    this.port = socket.address().port
    this.#at = { address: this.address, port: this.port }
    this.#clients = new ClientAddresses(options.limits.server.parsedClients)
    this.#out = Buffer.alloc(options.limits.server.udpReplyBytes)
    this.#outUnits = units(this.#out)
    socket.on('error', error => this.#onError(error))
    socket.on('message', (bytes, from) => this.#take(bytes, from.address, from.port))
  }

  descriptors(): readonly number[] | null {
    const fd = handleOfDatagramSocket(this.#socket)?.fd
    return fd === undefined ? null : [fd]
  }

  /** What has been read has been given out: it is read and handed on in one go. */
  leave(): Promise<void> {
    if (!this.#closed) handleOfDatagramSocket(this.#socket)?.stopReading()
    return Promise.resolve()
  }

  stop(): void {
    this.#stopped = true
  }

  /** Replies given after this go nowhere: the caller waits for its work before. */
  close(): Promise<void> {
    this.#stopped = true
    if (this.#closed) return Promise.resolve()
    this.#closed = true
    return new Promise(resolve => this.#socket.close(resolve))
  }

  #take(bytes: Buffer, address: string, port: number): void {
    if (this.#stopped || !mayBeQuery(bytes, bytes.length, port)) return
    const ip = this.#clients.ipOf(address)
    if (ip === null) return
    try {
      this.#options.onMessage(
        bytes,
        bytes.length,
        { ip, port, transport: 'udp', listener: this.#at },
        (reply, length) => this.#send(reply, length, address, port),
      )
    } catch (error) {
      this.#options.events({ kind: 'bug', where: 'udp-listener', error, question: null })
    }
  }

  #send(reply: Uint8Array, length: number, address: string, port: number): void {
    const socket = this.#socket
    if (length === 0 || this.#closed) return
    if (length > this.#out.length)
      throw new RangeError(`a UDP reply of ${length} octets is above the limit of ${this.#out.length}`)
    if (this.#congested) {
      const queued = socket.getSendQueueCount()
      if (queued > this.#options.limits.server.udpSendQueue) return
      this.#congested = queued > 0
    }
    socket.send(this.#copyOf(reply, length), port, address)
    if (socket.getSendQueueCount() === 0) return
    this.#congested = true
    this.#out = Buffer.alloc(this.#out.length)
    this.#outUnits = units(this.#out)
    this.#views = []
  }

  #copyOf(reply: Uint8Array, length: number): Buffer {
    const view = this.#views[length] ?? this.#out.subarray(0, length)
    this.#views[length] = view
    if (length > SHORT_OCTETS || !this.#copyUnits(reply, length))
      view.set(reply.length === length ? reply : reply.subarray(0, length))
    return view
  }

  /** Copies four octets at a time, and up to three too many; false when the memory does not allow it. */
  #copyUnits(reply: Uint8Array, length: number): boolean {
    if (reply !== this.#source) {
      this.#source = reply
      this.#sourceUnits = units(reply)
    }
    const source = this.#sourceUnits
    const target = this.#outUnits
    const count = (length + 3) >> 2
    if (count > source.length || count > target.length) return false
    for (let i = 0; i < count; i++) target[i] = source[i] ?? 0
    return true
  }

  /** An error of a datagram or of the interface. The socket stays open; the same error is reported once. */
  #onError(error: Error): void {
    const code = errorCode(error)
    if (code === this.#lastError) return
    this.#lastError = code
    this.#options.events({
      kind: 'listener-failed',
      transport: 'udp',
      address: this.address,
      port: this.port,
      code,
      message: error.message,
    })
  }
}

/** Longest reply that is copied unit by unit: from there on the native call is quicker. */
const SHORT_OCTETS = 512

const NO_UNITS = new Int32Array(0)
/** The same memory in units of four octets; none when it does not begin at one. */
const units = (bytes: Uint8Array): Int32Array =>
  (bytes.byteOffset & 3) === 0 ? new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2) : NO_UNITS

/** The default buffer of 208 KiB holds 300 to 900 small queries: less than arrives while the loop is busy for 5 ms. */
function enlargeReceiveBuffer(socket: Socket, wantedBytes: number, events: EventSink): void {
  try {
    socket.setRecvBufferSize(wantedBytes)
  } catch {
    // Some systems refuse instead of giving less; the actual size is reported below.
  }
  // Linux counts its own overhead and reports twice what was granted (socket(7), SO_RCVBUF).
  const gotBytes = process.platform === 'linux' ? socket.getRecvBufferSize() / 2 : socket.getRecvBufferSize()
  if (gotBytes < wantedBytes) events({ kind: 'receive-buffer-small', wantedBytes, gotBytes })
}
