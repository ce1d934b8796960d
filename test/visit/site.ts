/** Web servers of tests on loopback addresses, and visits to them. */
import { createServer as createHttp, type RequestListener } from 'node:http'
import { createSecureServer } from 'node:http2'
import { createServer as createHttps } from 'node:https'
import { type AddressInfo, createServer as createTcp, type Server, type Socket } from 'node:net'
import { afterEach } from 'vitest'
import { defaultLimits } from '../../src/limits.ts'
import { systemClock } from '../../src/system/system.ts'
import type { VisitOptions } from '../../src/visit/options.ts'
import { readTarget, type Target } from '../../src/visit/target.ts'
import type { Failure, Hop, Visit } from '../../src/visit/types.ts'
import { visit } from '../../src/visit/visit.ts'
import { namesOf } from './names.ts'
import { authority, leaf } from './certificates.ts'

export const ca = authority()
export const certified = leaf(ca, { names: ['www.example.test', 'other.example.test', '127.0.0.1'] })

const open: (() => void)[] = []
afterEach(() => {
  for (const close of open.splice(0)) close()
})

async function listening(server: Server, address = '127.0.0.1', port = 0): Promise<number> {
  const sockets = new Set<Socket>()
  server.on('connection', socket => {
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, address, resolve))
  open.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const at = server.address()
  return at === null || typeof at === 'string' ? 0 : (at satisfies AddressInfo).port
}

/** The port. */
export const http = (listener: RequestListener, address?: string): Promise<number> =>
  listening(createHttp({ keepAlive: true }, listener), address)

export const https = (listener: RequestListener, options: object = {}): Promise<number> =>
  listening(createHttps({ key: certified.key, cert: certified.cert, ...options }, listener))

/** Speaks both HTTP/2 and HTTP/1.1. */
export function h2(listener: (...args: Parameters<RequestListener>) => void, options: object = {}): Promise<number> {
  const server = createSecureServer({ key: certified.key, cert: certified.cert, allowHTTP1: true, ...options })
  server.on('request', (request, response) => Reflect.apply(listener, null, [request, response]))
  server.on('sessionError', () => {})
  return listening(server)
}

/** What it does with a connection is all there is. */
export const tcp = (use: (socket: Socket) => void): Promise<number> => listening(createTcp(use))

/** A port where nobody listens. */
export async function closedPort(): Promise<number> {
  const server = createTcp()
  const port = await new Promise<number>(resolve => {
    server.listen(0, '127.0.0.1', () => {
      const at = server.address()
      resolve(at === null || typeof at === 'string' ? 0 : at.port)
    })
  })
  await new Promise(resolve => server.close(resolve))
  return port
}

export function target(url: string): Target {
  const read = readTarget(url)
  if (read.kind === 'invalid') throw new Error(read.text)
  return read.target
}

export const visitOptions = (changes: Partial<VisitOptions> = {}): VisitOptions => ({
  names: namesOf([]),
  clock: systemClock(),
  limits: defaultLimits.visit,
  reach: 'any',
  method: 'GET',
  headers: [],
  offer: ['h2', 'http/1.1'],
  families: [4, 6],
  address: null,
  authorities: [ca.cert],
  insecure: false,
  repeat: 1,
  redirects: 10,
  contentBytes: defaultLimits.visit.contentBytes,
  passMs: 20_000,
  comparison: null,
  ...changes,
})

export const opened = (url: string, changes: Partial<VisitOptions> = {}): Promise<Visit> =>
  visit(target(url), visitOptions(changes))

export const hopsOf = ({ passes }: Visit): readonly Hop[] => passes[0]?.hops ?? []

/** Of the last hop of the last pass. */
export function failureOf({ passes }: Visit): Failure | null {
  const end = passes.at(-1)?.hops.at(-1)?.end
  return end?.kind === 'failed' ? end.failure : null
}
