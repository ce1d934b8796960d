/** Block and allow lists: what is in them, what was skipped and why, and reading them again. */
import { createRoute, z } from '@hono/zod-openapi'
import { type AdminContext, type App, needs } from '../context.ts'
import { refuse } from '../problem.ts'
import { dry, fault, FAULTS, json } from '../forms/schemas.ts'

const list = z
  .object({
    name: z.string(),
    layer: z.enum(['own', 'allow', 'block']),
    format: z.string(),
    source: z.string().describe('A path, a URL, or `configuration`.'),
    state: z.enum(['loaded', 'waiting', 'failed']),
    problem: z.string().nullable().describe('Why the last reading or fetching was of no use; null: it was.'),
    rules: z.number().describe('Those that hold.'),
    exact: z.number(),
    suffix: z.number(),
    exceptions: z.number(),
    patterns: z.number(),
    addresses: z.number(),
    duplicates: z.number(),
    skipped: z.array(z.object({ reason: z.string(), text: z.string(), lines: z.number() })),
    shown: z
      .array(z.object({ line: z.number(), reason: z.string(), text: z.string(), detail: z.string() }))
      .describe('The first of the skipped lines.'),
    hits: z.number().describe('Answers that it decided since the start.'),
    ageS: z.number().nullable().describe('Since its content was seen last.'),
    nextS: z.number().nullable().describe('Until it is fetched again.'),
  })
  .openapi('List')

const refreshed = z.object({ lists: z.array(z.string()).describe('What is read or fetched now.') }).openapi('Refreshed')
const params = z.object({ name: z.string().min(1).max(64) })
const PATH = '/api/v1/lists'
const absent = 'There is no such list in the configuration.'

export function listRoutes(app: App, { remote, audit }: AdminContext): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: PATH,
      summary: 'All lists, in the order of the configuration.',
      ...needs('read'),
      responses: { 200: { description: 'All of them.', content: json(z.object({ lists: z.array(list) })) }, ...FAULTS },
    }),
    async c => {
      const lists = await remote.lists()
      return c.json({ lists: lists.map(one => ({ ...one, skipped: [...one.skipped], shown: [...one.shown] })) }, 200)
    },
  )
  app.openapi(
    createRoute({
      method: 'post',
      path: `${PATH}/refresh`,
      summary: 'Read or fetch all lists again.',
      ...needs('operate'),
      request: { query: dry },
      responses: {
        200: { description: 'With dryRun: these would be.', content: json(refreshed) },
        202: { description: 'It is under way.', content: json(refreshed) },
        ...FAULTS,
      },
    }),
    async c => {
      const { dryRun } = c.req.valid('query')
      const names = (await remote.refreshLists(null, dryRun)) ?? []
      if (dryRun) return c.json({ lists: [...names] }, 200)
      audit(c.get('principal').name, 'lists refreshed', c.env.arrival)
      return c.json({ lists: [...names] }, 202)
    },
  )
  app.openapi(
    createRoute({
      method: 'post',
      path: `${PATH}/{name}/refresh`,
      summary: 'Read or fetch one list again.',
      ...needs('operate'),
      request: { params, query: dry },
      responses: {
        200: { description: 'With dryRun: it would be.', content: json(refreshed) },
        202: { description: 'It is under way.', content: json(refreshed) },
        404: fault(absent),
        ...FAULTS,
      },
    }),
    async c => {
      const { name } = c.req.valid('param')
      const { dryRun } = c.req.valid('query')
      const names = await remote.refreshLists(name, dryRun)
      if (names === null) return refuse({ status: 404, detail: absent })
      if (dryRun) return c.json({ lists: [...names] }, 200)
      audit(c.get('principal').name, `list ${name} refreshed`, c.env.arrival)
      return c.json({ lists: [...names] }, 202)
    },
  )
}
