/** What the events of block and allow lists say in the log. */
import { counted } from '../presentation/counted.ts'
import type { Event } from '../events.ts'

const kinds = [
  'list-loading',
  'list-loaded',
  'list-rejected',
  'list-fetched',
  'list-fetch-failed',
  'list-copies',
] as const
type ListEvent = Extract<Event, { kind: (typeof kinds)[number] }>
export const isOfLists = (event: Event): event is ListEvent => kinds.some(kind => kind === event.kind)

interface Sentence {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly message: string
}

export function listSentence(event: ListEvent): Sentence {
  switch (event.kind) {
    case 'list-loading':
      return { level: 'info', message: `list ${event.list}: ${event.percent} % are read` }
    case 'list-loaded': {
      const { list, rules, duplicates, skipped, ms } = event
      const others = [
        ...(duplicates === 0 ? [] : [counted(duplicates, 'duplicate')]),
        ...(skipped === 0 ? [] : [`${counted(skipped, 'line')} skipped (\`rootwalk lists\` says why)`]),
      ]
      return { level: 'info', message: `list ${list}: ${[counted(rules, 'rule'), ...others].join(', ')} in ${ms} ms` }
    }
    case 'list-rejected':
      return { level: 'error', message: `list ${event.list} ${event.reason}${keptText(event.kept)}` }
    case 'list-fetched':
      return event.octets === null
        ? { level: 'debug', message: `list ${event.list} is unchanged at its server` }
        : { level: 'info', message: `list ${event.list} was fetched: ${event.octets} octets in ${event.ms} ms` }
    case 'list-fetch-failed': {
      const again = `next attempt in ${Math.ceil(event.againMs / 1_000)} s`
      return {
        level: event.kept ? 'warn' : 'error',
        message: `list ${event.list} could not be fetched: ${event.reason}${keptText(event.kept)}; ${again}`,
      }
    }
    case 'list-copies':
      return { level: 'warn', message: `lists: ${event.message}` }
    default:
      return event satisfies never
  }
}

const keptText = (kept: boolean): string => (kept ? '; its last rules hold' : '; it has no rules')
