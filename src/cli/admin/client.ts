/**
 * Asks a running server by its API: over the unix socket that the configuration names, or at an address with a token.
 * What fails is explained with its exit code.
 */
import { readFileSync } from 'node:fs'
import { request as requestHttp, type RequestOptions } from 'node:http'
import { request as requestHttps } from 'node:https'
import { resolve } from 'node:path'
import { errorText } from '../../events.ts'
import { errorCode } from '../../system/system-error.ts'
import type { Config } from '../../config/types.ts'
import { Exit } from '../startup-problems.ts'
import { fieldsOf } from './fields.ts'

/** Where the API is. */
export interface AdminPlace {
  /** As people write it. */
  readonly text: string
  readonly connect: RequestOptions
  readonly tls: boolean
  /** In front of all paths; ends with a slash. */
  readonly prefix: string
  readonly token: string | null
}

/** Other media types than JSON: of the body, which is then text, and of the answer. */
interface Form {
  readonly type?: string
  readonly accept?: string
}

export interface AdminReply {
  readonly status: number
  readonly body: unknown
}

/** Something to say on standard error, and how to end. */
export class AdminFault extends Error {
  readonly exitCode: number

  constructor(message: string, exitCode: number) {
    super(message)
    this.exitCode = exitCode
  }
}

/** `admin` and `tokenFile` as the flags give them. */
export function placeFor(
  admin: string | undefined,
  tokenFile: string | undefined,
  directory: string,
  config: () => Config,
): AdminPlace {
  const token = tokenFile === undefined ? null : tokenFrom(resolve(directory, tokenFile))
  if (admin?.startsWith('unix:') === true)
    return { text: admin, connect: { socketPath: resolve(directory, admin.slice(5)) }, tls: false, prefix: '/', token }
  if (admin !== undefined) return placeAt(admin, token)
  const { listen, pathPrefix: prefix } = config().admin
  const [first] = [...listen.filter(one => one.kind === 'unix'), ...listen]
  if (first === undefined) {
    throw new AdminFault(
      'the configuration has no "admin": { "listen": … }, so that a running server cannot be asked. Add ' +
        '"admin": { "listen": "unix:/run/rootwalk/admin.sock" } and restart it, or say where it is with --admin.',
      Exit.Unavailable,
    )
  }
  if (first.kind === 'unix')
    return { text: `unix:${first.path}`, connect: { socketPath: first.path }, tls: false, prefix, token }
  const wildcards: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }
  const host = wildcards[first.address] ?? first.address
  const text = `${first.tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${first.port}`
  return { text, connect: { host, port: first.port }, tls: first.tls, prefix, token }
}

function placeAt(admin: string, token: string | null): AdminPlace {
  const text = /^https?:\/\//.test(admin) ? admin : `http://${admin}`
  if (!URL.canParse(text))
    throw new AdminFault(`"${admin}" is no address of an API: expected unix:PATH or a URL`, Exit.Usage)
  const { protocol, hostname, port, pathname } = new URL(text)
  const tls = protocol === 'https:'
  return {
    text,
    connect: {
      host: hostname.replace(/^\[|\]$/g, ''),
      port: port === '' ? (tls ? HTTPS_PORT : HTTP_PORT) : Number(port),
    },
    tls,
    prefix: pathname.endsWith('/') ? pathname : `${pathname}/`,
    token,
  }
}

const HTTP_PORT = 80
const HTTPS_PORT = 443

function tokenFrom(file: string): string {
  try {
    const token = readFileSync(file, 'utf8').trim()
    if (token !== '') return token
  } catch (error) {
    const denied = errorCode(error) === 'EACCES'
    throw new AdminFault(`the token in ${file}: ${errorText(error)}`, denied ? Exit.NoPermission : Exit.NoInput)
  }
  throw new AdminFault(`${file} holds no token; \`rootwalk token create\` makes one`, Exit.NoInput)
}

/** How long an answer may take, ms: longer than the server takes for the longest explanation. */
const ANSWER_MS = 40_000

