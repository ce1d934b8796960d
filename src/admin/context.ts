/** What every route of the API works with, and what is in front of it. */
import type { OpenAPIHono } from '@hono/zod-openapi'
import type { MiddlewareHandler } from 'hono'
import { mayDo, type Principal } from './access.ts'
import type { AdminSettings, Scope } from './messages.ts'
import { problemResponse } from './problem.ts'
import type { Recorder } from './now/recorder.ts'
import type { TopLists } from './now/top-lists.ts'
import type { Pages } from './routes/page-files.ts'
import type { Caller, Remote } from './remote.ts'
import type { TokenStore } from './tokens.ts'
import type { Visits } from './visits/visits.ts'

/** How a request came. */
export interface Arrival {
  readonly kind: 'tcp' | 'unix'
  /** The client's address as text; empty on a unix socket. */
  readonly from: string
  readonly loopback: boolean
  readonly scheme: 'http' | 'https'
  /** That of the client when it gave one that can be logged, else a new one. */
  readonly requestId: string
}

/** What routes work with. */
export interface AdminContext {
  readonly remote: Remote
  readonly stream: Caller['stream']
  readonly visits: Visits
  readonly recorder: Recorder
  readonly tops: TopLists
  readonly pages: Pages
  readonly settings: () => AdminSettings
  /** Seconds since 1970. */
  readonly wall: () => number
  /** In front of a POST that is not to be done twice. */
  readonly once: MiddlewareHandler<Env>
  /** Tokens of the configuration and of the API. */
  readonly tokens: TokenStore
  readonly audit: (who: string, what: string, arrival: Arrival) => void
  readonly bug: (where: string, error: unknown) => void
}

export interface Env {
  Bindings: { readonly arrival: Arrival }
  Variables: { principal: Principal }
}

export type App = OpenAPIHono<Env>

interface Guarded {
  readonly security: { token: string[] }[]
  readonly middleware: MiddlewareHandler<Env>[]
}

/** Of a route: only who may do `scope` gets through, and the description says so. `more` comes after it. */
export const needs = (scope: Scope, ...more: readonly MiddlewareHandler<Env>[]): Guarded => ({
  security: [{ token: [scope] }],
  middleware: [requires(scope), ...more],
})

/** In front of a route: only who may do `scope` gets through. */
export const requires =
  (scope: Scope): MiddlewareHandler<Env> =>
  async (c, next) => {
    const principal = c.get('principal')
    if (mayDo(principal.scope, scope)) return next()
    return problemResponse({
      status: 403,
      detail: `The token "${principal.name}" has scope ${principal.scope}; ${scope} is needed.`,
    })
  }
