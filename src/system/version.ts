/**
 * What this program is: the version in package.json, which lies two directories above this file both in the source and
 * in the built program, and its age.
 */
import { readFileSync } from 'node:fs'

const found: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))

export const version: string =
  typeof found === 'object' && found !== null && 'version' in found && typeof found.version === 'string'
    ? found.version
    : 'unknown'

/**
 * Seconds since 1970: the day on which this version was made, or an earlier one. A clock that is before it is wrong.
 */
export const releasedAt: number = Date.UTC(2026, 10, 23) / 1_000
