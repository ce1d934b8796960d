/** The records of a zone, set by set. */
import { createRoute, z } from '@hono/zod-openapi'
import { typeName } from '../../dns/types.ts'
import { formatName } from '../../presentation/text.ts'
import { type AdminContext, type App, needs } from '../context.ts'
import { adminLimits } from '../limits.ts'
import { refuse } from '../problem.ts'
import type { RrsetText } from '../zone-controls.ts'
import { cursor, cursorText, dnsName, fault, FAULTS, json, limit, nextPage, rrType } from '../forms/schemas.ts'
import {
  absent,
  bodyOf,
  CHANGE_FAULTS,
  changedZone,
  changeQuery,
  changeZone,
  conditions,
  refuseZone,
  zoneParam,
  ZONES,
} from './zone-change.ts'

const rrset = z
  .object({ name: z.string(), type: z.string(), ttl: z.number().nullable(), data: z.array(z.string()) })
  .openapi('Rrset')

const request = z
  .strictObject({
    ttl: z.number().int().min(0).max(0x7fff_ffff).nullable().default(null),
    data: z.array(z.string().min(1).max(adminLimits.bodyBytes)).min(1).max(adminLimits.bodySets),
  })
  .openapi('RrsetData')

const PATH = `${ZONES}/{zone}/rrsets`
const setParams = z.object({ zone: dnsName, name: dnsName, type: rrType })
const faults = { 404: absent, ...CHANGE_FAULTS }

const plain = ({ name, type, ttl, data }: RrsetText): z.infer<typeof rrset> => ({ name, type, ttl, data: [...data] })

export function recordRoutes(app: App, context: AdminContext): void {
  lookRoutes(app, context)
  changeRoutes(app, context)
}

function lookRoutes(app: App, { remote }: AdminContext): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: PATH,
      summary: 'The records of a zone, page by page; signatures are left out.',
      ...needs('read'),
      request: {
        params: zoneParam,
        query: z.object({ name: dnsName.optional(), type: rrType.optional(), limit, cursor }),
      },
      responses: {
        200: {
          description: 'A page; with `type` it may be empty and not the last.',
          content: json(z.object({ rrsets: z.array(rrset), next: nextPage })),
        },
        404: absent,
        ...FAULTS,
      },
    }),
    async c => {
      const { zone } = c.req.valid('param')
      const { name = null, type = null, limit: most, cursor: after = null } = c.req.valid('query')
      if (after !== null && !/^\d{1,10}$/.test(after))
        return refuse({
          status: 400,
          detail: 'The query is not what is expected here.',
          errors: [{ pointer: '/cursor', detail: 'expected what the page before has under "next"' }],
        })
      const page = await remote.zoneRrsets({ zone, name, type, after, limit: most })
      if (page === null) return refuseZone({ kind: 'absent' })
      c.header('ETag', page.etag)
      return c.json({ rrsets: page.rrsets.map(plain), next: cursorText(page.next) }, 200)
    },
  )
  app.openapi(
    createRoute({
      method: 'get',
      path: `${PATH}/{name}/{type}`,
      summary: 'One set.',
      ...needs('read'),
      request: { params: setParams },
      responses: {
        200: { description: 'It.', content: json(rrset) },
        404: fault('There is no such zone, or no such set.'),
        ...FAULTS,
      },
    }),
    async c => {
      const { zone, name, type } = c.req.valid('param')
      const page = await remote.zoneRrsets({ zone, name, type, after: null, limit: 1 })
      if (page === null) return refuseZone({ kind: 'absent' })
      const [found] = page.rrsets
      if (found === undefined) return refuse({ status: 404, detail: 'The zone has no such set.' })
      c.header('ETag', page.etag)
      return c.json(plain(found), 200)
    },
  )
}

function changeRoutes(app: App, context: AdminContext): void {
  app.openapi(
    createRoute({
      method: 'put',
      path: `${PATH}/{name}/{type}`,
      summary: 'Make or replace one set.',
      ...needs('write'),
      request: {
        params: setParams,
        query: changeQuery,
        headers: conditions,
        body: { required: true, content: json(request) },
      },
      responses: {
        200: { description: 'It is there, or with dryRun would be.', content: json(changedZone) },
        ...faults,
      },
    }),
    async c => {
      const { zone, name, type } = c.req.valid('param')
      const query = c.req.valid('query')
      const { 'if-match': ifMatch } = c.req.valid('header')
      const set = [{ name: formatName(name), type: typeName(type), ...c.req.valid('json') }]
      const action = { kind: 'patch' as const, set, add: [], remove: [] }
      const what = `${formatName(name)} ${typeName(type)} set`
      const changed = await changeZone(c, context, { zone, action, what, query, ifMatch })
      return c.json(bodyOf(changed, query.dryRun), 200)
    },
  )
  app.openapi(
    createRoute({
      method: 'delete',
      path: `${PATH}/{name}/{type}`,
      summary: 'Delete one set.',
      ...needs('write'),
      request: { params: setParams, query: changeQuery, headers: conditions },
      responses: {
        200: { description: 'With dryRun: what would go.', content: json(changedZone) },
        204: { description: 'There is none now.' },
        ...faults,
      },
    }),
    async c => {
      const { zone, name, type } = c.req.valid('param')
      const query = c.req.valid('query')
      const { 'if-match': ifMatch } = c.req.valid('header')
      const remove = [{ name: formatName(name), type: typeName(type), data: null }]
      const action = { kind: 'patch' as const, set: [], add: [], remove }
      const what = `${formatName(name)} ${typeName(type)} deleted`
      const changed = await changeZone(c, context, { zone, action, what, query, ifMatch })
      return query.dryRun ? c.json(bodyOf(changed, true), 200) : c.body(null, 204)
    },
  )
}
