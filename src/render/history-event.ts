/** Sentences about what is kept and reported of queries. */
import type { Event } from '../events.ts'

const HISTORY_KINDS = [
  'history-open',
  'history-failed',
  'history-works',
  'history-set-aside',
  'history-removed',
  'dnstap-open',
  'dnstap-failed',
] as const
type HistoryEvent = Extract<Event, { kind: (typeof HISTORY_KINDS)[number] }>

export const isOfHistory = (event: Event): event is HistoryEvent => HISTORY_KINDS.some(kind => kind === event.kind)

interface Sentence {
  readonly level: 'info' | 'warn' | 'error'
  readonly message: string
}

export function historySentence(event: HistoryEvent): Sentence {
  switch (event.kind) {
    case 'history-open':
      return event.where === 'memory'
        ? {
            level: 'warn',
            message:
              `this Node.js has no SQLite: the latest ${event.queries} queries are kept in memory only, and lost at ` +
              'the end. Node.js 22.13 or later keeps them on disk',
          }
        : {
            level: 'info',
            message: `queries are kept in ${event.directory} for ${event.days} days, in ${event.bytes} octets at most`,
          }
    case 'history-failed':
      return { level: 'error', message: `queries are answered, but not kept in the history: ${event.message}` }
    case 'history-works':
      return { level: 'info', message: `queries are kept in the history again; ${event.lost} are lost` }
    case 'history-set-aside':
      return {
        level: 'error',
        message: `${event.file} of the history is damaged; it is now ${event.as}, and a new file is begun`,
      }
    case 'history-removed':
      return {
        level: 'info',
        message:
          `${event.file} of the history was deleted: ` +
          (event.why === 'age' ? 'it is too old' : 'the space that the history may take is full'),
      }
    case 'dnstap-open':
      return { level: 'info', message: `queries and responses are reported by dnstap to ${event.to}` }
    case 'dnstap-failed':
      return { level: 'error', message: `dnstap cannot report to ${event.to}: ${event.message}` }
    default:
      return event satisfies never
  }
}
