/**
 * JSON over HTTP as the control API speaks it: who may ask, how bodies come in, how answers and problems (RFC 9457) go
 * out. Knows nothing of DNS. The requests come from tests on this host, but so do those of a browser that visits a bad
 * page: a request that names another host (DNS rebinding) or comes from a page elsewhere is refused before anything is
 * read.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import { isUtf8 } from 'node:buffer'
import { hostOf, isOurHost, pageOf } from './guards.ts'
import { controlSettings } from './settings.ts'

export interface Request {
  readonly method: string
  /** Of the path, decoded. */
  readonly segments: readonly string[]
  readonly query: URLSearchParams
  /** The body as JSON; its value is undefined when there is none. To be called once. */
  readonly body: () => Promise<Body>
  /** Ends when the client has gone. */
  readonly gone: AbortSignal
}

export interface Content {
  readonly kind: 'content'
  readonly status: 200 | 201
  readonly body: unknown
  readonly location?: string
}

/** A problem of RFC 9457. `errors` says which members of the body are wrong, as JSON pointers (RFC 6901). */
export interface Problem {
  readonly kind: 'problem'
  readonly status: 400 | 403 | 404 | 405 | 408 | 409 | 413 | 415 | 421 | 422 | 500
  readonly detail: string
  readonly errors?: readonly { readonly pointer: string; readonly detail: string }[]
  /** For 405. */
  readonly allow?: readonly string[]
}

export type Answer = Content | { readonly kind: 'nothing' } | Problem

export const content = (body: unknown): Content => ({ kind: 'content', status: 200, body })
export const created = (body: unknown, location: string): Content => ({ kind: 'content', status: 201, body, location })
export const nothing: Answer = { kind: 'nothing' }
export const problem = (status: Problem['status'], detail: string): Problem => ({ kind: 'problem', status, detail })

export interface HttpOptions {
  readonly address: string
  readonly port: number
  /** Names that a Host header may hold besides localhost and addresses. */
  readonly hosts: readonly string[]
  readonly answer: (request: Request) => Answer | Promise<Answer>
}

export interface HttpApi {
  readonly address: string
  readonly port: number
  close(): Promise<void>
}

export async function openHttpApi(options: HttpOptions): Promise<HttpApi> {
  const server = createServer(
    { requestTimeout: controlSettings.requestMs, headersTimeout: controlSettings.requestMs },
    (incoming, outgoing) => void serve(options, incoming, outgoing),
  )
  server.on('clientError', (error, socket) => {
    if ('writable' in socket && socket.writable) refuse(socket, error)
    else socket.destroy()
  })
  await listening(server, options)
  const bound = server.address()
  if (bound === null || typeof bound === 'string') throw new Error('a server on a socket has an address')
  return { address: bound.address, port: bound.port, close: () => closed(server) }
}

const listening = (server: Server, { address, port }: HttpOptions): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: address, port, exclusive: true }, () => {
      server.off('error', reject)
      resolve()
    })
  })

/** Also those who wait for a query. */
const closed = (server: Server): Promise<void> =>
  new Promise(resolve => {
    server.close(() => resolve())
    server.closeAllConnections()
  })

/** What is no HTTP gets an answer, too, and its end. */
function refuse(socket: { end(text: string): unknown }, error: Error): void {
  const status = 'code' in error && error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400
  const body = rendered(
    problem(status, status === 408 ? 'The request did not end in time.' : `This is no HTTP request: ${error.message}.`),
  )
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: ${PROBLEM_TYPE}\r\nContent-Length: ` +
      `${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  )
}

