/**
 * DNS over HTTPS on sockets that were accepted elsewhere: HTTP/2 or HTTP/1.1, as TLS agreed on (ALPN) or, without TLS,
 * as the first octets say. Loaded only when something is to be served in this way, for `node:http2` takes memory and
 * time.
 *
 * Invariant: no error of a client ends the process.
 */
import { createServer, type Server, STATUS_CODES } from 'node:http'
import { type IncomingHttpHeaders, performServerHandshake, type ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import type { DohLimits } from '../../limits.ts'
import type { Cancel, Client } from '../../ports.ts'
import { errorCode } from '../../system/system-error.ts'
import { type HttpReply, problemReply } from '../doh/reply.ts'
import { DohConnection, type DohParts } from './doh-connection.ts'
import { H1Exchange, H2Exchange } from './doh-exchange.ts'

export interface DohService {
  /**
   * Takes a connection whose client is known. `protocol` is what ALPN agreed on; null without TLS or when the client
   * did not say. `raw` is what carries it: the connection of TCP below TLS.
   */
  serve(socket: Socket, client: Client, protocol: string | null, raw?: Socket): void
  /** Takes no further request. */
  stop(): void
  /** Stops, and waits for the answers that are due at most `drainMs`. */
  close(drainMs: number): Promise<void>
}

export interface DohServiceOptions extends DohParts {
  /** Hears of every connection taken, for a test that breaks connections on purpose. */
  readonly onAccept?: ((client: Client, socket: Socket, raw: Socket) => void) | undefined
}

/** RFC 9113 section 3.4: how HTTP/2 begins. No method of HTTP/1 does. */
const PREFACE = 'PRI'

export const openDohService = (options: DohServiceOptions): DohService => new Service(options)

class Service implements DohService {
  readonly #options: DohServiceOptions
  readonly #http1: Server
  readonly #open = new Set<DohConnection>()
  /** Those of which it is not known what they speak. */
  readonly #unknown = new Set<Socket>()
  readonly #bySocket = new WeakMap<Socket, DohConnection>()
  #isStopped = false
  #whenEmpty: (() => void) | null = null

  constructor(options: DohServiceOptions) {
    this.#options = options
    this.#http1 = makeHttp1(options.limits)
    this.#http1.on('request', (request, response) => {
      const connection = this.#bySocket.get(request.socket)
      if (connection === undefined) {
        request.socket.destroy()
        return
      }
      const exchange = new H1Exchange(request, response)
      response.on('close', () => connection.left(exchange, false))
      connection.arrived(exchange)
    })
  }

  serve(socket: Socket, client: Client, protocol: string | null, raw: Socket = socket): void {
    socket.on('error', () => socket.destroy())
    if (this.#isStopped) {
      socket.destroy()
      return
    }
    if (protocol === null) this.#recognise(socket, client, raw)
    else this.#begin(socket, client, protocol === 'h2', raw)
  }

  stop(): void {
    this.#isStopped = true
    for (const socket of this.#unknown) socket.destroy()
    for (const connection of [...this.#open]) {
      if (connection.idle) connection.drop()
      else connection.finish()
    }
  }

  async close(drainMs: number): Promise<void> {
    this.stop()
    if (this.#open.size === 0) return
    let cancel: Cancel = () => {}
    await new Promise<void>(resolve => {
      this.#whenEmpty = resolve
      cancel = this.#options.clock.after(drainMs, resolve)
    })
    cancel()
    for (const connection of [...this.#open]) connection.drop()
  }

  /** Waits for the octets that tell HTTP/2 from HTTP/1. */
  #recognise(socket: Socket, client: Client, raw: Socket): void {
    const { clock, limits } = this.#options
    const cancel = clock.after(limits.idleMs, () => socket.destroy())
    const giveUp = (): void => {
      cancel()
      this.#unknown.delete(socket)
    }
    this.#unknown.add(socket)
    const end = (): void => void socket.destroy()
    socket.once('close', giveUp)
    socket.once('end', end)
    const look = (): void => {
      const head: Buffer | null = socket.read()
      if (head === null) return
      const start = head.toString('latin1', 0, PREFACE.length)
      socket.unshift(head)
      if (start.length < PREFACE.length && PREFACE.startsWith(start)) return
      socket.off('readable', look).off('end', end).off('close', giveUp)
      giveUp()
      this.#begin(socket, client, start === PREFACE, raw)
    }
    socket.on('readable', look)
  }

  #begin(socket: Socket, client: Client, isH2: boolean, raw: Socket): void {
    const { table, onAccept } = this.#options
    const connection = new DohConnection(socket, client, !isH2, this.#options, gone => {
      this.#open.delete(gone)
      if (this.#open.size === 0) this.#whenEmpty?.()
    })
    if (this.#isStopped || socket.destroyed || !table.admit(connection)) {
      socket.destroy()
      return
    }
    this.#open.add(connection)
    // A reset while answers are being written is noticed below TLS only.
    if (raw !== socket) raw.on('close', () => connection.drop())
    onAccept?.(client, socket, raw)
    if (isH2) this.#beginH2(socket, connection)
    else this.#beginH1(socket, connection)
  }

  #beginH1(socket: Socket, connection: DohConnection): void {
    this.#bySocket.set(socket, connection)
    connection.start({
      finish: () => {
        if (connection.idle) socket.destroy()
      },
      destroy: () => socket.destroy(),
    })
    this.#http1.emit('connection', socket)
  }

  #beginH2(socket: Socket, connection: DohConnection): void {
    const { limits } = this.#options
    const session = performServerHandshake(socket, {
      maxSessionMemory: limits.sessionMegabytes,
      // What is longer is refused by a reset; what is shorter and still too long gets an answer.
      maxHeaderListPairs: 2 * limits.headerFields,
      settings: {
        maxConcurrentStreams: limits.streams,
        maxHeaderListSize: 2 * limits.headerOctets,
        initialWindowSize: limits.windowOctets,
        enablePush: false,
      },
    })
    // A client may end its side before it has its answers.
    socket.on('end', () => {
      if (connection.idle) connection.drop()
      else connection.finish()
    })
    session.on('error', () => connection.drop())
    session.on('close', () => connection.drop())
    session.on(
      'stream',
      (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, _flags: number, rawHeaders: string[]) => {
        const exchange = new H2Exchange(stream, headers, rawHeaders)
        // The close that follows says all that we need.
        stream.on('error', ignore)
        stream.on('close', () => connection.left(exchange, exchange.wasReset))
        connection.arrived(exchange)
      },
    )
    connection.start({
      finish: () => session.close(),
      destroy: () => {
        session.destroy()
        // A session that is ending already waits for a goodbye that need not come: browsers leave without one.
        socket.destroy()
      },
    })
  }
}

const ignore = (): void => {}

function makeHttp1(limits: DohLimits): Server {
  const server = createServer({
    maxHeaderSize: limits.headerOctets,
    keepAlive: true,
    noDelay: true,
    // What takes too long is ended by the connection, for both versions alike. This is what clients get.
    keepAliveTimeout: limits.idleMs,
    headersTimeout: 0,
    requestTimeout: 0,
  })
  // All are shown, and counted: Node.js would leave out those that are too many, be it Host.
  server.maxHeadersCount = 0
  server.on('clientError', (error, socket) => {
    const isLong = errorCode(error) === 'HPE_HEADER_OVERFLOW'
    if (socket.writable) {
      socket.end(
        inHttp1(
          isLong
            ? problemReply(431, 'The header fields are too many or too long.')
            : problemReply(400, 'This is no request of HTTP.'),
        ),
      )
    } else socket.destroy()
  })
  return server
}

/** For who did not send a request that Node.js could read. */
function inHttp1({ status, headers, body }: HttpReply): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}connection: close\r\n\r\n`
  return `${head}${body?.toString() ?? ''}`
}
