/** Which rule decides: each position of the order of policies, for a client and a question. */
import { createRoute, z } from '@hono/zod-openapi'
import type { WhyPosition, WhyReport } from '../../render/why.ts'
import { type AdminContext, type App, requires } from '../context.ts'
import { refuse } from '../problem.ts'
import { FAULTS, json, TOKEN } from './schemas.ts'

const rule = {
  rule: z.string(),
  source: z.string().nullable().describe('A list or a policy zone; null: the configuration.'),
}

const position: z.ZodType<WhyPosition> = z.object({
  name: z.string(),
  does: z.string(),
  state: z
    .enum(['off', 'not-reached', 'let-by', 'passed', 'decided'])
    .describe('let-by: a rule of another position says that it does not concern this query.'),
  text: z.string().describe('What it decides, as a sentence.'),
  decisions: z.array(z.object({ ...rule, lost: z.array(z.object(rule)).describe('Rules that would have decided.') })),
})

export const policyReport: z.ZodType<WhyReport> = z
  .object({
    version: z.literal(1).describe('Of this form.'),
    question: z.string(),
    client: z.object({
      address: z.string(),
      transport: z.string(),
      listener: z.string().nullable(),
      clientId: z.string().nullable(),
      serverName: z.string().nullable(),
    }),
    view: z.string(),
    positions: z.array(position).describe('All of the order, from top to bottom.'),
    answer: z
      .object({
        by: z.string().describe('Which position made it.'),
        status: z.string().nullable().describe('Null: nothing is sent.'),
        ede: z.object({ code: z.number(), text: z.string() }).nullable(),
        secure: z.boolean(),
        records: z.array(z.unknown()),
      })
      .nullable()
      .describe('Null: the client is refused before its question is looked at.'),
    tookMs: z.number(),
  })
  .openapi('PolicyWhy')

const query = z.object({
  name: z.string().min(1).max(1_100),
  type: z.string().min(1).max(20).default('A'),
  client: z.string().min(1).max(60).describe('Its address.'),
  listener: z.string().max(300).optional().describe('Where it comes in, as in "listen"; default: the first.'),
  clientId: z.string().max(63).optional(),
  serverName: z.string().max(255).optional().describe('The name in its TLS handshake.'),
})

export function policyRoutes(app: App, { remote }: AdminContext): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/policy/why',
      summary:
        'What each position of the order of policies decides for a client and a question. Nothing is sent to it.',
      security: TOKEN,
      middleware: requires('read'),
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
