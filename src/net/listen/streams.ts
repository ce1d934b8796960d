/**
 * The listener of DNS over a stream on one address, whatever the stream is: the connections that it has, and how they
 * end with it. Who accepts, and what stands between accepting and the first message, is its caller's business.
 */
import type { Socket } from 'node:net'
import type { Limits } from '../../limits.ts'
import type { Cancel, Client, Clock, EventSink, Serve } from '../../ports.ts'
import type { Listener } from '../listener.ts'
import type { Entrance } from './entrance.ts'
import { TcpConnection } from './tcp-connection.ts'
import type { TcpConnections } from './tcp-connections.ts'
import type { TcpTurns } from './tcp-turns.ts'

export interface StreamOptions {
  readonly clock: Clock
  readonly limits: Pick<Limits, 'server'>
  readonly onMessage: Serve
  readonly events: EventSink
  /** Shared by all listeners over TCP: its bounds hold across them. */
  readonly connections: TcpConnections
  /** Shared likewise. */
  readonly turns: TcpTurns
  /**
   * Hears of every connection taken, with the client as `onMessage` gets it, and of the socket underneath (of TCP, when
   * the other one is of TLS): for a test that breaks connections on purpose.
   */
  readonly onAccept?: ((client: Client, socket: Socket, raw: Socket) => void) | undefined
}

/** The connections of one listener. */
export class Streams {
  readonly #options: StreamOptions
  readonly #open = new Set<TcpConnection>()
  #whenEmpty: (() => void) | null = null

  constructor(options: StreamOptions) {
    this.#options = options
  }

  /** A stream whose next octet is the first of a message. Closed when the table has no room for it. */
  take(socket: Socket, client: Client, raw: Socket = socket): void {
    const { clock, connections, turns, onMessage, events } = this.#options
    const onGone = (gone: TcpConnection): void => {
      this.#open.delete(gone)
      if (this.#open.size === 0) this.#whenEmpty?.()
    }
    const parts = { clock, table: connections, turns, onMessage, events, onGone }
    const connection = new TcpConnection(socket, client, parts)
    if (!connections.admit(connection)) {
      socket.on('error', () => {})
      socket.destroy()
      return
    }
    this.#open.add(connection)
    this.#options.onAccept?.(client, socket, raw)
    connection.start()
  }

  /** Reads nothing more; idle connections end at once, the others when their replies are written. */
  stop(): void {
    for (const connection of this.#open) {
      if (connection.idle) connection.drop()
      else connection.finish()
    }
  }

  /** Waits for queries in work at most `server.drainMs`. */
  async close(): Promise<void> {
    this.stop()
    if (this.#open.size === 0) return
    const { clock, limits } = this.#options
    let cancel: Cancel = () => {}
    await new Promise<void>(resolve => {
      this.#whenEmpty = resolve
      cancel = clock.after(limits.server.drainMs, resolve)
    })
    cancel()
    for (const connection of this.#open) connection.drop()
  }
}

/** `stop` ends what is neither accepted nor a connection yet. */
export function streamListener(
  transport: 'tcp' | 'tls',
  address: string,
  entrance: Entrance,
  streams: Streams,
  stop: () => void = () => {},
): Listener {
  let closing: Promise<void> | null = null
  const end = (): void => {
    closing ??= entrance.stop()
    stop()
    streams.stop()
  }
  return {
    kind: 'listener',
    transport,
    address,
    port: entrance.port,
    descriptors: () => entrance.descriptors(),
    leave() {
      // It ends when the last connection does.
      closing ??= entrance.stop()
      return Promise.resolve()
    },
    stop: end,
    async close() {
      end()
      await streams.close()
      await closing
    },
  }
}
