/** The configuration: what holds and where it comes from; settings changed without a restart, and changed back. */
import { createRoute, z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { type AdminContext, type App, type Env, needs } from '../context.ts'
import type { ConfigAction, ConfigChanged } from '../config-controls.ts'
import { refuse } from '../problem.ts'
import { fault, FAULTS, json, place } from '../forms/schemas.ts'
import {
  CHANGE_FAULTS,
  changeQuery,
  conditions,
  difference,
  keyedConditions,
  plainDifference,
  refuseZone,
} from './zone-change.ts'
import { revision, shownRevision } from './zone-history.ts'

const setting = z
  .object({
    path: z.string().describe('Such as `dnssec.validate`.'),
    value: z.unknown().describe('What holds now; secrets are left out.'),
    default: z.unknown(),
    source: z.enum(['default', 'file', 'environment', 'flag', 'api']),
    where: z.string().nullable().describe('`file:line:column`, the variable or the flag.'),
    takesEffect: z.enum(['reload', 'restart']),
    isPending: z.boolean().describe('What would be read now is another value: a reload or restart takes it over.'),
    fixed: z.string().nullable().describe('Why it cannot be changed through the API; null: it can.'),
    description: z.string(),
  })
  .openapi('Setting')

const configuration = z
  .object({
    file: z.string().nullable(),
    revision: z.number().describe('The last one; 0: nothing was changed through the API.'),
    settings: z.array(setting),
    problems: z.array(z.string()).describe('What is wrong with what would be read now; the old holds.'),
  })
  .openapi('Configuration')

const changed = z
  .object({ dryRun: z.boolean(), revision: z.number(), difference, warnings: z.array(place) })
  .openapi('ConfigurationChange')

const body = z
  .looseObject({})
  .openapi('Settings', { description: 'Members as in the configuration file; null: as without the API.' })

const PATH = '/api/v1/configuration'
const responses = {
  200: { description: 'It holds, or with dryRun would.', content: json(changed) },
  ...CHANGE_FAULTS,
  409: fault('A setting cannot be changed here; `errors` says which and why.'),
}

export function configurationRoutes(app: App, context: AdminContext): void {
  lookRoutes(app, context)
  for (const method of ['put', 'patch'] as const)
    app.openapi(
      createRoute({
        method,
        path: PATH,
        summary:
          method === 'put'
            ? 'Change these settings, and take back all that was changed before.'
            : 'Change these settings; null takes a change back (RFC 7396).',
        ...needs('write'),
        request: { query: changeQuery, headers: conditions, body: { required: true, content: json(body) } },
        responses,
      }),
      async c => {
        const conditionsOf = { query: c.req.valid('query'), ifMatch: c.req.valid('header')['if-match'] }
        // To take everything back by mistake would be too easy.
        if (c.req.header('content-type') === undefined)
          return refuse({ status: 422, detail: 'The settings are missing; {} takes back all that was changed.' })
        // The settings as they were sent: what a validator leaves out would not be complained about.
        const sent: unknown = await c.req.json()
        const settings = typeof sent === 'object' && sent !== null ? Object.fromEntries(Object.entries(sent)) : {}
        const done = await change(c, context, { kind: method, settings }, 'settings changed', conditionsOf)
        return c.json(done, 200)
      },
    )
  wayBackRoutes(app, context)
}

function lookRoutes(app: App, { remote }: AdminContext): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: PATH,
      summary: 'All settings: what holds, where it comes from, and whether a reload or a restart takes it over.',
      ...needs('read'),
      responses: {
        200: { description: 'All of them.', content: json(configuration) },
        304: { description: 'It still has the ETag of If-None-Match.' },
        ...FAULTS,
      },
    }),
    async c => {
      const { etag, settings, problems, ...rest } = await remote.configuration()
      c.header('ETag', etag)
      if (c.req.header('if-none-match') === etag) return c.body(null, 304)
      return c.json({ ...rest, settings: [...settings], problems: [...problems] }, 200)
    },
  )
  app.openapi(
    createRoute({
      method: 'get',
      path: `${PATH}/revisions`,
      summary: 'What was changed, newest first.',
      ...needs('read'),
      responses: {
        200: { description: 'The last hundred.', content: json(z.object({ revisions: z.array(revision) })) },
        ...FAULTS,
      },
    }),
    async c => c.json({ revisions: (await remote.configurationRevisions()).map(shownRevision) }, 200),
  )
}

function wayBackRoutes(app: App, context: AdminContext): void {
  const guards = needs('write', context.once)
  const back = { ...responses, 404: fault('There is no such revision (any more).') }
  const number = z.coerce.number<string>().int().min(0).max(99_999_999)
  app.openapi(
    createRoute({
      method: 'post',
      path: `${PATH}/undo`,
      summary: 'Take back the last change; again: the one before.',
      ...guards,
      request: { query: changeQuery, headers: keyedConditions },
      responses,
    }),
    async c => {
      const conditionsOf = { query: c.req.valid('query'), ifMatch: c.req.valid('header')['if-match'] }
      return c.json(await change(c, context, { kind: 'undo' }, 'one change of settings undone', conditionsOf), 200)
    },
  )
  app.openapi(
    createRoute({
      method: 'post',
      path: `${PATH}/revisions/{number}/revert`,
      summary: 'Bring back the settings after a revision; 0: before the first.',
      ...guards,
      request: { params: z.object({ number }), query: changeQuery, headers: keyedConditions },
      responses: back,
    }),
    async c => {
      const { number: wanted } = c.req.valid('param')
      const conditionsOf = { query: c.req.valid('query'), ifMatch: c.req.valid('header')['if-match'] }
      const action = { kind: 'revert' as const, revision: wanted }
      return c.json(await change(c, context, action, `settings brought back to revision ${wanted}`, conditionsOf), 200)
    },
  )
}

interface Conditions {
  readonly query: { readonly dryRun: boolean; readonly comment?: string | undefined }
  readonly ifMatch: string | undefined
}

async function change(
  c: Context<Env>,
  { remote, audit }: AdminContext,
  action: ConfigAction,
  what: string,
  { query: { dryRun, comment }, ifMatch }: Conditions,
): Promise<z.infer<typeof changed>> {
  const author = c.get('principal').name
  const { arrival } = c.env
  const done = await remote.changeConfiguration({
    ...{ action, author, comment: comment ?? null, dryRun, requestId: arrival.requestId },
    ifMatch: ifMatch === undefined ? null : ifMatch.split(',').map(tag => tag.trim()),
  })
  if (done.kind === 'fixed')
    return refuse({ status: 409, detail: 'Some settings cannot be changed here.', errors: done.faults })
  if (done.kind === 'invalid')
    return refuse({ status: 422, detail: 'The configuration would not hold; the old one stays.', errors: done.faults })
  if (done.kind !== 'changed') return refuseZone(done)
  if (!dryRun) audit(author, `${what}${listed(done)}`, arrival)
  c.header('ETag', done.etag)
  const { revision: number, warnings } = done
  return { dryRun, revision: number, difference: plainDifference(done.difference), warnings: [...warnings] }
}

const listed = ({ difference: { added, removed } }: ConfigChanged): string => {
  const paths = [...new Set([...added, ...removed].map(line => line.split(' = ')[0] ?? ''))]
  return paths.length === 0 ? '' : `: ${paths.join(', ')}`
}
