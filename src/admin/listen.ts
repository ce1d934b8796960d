/** The sockets of the API: HTTP on TCP and on unix sockets, with the bounds that keep one client from all of it. */
import { randomUUID } from 'node:crypto'
import { createServer, type IncomingHttpHeaders, Server } from 'node:http'
import { createServer as createSecureServer, Server as SecureServer } from 'node:https'
import { chmodSync, rmSync, statSync } from 'node:fs'
import { connect } from 'node:net'
import { createAdaptorServer, type WebSocketServerLike } from '@hono/node-server'
import { WebSocketServer } from 'ws'
import { isLoopback, parseIp } from '../dns/address.ts'
import { answerBroken } from './requests/broken.ts'
import type { App, Arrival } from './context.ts'
import { adminLimits } from './limits.ts'
import type { AdminBinding, AdminSettings } from './messages.ts'

export interface OpenApi {
  /** `http://127.0.0.1:8530` or `unix:/run/…`. */
  readonly text: string
  /** Another certificate: connections that are open stay. */
  renew(tls: AdminSettings['tls']): void
  close(): Promise<void>
}

export type Opened =
  | { readonly kind: 'open'; readonly api: OpenApi }
  | { readonly kind: 'failed'; readonly text: string; readonly code: string; readonly message: string }

const bindingText = (binding: AdminBinding): string => {
  if (binding.kind === 'unix') return `unix:${binding.path}`
  const host = binding.address.includes(':') ? `[${binding.address}]` : binding.address
  return `${binding.tls ? 'https' : 'http'}://${host}:${binding.port}`
}

export async function openApi(
  binding: AdminBinding,
  app: App,
  { tls, requestMs }: Pick<AdminSettings, 'tls' | 'requestMs'>,
): Promise<Opened> {
  const isSecure = binding.kind === 'tcp' && binding.tls
  const arrivalOf = ({
    socket,
    headers,
  }: {
    readonly socket: { readonly remoteAddress?: string | undefined } | undefined
    readonly headers: IncomingHttpHeaders
  }): Arrival => {
    const from = binding.kind === 'unix' ? '' : (socket?.remoteAddress ?? '')
    return {
      kind: binding.kind,
      from,
      loopback: binding.kind === 'unix' || isLoopback(parseIp(from)),
      scheme: isSecure ? 'https' : 'http',
      requestId: requestIdOf(headers['x-request-id']),
    }
  }
  // Guards and tokens are those of every request: the upgrade goes through the same routes.
  const sockets = new WebSocketServer({ noServer: true, maxPayload: adminLimits.socketMessageBytes })
  const adapted: object = sockets
  if (!isServerOfSockets(adapted)) throw new Error('the server of sockets is none')
  const server = createAdaptorServer({
    // The same object: what the adapter puts into it later is looked for there.
    fetch: (request, env) => app.fetch(request, Object.assign(env, { arrival: arrivalOf(env.incoming) })),
    overrideGlobalObjects: false,
    ...(isSecure ? { createServer: createSecureServer } : { createServer }),
    serverOptions: {
      ...(isSecure && tls !== null ? { ...tls, minVersion: 'TLSv1.2' } : {}),
      requestTimeout: requestMs,
      headersTimeout: requestMs,
      connectionsCheckingInterval: Math.min(adminLimits.slowLookMs, requestMs),
      keepAliveTimeout: adminLimits.keepAliveMs,
      // A peer of a stream that vanished without a word is found by the kernel.
      keepAlive: true,
      keepAliveInitialDelay: adminLimits.heartbeatMs,
    },
    websocket: { server: adapted },
  })
  if (!(server instanceof Server || server instanceof SecureServer))
    throw new Error('the adapter made a server of another kind than was asked for')
  answerBroken(server)
  server.maxConnections = adminLimits.connections
  if (binding.kind === 'unix') await removeStale(binding.path)
  const failure = await listening(server, binding)
  if (failure !== null) {
    const code = 'code' in failure ? String(failure.code) : 'EIO'
    return { kind: 'failed', text: bindingText(binding), code, message: failure.message }
  }
  // Whoever may open it may do everything: the owner, and the group that an operator gives it.
  if (binding.kind === 'unix') chmodSync(binding.path, 0o660)
  const bound = server.address()
  const text =
    bound !== null && typeof bound === 'object' && binding.kind === 'tcp'
      ? bindingText({ ...binding, port: bound.port })
      : bindingText(binding)
  const close = (): Promise<void> =>
    new Promise(resolve => {
      server.close(() => resolve())
      server.closeAllConnections()
      for (const socket of sockets.clients) socket.terminate()
    })
  const renew = (other: AdminSettings['tls']): void => {
    if (server instanceof SecureServer && other !== null) server.setSecureContext({ ...other, minVersion: 'TLSv1.2' })
  }
  return { kind: 'open', api: { text, renew, close } }
}

/** A proxy that numbers requests finds its number in our log: what cannot forge a line there. */
const requestIdOf = (given: string | string[] | undefined): string =>
  typeof given === 'string' && /^[\w.:-]{1,64}$/.test(given) ? given : randomUUID()

/** The types of `ws` and those of the adapter describe the same functions, with overloads that do not match. */
const isServerOfSockets = (value: object): value is WebSocketServerLike => value instanceof WebSocketServer

const listening = (server: Server | SecureServer, binding: AdminBinding): Promise<Error | null> =>
  new Promise(resolve => {
    server.once('error', resolve)
    const where =
      binding.kind === 'unix' ? { path: binding.path } : { host: binding.address, port: binding.port, exclusive: true }
    server.listen(where, () => {
      server.off('error', resolve)
      resolve(null)
    })
  })

/** A socket that a server left when it was killed: no process accepts on it. A live one, or a file, stays. */
async function removeStale(path: string): Promise<void> {
  try {
    if (!statSync(path).isSocket()) return
  } catch {
    return
  }
  const isLive = await new Promise<boolean>(resolve => {
    const probe = connect(path)
    probe.once('connect', () => {
      probe.destroy()
      resolve(true)
    })
    probe.once('error', () => resolve(false))
  })
  if (!isLive) rmSync(path, { force: true })
}
