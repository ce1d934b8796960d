// @ts-check
/** Primaries of others for large zones: NSD, BIND and Knot DNS with a key for transfers, on a port of 127.0.0.1. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startProcess, temporaryDirectory, whereIs } from '../daemons.mjs'
import { pause } from './measure.mjs'
import { ADDRESS, freePort } from './servers.mjs'

const SECRET = 'c2VjcmV0IG9mIHRoZSBiZW5jaG1hcmsgZm9yIHRyYW5zZmVycw=='
/** As tsig-keygen writes it. */
export const KEY_TEXT = `key "bench.key" {\n\talgorithm hmac-sha256;\n\tsecret "${SECRET}";\n};\n`
const LOOK_MS = 200
const LONGEST_MS = 120_000

/** @typedef {{ port: number, directory: string, zones: readonly string[] }} Of */
/** @type {Readonly<Record<string, { program: string, args: (config: string) => readonly string[], config: (of: Of) => string }>>} */
const KINDS = {
  NSD: {
    program: 'nsd',
    args: config => ['-d', '-c', config],
    config: ({ port, directory, zones }) => `server:
  ip-address: ${ADDRESS}@${port}
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
  name: "bench.key"
  algorithm: hmac-sha256
  secret: "${SECRET}"
${zones.map(zone => `zone:\n  name: "${zone}"\n  zonefile: "${zone}"\n  provide-xfr: 127.0.0.1 bench.key\n`).join('')}`,
  },
  BIND: {
    program: 'named',
    args: config => ['-g', '-n', '1', '-c', config],
    config: ({ port, directory, zones }) => `${KEY_TEXT}
options {
  directory "${directory}"; pid-file none; session-keyfile none; recursion no; dnssec-validation no; notify no;
  listen-on port ${port} { ${ADDRESS}; }; listen-on-v6 { none; };
};
controls { };
${zones.map(zone => `zone "${zone}" { type primary; file "${zone}"; check-names ignore; allow-transfer { key "bench.key"; }; };\n`).join('')}`,
  },
  'Knot DNS': {
    program: 'knotd',
    args: config => ['-c', config],
    config: ({ port, directory, zones }) => `server:
  listen: ${ADDRESS}@${port}
  rundir: "${directory}"
  background-workers: 1
database:
  storage: "${directory}/db"
  journal-db-max-size: 1G
key:
  - id: bench.key
    algorithm: hmac-sha256
    secret: ${SECRET}
acl:
  - id: transfers
    key: bench.key
    action: transfer
zone:
${zones.map(zone => `  - domain: ${zone}\n    file: "${directory}/${zone}"\n    zonefile-sync: -1\n    journal-content: none\n    acl: transfers\n`).join('')}`,
  },
}

/** Those that are installed. */
export const primaries = () =>
  Object.keys(KINDS).filter(name => KINDS[name] !== undefined && whereIs(KINDS[name].program) !== null)

/**
 * Starts one with zones (name and text); resolves when it serves all of them.
 * @param {string} name
 * @param {Readonly<Record<string, string>>} zones
 */
export async function startPrimary(name, zones) {
  const kind = KINDS[name]
  if (kind === undefined) throw new Error(`there is no primary ${name}`)
  const { path: directory, remove } = temporaryDirectory('primary')
  mkdirSync(join(directory, 'db'))
  for (const [zone, text] of Object.entries(zones)) writeFileSync(join(directory, zone), text)
  const port = await freePort()
  const config = join(directory, 'conf')
  writeFileSync(config, kind.config({ port, directory, zones: Object.keys(zones) }))
  let said = ''
  const running = startProcess(kind.program, kind.args(config), { onOutput: text => (said += text) })
  const stop = async () => {
    await running.stop()
    remove()
  }
  const began = performance.now()
  while (!(await servesAll(port, Object.keys(zones)))) {
    if (running.gone() || performance.now() - began > LONGEST_MS) {
      await stop()
      throw new Error(`${name} does not serve its zones:\n${said.slice(-2_000)}`)
    }
    await pause(LOOK_MS)
  }
  return { port, pid: running.pid, stop }
}

/** @param {number} port @param {readonly string[]} zones */
async function servesAll(port, zones) {
  for (const zone of zones) if (!(await hasSoa(port, zone))) return false
  return true
}

/** @param {number} port @param {string} zone @returns {Promise<boolean>} */
async function hasSoa(port, zone) {
  const { createSocket } = await import('node:dgram')
  const name = zone.split('.').map(label => `${String.fromCharCode(label.length)}${label}`)
  const query = Buffer.concat([
    Buffer.from([0, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
    Buffer.from(`${name.join('')}\0\0\x06\0\x01`, 'latin1'),
  ])
  const socket = createSocket('udp4')
  return new Promise(resolve => {
    const finish = (/** @type {boolean} */ found) => {
      clearTimeout(timer)
      socket.close(() => resolve(found))
    }
    const timer = setTimeout(finish, 1_000, false)
    socket.on('error', () => finish(false))
    socket.on('message', reply => finish(((reply[3] ?? 15) & 15) === 0 && (reply[7] ?? 0) > 0))
    socket.send(query, port, ADDRESS)
  })
}
