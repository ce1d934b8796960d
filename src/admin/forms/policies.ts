/** The forms of policy zones and of policies that are programs. */
import { z } from '@hono/zod-openapi'
import type { LimitedClients } from '../controls.ts'
import type { ProgramStatus } from '../../policy/code/status.ts'
import type { PolicyZoneStatus } from '../../policy/rpz/status.ts'

export const policyZone: z.ZodType<PolicyZoneStatus> = z
  .object({
    zone: z.string(),
    file: z.string().nullable().describe('Null: other servers send it, see /api/v1/transfers.'),
    state: z.enum(['loaded', 'missing']),
    required: z.boolean().describe('Nothing is answered until it is there.'),
    action: z.string().describe('`given`, `log`, or what is done instead of what the rules say.'),
    order: z.enum(['early', 'strict']),
    serial: z.number().nullable(),
    rules: z.number().describe('Those that hold.'),
    hits: z.number().describe('Queries that it decided, or with `log` would have, since the start.'),
    loadedAt: z.number().nullable().describe('Seconds since 1970 UTC.'),
    problem: z.string().nullable().describe('Why what was read last is not used; null: it is.'),
    warnings: z.number().describe('Lines that are no rules.'),
  })
  .openapi('PolicyZone')

export const limitedClients: z.ZodType<LimitedClients> = z
  .object({
    isOn: z.boolean().describe('Is there a limit? See "rateLimit".'),
    dryRun: z.boolean().describe('What is above it is counted, and answered.'),
    clients: z.array(
      z.object({
        network: z.string(),
        above: z.number().describe('Queries and answers above a limit since `sinceS`.'),
        sinceS: z.number().describe('Seconds since the first of them.'),
        lastS: z.number().describe('Seconds since the last of them.'),
      }),
    ),
  })
  .openapi('LimitedClients')

const FAULTS = ['threw', 'timed-out', 'endless', 'memory', 'bad-answer', 'ended', 'overload', 'restarting'] as const

export const policyProgram: z.ZodType<ProgramStatus> = z
  .object({
    name: z.string(),
    file: z.string(),
    isolated: z.boolean().describe('It runs in a thread of its own.'),
    reads: z.string(),
    onFault: z.enum(['open', 'closed']),
    hooks: z.array(z.string()),
    loaded: z.boolean().describe('False: no version of it could be used.'),
    calls: z.number().describe('Since the start; both sides of a query count.'),
    faults: z.partialRecord(z.enum(FAULTS), z.number()).describe('Since the start, by kind.'),
    restarts: z.number().describe('Of its thread.'),
    memory: z
      .object({ heap: z.number(), buffers: z.number() })
      .nullable()
      .describe('Octets of its thread when it last answered; null: it runs in the thread of the server.'),
    problem: z.string().nullable().describe('Why the version that was read last cannot be used; null: it is.'),
  })
  .openapi('PolicyProgram')
