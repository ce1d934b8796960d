// @ts-check
/**
 * Name servers and resolvers that we did not write, as separate processes for tests and benchmarks: NSD and Unbound,
 * each with its own temporary directory and configuration. Plain JavaScript, because the benchmark runs without a
 * compiler.
 *
 * Invariant: whatever is started here is gone when its `stop` returns, when this process ends, and (where `setpriv` is
 * installed) also when this process is killed.
 */
import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { accessSync, closeSync, constants, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, isAbsolute, join } from 'node:path'
import { CONDITION_MS, patientMs } from './patience.mjs'

/** @typedef {{ origin: string, text: string }} ZoneText Origin with its trailing dot, and a master file. */
/** @typedef {{ name: string, addresses: readonly string[], zones: readonly ZoneText[], cpu?: number }} NsdOptions */
/** @typedef {{ pid: number, log: () => string, stop: () => Promise<void> }} Daemon */

/** 50 ms each. */
const READY_TRIES = CONDITION_MS / 50
const TRY_MS = 50
const TERM_MS = patientMs(10_000)
/** . SOA without RD: whoever answers it anyhow is up. */
const PROBE = Uint8Array.of(0x4e, 0x53, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 6, 0, 1)

/** What is still to be killed or removed when this process ends. @type {Set<() => void>} */
const atExit = new Set()
process.on('exit', () => {
  for (const undo of atExit) undo()
})

/**
 * The path of a program; daemons are often in a directory that is not in the PATH of a user.
 * @param {string} tool
 * @returns {string | null}
 */
