/** A session of a page of the server itself: a token given once, and a cookie from then on. */
import { createRoute, z } from '@hono/zod-openapi'
import { bearerToken, type Principal } from '../access.ts'
import type { AdminContext, App, Arrival } from '../context.ts'
import type { Guard } from '../guard.ts'
import { adminLimits } from '../limits.ts'
import { Refusal } from '../problem.ts'
import { type Behalf, hashOf, SESSION_COOKIE, sessionIn } from '../sessions.ts'
import { dry, json, keyed, OWN_FAULTS, ownWithBody, scope, TOKEN, underWay } from '../forms/schemas.ts'

const principal = z
  .object({
    name: z.string(),
    scope,
    expires: z.number().nullable().describe('Seconds since 1970 UTC; null: this is no session.'),
  })
  .openapi('Session')

const secret = z.string().min(1).max(adminLimits.tokenCharacters)
const request = z
  .union([
    z.strictObject({ token: secret }),
    z.strictObject({ code: secret.describe('Of POST /api/v1/session/codes; good once.') }),
  ])
  .openapi('Login')

const codeRequest = z
  .strictObject({
    seconds: z.number().int().min(1).max(adminLimits.loginCodeMaxSeconds).default(adminLimits.loginCodeSeconds),
  })
  .openapi('LoginCodeRequest')
const code = z
  .object({
    code: z.string().nullable().describe('Null with dryRun.'),
    expires: z.number().describe('Seconds since 1970 UTC.'),
  })
  .openapi('LoginCode')

export const SESSION_PATH = '/api/v1/session'

export function sessionRoutes(app: App, context: AdminContext, guard: Guard): void {
  beginRoute(app, context, guard)
  codeRoute(app, context, guard)
  lookRoutes(app, context, guard)
}

/** The header that sets the cookie, or ends it when there are 0 seconds. */
const cookieMaker =
  ({ settings }: AdminContext) =>
  (value: string, seconds: number, secure: boolean): string =>
    `${SESSION_COOKIE}=${value}; Path=${settings().pathPrefix}; Max-Age=${seconds}; HttpOnly; SameSite=Strict` +
    `${secure ? '; Secure' : ''}`

function beginRoute(app: App, context: AdminContext, guard: Guard): void {
  const { settings, wall, audit } = context
  const cookie = cookieMaker(context)
  const judge = (
    login: z.infer<typeof request>,
    arrival: Arrival,
    dryRun: boolean,
  ): { behalf: Behalf; principal: Principal } => {
    if ('code' in login) {
      const used = guard.useCode(login.code, arrival, dryRun)
      if (used instanceof Response) throw new Refusal(used)
      return used
    }
    const judged = guard.judge(login.token, arrival)
    if (judged instanceof Response) throw new Refusal(judged)
    return { behalf: { sha256: hashOf(login.token) }, principal: judged }
  }
  app.openapi(
    createRoute({
      method: 'post',
      path: SESSION_PATH,
      summary: 'Exchange a token, or a code that is good once, for a session cookie.',
      request: { query: dry, body: { required: true, content: json(request) } },
      responses: {
        200: { description: 'With dryRun: who it would speak for. A code stays good.', content: json(principal) },
        201: { description: 'The cookie is set.', content: json(principal) },
        ...ownWithBody,
      },
    }),
    c => {
      const { arrival } = c.env
      const { dryRun } = c.req.valid('query')
      const { behalf, principal: who } = judge(c.req.valid('json'), arrival, dryRun)
      if (dryRun) return c.json({ ...who, expires: null }, 200)
      const { id, expires } = guard.sessions.open(behalf, wall())
      audit(who.name, 'session begun', arrival)
      c.header('Set-Cookie', cookie(id, expires - wall(), arrival.scheme === 'https'))
      c.header('Location', `${settings().pathPrefix}${SESSION_PATH.slice(1)}`)
      return c.json({ ...who, expires }, 201)
    },
  )
}

function codeRoute(app: App, { wall, audit, once }: AdminContext, guard: Guard): void {
  app.openapi(
    createRoute({
      method: 'post',
      path: `${SESSION_PATH}/codes`,
      summary: 'Make a code that opens one session: for a link, as /#code=…',
      security: TOKEN,
      middleware: once,
      request: { query: dry, headers: keyed, body: { required: true, content: json(codeRequest) } },
      responses: {
        200: { description: 'With dryRun: until when it would be good.', content: json(code) },
        201: { description: 'It is good once.', content: json(code) },
        409: underWay,
        ...ownWithBody,
      },
    }),
    c => {
      const expires = wall() + c.req.valid('json').seconds
      if (c.req.valid('query').dryRun) return c.json({ code: null, expires }, 200)
      const session = sessionIn(c.req.header('cookie'))
      const token = bearerToken(c.req.header('authorization'))
      const principal = c.get('principal')
      const behalf =
        token !== null
          ? { sha256: hashOf(token) }
          : ((session === null || c.env.arrival.kind === 'unix' ? null : guard.sessions.behalfOf(session)) ?? {
              local: principal,
            })
      audit(principal.name, 'code for a session made', c.env.arrival)
      return c.json({ code: guard.sessions.makeCode(behalf, expires), expires }, 201)
    },
  )
}

function lookRoutes(app: App, context: AdminContext, guard: Guard): void {
  const { wall } = context
  const cookie = cookieMaker(context)
  app.openapi(
    createRoute({
      method: 'get',
      path: SESSION_PATH,
      summary: 'Who am I, and what may I do?',
      security: TOKEN,
      responses: { 200: { description: 'The token or session that asks.', content: json(principal) }, ...OWN_FAULTS },
    }),
    c => {
      const id = sessionIn(c.req.header('cookie'))
      const expires = id === null ? null : (guard.sessions.find(id, wall())?.expires ?? null)
      return c.json({ ...c.get('principal'), expires }, 200)
    },
  )
  app.openapi(
    createRoute({
      method: 'delete',
      path: SESSION_PATH,
      summary: 'End the session.',
      security: TOKEN,
      request: { query: dry },
      responses: { 204: { description: 'It has ended, or there was none.' }, ...OWN_FAULTS },
    }),
    c => {
      if (c.req.valid('query').dryRun) return c.body(null, 204)
      const id = sessionIn(c.req.header('cookie'))
      if (id !== null) guard.sessions.close(id)
      c.header('Set-Cookie', cookie('', 0, c.env.arrival.scheme === 'https'))
      return c.body(null, 204)
    },
  )
}
