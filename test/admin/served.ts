/** A server with its API, in front of a small internet inside the process; asked by HTTP on a unix socket or TCP. */
import { mkdtempSync, rmSync } from 'node:fs'
import { type IncomingHttpHeaders, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RunningServer, ServerOptions } from '../../src/app/server.ts'
import type { Event } from '../../src/events.ts'
import { startInside } from '../app/inside.ts'

export interface Reply {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  /** Of a JSON body; null of another. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of every form
  readonly body: any
}

export interface Asking {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as JSON, or as it is when it is text. */
  readonly body?: unknown
  /** On TCP with this token, instead of the unix socket. */
  readonly token?: string
  readonly tcp?: boolean
}

export interface Served {
  readonly server: RunningServer
  readonly directory: string
  readonly socket: string
  readonly port: number
  readonly events: readonly Event[]
  ask(path: string, asking?: Asking): Promise<Reply>
  stop(): Promise<void>
}

const ENTRY = new URL('../../dist/admin.bundle.js', import.meta.url)
const REHEARSAL = new URL('../../dist/app/rehearsal/rehearsal-thread.js', import.meta.url)

export async function startServed(settings: object = {}, options: ServerOptions = {}): Promise<Served> {
  const directory = mkdtempSync(join(tmpdir(), 'rootwalk-admin-'))
  const socket = join(directory, 'admin.sock')
  const events: Event[] = []
  const ready = withResolvers()
  let listening = 0
  const { admin = {}, ...rest } = settings as { readonly admin?: object }
  const started = await startInside(
    { admin: { listen: [`unix:${socket}`, '127.0.0.1:0'], ...admin }, state: join(directory, 'state'), ...rest },
    {
      adminEntry: ENTRY,
      rehearsalEntry: REHEARSAL,
      directory,
      ...options,
      events: event => {
        events.push(event)
        if (event.kind === 'bug') ready.reject(new Error(String(event.error)))
        if (event.kind !== 'admin-listening') return
        const port = /:(?<port>\d+)$/.exec(event.at)?.groups?.port
        if (port !== undefined) listening = Number(port)
        if (events.filter(({ kind }) => kind === 'admin-listening').length === 2) ready.resolve(listening)
      },
    },
  )
  const port = await ready.promise
  return {
    server: started.server,
    directory,
    socket,
    port,
    events,
    ask: (path, asking = {}) => ask(path, asking, socket, port),
    async stop() {
      await started.server.stop()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

function ask(path: string, { method = 'GET', headers = {}, body, token, tcp }: Asking, socket: string, port: number) {
  const text = body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body)
  return new Promise<Reply>((resolve, reject) => {
    const outgoing = request(
      {
        ...(tcp === true || token !== undefined ? { host: '127.0.0.1', port } : { socketPath: socket }),
        path,
        method,
        agent: false,
        headers: {
          ...(text === null ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...headers,
        },
      },
      incoming => {
        const chunks: Buffer[] = []
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
        incoming.on('end', () => {
          const received = Buffer.concat(chunks).toString()
          const isJson = /json/.test(incoming.headers['content-type'] ?? '') && received !== ''
          const read: unknown = isJson ? JSON.parse(received) : null
          resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text: received, body: read })
        })
      },
    )
    outgoing.on('error', reject)
    outgoing.end(text ?? undefined)
  })
}

function withResolvers() {
  let resolve: (port: number) => void = () => {}
  let reject: (error: Error) => void = () => {}
  const promise = new Promise<number>((done, failed) => {
    resolve = done
    reject = failed
  })
  return { promise, resolve, reject }
}
