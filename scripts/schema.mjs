// @ts-check
/**
 * Writes what is derived from the schema in the built program: `resolver.config.schema.json` and `docs/settings.md`.
 * Run by `npm run schema`; tests compare both with the source.
 */
import { writeFileSync } from 'node:fs'
import { configJsonSchema } from '../dist/config/schema/json-schema.js'
import { settingsDocument } from './settings-document.mjs'

const schema = configJsonSchema()
const write = /** @param {string} path @param {string} text */ (path, text) =>
  writeFileSync(new URL(`../${path}`, import.meta.url), text)

write('resolver.config.schema.json', `${JSON.stringify(schema, null, 2)}\n`)
write('docs/settings.md', settingsDocument(schema))
