// @ts-check
/**
 * Run by npm before `npm publish`: refuses while package.json names a placeholder for the repository, and when the
 * changelog has nothing of the version. A package that was published cannot be taken back.
 *
 * Usage: node scripts/publish-guard.mjs [DIRECTORY]
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const directory = process.argv[2] ?? fileURLToPath(new URL('..', import.meta.url))
/** @param {string} file */
const textOf = file => readFileSync(join(directory, file), 'utf8')

/** Of which account the repository is, is not known before it is published. */
const PLACEHOLDER = 'OWNER'

const manifest = JSON.parse(textOf('package.json'))
const problems = []
for (const [key, url] of [
  ['repository.url', manifest.repository?.url],
  ['bugs.url', manifest.bugs?.url],
  ['homepage', manifest.homepage],
]) {
  if (typeof url !== 'string') problems.push(`"${key}" is missing: the address of the repository`)
  else if (url.includes(PLACEHOLDER))
    problems.push(
      `"${key}" is ${url}: put the account in the place of ${PLACEHOLDER}, as it is where this is published`,
    )
}
if (manifest.private === true) problems.push('"private" is true')
const heading = new RegExp(`^## ${String(manifest.version).replaceAll('.', '\\.')}(?<rest>.*)$`, 'm').exec(
  textOf('CHANGELOG.md'),
)
if (heading === null) problems.push(`CHANGELOG.md has no section "## ${manifest.version}"`)
else if (/unreleased/i.test(heading.groups?.rest ?? ''))
  problems.push(`CHANGELOG.md calls ${manifest.version} unreleased: write the day of the release there`)

if (problems.length > 0) {
  process.stderr.write(`rootwalk is not published:\n${problems.map(problem => `  ${problem}\n`).join('')}`)
  process.exitCode = 1
}
