/**
 * Who asks, found out before any route: by a token, a session or the unix socket. Wrong tokens are slowed down, and
 * what anybody asks for is counted.
 */
import { bearerToken, judgeToken, type Principal } from './access.ts'
import type { AdminContext, Arrival } from './context.ts'
import { adminLimits } from './limits.ts'
import { problemResponse } from './problem.ts'
import { RateLimiter, WrongTokens } from './rates.ts'
import { sessionIn, Sessions } from './sessions.ts'

type Admission =
  | { readonly kind: 'refused'; readonly response: Response }
  /** `headers` go with every response. */
  | { readonly kind: 'let-in'; readonly principal: Principal; readonly headers: Readonly<Record<string, string>> }

const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])
const CHALLENGE = { 'www-authenticate': 'Bearer realm="rootwalk"' }

export class Guard {
  readonly #context: AdminContext
  readonly #rates = new RateLimiter()
  readonly #wrong = new WrongTokens()
  readonly sessions: Sessions

  constructor(context: AdminContext) {
    this.#context = context
    this.sessions = new Sessions(() => context.tokens.all())
  }

  admit(method: string, headers: Readonly<Record<string, string>>, arrival: Arrival): Admission {
    const token = bearerToken(headers.authorization)
    // Who may open the socket's file is decided by its mode.
    if (token === null && arrival.kind === 'unix')
      return { kind: 'let-in', principal: { name: 'local', scope: 'admin' }, headers: {} }
    if (token !== null) {
      const judged = this.judge(token, arrival)
      return judged instanceof Response ? { kind: 'refused', response: judged } : this.#counted(judged)
    }
    const session = sessionIn(headers.cookie)
    const known = session === null ? null : this.sessions.find(session, this.#context.wall())
    if (known === null) {
      const detail =
        session === null ? 'A token is needed: Authorization: Bearer …' : 'The session has ended: log in again.'
      return { kind: 'refused', response: problemResponse({ status: 401, detail, headers: CHALLENGE }) }
    }
    // A cookie comes along by itself: what changes something has to come from a page of ours, and say so.
    if (!SAFE.has(method) && headers.origin === undefined && headers['sec-fetch-site'] !== 'same-origin') {
      const detail = 'A request with a session that changes something needs an Origin header.'
      return { kind: 'refused', response: problemResponse({ status: 403, detail }) }
    }
    this.#context.tokens.used(known.principal.name)
    return this.#counted(known.principal)
  }

  /** Whose token it is, or why it is not taken. */
  judge(token: string, arrival: Arrival): Principal | Response {
    const { from } = arrival
    const now = this.#context.wall() * 1_000
    const early = this.#tooEarly(from, now)
    if (early !== null) return early
    const judged = judgeToken(token, this.#context.tokens.all(), this.#context.wall())
    if (judged.kind === 'known') {
      this.#wrong.succeeded(from)
      this.#context.tokens.used(judged.principal.name)
      return judged.principal
    }
    this.#wrong.failed(from, now)
    this.#context.audit(judged.kind === 'expired' ? judged.name : 'unknown', `${judged.kind} token`, arrival)
    const detail =
      judged.kind === 'expired' ? `The token "${judged.name}" has expired.` : 'This token is not known here.'
    return problemResponse({ status: 401, detail, headers: { ...CHALLENGE, ...this.#addressHeaders(from, now) } })
  }

  /** Whom a code that is good once speaks for, or why it is not taken. */
  useCode(code: string, arrival: Arrival, dryRun: boolean): NonNullable<ReturnType<Sessions['useCode']>> | Response {
    const { from } = arrival
    const now = this.#context.wall() * 1_000
    const early = this.#tooEarly(from, now)
    if (early !== null) return early
    const used = this.sessions.useCode(code, this.#context.wall(), dryRun)
    if (used !== null) return used
    this.#wrong.failed(from, now)
    this.#context.audit('unknown', 'unknown code', arrival)
    const headers = { ...CHALLENGE, ...this.#addressHeaders(from, now) }
    return problemResponse({ status: 401, detail: 'This code was used, or is too old.', headers })
  }

  #tooEarly(from: string, now: number): Response | null {
    const waitS = this.#wrong.waitS(from, now)
    if (waitS === 0) return null
    return problemResponse({
      status: 429,
      detail: `Too many wrong tokens from this address: come again in ${waitS} s.`,
      headers: { ...this.#addressHeaders(from, now), 'retry-after': String(waitS) },
    })
  }

  /** How many more wrong tokens an address may come with before it has to wait. */
  #addressHeaders(from: string, now: number): Readonly<Record<string, string>> {
    const { wrongTokensFree, wrongTokenMaxMs } = adminLimits
    const { left, resetS } = this.#wrong.left(from, now)
    return {
      'ratelimit-policy': `"address";q=${wrongTokensFree};w=${wrongTokenMaxMs / 1_000}`,
      ratelimit: `"address";r=${left};t=${resetS}`,
    }
  }

  #counted(principal: Principal): Admission {
    const { rateBurst, ratePerSecond } = adminLimits
    const { allowed, remaining, waitS } = this.#rates.take(principal.name, this.#context.wall() * 1_000)
    const headers = {
      'ratelimit-policy': `"token";q=${rateBurst};w=${Math.ceil(rateBurst / ratePerSecond)}`,
      ratelimit: `"token";r=${remaining};t=${Math.max(1, waitS)}`,
    }
    if (allowed) return { kind: 'let-in', principal, headers }
    const detail = `The token "${principal.name}" asks more than ${ratePerSecond} times a second.`
    const retry = { ...headers, 'retry-after': String(Math.max(1, waitS)) }
    return { kind: 'refused', response: problemResponse({ status: 429, detail, headers: retry }) }
  }
}
