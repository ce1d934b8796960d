// @ts-check
/**
 * Writes `resolver.config.schema.json` from the schema in the built program; with `--table` prints the table of settings
 * for the README instead. Run by `npm run schema`; a test compares the file with the source.
 */
import { writeFileSync } from 'node:fs'
import { configJsonSchema, settingsTable } from '../dist/config-schema.js'

if (process.argv.includes('--table')) process.stdout.write(settingsTable())
else writeFileSync(new URL('../resolver.config.schema.json', import.meta.url), `${JSON.stringify(configJsonSchema(), null, 2)}\n`)
