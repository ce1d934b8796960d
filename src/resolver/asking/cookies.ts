/**
 * Cookies towards servers (RFC 7873, RFC 9018): a reply with the client cookie of its query is from who got the query,
 * and not from one who guesses. The client cookie of a server is computed, so that only what the server gave is kept
 * (`cache/server-stats.ts`). Here: what is sent, what a reply shows, and what follows from it.
 *
 *   gave one before, none now      over TCP, where nothing can be forged; none there either: none is sent any more
 *   BADCOOKIE                      once more with the new one, then over TCP, then without
 *   FORMERR and its like           once without, and none is sent any more when that helps
 *   silence, and an answer without twice: none is sent any more
 *
 * Not over TLS and HTTPS, which prove more, and where it would only make us known again.
 */
import { CLIENT_COOKIE_OCTETS, isSameClient, isWhole } from '../../dns/cookies/form.ts'
import { SipHash } from '../../dns/cookies/siphash.ts'
import { latin1, putU16, putU32 } from '../../dns/bytes.ts'
import { findOption } from '../../dns/edns.ts'
import type { Message } from '../../dns/message.ts'
import { EdnsOptionCode } from '../../dns/types.ts'
import type { ServerFacts } from '../../cache/server-stats.ts'
import type { Random, ServerAddress, Transport } from '../../ports.ts'
import type { Verdict } from '../classify.ts'
import type { Decided } from '../trace.ts'

/** What a message does with cookies. */
export type CookieUse =
  | 'sent'
  /** With the one that came with BADCOOKIE. */
  | 'renewed'
  /** Not, since what had one got an error. */
  | 'refused'
  /** Not, since what had one was not answered. */
  | 'unanswered'
  | 'none'

/** What a reply has to show for the cookie that was sent. */
export type CookieFate =
  | 'not-sent'
  | 'good'
  /** None, from a server of which none is known. */
  | 'bare'
  /** None, from a server that gave one before. */
  | 'missing'
  /** That of another query, over TCP. */
  | 'wrong'

/** Of an attempt, what matters here. */
interface Attempt {
  readonly transport: Transport
  readonly cookie: CookieUse
}

/** Another message to the same server because of cookies. */
export interface CookieStep {
  readonly decided: Extract<Decided, 'ask-over-tcp' | 'ask-with-new-cookie' | 'ask-without-cookie'>
  readonly change: { readonly transport: Transport; readonly cookie: CookieUse; readonly suspected?: true }
}

const SECRET_OCTETS = 16
const HASHED_OCTETS = 16 + 2 + 4

/** The client cookies of this process, each good for one server and `periodMs` (RFC 7873 section 7.1). */
export class ClientCookies {
  readonly #random: Random
  readonly #periodMs: number
  readonly #message = new Uint8Array(HASHED_OCTETS)
  #hash: SipHash | null = null

  constructor(random: Random, { clientCookieMs }: { readonly clientCookieMs: number }) {
    this.#random = random
    this.#periodMs = clientCookieMs
  }

  /** What the COOKIE option of a query has: for a server of which no cookie is known the client cookie alone. */
  option({ ip, port }: ServerAddress, { serverCookie }: ServerFacts, now: number): Uint8Array {
    const data = new Uint8Array(CLIENT_COOKIE_OCTETS + serverCookie.length)
    const message = this.#message.fill(0)
    message.set(ip.bytes)
    putU16(message, 16, port)
    putU32(message, 18, Math.floor(now / this.#periodMs))
    this.#hash ??= this.#keyed()
    this.#hash.write(message, HASHED_OCTETS, data, 0)
    for (let i = 0; i < serverCookie.length; i++) data[CLIENT_COOKIE_OCTETS + i] = serverCookie.charCodeAt(i)
    return data
  }

  /** Drawn with the first cookie. */
  #keyed(): SipHash {
    const secret = new Uint8Array(SECRET_OCTETS)
    this.#random.bytes(secret)
    return new SipHash(secret)
  }
}

/** Of the first message of a try. Is the server asked in clear, and was it silent to this question before? */
export function firstCookieUse(isOn: boolean, { cookies }: ServerFacts, triedBefore: boolean): CookieUse {
  if (!isOn || cookies === 'broken') return 'none'
  return triedBefore && cookies !== 'fine' ? 'unanswered' : 'sent'
}

export const isSent = ({ cookie, transport }: Attempt): boolean =>
  (cookie === 'sent' || cookie === 'renewed') && (transport === 'udp' || transport === 'tcp')

/** `sent` is the option data of the query. */
export function fateOf(sent: Uint8Array | undefined, { edns }: Message): CookieFate {
  if (sent === undefined) return 'not-sent'
  const came = edns === null ? undefined : findOption(edns, EdnsOptionCode.COOKIE)?.data
  if (came === undefined) return sent.length > CLIENT_COOKIE_OCTETS ? 'missing' : 'bare'
  return isSameClient(sent, came) ? 'good' : 'wrong'
}

/** The server cookie of a reply as it is kept; empty: it has none. */
export function serverCookieOf({ edns }: Message): string {
  const came = edns === null ? undefined : findOption(edns, EdnsOptionCode.COOKIE)?.data
  return came === undefined || !isWhole(came) ? '' : latin1(came, CLIENT_COOKIE_OCTETS, came.length)
}

/** Null: the reply is judged by what it says. `known` is what was known of the server before it. */
export function cookieStep(
  attempt: Attempt,
  fate: CookieFate,
  verdict: Verdict,
  known: ServerFacts,
): CookieStep | null {
  const why = verdict.kind === 'reject' ? verdict.why : null
  const { transport } = attempt
  const overTcp = { transport: 'tcp', cookie: attempt.cookie } as const
  if (transport === 'udp' && fate === 'missing' && why !== 'truncated')
    return { decided: 'ask-over-tcp', change: { ...overTcp, suspected: true } }
  if (!isSent(attempt)) return null
  const without: CookieStep = { decided: 'ask-without-cookie', change: { transport, cookie: 'refused' } }
  switch (why) {
    case 'badcookie':
      if (attempt.cookie === 'sent' && fate === 'good')
        return { decided: 'ask-with-new-cookie', change: { transport, cookie: 'renewed' } }
      return transport === 'udp' ? { decided: 'ask-over-tcp', change: overTcp } : without
    case 'formerr':
      return fate === 'good' || (known.cookies === 'fine' && known.serverCookie === '') ? null : without
    case 'notimp':
    case 'badvers':
      return fate === 'good' || known.cookies === 'fine' ? null : without
    case null:
    case 'lame':
    case 'upward-referral':
    case 'refused':
    case 'servfail':
    case 'other-rcode':
    case 'truncated':
    case 'oversized':
    case 'malformed':
      return null
    default:
      return why satisfies never
  }
}

/** What a reply that is used says of the server's cookies. Null: nothing. */
export function lessonOf(attempt: Attempt, fate: CookieFate, hasEdns: boolean): 'fine' | 'broken' | 'doubted' | null {
  switch (attempt.cookie) {
    case 'sent':
    case 'renewed':
      // Over TCP it is the server itself that does without, or mixes them up.
      if (fate === 'missing' || fate === 'wrong') return 'broken'
      return fate === 'not-sent' ? null : 'fine'
    case 'refused':
      return 'broken'
    case 'unanswered':
      return hasEdns ? 'doubted' : null
    case 'none':
      return null
    default:
      return attempt.cookie satisfies never
  }
}
