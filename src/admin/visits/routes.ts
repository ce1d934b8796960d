/**
 * URLs opened for those who ask over the API: ordered, followed, read, forgotten. What is not of the public internet
 * is not reached unless `admin.visits.allow` has it: by the address that is connected to, whatever name, answer or
 * redirect led there. docs/open.md describes it for users.
 */
import { networkInterfaces } from 'node:os'
import { createRoute, z } from '@hono/zod-openapi'
import { type IpAddress, parseIp } from '../../dns/address.ts'
import { defaultLimits } from '../../limits.ts'
import { progressJson, visitJson } from '../../render/visit-json.ts'
import { systemClock } from '../../system/system.ts'
import { exitCodeOf } from '../../visit/exit-code.ts'
import { type Reach, refusedKind } from '../../visit/private-targets.ts'
import { suggestionsFor } from '../../visit/suggest.ts'
import type { Names } from '../../visit/types.ts'
import { visit } from '../../visit/visit.ts'
import { type AdminContext, type App, needs } from '../context.ts'
import {
  cursor,
  cursorText,
  dry,
  fault,
  json,
  keyed,
  limit,
  nextPage,
  OWN_FAULTS,
  ownWithBody,
} from '../forms/schemas.ts'
import { adminLimits } from '../limits.ts'
import { EVENT_STREAM, eventText, headOfStream, streamResponse } from '../live/event-stream.ts'
import { refuse } from '../problem.ts'
import { ServerStopping } from '../remote.ts'
import { offerOf, visitBody, visitEntry, visitRequest, type VisitRequest } from './form.ts'
import type { VisitOrder, VisitStep } from './visits.ts'

const PATH = '/api/v1/visits'
const params = z.object({ id: z.string().max(64) })
const absent = fault('There is none, or it is not kept any more.')

export function visitRoutes(app: App, context: AdminContext): void {
  orderRoute(app, context)
  listRoute(app, context)
  oneRoute(app, context)
  followRoute(app, context)
  removeRoute(app, context)
}

function orderRoute(app: App, context: AdminContext): void {
  const { once, visits, audit, settings, wall } = context
  app.openapi(
    createRoute({
      method: 'post',
      path: PATH,
      summary: 'Open a URL as a browser would, and show what happens: look-ups, connections, TLS, HTTP, redirects.',
      ...needs('operate', once),
      request: { query: dry, headers: keyed, body: { required: true, content: json(visitRequest) } },
      responses: {
        200: { description: 'With dryRun: it could be opened.', content: json(visitEntry) },
        201: { description: 'It is being opened; Location says where to look.', content: json(visitEntry) },
        ...ownWithBody,
        409: fault('A request with this Idempotency-Key is under way.'),
        503: fault('As many visits as are allowed are under way.'),
      },
    }),
    c => {
      const wanted = c.req.valid('json')
      const reach = reachOf(settings().visits)
      refuseAddress(wanted, reach)
      const by = c.get('principal').name
      const { url, method } = wanted
      if (c.req.valid('query').dryRun) {
        const startedAt = new Date(wall() * 1_000).toISOString()
        const idle = { id: '', endedAt: null, exitCode: null, state: 'running' as const }
        return c.json({ ...idle, url: url.url, method, by, startedAt }, 200)
      }
      const entry = visits.start({ url: url.url, method, by, run: runOf(wanted, reach, context) })
      if (entry === null)
        return refuse({
          status: 503,
          detail: `${adminLimits.visitsAtOnce} visits are under way.`,
          headers: { 'retry-after': '2' },
        })
      // What stands after the host may be a secret.
      audit(by, `visit ${entry.id} to ${url.origin}`, c.env.arrival)
      c.header('Location', `${settings().pathPrefix}${PATH.slice(1)}/${entry.id}`)
      return c.json(entry, 201)
    },
  )
}

const reachOf = ({ allow }: { readonly allow: Extract<Reach, object>['allowed'] }): Reach => ({
  allowed: allow,
  own: ownAddresses(),
})

function ownAddresses(): readonly IpAddress[] {
  const all = Object.values(networkInterfaces()).flatMap(one => one ?? [])
  return all.flatMap(({ address }) => parseIp(address) ?? [])
}

/** What is written in the request is judged at once; what names lead to, when it is connected. */
function refuseAddress({ url: { host }, address }: VisitRequest, reach: Reach): void {
  const given = address ?? (host.kind === 'address' ? host.ip : undefined)
  const kind = given === undefined ? null : refusedKind(given, reach)
  if (kind === null) return
  refuse({
    status: 422,
    detail: 'This address is not reached for others: "admin.visits.allow" may list its network.',
    errors: [{ pointer: address === undefined ? '/url' : '/address', detail: `is of the kind ${kind}` }],
  })
}

