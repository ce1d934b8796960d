/** The forms of visits: how one is ordered, how one is going, and what it found (version 1, that of `open --json`). */
import { z } from '@hono/zod-openapi'
import { type IpAddress, parseIp } from '../../dns/address.ts'
import { defaultLimits } from '../../limits.ts'
import { readTarget, type Target } from '../../visit/target.ts'
import type { Alpn } from '../../visit/types.ts'
import { adminLimits } from '../limits.ts'

const { visit: bounds } = defaultLimits

/** What is wanted, read. */
export interface VisitRequest {
  readonly url: Target
  readonly method: 'GET' | 'HEAD'
  readonly repeat: number
  readonly family?: 4 | 6 | undefined
  readonly address?: IpAddress | undefined
  readonly http2: boolean
  readonly insecure: boolean
  readonly redirects: number
  readonly contentBytes: number
  readonly deadlineMs: number
}

const count = (least: number, most: number, otherwise: number, what: string): z.ZodDefault<z.ZodNumber> =>
  z.number().int().min(least).max(most).default(otherwise).describe(what)

const url = z
  .string()
  .min(1)
  .max(adminLimits.urlCharacters)
  .transform((text, context) => {
    // As one types it into a browser.
    const read = readTarget(/^[a-z][a-z0-9+.-]*:/i.test(text) && !/^[^/]*:\d+/.test(text) ? text : `https://${text}`)
    if (read.kind === 'target') return read.target
    context.addIssue({ code: 'custom', message: read.text })
    return z.NEVER
  })
  .openapi({ type: 'string', description: 'http or https; without a scheme https.', example: 'https://example.com/' })

const address = z
  .string()
  .max(64)
  .transform((text, context) => {
    const ip = parseIp(text)
    if (ip !== null) return ip
    context.addIssue({ code: 'custom', message: 'expected an IP address' })
    return z.NEVER
  })
  .openapi({ type: 'string', description: 'Connect here, whatever the names say; no name is looked up.' })

export const visitRequest: z.ZodType<VisitRequest, unknown> = z
  .strictObject({
    url,
    method: z.enum(['GET', 'HEAD']).default('GET'),
    repeat: count(1, adminLimits.visitRepeats, 1, 'So often on new connections, then once over the open ones.'),
    family: z
      .union([z.literal(4), z.literal(6)])
      .optional()
      .describe('Only IPv4, or only IPv6.'),
    address: address.optional(),
    http2: z.boolean().default(true).describe('Offer HTTP/2.'),
    insecure: z.boolean().default(false).describe('Accept any certificate.'),
    redirects: count(0, bounds.redirects, bounds.redirects, 'Redirects to follow.'),
    contentBytes: count(1, bounds.contentBytes, bounds.contentBytes, 'Octets of content; what is more is not read.'),
    deadlineMs: count(1, bounds.passMs, bounds.passMs, 'Of each pass.'),
  })
  .openapi('VisitRequest')

export const offerOf = ({ http2 }: VisitRequest): readonly Alpn[] => (http2 ? ['h2', 'http/1.1'] : ['http/1.1'])

const ms = z.number().nullable().describe('Milliseconds; null: not needed, or not reached.')

const times = z.object({
  ...{ namelookupMs: ms, connectMs: ms, appconnectMs: ms, pretransferMs: ms, starttransferMs: ms },
  totalMs: z.number(),
})
const differences = z.object({ namesMs: ms, tcpMs: ms, tlsMs: ms, requestMs: ms, waitMs: ms, contentMs: ms })

const row = z.looseObject({
  layer: z.enum(['application', 'transport', 'internet']),
  protocol: z.string(),
  what: z.enum(['look-up', 'attempt', 'route', 'handshake', 'request', 'wait', 'content']),
  fromMs: z.number().describe('Since the beginning of the hop.'),
  toMs: z.number(),
  outcome: z.enum(['done', 'failed', 'abandoned']),
})

const lookUp = z
  .looseObject({
    name: z.string(),
    type: z.string(),
    because: z.enum(['service', 'address', 'caa', 'tlsa']),
    atMs: z.number(),
    tookMs: ms,
    answer: z
      .looseObject({ kind: z.enum(['answer', 'nodata', 'nxdomain', 'failure']) })
      .nullable()
      .describe('`records` with `security`, or `why` with `ede`.'),
    source: z.looseObject({ kind: z.string() }).nullable().describe('`steps` of the walk, as an explanation has them.'),
  })
  .openapi('VisitLookUp')

const end = z
  .looseObject({ kind: z.enum(['done', 'redirect', 'failed']) })
  .describe('`to` of a redirect; `failure` is the kind of a failure, such as `names`, `tls`, `refused-target`.')

const hop = z
  .looseObject({
    url: z.string(),
    method: z.string(),
    atMs: z.number().describe('Since the beginning of the pass.'),
    end,
    times: times.describe('Cumulative; the names are those of curl.'),
    differences,
    rows: z.array(row).describe('The picture: one bar each.'),
    lookUps: z.array(lookUp),
    services: z.array(z.looseObject({ priority: z.number(), target: z.string() })),
    attempts: z.array(
      z.looseObject({
        address: z.string(),
        port: z.number(),
        atMs: z.number(),
        tookMs: z.number(),
        outcome: z.string(),
      }),
    ),
    connection: z.looseObject({ remote: z.string(), port: z.number(), isReused: z.boolean() }).nullable(),
    tls: z
      .looseObject({
        version: z.string(),
        cipher: z.string(),
        alpn: z.string().nullable(),
        chain: z.array(z.looseObject({})),
      })
      .nullable(),
    response: z
      .looseObject({
        protocol: z.string(),
        status: z.number(),
        headers: z.array(z.object({ name: z.string(), value: z.string() })),
        contentBytes: z.number(),
      })
      .nullable(),
  })
  .openapi('VisitHop')

const result = z
  .looseObject({
    version: z.literal(1).describe('Of this form: grows when a member goes or means something else.'),
    url: z.string(),
    method: z.string(),
    startedAt: z.string(),
    exitCode: z.number().describe('Of curl, by the phase that failed; 0: it was opened.'),
    passes: z.array(z.object({ kind: z.enum(['cold', 'warm', 'reused']), tookMs: z.number(), hops: z.array(hop) })),
    checks: z.array(z.looseObject({ host: z.string(), port: z.number() })).describe('CAA and DANE of each host.'),
    comparison: z.null(),
    suggestions: z.array(z.looseObject({ kind: z.string(), costMs: z.number() })).describe('What could be faster.'),
  })
  .openapi('VisitResult')

/** One in a list. */
export interface VisitEntry {
  readonly id: string
  readonly url: string
  readonly method: string
  readonly by: string
  readonly state: 'running' | 'done' | 'broken'
  readonly startedAt: string
  readonly endedAt: string | null
  readonly exitCode: number | null
}

export interface VisitBody extends VisitEntry {
  readonly result: object | null
}

const entry = z.object({
  id: z.string(),
  url: z.string().describe('Without user, password and fragment.'),
  method: z.string(),
  by: z.string().describe('The token that asked.'),
  state: z.enum(['running', 'done', 'broken']).describe('`broken`: a bug of the server, which is in its log.'),
  startedAt: z.string().describe('UTC (RFC 3339).'),
  endedAt: z.string().nullable(),
  exitCode: z.number().nullable().describe('As in the result; null: it has not ended.'),
})
export const visitEntry: z.ZodType<VisitEntry> = entry.openapi('VisitEntry')
export const visitBody: z.ZodType<VisitBody> = entry
  .extend({ result: result.nullable().describe('Null: it has not ended.') })
  .openapi('Visit')
