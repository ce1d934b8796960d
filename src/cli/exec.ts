/**
 * `rootwalk exec`: runs a command where port 53 of 127.0.0.1 is a stub and there is no other network. This is the
 * process outside: it makes the namespaces, hands signals on and repeats the exit code. The stub is inside
 * (`exec-inside.ts`).
 *
 * Invariant: when this ends, by itself or killed, the process inside ends too; on the system nothing has changed.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { accessSync, constants as files, existsSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { constants, hostname } from 'node:os'
import { basename, delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Output } from './output.ts'
import {
  explainElsewhere,
  explainHindrance,
  hostsText,
  NOT_FURNISHED,
  nsswitchText,
  READY,
  resolvConfText,
  shellWords,
} from './exec-namespace.ts'
import type { ExecOptions } from './exec-args.ts'
import { Exit } from './startup-problems.ts'

/** The order for the process inside, as JSON in its arguments. */
export interface InsideOrder extends ExecOptions {
  /** As whom the command runs; null: as the process inside. */
  readonly user: { readonly uid: number; readonly gid: number; readonly unshare: string } | null
}

/** The address of the stub inside, with port 53: a resolv.conf cannot name another. */
export const STUB_ADDRESS = '127.0.0.1'

type Attempt =
  | { readonly kind: 'ran'; readonly code: number }
  | { readonly kind: 'hindered'; readonly said: string; readonly furnishing: boolean }

/** Ends when the command has ended; its exit code, or 128 + the number of the signal that ended it. */
export async function runExec(options: ExecOptions, output: Output): Promise<number> {
  if (process.platform !== 'linux')
    return failed(
      output,
      explainElsewhere(`needs the namespaces of Linux, this is ${process.platform}`),
      Exit.Unavailable,
    )
  const unshare = findProgram('unshare', process.env.PATH)
  if (unshare === null)
    return failed(output, explainElsewhere('needs the program unshare (package util-linux)'), Exit.Unavailable)
  const uid = process.getuid?.() ?? 0
  const gid = process.getgid?.() ?? 0
  const signals = new ForwardedSignals()
  try {
    let hindered: Extract<Attempt, { kind: 'hindered' }> | null = null
    // Root needs no user namespace, and keeps the right to change owners without one; in a container it may need one
    // all the same.
    for (const asUser of uid === 0 ? [false, true] : [true]) {
      // Back from root of the namespace to who we are. BusyBox cannot: there the command sees itself as root.
      const user = uid === 0 || basename(realpathSync(unshare)) === 'busybox' ? null : { uid, gid, unshare }
      const attempt = await runInside(unshare, asUser, { ...options, user }, signals)
      if (attempt.kind === 'ran') return attempt.code
      if (signals.ended !== null) return exitCodeOf(null, signals.ended)
      hindered ??= attempt
    }
    const { said, furnishing } = hindered ?? { said: '', furnishing: false }
    return failed(
      output,
      explainHindrance({ said, furnishing, root: uid === 0, switches: kernelSwitches() }),
      furnishing && said.includes('is installed') ? Exit.Unavailable : Exit.NoPermission,
    )
  } finally {
    signals.close()
  }
}

function failed(output: Output, text: string, code: number): number {
  output.err(text)
  return code
}

/** The path of a program; tools of the administrator are often in no user's PATH. Null: there is none. */
export function findProgram(name: string, path: string | undefined): string | null {
  if (name.includes('/')) return name
  for (const directory of [
    ...(path ?? '').split(delimiter),
    '/usr/local/sbin',
    '/usr/sbin',
    '/sbin',
    '/usr/bin',
    '/bin',
  ]) {
    const found = join(directory, name)
    try {
      accessSync(found, files.X_OK)
      return found
    } catch {
      // Not here.
    }
  }
  return null
}

/**
 * Directories of which one is covered while the files are made: nothing that is used then may be in it (WSL has
 * resolv.conf in /mnt).
 */
const SCRATCH = ['/media', '/srv', '/opt', '/tmp', '/mnt'] as const

