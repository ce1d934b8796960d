/**
 * The API as one function from request to response: guards in their order, then the routes. Knows no socket; who asks
 * over which one is in `Arrival`.
 */
import { OpenAPIHono, z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { getPath } from 'hono/utils/url'
import { hostOf, isOurHost, pageOf } from '../http/guards.ts'
import type { AdminContext, App, Arrival, Env } from './context.ts'
import { Guard } from './guard.ts'
import { folded } from './forms/description.ts'
import type { AdminSettings } from './messages.ts'
import { problemResponse, Refusal } from './problem.ts'
import type { Hub } from './live/hub.ts'
import { anchorRoutes } from './routes/anchors.ts'
import { cacheRoutes } from './routes/cache.ts'
import { configurationRoutes } from './routes/configuration.ts'
import { explainRoutes } from './routes/explain.ts'
import { listRoutes } from './routes/lists.ts'
import { liveRoutes } from './routes/live.ts'
import { serverRoutes } from './routes/server.ts'
import { metricsRoutes } from './routes/metrics.ts'
import { queryRoutes } from './history/routes.ts'
import { nowRoutes } from './routes/now.ts'
import { policyRoutes } from './routes/policy.ts'
import { POLICY_TESTS_PATH, policyTestRoutes } from './policy-tests/routes.ts'
import { pageRoutes } from './routes/pages.ts'
import { SESSION_PATH, sessionRoutes } from './routes/session.ts'
import { statusRoutes } from './routes/status.ts'
import { transferRoutes } from './routes/transfers.ts'
import { tokenRoutes } from './routes/tokens.ts'
import { zoneHistoryRoutes } from './routes/zone-history.ts'
import { recordRoutes } from './routes/zone-records.ts'
import { zoneRoutes } from './routes/zones.ts'
import { formMessage } from '../presentation/form-message.ts'
import { visitRoutes } from './visits/routes.ts'
import { adminLimits } from './limits.ts'
import { ServerStopping } from './remote.ts'

export function makeApp(context: AdminContext, hub: Hub): App {
  // What is wrong in a body is said in the words of what is wrong in a configuration.
  z.config({ localeError: formMessage })
  const guard = new Guard(context)
  const app: App = new OpenAPIHono<Env>({
    // A proxy may leave the prefix where it is, or take it away.
    getPath: request => withoutPrefix(getPath(request), context.settings().pathPrefix),
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
    if (error instanceof ServerStopping)
      return problemResponse({ status: 503, detail: 'The server is stopping.', headers: { 'retry-after': '5' } })
    context.bug(`request ${c.env.arrival.requestId}, ${c.req.method} ${new URL(c.req.url).pathname}`, error)
    return problemResponse({ status: 500, detail: 'A bug in the server, which is in its log under this request id.' })
  })
  app.notFound(c => absent(app, withoutPrefix(getPath(c.req.raw), context.settings().pathPrefix), c.req.method))
  app.use(async (c, next) => {
    await next()
    c.header('X-Request-Id', c.env.arrival.requestId)
    c.header('X-Content-Type-Options', 'nosniff')
    c.header('Referrer-Policy', 'no-referrer')
    if (!c.res.headers.has('content-security-policy')) c.header('Content-Security-Policy', CONTENT_POLICY)
    if (!c.res.headers.has('cache-control')) c.header('Cache-Control', 'no-store')
    for (const [name, value] of Object.entries(crossOrigin(c.req.header('origin'), context.settings().origins)))
      c.header(name, value)
  })
  app.use(async (c, next) => strangerProblem(c.req, c.env.arrival, context.settings()) ?? (await next()))
  app.use(async (c, next) => (isPreflight(c.req.raw) ? c.body(null, 204, PREFLIGHT) : await next()))
  app.use('/api/*', async (c, next) => {
    if (c.req.path === SESSION_PATH && c.req.method === 'POST') return next()
    const admission = guard.admit(c.req.method, c.req.header(), c.env.arrival)
    if (admission.kind === 'refused') return admission.response
    c.set('principal', admission.principal)
    await next()
    for (const [name, value] of Object.entries(admission.headers)) c.header(name, value)
  })
  app.use('/metrics', async (c, next) => {
    // Loopback may look without a token, but not what a proxy here sends on for others.
    const isForOthers = c.req.header('x-forwarded-for') !== undefined || c.req.header('forwarded') !== undefined
    if (c.env.arrival.loopback && !isForOthers) return next()
    const admission = guard.admit(c.req.method, c.req.header(), c.env.arrival)
    if (admission.kind === 'refused') return admission.response
    await next()
    for (const [name, value] of Object.entries(admission.headers)) c.header(name, value)
    return undefined
  })
  // Bodies of those who may not ask are not read.
  app.use(async (c, next) => (await bodyProblem(c)) ?? (await next()))
  app.openAPIRegistry.registerComponent('securitySchemes', 'token', { type: 'http', scheme: 'bearer' })
  addRoutes(app, context, hub, guard)
  return app
}

function addRoutes(app: App, context: AdminContext, hub: Hub, guard: Guard): void {
  sessionRoutes(app, context, guard)
  tokenRoutes(app, context)
  statusRoutes(app, context)
  liveRoutes(app, context, hub)
  serverRoutes(app, context)
  configurationRoutes(app, context)
  zoneRoutes(app, context)
  recordRoutes(app, context)
  zoneHistoryRoutes(app, context)
  cacheRoutes(app, context)
  explainRoutes(app, context)
  visitRoutes(app, context)
  anchorRoutes(app, context)
  listRoutes(app, context)
  transferRoutes(app, context)
  policyRoutes(app, context)
  policyTestRoutes(app, context)
  metricsRoutes(app, context)
  nowRoutes(app, context)
  queryRoutes(app, context)
  pageRoutes(app, context)
  let description: object | null = null
  app.get('/openapi.json', c => {
    description ??= folded(app.getOpenAPI31Document({ openapi: '3.1.0', info: { title: 'rootwalk', version: '1' } }))
    return c.json(description)
  })
}

/** Scripts, styles and pictures from here only, and no page elsewhere may show this one in a frame. */
const CONTENT_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const

/** Of a page that is allowed by name: `strangerProblem` has refused all others. */
const isPreflight = ({ method, headers }: Request): boolean =>
  method === 'OPTIONS' && headers.has('origin') && headers.has('access-control-request-method')

const PREFLIGHT = {
  'access-control-allow-methods': METHODS.join(', '),
  'access-control-allow-headers':
    'Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, X-Request-Id',
  'access-control-max-age': String(adminLimits.preflightSeconds),
}

/** Pages elsewhere come with a token, never with a cookie: credentials are not allowed to them. */
function crossOrigin(origin: string | undefined, origins: readonly string[]): Readonly<Record<string, string>> {
  if (origins.length === 0) return {}
  if (origin === undefined || !origins.includes(origin)) return { vary: 'Origin' }
  return {
    vary: 'Origin',
    'access-control-allow-origin': origin,
    'access-control-expose-headers':
      'ETag, Idempotency-Replayed, Location, Retry-After, RateLimit, RateLimit-Policy, X-Request-Id',
  }
}

const withoutPrefix = (path: string, prefix: string): string =>
  path.startsWith(prefix) ? `/${path.slice(prefix.length)}` : path

/** 405 where another method would do (RFC 9110 section 15.5.6), else 404. */
function absent(app: App, path: string, asked: string): Response {
  const allowed = METHODS.filter(method =>
    app.router.match(method, path)[0].some(([[, route]]) => route.method === method),
  )
  // A route for pages that has none of this name ends here too.
  if (allowed.length === 0 || allowed.some(method => method === (asked === 'HEAD' ? 'GET' : asked)))
    return problemResponse({ status: 404, detail: 'There is nothing under this path; see /openapi.json.' })
  const allow = allowed.flatMap(method => (method === 'GET' ? ['GET', 'HEAD'] : [method])).join(', ')
  return problemResponse({ status: 405, detail: `This takes ${allow}.`, headers: { allow } })
}

/** What a body may be; a request without a body needs no type. */
const MEDIA_TYPES = /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i
const ZONE_TEXT = /^text\/dns\s*(?:;|$)/i
/** Where the text of a zone may come (RFC 4027). */
const TAKES_ZONE_TEXT = /\/api\/v1\/zones\/[^/]+$/

async function bodyProblem({ req }: Context<Env>): Promise<Response | null> {
  const { 'content-length': length = '0', 'transfer-encoding': coding, 'content-type': type = '' } = req.header()
  if (length === '0' && coding === undefined) return null
  const isText = req.method === 'PUT' && TAKES_ZONE_TEXT.test(req.path) && ZONE_TEXT.test(type)
  if (!MEDIA_TYPES.test(type) && !isText) {
    return problemResponse({
      status: 415,
      detail: 'A body is JSON: Content-Type: application/json.',
      headers: { accept: 'application/json' },
    })
  }
  // It brings questions along.
  const isTest = req.method === 'POST' && req.path.endsWith(POLICY_TESTS_PATH)
  const bodyBytes = isTest ? adminLimits.policyTestBytes : adminLimits.bodyBytes
  const { bodyDepth } = adminLimits
  const chunks: Uint8Array[] = []
  let octets = Number(length)
  if (octets <= bodyBytes && req.raw.body !== null) {
    octets = 0
    try {
      for await (const chunk of req.raw.body) {
        octets += chunk.length
        if (octets > bodyBytes) break
        chunks.push(chunk)
      }
    } catch {
      // The client went, or was cut for being too slow: most often no one reads this.
      return problemResponse({ status: 408, detail: 'The body did not arrive.' })
    }
  }
  if (octets > bodyBytes) return problemResponse({ status: 413, detail: `A body may have ${bodyBytes} octets.` })
  const body = new Uint8Array(Buffer.concat(chunks))
  if (!isText && depthOf(body) > bodyDepth)
    return problemResponse({ status: 400, detail: `Objects and arrays of a body may be ${bodyDepth} deep.` })
  // Where the validators look first.
  Object.assign(req.bodyCache, { arrayBuffer: Promise.resolve(body.buffer) })
  return null
}

/** How many brackets and braces are open at most, of text that may be JSON; those in strings count for nothing. */
function depthOf(octets: Uint8Array): number {
  let [depth, deepest] = [0, 0]
  let isInside = false
  for (let at = 0; at < octets.length; at++) {
    const octet = octets[at]
    if (isInside) {
      if (octet === BACKSLASH) at++
      else if (octet === QUOTE) isInside = false
    } else if (octet === QUOTE) isInside = true
    else if (octet === BRACKET || octet === BRACE) deepest = Math.max(deepest, ++depth)
    else if (octet === BRACKET + 2 || octet === BRACE + 2) depth--
  }
  return deepest
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
/** What closes them is two further on. */
const BRACKET = 0x5b
const BRACE = 0x7b

/** Another host's name, or a page from elsewhere: refused before anything is read. */
function strangerProblem(
  req: Context<Env>['req'],
  { kind, scheme }: Arrival,
  { origins }: AdminSettings,
): Response | null {
  const { host, origin, 'sec-fetch-site': secFetchSite, 'sec-fetch-mode': mode } = req.header()
  const hosts = origins.flatMap(one => hostOf(one.replace(/^https?:\/\//, '')) ?? [])
  if (kind === 'tcp' && !isOurHost(hostOf(host ?? ''), hosts))
    return problemResponse({
      status: 421,
      detail: 'This API answers to addresses, localhost and the hosts of "origins".',
    })
  if (pageOf({ host, origin, secFetchSite }, scheme, origins) !== 'foreign') return null
  // A link elsewhere leads to the page, which holds no data; what it asks for then comes from here.
  if (req.method === 'GET' && mode === 'navigate' && req.path === '/') return null
  return problemResponse({ status: 403, detail: 'Pages from elsewhere are not allowed here: see "admin.origins".' })
}
