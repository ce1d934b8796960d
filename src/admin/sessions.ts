/**
 * Sessions of pages of the server itself: a cookie in place of a token, which scripts of a page cannot read. They are
 * kept by the hash of what is in the cookie, and end with the token that they began with.
 */
import { createHash, randomBytes } from 'node:crypto'
import type { Principal } from './access.ts'
import { adminLimits } from './limits.ts'
import type { TokenSetting } from './messages.ts'

export const SESSION_COOKIE = 'rootwalk_session'

/** `expires` in seconds since 1970. */
interface Session {
  readonly sha256: string
  readonly expires: number
}

export interface Known {
  readonly principal: Principal
  readonly expires: number
}

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex')

export class Sessions {
  readonly #sessions = new Map<string, Session>()
  readonly #tokens: () => readonly TokenSetting[]

  constructor(tokens: () => readonly TokenSetting[]) {
    this.#tokens = tokens
  }

  /** What the cookie holds. The oldest session goes when there are too many. `wall` in seconds since 1970. */
  open(token: string, wall: number): { readonly id: string; readonly expires: number } {
    const id = randomBytes(adminLimits.sessionOctets).toString('base64url')
    const expires = wall + adminLimits.sessionSeconds
    const [oldest] = this.#sessions.keys()
    if (oldest !== undefined && this.#sessions.size >= adminLimits.sessions) this.#sessions.delete(oldest)
    this.#sessions.set(hashOf(id), { sha256: hashOf(token), expires })
    return { id, expires }
  }

  find(id: string, wall: number): Known | null {
    const session = this.#sessions.get(hashOf(id))
    if (session === undefined || session.expires <= wall) return null
    const token = this.#tokens().find(one => one.sha256 === session.sha256)
    if (token === undefined || (token.expires !== null && token.expires <= wall)) return null
    return { principal: { name: token.name, scope: token.scope }, expires: session.expires }
  }

  close(id: string): void {
    this.#sessions.delete(hashOf(id))
  }
}

/** The value of our cookie in a `Cookie` header (RFC 6265 section 4.2); null when there is none. */
export function sessionIn(header: string | undefined): string | null {
  for (const part of (header ?? '').split(';')) {
    const [name, value] = part.trim().split('=', 2)
    if (name === SESSION_COOKIE && value !== undefined && /^[\w-]{1,128}$/.test(value)) return value
  }
  return null
}
