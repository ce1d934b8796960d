/** The built program over restarts: handed over under load, passed by systemd, killed in the midst of a snapshot. */
import { spawn, spawnSync } from 'node:child_process'
import { createSocket, type Socket } from 'node:dgram'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { crc32 } from 'node:zlib'
import { beforeAll, describe, expect, test } from 'vitest'
import { loadHints } from '../../src/app/load-hints.ts'
import { fingerprintOf } from '../../src/app/persistence/fingerprint.ts'
import { writeSnapshot } from '../../src/app/persistence/snapshot-file.ts'
import { createCaches } from '../../src/cache/caches.ts'
import { takeSnapshot } from '../../src/cache/snapshot/take.ts'
import { readConfig } from '../../src/config/read.ts'
import type { Config } from '../../src/config/types.ts'
import { ipFromBytes } from '../../src/dns/address.ts'
import { defaultLimits } from '../../src/limits.ts'
import { n } from '../cache/made.ts'
import { PATIENT, patientMs } from '../patience.mjs'
import { needs } from '../tools.ts'
import { buildForServing, freePort, startServing, type Serving } from './rootwalk.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const HINTS = '. 3600000 NS a.root.\na.root. 3600000 A 127.0.0.9\n'
const ZONE = '$TTL 300\n@ SOA ns hostmaster 1 2h 1h 2w 60\n@ NS ns\nns A 192.0.2.53\nwww A 192.0.2.80\n'

const start = (config: object): Promise<Serving> =>
  startServing({
    hints: HINTS,
    files: { 'example.test.zone': ZONE },
    config: { zones: ['*.zone'], state: 'state', ...config },
  })

interface Line {
  readonly event: string
  readonly pid?: number
}
const lines = (serving: Serving): Line[] =>
  serving
    .output()
    .split('\n')
    .flatMap(line => (line.startsWith('{') ? [JSON.parse(line) as Line] : []))
const seen = (serving: Serving, event: string): Line[] => lines(serving).filter(line => line.event === event)

const QUERY = Buffer.from(`000001000001000000000000${'03777777076578616d706c65047465737400'}00010001`, 'hex')

/** Sends at a steady rate until it is told to stop; then `lost` says how many were not answered. */
class Sender {
  readonly #sockets: Socket[]
  readonly #open = new Set<string>()
  #sent = 0
  readonly #timer: NodeJS.Timeout

  constructor(port: number, perTick: number) {
    this.#sockets = Array.from({ length: 8 }, (_, i) =>
      createSocket('udp4').on('message', reply => this.#open.delete(`${i} ${reply.readUInt16BE(0)}`)),
    )
    this.#timer = setInterval(() => {
      for (let i = 0; i < perTick; i++) this.#send(port)
    }, 5)
  }

  get sent(): number {
    return this.#sent
  }

  async lost(): Promise<number> {
    clearInterval(this.#timer)
    await expect.poll(() => this.#open.size, PATIENT).toBe(0)
    for (const socket of this.#sockets) socket.close()
    return this.#open.size
  }

  #send(port: number): void {
    const place = this.#sent % this.#sockets.length
    const id = Math.floor(this.#sent / this.#sockets.length) & 0xffff
    const query = Buffer.from(QUERY)
    query.writeUInt16BE(id, 0)
    this.#open.add(`${place} ${id}`)
    this.#sockets[place]?.send(query, port, '127.0.0.1')
    this.#sent++
  }
}

beforeAll(buildForServing, patientMs(240_000))

describe('SIGUSR1', () => {
  test.each([
    ['with listener threads', { udp: 'auto' }],
    ['with two of them', { udp: 'auto', threads: 2 }],
    ['without', { udp: 'plain' }],
  ])(
    'hands the sockets to a new process under load, %s, and no query is lost',
    async (_, config) => {
      const serving = await start(config)
      const sender = new Sender(serving.endpoint.port, 5)
      await expect.poll(() => sender.sent, PATIENT).toBeGreaterThan(500)
      serving.signal('SIGUSR1')
      expect(await serving.exited).toBe(0)
      const after = sender.sent
      await expect.poll(() => sender.sent, PATIENT).toBeGreaterThan(after + 500)
      const [{ pid } = { pid: 0 }] = seen(serving, 'handed-over')
      try {
        expect(await sender.lost()).toBe(0)
        expect(pid).toBeGreaterThan(0)
      } finally {
        process.kill(pid ?? 0, 'SIGTERM')
        await expect.poll(() => seen(serving, 'stopped').length, PATIENT).toBe(2)
        await serving.stop()
      }
    },
    patientMs(60_000),
  )

  test(
    'leaves the server as it is when the new process cannot serve',
    async () => {
      const serving = await start({ udp: 'plain' })
      rmSync(join(serving.directory, 'root.hints'))
      serving.signal('SIGUSR1')
      await expect.poll(() => seen(serving, 'hand-over-failed').length, PATIENT).toBe(1)
      const sender = new Sender(serving.endpoint.port, 1)
      await expect.poll(() => sender.sent, PATIENT).toBeGreaterThan(5)
      expect(await sender.lost()).toBe(0)
      await serving.stop()
    },
    patientMs(60_000),
  )
})

describe('rootwalk restart', () => {
  const rootwalk = (
    ...args: string[]
  ): { readonly status: number | null; readonly out: string; readonly err: string } => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'dist/cli.js'), 'restart', ...args], {
      encoding: 'utf8',
    })
    return { status, out: stdout, err: stderr }
  }

  test(
    'waits for the new process, and says which it is',
    async () => {
      const serving = await start({ udp: 'plain', admin: { listen: 'unix:admin.sock' } })
      const socket = join(serving.directory, 'admin.sock')
      await expect.poll(() => statSync(socket, { throwIfNoEntry: false }) !== undefined, PATIENT).toBe(true)
      const { status, out, err } = rootwalk('--admin', `unix:${socket}`, '--json')
      expect({ status, err }).toEqual({ status: 0, err: '' })
      const { pid, before } = JSON.parse(out) as { readonly pid: number; readonly before: number }
      try {
        expect(await serving.exited).toBe(0)
        expect(seen(serving, 'handed-over').map(line => line.pid)).toEqual([pid])
        expect(before).not.toBe(pid)
      } finally {
        process.kill(pid, 'SIGTERM')
        await expect.poll(() => seen(serving, 'stopped').length, PATIENT).toBe(2)
        await serving.stop()
      }
    },
    patientMs(60_000),
  )

  test.each([
    ['a server on another machine', ['--admin', 'https://192.0.2.1:8443'], 64, 'not on this machine'],
    ['a server that does not run', ['--admin', 'unix:/nowhere/admin.sock'], 69, '/nowhere/admin.sock'],
  ])('explains why it does not restart %s', (_, args, code, reason) => {
    const { status, err } = rootwalk(...args)
    expect([status, err]).toEqual([code, expect.stringContaining(reason)])
  })
})

