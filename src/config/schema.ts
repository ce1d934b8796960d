/**
 * What a configuration file may say: one schema, from which validation, the JSON Schema for editors,
 * `docs/settings.md`, the flags of `serve` and the environment variables are all made. It knows forms and defaults;
 * what a value means to the program is decided in `config.ts`.
 */
import { z } from 'zod'
import {
  bindingError,
  MAX_PORT,
  MEBIBYTE,
  mistakenPort,
  neverAsked,
  parseBinding,
  parseDisallowed,
  parseInstant,
} from './values.ts'
import { parsePrefix } from '../dns/address.ts'
import { MAX_STRING_OCTETS } from '../presentation/text.ts'
import { defaultLimits, type RrOrder } from '../limits.ts'
import { DNS_PORT } from '../ports.ts'

/** Each has its own heap, and answers some 100,000 queries a second: above that the network card is the bound. */
const MAX_THREADS = 64

const { budget, cache, server, tcp, dnssec } = defaultLimits

const prefixText = z.string().refine(text => parsePrefix(text) !== null, {
  error: 'expected an address or block such as 192.168.0.0/16 or 2001:db8::/32, without bits behind the prefix',
})
const bindingText = z.string().refine(text => parseBinding(text) !== null && mistakenPort(text) === null, {
  error: issue => bindingError(String(issue.input)),
})
const bytesError = { error: 'expected a number of octets from 1048576, or text such as "64MiB"' }
const bytes = z.union(
  [z.int(bytesError).min(MEBIBYTE, bytesError), z.string().regex(/^\d{1,6}\s*(KiB|MiB|GiB)$/, bytesError)],
  bytesError,
)
const seconds = z.int().min(0).max(defaultLimits.cache.maxTtl)
const count = z.int().min(1)
const shortText = z.string().refine(text => new TextEncoder().encode(text).length <= MAX_STRING_OCTETS, {
  error: `expected at most ${MAX_STRING_OCTETS} octets`,
})

const zoneEntry = z.union(
  [
    z.string().min(1),
    z.strictObject({
      file: z.string().min(1).describe('A master file, or a pattern with * and ?.'),
      origin: z
        .string()
        .min(1)
        .optional()
        .describe('The first origin, for a file that has no $ORIGIN and is not called after its zone.'),
    }),
  ],
  { error: 'expected a file or pattern such as "zones/*.zone", or {"file": …, "origin": …}' },
)

const recordData = z.union([z.string(), z.array(z.string()).min(1)], {
  error: 'expected the data of a record as text, or a list of them',
})
const records = z.union(
  [
    z.record(z.string(), z.object({ ttl: z.int().min(0).max(0x7fff_ffff).optional() }).catchall(recordData)),
    z.array(z.string().min(1)),
  ],
  { error: 'expected {"name": {"A": "192.0.2.1"}} or a list of lines such as "name. 300 IN A 192.0.2.1"' },
)

