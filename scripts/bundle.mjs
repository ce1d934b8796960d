// @ts-check
/**
 * Puts the command line of the built program into few files, beside the many of the compiler: Node takes about a
 * millisecond to load a file, and to start the server takes three hundred with those of our dependencies. What the
 * server needs is one file; the other commands share it and load theirs when they are used; what `rootwalk exec` runs
 * inside is one of its own. `cli.js` is rewritten and the files of the compiler stay: those of the library are what
 * others import.
 *
 * The dashboard is built by `ui.mjs`, with names shortened.
 *
 * Of the program nothing is shortened: names and lines in a stack trace are those of the source, without its types.
 *
 * Usage: node scripts/bundle.mjs DIRECTORY (of the built program)
 */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'
import { buildDashboard } from './ui.mjs'

/** @typedef {import('rolldown').Plugin} Plugin */
/** @typedef {import('rolldown').OutputChunk} OutputChunk */

const directory = resolve(process.argv[2] ?? 'dist')
const inDirectory = (/** @type {string} */ path) => join(directory, path)
/** All that this script writes besides `cli.js`. */
const SUFFIX = '.bundle.js'
const LICENCES = 'THIRD-PARTY-LICENSES.txt'
/** Packages that an installation does not bring along: they come with other builds of themselves, sources and maps. */
const INLINED = ['zod']
/**
 * Comments and spaces stay in the files that the compiler writes, which are there to be read. Names stay here as well,
 * for stacks of errors.
 */
const SMALL = /** @type {const} */ ({ compress: true, mangle: false, codegen: { removeWhitespace: true } })
/** Installed next to this package by who wants it. */
const NEXT_TO_US = ['iovalkey']
/** What runs in a thread of its own. */
const THREAD = 'app/listener-thread.js'
const ZONE_THREAD = 'app/zone-thread.js'
const ZONE_WORK_THREAD = 'app/revisions/zone-work-thread.js'
const TRANSFER_THREAD = 'app/transfer/transfer-thread.js'
const LIST_THREAD = 'app/lists/list-thread.js'
const POLICY_THREAD = 'app/policy/policy-thread.js'
const REHEARSAL_THREAD = 'app/rehearsal/rehearsal-thread.js'

/**
 * A module finds files beside itself by its address; in a bundle that is still the address it had.
 * @param {string} base Where the bundle is.
 * @returns {Plugin}
 */
const placesFrom = base => ({
  name: 'places',
  transform(code, id) {
    if (relative(directory, id).startsWith('..') || !code.includes('import.meta.url')) return null
    const path = relative(base, id).split(sep).join('/')
    return code.replaceAll(
      'import.meta.url',
      `new URL('${path.startsWith('.') ? path : `./${path}`}', import.meta.url).href`,
    )
  },
})
const places = placesFrom(directory)

/**
 * What has a file of its own (`inlinePackages`) is taken from there, where it is whole and small.
 * @type {Plugin}
 */
const inlinedElsewhere = {
  name: 'inlined-elsewhere',
  resolveId: id => (INLINED.includes(id) ? { id: `./${id}${SUFFIX}`, external: true } : null),
}