describe('sockets that were passed (LISTEN_FDS)', () => {
  test(
    'are used where "listen" has them, and outlive the server',
    async () => {
      const port = await freePort()
      // Descriptor 3 is a listening socket of this test, as it would be systemd's.
      const held = createServer()
      await new Promise<void>(resolve => held.listen(port, '127.0.0.1', resolve))
      const fd = Reflect.get(Reflect.get(held, '_handle') as object, 'fd') as number
      const script = `LISTEN_PID=$$ LISTEN_FDS=1 exec "${process.execPath}" "${join(root, 'dist/cli.js')}" serve --listen 127.0.0.1:${port}`
      const child = spawn('sh', ['-c', script], { stdio: ['ignore', 'ignore', 'pipe', fd] })
      let output = ''
      child.stderr?.on('data', (text: Buffer) => (output += text.toString()))
      await expect.poll(() => output, PATIENT).toContain('"listening"')
      expect(output).not.toContain('inherited-unused')
      child.kill('SIGTERM')
      await new Promise(resolve => child.once('exit', resolve))
      expect(held.listening).toBe(true)
      await new Promise(resolve => held.close(resolve))
    },
    patientMs(60_000),
  )
})

/** A state directory with many delegations in the snapshot, which a server of this configuration takes over. */
async function fill(directory: string, config: Config): Promise<void> {
  const hints = loadHints(config.rootHints)
  if (hints.kind !== 'hints') throw new Error('hints')
  const caches = createCaches({ ...defaultLimits.cache, totalBytes: 2 ** 30 })
  const address = ipFromBytes(Uint8Array.of(127, 0, 0, 9))
  for (let i = 0; i < 60_000; i++) {
    const servers = [{ name: n(`ns.zone${i}.test.`), addresses: [address] }]
    const delegation = { zone: n(`zone${i}.test.`), servers, ds: null, expiresAt: 3_600_000 }
    caches.delegations.put(delegation, 3_600_000, 1)
  }
  const fingerprint = fingerprintOf({ config, hints: hints.hints, judgedBy: '', zones: [] })
  const header = { version: 'test', takenAt: Date.now(), machineMs: 0, bootId: null, fingerprint, partitions: [] }
  const blocks = takeSnapshot({ caches, now: 1, checksum: crc32 })
  await writeSnapshot(
    directory,
    header,
    blocks,
    () => Promise.resolve(),
    () => true,
  )
}

