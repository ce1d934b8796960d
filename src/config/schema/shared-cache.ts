/** Settings of a cache that several instances share. */
import { z } from 'zod'
import { defaultLimits } from '../../limits.ts'
import type { RawConfig } from '../raw.ts'
import { atStart } from './setting.ts'

/** With a second of waiting every answer that is in no cache would be slower than without. */
const MAX_DEADLINE_MS = 1_000

const url = z.string().refine(text => /^rediss?:\/\/[^/?#]+(?:\/\d*)?$/.test(text) && URL.canParse(text), {
  error: 'expected redis://host:6379, or rediss://user:password@host:6379 for TLS; a number at the end is a database',
})

export const sharedCacheSettings: z.ZodType<RawConfig['sharedCache']> = z
  .strictObject({
    url: url
      .optional()
      .meta(
        atStart(
          'A Valkey or Redis server in which instances with the same settings share what they find out, and by which ' +
            'they hear of names that are flushed. rediss:// is TLS. Needs the package iovalkey next to rootwalk ' +
            '(npm install iovalkey@0.4). Whatever becomes of that server, answers go on.',
          { example: 'rediss://rootwalk:password@cache.example:6379' },
        ),
      ),
    secretFile: z
      .string()
      .min(1)
      .optional()
      .meta(
        atStart(
          'A file with the secret that all instances have (openssl rand -base64 32): what is not sealed with it is ' +
            'not used. A second line is an older secret, which is still accepted.',
          { example: '/etc/rootwalk/shared-cache.secret' },
        ),
      ),
    readDeadlineMs: z
      .int()
      .min(1)
      .max(MAX_DEADLINE_MS)
      .default(defaultLimits.shared.readDeadlineMs)
      .meta(
        atStart('How long a query waits for the shared cache at most, in all, before its servers are asked.', {
          unit: 'milliseconds',
          example: 5,
        }),
      ),
    authorities: z
      .array(z.string().min(1))
      .default([])
      .meta(
        atStart('Files with certificates in PEM that are trusted for that server instead of those of the system.', {
          example: ['cache-ca.pem'],
        }),
      ),
  })
  .prefault({})
  .describe('A cache that several instances share. Off without `url`.')
