/** What the first screen of the dashboard shows: the last hour in numbers, what is in use now, and the top lists. */
import { createRoute, z } from '@hono/zod-openapi'
import { type AdminContext, type App, needs } from '../context.ts'
import { COLUMNS } from '../now/columns.ts'
import { adminLimits } from '../limits.ts'
import { FAULTS, json, OWN_FAULTS } from '../forms/schemas.ts'

const numbers = z.array(z.number())

const now = z
  .object({
    at: z.number().describe('Milliseconds since 1970 UTC.'),
    startedAt: z.number().describe('Seconds since 1970 UTC.'),
    stepMs: z.number().describe('How much time one sample is of.'),
    series: z
      .record(z.string(), numbers)
      .describe(
        `A column for each number: at (when a step ended, in milliseconds since 1970 UTC), ${COLUMNS.join(', ')}.`,
      ),
    marks: z.array(z.object({ at: z.number(), kind: z.string(), text: z.string() })),
    limits: z
      .array(
        z.object({
          limit: z.string(),
          used: z.number().nullable(),
          most: z.number(),
          hits: z.number().nullable().describe('How often it was reached; null: not counted.'),
        }),
      )
      .describe('Bounds of what all queries share.'),
    stores: z.array(z.object({ store: z.string(), entries: z.number(), bytes: z.number() })),
    memory: z.record(z.string(), z.number()).describe('Octets by owner.'),
    waiting: z.number(),
    resolutions: z.number(),
    tcpConnections: z.number(),
    queries: z.number().describe('Since the start.'),
  })
  .openapi('Now')

const lines = z.array(z.object({ key: z.string(), count: z.number() }))

const top = z
  .object({
    since: z.number().describe('Milliseconds since 1970 UTC.'),
    queries: z.number(),
    names: lines,
    clients: lines.describe('As `queryLog.clients` shows them.'),
    failing: lines.describe('Names with their types that ended in SERVFAIL.'),
    absent: lines.describe('Names that do not exist.'),
  })
  .openapi('Top')

export function nowRoutes(app: App, { remote, recorder, tops }: AdminContext): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/now',
      summary: 'Curves of the last hour, limits, memory.',
      ...needs('read'),
      request: {
        query: z.object({
          after: z.coerce
            .number<string | undefined>()
            .min(0)
            .default(0)
            .openapi({ description: 'Only samples after this time, in milliseconds since 1970 UTC.' }),
        }),
      },
      responses: { 200: { description: 'Now.', content: json(now) }, ...FAULTS },
    }),
    async c => {
      const read = await remote.numbers()
      const { series, marks } = recorder.since(c.req.valid('query').after)
      const { startedAt, limits, stores, memory, waiting, resolutions, tcpConnections, counters } = read
      return c.json(
        {
          at: Date.now(),
          startedAt,
          stepMs: adminLimits.sampleMs,
          series: Object.fromEntries(Object.entries(series).map(([name, values]) => [name, [...values]])),
          marks: [...marks],
          limits: [...limits],
          stores: [...stores],
          memory: { ...memory },
          waiting,
          resolutions,
          tcpConnections,
          queries: Object.entries(counters).reduce((all, [name, n]) => (name.endsWith('Queries') ? all + n : all), 0),
        },
        200,
      )
    },
  )
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/top',
      summary: 'Names and clients of the last five minutes, counted while somebody asks for them.',
      ...needs('read'),
      responses: { 200: { description: 'The lists; the first ones are empty.', content: json(top) }, ...OWN_FAULTS },
    }),
    c => {
      const { names, clients, failing, absent, ...rest } = tops.look()
      const shown = { names: [...names], clients: [...clients], failing: [...failing], absent: [...absent] }
      return c.json({ ...rest, ...shown }, 200)
    },
  )
}
