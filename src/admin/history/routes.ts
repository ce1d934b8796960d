/** The query history: pages of it, newest first, and what its numbers say. docs/history.md describes it for users. */
import { createRoute, z } from '@hono/zod-openapi'
import { type AdminContext, type App, needs } from '../context.ts'
import type { HistoryRefusal } from './messages.ts'
import { refuse } from '../problem.ts'
import { adminLimits } from '../limits.ts'
import { fault, FAULTS, json, limit, nextPage } from '../forms/schemas.ts'

const time = (what: string): z.ZodOptional<z.ZodCoercedNumber<string>> =>
  z.coerce
    .number<string>()
    .min(0)
    .max(Number.MAX_SAFE_INTEGER / 1_000)
    .optional()
    .openapi({ description: `${what}, in milliseconds since 1970 UTC.` })

const range = { from: time('From when on; default: an hour ago'), to: time('Until when; default: now') }

const rule = {
  rule: z.string(),
  source: z.string().nullable(),
  at: z.string().optional().describe('The line that it stands in, `/etc/ads.txt:17`, or the entry, `rules[2]`.'),
}
const decision = z.object({ stage: z.string(), ...rule, lost: z.array(z.object(rule)) })
const query = z
  .object({
    at: z.number().describe('Milliseconds since 1970 UTC.'),
    client: z.string().describe('As `history.clients` has it kept.'),
    transport: z.string(),
    name: z.string().describe('In lower case; `<other>` where a day had more names than are kept.'),
    type: z.string(),
    class: z.string(),
    rcode: z.string(),
    octets: z.number(),
    ms: z.number(),
    by: z.string(),
    decisions: z.array(decision).optional(),
  })
  .openapi('Query')

const page = z
  .object({
    queries: z.array(query).describe('Newest first.'),
    next: nextPage,
    searchedTo: z
      .number()
      .describe('Back to when was searched; later than `from` when time ran out: `next` goes on from there.'),
    unreadable: z.number().describe('Files that could not be read.'),
  })
  .openapi('QueryPage')

const lines = z.array(z.object({ key: z.string(), count: z.number() }))
const numbers = z.array(z.number())
const summary = z
  .object({
    from: z.number(),
    to: z.number(),
    queries: z.number(),
    stepMs: z.number().describe('Minutes up to six hours, else hours or more.'),
    series: z
      .object({
        at: numbers,
        queries: numbers,
        cache: numbers,
        servfail: numbers,
        nxdomain: numbers,
        meanMs: numbers,
      })
      .describe('A column for each number; steps without queries are left out.'),
    rcodes: lines,
    sources: lines,
    names: lines.describe('These and the following are of the whole hours that the range touches.'),
    clients: lines,
    failing: lines,
    absent: lines,
    unreadable: z.number(),
  })
  .openapi('QuerySummary')

const responses = {
  ...FAULTS,
  404: fault('No history is kept: see the setting `history`.'),
  503: fault('The history cannot be read now, or the server is stopping.'),
}

const HOUR_MS = 3_600_000

const rangeOf = (
  { from, to }: { readonly from?: number | undefined; readonly to?: number | undefined },
  now: number,
): { readonly from: number; readonly to: number } => {
  const end = Math.floor(to ?? now)
  return { from: Math.floor(from ?? end - HOUR_MS), to: end }
}

function refusal(refused: HistoryRefusal): never {
  switch (refused.kind) {
    case 'off':
      return refuse({
        status: 404,
        detail: 'No history is kept: set "history": { "directory": … } and restart the server.',
      })
    case 'wrong':
      return refuse({
        status: 400,
        detail: `The ${refused.field} cannot be read.`,
        errors: [{ pointer: `/${refused.field}`, detail: refused.detail }],
      })
    case 'failed':
      return refuse({ status: 503, detail: `The history cannot be read: ${refused.detail}.` })
    default:
      return refused satisfies never
  }
}

export function queryRoutes(app: App, context: AdminContext): void {
  pageRoute(app, context)
  summaryRoute(app, context)
}

function pageRoute(app: App, { remote }: AdminContext): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/queries',
      summary: 'Queries that were answered, newest first, through a filter.',
      ...needs('read'),
      request: {
        query: z.object({
          filter: z
            .string()
            .default('')
            .openapi({ description: 'As of the streams, such as `rcode=SERVFAIL and name under example.com`.' }),
          ...range,
          limit,
          cursor: z
            .string()
            .max(adminLimits.cursorCharacters)
            .optional()
            .openapi({ description: 'What the page before has under `next`.' }),
        }),
      },
      responses: { 200: { description: 'A page.', content: json(page) }, ...responses },
    }),
    async c => {
      const { filter, limit: most, cursor: after = null, ...given } = c.req.valid('query')
      // What comes while it is asked belongs to it.
      const found = await remote.queryPage({ filter, limit: most, cursor: after, ...rangeOf(given, Date.now() + 1) })
      if (found.kind !== 'page') return refusal(found)
      const { queries, next, searchedTo, unreadable } = found
      const shown = queries.map(({ decisions, ...rest }) => ({
        ...rest,
        ...(decisions === undefined
          ? {}
          : { decisions: decisions.map(({ lost, ...of }) => ({ ...of, lost: lost.map(one => ({ ...one })) })) }),
      }))
      return c.json({ queries: shown, next, searchedTo, unreadable }, 200)
    },
  )
}

function summaryRoute(app: App, { remote }: AdminContext): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/queries/summary',
      summary: 'Curves, rcodes, sources and top lists of the query history.',
      ...needs('read'),
      request: { query: z.object(range) },
      responses: { 200: { description: 'The numbers.', content: json(summary) }, ...responses },
    }),
    async c => {
      const found = await remote.querySummary(rangeOf(c.req.valid('query'), Date.now() + 1))
      if (found.kind !== 'summary') return refusal(found)
      const { kind: _, series, ...rest } = found
      const { rcodes, sources, names, clients, failing, absent } = rest
      return c.json(
        {
          ...rest,
          series: {
            at: [...series.at],
            queries: [...series.queries],
            cache: [...series.cache],
            servfail: [...series.servfail],
            nxdomain: [...series.nxdomain],
            meanMs: [...series.meanMs],
          },
          rcodes: [...rcodes],
          sources: [...sources],
          names: [...names],
          clients: [...clients],
          failing: [...failing],
          absent: [...absent],
        },
        200,
      )
    },
  )
}
