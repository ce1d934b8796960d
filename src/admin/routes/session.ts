/** A session of a page of the server itself: a token given once, and a cookie from then on. */
import { createRoute, z } from '@hono/zod-openapi'
import type { AdminContext, App } from '../context.ts'
import type { Guard } from '../guard.ts'
import { adminLimits } from '../limits.ts'
import { Refusal } from '../problem.ts'
import { SESSION_COOKIE, sessionIn } from '../sessions.ts'
import { FAULTS, json, scope, TOKEN, withBody } from './schemas.ts'

const principal = z
  .object({
    name: z.string(),
    scope,
    expires: z.number().nullable().describe('Seconds since 1970 UTC; null: this is no session.'),
  })
  .openapi('Session')

const request = z.strictObject({ token: z.string().min(1).max(adminLimits.tokenCharacters) }).openapi('Login')

export const SESSION_PATH = '/api/v1/session'

export function sessionRoutes(app: App, { settings, wall, audit }: AdminContext, guard: Guard): void {
  const cookie = (value: string, seconds: number, secure: boolean): string =>
    `${SESSION_COOKIE}=${value}; Path=${settings().pathPrefix}; Max-Age=${seconds}; HttpOnly; SameSite=Strict` +
    `${secure ? '; Secure' : ''}`
  app.openapi(
    createRoute({
      method: 'post',
      path: SESSION_PATH,
      summary: 'Exchange a token for a session cookie.',
      request: { body: { required: true, content: json(request) } },
      responses: { 201: { description: 'The cookie is set.', content: json(principal) }, ...withBody },
    }),
    c => {
      const { token } = c.req.valid('json')
      const { arrival } = c.env
      const judged = guard.judge(token, arrival)
      if (judged instanceof Response) throw new Refusal(judged)
      const { id, expires } = guard.sessions.open(token, wall())
      audit(judged.name, 'session begun', arrival)
      c.header('Set-Cookie', cookie(id, expires - wall(), arrival.scheme === 'https'))
      c.header('Location', `${settings().pathPrefix}${SESSION_PATH.slice(1)}`)
      return c.json({ ...judged, expires }, 201)
    },
  )
  app.openapi(
    createRoute({
      method: 'get',
      path: SESSION_PATH,
      summary: 'Who am I, and what may I do?',
      security: TOKEN,
      responses: { 200: { description: 'The token or session that asks.', content: json(principal) }, ...FAULTS },
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
      responses: { 204: { description: 'It has ended, or there was none.' }, ...FAULTS },
    }),
    c => {
      const id = sessionIn(c.req.header('cookie'))
      if (id !== null) guard.sessions.close(id)
      c.header('Set-Cookie', cookie('', 0, c.env.arrival.scheme === 'https'))
      return c.body(null, 204)
    },
  )
}