function runInside(unshare: string, asUser: boolean, order: InsideOrder, signals: ForwardedSignals): Promise<Attempt> {
  const words = shellWords({
    scratch: SCRATCH.find(directory => existsSync(directory)) ?? '/tmp',
    resolvConf: resolvConfText(STUB_ADDRESS),
    hosts: hostsText(hostname()),
    nsswitch: nsswitchText(textOf('/etc/nsswitch.conf')),
    program: [process.execPath, insideProgram(), JSON.stringify(order)],
  })
  // 2: what the tools say; 3: life and news of the process inside; 4: the real standard error.
  const child = spawn(unshare, [asUser ? '-rnm' : '-nm', '/bin/sh', ...words], {
    stdio: ['inherit', 'inherit', 'pipe', 'pipe', 2],
  })
  let said = ''
  let inside = false
  child.stderr?.setEncoding('utf8').on('data', text => {
    said += text
  })
  child.stdio[3]
    ?.on('data', (news: Buffer) => {
      inside = true
      if (news.includes(READY)) signals.sendTo(child)
    })
    .on('error', () => {})
  signals.beforehand(child)
  return new Promise(resolve => {
    child.on('error', error => resolve({ kind: 'hindered', said: error.message, furnishing: false }))
    // "close" and not "exit": the last words on the pipes count.
    child.on('close', (code, signal) => {
      signals.sendTo(null)
      resolve(
        inside
          ? { kind: 'ran', code: exitCodeOf(code, signal) }
          : { kind: 'hindered', said, furnishing: code === NOT_FURNISHED },
      )
    })
  })
}

/** The one that `scripts/bundle.mjs` made, when it was made of what is there now: it starts in half the time. */
function insideProgram(): string {
  const at = (name: string): string => fileURLToPath(new URL(`./${name}`, import.meta.url))
  const single = at('../exec-inside.bundle.js')
  const made = statSync(single, { throwIfNoEntry: false })
  const many = at(import.meta.url.endsWith('.ts') ? 'exec-inside.ts' : 'exec-inside.js')
  return made !== undefined && made.mtimeMs >= statSync(many).mtimeMs ? single : many
}

/** As shells count. */
export const exitCodeOf = (code: number | null, signal: NodeJS.Signals | null): number =>
  signal === null ? (code ?? Exit.Failure) : 128 + constants.signals[signal]

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

function kernelSwitches(): Parameters<typeof explainHindrance>[0]['switches'] {
  const value = (name: string): string | null => textOf(`/proc/sys/${name.replaceAll('.', '/')}`).trim() || null
  return {
    'kernel.unprivileged_userns_clone': value('kernel.unprivileged_userns_clone'),
    'kernel.apparmor_restrict_unprivileged_userns': value('kernel.apparmor_restrict_unprivileged_userns'),
    'user.max_user_namespaces': value('user.max_user_namespaces'),
  }
}

export const FORWARDED = ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const
type Forwarded = (typeof FORWARDED)[number]

/** Signals that this process gets, for the command. Those that a terminal sends reach the command by themselves. */
class ForwardedSignals {
  /** The signal that ended it all before the command ran. */
  ended: Forwarded | null = null
  #to: ChildProcess | null = null
  #starting: ChildProcess | null = null
  readonly #waiting: Forwarded[] = []
  readonly #handlers: readonly (readonly [Forwarded, () => void])[] = FORWARDED.map(
    signal => [signal, () => this.#got(signal)] as const,
  )

  constructor() {
    for (const [signal, handler] of this.#handlers) process.on(signal, handler)
  }

  /** From now on the child can take signals; those that came before are handed over. */
  sendTo(child: ChildProcess | null): void {
    this.#starting = null
    this.#to = child
    for (const signal of this.#waiting.splice(0)) child?.kill(signal)
  }

  /** Until then the child dies of a signal that asks for an end, and the others wait. */
  beforehand(child: ChildProcess): void {
    this.#starting = child
  }

  close(): void {
    for (const [signal, handler] of this.#handlers) process.off(signal, handler)
  }

  #got(signal: Forwarded): void {
    if (isOfTerminal(signal)) return
    if (this.#to !== null) this.#to.kill(signal)
    else if (signal === 'SIGUSR1' || signal === 'SIGUSR2') this.#waiting.push(signal)
    else {
      this.ended = signal
      this.#starting?.kill(signal)
    }
  }
}

/**
 * Has a terminal sent this signal to the command as well? So it does with Ctrl-C and Ctrl-\ to all processes in its
 * foreground (proc(5): pgrp and tpgid), and a program that gets it twice thinks that somebody is in a hurry.
 */
export const isOfTerminal = (signal: Forwarded): boolean =>
  (signal === 'SIGINT' || signal === 'SIGQUIT') && isForeground()

function isForeground(): boolean {
  const stat = textOf('/proc/self/stat')
  const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return group !== undefined && group === foreground
}
