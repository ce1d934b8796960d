/** A server with its API in its thread, as built, on a unix socket and on TCP. */
import { mkdtempSync, rmSync } from 'node:fs'
import { request, type IncomingMessage } from 'node:http'
import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSocket } from 'node:dgram'
import type { ServerOptions } from '../../src/app/server.ts'
import { encodeQuery } from './wire.ts'
import { startInside, type Inside } from '../app/inside.ts'

const ENTRY = new URL('../../dist/admin.bundle.js', import.meta.url)

export const TOKENS = { read: 'rw_read', operate: 'rw_operate' } as const

export interface Served extends Inside {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string
  readonly socketPath: string
  readonly directory: string
  /** Asks over UDP; the octets of the reply. */
  ask(name: string, type?: number): Promise<Uint8Array>
  close(): Promise<void>
}

export async function serveWithApi(settings: object = {}, options: ServerOptions = {}): Promise<Served> {
  const directory = mkdtempSync(join(tmpdir(), 'api-'))
  const socketPath = join(directory, 'admin.sock')
  const tokens = Object.entries(TOKENS).map(([scope, token]) => ({
    name: scope,
    scope,
    sha256: createHash('sha256').update(token).digest('hex'),
  }))
  const admin = { listen: ['127.0.0.1:0', `unix:${socketPath}`], tokens }
  const inside = await startInside({ admin, ...settings }, { adminEntry: ENTRY, ...options, directory })
  const listening = (): string[] => inside.events.flatMap(event => (event.kind === 'admin-listening' ? [event.at] : []))
  await until(() => listening().length === 2)
  const client = createSocket('udp4')
  const pending = new Map<number, (reply: Uint8Array) => void>()
  client.on('message', reply => {
    pending.get(reply.readUInt16BE(0))?.(reply)
    pending.delete(reply.readUInt16BE(0))
  })
  let id = 0
  return {
    ...inside,
    url: listening().find(at => at.startsWith('http:')) ?? '',
    socketPath,
    directory,
    ask: (name, type = 1) =>
      new Promise(resolve => {
        id = (id + 1) & 0xffff
        pending.set(id, resolve)
        client.send(encodeQuery(id, name, type), inside.port, '127.0.0.1')
      }),
    close: async () => {
      client.close()
      await inside.server.stop()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** Turns of the event loop until it is so; the test's own time-out ends it otherwise. */
export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise(resolve => setImmediate(resolve))
}

/** An event of an event stream; a comment has none. */
export interface StreamEvent {
  readonly event: string
  readonly id: string | undefined
  readonly data: unknown
}

export interface EventStream {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly events: StreamEvent[]
  /** Lines that begin with a colon. */
  comments: number
  readonly ended: Promise<void>
  pause(): void
  resume(): void
  close(): void
}

/** Follows a path of the API over its unix socket. */
export function follow(served: Served, path: string, headers: Record<string, string> = {}): Promise<EventStream> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath: served.socketPath, path, headers }, response => {
      const events: StreamEvent[] = []
      const ended = new Promise<void>(end => response.on('close', end))
      const stream: EventStream = {
        status: response.statusCode ?? 0,
        headers: response.headers,
        events,
        comments: 0,
        ended,
        pause: () => response.pause(),
        resume: () => response.resume(),
        close: () => asked.destroy(),
      }
      let text = ''
      response.setEncoding('utf8')
      response.on('error', () => {})
      response.on('data', (chunk: string) => {
        text += chunk
        const blocks = text.split('\n\n')
        text = blocks.pop() ?? ''
        for (const block of blocks) {
          if (block.startsWith(':')) stream.comments++
          const field = (name: string): string | undefined => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1]
          const event = field('event')
          if (event !== undefined) events.push({ event, id: field('id'), data: JSON.parse(field('data') ?? 'null') })
        }
      })
      resolve(stream)
    })
    asked.on('error', reject)
    asked.end()
  })
}
