/**
 * Sessions of pages of the server itself: a cookie in place of a token, which scripts of a page cannot read. They are
 * kept by the hash of what is in the cookie, and end with the token that they began with. They begin with a token, or
 * with a code that somebody who may ask had made: it is good once and for a short time, so that it can stand in a link.
 */
import { createHash, randomBytes } from 'node:crypto'
import type { Principal } from './access.ts'
import { adminLimits } from './limits.ts'
import type { TokenSetting } from './messages.ts'

export const SESSION_COOKIE = 'rootwalk_session'

/** Who a session speaks for: a token by its hash, or whoever may open the unix socket. */
export type Behalf = { readonly sha256: string } | { readonly local: Principal }

/** `expires` in seconds since 1970. */
interface Session {
  readonly behalf: Behalf
  readonly expires: number
}

export interface Known {
  readonly principal: Principal
  readonly expires: number
}

export const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex')

export class Sessions {
  readonly #sessions = new Map<string, Session>()
  readonly #codes = new Map<string, Session>()
  readonly #tokens: () => readonly TokenSetting[]

  constructor(tokens: () => readonly TokenSetting[]) {
    this.#tokens = tokens
  }

  /** What the cookie holds. The oldest session goes when there are too many. `wall` in seconds since 1970. */
  open(behalf: Behalf, wall: number): { readonly id: string; readonly expires: number } {
    const expires = wall + adminLimits.sessionSeconds
    return { id: added(this.#sessions, { behalf, expires }, adminLimits.sessions), expires }
  }

  /** A code that opens one session, until `expires` (seconds since 1970). */
  makeCode(behalf: Behalf, expires: number): string {
    return added(this.#codes, { behalf, expires }, adminLimits.loginCodes)
  }

  /** Whom the code speaks for; null when it is unknown, used or too old. It is used now, but for `dryRun`. */
  useCode(
    code: string,
    wall: number,
    dryRun: boolean,
  ): { readonly behalf: Behalf; readonly principal: Principal } | null {
    const key = hashOf(code)
    const made = this.#codes.get(key)
    if (!dryRun) this.#codes.delete(key)
    const principal = made === undefined || made.expires <= wall ? null : this.#principalOf(made.behalf, wall)
    return made === undefined || principal === null ? null : { behalf: made.behalf, principal }
  }

  /** On whose behalf a session is; null when there is none. */
  behalfOf(id: string): Behalf | null {
    return this.#sessions.get(hashOf(id))?.behalf ?? null
  }

  find(id: string, wall: number): Known | null {
    const session = this.#sessions.get(hashOf(id))
    if (session === undefined || session.expires <= wall) return null
    const principal = this.#principalOf(session.behalf, wall)
    return principal === null ? null : { principal, expires: session.expires }
  }

  #principalOf(behalf: Behalf, wall: number): Principal | null {
    if ('local' in behalf) return behalf.local
    const token = this.#tokens().find(one => one.sha256 === behalf.sha256)
    if (token === undefined || (token.expires !== null && token.expires <= wall)) return null
    return { name: token.name, scope: token.scope }
  }

  close(id: string): void {
    this.#sessions.delete(hashOf(id))
  }
}

/** Under a new secret, which is what comes back; the oldest goes when there are too many. */
function added(sessions: Map<string, Session>, session: Session, most: number): string {
  const id = randomBytes(adminLimits.sessionOctets).toString('base64url')
  const [oldest] = sessions.keys()
  if (oldest !== undefined && sessions.size >= most) sessions.delete(oldest)
  sessions.set(hashOf(id), session)
  return id
}

/** The value of our cookie in a `Cookie` header (RFC 6265 section 4.2); null when there is none. */
export function sessionIn(header: string | undefined): string | null {
  for (const part of (header ?? '').split(';')) {
    const [name, value] = part.trim().split('=', 2)
    if (name === SESSION_COOKIE && value !== undefined && /^[\w-]{1,128}$/.test(value)) return value
  }
  return null
}
