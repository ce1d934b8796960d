/**
 * A restart that costs clients nothing: a new process of the program begins with the sockets of this one, and when it
 * answers this one leaves them and ends. What waits in a socket stays there for whoever reads next.
 *
 * What the two say to each other, over Node's channel between parent and child: the new one `ready`, when it serves;
 * the old one `yours`, when all that only one can have (the address of the API) is free.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { errorText } from '../../events.ts'
import { FIRST_INHERITED, inheritedSockets, type InheritedSockets } from '../../system/inherited-sockets.ts'

/** How many descriptors the new process gets after the three of its own. (What begins with ROOTWALK_ is a setting.) */
const VARIABLE = 'HANDED_OVER_FDS'

interface Successor {
  readonly pid: number
  /** What only one process can have is free; it goes on alone. */
  release(): void
}

export type HandedOver =
  | { readonly kind: 'successor'; readonly successor: Successor }
  | { readonly kind: 'failed'; readonly message: string }

export interface HandOverOptions {
  readonly descriptors: readonly number[]
  /** For the new process to serve. */
  readonly timeoutMs: number
  /** By default the program that runs, with its arguments, as it is on the disk now. */
  readonly command?: { readonly file: string; readonly args: readonly string[] }
}

/** Starts the new process, and resolves when it serves, or when it is known that it will not: then it has ended. */
export function handOver({ descriptors, timeoutMs, command = sameProgram() }: HandOverOptions): Promise<HandedOver> {
  return new Promise(resolve => {
    const child = spawn(command.file, command.args, {
      stdio: ['inherit', 'inherit', 'inherit', ...descriptors, 'ipc'],
      env: { ...process.env, [VARIABLE]: String(descriptors.length) },
    })
    const settle = (result: HandedOver): void => {
      clearTimeout(timer)
      child.removeAllListeners()
      child.on('error', () => {})
      resolve(result)
    }
    const fail = (message: string): void => {
      child.kill('SIGKILL')
      settle({ kind: 'failed', message })
    }
    const timer = setTimeout(() => fail(`it did not serve within ${timeoutMs / 1_000} s`), timeoutMs)
    child.on('error', error => fail(errorText(error)))
    child.on('exit', (code, signal) => fail(`it ended with ${signal ?? `code ${code}`} before it served`))
    child.on('message', message => {
      if (message === 'ready') settle({ kind: 'successor', successor: successorOf(child) })
    })
  })
}

const sameProgram = (): { readonly file: string; readonly args: readonly string[] } => ({
  file: process.execPath,
  args: [...process.execArgv, ...process.argv.slice(1)],
})

function successorOf(child: ChildProcess): Successor {
  return {
    pid: child.pid ?? 0,
    release() {
      const part = (): void => {
        if (child.connected) child.disconnect()
        child.unref()
      }
      if (child.connected) child.send('yours', part)
      else part()
    },
  }
}

/** What a process that takes over begins with. */
export interface Predecessor {
  readonly sockets: InheritedSockets
  /** Resolves when what only one process can have is free. */
  readonly released: Promise<void>
  /** To be called when clients are served. */
  ready(): void
}

/** Null: this process takes over from none. */
export function predecessorOf(environment: NodeJS.ProcessEnv): Predecessor | null {
  const count = Number(environment[VARIABLE])
  delete environment[VARIABLE]
  if (!Number.isInteger(count) || count < 1 || process.send === undefined) return null
  const released = new Promise<void>(resolve => {
    process.once('disconnect', resolve)
    process.on('message', message => {
      if (message !== 'yours') return
      resolve()
      if (process.connected) process.disconnect()
    })
  })
  // A start that fails ends the process; a listener on the channel would keep it.
  process.channel?.unref()
  return { sockets: inheritedSockets(count, FIRST_INHERITED), released, ready: () => void process.send?.('ready') }
}
