/**
 * The image of contrib/container/Dockerfile: its second stage is built here by podman, over this machine's Node.js since
 * no image can be fetched, and its file system is what runs, read by a user without any right.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { z } from 'zod'
import { startProcess, answers } from '../daemons.mjs'
import { LONG_TEST_MS } from '../patience.mjs'
import { isRoot, root } from '../testing/command.ts'
import { needs, unless } from '../tools.ts'
import { buildForServing, freePort } from './rootwalk.ts'

const dockerfile = readFileSync(join(root, 'contrib/container/Dockerfile'), 'utf8')
const inspected = z.tuple([
  z.object({
    Config: z.object({
      User: z.string(),
      Entrypoint: z.array(z.string()),
      Cmd: z.array(z.string()),
      StopSignal: z.string(),
      ExposedPorts: z.record(z.string(), z.unknown()),
      Volumes: z.record(z.string(), z.unknown()),
      Labels: z.record(z.string(), z.string()),
    }),
    HealthCheck: z.object({ Test: z.array(z.string()) }).optional(),
    Healthcheck: z.object({ Test: z.array(z.string()) }).optional(),
  }),
])

it('the Dockerfile builds in one stage and runs in another, without root', () => {
  expect(dockerfile.match(/^FROM /gm)).toHaveLength(2)
  expect(dockerfile).toMatch(/^USER 65532:65532$/m)
  expect(dockerfile).toMatch(/^RUN npm ci --ignore-scripts$/m)
})

/** The directories of the first stage, as its RUN line makes them. */
function stageOne(out: string): void {
  for (const path of ['app', 'var/lib/rootwalk', 'etc/rootwalk']) mkdirSync(join(out, path), { recursive: true })
  for (const file of ['package.json', 'LICENSE', 'README.md', 'dist', 'zones', 'resolver.config.schema.json'])
    cpSync(join(root, file), join(out, 'app', file), { recursive: true })
  const lock: { packages: Record<string, { dev?: boolean; peer?: boolean }> } = JSON.parse(
    readFileSync(join(root, 'package-lock.json'), 'utf8'),
  )
  for (const [path, { dev, peer }] of Object.entries(lock.packages))
    if (path !== '' && dev !== true && peer !== true && existsSync(join(root, path)))
      cpSync(join(root, path), join(out, 'app', path), { recursive: true })
  // Types and maps are for those who write programs.
  for (const path of readdirSync(join(out, 'app'), { recursive: true, encoding: 'utf8' }))
    if (/\.(?:map|d\.[cm]?ts)$/.test(path)) rmSync(join(out, 'app', path))
  cpSync(join(root, 'contrib/container/resolver.config.json'), join(out, 'etc/rootwalk/resolver.config.json'))
}

/** Node.js and the libraries that it is linked with, at their places. */
function runtime(into: string): void {
  mkdirSync(join(into, 'nodejs/bin'), { recursive: true })
  cpSync(process.execPath, join(into, 'nodejs/bin/node'))
  const libraries = [...execFileSync('ldd', [process.execPath], { encoding: 'utf8' }).matchAll(/(\/\S+)(?= \()/g)]
  for (const [path] of libraries) {
    mkdirSync(join(into, dirname(path)), { recursive: true })
    cpSync(path, join(into, path), { dereference: true })
  }
}

const suite = unless(isRoot ? null : 'needs root, to unpack an image')
if (isRoot) needs('podman', 'ldd', 'chroot')('the container image', () => image())
else suite('the container image', () => {})

function image(): void {
  const directory = mkdtempSync(join(tmpdir(), 'rootwalk-image-'))
  const storage = ['--root', join(directory, 'storage'), '--runroot', join(directory, 'run'), '--storage-driver', 'vfs']
  const podman = (...args: readonly string[]): string =>
    execFileSync('podman', [...storage, '--cgroup-manager=cgroupfs', ...args], { encoding: 'utf8', cwd: directory })
  let files = ''

  beforeAll(() => {
    buildForServing()
    stageOne(join(directory, 'out'))
    runtime(join(directory, 'runtime'))
    const secondStage = dockerfile
      .slice(dockerfile.lastIndexOf('FROM '))
      .replace(/^FROM .*$/m, 'FROM scratch\nCOPY runtime/ /')
      .replaceAll('COPY --from=build', 'COPY')
      .replaceAll(' /out/', ' out/')
    writeFileSync(join(directory, 'Containerfile'), secondStage)
    podman('build', '--isolation=chroot', '--format', 'docker', '--tag', 'rootwalk', '--file', 'Containerfile', '.')
    files = podman('image', 'mount', 'rootwalk').trim()
  }, LONG_TEST_MS)

  afterAll(() => {
    spawnSync('podman', [...storage, 'image', 'unmount', '--all'])
    rmSync(directory, { recursive: true, force: true })
  })

  it('says what it is: no root, one volume, a health check, labels', () => {
    const [{ Config, HealthCheck, Healthcheck }] = inspected.parse(JSON.parse(podman('image', 'inspect', 'rootwalk')))
    expect(Config).toMatchObject({
      User: '65532:65532',
      Entrypoint: ['/nodejs/bin/node', '/app/dist/cli.js'],
      Cmd: ['serve'],
      StopSignal: 'SIGTERM',
    })
    expect(Object.keys(Config.ExposedPorts).sort()).toEqual(['53/tcp', '53/udp'])
    expect(Object.keys(Config.Volumes)).toEqual(['/var/lib/rootwalk'])
    expect(Config.Labels).toMatchObject({
      'org.opencontainers.image.title': 'rootwalk',
      'org.opencontainers.image.licenses': 'MIT',
    })
    expect((HealthCheck ?? Healthcheck)?.Test).toEqual(expect.arrayContaining(['CMD', 'query', 'localhost']))
  })

  it('beyond Node.js has at most 20 MB', () => {
    const kib = Number(
      execFileSync('du', ['-sk', '--apparent-size', join(files, 'app')], { encoding: 'utf8' }).split('\t')[0],
    )
    expect(kib * 1_024).toBeLessThan(20_000_000)
  })

  it('its file system runs as the user of the image, passes its health check, and ends at SIGTERM', async () => {
    const port = await freePort()
    const inside = ['--userspec=65532:65532', files, '/nodejs/bin/node', '/app/dist/cli.js']
    let output = ''
    const running = startProcess(
      'chroot',
      [...inside, 'serve', '--config', '/etc/rootwalk/resolver.config.json', '--listen', `127.0.0.1:${port}`],
      { onOutput: text => (output += text), env: {} },
    )
    try {
      expect(await answers('127.0.0.1', port, running.gone), output).toBe(true)
      const words = ['query', 'localhost', '@127.0.0.1', '-p', String(port), '+short']
      expect(execFileSync('chroot', [...inside, ...words], { encoding: 'utf8' })).toBe('127.0.0.1\n')
    } finally {
      await running.stop()
    }
    expect(await running.exited).toBe(0)
  })
}
