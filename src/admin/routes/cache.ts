/** The cache, delegations, servers, what is being resolved: looked at and flushed. */
import { createRoute, z } from '@hono/zod-openapi'
import { ROOT } from '../../dns/name.ts'
import { formatName } from '../../presentation/text.ts'
import { CACHE_KINDS } from '../cache-kinds.ts'
import { type AdminContext, type App, needs } from '../context.ts'
import { instances, instancesOf } from '../forms/instances.ts'
import { adminLimits } from '../limits.ts'
import { refuse } from '../problem.ts'
import { cursor, cursorText, dnsName, fault, FAULTS, flag, json, limit, nextPage } from '../forms/schemas.ts'

const record = z
  .object({ name: z.string(), ttl: z.number(), class: z.string(), type: z.string(), data: z.string() })
  .openapi('Record')

const entry = z
  .object({
    kind: z.enum([...CACHE_KINDS, 'nodata', 'nxdomain']),
    name: z.string(),
    type: z.string().describe('`*`: all types.'),
    class: z.string(),
    ttlLeft: z.number().nullable().describe('Seconds; null: it does not end.'),
    ttl: z.number().nullable().describe('Seconds that it was stored with.'),
    ttlOrigin: z.string().describe('Which rule gave it this TTL.'),
    storedAt: z.number().nullable().describe('Seconds since 1970 UTC.'),
    trust: z.string().nullable().describe('Where in a message it came (RFC 2181 section 5.4.1).'),
    security: z.string().nullable().describe('What validation says (RFC 4035 section 4.3).'),
    note: z.string().nullable(),
    records: z.array(record),
    signatures: z.array(record),
    servers: z.array(z.object({ name: z.string(), addresses: z.array(z.string()) })),
  })
  .openapi('CacheEntry')

const view = z
  .object({
    name: z.string(),
    entries: z.array(entry),
    localZone: z.string().nullable().describe('The zone here that answers instead of the cache.'),
    closestDelegation: entry.nullable().describe('Where a walk for the name begins; null: at the root.'),
  })
  .openapi('CacheView')

const flushed = z
  .object({
    dryRun: z.boolean(),
    name: z.string().nullable(),
    below: z.boolean(),
    removed: z.object({
      rrsets: z.number(),
      negatives: z.number(),
      failures: z.number(),
      delegations: z.number(),
      zoneStates: z.number(),
      denials: z.number(),
      answers: z.number().describe('Finished answers: made from the others, and always removed together.'),
      servers: z.number(),
    }),
    instances: instances.nullable(),
  })
  .openapi('Flushed')

const server = z
  .object({
    server: z.string(),
    srttMs: z.number().nullable().describe('Smoothed round trip; null: never heard.'),
    rttVarMs: z.number(),
    timeoutMs: z.number().describe('How long the next query waits.'),
    timeoutsInRow: z.number(),
    edns: z.string(),
    caseSafe: z.string().describe('Does it keep the letter case of questions?'),
    cookies: z
      .string()
      .describe('What it does with cookies: unknown, given, ignored, doubted (silent to one once), broken: sent none.'),
    throttled: z.array(
      z.object({
        zone: z.string(),
        sinceS: z.number(),
        timeouts: z.number(),
        nextQueryS: z.number(),
        why: z.string(),
      }),
    ),
    lame: z.array(z.object({ zone: z.string(), kind: z.string(), untilS: z.number() })),
  })
  .openapi('Server')

const nameParam = z.object({ name: dnsName })

/** Views that ask something else have caches of their own. */
const viewQuery = z
  .string()
  .max(adminLimits.viewCharacters)
  .optional()
  .openapi({ description: 'The caches of this view; `default`: of those who are in no other.' })
const NO_VIEW = fault('There is no such view.')

const found = <T>(looked: T | null): T =>
  looked ?? refuse({ status: 404, detail: 'No view of the configuration has this name.' })

export function cacheRoutes(app: App, context: AdminContext): void {
  lookRoutes(app, context)
  flushRoutes(app, context)
  upstreamRoutes(app, context)
}

