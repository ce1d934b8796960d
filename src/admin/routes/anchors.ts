/** Trust anchors with the state of their keys, and negative ones for a while. */
import { createRoute, z } from '@hono/zod-openapi'
import { formatName } from '../../presentation/text.ts'
import { type AdminContext, type App, needs } from '../context.ts'
import { adminLimits } from '../limits.ts'
import { refuse } from '../problem.ts'
import { instances, instancesOf } from '../forms/instances.ts'
import { dnsName, dry, fault, FAULTS, flag, json, timeText, withBody } from '../forms/schemas.ts'

const anchor = z
  .object({
    name: z.string(),
    until: z.string().describe('UTC (RFC 3339).'),
    from: z.enum(['configuration', 'api']),
  })
  .openapi('NegativeAnchor')

const set = anchor.extend({ instances: instances.nullable() }).openapi('NegativeAnchorSet')
const removed = z.object({ instances }).openapi('NegativeAnchorRemoved')
const query = dry.extend({ allInstances: flag })

const request = z
  .strictObject({ until: z.iso.datetime({ offset: true }).describe('When validation begins again (RFC 3339).') })
  .openapi('NegativeAnchorRequest')

const point = z
  .object({
    zone: z.string(),
    keyTags: z.array(z.number()),
    seenAt: z.number().nullable().describe('Seconds since 1970 UTC; null: the keys are not followed, or not seen yet.'),
    keys: z.array(z.object({ keyTag: z.number(), algorithm: z.string(), state: z.string(), since: z.number() })),
  })
  .openapi('TrustAnchor')

const PATH = '/api/v1/negative-anchors'
const params = z.object({ name: dnsName })
const configured = 'It is in the configuration: change it there and reload.'

export function anchorRoutes(app: App, context: AdminContext): void {
  listRoutes(app, context)
  changeRoutes(app, context)
}

function listRoutes(app: App, { remote }: AdminContext): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/trust-anchors',
      summary: 'What is validated from, with the state of the keys (RFC 5011).',
      ...needs('read'),
      responses: {
        200: { description: 'All of them.', content: json(z.object({ anchors: z.array(point) })) },
        ...FAULTS,
      },
    }),
    async c => {
      const points = await remote.trustPoints()
      const anchors = points.map(one => ({ ...one, keyTags: [...one.keyTags], keys: [...one.keys] }))
      return c.json({ anchors }, 200)
    },
  )
  app.openapi(
    createRoute({
      method: 'get',
      path: PATH,
      summary: 'Where nothing is validated, and until when (RFC 7646).',
      ...needs('read'),
      responses: {
        200: { description: 'All of them.', content: json(z.object({ anchors: z.array(anchor) })) },
        ...FAULTS,
      },
    }),
    async c => {
      const anchors = await remote.negativeAnchors()
      return c.json({ anchors: anchors.map(one => ({ ...one, until: timeText(one.until) })) }, 200)
    },
  )
}

function changeRoutes(app: App, { remote, audit, wall, settings }: AdminContext): void {
  app.openapi(
    createRoute({
      method: 'put',
      path: `${PATH}/{name}`,
      summary: 'Validate nothing at and below a name for a while.',
      ...needs('operate'),
      request: { params, query, body: { required: true, content: json(request) } },
      responses: {
        200: { description: 'It ends at another time now, or with dryRun would.', content: json(set) },
        201: { description: 'It is new.', content: json(set) },
        409: fault(configured),
        ...withBody,
      },
    }),
    async c => {
      const { name } = c.req.valid('param')
      const { dryRun, allInstances } = c.req.valid('query')
      const until = Math.floor(Date.parse(c.req.valid('json').until) / 1_000)
      const left = until - wall()
      if (left <= 0 || left > adminLimits.negativeAnchorSeconds) {
        const detail = left <= 0 ? 'is in the past' : 'is more than a week from now (RFC 7646 section 2)'
        return refuse({ status: 422, detail: 'The end does not fit.', errors: [{ pointer: '/until', detail }] })
      }
      const { kind, instances: others } = await remote.setNegativeAnchor({ name, until, dryRun, allInstances })
      if (kind === 'configured') return refuse({ status: 409, detail: configured })
      if (kind === 'too-many') return refuse({ status: 409, detail: 'There are too many: delete some first.' })
      const from = 'api' as const
      const shown = { name: formatName(name), until: timeText(until), from, instances: instancesOf(others) }
      if (dryRun) return c.json(shown, 200)
      audit(c.get('principal').name, `negative anchor ${shown.name} until ${shown.until}`, c.env.arrival)
      if (kind === 'changed') return c.json(shown, 200)
      c.header('Location', `${settings().pathPrefix}${PATH.slice(1)}/${encodeURIComponent(shown.name)}`)
      return c.json(shown, 201)
    },
  )
  app.openapi(
    createRoute({
      method: 'delete',
      path: `${PATH}/{name}`,
      summary: 'Validate again.',
      ...needs('operate'),
      request: { params, query },
      responses: {
        200: { description: 'There is none now; with allInstances.', content: json(removed) },
        204: { description: 'There is none now.' },
        409: fault(configured),
        ...FAULTS,
      },
    }),
    async c => {
      const { name } = c.req.valid('param')
      const { dryRun, allInstances } = c.req.valid('query')
      const { kind, instances: others } = await remote.removeNegativeAnchor({ name, dryRun, allInstances })
      if (kind === 'configured') return refuse({ status: 409, detail: configured })
      if (kind === 'removed' && !dryRun)
        audit(c.get('principal').name, `negative anchor ${formatName(name)} deleted`, c.env.arrival)
      const found = instancesOf(others)
      return found === null ? c.body(null, 204) : c.json({ instances: found }, 200)
    },
  )
}
