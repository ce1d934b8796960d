/** dnsdist with the configuration of `contrib/`, in front of some instances. */
import { join } from 'node:path'
import { startProcess } from '../daemons.mjs'
import { root } from '../testing/command.ts'
import type { Endpoint } from './dig.ts'
import { freePort } from './rootwalk.ts'

export const DNSDIST_CONFIG: string = join(root, 'contrib/dnsdist/rootwalk.conf')

export interface Dnsdist {
  readonly port: number
  readonly gone: () => boolean
  /** What it has said. */
  readonly output: () => string
  stop(): Promise<void>
}

export async function startDnsdist(instances: readonly Endpoint[]): Promise<Dnsdist> {
  const port = await freePort()
  let output = ''
  const env = {
    ...process.env,
    ROOTWALK_LISTEN: `127.0.0.1:${port}`,
    ROOTWALK_SERVERS: instances.map(({ address, port: at }) => `${address}:${at}`).join(' '),
  }
  const { gone, stop } = startProcess('dnsdist', ['--supervised', '--disable-syslog', '--config', DNSDIST_CONFIG], {
    onOutput: text => {
      output += text
    },
    env,
  })
  return { port, gone, output: () => output, stop }
}
