/** HTTP/2 over one TLS connection (RFC 9113), without push. */
import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2'
import type { Duplex } from 'node:stream'
import { errorCode } from '../../system/system-error.ts'
import { type Channel, type Exchanged, type ExchangeOptions, type Request, ResponseNotes } from './exchange.ts'

/** RFC 9113 section 7. */
const CODES = [
  'NO_ERROR',
  'PROTOCOL_ERROR',
  'INTERNAL_ERROR',
  'FLOW_CONTROL_ERROR',
  'SETTINGS_TIMEOUT',
  'STREAM_CLOSED',
  'FRAME_SIZE_ERROR',
  'REFUSED_STREAM',
  'CANCEL',
  'COMPRESSION_ERROR',
  'CONNECT_ERROR',
  'ENHANCE_YOUR_CALM',
  'INADEQUATE_SECURITY',
  'HTTP_1_1_REQUIRED',
] as const
const CANCEL = CODES.indexOf('CANCEL')

export async function openHttp2(socket: Duplex, origin: string, headerBytes: number): Promise<Channel> {
  const http2 = await import('node:http2')
  const session = http2.connect(origin, {
    createConnection: () => socket,
    settings: { enablePush: false, maxHeaderListSize: headerBytes },
  })
  const state = { isOpen: true, reason: '' }
  const over = (): void => {
    state.isOpen = false
  }
  session.on('error', error => {
    state.reason = errorCode(error) || error.message
    over()
  })
  session.on('goaway', over).on('close', over)
  return {
    protocol: 'h2',
    get isOpen() {
      return state.isOpen && !session.closed && !session.destroyed
    },
    exchange: (request, options) => exchangeOver(session, request, options, () => state.reason),
    close: () => session.destroy(),
  }
}

function exchangeOver(
  session: ClientHttp2Session,
  request: Request,
  options: ExchangeOptions,
  sessionReason: () => string,
): Promise<Exchanged> {
  return new Promise(resolve => {
    const abandoned: { stream: ClientHttp2Stream | null } = { stream: null }
    const notes = new ResponseNotes('HTTP/2', options, () => abandoned.stream?.close(CANCEL), resolve)
    if (session.closed || session.destroyed) {
      notes.broken(sessionReason())
      return
    }
    const stream = session.request(headersOf(request), { endStream: true })
    abandoned.stream = stream
    stream.on('ready', () => notes.sent())
    stream.on('headers', headers => notes.interim(Number(headers[':status'])))
    stream.on('response', headers => {
      // The request went out before its response came, whatever the order of the events.
      notes.sent()
      notes.begun({
        protocol: 'HTTP/2',
        status: Number(headers[':status']),
        reason: '',
        headers: pairs(headers),
        closes: false,
      })
    })
    stream.on('data', (chunk: Uint8Array) => notes.content(chunk.length))
    stream.on('end', () => {
      if (stream.rstCode === 0) notes.whole()
    })
    stream.on('error', error => {
      const { rstCode } = stream
      if (rstCode > 0) notes.fail({ kind: 'bad-reply', protocol: 'HTTP/2', reason: CODES[rstCode] ?? String(rstCode) })
      else notes.broken(errorCode(error))
    })
    stream.on('close', () => {
      const { rstCode } = stream
      if (rstCode > 0) notes.fail({ kind: 'bad-reply', protocol: 'HTTP/2', reason: CODES[rstCode] ?? String(rstCode) })
      else notes.broken(sessionReason())
    })
  })
}

/** Field names in lower case, and none that belong to one connection (RFC 9113 section 8.2). */
function headersOf({ method, path, authority, isSecure, headers }: Request): OutgoingHttpHeaders {
  const own: OutgoingHttpHeaders = {
    ':method': method,
    ':path': path,
    ':scheme': isSecure ? 'https' : 'http',
    ':authority': authority,
  }
  for (const [name, value] of headers) {
    const lower = name.toLowerCase()
    if (lower === 'host') own[':authority'] = value
    else if (!OF_CONNECTION.has(lower)) own[lower] = [...list(own[lower]), value]
  }
  return own
}

const OF_CONNECTION = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade', 'te'])

const list = (value: OutgoingHttpHeaders[string]): readonly string[] =>
  value === undefined ? [] : Array.isArray(value) ? value : [String(value)]

function pairs(headers: IncomingHttpHeaders): readonly (readonly [string, string])[] {
  return Object.entries(headers).flatMap(([name, value]) =>
    name.startsWith(':') ? [] : list(value).map(one => [name, one] as const),
  )
}
