// @ts-check
/** The servers that are measured, each a process of its own pinned to one core: rootwalk as it is shipped, a bare echo, Unbound. */
import { writeFileSync } from 'node:fs'
import { createSocket } from 'node:dgram'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { answers, startProcess, startUnbound, temporaryDirectory } from '../daemons.mjs'
import { cliPath } from './built.mjs'

/** @typedef {{ name: string, pid: number, port: number, stop: () => Promise<void> }} Server */

export const ADDRESS = '127.0.0.1'
export const SERVER_CPU = 0
export const CLIENT_CPU = 1

/** A port that is free for UDP now. @returns {Promise<number>} */
export async function freePort() {
  const socket = createSocket('udp4')
  await new Promise((/** @type {(value: void) => void} */ resolve) => void socket.bind(0, ADDRESS, resolve))
  const { port } = socket.address()
  socket.close()
  return port
}

/**
 * Starts `node dist/cli.js serve`; resolves when it answers, or when `ready` says so. `nodeOptions` come before the script (profiling).
 * @param {{ hints: string, nodeOptions?: readonly string[], ready?: (port: number) => Promise<boolean> }} options
 * @returns {Promise<Server>}
 */
export async function startRootwalk({ hints, nodeOptions = [], ready }) {
  const { path: directory, remove } = temporaryDirectory('bench')
  const port = await freePort()
  const config = join(directory, 'resolver.config.json')
  writeFileSync(join(directory, 'root.hints'), hints)
  writeFileSync(config, JSON.stringify({
    listen: [`${ADDRESS}:${port}`], rootHints: join(directory, 'root.hints'), upstream: { doNotQuery: [], ipv6: false }, log: { level: 'warn', form: 'json' },
  }))
  return startNode('rootwalk', [...nodeOptions, cliPath, 'serve', '--config', config], port, remove, ready)
}

/** @returns {Promise<Server>} */
export async function startEcho() {
  const port = await freePort()
  return startNode('node:dgram echo', [fileURLToPath(new URL('echo.mjs', import.meta.url)), ADDRESS, String(port)], port, () => {})
}

/**
 * @param {string} name
 * @param {readonly string[]} args
 * @param {number} port
 * @param {() => void} after
 * @param {(port: number) => Promise<boolean>} [ready]
 * @returns {Promise<Server>}
 */
async function startNode(name, args, port, after, ready) {
  let output = ''
  const running = startProcess(process.execPath, args, { cpu: SERVER_CPU, onOutput: text => (output += text) })
  const stop = async () => {
    await running.stop()
    after()
  }
  if (await (ready === undefined ? answers(ADDRESS, port, running.gone) : ready(port))) return { name, pid: running.pid, port, stop }
  await stop()
  throw new Error(`${name} does not answer:\n${output}`)
}

/**
 * @param {string} hints
 * @returns {Promise<Server>}
 */
export async function startPeer(hints) {
  const port = await freePort()
  const more = ['msg-cache-size: 64m', 'rrset-cache-size: 128m', 'so-rcvbuf: 4m', 'outgoing-range: 4096', 'num-queries-per-thread: 2048']
  const { pid, stop } = await startUnbound({ address: ADDRESS, port, hints, cpu: SERVER_CPU, more })
  return { name: 'Unbound', pid, port, stop }
}
