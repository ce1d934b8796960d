/** A candidate of the configuration held against what runs: begun, looked at, ended. Nothing of the server changes. */
import { createRoute, z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { mayDo } from '../access.ts'
import { type AdminContext, type App, type Env, needs } from '../context.ts'
import { adminLimits } from '../limits.ts'
import type { PolicyTestQuestions, PolicyTestStarted, PolicyTestStatus } from './controls.ts'
import { refuse } from '../problem.ts'
import { policyTest, policyTestChanges, policyTestRequest } from './forms.ts'
import { dry, fault, FAULTS, json, keyed, limit, timeText, withBody } from '../forms/schemas.ts'

export const POLICY_TESTS_PATH = '/api/v1/policy/tests'
const ONE = `${POLICY_TESTS_PATH}/{id}`
const params = z.object({ id: z.string().max(40) })
const ABSENT = fault('There is no such test, or not any more.')

export function policyTestRoutes(app: App, context: AdminContext): void {
  beginRoute(app, context)
  lookRoutes(app, context)
  changesRoute(app, context)
  endRoute(app, context)
}

const shown = ({
  startedAt,
  endedAt,
  errors,
  notes,
  rules,
  compared: _compared,
  ...rest
}: PolicyTestStatus): z.infer<typeof policyTest> => ({
  ...rest,
  startedAt: timeText(startedAt),
  endedAt: endedAt === null ? null : timeText(endedAt),
  errors: errors.map(one => ({ ...one })),
  notes: [...notes],
  rules: rules.map(one => ({ ...one })),
})

function beginRoute(app: App, context: AdminContext): void {
  const { remote, audit } = context
  app.openapi(
    createRoute({
      method: 'post',
      path: POLICY_TESTS_PATH,
      summary: 'Which answers would change with another configuration: ask again what clients asked, next to serving.',
      ...needs('operate', context.once),
      request: { query: dry, headers: keyed, body: { required: true, content: json(policyTestRequest) } },
      responses: {
        200: {
          description: 'With dryRun: nothing is wrong with it.',
          content: json(z.object({ dryRun: z.boolean() })),
        },
        202: { description: 'It is under way; Location says where to look.', content: json(policyTest) },
        ...withBody,
        409: fault('There are no questions; or a request with this Idempotency-Key is under way.'),
        503: fault('As many as may be are under way, or the server is stopping.'),
      },
    }),
    async c => {
      const { candidate, questions, offline } = c.req.valid('json')
      const { dryRun } = c.req.valid('query')
      const { name: author, scope } = c.get('principal')
      const started = await remote.startPolicyTest({
        candidate:
          'patch' in candidate
            ? { kind: 'patch', settings: await patchSent(c) }
            : { kind: 'text', text: candidate.text, file: candidate.file ?? null },
        questions: questionsFrom(questions ?? {}),
        ...{ offline, author, dryRun, mayNameFiles: mayDo(scope, 'admin') },
      })
      if (started.kind === 'checked') return c.json({ dryRun: true }, 200)
      if (started.kind !== 'started') return refuseTest(started)
      const status = await remote.policyTest(started.id)
      if (status === null) return refuse({ status: 503, detail: 'It was ended.' })
      audit(author, 'a candidate of the configuration tried out', c.env.arrival)
      c.header('Location', `${context.settings().pathPrefix.replace(/\/$/, '')}${POLICY_TESTS_PATH}/${started.id}`)
      return c.json(shown(status), 202)
    },
  )
}

/** As it was sent: what a validator leaves out would not be complained about. */
async function patchSent(c: Context<Env>): Promise<Readonly<Record<string, unknown>>> {
  const sent: { readonly candidate: { readonly patch: Readonly<Record<string, unknown>> } } = await c.req.json()
  return sent.candidate.patch
}

function questionsFrom(wanted: NonNullable<z.infer<typeof policyTestRequest>['questions']>): PolicyTestQuestions {
  const { source, list = [] } = wanted
  const [sinceS, file] = [wanted.sinceS ?? null, wanted.file ?? null]
  switch (source) {
    case 'list':
      return { kind: 'list', json: JSON.stringify(list) }
    case 'query-log':
      return { kind: 'query-log', file, sinceS }
    case 'history':
    case undefined:
      return { kind: source ?? 'kept', sinceS }
    default:
      return source satisfies never
  }
}

function refuseTest(refused: Exclude<PolicyTestStarted, { kind: 'started' | 'checked' }>): never {
  switch (refused.kind) {
    case 'invalid':
      return refuse({ status: 422, detail: 'The candidate would not hold.', errors: refused.faults })
    case 'files':
      return refuse({
        status: 403,
        detail: 'The candidate names files that the server does not read now, for which scope admin is needed.',
        errors: refused.files.map(file => ({ pointer: '', detail: file })),
      })
    case 'no-questions':
      return refuse({ status: 409, detail: `There are no questions: ${refused.why}.` })
    case 'failed':
      return refuse({ status: 409, detail: `It cannot be compared: ${refused.reason}.` })
    case 'busy':
      return refuse({
        status: 503,
        detail: `${adminLimits.policyTestsAtOnce} tests are under way.`,
        headers: { 'retry-after': '5' },
      })
    default:
      return refused satisfies never
  }
}

function lookRoutes(app: App, { remote }: AdminContext): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: POLICY_TESTS_PATH,
      summary: 'Tests of candidates that are under way, and the last that are over, the newest first.',
      ...needs('read'),
      responses: { 200: { description: 'A few.', content: json(z.object({ tests: z.array(policyTest) })) }, ...FAULTS },
    }),
    async c => c.json({ tests: (await remote.policyTests()).map(shown) }, 200),
  )
  app.openapi(
    createRoute({
      method: 'get',
      path: ONE,
      summary: 'How far a test is, and what it comes to so far.',
      ...needs('read'),
      request: { params },
      responses: { 200: { description: 'Its state.', content: json(policyTest) }, ...FAULTS, 404: ABSENT },
    }),
    async c => {
      const status = await remote.policyTest(c.req.valid('param').id)
      return status === null ? absent() : c.json(shown(status), 200)
    },
  )
}

