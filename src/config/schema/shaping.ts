/** Settings of what is answered in place of what was found, or after its time. */
import { z } from 'zod'
import { defaultLimits } from '../../limits.ts'
import { parseNat64Prefix } from '../../policy/shaping/nat64.ts'
import { parseRange, RANGE_WORDS } from '../../policy/shaping/private-addresses.ts'
import type { RawConfig } from '../raw.ts'
import { MAX_STALE_S } from '../values.ts'
import { atStart, count, onReload, prefixText, seconds } from './setting.ts'

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

const block = z.string().refine(text => !RANGE_WORDS.includes(text) && parseRange(text) !== null, {
  error: 'expected an address or block such as 10.0.0.0/8 or 2001:db8::/32, without bits after the prefix',
})
const range = z.string().refine(text => parseRange(text) !== null, {
  error: `expected ${RANGE_WORDS.map(word => `"${word}"`).join(', ')}, or a block such as 10.0.0.0/8`,
})

/**
 * Of which nothing is made by default: addresses that no NAT64 translates to (RFC 6147 section 5.1.4, RFC 6052 section
 * 3.1), and AAAA records with mapped addresses.
 */
const NOT_TRANSLATED: readonly string[] = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '::ffff:0:0/96',
]

const dns64Object = z.strictObject({
  prefix: z
    .string()
    .superRefine((text, context) => {
      const prefix = parseNat64Prefix(text)
      if ('error' in prefix) context.addIssue({ code: 'custom', message: prefix.error })
    })
    .optional()
    .meta(
      onReload(
        'Prefix that the NAT64 of this network translates: clients get AAAA records made of A records under it ' +
          '(RFC 6147). 32, 40, 48, 56, 64 or 96 bits.',
        { example: '64:ff9b::/96' },
      ),
    ),
  clients: z
    .array(prefixText)
    .default(['0.0.0.0/0', '::/0'])
    .meta(onReload('Clients that get such records.', { example: ['2001:db8:64::/64'] })),
  exclude: z
    .array(block)
    .default([...NOT_TRANSLATED])
    .meta(
      onReload('A records of which nothing is made, and AAAA records (IPv6 blocks) that count as none.', {
        example: ['0.0.0.0/8', '127.0.0.0/8', '::ffff:0:0/96'],
      }),
    ),
})

export const dns64Settings: z.ZodType<RawConfig['dns64']> = dns64Object
  .prefault({})
  .describe('IPv6 addresses for names that have IPv4 ones only (docs/policy.md).')

/** Of a view: in the place of those for all. */
export const viewDns64: z.ZodType<RawConfig['dns64'] | false | undefined> = z
  .union(
    [
      z.literal(false),
      dns64Object.refine(({ prefix }) => prefix !== undefined, { error: 'expected "prefix", such as "64:ff9b::/96"' }),
    ],
    { error: 'expected false, or {"prefix": "64:ff9b::/96"}' },
  )
  .optional()

const rebindingObject = z.strictObject({
  ranges: z
    .array(range)
    .default([])
    .meta(
      onReload(
        'Addresses that names of the Internet must not have: "private", "loopback" (127.0.0.0/8, with which block ' +
          'lists answer), and blocks. Mapped, translated and 6to4 addresses count by what is inside.',
        { example: ['private'] },
      ),
    ),
  allow: z
    .array(z.string().min(1))
    .default([])
    .meta(
      onReload('Names that may have them, with all below: as they are asked for, not where an alias leads.', {
        example: ['plex.direct', 'corp.example'],
      }),
    ),
})

export const viewRebinding: z.ZodType<RawConfig['rebinding'] | false | undefined> = z
  .union([z.literal(false), rebindingObject], { error: 'expected false, or {"ranges": ["private"]}' })
  .optional()

export const rebindingSettings: z.ZodType<RawConfig['rebinding']> = rebindingObject
  .prefault({})
  .describe('Guard against DNS rebinding: such answers become empty (docs/policy.md).')

export const canarySettings: z.ZodType<RawConfig['canary']> = z
  .strictObject({
    firefoxDoh: z
      .boolean()
      .default(false)
      .meta(
        onReload('Deny use-application-dns.net: Firefox does not go around this server by itself.', { example: true }),
      ),
    privateRelay: z
      .boolean()
      .default(false)
      .meta(
        onReload("Deny mask.icloud.com and mask-h2.icloud.com: Apple's devices do not use Private Relay.", {
          example: true,
        }),
      ),
  })
  .prefault({})
  .describe('Names by which programs ask whether they may use other resolvers.')

export const ttlEntry: z.ZodType<RawConfig['ttl'][number]> = z.strictObject(
  {
    zone: z.string().min(1).describe('This name and all names below it; the longest one holds.'),
    minS: seconds.optional().describe('Answers are kept at least this long, in seconds. Not what was validated.'),
    maxS: seconds.optional().describe('Answers are kept at most this long, in seconds.'),
    negativeMaxS: seconds.optional().describe('Denials are kept at most this long, in seconds.'),
  },
  { error: issue => (issue.code === 'invalid_type' ? 'expected {"zone": "dyn.example", "maxS": 60}' : undefined) },
)
