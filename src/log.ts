/**
 * The writer of the log on standard error: JSON lines, or for a terminal lines to be read. What an event says is in `log-lines.ts`.
 *
 * Lines of JSON are written here, in the form that pino gives them, because pino is loaded in 15 ms of processor time, a tenth of a
 * start: it is there for the terminal. Invariant: a line is written before the call returns, so that the last words of a
 * process that dies are there.
 */
import { isatty } from 'node:tty'
import type { Config } from './config.ts'
import { logLine, type LogLine } from './log-lines.ts'
import { writeNow } from './net/write-now.ts'
import type { EventSink } from './ports.ts'

export interface Log {
  readonly events: EventSink
  readonly setLevel: (level: Config['log']['level']) => void
}

type Level = Config['log']['level']
type Write = (line: LogLine) => void

const STANDARD_ERROR = 2
/** The least important first. */
const LEVELS: readonly Level[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']

export async function openLog({ log, limits }: Pick<Config, 'log' | 'limits'>): Promise<Log> {
  const terminal = isatty(STANDARD_ERROR)
  const pretty = log.form === 'pretty' || (log.form === 'auto' && terminal)
  const write = pretty ? await prettyWriter(terminal) : jsonWriter(limits.server.logRetryMs)
  let least = LEVELS.indexOf(log.level)
  return {
    events: event => {
      const line = logLine(event)
      if (LEVELS.indexOf(line.level) >= least) write(line)
    },
    setLevel: level => {
      least = LEVELS.indexOf(level)
    },
  }
}

const jsonWriter = (retryMs: number): Write => line => writeNow(STANDARD_ERROR, `${jsonLine(line, new Date())}\n`, retryMs)

/** Exported for tests. */
export const jsonLine = ({ level, message, fields }: LogLine, time: Date): string => JSON.stringify({ level, time: time.toISOString(), ...fields, msg: message })

/** `NO_COLOR` as at no-color.org. */
async function prettyWriter(terminal: boolean): Promise<Write> {
  const [{ default: pino }, { default: pretty }] = await Promise.all([import('pino'), import('pino-pretty')])
  const stream = pretty({
    destination: STANDARD_ERROR,
    sync: true,
    colorize: terminal && (process.env.NO_COLOR ?? '') === '',
    translateTime: 'SYS:HH:MM:ss',
    ignore: 'pid,hostname',
  })
  const logger = pino({ level: 'trace', base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: label => ({ level: label }) } }, stream)
  return ({ level, message }) => logger[level](message)
}
