/**
 * A project of somebody who has installed rootwalk, in a temporary directory: `rootwalk` and vitest in its
 * node_modules, the commands in its PATH. What the documentation and the examples show is run there.
 */
import { chmodSync, cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { buildForServing } from '../e2e/rootwalk.ts'
import { cleanEnvironment, root, run, type Ran } from './command.ts'

export interface Project {
  readonly directory: string
  readonly environment: NodeJS.ProcessEnv
  write(file: string, text: string): string
  copy(from: string): void
  run(program: string, ...args: readonly string[]): Promise<Ran>
  remove(): void
}

export function makeProject(): Project {
  buildForServing()
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'rootwalk-user-')))
  const at = (path: string): string => join(directory, path)
  const write = (file: string, text: string): string => {
    mkdirSync(dirname(at(file)), { recursive: true })
    writeFileSync(at(file), text)
    return at(file)
  }
  write('package.json', '{"name": "user", "type": "module", "private": true}')
  // What jest is for these tests: the same functions under its name.
  write(
    'node_modules/@jest/globals/package.json',
    '{"name": "@jest/globals", "type": "module", "exports": "./index.js"}',
  )
  write('node_modules/@jest/globals/index.js', "export { afterEach, beforeEach, expect, test } from 'vitest'\n")
  symlinkSync(root, at('node_modules/rootwalk'))
  symlinkSync(join(root, 'node_modules/vitest'), at('node_modules/vitest'))
  write('bin/rootwalk', `#!/bin/sh\nexec '${process.execPath}' '${join(root, 'dist/cli.js')}' "$@"\n`)
  chmodSync(at('bin/rootwalk'), 0o755)
  const environment = cleanEnvironment({ PATH: `${at('bin')}:${process.env.PATH}`, ROOTWALK: at('bin/rootwalk') })
  return {
    directory,
    environment,
    write,
    copy: from => cpSync(join(root, from), at(from), { recursive: true }),
    run: (program, ...args) => run(program, args, { cwd: directory, env: environment }),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  }
}

export const vitestRun: readonly [string, string, string] = [
  process.execPath,
  join(root, 'node_modules/vitest/vitest.mjs'),
  'run',
]
