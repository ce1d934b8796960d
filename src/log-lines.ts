/**
 * What an event says in the log: a level, one sentence, and fields for machines. The writer of the log is in `app.ts`; nothing
 * else logs.
 */
import type { Event, Problem } from './events.ts'
import { problemText } from './problem-text.ts'

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}

export function logLine(event: Event): LogLine {
  const { kind, ...fields } = event
  return { ...sentence(event), fields: { event: kind, ...plainFields(fields) } }
}

/** Errors as text, problems as the lines they print as. */
function plainFields(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, value instanceof Error ? (value.stack ?? value.message) : value]))
}

const where = (address: string, port: number): string => `${address.includes(':') ? `[${address}]` : address}:${port}`
const listed = (problems: readonly Problem[]): string => problems.map(problem => `\n  ${problemText(problem)}`).join('')

const restartText = (keys: readonly string[]): string => (keys.length === 0 ? '' : `; a restart is needed for ${keys.join(', ')}`)
const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

function sentence(event: Event): Pick<LogLine, 'level' | 'message'> {
  switch (event.kind) {
    case 'starting':
      return {
        level: 'info',
        message: `rootwalk ${event.version}, ${event.file === null ? 'no configuration file, the defaults hold' : `configuration ${event.file}`}`,
      }
    case 'config-warnings':
      return { level: 'warn', message: `in the configuration:${listed(event.problems)}` }
    case 'stats':
      return { level: 'info', message: `statistics: ${JSON.stringify(event.numbers)}` }
    case 'listening':
      return { level: 'info', message: `listening on ${where(event.address, event.port)} (${event.transport.toUpperCase()})` }
    case 'listener-failed':
      return { level: 'error', message: `cannot listen on ${where(event.address, event.port)} (${event.transport.toUpperCase()}): ${event.message}` }
    case 'receive-buffer-small':
      return {
        level: 'info',
        message: `the kernel grants ${event.gotBytes} octets of receive buffer, ${event.wantedBytes} were wanted; sysctl net.core.rmem_max raises it`,
      }
    case 'sockets-exhausted':
      return { level: 'warn', message: `no more sockets to be had (${event.code}); raise the limit of open files` }
    case 'primed':
      return { level: 'info', message: `the root has ${event.servers} servers` }
    case 'priming-failed':
      return { level: 'warn', message: `could not ask for the root servers, going on with the hints: ${event.reason}` }
    case 'zone-loaded':
      return { level: 'info', message: `zone ${event.zone} loaded from ${event.file}, ${event.records} records` }
    case 'zone-removed':
      return { level: 'info', message: `zone ${event.zone} is no longer served: ${event.file} is gone` }
    case 'zone-rejected':
      return {
        level: 'error',
        message: `${event.file} is not used${event.kept ? '; the last good version goes on being served' : ''}:${listed(event.problems)}`,
      }
    case 'zone-warnings':
      return { level: 'warn', message: `in ${event.file}:${listed(event.problems)}` }
    case 'config-reloaded':
      return {
        level: 'info',
        message: `configuration read again from ${event.file}${restartText(event.needsRestart)}`,
      }
    case 'config-rejected':
      return { level: 'error', message: `the new configuration is not used, the old one stays:${listed(event.problems)}` }
    case 'family-dead':
      return { level: 'warn', message: `IPv${event.family} leads nowhere from here; servers are asked over the other family` }
    case 'family-alive':
      return { level: 'info', message: `IPv${event.family} works again` }
    case 'bug':
      return {
        level: 'error',
        message: `a bug in ${event.where}${event.question === null ? '' : ` while answering ${event.question}`}: ${reasonOf(event.error)}`,
      }
    case 'overloaded':
      return { level: 'warn', message: `overloaded: ${event.inFlight} resolutions in flight, new ones fail` }
    case 'query-log-failed':
      return { level: 'error', message: `queries are not logged: ${event.message}` }
    case 'stopping':
      return { level: 'info', message: `${event.signal}: finishing what is in flight` }
    case 'stopped':
      return { level: 'info', message: 'stopped' }
    default:
      return event satisfies never
  }
}
