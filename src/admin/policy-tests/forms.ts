/** The forms of candidates that are held against what runs. */
import { z } from '@hono/zod-openapi'
import { adminLimits } from '../limits.ts'
import type { PolicyTestStatus } from './controls.ts'
import { place } from '../forms/schemas.ts'

const file = z.string().min(1).max(adminLimits.fileCharacters)

const candidate = z.union([
  z.strictObject({
    patch: z.looseObject({}).describe('Members as in the configuration file; null: as without the API.'),
  }),
  z.strictObject({
    text: z.string().max(adminLimits.bodyBytes).describe('The whole of a configuration file.'),
    file: file
      .regex(/^\//, { error: 'expected an absolute path' })
      .optional()
      .describe('Where it would be: paths in it begin there. Default: where that of the server is.'),
  }),
])

const asked = z.strictObject({
  client: z.string().max(60).default('').describe('An address, or a block such as 192.0.2.0/24.'),
  transport: z.enum(['udp', 'tcp', 'tls', 'https', 'http']).default('udp'),
  name: z.string().min(1).max(adminLimits.nameCharacters),
  type: z.string().min(1).max(adminLimits.typeCharacters).default('A'),
  times: z.number().int().min(1).default(1).describe('How often it was asked.'),
})

const questions = z
  .strictObject({
    source: z
      .enum(['history', 'query-log', 'list'])
      .optional()
      .describe('Default: the history, or where none is kept the query log.'),
    sinceS: z.number().int().min(1).optional().describe('Only those of this many seconds before now.'),
    file: file.optional().describe('Of another query log than that of the configuration; needs scope admin.'),
    list: z.array(asked).max(adminLimits.policyTestQuestions).optional(),
  })
  .superRefine(({ source, file: log, list }, context) => {
    if ((source === 'list') !== (list !== undefined))
      context.addIssue({ code: 'custom', path: ['list'], message: 'belongs to the source "list", which needs it' })
    if (log !== undefined && source !== 'query-log')
      context.addIssue({ code: 'custom', path: ['file'], message: 'belongs to the source "query-log"' })
  })

/** What a request wants, with what holds where nothing is said. */
export interface PolicyTestBody {
  readonly candidate: { patch: Record<string, unknown> } | { text: string; file?: string | undefined }
  readonly questions?:
    | {
        source?: 'history' | 'query-log' | 'list' | undefined
        sinceS?: number | undefined
        file?: string | undefined
        list?: { client: string; transport: string; name: string; type: string; times: number }[] | undefined
      }
    | undefined
  readonly offline: boolean
}

export const policyTestRequest: z.ZodType<PolicyTestBody> = z
  .strictObject({
    candidate,
    questions: questions.optional(),
    offline: z.boolean().default(false).describe('Ask no server: what is not cached is then not compared.'),
  })
  .openapi('PolicyTestRequest')

const rule = z.string().nullable()

type Mutable<T> = T extends readonly (infer E)[]
  ? Mutable<E>[]
  : T extends object
    ? { -readonly [K in keyof T]: Mutable<T[K]> }
    : T

/** The status as it is sent: times are texts. */
export type PolicyTestSent = Mutable<Omit<PolicyTestStatus, 'startedAt' | 'endedAt' | 'errors' | 'compared'>> & {
  startedAt: string
  endedAt: string | null
  errors: z.infer<typeof place>[]
}

export const policyTest: z.ZodType<PolicyTestSent> = z
  .object({
    id: z.string(),
    author: z.string(),
    startedAt: z.string().describe('UTC.'),
    endedAt: z.string().nullable(),
    state: z
      .enum(['preparing', 'running', 'done', 'invalid', 'failed'])
      .describe('`invalid`: the candidate, see `errors`; `failed`: see `problem`.'),
    source: z.enum(['history', 'query-log', 'list']),
    sinceS: z.number().nullable(),
    offline: z.boolean(),
    questions: z.number().describe('Different questions of clients; 0 until they are known.'),
    asked: z.number().describe('How many of them have been compared.'),
    changed: z.number().describe('Questions of a client that get another answer.'),
    queries: z.number().describe('How often these were asked.'),
    clients: z.number().describe('Clients that get another answer to something.'),
    unknown: z.number().describe('Questions that could not be compared, since no server answered.'),
    skipped: z.number().describe('Lines and queries that are no questions.'),
    leftOut: z.number().describe('Questions beyond the bound.'),
    exchanges: z.number().describe('Messages that were sent to servers for it.'),
    exchangesLeftOut: z.number().describe('And those beyond the bound, which were not.'),
    rules: z
      .array(z.object({ before: rule, after: rule, answers: z.number(), clients: z.number() }))
      .describe('Which rule decides now and then, at most twenty pairs, those with most answers first; null: none.'),
    errors: z.array(place).describe('All that is wrong with the candidate.'),
    problem: z.string().nullable(),
    notes: z.array(z.string()).describe('What could not be looked at.'),
  })
  .openapi('PolicyTest')

interface RehearsedSent {
  rcode: string | null
  records: string[]
  rule: string | null
  view: string | null
  isUnknown: boolean
}

interface ChangeSent {
  question: { client: string; transport: string; name: string; type: string; times: number }
  before: RehearsedSent
  after: RehearsedSent
}

const rehearsed: z.ZodType<RehearsedSent> = z.object({
  rcode: z.string().nullable().describe('Null: nothing is answered.'),
  records: z.array(z.string()).describe('Type and data, without TTL.'),
  rule: rule.describe('What decided, such as `lists: ||ads.example^ (ads)`; null: no rule.'),
  view: z.string().nullable().describe('Of the client; null: it is in none.'),
  isUnknown: z.boolean().describe('No server gave an answer.'),
})

const change: z.ZodType<ChangeSent> = z
  .object({
    question: z.object({
      client: z.string(),
      transport: z.string(),
      name: z.string(),
      type: z.string(),
      times: z.number(),
    }),
    before: rehearsed,
    after: rehearsed,
  })
  .openapi('PolicyTestChange')

export const policyTestChanges: z.ZodType<{ changes: ChangeSent[]; next: string | null }> = z
  .object({ changes: z.array(change), next: z.string().nullable() })
  .openapi('PolicyTestChanges')