/** Rejects with `AdminFault` when there is no answer, or one that is not of success. */
export async function askAdmin(
  place: AdminPlace,
  method: string,
  path: string,
  body?: unknown,
  form: Form = {},
): Promise<AdminReply> {
  const reply = await replyFrom(place, method, path, body, form)
  if (reply.status < 400) return reply
  throw faultIn(reply, place)
}

/** A reply that is not of success. */
export const faultIn = (reply: AdminReply, { token }: AdminPlace): AdminFault =>
  new AdminFault(problemText(reply, token === null), exitOf(reply.status))

const exitOf = (status: number): number => {
  if (status === 401 || status === 403) return Exit.NoPermission
  if (status === 503) return Exit.Unavailable
  return status === 400 || status === 422 ? Exit.BadData : Exit.Failure
}

/** Rejects with `AdminFault` when there is no answer. */
export function replyFrom(
  place: AdminPlace,
  method: string,
  path: string,
  body?: unknown,
  { type, accept }: Form = {},
): Promise<AdminReply> {
  const { connect, tls, prefix, token, text } = place
  const sent = body === undefined ? null : type === undefined ? JSON.stringify(body) : String(body)
  return new Promise((done, failed) => {
    const outgoing = (tls ? requestHttps : requestHttp)(
      {
        ...connect,
        method,
        path: prefix + path,
        agent: false,
        timeout: ANSWER_MS,
        headers: {
          ...(token === null ? {} : { authorization: `Bearer ${token}` }),
          ...(sent === null
            ? {}
            : { 'content-type': type ?? 'application/json', 'content-length': String(Buffer.byteLength(sent)) }),
          ...(accept === undefined ? {} : { accept }),
        },
      },
      incoming => {
        const chunks: Buffer[] = []
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
        incoming.on('error', error => failed(refused(error, text)))
        incoming.on('end', () => {
          const received = Buffer.concat(chunks).toString()
          try {
            const isText = accept !== undefined && incoming.headers['content-type']?.startsWith(accept) === true
            const value: unknown = isText ? received : received === '' ? null : JSON.parse(received)
            done({ status: incoming.statusCode ?? 0, body: value })
          } catch {
            failed(new AdminFault(`${text} answers, but not as the API of rootwalk does`, Exit.Unavailable))
          }
        })
      },
    )
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer within ${ANSWER_MS / 1_000} s`)))
    outgoing.on('error', error => failed(refused(error, text)))
    outgoing.end(sent ?? undefined)
  })
}

function refused(error: unknown, text: string): AdminFault {
  switch (errorCode(error)) {
    case 'EACCES':
    case 'EPERM':
      return new AdminFault(
        `${text} may not be opened by you: its owner and its group may. Try sudo, or join the group of the socket.`,
        Exit.NoPermission,
      )
    case 'ENOENT':
    case 'ECONNREFUSED':
      return new AdminFault(
        `nothing listens at ${text}: is the server running, with this under "admin" in its configuration?`,
        Exit.Unavailable,
      )
    default:
      return new AdminFault(`${text}: ${errorText(error)}`, Exit.Unavailable)
  }
}

/** The sentence of a problem (RFC 9457), and each fault with its place. */
function problemText({ status, body }: AdminReply, tokenless: boolean): string {
  const { detail, errors } = fieldsOf(body)
  const places = Array.isArray(errors)
    ? errors.map(one => {
        const { pointer, line, column, detail: what } = fieldsOf(one)
        const where = typeof line === 'number' ? `${line}:${String(column)}: ` : ''
        return `\n  ${pointer === '' ? where : `${String(pointer)}: `}${String(what)}`
      })
    : []
  const hint =
    status === 401 && tokenless
      ? ' Give the file that holds one with --token-file; `rootwalk token create` makes one.'
      : ''
  return `${typeof detail === 'string' ? detail : `the server said ${status}`}${hint}${places.join('')}`
}

/** All pages of a collection; `path` has a query. */
export async function pages(place: AdminPlace, path: string, page: (body: unknown) => void): Promise<void> {
  let cursor = ''
  do {
    const { body } = await askAdmin(place, 'GET', `${path}${cursor}`)
    page(body)
    const { next } = fieldsOf(body)
    cursor = typeof next === 'string' ? `&cursor=${next}` : ''
  } while (cursor !== '')
}