/** A state directory with a full snapshot, and what starts a server on it. */
async function filled(): Promise<{ readonly state: string; start(limits?: string): Program; remove(): void }> {
  const directory = mkdtempSync(join(tmpdir(), 'rootwalk-snapshot-'))
  const state = join(directory, 'state')
  mkdirSync(state)
  writeFileSync(join(directory, 'root.hints'), HINTS)
  const file = join(directory, 'resolver.config.json')
  const settings = {
    listen: [`127.0.0.1:${await freePort()}`],
    rootHints: 'root.hints',
    state: 'state',
    persistence: { intervalS: 1 },
    cache: { bytes: '1GiB' },
    dnssec: { validate: false },
    warmUp: false,
    log: { form: 'json' },
  }
  const text = JSON.stringify(settings)
  writeFileSync(file, text)
  const read = readConfig({ file: { path: file, text }, overrides: [], directory })
  if (read.kind !== 'config') throw new Error('configuration')
  await fill(state, read.config)
  return {
    state,
    start: (limits = ':') =>
      new Program(`${limits}; exec "$0" "$@"`, [join(root, 'dist/cli.js'), 'serve', '--config', file]),
    remove: () => rmSync(directory, { recursive: true }),
  }
}

/** A server that was started by a shell, with what it logs. */
class Program {
  output = ''
  readonly exited: Promise<number | null>
  readonly #child: ReturnType<typeof spawn>

  constructor(script: string, args: readonly string[]) {
    const child = spawn('sh', ['-c', script, process.execPath, ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
    child.stderr.on('data', (octets: Buffer) => (this.output += octets.toString()))
    this.exited = new Promise(settle => child.once('exit', settle))
    this.#child = child
  }

  seen(event: string): unknown[] {
    const all = this.output.split('\n').filter(line => line.startsWith('{') && line.endsWith('}'))
    return all.map(line => JSON.parse(line) as Line).filter(line => line.event === event)
  }

  end(signal: NodeJS.Signals): Promise<number | null> {
    this.#child.kill(signal)
    return this.exited
  }
}

const WHOLE = expect.objectContaining({ kept: 60_000, brokenBlocks: 0, skippedOctets: 0 }) as unknown

describe('a snapshot', () => {
  test(
    'survives ten kills in the midst of writing the next one: what is there is whole, and is read',
    async () => {
      const { state, start: startOn, remove } = await filled()
      for (let round = 0; round < 10; round++) {
        const program = startOn()
        await expect.poll(() => program.seen('cache-restored'), PATIENT).toEqual([WHOLE])
        const fresh = join(state, 'cache.snapshot.new')
        const size = (): number => statSync(fresh, { throwIfNoEntry: false })?.size ?? 0
        await expect.poll(size, { ...PATIENT, interval: 2 }).toBeGreaterThan(100_000 * round)
        await program.end('SIGKILL')
      }
      remove()
    },
    patientMs(240_000),
  )

  test(
    'for which there is no room is reported once, the one before stays, and the server ends as always',
    async () => {
      const { state, start: startOn, remove } = await filled()
      const file = join(state, 'cache.snapshot')
      const before = readFileSync(file)
      // 1,000 blocks are at most 1 MB; the snapshot has 4 MB.
      const program = startOn('ulimit -f 1000')
      await expect.poll(() => program.seen('cache-restored'), PATIENT).toEqual([WHOLE])
      await expect.poll(() => program.seen('state-failed').length, PATIENT).toBe(1)
      const [failed] = program.seen('state-failed')
      expect(failed).toMatchObject({ path: file, cure: expect.stringContaining('LimitFSIZE=') as unknown })
      expect(await program.end('SIGTERM')).toBe(0)
      expect(program.seen('state-failed').length).toBe(1)
      expect(readFileSync(file).equals(before)).toBe(true)
      expect(readdirSync(state).filter(name => name.startsWith('cache.'))).toEqual(['cache.snapshot'])
      const next = startOn()
      await expect.poll(() => next.seen('cache-restored'), PATIENT).toEqual([WHOLE])
      expect(await next.end('SIGTERM')).toBe(0)
      remove()
    },
    patientMs(120_000),
  )
})

needs('systemd-analyze')('contrib/systemd', () => {
  test('has an exposure of at most 1.5', () => {
    const file = join(root, 'contrib/systemd/rootwalk.service')
    const { stdout } = spawnSync('systemd-analyze', ['security', '--offline=true', '--no-pager', file], {
      encoding: 'utf8',
    })
    expect(Number(/rootwalk\.service: (?<score>[\d.]+)/.exec(stdout)?.groups?.score)).toBeLessThanOrEqual(1.5)
  })
})
