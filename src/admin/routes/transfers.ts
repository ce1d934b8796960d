/** Zones that other servers send: how each is, and asking its primaries now. */
import { createRoute, z } from '@hono/zod-openapi'
import { formatName } from '../../presentation/text.ts'
import { type AdminContext, type App, needs } from '../context.ts'
import { cursor, cursorText, dnsName, dry, fault, FAULTS, json, limit, nextPage } from '../forms/schemas.ts'
import type { TransferStatus } from '../controls.ts'
import { refuse } from '../problem.ts'

const seconds = z.number().nullable()

const transfer = z
  .object({
    zone: z.string(),
    views: z.array(z.string()).describe('Views to whose clients it is answered; empty: to all clients.'),
    isPolicy: z.boolean().describe('It holds rules (RPZ), and is not served.'),
    state: z
      .enum(['current', 'expired', 'missing'])
      .describe('expired: no primary has confirmed it for too long, and its names get SERVFAIL.'),
    serial: z.number().nullable(),
    records: z.number(),
    lastTransfer: z
      .object({
        at: z.number(),
        primary: z.string(),
        octets: z.number(),
        ms: z.number(),
        whole: z.boolean().describe('False: only what had changed (IXFR).'),
      })
      .nullable()
      .describe('Since the start. Times are seconds since 1970 UTC.'),
    confirmedAt: seconds.describe('When a primary last said that this is its version.'),
    expiresAt: seconds,
    nextLookAt: seconds.describe('When the primaries are asked next.'),
    looking: z.boolean().describe('They are asked just now.'),
    primaries: z.array(z.string()),
    lastFailure: z
      .object({ at: z.number(), reasons: z.array(z.string()).describe('Of each primary that did not help.') })
      .nullable()
      .describe('Of the last look; null: all primaries that were asked helped.'),
    transfers: z.number().describe('Since the start.'),
    failures: z.number().describe('Looks since the start in which no primary helped.'),
  })
  .openapi('Transfer')

const PATH = '/api/v1/transfers'
const params = z.object({ zone: dnsName })
const view = z.string().optional().describe('The name of a view that has a zone of this name of its own.')

const isIn =
  (name: string, view: string | undefined) =>
  ({ zone, views }: TransferStatus): boolean =>
    zone === name && (view === undefined || views.includes(view))

/** In this order they are listed. */
const placeOf = ({ zone, views }: TransferStatus): string => `${zone} ${views.join(' ')}`

const absent = 'No other server sends a zone of this name.'
const begun = z.object({ zone: z.string() }).openapi('TransferBegun')

const bodyOf = (status: TransferStatus): z.infer<typeof transfer> => ({
  ...status,
  views: [...status.views],
  primaries: [...status.primaries],
  lastFailure: status.lastFailure === null ? null : { ...status.lastFailure, reasons: [...status.lastFailure.reasons] },
})

export function transferRoutes(app: App, context: AdminContext): void {
  lookRoutes(app, context)
  refreshRoute(app, context, 'refresh', 'Ask the primaries of a zone now, and fetch what is newer.')
  refreshRoute(app, context, 'retransfer', 'Fetch all of a zone now, also when it is no newer than what is here.')
}

function lookRoutes(app: App, { remote }: AdminContext): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: PATH,
      summary: 'Zones that other servers send, by name: those that are served, and policy zones.',
      ...needs('read'),
      request: { query: z.object({ limit, cursor, zone: dnsName.optional().describe('Only those of this name.') }) },
      responses: {
        200: { description: 'A page.', content: json(z.object({ transfers: z.array(transfer), next: nextPage })) },
        ...FAULTS,
      },
    }),
    async c => {
      const { limit: most, cursor: after = '', zone } = c.req.valid('query')
      const name = zone === undefined ? null : formatName(zone)
      const wanted = (await remote.transfers()).filter(one => name === null || one.zone === name)
      const rest = wanted.filter(one => placeOf(one) > after)
      const page = rest.slice(0, most)
      const last = page.at(-1)
      const next = rest.length > most && last !== undefined ? placeOf(last) : null
      return c.json({ transfers: page.map(bodyOf), next: cursorText(next) }, 200)
    },
  )
  app.openapi(
    createRoute({
      method: 'get',
      path: `${PATH}/{zone}`,
      summary: 'One of them; where several views have one of this name, that of all clients, or the first.',
      ...needs('read'),
      request: { params, query: z.object({ view }) },
      responses: { 200: { description: 'It.', content: json(transfer) }, 404: fault(absent), ...FAULTS },
    }),
    async c => {
      const name = formatName(c.req.valid('param').zone)
      const { view: wanted } = c.req.valid('query')
      const found = (await remote.transfers()).find(isIn(name, wanted))
      return found === undefined ? refuse({ status: 404, detail: absent }) : c.json(bodyOf(found), 200)
    },
  )
}

function refreshRoute(
  app: App,
  { remote, audit }: AdminContext,
  action: 'refresh' | 'retransfer',
  summary: string,
): void {
  app.openapi(
    createRoute({
      method: 'post',
      path: `${PATH}/{zone}/${action}`,
      summary,
      ...needs('operate'),
      request: { params, query: dry.extend({ view }) },
      responses: {
        200: { description: 'With dryRun: it would be.', content: json(begun) },
        202: { description: 'It is under way; `looking` says when it is over.', content: json(begun) },
        404: fault(absent),
        ...FAULTS,
      },
    }),
    async c => {
      const { zone } = c.req.valid('param')
      const { dryRun, view: wanted } = c.req.valid('query')
      if (dryRun) {
        const isThere = (await remote.transfers()).some(isIn(formatName(zone), wanted))
        return isThere ? c.json({ zone: formatName(zone) }, 200) : refuse({ status: 404, detail: absent })
      }
      if (!(await remote.refreshTransfer(zone, wanted ?? null, action === 'retransfer')))
        return refuse({ status: 404, detail: absent })
      audit(c.get('principal').name, `zone ${formatName(zone)} ${action}`, c.env.arrival)
      return c.json({ zone: formatName(zone) }, 202)
    },
  )
}
