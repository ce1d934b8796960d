// @ts-check
/**
 * The resolvers of others: how each is told to do what rootwalk does in a measurement, with one thread, the same hints,
 * the same memory, and loopback servers allowed. Whichever is installed is measured; nothing is installed.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { answers, startProcess, temporaryDirectory, whereIs } from '../daemons.mjs'
import { atRest } from './measure.mjs'
import { ADDRESS, CACHE_MIB, freePort, SERVER_CPU, TCP_CONNECTIONS } from './servers.mjs'

/** @typedef {import('./servers.mjs').Server} Server */
/**
 * @typedef
 * {{ directory: string, port: number, hints: string, anchors: string | null, cacheMib: number, more: readonly string[] }}
 * Place
 */
/**
 * @typedef
 * {{ name: string, program: string, file: string, config: (place: Place) => string, args: (place: Place) => string[] }}
 * Peer
 */

/** @type {readonly Peer[]} */
const peers = [
  {
    name: 'Unbound',
    program: 'unbound',
    file: 'unbound.conf',
    args: ({ directory }) => ['-d', '-c', join(directory, 'unbound.conf')],
    config: ({ directory, port, hints, anchors, cacheMib, more }) =>
      [
        'server:',
        `  interface: ${ADDRESS}@${port}`,
        '  do-ip6: no',
        '  num-threads: 1',
        '  username: ""',
        '  chroot: ""',
        `  directory: "${directory}"`,
        '  pidfile: ""',
        '  use-syslog: no',
        `  root-hints: "${hints}"`,
        '  do-not-query-localhost: no',
        '  do-daemonize: no',
        '  access-control: 127.0.0.0/8 allow',
        '  minimal-responses: yes',
        '  rrset-roundrobin: no',
        `  msg-cache-size: ${Math.round(cacheMib / 3)}m`,
        `  rrset-cache-size: ${Math.round((cacheMib * 2) / 3)}m`,
        '  so-rcvbuf: 4m',
        '  outgoing-range: 4096',
        '  num-queries-per-thread: 2048',
        `  incoming-num-tcp: ${TCP_CONNECTIONS}`,
        '  trust-anchor-signaling: no',
        ...(anchors === null
          ? ['  module-config: "iterator"']
          : ['  module-config: "validator iterator"', `  trust-anchor-file: "${anchors}"`]),
        ...more,
        'remote-control:',
        '  control-enable: no',
      ].join('\n'),
  },
  {
    name: 'BIND',
    program: 'named',
    file: 'named.conf',
    args: ({ directory }) => ['-f', '-4', '-n', '1', '-c', join(directory, 'named.conf')],
    config: ({ directory, port, hints, anchors, cacheMib }) =>
      [
        'options {',
        `  directory "${directory}"; listen-on port ${port} { ${ADDRESS}; }; listen-on-v6 { none; };`,
        '  recursion yes; allow-query { any; }; allow-recursion { any; };',
        `  pid-file none; session-keyfile none; minimal-responses yes; empty-zones-enable no; max-cache-size ${cacheMib}m;`,
        `  recursive-clients 10000; tcp-clients ${TCP_CONNECTIONS}; max-clients-per-query 0; clients-per-query 0; dnssec-validation ${anchors === null ? 'no' : 'yes'};`,
        '};',
        'controls { };',
        'logging { category default { null; }; };',
        `zone "." { type hint; file "${hints}"; };`,
        ...(anchors === null ? [] : [`include "${anchors}.bind";`]),
      ].join('\n'),
  },
  {
    name: 'Knot Resolver',
    program: 'kresd',
    file: 'kresd.conf',
    args: ({ directory }) => ['-n', '-q', '-c', join(directory, 'kresd.conf'), directory],
    config: ({ port, hints, anchors, cacheMib }) =>
      [
        `net.ipv6 = false`,
        `net.listen('${ADDRESS}', ${port})`,
        `cache.size = ${cacheMib} * MB`,
        "modules = { 'hints > iterate' }",
        `hints.root_file('${hints}')`,
        "option('ALLOW_LOCAL', true)",
        "modules.unload('ta_signal_query')",
        "modules.unload('ta_sentinel')",
        "trust_anchors.remove('.')",
        ...(anchors === null ? [] : [`trust_anchors.add_file('${anchors}', true)`]),
      ].join('\n'),
  },
  {
    name: 'PowerDNS',
    program: 'pdns_recursor',
    file: 'recursor.conf',
    args: ({ directory }) => [`--config-dir=${directory}`],
    config: ({ directory, port, hints, anchors, cacheMib }) =>
      [
        `local-address=${ADDRESS}`,
        `local-port=${port}`,
        `hint-file=${hints}`,
        'dont-query=',
        'threads=1',
        'pdns-distributes-queries=no',
        `socket-dir=${directory}`,
        'daemon=no',
        'write-pid=no',
        'quiet=yes',
        'loglevel=2',
        'allow-from=127.0.0.0/8',
        'security-poll-suffix=',
        'max-mthreads=8192',
        `max-tcp-clients=${TCP_CONNECTIONS}`,
        'setuid=',
        'setgid=',
        // An entry is about half a kilobyte.
        `max-cache-entries=${cacheMib * 2_000}`,
        `max-packetcache-entries=${cacheMib * 1_000}`,
        `dnssec=${anchors === null ? 'off' : 'validate'}`,
        ...(anchors === null ? [] : [`lua-config-file=${anchors}.lua`]),
      ].join('\n'),
  },
]

