/** A question resolved while one looks: the walk as data, and where it fails its one cause first. */
import { createRoute, z } from '@hono/zod-openapi'
import { RrType, typeName } from '../../dns/types.ts'
import { formatName } from '../../presentation/text.ts'
import { type AdminContext, type App, requires } from '../context.ts'
import { adminLimits } from '../limits.ts'
import { refuse } from '../problem.ts'
import { dnsName, fault, json, rrType, TOKEN, withBody } from './schemas.ts'

const request = z
  .strictObject({
    name: dnsName,
    type: rrType.optional(),
    checkingDisabled: z.boolean().default(false).describe('Take data whatever its signatures say (CD).'),
    fromRoot: z
      .boolean()
      .default(false)
      .describe('Forget what is known for this one: the whole walk. Nothing of it is kept.'),
    deadlineMs: z
      .number()
      .int()
      .min(1)
      .max(adminLimits.explainMaxMs)
      .default(adminLimits.explainMs)
      .describe('Then the walk is given up.'),
  })
  .openapi('ExplainRequest')

const report = z
  .looseObject({
    version: z.number().describe('Of this form.'),
    question: z.string(),
    status: z.string(),
    rootCause: z
      .looseObject({
        kind: z.string(),
        text: z.string(),
        question: z.string().nullable(),
        zone: z.string().nullable(),
        servers: z.array(z.object({ server: z.string(), did: z.string(), asked: z.number() })),
      })
      .nullable()
      .describe('What made it fail; null: it did not.'),
    security: z.string(),
    records: z.array(z.unknown()),
    startedAt: z.string(),
    tookMs: z.number(),
    steps: z.array(z.unknown()).describe('The walk, as `rootwalk explain --json` has it.'),
  })
  .openapi('Explanation')

export function explainRoutes(app: App, { remote }: AdminContext): void {
  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/explain',
      summary: 'Resolve a question with what is known now, or from the root on, and show every step.',
      security: TOKEN,
      middleware: requires('read'),
      request: { body: { required: true, content: json(request) } },
      responses: {
        200: { description: 'The walk and its end, be it a failure.', content: json(report) },
        ...withBody,
        503: fault('As many walks from the root as are allowed are under way.'),
        504: fault('The deadline came first.'),
      },
    }),
    async c => {
      const { name, type = RrType.A, checkingDisabled, fromRoot, deadlineMs } = c.req.valid('json')
      const explained = await remote.explain({ name, type, checkingDisabled, fromRoot, deadlineMs })
      if (explained.kind === 'explained') return c.json(report.parse(explained.report), 200)
      if (explained.kind === 'busy')
        return refuse({
          status: 503,
          detail: `${adminLimits.explainsApart} walks from the root are under way.`,
          headers: { 'retry-after': '1' },
        })
      const { steps, last } = explained
      return refuse({
        status: 504,
        detail:
          `${formatName(name)} ${typeName(type)} was not resolved within ${deadlineMs} ms: ${steps} steps` +
          `${last === '' ? '' : `, the last question to a server was ${last}`}.`,
      })
    },
  )
}
