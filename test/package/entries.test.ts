/** What each way in loads: how many modules, of which rooms, and for how much of a processor. */
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { rolldown } from 'rolldown'
import { buildForServing } from '../e2e/rootwalk.ts'
import { PROGRAM_MS } from '../patience.mjs'
import { cleanEnvironment, root } from '../testing/command.ts'

/** The modules that a module imports, and theirs, without those that are loaded by `import()` later; from the root. */
async function loadedBy(entry: string): Promise<string[]> {
  const bundle = await rolldown({ input: join(root, entry), platform: 'node', external: [/^node:/, 'vitest'] })
  const { output } = await bundle.generate({ format: 'esm' })
  const chunks = new Map(output.flatMap(file => (file.type === 'chunk' ? [[file.fileName, file] as const] : [])))
  const seen = new Set<string>()
  const visit = (file: string): void => {
    if (seen.has(file)) return
    seen.add(file)
    for (const next of chunks.get(file)?.imports ?? []) visit(next)
  }
  for (const { fileName, isEntry } of chunks.values()) if (isEntry) visit(fileName)
  const ids = [...seen].flatMap(file => chunks.get(file)?.moduleIds ?? [])
  return [...new Set(ids)].filter(id => id.startsWith(root)).map(id => relative(root, id))
}

const isOwn = (path: string): boolean => path.startsWith('src/')

describe('the modules that are loaded', () => {
  // Bounds: a sixth above today's, for files that are split. One more room than before is many more.
  it.each([
    ['the library', 'src/index.ts', 385, 58],
    ['the test kit', 'src/testing/index.ts', 365, 35],
    ['the test kit for vitest', 'src/testing/vitest.ts', 155, 12],
    ['the server', 'src/cli/serve.ts', 385, 58],
    ['a listener thread', 'src/app/listener-thread.ts', 45, 0],
  ])('%s (%s) loads at most %i of ours and %i of packages', async (_what, entry, own, others) => {
    const loaded = await loadedBy(entry)
    expect(loaded).toContain(entry)
    expect(loaded.filter(isOwn).length).toBeLessThanOrEqual(own)
    expect(loaded.filter(path => !isOwn(path)).length).toBeLessThanOrEqual(others)
  })

  it('a listener thread loads the byte path and nothing else: no walk, no validation, no zone, no package', async () => {
    const gates = 'policy/(?:views|limits|cookies)'
    const rooms = new RegExp(
      `^src/(?:dns|dns/cookies|cache|net|net/linux|net/batch|server|system|${gates})/[\\w-]+\\.ts$`,
    )
    const files = ['src/app/listener-thread.ts', 'src/app/listener-handler.ts', 'src/policy/access.ts']
    const contract = /^src\/(?:limits|ports|steps|events)\.ts$/
    const strays = (await loadedBy('src/app/listener-thread.ts')).filter(
      path => !rooms.test(path) && !contract.test(path) && !files.includes(path),
    )
    expect(strays).toEqual([])
  })
})

/** User and system time of a process that runs this, in microseconds: the least of three, since others only add to it. */
function cpuOf(script: string): number {
  const own = 'process.on("exit", () => { const { user, system } = process.cpuUsage(); console.log(user + system) })'
  const once = (): number =>
    Number(
      execFileSync(process.execPath, ['--input-type=module', '-e', `${own}\n${script}`], {
        cwd: root,
        encoding: 'utf8',
        env: cleanEnvironment(),
        timeout: PROGRAM_MS,
      }),
    )
  return Math.min(...Array.from({ length: 3 }, once))
}

describe('the processor that loading takes, in starts of an empty Node.js', () => {
  const empty: { cpu: number } = { cpu: Number.NaN }
  beforeAll(() => {
    buildForServing()
    empty.cpu = cpuOf('')
  })

  // Each three times what was measured: this is to find what loads a compiler, not a tenth more.
  it.each([
    ['the library', 'dist/index.js', 15],
    ['the test kit', 'dist/testing/index.js', 15],
    ['the server', 'dist/serve.bundle.js', 8],
    ['the code of a listener thread', 'dist/listener.bundle.js', 5],
  ])('%s (%s) takes less than %i', (_what, file, most) => {
    const starts = cpuOf(`await import(${JSON.stringify(join(root, file))})`) / empty.cpu
    expect(starts).toBeGreaterThan(0.5)
    expect(starts).toBeLessThan(most)
  })
})

describe('the files of the built program', () => {
  beforeAll(() => buildForServing())

  it('import files that are there', () => {
    const bundles = readdirSync(join(root, 'dist')).filter(file => file === 'cli.js' || file.endsWith('.bundle.js'))
    expect(bundles).toContain('exec-inside.bundle.js')
    const missing = bundles.flatMap(file =>
      [
        ...readFileSync(join(root, 'dist', file), 'utf8').matchAll(
          /(?:\bfrom|\bimport)\s*\(?\s*[`'"](\.[^`'"\n]+\.js)[`'"]/g,
        ),
      ]
        .map(([, path = '']) => path)
        .filter(path => !existsSync(join(root, 'dist', path)))
        .map(path => `${file}: ${path}`),
    )
    expect(missing).toEqual([])
  })
})
