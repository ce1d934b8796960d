/** The form of `policy why`: what each position of the order decides. */
import { z } from '@hono/zod-openapi'
import type { WhyPosition, WhyReport } from '../../render/why.ts'

const rule = {
  rule: z.string(),
  source: z.string().nullable().describe('A list or a policy zone; null: the configuration.'),
  at: z.string().optional().describe('The line that it stands in, `/etc/ads.txt:17`, or the entry, `rules[2]`.'),
}

const position: z.ZodType<WhyPosition> = z.object({
  name: z.string(),
  does: z.string(),
  state: z
    .enum(['off', 'not-reached', 'let-by', 'passed', 'decided'])
    .describe('let-by: a rule of another position says that it does not concern this query.'),
  text: z.string().describe('What it decides, as a sentence.'),
  decisions: z.array(z.object({ ...rule, lost: z.array(z.object(rule)).describe('Rules that would have decided.') })),
})

export const policyReport: z.ZodType<WhyReport> = z
  .object({
    version: z.literal(1).describe('Of this form.'),
    question: z.string(),
    client: z.object({
      address: z.string(),
      transport: z.string(),
      listener: z.string().nullable(),
      clientId: z.string().nullable(),
      serverName: z.string().nullable(),
    }),
    view: z.string(),
    positions: z.array(position).describe('All of the order, from top to bottom.'),
    answer: z
      .object({
        by: z.string().describe('Which position made it.'),
        status: z.string().nullable().describe('Null: nothing is sent.'),
        ede: z.object({ code: z.number(), text: z.string() }).nullable(),
        secure: z.boolean(),
        records: z.array(z.unknown()),
      })
      .nullable()
      .describe('Null: the client is refused before its question is looked at.'),
    tookMs: z.number(),
  })
  .openapi('PolicyWhy')
