/** Debian's redis-server on a port of its own, and a secret for instances that share it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'iovalkey'
import { startProcess } from '../daemons.mjs'
import { freePort } from './rootwalk.ts'

export interface RedisServer {
  readonly port: number
  readonly url: string
  /** A connection of the test's own. */
  readonly client: Redis
  signal(name: 'SIGSTOP' | 'SIGCONT' | 'SIGKILL'): void
  /** Again on the same port, with nothing in it. */
  restart(): Promise<void>
  stop(): Promise<void>
}

export async function startRedis(settings: readonly string[] = []): Promise<RedisServer> {
  const port = await freePort()
  const start = (): ReturnType<typeof startProcess> =>
    startProcess('redis-server', ['--port', String(port), '--save', '', '--appendonly', 'no', ...settings], {
      onOutput: () => {},
    })
  let server = start()
  await accepts(port)
  const client = new Redis(port, '127.0.0.1', { maxRetriesPerRequest: null })
  client.on('error', () => {})
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    client,
    signal: name => void process.kill(server.pid, name),
    async restart() {
      await server.exited
      server = start()
      await accepts(port)
    },
    async stop() {
      client.disconnect()
      if (!server.gone()) process.kill(server.pid, 'SIGCONT')
      await server.stop()
    },
  }
}

/** Resolves when something accepts connections there. */
export async function accepts(port: number): Promise<void> {
  for (;;) {
    const isOpen = await new Promise<boolean>(resolve => {
      const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false))
      socket.on('close', () => socket.destroy())
    })
    if (isOpen) return
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

export interface Place {
  readonly directory: string
  readonly secretFile: string
  remove(): void
}

export function newPlace(): Place {
  const directory = mkdtempSync(join(tmpdir(), 'rootwalk-shared-'))
  const secretFile = join(directory, 'secret')
  writeFileSync(secretFile, 'a secret of at least twenty-four characters\n')
  return { directory, secretFile, remove: () => rmSync(directory, { recursive: true, force: true }) }
}