export function whereIs(tool) {
  for (const directory of [...(process.env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin']) {
    if (directory === '') continue
    const path = join(directory, tool)
    try {
      accessSync(path, constants.X_OK)
      return path
    } catch {
      // Not here.
    }
  }
  return null
}

/**
 * Starts a program in the foreground, in a process group of its own. Its output goes to `onOutput`, or straight into a
 * file.
 * @param {string} tool
 * @param {readonly string[]} args
 * @param
 * {{ cpu?: number | string | undefined, onOutput?: (text: string) => void, outputFile?: string, env?: NodeJS.ProcessEnv }}
 * [options]
 * @returns {{ pid: number, exited: Promise<number | null>, gone: () => boolean, stop: () => Promise<void> }}
 */
export function startProcess(tool, args, options = {}) {
  const program = isAbsolute(tool) ? tool : whereIs(tool)
  if (program === null) throw new Error(`${tool} is not installed`)
  const command = [program, ...args]
  const taskset = whereIs('taskset')
  if (options.cpu !== undefined && taskset !== null) command.unshift(taskset, '-c', String(options.cpu))
  const setpriv = whereIs('setpriv')
  if (setpriv !== null) command.unshift(setpriv, '--pdeathsig', 'KILL')
  const [file = program, ...rest] = command
  const into = options.outputFile === undefined ? 'pipe' : openSync(options.outputFile, 'w')
  const child = spawn(file, rest, { stdio: ['ignore', into, into], detached: true, env: options.env ?? process.env })
  if (typeof into === 'number') closeSync(into)
  const { pid } = child
  if (pid === undefined) throw new Error(`${tool} did not start`)
  let ended = false
  const killNow = () => signal(-pid, 'SIGKILL')
  atExit.add(killNow)
  const exited = new Promise((/** @type {(code: number | null) => void} */ resolve) => {
    child.once('exit', code => {
      ended = true
      atExit.delete(killNow)
      resolve(code)
    })
  })
  child.stdout?.setEncoding('utf8').on('data', text => options.onOutput?.(text))
  child.stderr?.setEncoding('utf8').on('data', text => options.onOutput?.(text))
  const stop = async () => {
    if (ended) return
    signal(pid, 'SIGTERM')
    const hard = setTimeout(killNow, TERM_MS)
    await exited
    clearTimeout(hard)
    // What the leader left behind.
    killNow()
  }
  return { pid, exited, gone: () => ended, stop }
}

/**
 * @param {number} pid
 * @param {NodeJS.Signals} name
 */
function signal(pid, name) {
  try {
    process.kill(pid, name)
  } catch {
    // Gone already.
  }
}

/**
 * Asks `address` for ". SOA" until something answers.
 * @param {string} address
 * @param {number} port
 * @param {() => boolean} gone
 * @returns {Promise<boolean>}
 */
export async function answers(address, port, gone) {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
  try {
    socket.on('error', () => {})
    let heard = () => {}
    let answered = false
    socket.on('message', () => {
      answered = true
      heard()
    })
    for (let tries = 0; tries < READY_TRIES && !answered && !gone(); tries++) {
      socket.send(PROBE, port, address)
      await new Promise((/** @type {(value: void) => void} */ resolve) => {
        const timer = setTimeout(resolve, TRY_MS)
        heard = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    return answered
  } finally {
    socket.close()
  }
}

/**
 * @param {string} tool
 * @param {readonly string[]} args
 * @param {{ path: string, remove: () => void }} directory
 * @param {readonly string[]} addresses
 * @param {number} port
 * @param {number | undefined} cpu
 * @returns {Promise<Daemon>}
 */
async function startDaemon(tool, args, directory, addresses, port, cpu) {
  let output = ''
  const process_ = startProcess(tool, args, { cpu, onOutput: text => (output += text) })
  const log = () => `${output}${readIfThere(join(directory.path, 'log'))}`
  const stop = async () => {
    await process_.stop()
    directory.remove()
  }
  for (const address of addresses) {
    if (await answers(address, port, process_.gone)) continue
    const said = log()
    await stop()
    throw new Error(`${tool} does not answer on ${address}#${port}:\n${said}`)
  }
  return { pid: process_.pid, log, stop }
}

/** @param {string} path */
function readIfThere(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/**
 * A temporary directory that is gone after `remove`, and when this process ends.
 * @param {string} name
 * @returns {{ path: string, remove: () => void }}
 */
export function temporaryDirectory(name) {
  const path = mkdtempSync(join(tmpdir(), `rootwalk-${name}-`))
  const undo = () => rmSync(path, { recursive: true, force: true })
  atExit.add(undo)
  const remove = () => {
    atExit.delete(undo)
    undo()
  }
  return { path, remove }
}

/**
 * NSD on port 53 of `addresses`, authoritative for `zones`.
 * @param {NsdOptions} options
 * @returns {Promise<Daemon>}
 */
export async function startNsd({ name, addresses, zones, cpu }) {
  const temporary = temporaryDirectory(`nsd-${name}`)
  const directory = temporary.path
  const quoted = (/** @type {string} */ file) => `"${join(directory, file)}"`
  // No rate limiting (200 a second by default) and no control channel; "" keeps the user and the root directory.
  const lines = [
    'server:',
    ...addresses.map(address => `  ip-address: ${address}@53`),
    '  do-ip6: no',
    '  username: ""',
    '  chroot: ""',
    `  zonesdir: "${directory}"`,
    '  database: ""',
    '  pidfile: ""',
    `  xfrdfile: ${quoted('xfrd.state')}`,
    `  xfrdir: "${directory}"`,
    `  zonelistfile: ${quoted('zone.list')}`,
    `  logfile: ${quoted('log')}`,
    '  server-count: 1',
    '  tcp-count: 100',
    '  rrl-ratelimit: 0',
    '  rrl-whitelist-ratelimit: 0',
    '  round-robin: no',
    '  minimal-responses: no',
    '  refuse-any: no',
    'remote-control:',
    '  control-enable: no',
  ]
  zones.forEach(({ origin, text }, index) => {
    writeFileSync(join(directory, `${index}.zone`), text)
    lines.push('zone:', `  name: "${origin}"`, `  zonefile: "${index}.zone"`)
  })
  const config = join(directory, 'nsd.conf')
  writeFileSync(config, `${lines.join('\n')}\n`)
  return startDaemon('nsd', ['-d', '-c', config], temporary, addresses, 53, cpu)
}

/**
 * Unbound with one thread and no validation. `hints` is the text of a hints file.
 * @param {{ address: string, port: number, hints: string, cpu?: number, more?: readonly string[] }} options
 * @returns {Promise<Daemon>}
 */
export async function startUnbound({ address, port, hints, cpu, more = [] }) {
  const temporary = temporaryDirectory('unbound')
  const directory = temporary.path
  writeFileSync(join(directory, 'root.hints'), hints)
  const config = join(directory, 'unbound.conf')
  const lines = [
    'server:',
    `  interface: ${address}@${port}`,
    '  do-ip6: no',
    '  num-threads: 1',
    '  username: ""',
    '  chroot: ""',
    `  directory: "${directory}"`,
    '  pidfile: ""',
    '  use-syslog: no',
    `  logfile: "${join(directory, 'log')}"`,
    `  root-hints: "${join(directory, 'root.hints')}"`,
    '  do-not-query-localhost: no',
    '  do-daemonize: no',
    '  module-config: "iterator"',
    '  access-control: 127.0.0.0/8 allow',
    '  minimal-responses: yes',
    '  rrset-roundrobin: no',
    ...more.map(line => `  ${line}`),
    'remote-control:',
    '  control-enable: no',
  ]
  writeFileSync(config, `${lines.join('\n')}\n`)
  return startDaemon('unbound', ['-d', '-c', config], temporary, [address], port, cpu)
}

/**
 * A /24 of 127.53.0.0/16 in which nobody else uses port 53. `address(n)` is its n-th address; `release` gives it back.
 * The string is the reason why there is none.
 * @returns {Promise<{ address: (n: number) => string, release: () => Promise<void> } | string>}
 */
export async function claimNetwork() {
  let reason = ''
  for (let tries = 0; tries < 40; tries++) {
    const prefix = `127.53.${(process.pid + tries) % 250}`
    // The last address is held as a sign for others who look.
    const sign = await bound(`${prefix}.254`)
    if (typeof sign !== 'string') {
      return {
        address: n => `${prefix}.${n}`,
        release: () => new Promise((/** @type {(value: void) => void} */ resolve) => void sign.close(() => resolve())),
      }
    }
    reason = `port 53 of ${prefix}.254: ${sign}`
    if (sign !== 'EADDRINUSE') break
  }
  return reason
}

/**
 * @param {string} address
 * @returns {Promise<import('node:dgram').Socket | string>}
 */
function bound(address) {
  const socket = createSocket('udp4')
  return new Promise(resolve => {
    socket.once('error', error => {
      socket.close()
      resolve('code' in error && typeof error.code === 'string' ? error.code : error.message)
    })
    socket.bind(53, address, () => {
      socket.unref()
      resolve(socket)
    })
  })
}
