/** What an installation brings: packages, scripts, octets. Each bound has its reason; a new one needs a better. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { buildForServing } from '../e2e/rootwalk.ts'
import { cleanEnvironment, root } from '../testing/command.ts'

const lockForm = z.object({
  packages: z.record(
    z.string(),
    z.object({
      dev: z.boolean().optional(),
      peer: z.boolean().optional(),
      optional: z.boolean().optional(),
      hasInstallScript: z.boolean().optional(),
    }),
  ),
})

/** What `npm install rootwalk` brings besides itself: not what is for development, nor what users bring. */
const production = Object.entries(
  lockForm.parse(JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))).packages,
).filter(([path, { dev, peer }]) => path !== '' && dev !== true && peer !== true)
const nameOf = (path: string): string => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)

/** Those that package.json names, of which each has its home in test/architecture.test.ts. */
const DIRECT = ['dns-packet', 'lru-cache', 'pino', 'pino-pretty', 'yargs']
/** A machine has one of them, or none: then datagrams go through node:dgram. */
const NATIVE = ['@koromix/koffi-linux-arm64', '@koromix/koffi-linux-x64']

describe('the packages of an installation', () => {
  it('package.json names five and two optional ones', () => {
    const manifest = z.object({
      dependencies: z.record(z.string(), z.string()),
      optionalDependencies: z.record(z.string(), z.string()),
    })
    const { dependencies, optionalDependencies } = manifest.parse(
      JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')),
    )
    expect(Object.keys(dependencies)).toEqual(DIRECT)
    expect(Object.keys(optionalDependencies)).toEqual(NATIVE)
  })

  it('no package has an install script: what is installed runs nothing before it is started', () => {
    expect(production.filter(([, { hasInstallScript }]) => hasInstallScript === true).map(([path]) => path)).toEqual([])
    const { scripts }: { scripts: Record<string, string> } = JSON.parse(
      readFileSync(join(root, 'package.json'), 'utf8'),
    )
    expect(Object.keys(scripts).filter(name => /^(?:pre|post)?install$|^prepare$/.test(name))).toEqual([])
  })

  it('only the two native ones are optional', () => {
    expect(production.filter(([, { optional }]) => optional === true).map(([path]) => nameOf(path))).toEqual(NATIVE)
  })

  // Today 47: yargs brings 12, pino and pino-pretty 26. Whoever audits an installation reads each of them.
  it('there are at most 52 of them', () => {
    expect(production.length).toBeLessThanOrEqual(52)
  })
})

const packedForm = z.tuple([
  z.object({ size: z.number(), unpackedSize: z.number(), files: z.array(z.object({ path: z.string() })) }),
])

describe('the package that is published', () => {
  const packed: { paths: string[]; size: number; unpackedSize: number } = { paths: [], size: 0, unpackedSize: 0 }

  beforeAll(() => {
    buildForServing()
    const text = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts', '--offline'], {
      cwd: root,
      encoding: 'utf8',
      env: cleanEnvironment(),
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const [{ files, size, unpackedSize }] = packedForm.parse(JSON.parse(text))
    Object.assign(packed, { paths: files.map(({ path }) => path), size, unpackedSize })
  })

  // Today 3.5 MB: half of it is the bundles, which hold a second copy of the program so that it starts in a third of
  // the time, and the API's and the dashboard with their libraries, of which an installation then needs none; a sixth is
  // the CommonJS build of the kit. Pictures of the documents are not in it.
  it('it has at most 4 MB, unpacked at most 15 MB', () => {
    expect(packed.size).toBeLessThan(4_000_000)
    expect(packed.unpackedSize).toBeLessThan(15_000_000)
  })

  it('it has what is run, imported and read, and nothing that is for development', () => {
    expect(packed.paths).toEqual(
      expect.arrayContaining([
        'LICENSE',
        'README.md',
        'CHANGELOG.md',
        'dist/cli.js',
        'dist/index.js',
        'dist/index.d.ts',
        'dist/app/listener-thread.js',
        'dist/testing/index.js',
        'dist/testing/vitest.js',
        'dist/THIRD-PARTY-LICENSES.txt',
        'resolver.config.schema.json',
      ]),
    )
    const strays = packed.paths.filter(path =>
      /^(?:src|test|scripts|node_modules|\.)|\.test\.[cm]?[jt]s$|\.map$/.test(path),
    )
    expect(strays.filter(path => !path.startsWith('examples/') && path !== 'scripts/run.mjs')).toEqual([])
  })
})
