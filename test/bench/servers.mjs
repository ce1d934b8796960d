// @ts-check
/**
 * The servers that are measured, each a process of its own pinned to one core: rootwalk as it is shipped, a bare echo,
 * and the resolvers of others that are installed (`peers.mjs`).
 */
import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { answers, startProcess, temporaryDirectory } from '../daemons.mjs'
import { cliPath, configSchema } from './built.mjs'
import { atRest } from './measure.mjs'

/**
 * Resolves when the server on that port is ready, with false when it never will be. @typedef {(port: number, gone: ()
 * => boolean) => Promise<boolean>} Ready
 */
/** @typedef {{ name: string, pid: number, port: number, said: () => string, stop: () => Promise<void> }} Server */
/**
 * What a server is started for. `cacheMib`: memory for its cache, in all. `anchor`: a DS record; without one nothing is
 * validated. `more`: lines for Unbound's `server:` and after.
 * @typedef {{ hints: string, anchor?: string | null, cacheMib?: number, more?: readonly string[] }} Purpose
 */

export const ADDRESS = '127.0.0.1'
export const SERVER_CPU = 0
export const CLIENT_CPU = 1
export const CACHE_MIB = 256
export const TCP_CONNECTIONS = 1_000

/**
 * Settings for rootwalk besides ours, as in a configuration file: `--serve '{"threads":1}'`. @type {{ value:
 * Record<string, unknown> }}
 */
export const serveSettings = { value: {} }

/**
 * Below the ports that systems give to clients (from 32768 on Linux): such a one can be taken for TCP while UDP is
 * free, or a moment later.
 */
const FIRST_PORT = 20_000
const PORTS = 12_000
const PORT_TRIES = 50

/** A port that is free for UDP and TCP. @returns {Promise<number>} */
export async function freePort() {
  for (let tries = 0; tries < PORT_TRIES; tries++) {
    const port = FIRST_PORT + randomInt(PORTS)
    if ((await bindsUdp(port)) && (await bindsTcp(port))) return port
  }
  throw new Error(`no port free for UDP and TCP among ${PORT_TRIES} tried`)
}

/** @param {number} port @returns {Promise<boolean>} */
const bindsUdp = port =>
  new Promise(resolve => {
    const socket = createSocket('udp4')
    socket.once('error', () => socket.close(() => resolve(false)))
    socket.bind(port, ADDRESS, () => socket.close(() => resolve(true)))
  })

/** @param {number} port @returns {Promise<boolean>} */
const bindsTcp = port =>
  new Promise(resolve => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, ADDRESS, () => server.close(() => resolve(true)))
  })

/** Whether the built rootwalk has a setting. @param {readonly string[]} path */
export async function hasSetting(path) {
  const { configJsonSchema, schemasAt } = await configSchema()
  return schemasAt(configJsonSchema(), path).length > 0
}

/**
 * Starts `node dist/cli.js serve`; resolves when it answers and has nothing more to do of its own accord, or when
 * `ready` says so. `nodeOptions` come before the script (profiling), `cli` is another script than that of `dist`.
 * @param {Purpose & { nodeOptions?: readonly string[], ready?: Ready, settings?: Record<string, unknown>, listen?: readonly string[], cli?: string }} options
 * @returns {Promise<Server>}
 */
export async function startRootwalk({
  hints,
  anchor = null,
  cacheMib = CACHE_MIB,
  nodeOptions = [],
  ready,
  settings = {},
  listen = [],
  cli = cliPath,
}) {
  const { path: directory, remove } = temporaryDirectory('bench')
  const port = await freePort()
  const config = join(directory, 'resolver.config.json')
  writeFileSync(join(directory, 'root.hints'), hints)
  if (anchor !== null) writeFileSync(join(directory, 'anchors'), anchor)
  const dnssec = (await hasSetting(['dnssec', 'validate']))
    ? { dnssec: anchor === null ? { validate: false } : { trustAnchors: join(directory, 'anchors') } }
    : {}
  writeFileSync(
    config,
    JSON.stringify({
      listen: [`${ADDRESS}:${port}`, ...listen],
      rootHints: join(directory, 'root.hints'),
      upstream: { doNotQuery: [], ipv6: false },
      cache: { bytes: cacheMib * 1_048_576 },
      tcp: { connectionsPerPrefix: TCP_CONNECTIONS },
      log: { level: 'info', form: 'json' },
      ...dnssec,
      ...serveSettings.value,
      ...settings,
    }),
  )
  return startNode('rootwalk', [...nodeOptions, cli, 'serve', '--config', config], port, remove, ready)
}

/** How rootwalk said that it moves datagrams, in one line. @param {Server} server */
export function listenerOf(server) {
  const lines = server
    .said()
    .split('\n')
    .filter(line => line.startsWith('{'))
    .map(line => JSON.parse(line))
  const said = ['udp-mode', 'listening'].flatMap(event =>
    lines.filter(line => line.event === event && (line.transport ?? 'udp') === 'udp'),
  )
  return said.map(({ msg }) => String(msg)).join('; ') || 'nothing said about UDP'
}

/** @returns {Promise<Server>} */
export async function startEcho() {
  const port = await freePort()
  return startNode(
    'node:dgram echo',
    [fileURLToPath(new URL('echo.mjs', import.meta.url)), ADDRESS, String(port)],
    port,
    () => {},
  )
}

/**
 * @param {string} name
 * @param {readonly string[]} args
 * @param {number} port
 * @param {() => void} after
 * @param {Ready} [ready]
 * @param {number | string} [cpu]
 * @returns {Promise<Server>}
 */
export async function startNode(name, args, port, after, ready, cpu = SERVER_CPU) {
  let output = ''
  const running = startProcess(process.execPath, args, { cpu, onOutput: text => (output += text) })
  const stop = async () => {
    await running.stop()
    after()
  }
  const said = () => output
  if (await (ready === undefined ? answers(ADDRESS, port, running.gone) : ready(port, running.gone))) {
    if (ready === undefined) await atRest(running.pid)
    return { name, pid: running.pid, port, said, stop }
  }
  await stop()
  throw new Error(`${name} does not answer:\n${output}`)
}
