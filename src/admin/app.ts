/**
 * The API as one function from request to response: guards in their order, then the routes. Knows no socket; who asks
 * over which one is in `Arrival`.
 */
import { randomUUID } from 'node:crypto'
import { OpenAPIHono } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { hostOf, isOurHost, pageOf } from '../http/guards.ts'
import { bearerToken, judgeToken, type Principal } from './access.ts'
import type { AdminContext, App, Arrival, Env } from './context.ts'
import type { AdminSettings } from './messages.ts'
import { problemResponse, Refusal } from './problem.ts'
import type { Hub } from './live/hub.ts'
import { cacheRoutes } from './routes/cache.ts'
import { explainRoutes } from './routes/explain.ts'
import { liveRoutes } from './routes/live.ts'
import { serverRoutes } from './routes/server.ts'
import { statusRoutes } from './routes/status.ts'
import { adminLimits } from './limits.ts'

export function makeApp(context: AdminContext, hub: Hub): App {
  const app: App = new OpenAPIHono<Env>({
    // What a body or a query lacks, all at once.
    defaultHook: (result, _c) =>
      result.success
        ? undefined
        : problemResponse({
            status: result.target === 'json' ? 422 : 400,
            detail: `The ${result.target === 'json' ? 'body' : result.target} is not what is expected here.`,
            errors: result.error.issues.map(({ path, message }) => ({
              pointer: `/${path.map(part => String(part).replaceAll('~', '~0').replaceAll('/', '~1')).join('/')}`,
              detail: message,
            })),
          }),
  })
  app.onError((error, c) => {
    if (error instanceof Refusal) return error.response
    if (error instanceof HTTPException)
      return problemResponse({ status: error.status, detail: `${error.message.replace(/\.$/, '')}.` })
    context.bug(`${c.req.method} ${new URL(c.req.url).pathname}`, error)
    return problemResponse({ status: 500, detail: 'A bug in the server, which is in its log under this request id.' })
  })
  app.notFound(() => problemResponse({ status: 404, detail: 'There is nothing under this path; see /openapi.json.' }))
  app.use(async (c, next) => {
    c.set('requestId', randomUUID())
    await next()
    c.header('X-Request-Id', c.get('requestId'))
    c.header('X-Content-Type-Options', 'nosniff')
    c.header('Referrer-Policy', 'no-referrer')
  })
  app.use(async (c, next) => strangerProblem(c.req.header(), c.env.arrival, context.settings()) ?? (await next()))
  app.use('/api/*', async (c, next) => {
    const judged = principalOf(c.req.header('authorization'), c.env.arrival, context)
    if (judged instanceof Response) return judged
    c.set('principal', judged)
    return next()
  })
  // Bodies of those who may not ask are not read.
  app.use(async (c, next) => (await bodyProblem(c)) ?? (await next()))
  app.openAPIRegistry.registerComponent('securitySchemes', 'token', { type: 'http', scheme: 'bearer' })
  statusRoutes(app, context)
  liveRoutes(app, context, hub)
  serverRoutes(app, context)
  cacheRoutes(app, context)
  explainRoutes(app, context)
  app.doc31('/openapi.json', { openapi: '3.1.0', info: { title: 'rootwalk', version: '1' } })
  return app
}

/** What a body may be; a request without a body needs no type. */
const MEDIA_TYPES = /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i

async function bodyProblem({ req }: Context<Env>): Promise<Response | null> {
  const { 'content-length': length = '0', 'transfer-encoding': coding, 'content-type': type = '' } = req.header()
  if (length === '0' && coding === undefined) return null
  if (!MEDIA_TYPES.test(type)) {
    return problemResponse({
      status: 415,
      detail: 'A body is JSON: Content-Type: application/json.',
      headers: { accept: 'application/json' },
    })
  }
  const { bodyBytes } = adminLimits
  const chunks: Uint8Array[] = []
  let octets = Number(length)
  if (octets <= bodyBytes && req.raw.body !== null) {
    octets = 0
    for await (const chunk of req.raw.body) {
      octets += chunk.length
      if (octets > bodyBytes) break
      chunks.push(chunk)
    }
  }
  if (octets > bodyBytes) return problemResponse({ status: 413, detail: `A body may have ${bodyBytes} octets.` })
  // Where the validators look first.
  Object.assign(req.bodyCache, { arrayBuffer: Promise.resolve(new Uint8Array(Buffer.concat(chunks)).buffer) })
  return null
}

/** Another host's name, or a page from elsewhere: refused before anything is read. */
function strangerProblem(
  headers: Readonly<Record<string, string>>,
  { kind, scheme }: Arrival,
  { origins }: AdminSettings,
): Response | null {
  const { host, origin, 'sec-fetch-site': secFetchSite } = headers
  const hosts = origins.flatMap(one => hostOf(one.replace(/^https?:\/\//, '')) ?? [])
  if (kind === 'tcp' && !isOurHost(hostOf(host ?? ''), hosts))
    return problemResponse({
      status: 421,
      detail: 'This API answers to addresses, localhost and the hosts of "origins".',
    })
  if (pageOf({ host, origin, secFetchSite }, scheme, origins) !== 'foreign') return null
  return problemResponse({ status: 403, detail: 'Pages from elsewhere are not allowed here: see "admin.origins".' })
}

function principalOf(authorization: string | undefined, arrival: Arrival, context: AdminContext): Principal | Response {
  const token = bearerToken(authorization)
  // Who may open the socket's file is decided by its mode.
  if (token === null && arrival.kind === 'unix') return { name: 'local', scope: 'admin' }
  const challenge = { 'www-authenticate': 'Bearer realm="rootwalk"' }
  if (token === null)
    return problemResponse({ status: 401, detail: 'A token is needed: Authorization: Bearer …', headers: challenge })
  const judged = judgeToken(token, context.settings().tokens, context.wall())
  switch (judged.kind) {
    case 'known':
      return judged.principal
    case 'expired':
      return problemResponse({ status: 401, detail: `The token "${judged.name}" has expired.`, headers: challenge })
    case 'unknown':
      return problemResponse({ status: 401, detail: 'This token is not known here.', headers: challenge })
    default:
      return judged satisfies never
  }
}
