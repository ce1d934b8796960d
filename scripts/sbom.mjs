// @ts-check
/**
 * Writes what the package is made of, as CycloneDX, next to the built program: what an installation brings along, as
 * npm says, and the packages whose code is inside the bundles.
 *
 * Usage: node scripts/sbom.mjs DIRECTORY (of the built program)
 */
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const directory = resolve(process.argv[2] ?? 'dist')

/** @param {readonly string[]} omit @returns {{ components: { name: string, version: string, scope?: string }[] }} */
function sbom(omit) {
  const { status, stdout, stderr } = spawnSync(
    'npm',
    ['sbom', '--sbom-format', 'cyclonedx', '--sbom-type', 'application', '--package-lock-only', ...omit],
    { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024, shell: process.platform === 'win32' },
  )
  if (status !== 0) throw new Error(`npm sbom failed:\n${stderr}`)
  return JSON.parse(stdout)
}

const installed = sbom(['--omit', 'dev', '--omit', 'peer'])
const all = sbom([])
/** Those of the bundles: `hono 4.13.19 (MIT)` in the file of their licences. */
const bundled = new Set(
  [
    ...readFileSync(join(directory, 'THIRD-PARTY-LICENSES.txt'), 'utf8').matchAll(
      /^((?:@[\w-]+\/)?[\w.-]+) (\d\S*) \(/gm,
    ),
  ].map(([, name, version]) => `${name} ${version}`),
)
const known = new Set(installed.components.map(({ name, version }) => `${name} ${version}`))
const inside = all.components
  .filter(({ name, version }) => bundled.has(`${name} ${version}`) && !known.has(`${name} ${version}`))
  .map(component => ({ ...component, scope: 'required' }))
const whole = { ...installed, components: [...installed.components, ...inside] }
writeFileSync(join(directory, 'sbom.cdx.json'), `${JSON.stringify(whole, null, 2)}\n`)
process.stderr.write(`${whole.components.length} packages, ${inside.length} of them inside the bundles\n`)