for (const file of readdirSync(directory)) if (file.endsWith(SUFFIX)) rmSync(inDirectory(file))
const entries = [
  'cli.js',
  THREAD,
  ZONE_THREAD,
  ZONE_WORK_THREAD,
  TRANSFER_THREAD,
  LIST_THREAD,
  POLICY_THREAD,
  REHEARSAL_THREAD,
]
const inside = await writeInside()
const program = await writeProgram([
  // Few octets: enough to tell the version.
  { name: 'first', modules: await neededBy(['cli.js']) },
  // A thread of listeners needs a tenth of the server.
  { name: 'listener', modules: await neededBy([THREAD]) },
  { name: 'zones', modules: await neededBy([ZONE_THREAD]) },
  { name: 'changes', modules: await neededBy([ZONE_WORK_THREAD]) },
  { name: 'transfers', modules: await neededBy([TRANSFER_THREAD]) },
  { name: 'lists', modules: await neededBy([LIST_THREAD]) },
  { name: 'programs', modules: await neededBy([POLICY_THREAD]) },
  { name: 'server', modules: await neededBy(['cli/serve.js', 'cli/serve-args.js']) },
])
const admin = [
  ...(await writeThread('admin/worker.js', `admin${SUFFIX}`)),
  ...(await writeThread('admin/history/worker.js', `history${SUFFIX}`)),
  ...(await writeThread('app/dnstap/worker.js', `dnstap${SUFFIX}`)),
]
await writeCommonJs()
const dashboard = await buildDashboard(directory)
const inlined = await inlinePackages()
writeLicences([...[...program, ...inside, ...admin, ...inlined].flatMap(({ moduleIds }) => moduleIds), ...dashboard])

/**
 * These modules and what they import, without what is loaded by `import()` later.
 * @param {readonly string[]} files
 */
async function neededBy(files) {
  const bundle = await rolldown({
    input: files.map(inDirectory),
    platform: 'node',
    external: NEXT_TO_US,
    plugins: [places],
  })
  const { output } = await bundle.generate({ format: 'esm' })
  const chunks = new Map(output.flatMap(file => (file.type === 'chunk' ? [[file.fileName, file]] : [])))
  /** @type {Set<string>} */
  const needed = new Set()
  const add = (/** @type {string} */ file) => {
    if (needed.has(file)) return
    needed.add(file)
    for (const next of chunks.get(file)?.imports ?? []) add(next)
  }
  for (const { fileName, isEntry } of chunks.values()) if (isEntry) add(fileName)
  return new Set([...needed].flatMap(file => chunks.get(file)?.moduleIds ?? []))
}

/**
 * @param {readonly { name: string, modules: ReadonlySet<string> }[]} files What is put together; the first that has a
 * module gets it.
 */
async function writeProgram(files) {
  const bundle = await rolldown({
    input: Object.fromEntries(entries.map(file => [file.slice(0, -'.js'.length), inDirectory(file)])),
    platform: 'node',
    external: NEXT_TO_US,
    plugins: [places],
  })
  const isEntry = (/** @type {string} */ id) => entries.some(file => id === inDirectory(file))
  const { output } = await bundle.write({
    dir: directory,
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: `[name]${SUFFIX}`,
    minify: SMALL,
    codeSplitting: {
      groups: files.map(({ name, modules }, index) => ({
        name,
        priority: files.length - index,
        test: id => modules.has(id) && !isEntry(id),
      })),
    },
  })
  return chunksOf(output)
}

/** What few commands need inside is taken from the compiler's files, when it is asked for. */
async function writeInside() {
  const later = /(?:control\/api|net\/listen\/(?:tls|doh-listener)|stub\/forward-engine)\.js$/
  const bundle = await rolldown({
    input: join(directory, 'cli', 'exec-inside.js'),
    platform: 'node',
    plugins: [
      {
        name: 'later',
        resolveId: (id, importer) => {
          const path = resolve(dirname(importer ?? directory), id)
          // From where the bundle is, not from where its first file was.
          const from = `./${relative(directory, path).split(sep).join('/')}`
          return later.test(path) ? { id: from, external: true } : null
        },
      },
    ],
  })
  return chunksOf(
    (await bundle.write({ file: inDirectory(`exec-inside${SUFFIX}`), format: 'esm', minify: SMALL })).output,
  )
}

/**
 * A thread of the API or of what it shows, with its libraries inside: those who install the package get none of them.
 * @param {string} input
 * @param {string} file
 */
async function writeThread(input, file) {
  const bundle = await rolldown({ input: inDirectory(input), platform: 'node', plugins: [places, inlinedElsewhere] })
  const { output } = await bundle.write({ file: inDirectory(file), format: 'esm', codeSplitting: false, minify: SMALL })
  return chunksOf(output)
}

