// @ts-check
/**
 * `node scripts/image.mjs OUT`: what the container image has beyond Node.js, from the built working directory: the
 * program, the packages that it needs, and the client of the shared cache, which npm leaves to those who want it.
 */
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../', import.meta.url))
const FILES = ['package.json', 'LICENSE', 'README.md', 'dist', 'zones', 'resolver.config.schema.json']
/** An optional peer for npm; an image cannot be added to. */
const SHARED_CACHE = 'iovalkey'
/** Types and maps are for those who write programs, and what is about a package for those who write it. */
const LEFT_OUT_FILES = /\.(?:map|d\.[cm]?ts)$/
const LEFT_OUT_OF_PACKAGES = /^(?:test|tests|docs|benchmarks|examples|\.github)$|\.(?:md|ts)$/
const KEPT = /licen[cs]e|notice/i

const [out] = process.argv.slice(2)
if (out === undefined) throw new Error('usage: node scripts/image.mjs OUT')
const app = join(out, 'app')
for (const path of ['app', 'var/lib/rootwalk', 'etc/rootwalk']) mkdirSync(join(out, path), { recursive: true })
for (const file of FILES) cpSync(join(root, file), join(app, file), { recursive: true })
for (const path of packages()) cpSync(join(root, path), join(app, path), { recursive: true })
prune(app, name => LEFT_OUT_FILES.test(name))
prune(join(app, 'node_modules'), name => LEFT_OUT_OF_PACKAGES.test(name) && !KEPT.test(name))
cpSync(join(root, 'contrib/container/resolver.config.json'), join(out, 'etc/rootwalk/resolver.config.json'))

/** Paths of the packages that are needed at run time. */
function packages() {
  /** @type {{ packages: Record<string, { dev?: boolean, peer?: boolean, dependencies?: Record<string, string> }> }} */
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
  const needed = new Set(
    Object.entries(lock.packages).flatMap(([path, { dev, peer }]) =>
      path !== '' && dev !== true && peer !== true ? [path] : [],
    ),
  )
  const add = (/** @type {string} */ name) => {
    const path = `node_modules/${name}`
    if (needed.has(path)) return
    needed.add(path)
    for (const dependency of Object.keys(lock.packages[path]?.dependencies ?? {})) add(dependency)
  }
  add(SHARED_CACHE)
  return [...needed].filter(path => existsSync(join(root, path)))
}

/**
 * Removes all below a directory whose names are left out.
 * @param {string} directory
 * @param {(name: string) => boolean} isLeftOut
 */
function prune(directory, isLeftOut) {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name)
    if (isLeftOut(entry.name)) rmSync(path, { recursive: true })
    else if (entry.isDirectory()) prune(path, isLeftOut)
  }
}