async function serve(options: HttpOptions, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const gone = new AbortController()
  outgoing.on('close', () => gone.abort())
  let answer: Answer
  try {
    const read = readRequest(options, incoming, gone.signal)
    answer = 'kind' in read ? read : await options.answer(read)
  } catch (error) {
    answer = problem(
      500,
      `This is a bug in the control API: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    )
  }
  send(answer, incoming.method === 'HEAD', outgoing)
  // Who was refused may be sending still.
  if (!incoming.complete) incoming.resume()
}

const JSON_TYPE = 'application/json'
const PROBLEM_TYPE = 'application/problem+json'

function send(answer: Answer, headOnly: boolean, outgoing: ServerResponse): void {
  if (outgoing.destroyed) return
  outgoing.setHeader('Cache-Control', 'no-store')
  outgoing.setHeader('X-Content-Type-Options', 'nosniff')
  switch (answer.kind) {
    case 'nothing':
      outgoing.writeHead(204).end()
      return
    case 'content':
    case 'problem': {
      const text = answer.kind === 'content' ? `${JSON.stringify(answer.body, null, 2)}\n` : rendered(answer)
      outgoing.setHeader('Content-Type', answer.kind === 'content' ? JSON_TYPE : PROBLEM_TYPE)
      if (answer.kind === 'content' && answer.location !== undefined) outgoing.setHeader('Location', answer.location)
      if (answer.kind === 'problem' && answer.allow !== undefined) outgoing.setHeader('Allow', answer.allow.join(', '))
      // The rest of a body that was not read must not be taken for the next request.
      if (answer.kind === 'problem' && answer.status === 413) outgoing.setHeader('Connection', 'close')
      outgoing.writeHead(answer.status, { 'Content-Length': Buffer.byteLength(text) }).end(headOnly ? undefined : text)
      return
    }
    default:
      answer satisfies never
  }
}

/** "about:blank": the status says what kind of problem it is (RFC 9457 section 4.2.1). */
function rendered({ status, detail, errors }: Problem): string {
  const content = { type: 'about:blank', title: STATUS_CODES[status], status, detail }
  return `${JSON.stringify(errors === undefined ? content : { ...content, errors }, null, 2)}\n`
}

function readRequest(options: HttpOptions, incoming: IncomingMessage, gone: AbortSignal): Request | Problem {
  const stranger = refusal(incoming, options)
  if (stranger !== null) return stranger
  // By hand: a URL takes "." for a directory, here it is the name of the root.
  const [path = '', ...rest] = (incoming.url ?? '').split('?')
  const segments = segmentsOf(path)
  if (segments === null) return problem(400, `The path ${path} is not percent-encoded correctly.`)
  const method = incoming.method === 'HEAD' ? 'GET' : (incoming.method ?? '')
  return { method, segments, query: new URLSearchParams(rest.join('?')), body: () => readBody(incoming), gone }
}

/** Browsers cannot lie about these headers. */
function refusal({ headers }: IncomingMessage, { hosts }: HttpOptions): Problem | null {
  const { host, origin, 'sec-fetch-site': secFetchSite } = headers
  const named = hostOf(host ?? '')
  if (!isOurHost(named, hosts)) {
    const known = hosts.map(one => `, ${one}`).join('')
    return problem(
      421,
      `This API answers to addresses, localhost${known}, but not to the host "${named ?? host ?? ''}".`,
    )
  }
  if (pageOf({ host, origin, secFetchSite: String(secFetchSite ?? '') }, 'http', []) !== 'foreign') return null
  return problem(403, `Pages ${origin === undefined ? 'from elsewhere' : `of ${origin}`} have no business here.`)
}

function segmentsOf(path: string): readonly string[] | null {
  try {
    return path
      .split('/')
      .slice(1)
      .map(segment => decodeURIComponent(segment))
  } catch {
    return null
  }
}

type Body = { readonly kind: 'body'; readonly value: unknown } | Problem

async function readBody(incoming: IncomingMessage): Promise<Body> {
  const length = Number(incoming.headers['content-length'] ?? 0)
  const tooLarge = problem(413, `A body may have ${controlSettings.bodyBytes} octets.`)
  if (length > controlSettings.bodyBytes) return tooLarge
  const chunks: Buffer[] = []
  let octets = 0
  for await (const chunk of incoming.iterator({ destroyOnReturn: false })) {
    if (!Buffer.isBuffer(chunk)) continue
    octets += chunk.length
    if (octets > controlSettings.bodyBytes) return tooLarge
    chunks.push(chunk)
  }
  if (octets === 0) return { kind: 'body', value: undefined }
  const unsupported = unsupportedType(incoming)
  if (unsupported !== null) return unsupported
  const bytes = Buffer.concat(chunks)
  if (!isUtf8(bytes)) return problem(400, 'The body is not UTF-8.')
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'))
    if (isDeeperThan(controlSettings.bodyDepth, value)) {
      return problem(
        400,
        `Objects and arrays in a body may be nested ${controlSettings.bodyDepth} deep, these are nested deeper.`,
      )
    }
    return { kind: 'body', value }
  } catch (error) {
    return problem(400, `The body is not JSON: ${error instanceof Error ? error.message : String(error)}.`)
  }
}

/** Level by level, without recursion: a megabyte of brackets would be half a million calls. */
function isDeeperThan(max: number, value: unknown): boolean {
  let level: readonly object[] = [value].filter(isNested)
  for (let depth = 0; level.length > 0; depth++) {
    if (depth >= max) return true
    level = level.flatMap(one => Object.values(one).filter(isNested))
  }
  return false
}

const isNested = (value: unknown): value is object => typeof value === 'object' && value !== null

/** The second one is what curl sends by default. */
const TAKEN = /^(?:application\/(?:[\w.+-]+\+)?json|application\/x-www-form-urlencoded)\s*(?:;|$)/i

function unsupportedType({ headers }: IncomingMessage): Problem | null {
  const type = headers['content-type']
  if (type !== undefined && !TAKEN.test(type))
    return problem(415, `The body must be application/json, this is ${type}.`)
  const charset = /;\s*charset="?(?<charset>[^";\s]+)/i.exec(type ?? '')?.groups?.charset
  if (charset !== undefined && !/^(?:utf-?8|us-ascii)$/i.test(charset))
    return problem(415, `The body must be UTF-8, this is ${charset}.`)
  const coding = headers['content-encoding']
  if (coding !== undefined && coding !== 'identity')
    return problem(415, `The body must not be compressed, this is ${coding}.`)
  return null
}
