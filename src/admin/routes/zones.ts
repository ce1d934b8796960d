/** Zones that are served from here: listed, read, made, replaced, changed, deleted. */
import { createRoute, z } from '@hono/zod-openapi'
import { type AdminContext, type App, needs } from '../context.ts'
import { adminLimits } from '../limits.ts'
import { refuse } from '../problem.ts'
import { formatName } from '../../presentation/text.ts'
import type { ZoneContentText } from '../zone-controls.ts'
import { cursor, cursorText, dnsName, fault, FAULTS, json, keyed, limit, nextPage } from '../forms/schemas.ts'
import {
  absent,
  bodyOf,
  CHANGE_FAULTS,
  DELETE_FAULTS,
  NEW_FAULTS,
  changedZone,
  changeQuery,
  changeZone,
  conditions,
  refuseZone,
  zoneEntry,
  zoneParam,
  ZONES,
} from './zone-change.ts'

const DNS_TEXT = 'text/dns'
const dnsText = { [DNS_TEXT]: { schema: z.string().openapi({ description: 'A master file (RFC 1035 section 5).' }) } }

const ttl = z.number().int().min(0).max(0x7fff_ffff)
const data = z.string().min(1).max(adminLimits.bodyBytes)

/** Names are absolute, with or without a dot at the end. */
const rrsetRequest = z
  .strictObject({
    name: z.string().min(1).max(adminLimits.nameCharacters),
    type: z.string().min(1).max(adminLimits.typeCharacters),
    ttl: ttl.nullable().default(null).describe('Seconds; null: as the set that is there, else 300.'),
    data: z.array(data).min(1).max(adminLimits.bodySets).describe('Of each record, in presentation format.'),
  })
  .openapi('RrsetRequest')

const content = z.strictObject({ rrsets: z.array(rrsetRequest).max(adminLimits.bodySets) }).openapi('ZoneContent')

const newZone = z
  .strictObject({
    name: dnsName,
    rrsets: z.array(rrsetRequest).max(adminLimits.bodySets).optional(),
    text: z.string().max(adminLimits.bodyBytes).optional().describe('A master file, instead of `rrsets`.'),
  })
  .refine(body => (body.rrsets === undefined) !== (body.text === undefined), {
    error: 'expected either "rrsets" or "text"',
  })
  .openapi('ZoneRequest')

const removal = z.strictObject({
  name: z.string().min(1).max(adminLimits.nameCharacters),
  type: z.string().min(1).max(adminLimits.typeCharacters).nullable().default(null).describe('Null: all of the name.'),
  data: z.array(data).nullable().default(null).describe('Null: the whole set.'),
})

const patch = z
  .strictObject({
    set: z.array(rrsetRequest).max(adminLimits.bodySets).default([]).describe('Sets, in place of what is there.'),
    add: z.array(rrsetRequest).max(adminLimits.bodySets).default([]).describe('Records that join their sets.'),
    remove: z.array(removal).max(adminLimits.bodySets).default([]).describe('Done first.'),
  })
  .openapi('ZonePatch')

const changedFaults = { 404: absent, ...CHANGE_FAULTS }

export function zoneRoutes(app: App, context: AdminContext): void {
  listRoute(app, context)
  readRoute(app, context)
  createZoneRoute(app, context)
  putRoute(app, context)
  patchRoute(app, context)
  deleteRoute(app, context)
}

function listRoute(app: App, { remote }: AdminContext): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: ZONES,
      summary: 'Zones that are served from here, but for single records and special-use names.',
      ...needs('read'),
      request: { query: z.object({ limit, cursor }) },
      responses: {
        200: { description: 'A page.', content: json(z.object({ zones: z.array(zoneEntry), next: nextPage })) },
        ...FAULTS,
      },
    }),
    async c => {
      const { limit: most, cursor: after = null } = c.req.valid('query')
      const { zones, next } = await remote.zones({ after, limit: most })
      return c.json({ zones: [...zones], next: cursorText(next) }, 200)
    },
  )
}

function readRoute(app: App, { remote }: AdminContext): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: `${ZONES}/{zone}`,
      summary: 'One zone: what it is, or with Accept: text/dns its text.',
      ...needs('read'),
      request: { params: zoneParam },
      responses: {
        200: { description: 'It.', content: { ...json(zoneEntry), ...dnsText } },
        304: { description: 'It still has the ETag of If-None-Match.' },
        404: absent,
        409: fault('It is too large for one text.'),
        ...FAULTS,
      },
    }),
    async c => {
      const { zone: name } = c.req.valid('param')
      const wantsText = (c.req.header('accept') ?? '').toLowerCase().includes(DNS_TEXT)
      const found = await remote.zone(name)
      if (found === null) return refuseZone({ kind: 'absent' })
      c.header('ETag', found.etag)
      c.header('Vary', 'Accept')
      if (
        c.req
          .header('if-none-match')
          ?.split(',')
          .some(tag => tag.trim().replace(/^W\//, '') === found.etag) === true
      )
        return c.body(null, 304)
      if (!wantsText) return c.json(found.zone, 200)
      const text = await remote.zoneText(name)
      if (text.kind !== 'text') return refuseZone(text)
      c.header('ETag', text.etag)
      return c.text(text.text, 200, { 'content-type': `${DNS_TEXT}; charset=utf-8` })
    },
  )
}

