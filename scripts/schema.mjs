// @ts-check
/**
 * Writes what is derived from the schema in the built program: `resolver.config.schema.json`, and the table of settings
 * in the README. Run by `npm run schema`; tests compare both with the source.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { configJsonSchema, settingsTable } from '../dist/config/schema.js'

const readme = new URL('../README.md', import.meta.url)
const between = /(<!-- settings: .* -->\n)[\s\S]*(<!-- end of settings -->)/

writeFileSync(
  new URL('../resolver.config.schema.json', import.meta.url),
  `${JSON.stringify(configJsonSchema(), null, 2)}\n`,
)
writeFileSync(
  readme,
  readFileSync(readme, 'utf8').replace(between, (_, start, end) => `${start}${settingsTable()}${end}`),
)
