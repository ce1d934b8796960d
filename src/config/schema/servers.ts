/** Settings for asking servers, and for validating what they say. */
import { z } from 'zod'
import { defaultLimits } from '../../limits.ts'
import { DNS_OVER_TLS_PORT, DNS_PORT } from '../../ports.ts'
import type { RawConfig } from '../raw.ts'
import { onReload, prefixText } from './setting.ts'
import { MAX_PORT, neverAsked, parseDisallowed, parseInstant } from '../values.ts'

const { dnssec } = defaultLimits

export const upstreamSettings: z.ZodType<RawConfig['upstream']> = z
  .strictObject({
    port: z
      .int()
      .min(1)
      .max(MAX_PORT)
      .default(DNS_PORT)
      .meta(onReload('Destination port of queries to servers.', { example: 5353 })),
    ipv4: z
      .boolean()
      .default(true)
      .meta(onReload('Ask servers over IPv4.', { example: false })),
    ipv6: z
      .union([z.boolean(), z.literal('auto')], { error: 'expected true, false or "auto"' })
      .default('auto')
      .meta(
        onReload('Ask servers over IPv6. "auto" stops for a minute when IPv6 is unreachable from this host.', {
          example: false,
        }),
      ),
    minimise: z
      .enum(['off', 'relaxed', 'strict'])
      .default('relaxed')
      .meta(
        onReload(
          'QNAME minimisation (RFC 9156). "relaxed" asks for the full name when a server fails on a shortened one.',
          { example: 'strict' },
        ),
      ),
    mixCase: z
      .boolean()
      .default(true)
      .meta(onReload('Random letter case in query names (0x20) against forged replies.', { example: false })),
    cookies: z
      .boolean()
      .default(true)
      .meta(
        onReload(
          'Cookies (RFC 7873) with queries over UDP and TCP: whoever cannot see them cannot forge a reply of a ' +
            'server that knows cookies. Servers that cannot do with them are sent none.',
          { example: false },
        ),
      ),
    hardenGlue: z
      .boolean()
      .default(true)
      .meta(onReload('Accept glue only for names inside the zone that was asked.', { example: false })),
    doNotQuery: z
      .array(prefixText)
      .default([...neverAsked])
      .meta(
        onReload('Server addresses that are never queried, whatever a zone says. [] allows all.', {
          example: ['127.0.0.0/8', '::1/128'],
        }),
      ),
    zoneQueriesPerSecond: z
      .int()
      .min(1)
      .optional()
      .meta(
        onReload(
          'Queries a second to the servers of one zone, forward zones excepted; of what is above one in ten goes ' +
            'out, the others end as SERVFAIL. Not set: there is no limit.',
          { unit: 'queries', example: 1000 },
        ),
      ),
    opportunisticTls: z
      .boolean()
      .default(false)
      .meta(
        onReload(
          'Try servers of zones over TLS next to a query in clear, and ask those that speak it over TLS from then on ' +
            '(RFC 9539). They need not prove who they are, and no query waits or fails because of it.',
          { example: true },
        ),
      ),
    alwaysTls: z
      .array(z.string().min(1))
      .default([])
      .meta(
        onReload(
          'Servers that are asked over TLS only, whoever answers: those of zones, with all zones below, and ' +
            'addresses or blocks of them.',
          { example: ['example.com', '192.0.2.53', '2001:db8::/32'] },
        ),
      ),
    tlsPort: z
      .int()
      .min(1)
      .max(MAX_PORT)
      .default(DNS_OVER_TLS_PORT)
      .meta(onReload('Destination port of queries over TLS to servers of zones.', { example: 8853 })),
  })
  .prefault({})
  .describe('How servers on the Internet are queried.')

const anchorFiles = z.union([z.string().min(1), z.array(z.string().min(1))], {
  error: 'expected a file, or a list of them in which "built-in" means the built-in keys of the root',
})
const disallowed = z.union([z.int(), z.string()]).refine(entry => parseDisallowed(entry) !== null, {
  error: 'expected an algorithm or digest type such as "RSASHA1", "SHA-1" or 7',
})
const negativeAnchor = z.strictObject(
  {
    name: z.string().describe('This name and all names below it are not validated (RFC 7646).'),
    until: z
      .string()
      .refine(text => parseInstant(text) !== null, { error: 'expected a time such as 2026-12-31T12:00:00Z' })
      .describe('When that ends.'),
  },
  {
    error: issue =>
      issue.code === 'invalid_type' ? 'expected {"name": "example.com", "until": "2026-12-31T12:00:00Z"}' : undefined,
  },
)

export const dnssecSettings: z.ZodType<RawConfig['dnssec']> = z
  .strictObject({
    validate: z
      .boolean()
      .default(true)
      .meta(
        onReload('Validate signatures from the trust anchors down; answers that fail validation get SERVFAIL.', {
          example: false,
        }),
      ),
    trustAnchors: anchorFiles
      .optional()
      .meta(
        onReload(
          'Files with DS or DNSKEY records to trust, at any names. They replace the built-in keys of the root ' +
            'unless "built-in" is in the list. [] trusts none.',
          { example: ['built-in', 'internal.anchors'] },
        ),
      ),
    negativeTrustAnchors: z
      .array(negativeAnchor)
      .default([])
      .meta(
        onReload(
          'Negative trust anchors: names below which nothing is validated until a time, for zones with broken ' +
            'signatures (RFC 7646).',
          { example: [{ name: 'example.com', until: '2026-12-31T12:00:00Z' }] },
        ),
      ),
    nsec3MaxIterations: z
      .int()
      .min(0)
      .max(dnssec.nsec3IterationsMost)
      .default(dnssec.nsec3Iterations)
      .meta(
        onReload('Zones with more hash iterations in NSEC3 records are treated as unsigned (RFC 9276).', {
          unit: 'iterations',
          example: 0,
        }),
      ),
    disallow: z
      .array(disallowed)
      .default([])
      .meta(
        onReload(
          'Algorithms and digest types that are not trusted: zones with no others are treated as unsigned. RFC' +
            ' 9905 wants "RSASHA1", "NSEC3RSASHA1" and "SHA-1" here in time.',
          { example: ['RSASHA1', 'NSEC3RSASHA1', 'SHA-1'] },
        ),
      ),
    managedAnchors: z
      .union([z.string().min(1), z.literal(false)], { error: 'expected a file, or false' })
      .optional()
      .meta(
        onReload(
          'Follow key roll-overs of the trust anchors (RFC 5011) and keep their state in this file, whose directory ' +
            'must be writable. Where nothing is said: "anchors" in the `state` directory, or false without one.',
          { example: '/var/lib/rootwalk/anchors' },
        ),
      ),
    aggressiveUse: z
      .boolean()
      .default(true)
      .meta(onReload('Deny names from cached, validated denials without asking (RFC 8198).', { example: false })),
    rootKeySentinel: z
      .boolean()
      .default(false)
      .meta(onReload('Let clients test which keys of the root are trusted here (RFC 8509).', { example: true })),
    trustAnchorSignal: z
      .boolean()
      .default(false)
      .meta(
        onReload('Report the keys trusted here to the servers of each trust anchor, once a day (RFC 8145).', {
          example: true,
        }),
      ),
  })
  .prefault({})
  .describe('Validation of signed zones.')