function createZoneRoute(app: App, context: AdminContext): void {
  app.openapi(
    createRoute({
      method: 'post',
      path: ZONES,
      summary: 'Make a zone.',
      ...needs('write', context.once),
      request: { query: changeQuery, headers: keyed, body: { required: true, content: json(newZone) } },
      responses: {
        200: { description: 'With dryRun: it could be made.', content: json(changedZone) },
        201: { description: 'It is served.', content: json(changedZone) },
        ...NEW_FAULTS,
      },
    }),
    async c => {
      const query = c.req.valid('query')
      const { name: zone, text, rrsets = [] } = c.req.valid('json')
      const body: ZoneContentText = text === undefined ? { kind: 'rrsets', rrsets } : { kind: 'text', text }
      const action = { kind: 'put' as const, content: body, mustBeNew: true }
      const changed = await changeZone(c, context, { zone, action, what: 'made', query, ifMatch: undefined })
      if (query.dryRun) return c.json(bodyOf(changed, true), 200)
      c.header('Location', locationOf(context, formatName(zone)))
      return c.json(bodyOf(changed, false), 201)
    },
  )
}

const locationOf = ({ settings }: AdminContext, name: string): string =>
  `${settings().pathPrefix}${ZONES.slice(1)}/${encodeURIComponent(name)}`

function putRoute(app: App, context: AdminContext): void {
  app.openapi(
    createRoute({
      method: 'put',
      path: `${ZONES}/{zone}`,
      summary: 'Make or replace a zone, by its sets or by its text; the serial number goes on by itself.',
      ...needs('write'),
      request: {
        params: zoneParam,
        query: changeQuery,
        headers: conditions,
        body: { content: { ...json(content), ...dnsText } },
      },
      responses: {
        200: { description: 'It is served like this, or with dryRun would be.', content: json(changedZone) },
        201: { description: 'It is new.', content: json(changedZone) },
        ...CHANGE_FAULTS,
      },
    }),
    async c => {
      const { zone } = c.req.valid('param')
      const query = c.req.valid('query')
      const isText = (c.req.header('content-type') ?? '').toLowerCase().startsWith(DNS_TEXT)
      const sent = isText ? await c.req.text() : c.req.header('content-type') === undefined ? '' : c.req.valid('json')
      if (sent === '')
        return refuse({ status: 422, detail: 'The zone is missing: send its sets as JSON, or its text as text/dns.' })
      const body: ZoneContentText =
        typeof sent === 'string' ? { kind: 'text', text: sent } : { kind: 'rrsets', rrsets: sent.rrsets }
      if (c.req.header('if-none-match')?.trim() === '*' && (await context.remote.zone(zone)) !== null)
        return refuseZone({ kind: 'mismatch', etag: null })
      const { 'if-match': ifMatch } = c.req.valid('header')
      const action = { kind: 'put' as const, content: body, mustBeNew: false }
      const changed = await changeZone(c, context, { zone, action, what: 'replaced', query, ifMatch })
      if (!changed.created || query.dryRun) return c.json(bodyOf(changed, query.dryRun), 200)
      c.header('Location', locationOf(context, formatName(zone)))
      return c.json(bodyOf(changed, false), 201)
    },
  )
}

function patchRoute(app: App, context: AdminContext): void {
  app.openapi(
    createRoute({
      method: 'patch',
      path: `${ZONES}/{zone}`,
      summary: 'Change single sets and records of a zone, all in one revision.',
      ...needs('write'),
      request: {
        params: zoneParam,
        query: changeQuery,
        headers: conditions,
        body: { required: true, content: json(patch) },
      },
      responses: { 200: { description: 'It is changed, or would be.', content: json(changedZone) }, ...changedFaults },
    }),
    async c => {
      const { zone } = c.req.valid('param')
      const query = c.req.valid('query')
      const { 'if-match': ifMatch } = c.req.valid('header')
      const action = { kind: 'patch' as const, ...c.req.valid('json') }
      const changed = await changeZone(c, context, { zone, action, what: 'changed', query, ifMatch })
      return c.json(bodyOf(changed, query.dryRun), 200)
    },
  )
}

function deleteRoute(app: App, context: AdminContext): void {
  app.openapi(
    createRoute({
      method: 'delete',
      path: `${ZONES}/{zone}`,
      summary: 'Delete a zone that was made through the API. Its history stays, so that this can be undone.',
      ...needs('write'),
      request: { params: zoneParam, query: changeQuery, headers: conditions },
      responses: {
        200: { description: 'With dryRun: what would go.', content: json(changedZone) },
        204: { description: 'There is none now.' },
        ...DELETE_FAULTS,
      },
    }),
    async c => {
      const { zone } = c.req.valid('param')
      const query = c.req.valid('query')
      const { 'if-match': ifMatch } = c.req.valid('header')
      const action = { kind: 'delete' as const }
      const changed = await changeZone(c, context, { zone, action, what: 'deleted', query, ifMatch })
      return query.dryRun ? c.json(bodyOf(changed, true), 200) : c.body(null, 204)
    },
  )
}
