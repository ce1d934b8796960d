/**
 * The image of contrib/container/Dockerfile: its second stage is built here by podman, over this machine's Node.js since
 * no image can be fetched, and its file system is what runs, read by a user without any right.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
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
  expect(dockerfile).toMatch(/^RUN npm run build && node scripts\/image\.mjs \/out$/m)
})

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
    // As the first stage does.
    execFileSync(process.execPath, [join(root, 'scripts/image.mjs'), join(directory, 'out')])
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

  it('beyond Node.js has at most 15 MB, the client of the shared cache included', () => {
    const octets = Number(
      execFileSync('du', ['-sb', '--apparent-size', join(files, 'app')], { encoding: 'utf8' }).split('\t')[0],
    )
    console.log(`the image has ${(octets / 1e6).toFixed(1)} MB beyond Node.js`)
    expect(octets).toBeLessThan(15_000_000)
  })

  it('takes a configuration with a shared cache as it is', () => {
    const etc = join(files, 'etc/rootwalk')
    writeFileSync(join(etc, 'secret'), 'a secret of at least twenty-four characters\n')
    const sharedCache = { url: 'redis://127.0.0.1:6379', secretFile: '/etc/rootwalk/secret' }
    writeFileSync(join(etc, 'shared.json'), JSON.stringify({ listen: ['127.0.0.1:53'], sharedCache }))
    const words = ['--userspec=65532:65532', files, '/nodejs/bin/node', '/app/dist/cli.js', 'check-config']
    const { status, stderr } = spawnSync('chroot', [...words, '--config', '/etc/rootwalk/shared.json'], {
      encoding: 'utf8',
    })
    expect({ status, stderr }).toMatchObject({ status: 0 })
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
