// @ts-check
/**
 * Builds the dashboard (`src/dashboard/`) into `ui/` of a directory: one page, one script and one style with hashed
 * names, compressed beforehand. With the vite that vitest brings.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { brotliCompressSync } from 'node:zlib'

const source = fileURLToPath(new URL('../src/dashboard/', import.meta.url))

/**
 * @param {string} directory
 * @returns {Promise<readonly string[]>} The modules that went into it.
 */
export async function buildDashboard(directory) {
  const require = createRequire(createRequire(import.meta.url).resolve('vitest/package.json'))
  /** @type {typeof import('vite')} */
  const { build } = await import(pathToFileURL(require.resolve('vite')).href)
  const outDir = join(directory, 'ui')
  const result = await build({
    configFile: false,
    root: source,
    // Addresses are looked for next to the page, whatever a proxy puts in front.
    base: './',
    logLevel: 'warn',
    publicDir: 'public',
    build: {
      outDir,
      emptyOutDir: true,
      target: 'es2022',
      modulePreload: { polyfill: false },
      // Nothing goes into the page itself: its policy forbids that.
      assetsInlineLimit: 0,
      reportCompressedSize: false,
    },
  })
  const outputs = Array.isArray(result) ? result : 'output' in result ? [result] : []
  const files = readdirSync(outDir, { recursive: true, encoding: 'utf8' })
  for (const file of files.filter(name => /\.(?:html|js|css|svg)$/.test(name)))
    writeFileSync(join(outDir, `${file}.br`), brotliCompressSync(readFileSync(join(outDir, file))))
  return outputs.flatMap(({ output }) => output.flatMap(file => (file.type === 'chunk' ? file.moduleIds : [])))
}
