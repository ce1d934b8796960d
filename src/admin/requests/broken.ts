/**
 * What never becomes a request: octets that are no HTTP, headers without end, bodies that do not arrive in time. It is
 * answered as every other error of the API is, with an id of its own, and the connection is closed.
 */
import { randomUUID } from 'node:crypto'
import { type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Server as SecureServer } from 'node:https'
import type { Duplex } from 'node:stream'

const DETAILS = {
  400: 'This is no request of HTTP/1.1 (RFC 9112).',
  408: 'The request did not arrive in time.',
  413: 'The extensions of a chunk are too large.',
  431: 'The headers are too large.',
} as const

type Status = keyof typeof DETAILS

const STATUS_OF: ReadonlyMap<string, Status> = new Map([
  ['ERR_HTTP_REQUEST_TIMEOUT', 408],
  ['HPE_HEADER_OVERFLOW', 431],
  ['HPE_CHUNK_EXTENSIONS_OVERFLOW', 413],
])

export function answerBroken(server: Server | SecureServer): void {
  const responses = new WeakMap<Duplex, ServerResponse>()
  server.on('request', (request: IncomingMessage, response: ServerResponse) => responses.set(request.socket, response))
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    const response = responses.get(socket)
    // In the middle of an answer there is no room for another one.
    const isBusy = response?.headersSent === true && !response.writableFinished
    if (socket.writable && !isBusy && error.code !== 'ECONNRESET')
      socket.write(answer(STATUS_OF.get(error.code ?? '') ?? 400))
    socket.destroy(error)
  })
}

function answer(status: Status): string {
  const problem = { type: 'about:blank', title: STATUS_CODES[status], status, detail: DETAILS[status] }
  const body = `${JSON.stringify(problem, null, 2)}\n`
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Cache-Control: no-store',
    'X-Content-Type-Options: nosniff',
    `X-Request-Id: ${randomUUID()}`,
    'Connection: close',
  ]
  return `${head.join('\r\n')}\r\n\r\n${body}`
}
