/** The sockets of the API: HTTP on TCP and on unix sockets, with the bounds that keep one client from all of it. */
import { createServer, type Server } from 'node:http'
import { chmodSync, rmSync, statSync } from 'node:fs'
import { connect } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { isLoopback } from './addresses.ts'
import type { App, Arrival } from './context.ts'
import { adminLimits } from './limits.ts'
import type { AdminBinding } from './messages.ts'

export interface OpenApi {
  /** `http://127.0.0.1:8530` or `unix:/run/…`. */
  readonly text: string
  readonly server: Server
  close(): Promise<void>
}

export type Opened =
  | { readonly kind: 'open'; readonly api: OpenApi }
  | { readonly kind: 'failed'; readonly text: string; readonly code: string; readonly message: string }

const bindingText = (binding: AdminBinding): string => {
  if (binding.kind === 'unix') return `unix:${binding.path}`
  const host = binding.address.includes(':') ? `[${binding.address}]` : binding.address
  return `http://${host}:${binding.port}`
}

export async function openApi(binding: AdminBinding, app: App): Promise<Opened> {
  const arrivalOf = (remote: string | undefined): Arrival => {
    const from = binding.kind === 'unix' ? '' : (remote ?? '')
    return { kind: binding.kind, from, loopback: binding.kind === 'unix' || isLoopback(from), scheme: 'http' }
  }
  const listener = getRequestListener(
    (request, { incoming }) => app.fetch(request, { arrival: arrivalOf(incoming.socket.remoteAddress) }),
    { overrideGlobalObjects: false },
  )
  const server = createServer(
    {
      requestTimeout: adminLimits.requestMs,
      headersTimeout: adminLimits.requestMs,
      keepAliveTimeout: adminLimits.keepAliveMs,
    },
    (incoming, outgoing) => void listener(incoming, outgoing),
  )
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
    })
  return { kind: 'open', api: { text, server, close } }
}

const listening = (server: Server, binding: AdminBinding): Promise<Error | null> =>
  new Promise(resolve => {
    server.once('error', resolve)
    const where =
      binding.kind === 'unix' ? { path: binding.path } : { host: binding.address, port: binding.port, exclusive: true }
    server.listen(where, () => {
      server.off('error', resolve)
      resolve(null)
    })
  })

/** A socket that a server left behind when it was killed: nobody accepts on it. A live one, or a file, stays. */
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
