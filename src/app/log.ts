/**
 * The log of the server: events as lines on standard error, in JSON or for reading on a terminal. What a line says is
 * made by `render/event.ts`; here is where it goes, and from which level on.
 */
import pino from 'pino'
import type { Config } from '../config/types.ts'
import type { Event } from '../events.ts'
import type { EventSink } from '../ports.ts'
import { logLine } from '../render/event.ts'

export interface Log {
  readonly events: EventSink
  readonly setLevel: (level: string) => void
}

/** On standard error, as the configuration says. */
export async function openLog({ log }: Config): Promise<Log> {
  const terminal = process.stderr.isTTY === true
  const pretty = log.form === 'pretty' || (log.form === 'auto' && terminal)
  const options: pino.LoggerOptions = {
    level: log.level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: label => ({ level: label }) },
  }
  const logger = pretty
    ? pino(options, await prettyStream(terminal))
    : pino(options, pino.destination({ fd: 2, sync: true }))
  return {
    events: event => {
      const { level, message, fields } = logLine(event)
      if (pretty) logger[level](message)
      else logger[level](fields, message)
    },
    setLevel: level => {
      logger.level = level
    },
  }
}

/** Loaded only for a terminal. `NO_COLOR` as at no-color.org. */
async function prettyStream(terminal: boolean): Promise<pino.DestinationStream> {
  const { default: pretty } = await import('pino-pretty')
  return pretty({
    destination: 2,
    sync: true,
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
