/**
 * The process in the namespaces of `rootwalk exec`: the stub on port 53, the command next to it, and the report after
 * the command has ended. A separate program, started by `exec.ts` with its order as JSON; descriptor 3 is the line to
 * the process outside, and when that one is gone the command is ended.
 */
import { times } from '../presentation/counted.ts'
import { spawn, type ChildProcess } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { Socket } from 'node:net'
import { delimiter, join } from 'node:path'
import { errorText } from '../events.ts'
import { exitCodeOf, FORWARDED, isOfTerminal, STUB_ADDRESS, type InsideOrder } from './exec.ts'
import { READY } from './exec-namespace.ts'
import { DNS_PORT } from '../ports.ts'
import { QueryFile } from './query/file.ts'
import { Exit } from './startup-problems.ts'
import { prepareStub } from './stub-setup.ts'
import type { DnsStub } from '../testing/stub/types.ts'

/** How long the command may take to end after SIGTERM, when no other process is left to end it. */
const GRACE_MS = 2_000

function isOrder(value: unknown): value is InsideOrder {
  return typeof value === 'object' && value !== null && 'command' in value && Array.isArray(value.command)
}

async function run(order: InsideOrder): Promise<number> {
  const command = new Command()
  const line = new Socket({ fd: 3 })
  line
    .on('error', () => {})
    .on('close', () => command.abandon())
    .resume()
  line.write(READY)
  const prepared = await prepareStub({ ...order, address: STUB_ADDRESS, port: DNS_PORT })
  if (prepared.kind === 'failed') return complain(prepared.message, prepared.exitCode)
  const { stub } = prepared
  let queries: QueryFile | null = null
  try {
    // Before the command runs: a file that cannot be written should not waste an hour of tests.
    queries = order.record === null ? null : new QueryFile(order.record, stub)
  } catch (error) {
    return complain(`${order.record}: ${errorText(error)}`, Exit.BadData)
  }
  const control = order.control ? await openControl(stub, () => queries?.flush()) : null
  const code = await command.run(order, control === null ? {} : { ROOTWALK_CONTROL: control.url })
  queries?.close()
  const unmatched = order.assertNoUnmatched ? stub.unmatched : []
  await control?.close()
  await stub.stop()
  if (unmatched.length === 0) return code
  process.stderr.write(unmatchedText(unmatched))
  // What the command found wrong is the better news.
  return code === 0 ? Exit.Failure : code
}

async function openControl(
  stub: DnsStub,
  beforeForgetting: () => void,
): Promise<{ readonly url: string; close(): Promise<void> }> {
  const { openControlApi } = await import('../testing/control/api.ts')
  return openControlApi(stub, { beforeForgetting })
}

function complain(message: string, code: number): number {
  process.stderr.write(`rootwalk exec: ${message}\n`)
  return code
}

/** Each name and type once, in the order of first asking. */
function unmatchedText(unmatched: DnsStub['unmatched']): string {
  const counts = new Map<string, number>()
  for (const { name, type } of unmatched) counts.set(`${name} ${type}`, (counts.get(`${name} ${type}`) ?? 0) + 1)
  const lines = Array.from(counts, ([what, count]) => `  ${what}${count === 1 ? '' : ` (${times(count)})`}\n`)
  return `rootwalk exec: asked for, but not listed:\n${lines.join('')}`
}

/** The command, and the signals for it. */
class Command {
  #child: ChildProcess | null = null
  #abandoned = false
  #over = false

  constructor() {
    for (const signal of FORWARDED) {
      process.on(signal, () => {
        if (this.#child !== null) {
          if (!isOfTerminal(signal)) this.#child.kill(signal)
        } else if (signal !== 'SIGUSR1' && signal !== 'SIGUSR2') process.exit(exitCodeOf(null, signal))
      })
    }
  }

  /** The exit code; 126 and 127 as shells use them. */
  run({ command, user }: InsideOrder, extra: Readonly<Record<string, string>>): Promise<number> {
    const [program, ...args] = command
    if (this.#abandoned) return Promise.resolve(Exit.Terminated)
    const path = executable(program)
    if (typeof path === 'number')
      return Promise.resolve(
        complain(`${program}: ${path === NOT_FOUND ? 'no such command' : 'cannot be executed'}`, path),
      )
    const words =
      user === null
        ? [path, ...args]
        : [user.unshare, '-U', `--map-user=${user.uid}`, `--map-group=${user.gid}`, '--', path, ...args]
    const [file = path, ...rest] = words
    const child = spawn(file, rest, { stdio: 'inherit', env: { ...process.env, ...extra } })
    this.#child = child
    return new Promise(resolve => {
      child.on('error', error => resolve(complain(`${program}: ${error.message}`, NOT_EXECUTABLE)))
      child.on('exit', (code, signal) => {
        this.#over = true
        resolve(exitCodeOf(code, signal))
      })
    })
  }

  /** No process waits for the command any more. */
  abandon(): void {
    if (this.#over) return
    this.#abandoned = true
    if (this.#child === null) process.exit(Exit.Terminated)
    this.#child.kill('SIGTERM')
    setTimeout(() => this.#child?.kill('SIGKILL'), GRACE_MS).unref()
  }
}

const NOT_FOUND = 127
const NOT_EXECUTABLE = 126

/** The path of what is to be run, or the exit code of a shell that cannot. */
function executable(program: string): string | typeof NOT_FOUND | typeof NOT_EXECUTABLE {
  const paths = program.includes('/')
    ? [program]
    : (process.env.PATH ?? '').split(delimiter).map(directory => join(directory === '' ? '.' : directory, program))
  const runs = paths.find(path => {
    try {
      accessSync(path, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
  return runs ?? (paths.some(path => existsSync(path)) ? NOT_EXECUTABLE : NOT_FOUND)
}

const order: unknown = JSON.parse(process.argv[2] ?? 'null')
if (!isOrder(order)) throw new TypeError('this program is started by rootwalk exec')
process.exitCode = await run(order)
// The line to the outside would keep this process.
process.exit()
