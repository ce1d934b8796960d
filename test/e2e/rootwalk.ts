/**
 * rootwalk under test, in two forms: inside this process, from the sources (`startRootwalk`), and as the built program
 * with a configuration file, zone files and signals (`startServing`). Both listen on a port of 127.0.0.1 that the
 * system chose.
 */
import { spawnSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startServer } from '../../src/app/server.ts'
import { loadConfig } from '../../src/config/sources.ts'
import type { Config } from '../../src/config/types.ts'
import type { Event } from '../../src/events.ts'
import { problemText } from '../../src/render/problem.ts'
import { answers, startProcess } from '../daemons.mjs'
import type { Endpoint } from './dig.ts'
import { patientMs } from '../patience.mjs'

export interface Rootwalk {
  readonly endpoint: Endpoint
  /** What it told. */
  readonly events: readonly Event[]
  stop(): Promise<void>
}

interface Options {
  /** Text of a hints file. */
  readonly hints: string
  /**
   * Settings as in a configuration file. Nothing is validated unless they say so: the internets of these tests are not
   * signed.
   */
  readonly config?: object
  /** Files beside the configuration: name and text. */
  readonly files?: Readonly<Record<string, string>>
  /** A module that the program loads first, and what it finds in its environment. */
  readonly watch?: { readonly module: string; readonly env: Readonly<Record<string, string>> }
}

const ADDRESS = '127.0.0.1'

export async function startRootwalk(options: Options): Promise<Rootwalk> {
  const directory = settle(options, 0)
  const events: Event[] = []
  try {
    const server = await startServer(configIn(directory), { events: event => events.push(event) })
    const { port } = server.addresses.find(({ transport }) => transport === 'udp') ?? { port: 0 }
    const stop = async (): Promise<void> => {
      await server.stop()
      rmSync(directory, { recursive: true, force: true })
    }
    return { endpoint: { address: ADDRESS, port }, events, stop }
  } catch (error) {
    rmSync(directory, { recursive: true, force: true })
    throw error
  }
}

function configIn(directory: string): Config {
  const result = loadConfig({ file: join(directory, CONFIG), environment: {}, flags: [], directory })
  if (result.kind === 'config') return result.config
  throw new Error(result.problems.map(problemText).join('\n'))
}

export interface Serving {
  readonly endpoint: Endpoint
  /** Where the configuration and the files are. */
  readonly directory: string
  readonly output: () => string
  readonly exited: Promise<number | null>
  signal(name: NodeJS.Signals): void
  stop(): Promise<void>
}

const root = fileURLToPath(new URL('../../', import.meta.url))
const cli = join(root, 'dist/cli.js')

const LOCK = join(root, 'node_modules', '.rootwalk-building')
const BUILD_MS = patientMs(240_000)

const isBuilt = (): boolean => {
  const built = statSync(cli, { throwIfNoEntry: false })?.mtimeMs ?? 0
  return readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.ts'))
    .every(file => statSync(join(root, 'src', file)).mtimeMs < built)
}

/**
 * Builds when a source is newer than what is built: a test of yesterday's program proves nothing. Files of tests run at
 * the same time; one of them builds and the others wait for it.
 */
export function buildForServing(): void {
  const end = performance.now() + BUILD_MS
  while (!isBuilt()) {
    if (performance.now() > end) throw new Error(`nothing was built within ${BUILD_MS} ms; see ${LOCK}`)
    if (!takesLock()) {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100)
      continue
    }
    try {
      if (isBuilt()) return
      const { status, stderr } = spawnSync(process.execPath, [join(root, 'scripts/ready.mjs')], { encoding: 'utf8' })
      if (status !== 0 || !isBuilt()) throw new Error(`nothing was built:\n${stderr}`)
    } finally {
      rmSync(LOCK, { force: true })
    }
  }
}

/** The lock holds the number of its process: that of one which was killed is removed. */
function takesLock(): boolean {
  try {
    writeFileSync(LOCK, String(process.pid), { flag: 'wx' })
    return true
  } catch {
    try {
      const holder = Number(readFileSync(LOCK, 'utf8'))
      if (holder > 0) process.kill(holder, 0)
    } catch {
      rmSync(LOCK, { force: true })
    }
    return false
  }
}

/** `rootwalk serve --config FILE` as a process; resolves when it answers. */
export async function startServing(options: Options): Promise<Serving> {
  const port = await freePort()
  const directory = settle(options, port)
  let output = ''
  const { watch } = options
  const first = watch === undefined ? [] : ['--import', watch.module]
  const env = { ...process.env, ...watch?.env }
  const running = startProcess(process.execPath, [...first, cli, 'serve', '--config', join(directory, CONFIG)], {
    onOutput: text => (output += text),
    env,
  })
  const stop = async (): Promise<void> => {
    await running.stop()
    rmSync(directory, { recursive: true, force: true })
  }
  if (await answers(ADDRESS, port, running.gone)) {
    return {
      endpoint: { address: ADDRESS, port },
      directory,
      output: () => output,
      exited: running.exited,
      signal: name => void process.kill(running.pid, name),
      stop,
    }
  }
  await stop()
  throw new Error(`rootwalk serve does not answer:\n${output}`)
}

const CONFIG = 'resolver.config.json'

function settle({ hints, config = {}, files = {} }: Options, port: number): string {
  const directory = mkdtempSync(join(tmpdir(), 'rootwalk-e2e-'))
  const settings = {
    listen: [`${ADDRESS}:${port}`],
    rootHints: 'root.hints',
    upstream: { doNotQuery: [] },
    log: { form: 'json' },
    dnssec: { validate: false },
    warmUp: false,
    ...config,
  }
  const all = { ...files, 'root.hints': hints, [CONFIG]: JSON.stringify(settings) }
  for (const [name, text] of Object.entries(all)) writeFileSync(join(directory, name), text)
  return directory
}

/**
 * Below the ports that systems give to clients (from 32768 on Linux): such a one can be taken for TCP while UDP is
 * free, or a moment later.
 */
const FIRST_PORT = 20_000
const PORTS = 12_000
const PORT_TRIES = 50

/** A port that is free for UDP and TCP. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < PORT_TRIES; tries++) {
    const port = FIRST_PORT + randomInt(PORTS)
    if ((await bindsUdp(port)) && (await bindsTcp(port))) return port
  }
  throw new Error(`no port free for UDP and TCP among ${PORT_TRIES} tried`)
}

const bindsUdp = (port: number): Promise<boolean> =>
  new Promise(resolve => {
    const socket = createSocket('udp4')
    socket.once('error', () => socket.close(() => resolve(false)))
    socket.bind(port, ADDRESS, () => socket.close(() => resolve(true)))
  })

const bindsTcp = (port: number): Promise<boolean> =>
  new Promise(resolve => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, ADDRESS, () => server.close(() => resolve(true)))
  })
