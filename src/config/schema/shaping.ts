/** Settings of what is answered in place of what was found, or after its time. */
import { z } from 'zod'
import { defaultLimits } from '../../limits.ts'
import type { RawConfig } from '../raw.ts'
import { MAX_STALE_S } from '../values.ts'
import { atStart, count } from './setting.ts'

const { stale, cache } = defaultLimits

export const serveStaleSettings: z.ZodType<RawConfig['serveStale']> = z
  .strictObject({
    enabled: z
      .boolean()
      .default(false)
      .meta(
        atStart(
          'Give answers whose TTL is over when their servers fail or are slow (RFC 8767), with an Extended DNS Error ' +
            '(3 or 19). Never what did not validate, and never for longer than the delegation of the zone lasts.',
          { example: true },
        ),
      ),
    maxAgeS: z
      .int()
      .min(1)
      .max(MAX_STALE_S)
      .default(86_400)
      .meta(
        atStart(
          'How long an answer is kept after its TTL is over. It has its share of "cache.bytes", and goes first.',
          {
            unit: 'seconds',
            example: 259_200,
          },
        ),
      ),
    answerTtlS: z
      .int()
      .min(1)
      .max(cache.maxTtl)
      .default(stale.answerTtl)
      .meta(atStart('TTL of such answers; less when their own was.', { unit: 'seconds', example: 10 })),
    clientTimeoutMs: z
      .int()
      .min(0)
      .max(60_000)
      .default(stale.clientTimeoutMs)
      .meta(
        atStart('How long a client waits for the servers before it gets one. 0: not at all.', {
          unit: 'milliseconds',
          example: 500,
        }),
      ),
    recheckS: count
      .max(cache.maxTtl)
      .default(stale.recheckMs / 1_000)
      .meta(
        atStart('Servers that failed are not asked again for the same question before this.', {
          unit: 'seconds',
          example: 60,
        }),
      ),
  })
  .prefault({})
  .describe('Answers whose TTL is over (docs/policy.md).')
