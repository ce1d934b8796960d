/**
 * The built commands as processes, run to their end or talked to while they run; as an ordinary user where that
 * matters.
 */
import { execFileSync, spawn, type ChildProcess, type SpawnOptions } from 'node:child_process'
import { chmodSync, cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildForServing } from '../e2e/rootwalk.ts'

export const root = fileURLToPath(new URL('../../', import.meta.url))

export interface Ran {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly out: string
  readonly err: string
}

export interface Running {
  readonly child: ChildProcess
  readonly out: () => string
  readonly err: () => string
  readonly ended: Promise<Ran>
}

/** The environment without what makes programs believe they are part of this test run. */
export function cleanEnvironment(extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const own = /^(?:VITEST|NODE_OPTIONS|NODE_ENV|TEST$|npm_|JEST|NODE_V8_COVERAGE|FORCE_COLOR|ROOTWALK_)/
  return {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !own.test(name))),
    NO_COLOR: '1',
    ...extra,
  }
}

export function start(program: string, args: readonly string[], options: SpawnOptions = {}): Running {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], env: cleanEnvironment(), ...options })
  let out = ''
  let err = ''
  child.stdout?.setEncoding('utf8').on('data', text => {
    out += text
  })
  child.stderr?.setEncoding('utf8').on('data', text => {
    err += text
  })
  const ended = new Promise<Ran>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal, out, err }))
  })
  return { child, out: () => out, err: () => err, ended }
}

/** To its end, with nothing on standard input but `input`. */
export function run(
  program: string,
  args: readonly string[],
  options: SpawnOptions & { readonly input?: string } = {},
): Promise<Ran> {
  const { input, ...rest } = options
  const running = start(program, args, rest)
  running.child.stdin?.on('error', () => {}).end(input ?? '')
  return running.ended
}

/** The text that `running` has written when `pattern` is in it; rejects when it ends before. */
export function saying({ child, out, err, ended }: Running, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    const look = (): void => {
      if (pattern.test(out())) resolve(out())
    }
    child.stdout?.on('data', look)
    void ended.then(({ code, signal }) => reject(new Error(`ended with ${code ?? signal}:\n${out()}\n${err()}`)))
    look()
  })
}

export interface Installed {
  readonly directory: string
  readonly cli: string
  remove(): void
}

/** The built program where everybody can read it, with what `exec` and `stub` need and nothing else. */
export function install(): Installed {
  buildForServing()
  const directory = mkdtempSync(join(tmpdir(), 'rootwalk-kit-'))
  chmodSync(directory, 0o755)
  for (const path of [
    'package.json',
    'dist',
    'node_modules/dns-packet',
    'node_modules/@leichtgewicht',
    'node_modules/lru-cache',
  ])
    cpSync(join(root, path), join(directory, path), { recursive: true })
  execFileSync('chmod', ['-R', 'a+rX', directory])
  return {
    directory,
    cli: join(directory, 'dist/cli.js'),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  }
}

export const isRoot = process.getuid?.() === 0

/** What runs a program as somebody without any right. */
export const asNobody: readonly string[] = isRoot
  ? ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups']
  : ['env']

export function writeFiles(directory: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(directory, name), text)
    chmodSync(join(directory, name), 0o644)
  }
}
