/** Tokens: listed without their hashes, made (the token itself is shown once), revoked. */
import { createRoute, z } from '@hono/zod-openapi'
import { type AdminContext, type App, needs } from '../context.ts'
import { refuse } from '../problem.ts'
import type { TokenEntry } from '../tokens.ts'
import { dry, fault, json, keyed, OWN_FAULTS, ownWithBody, scope, timeText } from '../forms/schemas.ts'

const token = z
  .object({
    name: z.string(),
    scope,
    expires: z.string().nullable().describe('UTC (RFC 3339); null: never.'),
    from: z.enum(['configuration', 'api']).describe('Those of the configuration are changed there.'),
    createdAt: z.string().nullable().describe('UTC; null: not known.'),
    createdBy: z.string().nullable(),
    lastUsedAt: z.string().nullable().describe('UTC; null: not known, or never.'),
  })
  .openapi('Token')

const created = token
  .extend({ token: z.string().nullable().describe('Shown now and never again; null with dryRun.') })
  .openapi('NewToken')

/** These are in the audit log for others. */
const RESERVED = ['local', 'unknown']

const request = z
  .strictObject({
    name: z
      .string()
      .regex(/^[\w.-]{1,64}$/, { error: 'expected letters, digits, ".", "-" and "_"' })
      .refine(name => !RESERVED.includes(name), { error: 'is a name that the log has for others' })
      .describe('What the audit log calls it.'),
    scope: scope.default('read'),
    expires: z.iso.datetime({ offset: true }).nullable().default(null).describe('UTC (RFC 3339); null: never.'),
  })
  .openapi('TokenRequest')

const PATH = '/api/v1/tokens'
const params = z.object({ name: z.string().max(64) })
const unwritten = fault('The state directory cannot be written; nothing has changed.')

const shown = (one: TokenEntry): z.infer<typeof token> => ({
  name: one.name,
  scope: one.scope,
  expires: one.expires === null ? null : timeText(one.expires),
  from: one.from,
  createdAt: one.createdAt === null ? null : timeText(one.createdAt),
  createdBy: one.createdBy,
  lastUsedAt: one.lastUsedAt === null ? null : timeText(one.lastUsedAt),
})

export function tokenRoutes(app: App, context: AdminContext): void {
  lookRoutes(app, context)
  createTokenRoute(app, context)
  revokeRoute(app, context)
}

function lookRoutes(app: App, { tokens }: AdminContext): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: PATH,
      summary: 'All tokens: what they may do, when they end, when they were used last.',
      ...needs('admin'),
      responses: {
        200: { description: 'All of them.', content: json(z.object({ tokens: z.array(token) })) },
        ...OWN_FAULTS,
      },
    }),
    c => c.json({ tokens: tokens.list().map(shown) }, 200),
  )
  app.openapi(
    createRoute({
      method: 'get',
      path: `${PATH}/{name}`,
      summary: 'One token.',
      ...needs('admin'),
      request: { params },
      responses: { 200: { description: 'It.', content: json(token) }, 404: fault('There is none.'), ...OWN_FAULTS },
    }),
    c => {
      const found = tokens.list().find(({ name }) => name === c.req.valid('param').name)
      return found === undefined
        ? refuse({ status: 404, detail: 'There is no token of this name.' })
        : c.json(shown(found), 200)
    },
  )
}

function createTokenRoute(app: App, { tokens, settings, wall, audit, once }: AdminContext): void {
  app.openapi(
    createRoute({
      method: 'post',
      path: PATH,
      summary: 'Make a token. It is in the answer, and only its hash is kept.',
      ...needs('admin', once),
      request: { query: dry, headers: keyed, body: { required: true, content: json(request) } },
      responses: {
        200: { description: 'With dryRun: it could be made.', content: json(created) },
        201: { description: 'It is made.', content: json(created) },
        ...ownWithBody,
        409: fault('There is one of this name, or a request with this key is under way.'),
        503: unwritten,
      },
    }),
    async c => {
      const { dryRun } = c.req.valid('query')
      const { name, scope: may, expires: text } = c.req.valid('json')
      const expires = text === null ? null : Math.floor(Date.parse(text) / 1_000)
      if (expires !== null && expires <= wall())
        return refuse({
          status: 422,
          detail: 'The end does not fit.',
          errors: [{ pointer: '/expires', detail: 'is in the past' }],
        })
      const by = c.get('principal').name
      const made = await tokens.create({ name, scope: may, expires, by }, dryRun)
      switch (made.kind) {
        case 'taken':
          return refuse({ status: 409, detail: `There is a token called ${name}: revoke it first.` })
        case 'too-many':
          return refuse({ status: 409, detail: 'There are too many tokens: revoke some first.' })
        case 'not-written':
          return refuse({ status: 503, detail: `${made.message}.`, headers: { 'retry-after': '30' } })
        case 'created': {
          const body = { ...shown(made.entry), token: made.token }
          if (dryRun) return c.json(body, 200)
          audit(by, `token ${name} made, scope ${may}`, c.env.arrival)
          c.header('Location', `${settings().pathPrefix}${PATH.slice(1)}/${encodeURIComponent(name)}`)
          return c.json(body, 201)
        }
        default:
          return made satisfies never
      }
    },
  )
}

function revokeRoute(app: App, { tokens, audit }: AdminContext): void {
  app.openapi(
    createRoute({
      method: 'delete',
      path: `${PATH}/{name}`,
      summary: 'Revoke a token, and the sessions that began with it.',
      ...needs('admin'),
      request: { params, query: dry },
      responses: {
        204: { description: 'There is none of this name now.' },
        409: fault('It is in the configuration.'),
        ...OWN_FAULTS,
        503: unwritten,
      },
    }),
    async c => {
      const { name } = c.req.valid('param')
      const { dryRun } = c.req.valid('query')
      const ended = await tokens.revoke(name, dryRun)
      if (ended.kind === 'configured')
        return refuse({ status: 409, detail: 'It is in the configuration: change it there and reload.' })
      if (ended.kind === 'not-written')
        return refuse({ status: 503, detail: `${ended.message}.`, headers: { 'retry-after': '30' } })
      if (ended.kind === 'revoked' && !dryRun) audit(c.get('principal').name, `token ${name} revoked`, c.env.arrival)
      return c.body(null, 204)
    },
  )
}
