/** `rootwalk serve`: starts the server, explains why it did not start, and minds the signals while it runs. */
import { setFlagsFromString } from 'node:v8'
import { startServer, type RunningServer } from '../app/server.ts'
import { StartError, type StartFailure } from '../app/service/start-error.ts'
import { loadConfig } from '../config/sources.ts'
import type { Config, ConfigResult, ConfigSources } from '../config/types.ts'
import type { Output } from './output.ts'
import { handOver, predecessorOf } from '../app/service/hand-over.ts'
import { notifyManager } from '../app/service/notify.ts'
import { inheritedSockets, passedBySystemd } from '../system/inherited-sockets.ts'
import { findPortHolder } from '../system/port-holder.ts'
import { problemText } from '../render/problem.ts'
import { defaultLimits } from '../limits.ts'
import { Exit, explainedOnce, explainListen } from './startup-problems.ts'

/** Ends when the server has stopped; the exit code. */
export async function runServe(sources: ConfigSources, output: Output): Promise<number> {
  const result = loadConfig(sources)
  if (result.kind === 'invalid') {
    return tellAll(result, output)
  }
  // Of a process that serves and does nothing else: in the programs of others this is theirs to choose.
  if (!process.execArgv.some(isHeapGrowth))
    setFlagsFromString(`--heap-growing-percent=${defaultLimits.server.heapGrowingPercent}`)
  // Before anything else: without a listener Node opens its inspector on SIGUSR1, and ends on the others.
  const signals = new Signals()
  try {
    const predecessor = predecessorOf(process.env)
    const passed = passedBySystemd(process.env, process.pid)
    const server = await startServer(result.config, {
      warnings: result.warnings,
      readConfig: (overlay, text) => loadConfig({ ...sources, overlay, text }),
      inherited: predecessor?.sockets ?? (passed > 0 ? inheritedSockets(passed) : undefined),
      released: predecessor?.released,
    })
    predecessor?.ready()
    notifyManager(['READY=1', `MAINPID=${process.pid}`])
    if (result.config.warmUp) warmUpLater(server, result.config, signals.stopping)
    await signals.serve(server)
    return Exit.Ok
  } catch (error) {
    if (!(error instanceof StartError)) throw error
    return explain(error.failure, result, output)
  } finally {
    signals.close()
  }
}

/** Not while it still starts, and nothing of it is loaded before: the first answer comes first. */
function warmUpLater(server: RunningServer, config: Config, signal: AbortSignal): void {
  const load = async (): Promise<void> => {
    const { warmUp } = await import('../warm-up/warm-up.ts')
    await warmUp({ config, events: server.events, sharedPorts: server.recursor, waiting: () => server.waiting, signal })
  }
  const timer = setTimeout(() => {
    load().catch((error: unknown) => server.events({ kind: 'bug', where: 'warm-up', error, question: null }))
  }, config.limits.warmUp.delayMs)
  timer.unref()
  signal.addEventListener('abort', () => clearTimeout(timer))
}

/** Said on Node's own command line (V8 takes `_` for `-`): whoever says it wants it. NODE_OPTIONS does not take it. */
const isHeapGrowth = (word: string): boolean => word.replaceAll('_', '-').startsWith('--heap-growing-percent')

/**
 * What is wrong in all that the configuration names, and not only the first that ended the start. Loaded for that
 * alone.
 */
async function tellAll(result: ConfigResult, output: Output): Promise<number> {
  const { checkAllBeside } = await import('../app/config-check.ts')
  const { problems, zoneProblems } = await checkAllBeside(result)
  output.err(
    `${[...problems, ...zoneProblems].map(problem => `${problemText(problem)}\n`).join('')}rootwalk: not ` +
      'started because of these problems\n',
  )
  return problems.length > 0 ? Exit.BadConfig : Exit.BadData
}

async function explain(failure: StartFailure, result: ConfigResult, output: Output): Promise<number> {
  switch (failure.kind) {
    case 'listen': {
      const explanations = failure.failures.map(one =>
        explainListen(one, one.code === 'EADDRINUSE' ? findPortHolder(one.transport, one.address, one.port) : null),
      )
      output.err(
        explainedOnce(explanations)
          .map(text => `rootwalk: ${text}`)
          .join(''),
      )
      return explanations[0]?.exitCode ?? Exit.Unavailable
    }
    case 'zones':
    case 'hints':
    case 'anchors':
    case 'certificate':
    case 'forwarding':
    case 'transfers':
    case 'policy':
    case 'shared':
      return tellAll(result, output)
    default:
      return failure satisfies never
  }
}

const STOPPING = ['SIGTERM', 'SIGINT'] as const

/** Signals from the first moment on; those that come before the server runs are remembered or obeyed at once. */
class Signals {
  #server: RunningServer | null = null
  #stopped: (() => void) | null = null
  readonly #stopping = new AbortController()
  #handingOver = false
  readonly #handlers: readonly (readonly [NodeJS.Signals, () => void])[] = [
    ...STOPPING.map(signal => [signal, () => this.#stop(signal)] as const),
    ['SIGHUP', () => this.#server?.reload()],
    // Without a listener Node opens a debugger that anybody on this host could use.
    ['SIGUSR1', () => void this.#handOver()],
    ['SIGUSR2', () => this.#server?.tellStats()],
  ]

  constructor() {
    for (const [signal, handler] of this.#handlers) process.on(signal, handler)
  }

  /** Aborted by the first signal that ends the server. */
  get stopping(): AbortSignal {
    return this.#stopping.signal
  }

  /** Resolves when the server has been stopped by a signal. */
  serve(server: RunningServer): Promise<void> {
    this.#server = server
    return new Promise(resolve => {
      this.#stopped = resolve
      if (this.stopping.aborted) void server.stop('stop').then(resolve)
    })
  }

  /** A new process takes over; while it starts, and when it cannot, this one goes on. */
  async #handOver(): Promise<void> {
    const server = this.#server
    if (server === null || this.#handingOver || this.stopping.aborted) return
    this.#handingOver = true
    const descriptors = server.descriptors()
    if (descriptors === null) {
      const message = `Node.js ${process.version} does not show its sockets; restart it by the service manager`
      server.events({ kind: 'hand-over-failed', message })
    } else {
      await server.save()
      const result = await handOver({ descriptors, timeoutMs: server.recursor.limits.server.handOverMs })
      if (result.kind === 'successor') {
        server.events({ kind: 'handed-over', pid: result.successor.pid })
        notifyManager([`MAINPID=${result.successor.pid}`])
        this.#stopping.abort()
        await server.stop('hand-over', () => result.successor.release())
        this.#stopped?.()
      } else server.events({ kind: 'hand-over-failed', message: result.message })
    }
    this.#handingOver = false
  }

  close(): void {
    for (const [signal, handler] of this.#handlers) process.off(signal, handler)
  }

  #stop(signal: (typeof STOPPING)[number]): void {
    notifyManager(['STOPPING=1'])
    // The second one means: now.
    if (this.stopping.aborted) process.exit(signal === 'SIGINT' ? Exit.Interrupted : Exit.Terminated)
    this.#stopping.abort()
    void this.#server?.stop(signal).then(() => this.#stopped?.())
  }
}