/** Those that are installed, Unbound first. */
export const installed = () => peers.filter(({ program }) => whereIs(program) !== null).map(({ name }) => name)

/**
 * Resolves when it answers and has nothing more to do of its own accord.
 * @param {string} name
 * @param {import('./servers.mjs').Purpose} purpose
 * @returns {Promise<Server>}
 */
export async function startPeer(name, { hints, anchor = null, cacheMib = CACHE_MIB, more = [] }) {
  const peer = peers.find(one => one.name === name)
  if (peer === undefined) throw new Error(`${name} is no peer`)
  const { path: directory, remove } = temporaryDirectory(peer.program)
  const port = await freePort()
  const hintsFile = join(directory, 'root.hints')
  const anchors = anchor === null ? null : join(directory, 'anchors')
  const place = { directory, port, hints: hintsFile, anchors, cacheMib, more }
  writeFileSync(hintsFile, hints)
  if (anchor !== null && anchors !== null) writeAnchors(anchors, anchor)
  writeFileSync(join(directory, peer.file), `${peer.config(place)}\n`)
  let output = ''
  const running = startProcess(peer.program, peer.args(place), { cpu: SERVER_CPU, onOutput: text => (output += text) })
  const stop = async () => {
    await running.stop()
    remove()
  }
  const said = () => output
  if (await answers(ADDRESS, port, running.gone)) {
    await atRest(running.pid)
    return { name, pid: running.pid, port, said, stop }
  }
  await stop()
  throw new Error(`${name} does not answer:\n${output}`)
}

/** The same anchor in the words of each. @param {string} path @param {string} ds */
function writeAnchors(path, ds) {
  writeFileSync(path, ds)
  const [, tag = '', algorithm = '', type = '', digest = ''] =
    /\sDS\s+(\d+)\s+(\d+)\s+(\d+)\s+([0-9a-fA-F\s]+)/.exec(ds.replace(/;.*/g, '')) ?? []
  const hex = digest.replace(/\s/g, '')
  writeFileSync(`${path}.bind`, `trust-anchors { "." static-ds ${tag} ${algorithm} ${type} "${hex}"; };\n`)
  writeFileSync(`${path}.lua`, `clearTA()\naddTA('.', "${tag} ${algorithm} ${type} ${hex}")\n`)
}