const anchorFiles = z.union([z.string().min(1), z.array(z.string().min(1))], {
  error: 'expected a file, or a list of them in which "built-in" stands for the root\'s',
})
const disallowed = z.union([z.int(), z.string()]).refine(entry => parseDisallowed(entry) !== null, {
  error: 'expected an algorithm or digest type such as "RSASHA1", "SHA-1" or 7',
})
const negativeAnchor = z.strictObject(
  {
    name: z.string().describe('This name and what is below it is not validated (RFC 7646).'),
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

/** When a running server takes over a new value: on SIGHUP, or only when it is started again. */
type TakesEffect = 'reload' | 'restart'

/** What the list of settings (`docs/settings.md`) says of one, besides what its schema says. */
interface SettingFacts {
  /** Of a number. */
  readonly unit?: string
  /** A value other than the default. */
  readonly example: unknown
}

/** What needs a restart is decided by `restartKeys` in `config.ts`; a test compares. The keys with `x-` are ours. */
const settingMeta =
  (takesEffect: TakesEffect) =>
  (description: string, { unit, example }: SettingFacts): Readonly<Record<string, unknown>> => ({
    description,
    examples: [example],
    'x-takes-effect': takesEffect,
    ...(unit === undefined ? {} : { 'x-unit': unit }),
  })
const onReload = settingMeta('reload')
const atStart = settingMeta('restart')

/** A configuration that is well formed, defaults filled in. */
export interface RawConfig {
  readonly $schema?: string | undefined
  readonly listen: readonly string[]
  readonly udp: 'auto' | 'batch' | 'plain'
  readonly threads: number
  readonly allow: readonly string[]
  readonly zones: readonly (string | { readonly file: string; readonly origin?: string | undefined })[]
  readonly records: RawRecords
  readonly reverse: boolean
  readonly specialUse: boolean | Readonly<Record<string, boolean>>
  readonly rootHints?: string | undefined
  readonly upstream: {
    readonly port: number
    readonly ipv4: boolean
    readonly ipv6: boolean | 'auto'
    readonly minimise: 'off' | 'relaxed' | 'strict'
    readonly mixCase: boolean
    readonly hardenGlue: boolean
    readonly doNotQuery: readonly string[]
  }
  readonly dnssec: {
    readonly validate: boolean
    readonly trustAnchors?: string | readonly string[] | undefined
    readonly negativeTrustAnchors: readonly { readonly name: string; readonly until: string }[]
    readonly nsec3MaxIterations: number
    readonly disallow: readonly (string | number)[]
    readonly managedAnchors: string | false
    readonly aggressiveUse: boolean
    readonly rootKeySentinel: boolean
    readonly trustAnchorSignal: boolean
  }
  readonly cache: {
    readonly bytes: number | string
    readonly minTtl: number
    readonly maxTtl: number
    readonly maxNegativeTtl: number
    readonly rotate: RrOrder
  }
  readonly budget: {
    readonly queries: number
    readonly receivedBytes: number
    readonly timeMs: number
    readonly depth: number
    readonly aliases: number
  }
  readonly clients: { readonly udpReplyBytes: number; readonly waiting: number; readonly discardAfterMs: number }
  readonly tcp: {
    readonly connections: number
    readonly connectionsPerPrefix: number
    readonly idleMs: number
    readonly pipelined: number
  }
  readonly identity: { readonly version: string; readonly id: string }
  readonly warmUp: boolean
  readonly log: { readonly level: LogLevel; readonly form: 'auto' | 'pretty' | 'json' }
  readonly queryLog: { readonly file?: string | undefined; readonly clients: 'full' | 'prefix' | 'none' }
}

/** Lines, or name → type → data with an optional `ttl` among the types. */
export type RawRecords =
  | readonly string[]
  | Readonly<Record<string, Readonly<Record<string, string | readonly string[] | number | undefined>>>>
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'

/** One thing that is wrong, with where it is. `unknownKeys` are keys of the object at `path` that mean nothing. */
export interface SchemaIssue {
  readonly path: readonly (string | number)[]
  readonly message: string
  readonly unknownKeys: readonly string[]
}

export type Validated =
  | { readonly kind: 'valid'; readonly config: RawConfig }
  | { readonly kind: 'invalid'; readonly issues: readonly SchemaIssue[] }

export function validateConfig(value: unknown): Validated {
  // The parser that zod would generate for an object costs more than this one parse.
  const parsed = configSchema.safeParse(value, { jitless: true })
  return parsed.success
    ? { kind: 'valid', config: parsed.data }
    : { kind: 'invalid', issues: parsed.error.issues.flatMap(issue => plainIssues(issue, [])) }
}

const configSchema = z.strictObject({
  $schema: z.string().optional().describe('The JSON Schema of this file, for completion in editors. Has no effect.'),

  listen: z
    .array(bindingText)
    .min(1)
    .default(['127.0.0.1:53', '[::1]:53'])
    .meta(
      atStart('Addresses and ports for UDP and TCP. 0.0.0.0 and [::] mean every local address of the family.', {
        example: ['127.0.0.1:53', '192.168.1.10:53'],
      }),
    ),
  udp: z
    .enum(['auto', 'batch', 'plain'])
    .default('auto')
    .meta(
      atStart(
        'How datagrams are moved. "batch" (Linux): many with one system call, in threads that answer from the cache. ' +
          '"plain": one by one through node:dgram. "auto": in batches where that is possible.',
        { example: 'plain' },
      ),
    ),
  threads: z
    .int()
    .min(1)
    .max(MAX_THREADS)
    .default(1)
    .meta(
      atStart('Threads that answer from the cache, with "batch". More help only when one keeps a core busy.', {
        unit: 'threads',
        example: 2,
      }),
    ),
  allow: z
    .array(prefixText)
    .default(['127.0.0.0/8', '::1/128'])
    .meta(
      onReload('Who may ask. Everyone else is refused.', { example: ['127.0.0.0/8', '::1/128', '192.168.0.0/16'] }),
    ),

  zones: z
    .array(zoneEntry)
    .default([])
    .meta(
      onReload(
        'Master files of zones served from here, as files or patterns relative to this file. Watched and reloaded.',
        { example: ['zones/*.zone'] },
      ),
    ),
  records: records.default({}).meta(
    onReload('Single records that override the Internet: name → type → data. Other names are resolved as usual.', {
      example: { 'printer.lan': { A: '192.0.2.7' } },
    }),
  ),
  reverse: z
    .boolean()
    .default(true)
    .meta(
      onReload(
        'Make PTR records for private addresses in "records", unless a record or zone from here has the reverse name.',
        { example: false },
      ),
    ),
  specialUse: z
    .union([z.boolean(), z.record(z.string(), z.boolean())], { error: 'expected true, false, or {"name": false}' })
    .default(true)
    .meta(
      onReload(
        'Answer special-use names (localhost, private reverse zones, .onion …) here: true, false, or {"name": false} ' +
          'to leave out single ones.',
        { example: { 'home.arpa.': false } },
      ),
    ),
  rootHints: z
    .string()
    .min(1)
    .optional()
    .meta(
      onReload(
        'A hints file instead of the built-in root servers. SIGHUP reads it again only when the path has changed.',
        { example: 'root.hints' },
      ),
    ),

  upstream: z
    .strictObject({
      port: z
        .int()
        .min(1)
        .max(MAX_PORT)
        .default(DNS_PORT)
        .meta(onReload('Port of the servers that are asked.', { example: 5353 })),
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
        .meta(onReload('Random letter case in questions (0x20) against forged replies.', { example: false })),
      hardenGlue: z
        .boolean()
        .default(true)
        .meta(onReload('Accept glue only for names inside the zone that was asked.', { example: false })),
      doNotQuery: z
        .array(prefixText)
        .default([...neverAsked])
        .meta(
          onReload('Addresses that are never asked, whatever a zone says. [] allows all.', {
            example: ['127.0.0.0/8', '::1/128'],
          }),
        ),
    })
    .prefault({})
    .describe('How servers on the Internet are asked.'),

  dnssec: z
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
            'Names below which nothing is validated until a time, for zones that broke their signatures (RFC 7646).',
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
            'Algorithms and digest types that are not trusted: zones that have no others are treated as unsigned. RFC' +
              ' 9905 wants "RSASHA1", "NSEC3RSASHA1" and "SHA-1" here in time.',
            { example: ['RSASHA1', 'NSEC3RSASHA1', 'SHA-1'] },
          ),
        ),
      managedAnchors: z
        .union([z.string().min(1), z.literal(false)], { error: 'expected a file, or false' })
        .default(false)
        .meta(
          onReload(
            'Follow key roll-overs of the trust anchors (RFC 5011) and keep their state in this file. Its directory ' +
              'must be writable.',
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
    .describe('Validation of signed zones.'),

  cache: z
    .strictObject({
      bytes: bytes.default(cache.totalBytes).meta(
        atStart('Memory for everything that is cached, as a number of octets or as text such as "64MiB".', {
          unit: 'octets',
          example: '256MiB',
        }),
      ),
      minTtl: seconds
        .default(cache.minTtl)
        .meta(atStart('Answers are kept at least this long.', { unit: 'seconds', example: 60 })),
      maxTtl: seconds
        .default(cache.maxTtl)
        .meta(atStart('Answers are kept at most this long.', { unit: 'seconds', example: 43200 })),
      maxNegativeTtl: seconds
        .default(cache.maxNegativeTtl)
        .meta(atStart('Denials (NXDOMAIN and NODATA) are kept at most this long.', { unit: 'seconds', example: 900 })),
      rotate: z
        .enum(['fixed', 'cyclic', 'random'])
        .default(cache.rotate)
        .meta(
          atStart(
            'Order of the records in cached answers: as received, one further each time, or from a random one on.',
            { example: 'cyclic' },
          ),
        ),
    })
    .prefault({})
    .describe('What is remembered, and for how long.'),

  budget: z
    .strictObject({
      queries: count
        .max(1_000)
        .default(budget.queries)
        .meta(atStart('Messages sent to servers.', { unit: 'messages', example: 100 })),
      receivedBytes: count
        .default(budget.receivedBytes)
        .meta(atStart('Octets received from servers.', { unit: 'octets', example: 200000 })),
      timeMs: z
        .int()
        .min(100)
        .max(60_000)
        .default(budget.timeMs)
        .meta(atStart('Time until the query fails.', { unit: 'milliseconds', example: 5000 })),
      depth: count
        .max(64)
        .default(budget.depth)
        .meta(atStart('Nesting of look-ups of server addresses.', { unit: 'look-ups', example: 8 })),
      aliases: count
        .max(64)
        .default(budget.aliases)
        .meta(atStart('CNAME and DNAME records followed.', { unit: 'records', example: 16 })),
    })
    .prefault({})
    .describe('What one query of a client may cost in all. Never reset while it runs.'),

  clients: z
    .strictObject({
      udpReplyBytes: z
        .int()
        .min(512)
        .max(4_096)
        .default(server.udpReplyBytes)
        .meta(atStart('Largest UDP reply, whatever payload size a client offers.', { unit: 'octets', example: 1400 })),
      waiting: count.default(server.waitingPerClient).meta(
        atStart('Queries of one client address that may wait for an answer; more are dropped.', {
          unit: 'queries',
          example: 200,
        }),
      ),
      discardAfterMs: count.default(server.discardAfterMs).meta(
        atStart('Answers over UDP later than this are not sent to a client that has many queries waiting.', {
          unit: 'milliseconds',
          example: 1000,
        }),
      ),
    })
    .prefault({})
    .describe('Bounds for clients.'),

  tcp: z
    .strictObject({
      connections: count
        .default(tcp.connections)
        .meta(atStart('TCP connections in all.', { unit: 'connections', example: 200 })),
      connectionsPerPrefix: count
        .default(tcp.connectionsPerPrefix)
        .meta(atStart('TCP connections from one IPv4 address or IPv6 /64.', { unit: 'connections', example: 20 })),
      idleMs: z
        .int()
        .min(100)
        .default(tcp.idleMs)
        .meta(atStart('An idle connection is closed after this time.', { unit: 'milliseconds', example: 10000 })),
      pipelined: count
        .default(tcp.pipelined)
        .meta(
          atStart('Queries in progress on one connection; reading stops above it.', { unit: 'queries', example: 50 }),
        ),
    })
    .prefault({})
    .describe('Bounds for TCP clients.'),

  identity: z
    .strictObject({
      version: shortText
        .default('hidden')
        .meta(onReload('Answer to version.bind; "hidden" refuses.', { example: 'rootwalk' })),
      id: shortText
        .default('hidden')
        .meta(
          onReload('Answer to id.server, hostname.bind and NSID; "hidden" refuses.', { example: 'ns1.example.com' }),
        ),
    })
    .prefault({})
    .describe('What clients may find out about the server itself.'),

  warmUp: z
    .boolean()
    .default(true)
    .meta(
      atStart(
        'Resolve made-up questions in a private engine in the idle time after the start of `serve`, so that the code ' +
          'is compiled when clients come. Costs about two seconds of processor time; the first thousand look-ups take ' +
          'less than half as long.',
        { example: false },
      ),
    ),

  log: z
    .strictObject({
      level: z
        .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
        .default('info')
        .meta(onReload('The least important messages that are written.', { example: 'warn' })),
      form: z
        .enum(['auto', 'pretty', 'json'])
        .default('auto')
        .meta(
          atStart('Form of the log. "auto" is for reading on a terminal and JSON lines elsewhere.', {
            example: 'json',
          }),
        ),
    })
    .prefault({})
    .describe('Messages on standard error.'),

  queryLog: z
    .strictObject({
      file: z
        .string()
        .min(1)
        .optional()
        .meta(
          onReload('File that gets one JSON line for each query. Off when absent.', {
            example: '/var/log/rootwalk/queries.jsonl',
          }),
        ),
      clients: z
        .enum(['full', 'prefix', 'none'])
        .default('full')
        .meta(
          onReload('How much of a client’s address is written: all of it, its /24 or /56, or nothing.', {
            example: 'prefix',
          }),
        ),
    })
    .prefault({})
    .describe('Who asked what.'),
})

/** Of alternatives that all fail, the one is told that came closest: it got inside the value. */
function plainIssues(issue: z.core.$ZodIssue, above: readonly PropertyKey[]): SchemaIssue[] {
  const path = [...above, ...issue.path]
  if (issue.code === 'invalid_union') {
    const inside = issue.errors.find(branch =>
      branch.some(inner => inner.path.length > 0 || inner.code === 'unrecognized_keys'),
    )
    if (inside !== undefined) return inside.flatMap(inner => plainIssues(inner, path))
  }
  const unknownKeys = issue.code === 'unrecognized_keys' ? issue.keys : []
  const message = issue.message.replace(/^Invalid (input|option|string): /, '')
  return [
    {
      path: path.flatMap(step => (typeof step === 'symbol' ? [] : [step])),
      message: message.charAt(0).toLowerCase() + message.slice(1),
      unknownKeys,
    },
  ]
}

/** The part of JSON Schema that ours consists of. */
export interface JsonSchema {
  readonly title?: string
  readonly type?: string | undefined
  readonly description?: string | undefined
  readonly default?: unknown
  readonly enum?: readonly unknown[] | undefined
  readonly const?: unknown
  readonly properties?: Readonly<Record<string, JsonSchema>> | undefined
  readonly items?: JsonSchema | undefined
  readonly anyOf?: readonly JsonSchema[] | undefined
  readonly additionalProperties?: JsonSchema | boolean | undefined
  readonly minimum?: number | undefined
  readonly maximum?: number | undefined
  readonly examples?: readonly unknown[] | undefined
  readonly 'x-takes-effect'?: TakesEffect | undefined
  readonly 'x-unit'?: string | undefined
}

/** `resolver.config.schema.json`, as an object. */
export const configJsonSchema = (): JsonSchema => jsonSchema()

const isSchema = (value: unknown): value is JsonSchema => typeof value === 'object' && value !== null

/** Made once, and not before somebody needs it: it takes some milliseconds of a start. */
const jsonSchema: () => JsonSchema = once(makeJsonSchema)

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null
  return () => {
    made ??= { value: make() }
    return made.value
  }
}

function makeJsonSchema(): JsonSchema {
  const made: unknown = z.toJSONSchema(configSchema, { io: 'input', target: 'draft-7' })
  return isSchema(made) ? { title: 'Configuration of rootwalk', ...made } : {}
}

/** One setting that has a plain value. */
export interface Setting {
  readonly path: readonly string[]
  readonly schema: JsonSchema
}

/** All settings, in the order of the schema. */
export function settingsOf(schema: JsonSchema, path: readonly string[] = []): Setting[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, member]) =>
    member.properties === undefined ? [{ path: [...path, key], schema: member }] : settingsOf(member, [...path, key]),
  )
}

/** Where a path leads in the schema; several when there are alternatives. */
export function schemasAt(schema: JsonSchema, path: readonly (string | number)[]): JsonSchema[] {
  const here = [schema, ...(schema.anyOf ?? []).flatMap(branch => schemasAt(branch, []))]
  const [step, ...rest] = path
  if (step === undefined) return here
  return here.flatMap(one => {
    const member =
      typeof step === 'number'
        ? one.items
        : (one.properties?.[step] ??
          (typeof one.additionalProperties === 'object' ? one.additionalProperties : undefined))
    return member === undefined ? [] : schemasAt(member, rest)
  })
}
