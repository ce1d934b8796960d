/** How much clients may ask. */
import { z } from 'zod'
import type { RawConfig } from '../raw.ts'
import { count, onReload, prefixText } from './setting.ts'

export const cookieSettings: z.ZodType<RawConfig['cookies']> = z
  .strictObject({
    enabled: z
      .boolean()
      .default(false)
      .meta(
        onReload('Answer DNS cookies of clients (RFC 7873), and know by them who is not forged.', { example: true }),
      ),
    secret: z
      .string()
      .min(1)
      .optional()
      .meta(
        onReload(
          'A file with the key, 32 hexadecimal digits (openssl rand -hex 16); the same on all servers of one ' +
            'address. A second line is an older key, whose cookies are still good. Not set: a random one for each ' +
            'start.',
          { example: 'cookie.key' },
        ),
      ),
    require: z
      .boolean()
      .default(false)
      .meta(
        onReload(
          'Clients that send a cookie over UDP get BADCOOKIE with a new one until they show a good one. Those ' +
            'that send none are answered.',
          { example: true },
        ),
      ),
  })
  .prefault({})

/** What `policy/limits/rate-limiter.ts` can tell apart. */
const perSecond = count.max(10_000)
const burst = count.max(100_000)

export const rateLimitSettings: z.ZodType<RawConfig['rateLimit']> = z
  .strictObject({
    perSecond: perSecond.optional().meta(
      onReload('Queries a second of a network of clients over UDP without a cookie. Not set: there is no limit.', {
        unit: 'queries',
        example: 100,
      }),
    ),
    burst: burst
      .optional()
      .meta(
        onReload('How many of them may come at once. By default twice perSecond.', { unit: 'queries', example: 200 }),
      ),
    verifiedPerSecond: perSecond
      .optional()
      .meta(
        onReload(
          'The same for clients that cannot be forged: over TCP, TLS and HTTPS, or with a cookie. By default ten ' +
            'times perSecond.',
          { unit: 'queries', example: 1000 },
        ),
      ),
    verifiedBurst: burst
      .optional()
      .meta(onReload('By default twice verifiedPerSecond.', { unit: 'queries', example: 2000 })),
    answersPerSecond: perSecond
      .optional()
      .meta(
        onReload(
          'Answers a second to one question (name and type) of a network of clients over UDP without a cookie. Not ' +
            'set: there is no limit of one question.',
          { unit: 'answers', example: 10 },
        ),
      ),
    answersBurst: burst.optional().meta(
      onReload('How many of them may go out at once. By default twice answersPerSecond.', {
        unit: 'answers',
        example: 20,
      }),
    ),
    prefix4: z
      .int()
      .min(8)
      .max(32)
      .default(24)
      .meta(onReload('IPv4 addresses with these leading bits are one network.', { unit: 'bits', example: 32 })),
    prefix6: z
      .int()
      .min(16)
      .max(128)
      .default(56)
      .meta(onReload('IPv6 addresses with these leading bits are one network.', { unit: 'bits', example: 64 })),
    exempt: z
      .array(prefixText)
      .default(['127.0.0.0/8', '::1/128'])
      .meta(onReload('Clients without a limit.', { example: ['127.0.0.0/8', '::1/128', '192.168.0.0/16'] })),
    slip: z
      .int()
      .min(0)
      .max(10)
      .default(2)
      .meta(
        onReload(
          'Each how many of the datagrams above the limit is answered with TC, so that an honest client comes back ' +
            'over TCP; the others get nothing. 0: none is.',
          { unit: 'datagrams', example: 1 },
        ),
      ),
    dryRun: z
      .boolean()
      .default(false)
      .meta(onReload('Count what is above the limit, and answer it all the same.', { example: true })),
  })
  .prefault({})
