// @ts-check
/**
 * Makes a checkout ready to run: installs the dependencies when they are missing or not those of the lock file, and
 * builds when the program is missing or older than its source. Needs Node.js and npm, nothing else; does nothing,
 * quickly, when there is nothing to do.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
/** @param {...string} parts */
const at = (...parts) => join(root, ...parts)

/** Written after a step succeeded, so that one that was interrupted is done again. */
const INSTALLED = at('node_modules', '.ready')
const BUILT = at('dist', '.ready')

/** @param {string} text */
const say = text => process.stderr.write(`${text}\n`)

/**
 * Runs a program with its output on standard error: standard output belongs to whoever called us.
 * @param {string} what
 * @param {readonly string[]} args Of node.
 */
function run(what, args) {
  say(`${what} …`)
  const { status, error } = spawnSync(process.execPath, args, { cwd: root, stdio: ['ignore', 2, 2] })
  if (error !== undefined) say(error.message)
  if (status !== 0) throw new Error(`${what} failed.`)
}

/** The script of npm itself, which is the same on all systems. */
function npmScript() {
  const found = [
    process.env.npm_execpath,
    join(process.execPath, '..', '..', 'lib', 'node_modules', 'npm', 'bin', 'npm-cli.js'),
  ].find(path => path !== undefined && /npm-cli\.c?js$/.test(path) && existsSync(path))
  if (found !== undefined) return found
  const { stdout } = spawnSync('npm', ['root', '-g'], { encoding: 'utf8', shell: process.platform === 'win32' })
  return join((stdout ?? '').trim(), 'npm', 'bin', 'npm-cli.js')
}

const lockHash = () =>
  createHash('sha256')
    .update(readFileSync(at('package-lock.json')))
    .digest('hex')

function isInstalled() {
  if (existsSync(INSTALLED)) return readFileSync(INSTALLED, 'utf8') === lockHash()
  // Installed by hand: npm writes this file last.
  const own = at('node_modules', '.package-lock.json')
  if (!existsSync(own) || statSync(own).mtimeMs < statSync(at('package-lock.json')).mtimeMs) return false
  writeFileSync(INSTALLED, lockHash())
  return true
}

/**
 * The latest change of anything in a directory, the directory itself included (a file that was removed changes it).
 * @param {string} path
 * @returns {number}
 */
function newest(path) {
  const found = statSync(path)
  if (!found.isDirectory()) return found.mtimeMs
  return readdirSync(path).reduce((latest, entry) => Math.max(latest, newest(join(path, entry))), found.mtimeMs)
}

const isBuilt = () =>
  existsSync(BUILT) &&
  [at('src'), at('scripts', 'manual'), at('tsconfig.json'), at('package.json')].every(
    path => newest(path) < statSync(BUILT).mtimeMs,
  )

process.on('uncaughtException', error => {
  say(error.message)
  process.exitCode = 1
})

if (!isInstalled()) {
  run('Installing dependencies', [npmScript(), 'ci', '--ignore-scripts', '--no-audit', '--no-fund'])
  writeFileSync(INSTALLED, lockHash())
}
if (!isBuilt()) {
  // Built beside and put in place at the end: a program that is running keeps a whole directory, old or new.
  const fresh = `dist.${process.pid}`
  const startedAt = new Date()
  try {
    run('Building', [at('node_modules', 'typescript', 'bin', 'tsc'), '-p', '.', '--outDir', fresh])
    run('Bundling', [at('scripts', 'bundle.mjs'), fresh])
    run('Writing the manual', [at('scripts', 'manual.mjs'), fresh])
    writeFileSync(at(fresh, '.ready'), startedAt.toISOString())
    rmSync(at('dist'), { recursive: true, force: true })
    renameSync(at(fresh), at('dist'))
  } finally {
    rmSync(at(fresh), { recursive: true, force: true })
  }
}
