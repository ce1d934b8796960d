/**
 * The package as it is published, packed and unpacked into a project of its own with nothing but what an installation
 * brings along.
 */
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { buildForServing } from '../e2e/rootwalk.ts'
import { LONG_TEST_MS } from '../patience.mjs'
import { cleanEnvironment, root, run } from '../testing/command.ts'

const project = mkdtempSync(join(tmpdir(), 'rootwalk-installed-'))
const installed = join(project, 'node_modules', 'rootwalk')
afterAll(() => rmSync(project, { recursive: true, force: true }))

const lockForm = z.object({
  packages: z.record(z.string(), z.object({ dev: z.boolean().optional(), peer: z.boolean().optional() })),
})
const bomForm = z.object({
  bomFormat: z.literal('CycloneDX'),
  components: z.array(z.object({ name: z.string(), version: z.string(), purl: z.string() })),
})

function octetsOf(path: string): number {
  const found = lstatSync(path)
  if (!found.isDirectory()) return found.size
  return readdirSync(path).reduce((sum, entry) => sum + octetsOf(join(path, entry)), 0)
}

/** Those of this machine: of the two with native code it has one. */
const production = (): readonly string[] =>
  Object.entries(lockForm.parse(JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))).packages)
    .filter(([path, { dev, peer }]) => path.startsWith('node_modules/') && dev !== true && peer !== true)
    .map(([path]) => path)
    .filter(path => lstatSync(join(root, path), { throwIfNoEntry: false }) !== undefined)

beforeAll(async () => {
  buildForServing()
  await run(process.execPath, [join(root, 'scripts/sbom.mjs'), join(root, 'dist')], { env: cleanEnvironment() })
  const packed = execFileSync(
    'npm',
    ['pack', '--json', '--ignore-scripts', '--offline', '--pack-destination', project],
    { cwd: root, encoding: 'utf8', env: cleanEnvironment(), stdio: ['ignore', 'pipe', 'ignore'] },
  )
  const [{ filename = '' } = {}]: { filename?: string }[] = JSON.parse(packed)
  mkdirSync(installed, { recursive: true })
  execFileSync('tar', ['-xzf', join(project, filename), '-C', installed, '--strip-components=1'])
  for (const path of production()) cpSync(join(root, path), join(project, path), { recursive: true })
  mkdirSync(join(project, 'node_modules', '.bin'), { recursive: true })
  // As npm does it.
  chmodSync(join(installed, 'dist/cli.js'), 0o755)
  symlinkSync('../rootwalk/dist/cli.js', join(project, 'node_modules', '.bin', 'rootwalk'))
}, LONG_TEST_MS)

const npx = (...words: readonly string[]): ReturnType<typeof run> =>
  run('npx', ['--no-install', 'rootwalk', ...words], { cwd: project, env: cleanEnvironment() })

describe('the installed package', () => {
  it('npx rootwalk demo answers from its internet, without the registry and without a build', async () => {
    const { code, out } = await npx('demo', '--port', '0', '--once', 'www.example.com')
    expect(out).toContain('zone example.com. from referral')
    expect(out).toMatch(/www\.example\.com\.\t\d+\tIN\tA\t192\.0\.2\.10/)
    expect(code).toBe(0)
  })

  it('has its manual pages and completions', async () => {
    const { code, out } = await npx('completion', 'bash')
    expect([code, out]).toEqual([0, expect.stringContaining('complete -F _rootwalk rootwalk')])
    expect(readdirSync(join(installed, 'dist/man'))).toEqual(
      expect.arrayContaining(['rootwalk.1', 'rootwalk-serve.1', 'rootwalk.config.5']),
    )
  })

  it('says of what it is made: what it brings along, and what is inside its bundles', () => {
    const { components } = bomForm.parse(JSON.parse(readFileSync(join(installed, 'dist/sbom.cdx.json'), 'utf8')))
    const names = components.map(({ name }) => name)
    expect(names).toEqual(expect.arrayContaining(['pino', 'zod', 'yargs', 'hono', 'ws', 'prom-client']))
    expect(names).not.toContain('vitest')
    expect(new Set(names).size).toBeGreaterThan(50)
    expect(production()).not.toContain('node_modules/zod')
  })

  // Today 16 MB: the program has 11, koffi 2.
  it('has at most 20 MB with all that it brings along', () => {
    const octets = ['rootwalk', ...production().map(path => path.slice('node_modules/'.length))].reduce(
      (sum, name) => sum + octetsOf(join(project, 'node_modules', name)),
      0,
    )
    expect(octets).toBeLessThan(20_000_000)
    expect(octets).toBeGreaterThan(5_000_000)
  })
})
