/** What became of a change on the other instances of a shared cache. */
import { z } from '@hono/zod-openapi'
import type { OtherInstances } from '../cache-controls.ts'

interface Instances {
  kind: OtherInstances['kind']
  others: { name: string; ms: number | null }[]
}

export const instances: z.ZodType<Instances, Instances> = z
  .object({
    kind: z
      .enum(['published', 'unreachable', 'none'])
      .describe('unreachable: they hear of it when the shared cache answers again; none: there is no shared cache.'),
    others: z.array(
      z.object({ name: z.string(), ms: z.number().nullable().describe('Until it confirmed; null: not within 1 s.') }),
    ),
  })
  .openapi('OtherInstances')

export const instancesOf = (found: OtherInstances | null): Instances | null =>
  found === null ? null : { kind: found.kind, others: found.kind === 'published' ? [...found.others] : [] }
