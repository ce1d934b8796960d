/** HTTP/1.1 over one socket, by the parser of Node; the connection is kept as long as the server keeps it. */
import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { errorCode } from '../../system/system-error.ts'
import { type Channel, type Exchanged, type ExchangeOptions, type Request, ResponseNotes } from './exchange.ts'
import type { Failure, HttpProtocol } from '../types.ts'

export async function openHttp1(socket: Duplex): Promise<Channel> {
  const http = await import('node:http')
  // An agent with this one socket: without an agent a request is the last one of its connection.
  class OwnSocket extends http.Agent {
    override createConnection(): Duplex {
      return socket
    }
    // By itself it would set TCP's own keep-alive, which streams inside the process do not have.
    override keepSocketAlive(): boolean {
      return true
    }
  }
  const agent = new OwnSocket({ keepAlive: true, maxSockets: 1 })
  let keeps = true
  socket.on('close', () => {
    keeps = false
  })
  socket.on('error', () => {})
  return {
    protocol: 'h1',
    get isOpen() {
      return keeps && !socket.destroyed && socket.writable
    },
    exchange: (request, options) =>
      new Promise<Exchanged>(resolve => {
        const sent = http.request({
          agent,
          method: request.method,
          path: request.path,
          headers: headersOf(request),
          maxHeaderSize: options.limits.headerBytes,
          setHost: false,
        })
        const notes = new ResponseNotes('HTTP/1.1', options, () => socket.destroy(), resolve)
        const onData = (): void => notes.octet()
        socket.once('data', onData)
        follow(sent, notes, options, closes => {
          if (closes) keeps = false
        })
        sent.once('close', () => socket.removeListener('data', onData))
        sent.end()
      }),
    close() {
      agent.destroy()
      socket.destroy()
    },
  }
}

function follow(
  sent: ClientRequest,
  notes: ResponseNotes,
  { limits }: ExchangeOptions,
  onBegun: (closes: boolean) => void,
): void {
  sent.on('finish', () => notes.sent())
  sent.on('information', ({ statusCode }) => notes.interim(statusCode))
  sent.on('upgrade', ({ statusCode }) =>
    notes.fail({ kind: 'bad-reply', protocol: 'HTTP/1.1', reason: `unexpected ${statusCode ?? 101}` }),
  )
  sent.on('error', error => {
    const failure = parseFailure(error, limits.headerBytes)
    if (failure === null) notes.broken(errorCode(error))
    else notes.fail(failure)
  })
  sent.on('response', response => {
    const closes = closesAfter(response)
    onBegun(closes)
    notes.begun({
      protocol: protocolOf(response),
      status: response.statusCode ?? 0,
      reason: response.statusMessage ?? '',
      headers: pairs(response.rawHeaders),
      closes,
    })
    response.on('data', (chunk: Uint8Array) => notes.content(chunk.length))
    response.on('end', () => (response.complete ? notes.whole() : notes.broken('')))
    response.on('error', error => notes.broken(errorCode(error)))
  })
}

/** Null: the connection broke. The parser's own errors begin with HPE. */
function parseFailure(error: Error, headerBytes: number): Failure | null {
  const code = errorCode(error)
  if (code === 'HPE_HEADER_OVERFLOW') return { kind: 'header-too-large', bytes: headerBytes }
  return code.startsWith('HPE_') ? { kind: 'bad-reply', protocol: 'HTTP/1.1', reason: code } : null
}

const protocolOf = ({ httpVersion }: IncomingMessage): HttpProtocol => (httpVersion === '1.0' ? 'HTTP/1.0' : 'HTTP/1.1')

function closesAfter({ httpVersion, headers }: IncomingMessage): boolean {
  const connection = (headers.connection ?? '').toLowerCase().split(/\s*,\s*/)
  return connection.includes('close') || (httpVersion === '1.0' && !connection.includes('keep-alive'))
}

function pairs(raw: readonly string[]): readonly (readonly [string, string])[] {
  return Array.from({ length: raw.length >> 1 }, (_, i) => [raw[i * 2] ?? '', raw[i * 2 + 1] ?? ''] as const)
}

/** As in `rawHeaders`. What the caller gives replaces what is sent anyhow. */
const headersOf = ({ authority, headers }: Request): string[] => [
  ...(has(headers, 'host') ? [] : ['Host', authority]),
  ...(has(headers, 'connection') ? [] : ['Connection', 'keep-alive']),
  ...headers.flat(),
]

const has = (headers: Request['headers'], name: string): boolean => headers.some(([own]) => own.toLowerCase() === name)
