/** Sentences about policies that are written as programs. */
import { counted } from '../presentation/counted.ts'
import type { Event } from '../events.ts'

const kinds = ['policy-loaded', 'policy-rejected', 'policy-fault', 'policy-restarting', 'policy-versions'] as const
type PolicyEvent = Extract<Event, { kind: (typeof kinds)[number] }>
export const isOfPolicies = (event: Event): event is PolicyEvent => kinds.some(kind => kind === event.kind)

interface Sentence {
  readonly level: 'error' | 'warn' | 'info'
  readonly message: string
}

export function policySentence(event: PolicyEvent): Sentence {
  switch (event.kind) {
    case 'policy-loaded': {
      const { policy, hooks, reads, isolated, ms } = event
      const where = isolated ? '' : ' in the thread of the server'
      const what = `hooks ${hooks.join(', ')}; reads ${reads ?? 'everything, so that no answer is shared'}`
      return { level: 'info', message: `policy ${policy}: ${what}; loaded${where} in ${ms} ms` }
    }
    case 'policy-rejected':
      return {
        level: 'error',
        message: `policy ${event.problem}${event.kept ? '; its last version holds' : '; it does not hold'}`,
      }
    case 'policy-fault': {
      const more = event.more === 0 ? '' : ` (and ${counted(event.more, 'fault')} before that were not logged)`
      return { level: 'warn', message: `policy ${event.policy}: ${event.fault}: ${event.text}${more}` }
    }
    case 'policy-restarting':
      return { level: 'warn', message: `policy ${event.policy}: its thread is started again in ${event.pauseMs} ms` }
    case 'policy-versions':
      return {
        level: 'warn',
        message:
          `policy ${event.policy}: ${counted(event.versions, 'version')} of it stay in memory until the next ` +
          'restart; run it isolated to have only one',
      }
    default:
      return event satisfies never
  }
}
