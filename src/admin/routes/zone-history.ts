/** What was changed in a zone, by whom and why; and the way back. */
import { createRoute, z } from '@hono/zod-openapi'
import { type AdminContext, type App, needs } from '../context.ts'
import type { RevisionEntry } from '../zone-controls.ts'
import { fault, FAULTS, json, timeText } from '../forms/schemas.ts'
import {
  absent,
  bodyOf,
  CHANGE_FAULTS,
  changedZone,
  changeQuery,
  changeZone,
  keyedConditions,
  difference,
  plainDifference,
  refuseZone,
  zoneParam,
  ZONES,
} from './zone-change.ts'

type ShownRevision = Omit<RevisionEntry, 'at'> & { readonly at: string }

export const revision: z.ZodType<ShownRevision> = z
  .object({
    number: z.number(),
    at: z.string().describe('UTC (RFC 3339).'),
    author: z.string().describe('The name of the token; `local`: over the unix socket; `file`: changed in its file.'),
    comment: z.string().nullable(),
    requestId: z.string().describe('X-Request-Id of the request.'),
    restores: z.number().nullable().describe('It brought back the state after that revision; 0: before the first.'),
  })
  .openapi('Revision')

export const shownRevision = (one: RevisionEntry): ShownRevision => ({ ...one, at: timeText(one.at) })

const number = z.coerce.number<string>().int().min(0).max(99_999_999)
const noRevision = fault('There is no such zone, or no such revision (any more).')

export function zoneHistoryRoutes(app: App, context: AdminContext): void {
  lookRoutes(app, context)
  wayBackRoutes(app, context)
}

function lookRoutes(app: App, { remote }: AdminContext): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: `${ZONES}/{zone}/revisions`,
      summary: 'What was changed, newest first.',
      ...needs('read'),
      request: { params: zoneParam },
      responses: {
        200: { description: 'The last hundred.', content: json(z.object({ revisions: z.array(revision) })) },
        404: absent,
        ...FAULTS,
      },
    }),
    async c => {
      const revisions = await remote.zoneRevisions(c.req.valid('param').zone)
      if (revisions === null) return refuseZone({ kind: 'absent' })
      return c.json({ revisions: revisions.map(shownRevision) }, 200)
    },
  )
  app.openapi(
    createRoute({
      method: 'get',
      path: `${ZONES}/{zone}/difference`,
      summary: 'What differs between the states after two revisions; 0 is before the first.',
      ...needs('read'),
      request: { params: zoneParam, query: z.object({ from: number, to: number }) },
      responses: { 200: { description: 'It.', content: json(difference) }, 404: noRevision, ...FAULTS },
    }),
    async c => {
      const { from, to } = c.req.valid('query')
      const found = await remote.zoneDifference(c.req.valid('param').zone, from, to)
      return found.kind === 'difference' ? c.json(plainDifference(found.difference), 200) : refuseZone(found)
    },
  )
}

function wayBackRoutes(app: App, context: AdminContext): void {
  const responses = {
    200: { description: 'It is as it was, or with dryRun would be.', content: json(changedZone) },
    404: noRevision,
    ...CHANGE_FAULTS,
  }
  app.openapi(
    createRoute({
      method: 'post',
      path: `${ZONES}/{zone}/undo`,
      summary: 'Take back the last change, also the deletion; again: the one before.',
      ...needs('write', context.once),
      request: { params: zoneParam, query: changeQuery, headers: keyedConditions },
      responses,
    }),
    async c => {
      const { zone } = c.req.valid('param')
      const query = c.req.valid('query')
      const { 'if-match': ifMatch } = c.req.valid('header')
      const action = { kind: 'undo' as const }
      const changed = await changeZone(c, context, { zone, action, what: 'one change undone', query, ifMatch })
      return c.json(bodyOf(changed, query.dryRun), 200)
    },
  )
  app.openapi(
    createRoute({
      method: 'post',
      path: `${ZONES}/{zone}/revisions/{number}/revert`,
      summary: 'Bring back the state after a revision; 0: before the first.',
      ...needs('write', context.once),
      request: { params: zoneParam.extend({ number }), query: changeQuery, headers: keyedConditions },
      responses,
    }),
    async c => {
      const { zone, number: wanted } = c.req.valid('param')
      const query = c.req.valid('query')
      const { 'if-match': ifMatch } = c.req.valid('header')
      const action = { kind: 'revert' as const, revision: wanted }
      const what = `brought back to revision ${wanted}`
      const changed = await changeZone(c, context, { zone, action, what, query, ifMatch })
      return c.json(bodyOf(changed, query.dryRun), 200)
    },
  )
}
