/** Health and status. */
import { createRoute, z } from '@hono/zod-openapi'
import { type AdminContext, type App, needs } from '../context.ts'
import { FAULTS, json, OPEN_FAULTS } from '../forms/schemas.ts'

const health = z
  .object({
    status: z.enum(['ok', 'stopping', 'waiting']),
    missing: z.array(z.string()).optional().describe('Policy zones without which nothing is answered.'),
  })
  .openapi('Health')

const status = z
  .object({
    version: z.string(),
    node: z.string(),
    pid: z.number(),
    startedAt: z.number().describe('Seconds since 1970 UTC.'),
    uptimeS: z.number(),
    listening: z.array(z.object({ transport: z.string(), address: z.string(), port: z.number() })),
    stopping: z.boolean(),
    configFile: z.string().nullable(),
    trustAnchors: z.array(z.string()),
    missing: z.array(z.string()).describe('Policy zones that are not there, and without which nothing is answered.'),
    waiting: z.number().describe('Queries of clients that wait for an answer.'),
    resolutions: z.number().describe('Resolutions in flight, sub-queries included.'),
    tcpConnections: z.number(),
    cache: z.object({ bytes: z.number(), rrsets: z.number(), answers: z.number() }),
    counters: z.record(z.string(), z.number()),
    shared: z
      .object({
        at: z.string(),
        state: z
          .enum(['connecting', 'closed', 'open', 'half-open'])
          .describe('closed: it is asked; open, half-open: it did not answer and is left alone.'),
        instances: z.array(z.string()).describe('The others that are there.'),
        requests: z.record(z.string(), z.number()),
      })
      .nullable()
      .describe('The shared cache; null: there is none.'),
  })
  .openapi('Status')

export function statusRoutes(app: App, { remote }: AdminContext): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/livez',
      summary: 'Does the event loop of the server turn?',
      responses: { 200: { description: 'It does.', content: json(health) }, ...OPEN_FAULTS },
    }),
    async c => {
      await remote.status()
      return c.json({ status: 'ok' as const }, 200)
    },
  )
  app.openapi(
    createRoute({
      method: 'get',
      path: '/readyz',
      summary: 'May clients be sent here?',
      responses: {
        ...OPEN_FAULTS,
        200: {
          description: 'Sockets are open and configuration, zones and anchors are loaded.',
          content: json(health),
        },
        503: {
          description: 'The server is stopping, or waits for policy zones that have to be there.',
          content: json(health),
        },
      },
    }),
    async c => {
      const { stopping, missing } = await remote.status()
      if (stopping) return c.json({ status: 'stopping' as const }, 503)
      if (missing.length > 0) return c.json({ status: 'waiting' as const, missing: [...missing] }, 503)
      return c.json({ status: 'ok' as const }, 200)
    },
  )
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/status',
      summary: 'What the server is and does.',
      ...needs('read'),
      responses: { 200: { description: 'The status.', content: json(status) }, ...FAULTS },
    }),
    async c => {
      const now = await remote.status()
      return c.json(
        {
          ...now,
          listening: [...now.listening],
          trustAnchors: [...now.trustAnchors],
          missing: [...now.missing],
          counters: { ...now.counters },
          shared:
            now.shared === null
              ? null
              : { ...now.shared, instances: [...now.shared.instances], requests: { ...now.shared.requests } },
        },
        200,
      )
    },
  )
}