/**
 * The test kit for `require`: Node can do that with ES modules, but jest loads modules by itself and cannot. One file,
 * with the packages that it needs left outside, and a copy of the types as those of CommonJS modules (`.d.cts`).
 */
async function writeCommonJs() {
  const bundle = await rolldown({
    input: inDirectory('testing/index.js'),
    platform: 'node',
    plugins: [placesFrom(inDirectory('testing'))],
    external: id => !id.startsWith('.') && !isAbsolute(id) && !INLINED.includes(id),
  })
  await bundle.write({ file: inDirectory('testing/index.cjs'), format: 'cjs', codeSplitting: false, minify: SMALL })
  copyTypes('testing/index.d.ts', new Set())
}

/**
 * Each of them becomes a file, which the files of the compiler import in its place. Their types are not needed: none
 * that is exported names them.
 */
async function inlinePackages() {
  const chunks = []
  for (const name of INLINED) {
    const bundle = await rolldown({ input: name, cwd: fileURLToPath(new URL('..', import.meta.url)), platform: 'node' })
    const { output } = await bundle.write({
      file: inDirectory(`${name}${SUFFIX}`),
      format: 'esm',
      codeSplitting: false,
      minify: true,
    })
    chunks.push(...chunksOf(output))
  }
  for (const file of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.js') || file.endsWith(SUFFIX)) continue
    const text = readFileSync(inDirectory(file), 'utf8')
    const depth = file.split(sep).length - 1
    const up = depth === 0 ? './' : '../'.repeat(depth)
    let rewritten = text
    for (const name of INLINED) rewritten = rewritten.replaceAll(`from '${name}'`, `from '${up}${name}${SUFFIX}'`)
    if (rewritten !== text) writeFileSync(inDirectory(file), rewritten)
  }
  return chunks
}

/** @param {string} file From the directory. @param {Set<string>} done */
function copyTypes(file, done) {
  if (done.has(file)) return
  done.add(file)
  const text = readFileSync(inDirectory(file), 'utf8')
  writeFileSync(
    inDirectory(file.replace(/\.d\.ts$/, '.d.cts')),
    text.replaceAll(/((?:from |import\()['"]\.[^'"]*)\.(?:js|ts)(?=['"])/g, '$1.cjs'),
  )
  for (const [, path = ''] of text.matchAll(/(?:from |import\()['"](\.[^'"]*)\.(?:js|ts)['"]/g))
    copyTypes(join(dirname(file), `${path}.d.ts`), done)
}

/** @param {readonly (OutputChunk | import('rolldown').OutputAsset)[]} output @returns {OutputChunk[]} */
function chunksOf(output) {
  return output.flatMap(file => (file.type === 'chunk' ? [file] : []))
}

/**
 * The files now contain programs of others, whose licences want to be told.
 * @param {readonly string[]} ids
 */
function writeLicences(ids) {
  const packages = new Set(ids.flatMap(id => packageOf(id) ?? []))
  const texts = [...packages].sort().map(path => {
    const { name, version, license } = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8'))
    const file = readdirSync(path).find(entry => /^licen[cs]e/i.test(entry))
    return `${name} ${version} (${license})\n\n${file === undefined ? '' : readFileSync(join(path, file), 'utf8').trim()}\n`
  })
  writeFileSync(
    inDirectory(LICENCES),
    `The files *${SUFFIX} next to this one, and those in ui/, contain these packages.\n\n${texts.join(`\n${'-'.repeat(100)}\n\n`)}`,
  )
}

/**
 * The directory of the package that a module belongs to; null: it is ours, or part of the bundler. @param {string} id
 */
function packageOf(id) {
  const path = /^(.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+)[\\/]/.exec(id)?.[1]
  return path === undefined || !existsSync(join(path, 'package.json')) ? null : path
}
