/** Policy zones and programs as they are; which rule decides for a client and a question. */
import { createRoute, z } from '@hono/zod-openapi'
import { type AdminContext, type App, needs } from '../context.ts'
import { refuse } from '../problem.ts'
import { limitedClients, policyProgram, policyZone } from '../forms/policies.ts'
import { policyReport } from '../forms/policy-report.ts'
import { FAULTS, json } from '../forms/schemas.ts'

const query = z.object({
  name: z.string().min(1).max(1_100),
  type: z.string().min(1).max(20).default('A'),
  client: z.string().min(1).max(60).describe('Its address.'),
  listener: z.string().max(300).optional().describe('Where it comes in, as in "listen"; default: the first.'),
  clientId: z.string().max(63).optional(),
  serverName: z.string().max(255).optional().describe('The name in its TLS handshake.'),
})

export function policyRoutes(app: App, context: AdminContext): void {
  statusRoutes(app, context)
  whyRoute(app, context)
}

function statusRoutes(app: App, { remote }: AdminContext): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/policy/zones',
      summary: 'Response policy zones, in the order of the configuration.',
      ...needs('read'),
      responses: {
        200: { description: 'All of them.', content: json(z.object({ zones: z.array(policyZone) })) },
        ...FAULTS,
      },
    }),
    async c => c.json({ zones: [...(await remote.policyZones())] }, 200),
  )
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/policy/programs',
      summary: 'Policies that are programs, in the order of the configuration.',
      ...needs('read'),
      responses: {
        200: { description: 'All of them.', content: json(z.object({ programs: z.array(policyProgram) })) },
        ...FAULTS,
      },
    }),
    async c => c.json({ programs: [...(await remote.policyPrograms())] }, 200),
  )
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/limits',
      summary: 'Networks of clients that were above a limit within the last minute, the busiest first.',
      ...needs('read'),
      responses: { 200: { description: 'At most 256 of them.', content: json(limitedClients) }, ...FAULTS },
    }),
    async c => c.json(await remote.limitedClients(), 200),
  )
}

function whyRoute(app: App, { remote }: AdminContext): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/policy/why',
      summary:
        'What each position of the order of policies decides for a client and a question. Nothing is sent to it.',
      ...needs('read'),
      request: { query },
      responses: {
        200: { description: 'All positions, and what the client gets.', content: json(policyReport) },
        ...FAULTS,
      },
    }),
    async c => {
      const said = await remote.why(c.req.valid('query'))
      if (said.kind === 'report') return c.json(policyReport.parse(said.report), 200)
      return refuse({
        status: 400,
        detail: `${said.field}: ${said.detail}`,
        errors: [{ pointer: `/${said.field}`, detail: said.detail }],
      })
    },
  )
}
