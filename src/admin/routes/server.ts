/** What is done to the server as a whole: files read again, and its end. */
import { createRoute, z } from '@hono/zod-openapi'
import { type AdminContext, type App, needs } from '../context.ts'
import { refuse } from '../problem.ts'
import { dry, fault, FAULTS, json } from '../forms/schemas.ts'

const accepted = z.object({ status: z.literal('accepted') }).openapi('Accepted')
const tried = z.object({ dryRun: z.literal(true) }).openapi('Tried')

export function serverRoutes(app: App, { remote, audit }: AdminContext): void {
  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/reload',
      summary: 'Read configuration, zones, hints and log files again, as SIGHUP does.',
      ...needs('operate'),
      request: { query: dry },
      responses: {
        200: { description: 'With dryRun: the configuration holds.', content: json(tried) },
        202: { description: 'The configuration holds; zones are being read.', content: json(accepted) },
        409: fault('The configuration has errors; the old one stays.'),
        ...FAULTS,
      },
    }),
    async c => {
      const { dryRun } = c.req.valid('query')
      const { problems } = await remote.reload(dryRun)
      if (!dryRun) audit(c.get('principal').name, 'reload', c.env.arrival)
      if (problems.length === 0)
        return dryRun ? c.json({ dryRun: true as const }, 200) : c.json({ status: 'accepted' as const }, 202)
      return refuse({
        status: 409,
        detail: 'The configuration has errors; the old one stays.',
        errors: problems.map(detail => ({ pointer: '', detail })),
      })
    },
  )
  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/stop',
      summary: 'End the server as SIGTERM does: what is under way is answered first.',
      ...needs('admin'),
      request: { query: dry },
      responses: {
        200: { description: 'With dryRun: it would.', content: json(tried) },
        202: { description: 'It stops.', content: json(accepted) },
        ...FAULTS,
      },
    }),
    async c => {
      if (c.req.valid('query').dryRun) return c.json({ dryRun: true as const }, 200)
      audit(c.get('principal').name, 'stop', c.env.arrival)
      await remote.stop()
      return c.json({ status: 'accepted' as const }, 202)
    },
  )
}
