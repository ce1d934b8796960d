/**
 * What was asked, what came back, what was decided: one closed set of steps for `explain`, golden files and live views.
 * Data only: names are octets, times and counts are numbers, reasons are members of unions. `render/` puts it in words.
 * Free text is what has no closed set: errors of the system, and the text that an Extended DNS Error gives a client.
 */
import { u16 } from '../dns/bytes.ts'
import { formatName } from '../presentation/text.ts'
import type { Message, Question } from '../dns/message.ts'
import { typeName, type EdeCode } from '../dns/types.ts'
import type { Name } from '../dns/name.ts'
import type { DenialClaim, SignatureFacts } from '../dnssec/rules.ts'
import type { ServerAddress, Transport } from '../ports.ts'
import type { Because, Outcome, Security } from '../steps.ts'
import type { LameReason, RejectReason, Verdict } from './classify.ts'

/**
 * `id` numbers resolutions, `depth` is 0 for a client's own. Times are milliseconds, `atMs` since the clock's start.
 */
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
      readonly what: CacheFind
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
      /** Null: it is one that the operator named, by its address. */
      readonly serverName: Name | null
      readonly zone: Name
      readonly transport: Transport
      readonly question: Question
      readonly came: Came
      /** What the reply means; null when none came, or it came in other letter case and was not looked at. */
      readonly verdict: TraceVerdict | null
      readonly decided: Decided
    }
  /** What validation says of one set or zone: `zone` is the signer, or the zone that was judged. */
  | {
      readonly kind: 'validated'
      readonly id: number
      readonly depth: number
      readonly zone: Name
      readonly subject: Subject
      readonly verdict: Security['kind']
      /** The signature that verified, or that one which did not and is the reason. */
      readonly signature: SignatureFacts | null
      /** Why it is not secure; null when there is nothing to say. */
      readonly reason: string | null
    }
  | { readonly kind: 'note'; readonly id: number; readonly depth: number; readonly note: Note }
  | {
      readonly kind: 'end'
      readonly id: number
      readonly depth: number
      readonly atMs: number
      readonly tookMs: number
      readonly outcome: Outcome
    }

export type TraceSink = (step: TraceStep) => void

/**
 * What was found in the cache; `synthesised-…`: made from validated denials and wildcards (RFC 8198); `expired-…`: its
 * TTL is over (RFC 8767).
 */
export type CacheFind =
  | 'data'
  | 'alias'
  | 'nodata'
  | 'nxdomain'
  | 'synthesised-data'
  | 'synthesised-nodata'
  | 'synthesised-nxdomain'
  | 'expired-data'
  | 'expired-alias'
  | 'expired-nodata'
  | 'expired-nxdomain'

/** A reply in short. Records of each section are counted, the OPT record is not. */
export interface ReplySummary {
  readonly rcode: number
  readonly authoritative: boolean
  readonly truncated: boolean
  readonly recursionAvailable: boolean
  readonly answer: number
  readonly authority: number
  readonly additional: number
  readonly edns: boolean
}

/** What came in answer to one message. */
export type Came =
  | ({ readonly kind: 'reply' } & ReplySummary)
  | { readonly kind: 'timeout' }
  | { readonly kind: 'malformed' }
  | { readonly kind: 'spoofing-suspected'; readonly mismatches: number }
  /** `reason` is what the system says: an errno's name, a word on what is full, what is wrong with a certificate. */
  | { readonly kind: 'unreachable' | 'not-sent' | 'unverified'; readonly reason: string }
  | { readonly kind: 'http-status'; readonly status: number; readonly retryAfterMs: number | null }

/**
 * The kind of a verdict; of a rejected reply what is wrong with it. `cookie-missing`: the server has given a cookie
 * before, so that this may be from another. `lame` says what shows that the server is lame.
 */
export interface TraceVerdict {
  readonly kind: Exclude<Verdict['kind'], 'reject'> | RejectReason | 'cookie-missing'
  readonly lame: LameReason | null
}

/** What was done next, as `asking/ask-server.ts` decided it. */
export type Decided =
  | 'use'
  | 'use-as-last-resort'
  | 'follow-alias'
  | 'ask-child-zone'
  | 'accept-denial'
  | 'give-up'
  | 'ask-over-tcp'
  | 'ask-without-edns'
  | 'ask-with-new-cookie'
  | 'ask-without-cookie'
  | 'ask-unchecked'
  | 'ask-unmodified'
  | 'ask-in-clear'
  | 'ask-again'
  | 'other-server-or-retry'
  | 'other-server'

/** What was validated. */
export type Subject =
  | { readonly kind: 'set'; readonly name: Name; readonly type: number }
  | { readonly kind: 'delegation' | 'denial'; readonly name: Name }
  | { readonly kind: 'proof'; readonly claim: DenialClaim }

/** A turn of the walk that no message shows. `reason` is why data did not validate, `ede` its code. */
export type Note =
  | { readonly kind: 'cached-data-bogus' }
  | { readonly kind: 'delegation-outdated' }
  /** Something else answers in the place of the root servers: what it says is used as far as it goes. */
  | { readonly kind: 'intercepted' }
  /** The servers of a forward zone failed: the name is resolved as if it were not configured. */
  | { readonly kind: 'recursing'; readonly zone: Name }
  /** What another instance has of it, and how long it took to say. */
  | { readonly kind: 'shared'; readonly found: 'hit' | 'miss' | 'timeout'; readonly tookMs: number }
  | { readonly kind: 'first-alias-alone' | 'other-server'; readonly reason: string; readonly ede: EdeCode }

/** `www.example.com. A`. */
export const questionText = (q: Question): string => `${formatName(q.name)} ${typeName(q.type)}`

/** `octets` of the message count the records that nothing was made of (`decodeReply`). */
export const replySummary = (message: Message, octets: Uint8Array | null = null): ReplySummary => ({
  rcode: message.rcode,
  authoritative: message.authoritative,
  truncated: message.truncated,
  recursionAvailable: message.recursionAvailable,
  answer: message.answer.length,
  authority: octets === null ? message.authority.length : u16(octets, 8),
  additional: octets === null ? message.additional.length : u16(octets, 10) - (message.edns === null ? 0 : 1),
  edns: message.edns !== null,
})