const absent = (): never => refuse({ status: 404, detail: 'There is no such test, or not any more.' })

function changesRoute(app: App, { remote }: AdminContext): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: `${ONE}/changes`,
      summary: 'Answers that change, with the rules that decide now and then; or questions that were not compared.',
      ...needs('read'),
      request: {
        params,
        query: z.object({
          of: z.enum(['changed', 'unknown']).default('changed'),
          limit,
          cursor: z.coerce
            .number<string>()
            .int()
            .min(0)
            .default(0)
            .openapi({ type: 'string', description: 'What the page before has under `next`.' }),
        }),
      },
      responses: { 200: { description: 'A page.', content: json(policyTestChanges) }, ...FAULTS, 404: ABSENT },
    }),
    async c => {
      const { of, limit: most, cursor: from } = c.req.valid('query')
      const page = await remote.policyTestChanges(c.req.valid('param').id, { of, from, limit: most })
      if (page === null) return absent()
      const changes: z.infer<typeof policyTestChanges>['changes'] = page.items.map(text => JSON.parse(text))
      return c.json({ changes, next: page.next === null ? null : String(page.next) }, 200)
    },
  )
}

function endRoute(app: App, { remote }: AdminContext): void {
  app.openapi(
    createRoute({
      method: 'delete',
      path: ONE,
      summary: 'End a test wherever it is, and forget what came of it.',
      ...needs('operate'),
      request: { params, query: dry },
      responses: {
        200: { description: 'With dryRun: whether there is one.', content: json(z.object({ wouldEnd: z.boolean() })) },
        204: { description: 'There is none of this id.' },
        ...FAULTS,
      },
    }),
    async c => {
      const { id } = c.req.valid('param')
      if (c.req.valid('query').dryRun) return c.json({ wouldEnd: (await remote.policyTest(id)) !== null }, 200)
      await remote.removePolicyTest(id)
      return c.body(null, 204)
    },
  )
}
