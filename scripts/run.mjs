// @ts-check
/**
 * Runs a command of the built program in this very process, so that a signal for it arrives; in a checkout it is built
 * first.
 *
 * Usage: node scripts/run.mjs COMMAND …
 */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

// An installed package is built, and has no source.
if (existsSync(new URL('../src/', import.meta.url))) await import('./ready.mjs')
const program = new URL('../dist/cli.js', import.meta.url)
// What the program takes for how it was called.
process.argv[1] = fileURLToPath(program)
await import(program.href)
