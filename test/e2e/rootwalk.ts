import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createSocket } from 'node:dgram'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { answers, startProcess } from '../daemons.mjs'
import type { Endpoint } from './dig.ts'

export interface Rootwalk {
  readonly endpoint: Endpoint
  readonly directory: string
  readonly output: () => string
  signal(name: NodeJS.Signals): void
  stop(): Promise<void>
}

export function freeUdpPort(): Promise<number> {
  const socket = createSocket('udp4')
  return new Promise(resolve => {
    socket.bind(0, '127.0.0.1', () => {
      const { port } = socket.address()
      socket.close(() => resolve(port))
    })
  })
}

export async function startRootwalk({ hints, config = {} }: { hints: string; config?: object }): Promise<Rootwalk> {
  const directory = mkdtempSync(join(tmpdir(), 'rootwalk-e2e-'))
  const port = await freeUdpPort()
  writeFileSync(join(directory, 'root.hints'), hints)
  writeFileSync(join(directory, 'resolver.config.json'), JSON.stringify({ listen: [`127.0.0.1:${port}`], rootHints: join(directory, 'root.hints'), upstream: { doNotQuery: [] }, ...config }))
  let output = ''
  const running = startProcess(process.execPath, [process.env.RW_CLI ?? 'dist/cli.js', 'serve', '--config', join(directory, 'resolver.config.json')], { onOutput: text => (output += text) })
  const stop = async (): Promise<void> => {
    await running.stop()
    rmSync(directory, { recursive: true, force: true })
  }
  if (!(await answers('127.0.0.1', port, running.gone))) {
    await stop()
    throw new Error(output)
  }
  return { endpoint: { address: '127.0.0.1', port }, directory, output: () => output, signal: name => process.kill(running.pid, name), stop }
}
