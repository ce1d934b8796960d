/**
 * The log on standard error. Nothing waits for whoever reads it: lines gather in memory while the pipe takes none, up
 * to a bound; beyond it they are dropped and counted, and the count is reported when the pipe is read again.
 */
import { constants, fstatSync, openSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import pino from 'pino'
import type { Config } from '../config/types.ts'
import type { Event } from '../events.ts'
import type { EventSink } from '../ports.ts'
import { logLine } from '../render/event.ts'

export interface Log {
  readonly events: EventSink
  readonly setLevel: (level: string) => void
  /** Writes what has gathered, for no longer than `logFlushMs`. */
  readonly close: () => Promise<void>
}

const STDERR = 2

/** `fd` is written to; `environment` says whether it is the journal. */
export async function openLog(
  { log, limits }: Pick<Config, 'log' | 'limits'>,
  fd: number = STDERR,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<Log> {
  const { logBufferBytes, logFlushMs } = limits.server
  const terminal = fd === STDERR && process.stderr.isTTY === true
  const pretty = log.form === 'pretty' || (log.form === 'auto' && terminal)
  let dropped = 0
  let closing = false
  let closed = false
  const stream = pino.destination({
    fd: withoutWaiting(fd) ?? fd,
    sync: false,
    maxLength: logBufferBytes,
    // A pipe that is full; at the end there is no more time for it.
    retryEAGAIN: () => !closing,
  })
  const logger = pino(
    {
      level: log.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: label => ({ level: label }) },
    },
    pretty ? await prettyStream(terminal, stream) : isJournal(fd, environment) ? withPriorities(stream) : stream,
  )
  const events: EventSink = event => {
    if (closed) return
    const { level, message, fields } = logLine(event)
    if (pretty) logger[level](message)
    else logger[level](fields, message)
  }
  stream.on('drop', () => dropped++)
  stream.on('drain', () => {
    if (dropped === 0) return
    const lines = dropped
    dropped = 0
    events({ kind: 'log-dropped', lines })
  })
  // A closed pipe: there is no one to report it to.
  stream.on('error', () => {})
  leaveQuietly(stream, () => {
    closing = true
  })
  return {
    events,
    setLevel: level => {
      logger.level = level
    },
    async close() {
      if (closed) return
      const written = new Promise<void>(resolve => stream.once('close', resolve))
      stream.end()
      closed = true
      const late = new AbortController()
      await Promise.race([written, wait(logFlushMs, undefined, { signal: late.signal }).catch(() => {})])
      late.abort()
      closing = true
      stream.destroy()
    },
  }
}

/**
 * A descriptor of our own for the same pipe or terminal, whose writes never wait. That is a property of the open file
 * and not of the descriptor (fcntl(2), O_NONBLOCK): set on the one that we were given it would change it for all that
 * have it, the shell too. Null where there is none: a file does not let one wait, and for sockets a thread does.
 */
function withoutWaiting(fd: number): number | null {
  try {
    const kind = fstatSync(fd)
    if (!kind.isFIFO() && !kind.isCharacterDevice()) return null
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
  } catch {
    return null
  }
}

/** What pino does when the process ends at once: one try, which neither waits nor fails. */
function leaveQuietly(stream: ReturnType<typeof pino.destination>, leave: () => void): void {
  const flushSync = stream.flushSync.bind(stream)
  stream.flushSync = () => {
    leave()
    try {
      flushSync()
    } catch {
      // The pipe is full or closed.
    }
  }
}

/**
 * Is this descriptor the journal's (systemd.exec(5), JOURNAL_STREAM)? It says device and inode of the one that the
 * service was started with, which may have been redirected since.
 */
function isJournal(fd: number, environment: NodeJS.ProcessEnv): boolean {
  try {
    const { dev, ino } = fstatSync(fd)
    return environment.JOURNAL_STREAM === `${dev}:${ino}`
  } catch {
    return false
  }
}

/** Of pino's levels in those of syslog (sd-daemon(3)): trace and debug 7, info 6, warn 4, error 3, fatal 2. */
const priorityOf = (level: number): number => (level < 30 ? 7 : level < 40 ? 6 : level < 50 ? 4 : level < 60 ? 3 : 2)

/** Each line begins with its priority, which the journal takes off. */
function withPriorities(stream: pino.DestinationStream): pino.DestinationStream {
  const marked = {
    // What pino wants to be told for a stream to learn the level of its lines.
    [Symbol.for('pino.metadata')]: true,
    lastLevel: 30,
    write: (line: string): void => void stream.write(`<${priorityOf(marked.lastLevel)}>${line}`),
  }
  return marked
}

/** Loaded only for a terminal. `NO_COLOR` as at no-color.org. */
async function prettyStream(terminal: boolean, destination: pino.DestinationStream): Promise<pino.DestinationStream> {
  const { default: pretty } = await import('pino-pretty')
  return pretty({
    destination,
    colorize: terminal && (process.env.NO_COLOR ?? '') === '',
    translateTime: 'SYS:HH:MM:ss',
    ignore: 'pid,hostname',
  })
}

/** What a start has done so far is of no interest when it fails: then the reason is reported alone. */
export function holdBack(log: Log): { readonly log: Log; readonly release: () => void } {
  let held: Event[] | null = []
  return {
    log: {
      ...log,
      events: event => {
        const { level } = logLine(event)
        if (held !== null && (level === 'info' || level === 'debug')) held.push(event)
        else log.events(event)
      },
    },
    release: () => {
      const events = held ?? []
      held = null
      for (const event of events) log.events(event)
    },
  }
}
