/** The version in package.json, which lies one directory above this file both in the source and in the built program. */
import { readFileSync } from 'node:fs'

const found: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))

export const version: string =
  typeof found === 'object' && found !== null && 'version' in found && typeof found.version === 'string' ? found.version : 'unknown'
