/**
 * What the doctor looks at, as calls: this machine and the ways to servers. Tests have a world of their own, with a
 * directory in the place of `/` and servers that are functions.
 */
import { createSocket } from 'node:dgram'
import { accessSync, constants, readFileSync, realpathSync, statfsSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { openEngine } from '../../app/open-engine.ts'
import type { Config } from '../../config/types.ts'
import type { Name } from '../../dns/name.ts'
import { RrClass, RrType } from '../../dns/types.ts'
import { localAddresses } from '../../net/local-addresses.ts'
import { askByDatagram, askByStream, type Heard, type QueryPath } from '../../net/query-client.ts'
import type { ServerAddress } from '../../ports.ts'
import type { Outcome } from '../../steps.ts'
import { openFilesLimit } from '../../system/open-files.ts'
import { findPortHolder, type PortHolder } from '../../system/port-holder.ts'
import { errorCode } from '../../system/system-error.ts'
import { releasedAt } from '../../system/version.ts'

export interface DoctorWorld {
  /** Null: there is no such file, or it may not be read. `path` is absolute. */
  read(path: string): string | null
  /** Where a path leads when symbolic links are followed; null: nowhere. */
  real(path: string): string | null
  directory(path: string): DirectoryState
  /** The code of the error, such as EADDRINUSE; empty when the address and port can be had. */
  bind(transport: 'udp' | 'tcp', address: string, port: number): Promise<string>
  holder(transport: 'udp' | 'tcp', address: string, port: number): PortHolder | null
  /** Of all interfaces, as text. */
  readonly addresses: readonly string[]
  /** Descriptors that a process may have; null: not known. */
  readonly openFiles: number | null
  /** Seconds since 1970. */
  readonly wall: number
  /** Seconds since 1970: no clock that is right is before it. */
  readonly releasedAt: number
  datagram(server: ServerAddress, query: Uint8Array): Promise<Heard>
  stream(server: ServerAddress, query: Uint8Array): Promise<Heard>
  /** Looks up the SOA record of each zone as the server would; null: the engine could not be put together. */
  lookUp(config: Config, zones: readonly Name[]): Promise<readonly Outcome[] | null>
}

type DirectoryState =
  | { readonly kind: 'missing' }
  | { readonly kind: 'no-directory' }
  | { readonly kind: 'not-writable' }
  /** `freeBytes` is what this user may still write. */
  | { readonly kind: 'writable'; readonly freeBytes: number; readonly freeFiles: number }

/** For one answer: what the engine gives a server in all is about as long. */
const ANSWER_MS = 3_000
/** Replies that do not match before a server is given up. */
const SPOOF_ATTEMPTS = 3

export function thisMachine(): DoctorWorld {
  const path = (server: ServerAddress): QueryPath => ({ server, from: null, timeoutMs: ANSWER_MS })
  return {
    read: file => attempt(() => readFileSync(file, 'utf8')),
    real: file => attempt(() => realpathSync(file)),
    directory: directoryState,
    bind: (transport, address, port) => (transport === 'udp' ? bindUdp(address, port) : bindTcp(address, port)),
    holder: findPortHolder,
    addresses: localAddresses(),
    openFiles: openFilesLimit(),
    wall: Math.floor(Date.now() / 1_000),
    releasedAt,
    datagram: (server, query) => askByDatagram(path(server), query, SPOOF_ATTEMPTS),
    stream: (server, query) => askOnStream(path(server), query),
    lookUp,
  }
}

function attempt(read: () => string): string | null {
  try {
    return read()
  } catch {
    // Missing or forbidden: for the checks both are "not known".
    return null
  }
}

function directoryState(path: string): DirectoryState {
  try {
    if (!statSync(path).isDirectory()) return { kind: 'no-directory' }
    accessSync(path, constants.W_OK | constants.X_OK)
    const { bavail, bsize, ffree } = statfsSync(path)
    return { kind: 'writable', freeBytes: bavail * bsize, freeFiles: ffree }
  } catch (error) {
    return { kind: errorCode(error) === 'ENOENT' ? 'missing' : 'not-writable' }
  }
}

const bindUdp = (address: string, port: number): Promise<string> =>
  new Promise(resolve => {
    const socket = createSocket(address.includes(':') ? { type: 'udp6', ipv6Only: true } : { type: 'udp4' })
    socket.once('error', error => socket.close(() => resolve(errorCode(error))))
    socket.bind({ address, port, exclusive: true }, () => socket.close(() => resolve('')))
  })

const bindTcp = (address: string, port: number): Promise<string> =>
  new Promise(resolve => {
    const server = createServer()
    server.once('error', error => resolve(errorCode(error)))
    server.listen({ host: address, port, ipv6Only: address.includes(':'), exclusive: true }, () =>
      server.close(() => resolve('')),
    )
  })

async function askOnStream(path: QueryPath, query: Uint8Array): Promise<Heard> {
  let heard: Heard | null = null
  const end = await askByStream(path, query, (bytes, tookMs) => {
    heard = { kind: 'reply', bytes: Uint8Array.from(bytes), tookMs }
    return 'done'
  })
  if (heard !== null) return heard
  if (end.kind === 'refused') return end
  return end.kind === 'timeout' ? { kind: 'timeout' } : { kind: 'refused', reason: 'closed without an answer' }
}

async function lookUp(config: Config, zones: readonly Name[]): Promise<readonly Outcome[] | null> {
  const opened = openEngine(config, { events: () => {} })
  if (opened.kind === 'invalid') return null
  const { resolver } = opened.recursor
  try {
    return await Promise.all(
      zones.map(
        name =>
          new Promise<Outcome>(done =>
            resolver.resolve(
              { name, type: RrType.SOA, class: RrClass.IN },
              // What is asked is whether there is a way, not whether what comes is signed.
              { recursionDesired: true, because: 'client', checkingDisabled: true },
              done,
            ),
          ),
      ),
    )
  } finally {
    await opened.close()
  }
}
