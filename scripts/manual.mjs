// @ts-check
/**
 * Writes the manual pages and the completion scripts of the built program next to it: `man/` and `completions/`.
 *
 * Usage: node scripts/manual.mjs DIRECTORY (of the built program)
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { commandTree } from './manual/command-tree.mjs'
import { bashCompletion, fishCompletion, zshCompletion } from './manual/completions.mjs'
import { commandPage, configPage, programPage } from './manual/man-pages.mjs'

const directory = resolve(process.argv[2] ?? 'dist')
/** @param {string} path */
const load = path => import(pathToFileURL(join(directory, path)).href)

const { addCommands } = await load('cli/commands/all.js')
const { choicesOf } = await load('cli/serve-help.js')
const { PLUS_WORDS } = await load('cli/query/dig-options.js')
const { configJsonSchema } = await load('config/schema/json-schema.js')
const { flagName, overridable } = await load('config/sources.js')
const { RrType } = await load('dns/types.js')
const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))

const types = Object.keys(RrType)
const settings = overridable().map((/** @type {any} */ { path, schema }) => ({
  flag: flagName(path),
  choices: choicesOf(schema),
}))
const commands = await commandTree(addCommands, { settings, types })
const words = { plusWords: PLUS_WORDS, types }

/** @type {Record<string, string>} */
const files = {
  'completions/rootwalk.bash': bashCompletion(commands, words),
  'completions/_rootwalk': zshCompletion(commands, words),
  'completions/rootwalk.fish': fishCompletion(commands, words),
  'man/rootwalk.1': programPage(commands, version),
  ...Object.fromEntries(commands.map(command => [`man/rootwalk-${command.name}.1`, commandPage(command, version)])),
  'man/rootwalk.config.5': configPage(configJsonSchema(), version),
}
for (const folder of ['completions', 'man']) {
  rmSync(join(directory, folder), { recursive: true, force: true })
  mkdirSync(join(directory, folder))
}
for (const [path, text] of Object.entries(files)) writeFileSync(join(directory, path), text)
