/**
 * Primaries that we did not write: BIND, NSD and Knot DNS, each with one zone, a key for transfers, and a file that is
 * read again on SIGHUP. They listen on a port of 127.0.0.1 of their own.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { answers, startProcess, temporaryDirectory } from '../daemons.mjs'

export const KEY = { name: 'transfer.key', secret: 'c2VjcmV0IG9mIHRoZSB0ZXN0cyBmb3IgdHJhbnNmZXJz' } as const
/** As tsig-keygen writes it. */
export const keyText = (secret: string = KEY.secret, algorithm = 'hmac-sha256'): string =>
  `key "${KEY.name}" {\n\talgorithm ${algorithm};\n\tsecret "${secret}";\n};\n`

export type PrimaryKind = 'named' | 'nsd' | 'knotd'

export interface Primary {
  readonly address: string
  readonly port: number
  /** Another version of the zone; it is served soon. */
  write(text: string): void
  log(): string
  /** SIGKILL. */
  kill(): void
  stop(): Promise<void>
}

export interface PrimaryOptions {
  readonly zone: string
  readonly text: string
  readonly algorithm?: string
  /** Where NOTIFY goes. */
  readonly notify?: number
}

export async function startPrimary(kind: PrimaryKind, options: PrimaryOptions): Promise<Primary> {
  const port = await freePort()
  const directory = temporaryDirectory(kind)
  const file = join(directory.path, 'zone')
  mkdirSync(join(directory.path, 'db'))
  writeFileSync(file, options.text)
  const config = join(directory.path, 'conf')
  writeFileSync(config, configs[kind](options, port, directory.path))
  let log = ''
  const running = startProcess(kind, args[kind](config), { onOutput: text => (log += text) })
  const stop = async (): Promise<void> => {
    await running.stop()
    directory.remove()
  }
  if (!(await answers('127.0.0.1', port, running.gone))) {
    await stop()
    throw new Error(`${kind} does not answer:\n${log}`)
  }
  const write = (text: string): void => {
    writeFileSync(file, text)
    process.kill(running.pid, 'SIGHUP')
  }
  const kill = (): void => void process.kill(running.pid, 'SIGKILL')
  return { address: '127.0.0.1', port, write, log: () => log, kill, stop }
}

const args: Readonly<Record<PrimaryKind, (config: string) => readonly string[]>> = {
  named: config => ['-g', '-c', config],
  nsd: config => ['-d', '-c', config],
  knotd: config => ['-c', config],
}

const configs: Readonly<Record<PrimaryKind, (options: PrimaryOptions, port: number, directory: string) => string>> = {
  named: ({ zone, algorithm = 'hmac-sha256', notify }, port, directory) => `
${keyText(KEY.secret, algorithm)}
options {
  directory "${directory}"; pid-file none; session-keyfile none; recursion no; dnssec-validation no;
  listen-on port ${port} { 127.0.0.1; }; listen-on-v6 { none; };
  ixfr-from-differences yes; max-ixfr-ratio unlimited; notify ${notify === undefined ? 'no' : 'explicit'};
  ${notify === undefined ? '' : `also-notify { 127.0.0.1 port ${notify} key "${KEY.name}"; };`}
};
controls { };
zone "${zone}" { type primary; file "zone"; allow-transfer { key "${KEY.name}"; }; };
`,
  nsd: ({ zone, algorithm = 'hmac-sha256', notify }, port, directory) => `
server:
  ip-address: 127.0.0.1@${port}
  do-ip6: no
  username: ""
  chroot: ""
  zonesdir: "${directory}"
  database: ""
  pidfile: ""
  xfrdfile: "${directory}/xfrd.state"
  xfrdir: "${directory}"
  zonelistfile: "${directory}/zone.list"
  server-count: 1
remote-control:
  control-enable: no
key:
  name: "${KEY.name}"
  algorithm: ${algorithm}
  secret: "${KEY.secret}"
zone:
  name: "${zone}"
  zonefile: "zone"
  store-ixfr: yes
  create-ixfr: yes
  provide-xfr: 127.0.0.1 ${KEY.name}
${notify === undefined ? '' : `  notify: 127.0.0.1@${notify} ${KEY.name}\n`}`,
  knotd: ({ zone, algorithm = 'hmac-sha256', notify }, port, directory) => `
server:
  listen: 127.0.0.1@${port}
  rundir: "${directory}"
database:
  storage: "${directory}/db"
log:
  - target: stderr
    any: info
key:
  - id: ${KEY.name}
    algorithm: ${algorithm}
    secret: ${KEY.secret}
${notify === undefined ? '' : `remote:\n  - id: us\n    address: 127.0.0.1@${notify}\n    key: ${KEY.name}\n`}acl:
  - id: transfers
    key: ${KEY.name}
    action: transfer
zone:
  - domain: ${zone}
    file: "${directory}/zone"
    zonefile-load: difference
    zonefile-sync: -1
    journal-content: all
    acl: transfers
${notify === undefined ? '' : '    notify: us\n'}`,
}

export function freePort(): Promise<number> {
  return new Promise(resolve => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const at = server.address()
      server.close(() => resolve(at !== null && typeof at === 'object' ? at.port : 0))
    })
  })
}