function runOf(wanted: VisitRequest, reach: Reach, { remote }: AdminContext): VisitOrder['run'] {
  const { url, method, family, address = null, insecure, repeat, redirects, contentBytes, deadlineMs } = wanted
  const names: Names = {
    lookUp: question =>
      remote.lookUp(question).catch((error: unknown) => {
        if (!(error instanceof ServerStopping)) throw error
        const answer = { kind: 'failure', why: 'refused', ede: null, text: 'the server is stopping' } as const
        return { answer, source: { kind: 'walk', startedAtMs: 0, steps: [] } }
      }),
  }
  return async (report, signal) => {
    const visited = await visit(url, {
      ...{ names, clock: systemClock(), reach, method, headers: [], offer: offerOf(wanted), address, authorities: [] },
      ...{ insecure, repeat, redirects, contentBytes, passMs: deadlineMs, comparison: null, signal },
      families: family === undefined ? [4, 6] : [family],
      limits: { ...defaultLimits.visit, headerBytes: adminLimits.visitHeaderBytes },
      report: progress => report(progressJson(progress)),
    })
    const exitCode = exitCodeOf(visited, false)
    return { ...visitJson(visited, suggestionsFor(visited), exitCode), exitCode }
  }
}

function listRoute(app: App, { visits }: AdminContext): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: PATH,
      summary: 'Visits to URLs that run, and the latest that have ended, without what they found.',
      ...needs('operate'),
      request: { query: z.object({ limit, cursor }) },
      responses: {
        200: {
          description: 'The latest first.',
          content: json(z.object({ visits: z.array(visitEntry), next: nextPage }).openapi('VisitPage')),
        },
        ...OWN_FAULTS,
      },
    }),
    c => {
      const { limit: most, cursor: after = null } = c.req.valid('query')
      const page = visits.page(after, most)
      if (page === null)
        return refuse({ status: 400, detail: 'The cursor leads to a visit that is not kept any more: begin again.' })
      return c.json({ visits: [...page.visits], next: cursorText(page.next) }, 200)
    },
  )
}

function oneRoute(app: App, { visits }: AdminContext): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: `${PATH}/{id}`,
      summary: 'A visit: how it is going, and what it found once it has ended.',
      ...needs('operate'),
      request: { params },
      responses: { 200: { description: 'It.', content: json(visitBody) }, ...OWN_FAULTS, 404: absent },
    }),
    c => {
      const found = visits.find(c.req.valid('param').id)
      return found === null ? refuse({ status: 404, detail: 'There is no visit of this id.' }) : c.json(found, 200)
    },
  )
}

const stepText = ({ kind, json: text }: VisitStep, number: number): string => eventText(kind, text, String(number))

function followRoute(app: App, { visits, settings }: AdminContext): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: `${PATH}/{id}/events`,
      summary: 'The steps of a visit as they come, from the first, as server-sent events.',
      ...needs('operate'),
      request: { params },
      responses: {
        200: {
          description: 'Events called step, and one called end with what GET of the visit has, without its result.',
          content: { [EVENT_STREAM]: { schema: z.string() } },
        },
        ...OWN_FAULTS,
        404: absent,
      },
    }),
    c => {
      const { id } = c.req.valid('param')
      // A client that comes back goes on after what it has.
      const last = /^\d{1,9}$/.exec(c.req.header('last-event-id') ?? '')
      let number = last === null ? 0 : Number(last[0])
      const known = visits.find(id) !== null
      if (!known) return refuse({ status: 404, detail: 'There is no visit of this id.' })
      if (c.req.method === 'HEAD') return headOfStream()
      return streamResponse(wake => {
        const followed = visits.follow(id, number, wake)
        return {
          take: () => {
            const steps = followed?.take() ?? null
            return steps === null ? null : steps.map(step => stepText(step, ++number)).join('')
          },
          close: () => followed?.close(),
        }
      }, settings().heartbeatMs)
    },
  )
}

function removeRoute(app: App, { visits, audit }: AdminContext): void {
  app.openapi(
    createRoute({
      method: 'delete',
      path: `${PATH}/{id}`,
      summary: 'Forget a visit; one that runs ends.',
      ...needs('operate'),
      request: { params, query: dry },
      responses: { 204: { description: 'There is none of this id now.' }, ...OWN_FAULTS },
    }),
    c => {
      const { id } = c.req.valid('param')
      if (!c.req.valid('query').dryRun && visits.remove(id))
        audit(c.get('principal').name, `visit ${id} removed`, c.env.arrival)
      return c.body(null, 204)
    },
  )
}
