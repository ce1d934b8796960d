/** What is said of zones that other servers send: level and sentence. */
import type { TransferNews } from '../events.ts'
import { counted, times } from '../presentation/counted.ts'

interface Sentence {
  readonly level: 'info' | 'warn' | 'error'
  readonly message: string
}

export function transferSentence(name: string, views: readonly string[], news: TransferNews): Sentence {
  const zone = views.length === 0 ? name : `${name} (${views.length === 1 ? 'view' : 'views'} ${views.join(', ')})`
  switch (news.kind) {
    case 'transferred': {
      const { primary, serial, records, octets, ms, whole, outside, fellBack } = news
      const left = outside === 0 ? '' : `; ${counted(outside, 'record')} of other zones left out`
      const why = fellBack === null ? '' : `; its changes could not be used: ${fellBack}`
      const what = whole ? 'transferred' : 'brought up to date'
      return {
        level: outside > 0 || fellBack !== null ? 'warn' : 'info',
        message:
          `zone ${zone} ${what} from ${primary}: version ${serial}, ${counted(records, 'record')}, ${octets} octets ` +
          `in ${(ms / MS).toFixed(1)} s${left}${why}`,
      }
    }
    case 'progress':
      return {
        level: 'info',
        message:
          `zone ${zone}: ${counted(news.records, 'record')} from ${news.primary} in ${(news.ms / MS).toFixed(1)} s ` +
          'so far',
      }
    case 'failed':
      return {
        level: news.served ? 'warn' : 'error',
        message:
          `zone ${zone} could not be refreshed, and is ${news.served ? 'served as it was' : 'not served'}; ` +
          `the next try is in ${news.againS} s:${news.reasons.map(reason => `\n  ${reason}`).join('')}`,
      }
    case 'copy':
      return {
        level: 'info',
        message:
          `zone ${zone} loaded from its copy: version ${news.serial}, ${counted(news.records, 'record')}, ` +
          `confirmed ${news.ageS} s ago`,
      }
    case 'copy-trouble':
      return { level: 'warn', message: `zone ${zone}: ${news.message}` }
    case 'expired':
      return {
        level: 'error',
        message: `zone ${zone} has expired: no primary has confirmed it for ${news.ageS} s; its names get SERVFAIL`,
      }
    case 'notify-refused':
      return {
        level: 'warn',
        message: `zone ${zone}: NOTIFY refused ${times(news.times)}, the latest from ${news.from}`,
      }
    default:
      return news satisfies never
  }
}

const MS = 1_000
