// @ts-check
/**
 * Puts the program that `rootwalk exec` runs inside into one file, beside the many of the compiler: Node takes 1 ms to load a file,
 * and there are a hundred. Nothing else changes; without the one file, or with an older one, the many are used.
 *
 * Usage: node scripts/bundle.mjs DIRECTORY (of the built program)
 */
import { join, resolve } from 'node:path'
import { rolldown } from 'rolldown'

const directory = resolve(process.argv[2] ?? 'dist')
const bundle = await rolldown({
  input: join(directory, 'cli', 'exec-inside.js'),
  platform: 'node',
  // Loaded when it is asked for.
  external: id => id.endsWith('control-api.js'),
})
await bundle.write({ file: join(directory, 'exec-inside.bundle.js'), format: 'esm' })
