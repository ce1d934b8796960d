/**
 * Failures of servers in words: the one place that makes them, for the text of Extended DNS Errors (RFC 8914), for
 * `explain` and for the log. Everything else handles them as data.
 */
import type { Question } from '../../dns/message.ts'
import type { Name } from '../../dns/name.ts'
import { Rcode, rcodeName } from '../../dns/types.ts'
import { formatName } from '../../presentation/text.ts'
import type { LameReason, Rejection } from '../classify.ts'
import { questionText } from '../trace.ts'

/** Why one try of one server came to nothing. */
export type ServerTrouble =
  | { readonly kind: 'timeout' | 'malformed' | 'spoofing-suspected' }
  /** `reason` is what the system says. */
  | { readonly kind: 'unreachable' | 'unverified'; readonly reason: string }
  | { readonly kind: 'http-status'; readonly status: number }
  | Rejection

/** Why the servers of a zone gave no answer, one entry a try. */
export type Trouble =
  | ServerTrouble
  /** Of a server that the operator named: `server` as it is written. */
  | { readonly kind: 'upstream'; readonly server: string; readonly trouble: UpstreamTrouble }
  /** It has been unresponsive for so long that it was not asked. `server` is `address#port`. */
  | { readonly kind: 'throttled'; readonly server: string; readonly silentMs: number }
  /** No address was found for these servers. */
  | { readonly kind: 'no-address'; readonly names: readonly Name[] }

/** What is wrong with a server that the operator named. */
export type UpstreamTrouble =
  | ServerTrouble
  /** It asked for a pause (HTTP 429 or 503). */
  | { readonly kind: 'paused'; readonly leftMs: number }
  /** It sends questions back to us, by itself or through others. */
  | { readonly kind: 'loop' }
  | { readonly kind: 'no-upstream-address' }

/** `servers of example. for www.example. A: silent: no answer (2 times); lame: no data and no authority`. */
export function zoneFailureText(
  zone: Name,
  question: Question,
  troubles: readonly Trouble[],
  whose: 'servers of' | 'forward zone' | 'stub zone' = 'servers of',
): string {
  const times = new Map<string, number>()
  for (const trouble of troubles) {
    const text = troubleText(trouble)
    times.set(text, (times.get(text) ?? 0) + 1)
  }
  const texts = [...times].map(([text, count]) => (count > 1 ? `${text} (${count} times)` : text))
  const what = texts.length === 0 ? 'none has an address that may be asked' : texts.join('; ')
  return `${whose} ${formatName(zone)} for ${questionText(question)}: ${what}`
}

/** A query that did not leave, for want of sockets or places here. */
export const notSentText = (reason: string): string => `not sent: ${reason}`

/** `lame: an SOA of another zone`. */
export function troubleText(trouble: Trouble | UpstreamTrouble): string {
  switch (trouble.kind) {
    case 'timeout':
      return 'silent: no answer'
    case 'malformed':
      return 'error: a malformed reply'
    case 'spoofing-suspected':
      return 'error: replies that do not match'
    case 'unreachable':
      return `unreachable: ${trouble.reason}`
    case 'unverified':
      return `not verified: ${trouble.reason}`
    case 'http-status':
      return `error: HTTP status ${trouble.status}`
    case 'reject':
      return rejectionText(trouble)
    case 'throttled': {
      const seconds = Math.round(trouble.silentMs / 1_000)
      return `silent: ${trouble.server} has answered nothing for ${seconds} s and is asked now and then only`
    }
    case 'upstream':
      return `${trouble.server}: ${troubleText(trouble.trouble)}`
    case 'paused':
      return `asked for a pause, ${Math.ceil(trouble.leftMs / 1_000)} s are left`
    case 'loop':
      return 'a loop: what is forwarded to it comes back here; it, or a server it forwards to, forwards to this one'
    case 'no-upstream-address':
      return 'its address was not found: write it after an @'
    case 'no-address':
      return `no address for ${trouble.names.map(formatName).join(' ')}`
    default:
      return trouble satisfies never
  }
}

function rejectionText({ why, rcode, lame }: Rejection): string {
  switch (why) {
    case 'lame':
      return lame === null ? 'lame' : `lame: ${LAME_TEXTS[lame]}`
    case 'upward-referral':
      return 'lame: a referral upwards or to itself'
    case 'truncated':
      return 'error: truncated'
    case 'oversized':
      return 'error: an RRset of more records than are accepted'
    case 'malformed':
      return 'error: an alias that cannot be read'
    case 'other-rcode':
      return rcode === Rcode.YXDOMAIN ? 'error: YXDOMAIN without a DNAME' : `error: ${rcodeName(rcode)}`
    case 'refused':
    case 'servfail':
    case 'formerr':
    case 'notimp':
    case 'badvers':
    case 'badcookie':
      return `error: ${rcodeName(rcode)}`
    default:
      return why satisfies never
  }
}

const LAME_TEXTS: Readonly<Record<LameReason, string>> = {
  'foreign-soa': 'an SOA of another zone',
  'nxdomain-without-authority': 'NXDOMAIN without authority',
  'no-data': 'no data and no authority',
  'no-recursion': 'it does not resolve for us (RA is not set)',
}
