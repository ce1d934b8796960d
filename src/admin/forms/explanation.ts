/** The form of an explanation, version 1: docs/explain.schema.json is made from this. */
import { z } from '@hono/zod-openapi'
import { policyReport } from './policy-report.ts'

const head = {
  id: z.number().describe('Of the look-up that the step belongs to.'),
  parent: z.number().nullable().optional(),
  depth: z.number(),
}
const time = z.number().describe('Milliseconds since the start.')
const question = z.string().describe('Name and type.')

const step = z
  .discriminatedUnion('kind', [
    z.looseObject({ kind: z.literal('lookup'), ...head, atMs: time, question, because: z.string() }),
    z.looseObject({ kind: z.literal('joined'), ...head, atMs: time, question }),
    z.looseObject({ kind: z.literal('local'), ...head, zone: z.string(), what: z.string() }),
    z.looseObject({
      ...{ kind: z.literal('cache'), ...head, what: z.string(), name: z.string(), type: z.string(), ttl: z.number() },
    }),
    z.looseObject({ kind: z.literal('cut'), ...head, zone: z.string(), from: z.string(), servers: z.number() }),
    z.looseObject({
      ...{ kind: z.literal('exchange'), ...head, atMs: time, tookMs: z.number(), server: z.string() },
      ...{ serverName: z.string().optional(), zone: z.string(), transport: z.string(), question },
      came: z.string().describe('A reply, or what came instead.'),
      rcode: z.string().optional(),
      verdict: z.string().optional().describe('What the reply means.'),
      decided: z.string().describe('What was done about it.'),
    }),
    z.looseObject({ kind: z.literal('note'), ...head, note: z.string() }),
    z.looseObject({
      ...{ kind: z.literal('validated'), ...head, zone: z.string(), subject: z.string(), verdict: z.string() },
    }),
    z.looseObject({
      ...{ kind: z.literal('end'), ...head, atMs: time, tookMs: z.number(), outcome: z.string() },
      why: z.string().optional().describe('Of a failure.'),
      security: z.string().optional(),
    }),
  ])
  .openapi('ExplanationStep')

const cause = z
  .looseObject({
    kind: z.string().describe('Which kind of failure, from a closed list.'),
    text: z.string().describe('For people; programs look at the other members.'),
    question: z.string().nullable().describe('What was to be resolved when it happened.'),
    zone: z.string().nullable(),
    servers: z.array(z.object({ server: z.string(), did: z.string(), asked: z.number() })),
    ede: z.number().describe('Extended DNS Error (RFC 8914).'),
    edeName: z.string(),
  })
  .openapi('RootCause')

export interface Explanation {
  readonly version: number
  readonly question: string
  readonly status: string
}

export const explanation: z.ZodType<Explanation> = z
  .looseObject({
    version: z.literal(1).describe('Of this form: grows when a member goes or means something else.'),
    question,
    rootCause: cause.nullable().describe('The one thing that made it fail; null: it did not.'),
    status: z.string().describe('The response code.'),
    security: z.enum(['secure', 'insecure', 'bogus', 'indeterminate']),
    records: z.array(z.unknown()),
    policy: policyReport
      .nullable()
      .optional()
      .describe('What rules make of it for `client`; null: that is no address, or the walk began at the root.'),
    startedAt: z.string().describe('UTC (RFC 3339).'),
    tookMs: z.number(),
    requestId: z.string().optional().describe('X-Request-Id, of one that was made through the API.'),
    steps: z.array(step),
  })
  .openapi('Explanation')
