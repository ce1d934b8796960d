/**
 * Who asks, and what they may do: tokens by their hashes, the way the request came, the page that it comes from. Pure
 * but for the hash; what the answer to a refusal looks like is `problem.ts`'s.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { Scope, TokenSetting } from './messages.ts'

/** Each may do what those before it may. */
export const SCOPES: readonly Scope[] = ['read', 'operate', 'write', 'admin']

export const mayDo = (has: Scope, wanted: Scope): boolean => SCOPES.indexOf(has) >= SCOPES.indexOf(wanted)

/** Who was recognised. `name` is the token's, or `local` for a unix socket. */
export interface Principal {
  readonly name: string
  readonly scope: Scope
}

export type TokenJudgement =
  | { readonly kind: 'known'; readonly principal: Principal }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'expired'; readonly name: string }

/** Compares with every token, in time that does not depend on which one is near. `wall` in seconds since 1970. */
export function judgeToken(token: string, tokens: readonly TokenSetting[], wall: number): TokenJudgement {
  const hash = createHash('sha256').update(token).digest()
  let found: TokenSetting | null = null
  for (const one of tokens) {
    const other = Buffer.from(one.sha256, 'hex')
    if (other.length === hash.length && timingSafeEqual(hash, other)) found = one
  }
  if (found === null) return { kind: 'unknown' }
  if (found.expires !== null && found.expires <= wall) return { kind: 'expired', name: found.name }
  return { kind: 'known', principal: { name: found.name, scope: found.scope } }
}

/** The token of an `Authorization: Bearer` header (RFC 6750 section 2.1); null when there is none. */
export const bearerToken = (header: string | undefined): string | null =>
  /^bearer +(?<token>[\w.~+/=-]{1,512}) *$/i.exec(header ?? '')?.groups?.token ?? null