function lookRoutes(app: App, { remote }: AdminContext): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/cache',
      summary: 'What is cached, page by page.',
      ...needs('read'),
      request: {
        query: z.object({
          kind: z.enum(CACHE_KINDS).default('rrsets'),
          ...{ under: dnsName.optional(), view: viewQuery, limit, cursor },
        }),
      },
      responses: {
        200: { description: 'A page.', content: json(z.object({ entries: z.array(entry), next: nextPage })) },
        ...FAULTS,
        404: NO_VIEW,
      },
    }),
    async c => {
      const { kind, under = ROOT, view: of = null, limit: most, cursor: after = null } = c.req.valid('query')
      const { entries, next } = found(await remote.cachePage({ kind, view: of, under, after, limit: most }))
      return c.json({ entries: entries.map(plain), next: cursorText(next) }, 200)
    },
  )
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/cache/names/{name}',
      summary: 'All that is cached of a name.',
      ...needs('read'),
      request: { params: nameParam, query: z.object({ view: viewQuery }) },
      responses: {
        200: { description: 'What is known; often nothing.', content: json(view) },
        ...FAULTS,
        404: NO_VIEW,
      },
    }),
    async c => {
      const { view: of = null } = c.req.valid('query')
      const { entries, closestDelegation, ...rest } = found(await remote.cacheOf(c.req.valid('param').name, of))
      const closest = closestDelegation === null ? null : plain(closestDelegation)
      return c.json({ ...rest, entries: entries.map(plain), closestDelegation: closest }, 200)
    },
  )
}

function flushRoutes(app: App, { remote, audit }: AdminContext): void {
  const responses = {
    200: { description: 'How much went, or would go.', content: json(flushed) },
    ...FAULTS,
    404: NO_VIEW,
  }
  /** Other instances may have other views. */
  const oneOnly = (view: string | null, allInstances: boolean): void => {
    if (view !== null && allInstances)
      refuse({
        status: 400,
        detail: 'With allInstances all views are flushed: leave view out, or flush each instance.',
      })
  }
  const inView = (view: string | null): string => (view === null ? '' : ` in view ${view}`)
  app.openapi(
    createRoute({
      method: 'delete',
      path: '/api/v1/cache/names/{name}',
      summary: 'Flush a name, or it and all below it.',
      ...needs('operate'),
      request: {
        params: nameParam,
        query: z.object({ below: flag, view: viewQuery, dryRun: flag, allInstances: flag }),
      },
      responses,
    }),
    async c => {
      const { name } = c.req.valid('param')
      const { below, view: of = null, dryRun, allInstances } = c.req.valid('query')
      oneOnly(of, allInstances)
      const flush = { name, below, view: of, servers: false, dryRun, allInstances }
      const { removed, instances } = found(await remote.flush(flush))
      const shown = formatName(name)
      if (!dryRun)
        audit(c.get('principal').name, `flush ${shown}${below ? ' and below' : ''}${inView(of)}`, c.env.arrival)
      return c.json({ dryRun, name: shown, below, removed, instances: instancesOf(instances) }, 200)
    },
  )
  app.openapi(
    createRoute({
      method: 'delete',
      path: '/api/v1/cache',
      summary: 'Flush everything.',
      ...needs('operate'),
      request: { query: z.object({ servers: flag, view: viewQuery, dryRun: flag, allInstances: flag }) },
      responses,
    }),
    async c => {
      const { servers, view: of = null, dryRun, allInstances } = c.req.valid('query')
      oneOnly(of, allInstances)
      const flush = { name: null, below: true, view: of, servers, dryRun, allInstances }
      const { removed, instances } = found(await remote.flush(flush))
      if (!dryRun) audit(c.get('principal').name, `flush everything${inView(of)}`, c.env.arrival)
      return c.json({ dryRun, name: null, below: true, removed, instances: instancesOf(instances) }, 200)
    },
  )
}

function upstreamRoutes(app: App, { remote }: AdminContext): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/servers',
      summary: 'Servers that were asked: round trips, EDNS, those that fail and since when.',
      ...needs('read'),
      request: { query: z.object({ troubled: flag, view: viewQuery, limit, cursor }) },
      responses: {
        200: { description: 'A page.', content: json(z.object({ servers: z.array(server), next: nextPage })) },
        ...FAULTS,
        404: NO_VIEW,
      },
    }),
    async c => {
      const { troubled, view: of = null, limit: most, cursor: after = null } = c.req.valid('query')
      const { servers, next } = found(await remote.servers({ view: of, after, limit: most, troubled }))
      const shown = servers.map(one => ({ ...one, throttled: [...one.throttled], lame: [...one.lame] }))
      return c.json({ servers: shown, next: cursorText(next) }, 200)
    },
  )
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/resolutions',
      summary: 'What is being resolved now.',
      ...needs('read'),
      responses: {
        200: {
          description: 'Questions, sub-queries included.',
          content: json(z.object({ questions: z.array(z.string()) })),
        },
        ...FAULTS,
      },
    }),
    async c => c.json({ questions: [...(await remote.resolutions())] }, 200),
  )
}

type Entry = NonNullable<Awaited<ReturnType<AdminContext['remote']['cacheOf']>>>['entries'][number]
const plain = (one: Entry): z.infer<typeof entry> => ({
  ...one,
  records: [...one.records],
  signatures: [...one.signatures],
  servers: one.servers.map(({ name, addresses }) => ({ name, addresses: [...addresses] })),
})
