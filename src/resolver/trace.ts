/**
 * What was asked, what came back, what was decided: one closed set of steps for `explain`, golden files and live views.
 */
import { u16 } from '../dns/bytes.ts'
import { formatName } from '../presentation/text.ts'
import type { Message, Question } from '../dns/message.ts'
import { rcodeName, typeName } from '../dns/types.ts'
import type { Name } from '../dns/name.ts'
import type { ServerAddress, Transport } from '../ports.ts'
import type { Because, Outcome, Security } from '../steps.ts'

/** `id` numbers resolutions; times are milliseconds, `atMs` since the clock's start. */
export type TraceStep =
  | {
      readonly kind: 'lookup'
      readonly id: number
      readonly parent: number
      readonly depth: number
      readonly atMs: number
      readonly question: Question
      readonly because: Because
    }
  | {
      readonly kind: 'joined'
      readonly id: number
      readonly parent: number
      readonly depth: number
      readonly atMs: number
      readonly question: Question
    }
  | { readonly kind: 'local'; readonly id: number; readonly depth: number; readonly zone: Name; readonly what: string }
  | {
      readonly kind: 'cache'
      readonly id: number
      readonly depth: number
      readonly what: string
      readonly name: Name
      readonly type: number
      readonly ttl: number
    }
  | {
      readonly kind: 'cut'
      readonly id: number
      readonly depth: number
      readonly zone: Name
      readonly from: string
      readonly servers: number
    }
  | {
      readonly kind: 'exchange'
      readonly id: number
      readonly depth: number
      readonly atMs: number
      readonly tookMs: number
      readonly server: ServerAddress
      readonly serverName: Name
      readonly zone: Name
      readonly transport: Transport
      readonly question: Question
      readonly came: string
      readonly verdict: string
      readonly decided: string
    }
  /** What validation says of one set or zone: `zone` is the signer, or the zone that was judged. */
  | {
      readonly kind: 'validated'
      readonly id: number
      readonly depth: number
      readonly zone: Name
      readonly what: string
      readonly verdict: Security['kind']
      readonly text: string
    }
  | { readonly kind: 'note'; readonly id: number; readonly depth: number; readonly text: string }
  | {
      readonly kind: 'end'
      readonly id: number
      readonly depth: number
      readonly atMs: number
      readonly tookMs: number
      readonly outcome: string
    }

export type TraceSink = (step: TraceStep) => void

/** `www.example.com. A`. */
export const questionText = (q: Question): string => `${formatName(q.name)} ${typeName(q.type)}`

/**
 * One line on what a reply held: `NOERROR aa, 2 answer, 1 authority`. `octets` of it count what was not made of it
 * (`decodeReply`).
 */
export function replyText(message: Message, octets: Uint8Array | null = null): string {
  const flags = [
    message.authoritative ? ' aa' : '',
    message.truncated ? ' tc' : '',
    message.recursionAvailable ? ' ra' : '',
  ].join('')
  const authority = octets === null ? message.authority.length : u16(octets, 8)
  const additional = octets === null ? message.additional.length : u16(octets, 10) - (message.edns === null ? 0 : 1)
  const part = (count: number, word: string): string => (count === 0 ? '' : `, ${count} ${word}`)
  return `${rcodeName(message.rcode)}${flags}${part(message.answer.length, 'answer')}${part(authority, 'authority')}${part(additional, 'additional')}${message.edns === null ? ', no EDNS' : ''}`
}

/** One line on how a resolution ended. */
export function outcomeText(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'answer':
      return `answer, ${outcome.rrsets.map(set => `${typeName(set.type)} x${set.rdatas.length} ttl ${set.ttl}`).join(', ')}`
    case 'nodata':
      return 'NODATA: the name exists, not with this type'
    case 'nxdomain':
      return 'NXDOMAIN: the name does not exist'
    case 'failure':
      return `failure: ${outcome.text}`
    default:
      return outcome satisfies never
  }
}
