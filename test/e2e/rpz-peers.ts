/**
 * Resolvers of others with policy zones of files, in front of one server of the zone `test`: BIND, Unbound and PowerDNS
 * Recursor as Debian has them. Each listens on a port of 127.0.0.1 of its own.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { answers, startProcess, temporaryDirectory, type Daemon } from '../daemons.mjs'
import type { Endpoint } from './dig.ts'
import { freePort } from './primaries.ts'

export type RpzPeer = 'named' | 'unbound' | 'pdns_recursor'

export interface RunningPeer extends Daemon {
  readonly at: Endpoint
}

/** `owner`: the address of the server of `test`; `policies`: the texts of `rpz0`, `rpz1` and so on. */
export async function startRpzPeer(peer: RpzPeer, owner: string, policies: readonly string[]): Promise<RunningPeer> {
  const port = await freePort()
  const { path, remove } = temporaryDirectory(peer)
  for (const [i, text] of policies.entries()) writeFileSync(join(path, `rpz${i}`), text)
  const { files, args } = SETUPS[peer]({ owner, port, path, count: policies.length })
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text)
  let log = ''
  const running = startProcess(peer, args, { onOutput: text => (log += text) })
  const stop = async (): Promise<void> => {
    await running.stop()
    remove()
  }
  if (!(await answers('127.0.0.1', port, running.gone))) {
    await stop()
    throw new Error(`${peer} does not answer:\n${log}`)
  }
  return { pid: running.pid, log: () => log, stop, at: { address: '127.0.0.1', port } }
}

interface Place {
  readonly owner: string
  readonly port: number
  readonly path: string
  readonly count: number
}

interface Setup {
  readonly files: Readonly<Record<string, string>>
  readonly args: readonly string[]
}

const each = (count: number, line: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => line(i)).join('\n')

const SETUPS: Readonly<Record<RpzPeer, (place: Place) => Setup>> = {
  named: ({ owner, port, path, count }) => ({
    args: ['-g', '-c', join(path, 'conf')],
    files: {
      conf: `options {
  directory "${path}"; pid-file none; session-keyfile none; recursion yes; dnssec-validation no;
  listen-on port ${port} { 127.0.0.1; }; listen-on-v6 { none; }; empty-zones-enable no; qname-minimization off;
  response-policy { ${each(count, i => `zone "rpz${i}";`)} } qname-wait-recurse no;
};
controls { };
zone "test" { type forward; forward only; forwarders { ${owner}; }; };
${each(count, i => `zone "rpz${i}" { type primary; file "rpz${i}"; };`)}
`,
    },
  }),
  unbound: ({ owner, port, path, count }) => ({
    args: ['-d', '-c', join(path, 'conf')],
    files: {
      conf: `server:
  interface: 127.0.0.1@${port}
  do-ip6: no
  num-threads: 1
  username: ""
  chroot: ""
  directory: "${path}"
  pidfile: ""
  use-syslog: no
  do-not-query-localhost: no
  do-daemonize: no
  module-config: "respip iterator"
  access-control: 127.0.0.0/8 allow
  local-zone: "test." nodefault
remote-control:
  control-enable: no
stub-zone:
  name: "test"
  stub-addr: ${owner}
${each(count, i => `rpz:\n  name: "rpz${i}"\n  zonefile: "${path}/rpz${i}"`)}
`,
    },
  }),
  pdns_recursor: ({ owner, port, path, count }) => ({
    args: [`--config-dir=${path}`],
    files: {
      'recursor.conf': `local-address=127.0.0.1
local-port=${port}
dont-query=
threads=1
pdns-distributes-queries=no
socket-dir=${path}
daemon=no
write-pid=no
quiet=yes
loglevel=3
allow-from=127.0.0.0/8
security-poll-suffix=
setuid=
setgid=
dnssec=off
forward-zones=test=${owner}
lua-config-file=${path}/policies.lua
`,
      'policies.lua': `${each(count, i => `rpzFile("${path}/rpz${i}", {policyName="rpz${i}"})`)}\n`,
    },
  }),
}
